/**
 * What every form of `siegel tls-cert` works with: the store, the settings compiled from it, the tenant that is meant, and the uses.
 */
import { compileSettings } from '../config/settings.ts'
import type { Settings } from '../config/ports.ts'
import { certificatesAtHand, Identities, IdentityRefused } from '../identity/identities.ts'
import { MaterialRefused } from '../identity/material.ts'
import { USES, type Use } from '../identity/ports.ts'
import { newMailId } from '../mail/id.ts'
import type { Tenant } from '../mail/tenant.ts'
import { StoreRefused } from '../observe/failures.ts'
import type { Store } from '../store/index.ts'
import { ownAnchors, publicRoots } from '../trust/tls-anchors.ts'
import { UsageError, type ExitCode, type Io } from './io.ts'
import { withStore } from './open-store.ts'
import type { Options } from './options.ts'
import { findingLines } from './tls-cert-report.ts'
import { languageOf, type Language } from './texts.ts'

/** Options of every form. */
export const CERTIFICATE_OPTIONS = {
  tenant: { type: 'string' },
  config: { type: 'string' },
  lang: { type: 'string' },
  json: { type: 'boolean' },
} as const

/** What a form works with. */
export interface CertificateContext {
  readonly store: Store
  readonly settings: Settings
  readonly identities: Identities
  readonly language: Language
}

/** The tenants that are meant: one that is named, or all. */
export function tenantsMeant({ settings }: CertificateContext, wanted: string | undefined): Tenant[] {
  const tenants = [...settings.tenants.values()]
  if (wanted !== undefined && !tenants.some(({ name }) => name === wanted))
    throw new UsageError(`there is no usable tenant ${JSON.stringify(wanted)}`)
  return tenants.filter(({ name }) => wanted === undefined || name === wanted)
}

/** The tenant that is meant; without a name the only one. */
export function tenantMeant(context: CertificateContext, wanted: string | undefined): Tenant {
  const [only, ...more] = tenantsMeant(context, wanted)
  if (only === undefined) throw new UsageError('there is no usable tenant: siegel apply one first')
  if (more.length > 0)
    throw new UsageError(`which tenant? --tenant ${[only, ...more].map(({ name }) => name).join(' or ')}`)
  return only
}

/** What `--use` says; both when it is not given. */
export function usesMeant(options: Options): readonly Use[] {
  const wanted = options.text('use') ?? 'both'
  if (wanted === 'both') return USES
  const use = USES.find((one) => one === wanted)
  if (use === undefined) throw new UsageError('--use must be server, client or both')
  return [use]
}

/**
 * Opens the store, does the work, and turns refusals into words: exit 1 with the findings when a certificate is refused or the
 * settings moved.
 */
export function withCertificates(
  options: Options,
  io: Io,
  work: (context: CertificateContext) => Promise<ExitCode>,
): Promise<ExitCode> {
  const language = languageOf(options.text('lang'), process.env)
  if (language === null) throw new UsageError('--lang must be de or en')
  return withStore<ExitCode>(options.text('config'), async (store) => {
    const { version, objects, tenants, identities: active } = await store.config.read()
    const { settings } = compileSettings(version, objects, tenants, active)
    const identities = new Identities({
      store: store.identities,
      newId: () => newMailId(io.now()),
      now: () => io.now(),
      anchors: () => ({ publicRoots: publicRoots(), own: ownAnchors(settings.tlsAnchors) }),
      atHand: () => certificatesAtHand(settings, store.identities.state()),
      actor: 'command line',
    })
    try {
      return await work({ store, settings, identities, language })
    } catch (error) {
      if (error instanceof MaterialRefused) throw new UsageError(error.message)
      if (error instanceof StoreRefused && error.code === 'configuration-moved') {
        io.err('siegel: the settings were changed meanwhile; try again')
        return 1
      }
      if (!(error instanceof IdentityRefused)) throw error
      io.err(`siegel: ${error.message}`)
      for (const line of findingLines(error.findings, language)) io.err(line)
      return 1
    }
  })
}

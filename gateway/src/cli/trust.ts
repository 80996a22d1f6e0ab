/**
 * `siegel trust list|show|distrust|refresh`: whom a tenant trusts for e-mail certificates, what is known of revocation, taking trust from
 * somebody at once, and fetching CRLs and OCSP answers again. Judges nothing: that is trust's.
 */
import { parseCertificate } from '@siegel/engine'
import { toDocument } from '../config/config-object.ts'
import type { ConfigObject } from '../config/ports.ts'
import { StoreRefused } from '../observe/failures.ts'
import type { Store } from '../store/index.ts'
import { MAIL_ROOTS_DATE, MAIL_ROOTS_VERSION } from '../trust/mail-roots-data.ts'
import { publicMailRoots } from '../trust/mail-roots.ts'
import { FACTORY_TRUST } from '../trust/settings.ts'
import { TENANT_OPTIONS, withTenant, type AssistContext } from './exchange-tenant.ts'
import { UsageError, type Command, type ExitCode, type Io } from './io.ts'
import { withStore } from './open-store.ts'
import { readOptions } from './options.ts'
import { chooseTenant } from './tenant-field.ts'
import { printable } from './texts.ts'
import { statusOf } from './trust-context.ts'

const USAGE =
  'usage: siegel trust list|show [--tenant NAME] [--config FILE] [--json]\n' +
  '       siegel trust distrust FINGERPRINT|--issuer NAME [--comment TEXT] [--undo] [--tenant NAME] [--config FILE]\n' +
  '       siegel trust refresh [--config FILE] [--json]'

const LIST_OPTIONS = { ...TENANT_OPTIONS, json: { type: 'boolean' } } as const

/** One authority of the list. */
interface ListedAuthority {
  readonly origin: 'own' | 'public'
  readonly subject: string
  readonly fingerprint: string
  readonly notAfter: string
  readonly distrusted: boolean
  /** What it has issued later is not trusted. */
  readonly distrustAfter: string | null
}

function authoritiesOf({ settings, tenant }: AssistContext): readonly ListedAuthority[] {
  const rules = settings.trust.get(tenant.id) ?? FACTORY_TRUST
  const own = (settings.mailAnchors.get(tenant.id) ?? []).map((der) => ({
    origin: 'own' as const,
    certificate: parseCertificate(der),
    distrustAfter: null,
  }))
  const shipped = rules.publicAuthorities
    ? publicMailRoots().map((root) => ({ ...root, origin: 'public' as const }))
    : []
  return [...own, ...shipped].map(({ origin, certificate, distrustAfter }) => {
    const { subject, fingerprint, notAfter } = certificate
    const name = subject.text
    return {
      ...{ origin, subject: name, fingerprint },
      notAfter: new Date(notAfter).toISOString(),
      distrusted: rules.distrusted.has(fingerprint) || rules.distrustedIssuers.has(name),
      distrustAfter: distrustAfter === null ? null : new Date(distrustAfter).toISOString(),
    }
  })
}

async function list(args: readonly string[], io: Io): Promise<ExitCode> {
  const options = readOptions(args, LIST_OPTIONS, 0)
  return withTenant<ExitCode>(options, (context) => {
    const authorities = authoritiesOf(context)
    if (options.has('json')) io.out(JSON.stringify(authorities))
    else
      for (const { origin, subject, fingerprint, distrusted, distrustAfter } of authorities) {
        const marks = [
          ...(distrusted ? ['distrusted'] : []),
          ...(distrustAfter === null ? [] : [`until ${distrustAfter}`]),
        ]
        io.out(
          `${origin}  ${fingerprint}  ${printable(subject)}${marks.length === 0 ? '' : `  (${marks.join(', ')})`}`,
        )
      }
    return Promise.resolve(0)
  })
}

async function show(args: readonly string[], io: Io): Promise<ExitCode> {
  const options = readOptions(args, LIST_OPTIONS, 0)
  return withTenant<ExitCode>(options, (context) => {
    const { settings, tenant, store } = context
    const rules = settings.trust.get(tenant.id) ?? FACTORY_TRUST
    const sources = store.revocationSources.list()
    const own = settings.mailAnchors.get(tenant.id)?.length ?? 0
    const shown = {
      publicAuthorities: rules.publicAuthorities ? publicMailRoots().length : 0,
      publicList: { date: MAIL_ROOTS_DATE, nss: MAIL_ROOTS_VERSION },
      ownAuthorities: own,
      revocation: rules.revocation,
      deadlineSeconds: rules.patienceMs / 1000,
      fetchIssuers: rules.fetchIssuers,
      distrusted: [...rules.distrusted, ...rules.distrustedIssuers],
    }
    if (options.has('json')) {
      io.out(JSON.stringify({ ...shown, sources }))
      return Promise.resolve(0)
    }
    const { publicAuthorities, publicList, ownAuthorities, revocation, deadlineSeconds, fetchIssuers } = shown
    io.out(
      `authorities: ${ownAuthorities} own, ${publicAuthorities} public (Mozilla's list of ${publicList.date}, NSS ${publicList.nss})`,
    )
    io.out(
      `revocation: ${revocation}, waits ${deadlineSeconds} s; missing issuers ${fetchIssuers ? 'are' : 'are not'} fetched`,
    )
    for (const one of shown.distrusted) io.out(`distrusted: ${printable(one)}`)
    for (const { kind, url, octets, fetchedAt, refreshAt, expiresAt } of sources) {
      const [fetched, again, end] = [fetchedAt, refreshAt, expiresAt].map((time) =>
        new Date(time).toISOString(),
      )
      io.out(
        `${kind}  ${printable(url)}  ${octets} octets, fetched ${fetched ?? ''}, again ${again ?? ''}, good until ${end ?? ''}`,
      )
    }
    return Promise.resolve(0)
  })
}

/** An entry of the list of distrust. */
interface Distrusted {
  readonly fingerprint?: string
  readonly issuer?: string
  readonly comment?: string
}

const DISTRUST_OPTIONS = {
  tenant: { type: 'string' },
  config: { type: 'string' },
  issuer: { type: 'string' },
  comment: { type: 'string' },
  undo: { type: 'boolean' },
} as const

async function distrust(args: readonly string[], io: Io): Promise<ExitCode> {
  const options = readOptions(args, DISTRUST_OPTIONS, 1)
  const [given] = options.positionals
  const issuer = options.text('issuer')
  if ((given === undefined) === (issuer === undefined)) throw new UsageError(USAGE)
  const fingerprint = given?.replaceAll(':', '').toLowerCase()
  const comment = options.text('comment')
  const entry: Distrusted = {
    ...(fingerprint === undefined ? {} : { fingerprint }),
    ...(issuer === undefined ? {} : { issuer }),
    ...(comment === undefined ? {} : { comment }),
  }
  return withStore<ExitCode>(options.text('config'), async (store) => {
    if (await writeDistrust(store, options.text('tenant'), entry, options.has('undo'))) return 0
    io.err('siegel: the configuration was changed meanwhile; try again')
    return 1
  })
}

/** @returns false when somebody else has changed the configuration meanwhile */
async function writeDistrust(
  store: Store,
  wanted: string | undefined,
  entry: Distrusted,
  undo: boolean,
): Promise<boolean> {
  const { version, objects } = await store.config.read()
  const tenant = chooseTenant(objects, wanted).name
  const known = objects.find((one) => one.kind === 'TrustSettings' && one.tenant === tenant)
  const spec = (known?.spec ?? {}) as { readonly distrust?: readonly Distrusted[] }
  const others = (spec.distrust ?? []).filter(
    (one) => one.fingerprint !== entry.fingerprint || one.issuer !== entry.issuer,
  )
  if (undo && others.length === (spec.distrust ?? []).length)
    throw new UsageError('it is not distrusted: see siegel trust show')
  const draft: ConfigObject = {
    ...(known ?? { kind: 'TrustSettings', tenant, name: 'default', secrets: {} }),
    spec: { ...spec, distrust: undo ? others : [...others, entry] },
  }
  const checked = toDocument(draft)
  if (!checked.ok)
    throw new UsageError(
      checked.problems.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '),
    )
  const object = { ...draft, spec: checked.document.spec }
  try {
    await store.config.change({ from: version, put: [{ object, credentials: [] }], remove: [] })
    return true
  } catch (error) {
    if (error instanceof StoreRefused && error.code === 'configuration-moved') return false
    throw error
  }
}

async function refresh(args: readonly string[], io: Io): Promise<ExitCode> {
  const options = readOptions(args, { config: { type: 'string' }, json: { type: 'boolean' } }, 0)
  return withStore<ExitCode>(options.text('config'), async (store, start) => {
    const status = statusOf({ store, start }, () => io.now(), true)
    const { fetched, failures } = await status.refresh(Infinity)
    if (options.has('json')) io.out(JSON.stringify({ fetched, failures }))
    else {
      io.out(`${fetched} fetched`)
      for (const { url, cause } of failures) io.out(`not fetched: ${printable(url)} (${cause})`)
    }
    return failures.length === 0 ? 0 : 1
  })
}

/** The command `siegel trust`. */
export const trust: Command = (args, io) => {
  const [form, ...rest] = args
  switch (form) {
    case 'list':
      return list(rest, io)
    case 'show':
      return show(rest, io)
    case 'distrust':
      return distrust(rest, io)
    case 'refresh':
      return refresh(rest, io)
    default:
      throw new UsageError(USAGE)
  }
}

/**
 * The tenant that a verb is about, from the settings in the store; and the options that say which.
 */
import { compileSettings } from '../config/settings.ts'
import type { ConfigObject, Settings } from '../config/ports.ts'
import type { StartConfig } from '../config/file.ts'
import { toDocument } from '../config/config-object.ts'
import type { Language } from '../exchange/assist/language.ts'
import { AssistError, type AssistOptions } from '../exchange/assist/options.ts'
import type { CredentialStore } from '../keyring/ports.ts'
import type { Tenant } from '../mail/tenant.ts'
import type { TraceStore } from '../mail/trace.ts'
import type { Store } from '../store/index.ts'
import { UsageError } from './io.ts'
import { withStore } from './open-store.ts'
import type { Options } from './options.ts'
import { languageOf } from './texts.ts'

/** Options of every such verb. */
export const TENANT_OPTIONS = {
  tenant: { type: 'string' },
  config: { type: 'string' },
  language: { type: 'string' },
} as const

/** The language of the texts. */
export function readLanguage(options: Options): Language {
  const language = languageOf(options.text('language'), process.env)
  if (language === null) throw new UsageError('--language must be de or en')
  return language
}

function chooseTenant(settings: Settings, wanted: string | undefined): Tenant {
  const tenants = [...settings.tenants.values()]
  if (wanted === undefined) {
    const [only, ...more] = tenants
    if (only !== undefined && more.length === 0) return only
    throw new UsageError(
      only === undefined
        ? 'there is no usable tenant: siegel apply one first'
        : `which tenant? --tenant ${tenants.map(({ name }) => name).join(' or ')}`,
    )
  }
  const found = tenants.find(({ name }) => name === wanted)
  if (found === undefined) throw new UsageError(`there is no usable tenant ${JSON.stringify(wanted)}`)
  return found
}

/** What such a verb works with. */
export interface AssistContext {
  readonly tenant: Tenant
  /** Options of the last script for it; null: none was made, or for another preset. */
  readonly scriptOptions: AssistOptions | null
  readonly settings: Settings
  readonly start: StartConfig
  /** The tenant's traces. */
  readonly traces: TraceStore
  /** Its keyring's entries. */
  readonly credentials: CredentialStore
  readonly store: Store
}

/** What the settings hold of the last script. */
function scriptOptionsOf(objects: readonly ConfigObject[], tenant: Tenant): AssistOptions | null {
  const object = objects.find(({ kind, name }) => kind === 'Tenant' && name === tenant.name)
  const read = object === undefined ? null : toDocument(object)
  if (read?.ok !== true || read.document.kind !== 'Tenant') return null
  const { script } = read.document.spec
  if (script?.preset !== tenant.preset) return null
  const { spam, inbound, guard, reportTo = null, exempt, pilotGroup = null } = script
  const { gatewayAddresses, certificateName } = script
  return { spam, inbound, guard, reportTo, exempt, pilotGroup, gatewayAddresses, certificateName }
}

/** Reads the settings and finds the tenant. */
export function withTenant<T>(options: Options, work: (context: AssistContext) => Promise<T>): Promise<T> {
  return withStore(options.text('config'), async (store, start) => {
    const { version, objects, tenants, identities } = await store.config.read()
    const { settings } = compileSettings(version, objects, tenants, identities)
    try {
      const tenant = chooseTenant(settings, options.text('tenant'))
      const { traces, credentials } = store.forTenant(tenant.id)
      const scriptOptions = scriptOptionsOf(objects, tenant)
      return await work({ tenant, scriptOptions, settings, start, traces, credentials, store })
    } catch (error) {
      if (error instanceof AssistError) throw new UsageError(error.message)
      throw error
    }
  })
}

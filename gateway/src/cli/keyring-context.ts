/**
 * What every form of `siegel keyring` works with: the store's keyring of the tenant that is meant, the language, and how an entry is
 * named on the command line.
 */
import { toLookupAddress } from '@siegel/contract'
import type { KeyringDeed, KeyringStore, ListedCredential } from '../keyring/ports.ts'
import type { Store } from '../store/index.ts'
import { UsageError, type ExitCode } from './io.ts'
import { withStore } from './open-store.ts'
import type { Options } from './options.ts'
import { tenantsNamed } from './tenants.ts'
import { languageOf, type Language } from './texts.ts'

/** Options of every form. */
export const KEYRING_OPTIONS = {
  tenant: { type: 'string' },
  config: { type: 'string' },
  lang: { type: 'string' },
  json: { type: 'boolean' },
} as const

/** What a form works with. */
export interface KeyringContext {
  readonly store: Store
  readonly keyring: KeyringStore
  readonly tenant: { readonly name: string; readonly id: string }
  readonly language: Language
}

/** Opens the store and does the work on the keyring of the tenant that is named, or of the only one. */
export function withKeyring(
  options: Options,
  work: (context: KeyringContext) => Promise<ExitCode>,
): Promise<ExitCode> {
  const language = languageOf(options.text('lang'), process.env)
  if (language === null) throw new UsageError('--lang must be de or en')
  return withStore<ExitCode>(options.text('config'), async (store) => {
    const found = await tenantsNamed(store, options.text('tenant'))
    const [tenant, ...more] = found
    if (tenant === undefined) throw new UsageError('there is no tenant: siegel apply one first')
    if (more.length > 0)
      throw new UsageError(`which tenant? --tenant ${found.map(({ name }) => name).join(' or ')}`)
    return work({ store, keyring: store.forTenant(tenant.id).keyring, tenant, language })
  })
}

/** A deed of the operator. */
export function deedOf(action: string, detail: KeyringDeed['detail'] = {}): KeyringDeed {
  return { actor: 'command line', action, detail }
}

/** An address of the command line in look-up form. */
export function addressOf(text: string): string {
  const address = toLookupAddress(text)
  if (address === null) throw new UsageError(`${JSON.stringify(text)} is no e-mail address`)
  return address
}

const ID = /^[0-9A-HJKMNP-TV-Z]{26}$/
const SHORTEST_FINGERPRINT = 64

/**
 * The entries that are named by an id or by the SHA-256 fingerprint of the certificate.
 * @throws UsageError when there is none
 */
export async function entriesNamed(keyring: KeyringStore, text: string): Promise<ListedCredential[]> {
  const bare = text.replaceAll(':', '')
  if (bare.length === SHORTEST_FINGERPRINT && /^[0-9a-f]+$/i.test(bare)) {
    const { entries } = await keyring.list({ fingerprint: bare.toLowerCase() }, null, 100)
    if (entries.length > 0) return [...entries]
  } else if (ID.test(text.toUpperCase())) {
    const entry = await keyring.get(text.toUpperCase())
    if (entry !== null) return [entry]
  } else throw new UsageError(`${JSON.stringify(text)} is neither an id nor a SHA-256 fingerprint`)
  throw new UsageError(`the keyring has no entry ${JSON.stringify(text)}; siegel keyring list shows them`)
}

/** The one entry that is named. */
export async function entryNamed(keyring: KeyringStore, text: string): Promise<ListedCredential> {
  const [entry, ...more] = await entriesNamed(keyring, text)
  if (entry === undefined || more.length > 0)
    throw new UsageError(`${JSON.stringify(text)} stands for ${more.length + 1} entries: name one by its id`)
  return entry
}

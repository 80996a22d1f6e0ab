/**
 * `siegel partner capabilities`: what partners have shown to be able to read, from which mail that is known, and having it forgotten.
 * Teaches nothing: only a partner's valid mail does.
 */
import { toLookupAddress } from '@siegel/contract'
import { lookupForm } from '../keyring/keyring.ts'
import type { LearnedCapability } from '../keyring/capabilities.ts'
import { readLanguage, TENANT_OPTIONS, withTenant } from './exchange-tenant.ts'
import { UsageError, type Command, type ExitCode, type Io } from './io.ts'
import { readOptions } from './options.ts'
import { profileText, type PROFILE_TEXTS } from './profile-texts.ts'
import { printable, type Language } from './texts.ts'

/** Addresses of which a list without an address tells at a time. */
const PAGE = 1000

const TEXT_OF: Readonly<Record<LearnedCapability['kind'], keyof typeof PROFILE_TEXTS>> = {
  said: 'capability-said',
  used: 'capability-used',
  'header-protection': 'capability-header-protection',
}

function lineOf(entry: LearnedCapability, language: Language): string {
  const { address, kind, ciphers, oaep, mailId, signingTime } = entry
  const what = [...ciphers, ...(oaep ? ['rsaes-oaep'] : [])].join(' ')
  const args = { what, mail: mailId, at: new Date(signingTime).toISOString() }
  return `${printable(address)}  ${printable(profileText(TEXT_OF[kind], args, language))}`
}

async function capabilities(args: readonly string[], io: Io): Promise<ExitCode> {
  const table = {
    ...TENANT_OPTIONS,
    forget: { type: 'boolean' },
    after: { type: 'string' },
    json: { type: 'boolean' },
  } as const
  const options = readOptions(args, table, 1)
  const language = readLanguage(options)
  const [given] = options.positionals
  if (given !== undefined && toLookupAddress(given) === null)
    throw new UsageError(`no e-mail address: ${JSON.stringify(given)}`)
  if (given === undefined && options.has('forget'))
    throw new UsageError('whose? siegel partner capabilities ADDRESS --forget')
  return withTenant<ExitCode>(options, async ({ tenant, store }) => {
    const known = store.forTenant(tenant.id).capabilities
    if (given !== undefined && options.has('forget')) {
      const forgotten = await known.forget(lookupForm(given))
      if (options.has('json')) io.out(JSON.stringify({ address: lookupForm(given), forgotten }))
      else if (forgotten === 0) io.err(`siegel: nothing is known of ${printable(given)}`)
      return forgotten === 0 ? 1 : 0
    }
    const entries =
      given === undefined ? known.list(options.text('after') ?? '', PAGE) : known.find(lookupForm(given))
    if (options.has('json')) io.out(JSON.stringify(entries))
    else for (const entry of entries) io.out(lineOf(entry, language))
    return given !== undefined && entries.length === 0 ? 1 : 0
  })
}

/** The verb `partner`. */
export const partner: Command = async (args, io) => {
  const [action, ...rest] = args
  if (action === 'capabilities') return capabilities(rest, io)
  throw new UsageError('siegel partner capabilities [ADDRESS] [--forget]')
}

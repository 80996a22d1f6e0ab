/**
 * `siegel keyring list|show|export`: what the keyring holds, by page and filter, as text, JSON or CSV; certificates as PEM. Shows and
 * exports no private key.
 */
import { parseCertificate, sourceOf, writePem, type Certificate } from '@siegel/engine'
import type { CredentialFilter, CredentialOrigin, ListedCredential } from '../keyring/ports.ts'
import { csvLine } from './csv.ts'
import { writeFrom } from './files.ts'
import { UsageError, type ExitCode, type Io } from './io.ts'
import { addressOf, entriesNamed, KEYRING_OPTIONS, withKeyring } from './keyring-context.ts'
import { readOptions, type Options } from './options.ts'
import { printable, render, type Language } from './texts.ts'

const PAGE = 1000
const DEFAULT_LIMIT = 50
const MOST_LIMIT = 1_000_000
const ORIGINS: readonly CredentialOrigin[] = [
  ...(['configured', 'imported', 'harvested'] as const),
  ...(['found', 'generated', 'issued'] as const),
]
const STATES = ['active', 'awaiting-approval', 'removed'] as const
const FILTERS = {
  ...KEYRING_OPTIONS,
  address: { type: 'string' },
  owner: { type: 'string' },
  origin: { type: 'string' },
  state: { type: 'string' },
  'expires-before': { type: 'string' },
  distrusted: { type: 'boolean' },
  after: { type: 'string' },
  limit: { type: 'string' },
} as const

function oneOf<T extends string>(options: Options, name: string, allowed: readonly T[]): T | undefined {
  const text = options.text(name)
  if (text === undefined) return undefined
  const found = allowed.find((one) => one === text)
  if (found === undefined) throw new UsageError(`--${name} must be one of ${allowed.join(', ')}`)
  return found
}

function filterOf(options: Options): CredentialFilter {
  const address = options.text('address')
  const owner = oneOf(options, 'owner', ['own', 'partner'] as const)
  const origin = oneOf(options, 'origin', ORIGINS)
  const state = oneOf(options, 'state', STATES)
  const expires = options.text('expires-before')
  const expiresBefore = expires === undefined ? undefined : Date.parse(expires)
  if (Number.isNaN(expiresBefore))
    throw new UsageError('--expires-before must be a day or a time such as 2026-12-31')
  return {
    ...(address === undefined ? {} : { address: address.startsWith('@') ? address.toLowerCase() : addressOf(address) }), // prettier-ignore
    ...(owner === undefined ? {} : { owner }),
    ...(origin === undefined ? {} : { origin }),
    ...(state === undefined ? {} : { state }),
    ...(expiresBefore === undefined ? {} : { expiresBefore }),
    ...(options.has('distrusted') ? { distrusted: true } : {}),
  }
}

function limitOf(options: Options, otherwise: number): number {
  const text = options.text('limit')
  if (text === undefined) return otherwise
  const limit = Number(text)
  if (!Number.isInteger(limit) || limit < 1 || limit > MOST_LIMIT)
    throw new UsageError(`--limit must be a number from 1 to ${MOST_LIMIT}`)
  return limit
}

function iso(moment: number | null): string | null {
  return moment === null || moment === 0 ? null : new Date(moment).toISOString()
}

/** An entry as JSON shows it; without the certificate itself. */
function valueOf(entry: ListedCredential) {
  const { id, owner, addresses, sign, encrypt, fingerprint, distrusted, distrustReason } = entry
  const certificate = parseCertificate(entry.certificate)
  return {
    ...{ id, owner, addresses, subject: certificate.subject.text, issuer: certificate.issuer.text },
    serial: certificate.serialHex,
    ...{ fingerprint, algorithm: algorithmOf(certificate), sign, encrypt },
    notBefore: iso(entry.notBefore),
    notAfter: iso(entry.notAfter),
    ...{ origin: entry.origin, source: entry.source, state: entry.state },
    ...{ distrusted, distrustReason, pins: entry.pins },
    addedAt: iso(entry.addedAt),
    removedAt: iso(entry.removedAt),
  }
}

function algorithmOf({ publicKey: key }: Certificate): string {
  const { modulusLength, namedCurve } = key.asymmetricKeyDetails ?? {}
  return [key.asymmetricKeyType, modulusLength ?? namedCurve].filter((part) => part !== undefined).join(' ')
}

const CSV_HEAD = ['id', 'owner', 'addresses', 'subject', 'issuer', 'serial', 'fingerprint', 'algorithm', 'notBefore', 'notAfter', 'origin', 'source', 'state', 'distrusted', 'pins', 'addedAt'] as const // prettier-ignore

function csvOf(entry: ListedCredential): string {
  const value = valueOf(entry)
  return csvLine(
    CSV_HEAD.map((name) => {
      const field = value[name]
      return typeof field === 'object' && field !== null ? field.join(' ') : field
    }),
  )
}

function textLines(entry: ListedCredential, language: Language): string[] {
  const marks = [
    ...(entry.state === 'active' ? [] : [entry.state]),
    ...(entry.distrusted ? ['distrusted'] : []),
    ...(entry.pins.length > 0 ? ['pinned'] : []),
  ].map((mark) => render(`entry-${mark}`, {}, language))
  const { id, owner, origin, addresses, fingerprint, source } = entry
  const until = new Date(entry.notAfter).toISOString().slice(0, 10)
  const more = addresses.length > 3 ? ` +${addresses.length - 3}` : ''
  const head = `${id}  ${owner}  ${until}  ${printable(addresses.slice(0, 3).join(' '))}${more}`
  const tail = `    ${fingerprint}  ${origin}  ${printable(source)}`
  return [marks.length === 0 ? head : `${head}  [${marks.join(', ')}]`, tail]
}

/** The form `list`. */
export async function list(args: readonly string[], io: Io): Promise<ExitCode> {
  const options = readOptions(args, { ...FILTERS, csv: { type: 'boolean' } }, 0)
  const filter = filterOf(options)
  const limit = limitOf(options, DEFAULT_LIMIT)
  return withKeyring(options, async ({ keyring, language }) => {
    const values: object[] = []
    if (options.has('csv')) io.out(csvLine(CSV_HEAD))
    let after = options.text('after') ?? null
    let left = limit
    do {
      const page = await keyring.list(filter, after, Math.min(PAGE, left))
      for (const entry of page.entries)
        if (options.has('json')) values.push(valueOf(entry))
        else if (options.has('csv')) io.out(csvOf(entry))
        else for (const line of textLines(entry, language)) io.out(line)
      left -= page.entries.length
      after = page.next
    } while (after !== null && left > 0)
    if (options.has('json')) io.out(JSON.stringify({ entries: values, next: after }))
    else if (after !== null) io.err(render('list-goes-on', { after }, language))
    return 0
  })
}

/** The form `show`. */
export async function show(args: readonly string[], io: Io): Promise<ExitCode> {
  const options = readOptions(args, KEYRING_OPTIONS, 1)
  const [named] = options.positionals
  if (named === undefined) throw new UsageError('which entry? siegel keyring show ID|FINGERPRINT')
  return withKeyring(options, async ({ keyring }) => {
    const entries = await entriesNamed(keyring, named)
    if (options.has('json')) io.out(JSON.stringify(entries.map(valueOf)))
    else
      for (const entry of entries) {
        for (const [name, value] of Object.entries(valueOf(entry)))
          if (value !== null && value !== '' && String(value) !== '')
            io.out(
              `${`${name}:`.padEnd(16)}${printable(Array.isArray(value) ? value.join(' ') : String(value))}`,
            )
        io.out(writePem('CERTIFICATE', entry.certificate).trimEnd())
      }
    return 0
  })
}

/** The form `export`: certificates without their keys. */
export async function exportEntries(args: readonly string[], io: Io): Promise<ExitCode> {
  const options = readOptions(args, { ...FILTERS, out: { type: 'string' } }, 0)
  const filter = filterOf(options)
  return withKeyring(options, async ({ keyring, language }) => {
    let count = 0
    async function* pieces(): AsyncGenerator<Buffer> {
      let after = options.text('after') ?? null
      do {
        const page = await keyring.list(filter, after, PAGE)
        for (const entry of page.entries) {
          count += 1
          const head = `# ${entry.id} ${printable(entry.addresses.join(' '))}\n`
          yield Buffer.from(`${head}${writePem('CERTIFICATE', entry.certificate)}`)
        }
        after = page.next
      } while (after !== null)
    }
    await writeFrom(options.text('out') ?? '-', { ...sourceOf(Buffer.alloc(0)), chunks: pieces })
    io.err(render('certificates-exported', { count }, language))
    return 0
  })
}

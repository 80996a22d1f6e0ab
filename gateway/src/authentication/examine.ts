/**
 * What a mail came with, looked at before anything of it is changed: its ARC chain, verified by mailauth, and what Exchange Online
 * stamped on entry. A mail without a chain costs nothing. Nothing is asked of DNS but the keys of the chain.
 */
import { Readable } from 'node:stream'
import type { ARCData } from 'mailauth'
import {
  headerValue,
  rangeOf,
  scanHeader,
  type ByteSource,
  type ByteView,
  type HeaderField,
} from '@siegel/engine'
import type { RecordLookup } from '../dns/records.ts'
import type { ArcChain, Arrival, ExaminedMail } from '../mail/authentication.ts'
import { readTagList } from '../mail/dkim-signature.ts'
import { boundedLookup, type LookupBounds } from './bounded-lookup.ts'
import { stampedResults } from './exchange-results.ts'
import { beyondJudge, LARGEST_HEADER } from './judge-limits.ts'
import { LONGEST_LINE } from './prove.ts'
import { MOST_INSTANCES } from './stamp.ts'

const SET: ReadonlySet<string> = new Set(['arc-seal', 'arc-message-signature', 'arc-authentication-results'])
/** The judge hashes a body once for each signature that wants it in another form. */
const MOST_SIGNATURES = 10
/** Octets of all fields of a chain: the judge hashes them once for each seal. */
const LARGEST_CHAIN = 262_144

/** Looks at a mail. */
export async function examine(
  mail: ExaminedMail,
  lookup: RecordLookup,
  bounds: LookupBounds,
): Promise<Arrival> {
  return { chain: await chainOf(mail, lookup, bounds), results: stampedResults(mail) }
}

async function chainOf(mail: ExaminedMail, lookup: RecordLookup, bounds: LookupBounds): Promise<ArcChain> {
  const { bytes, fields, longestLine } = mail
  const set = fields.filter(({ lower }) => SET.has(lower))
  if (set.length === 0) return { state: 'none', instance: 0, sets: [], detail: '' }
  const claims = set.map((field) => claimOf(bytes, field))
  const instance = Math.max(0, ...claims.map((claim) => claim.instance))
  const found = (state: ArcChain['state'], detail: string): ArcChain => ({
    state,
    instance,
    sets: [],
    detail,
  })
  // RFC 8617 5.1 step 2: nothing is added to a chain that has failed
  if (claims.some(({ instance: own, cv }) => own === instance && cv === 'fail'))
    return found('closed', 'the newest seal says fail')
  if (instance >= MOST_INSTANCES) return found('closed', `${instance} instances`)
  const octets = set.reduce((sum, { start, end }) => sum + end - start, 0)
  const signatures = fields.filter(({ lower }) => lower === 'dkim-signature').length
  if (octets > LARGEST_CHAIN || signatures > MOST_SIGNATURES || longestLine > LONGEST_LINE)
    return found('unread', `${octets} octets of chain, ${signatures} signatures, lines of ${longestLine}`)
  const beyond = beyondJudge(await headerOf(mail.source))
  if (beyond !== null) return found('unread', beyond)
  return verified(mail, new Set(claims.flatMap(({ keyName }) => keyName ?? [])), found, lookup, bounds)
}

/** The header section as the judge will see it, as far as that may be long. */
async function headerOf(source: ByteSource): Promise<Buffer> {
  const most = Math.min(source.length, LARGEST_HEADER + 1)
  const pieces: Buffer[] = []
  for await (const piece of copies(rangeOf(source, 0, most).chunks())) pieces.push(piece)
  const octets = Buffer.concat(pieces)
  return octets.subarray(0, scanHeader(octets).bodyStart)
}

/** Asks the judge. RFC 8617 5.2 */
async function verified(
  { source }: ExaminedMail,
  names: ReadonlySet<string>,
  found: (state: ArcChain['state'], detail: string) => ArcChain,
  lookup: RecordLookup,
  bounds: LookupBounds,
): Promise<ArcChain> {
  const [{ dkimVerify }, { arc }] = await Promise.all([
    import('mailauth/lib/dkim/verify.js'),
    import('mailauth/lib/arc/index.js'),
  ])
  const dns = boundedLookup(lookup, bounds, names)
  // The chunks of a source are good for a moment only.
  const input = Readable.from(copies(rangeOf(source, 0, source.length).chunks()), { objectMode: false })
  const parsed = await dkimVerify(input, { resolver: dns.resolve })
  // The package's two types of a chain differ in how they say that there is none.
  const data = parsed.arc as ARCData | undefined
  if (data === undefined) return found('fail', 'not understood')
  const { status, chain } = await arc(data, { resolver: dns.resolve })
  const unanswered = dns.unanswered()
  if (status.result !== 'pass' && unanswered !== null) return found('unknown', unanswered)
  if (status.result !== 'pass' || chain === undefined) return found('fail', status.comment ?? status.result)
  return { ...found('pass', ''), sets: chain.flatMap((entry) => linesOf(entry)) }
}

async function* copies(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) yield Buffer.from(chunk)
}

/** The three fields of a set as they stand in the header, in the order in which seals cover them. RFC 8617 5.1.1 */
function linesOf(entry: object): Buffer[] {
  // The package's type of an entry leaves the octets of its fields out.
  const set = entry as Readonly<Record<string, { readonly original?: Buffer } | undefined>>
  const names = ['arc-authentication-results', 'arc-message-signature', 'arc-seal'] as const
  const lines = names.flatMap((name) => set[name]?.original ?? [])
  if (lines.length !== names.length) throw new Error('a verified ARC set without its fields')
  return lines
}

interface Claim {
  readonly instance: number
  readonly cv: string | null
  /** Where the key is published; null for results. */
  readonly keyName: string | null
}

function claimOf(bytes: ByteView, field: HeaderField): Claim {
  const value = headerValue(bytes, field)
  if (field.lower === 'arc-authentication-results') {
    const [, digits = '0'] = /^[^;]*?\bi\s*=\s*(\d{1,9})/i.exec(value) ?? []
    return { instance: Number(digits), cv: null, keyName: null }
  }
  const tags = readTagList(value) ?? new Map<string, string>()
  const of = (name: string): string | null => tags.get(name)?.replaceAll(/\s/g, '').toLowerCase() ?? null
  const [domain, selector] = [of('d'), of('s')]
  return {
    instance: /^\d{1,9}$/.test(of('i') ?? '') ? Number(of('i')) : 0,
    cv: field.lower === 'arc-seal' ? of('cv') : null,
    keyName: domain === null || selector === null ? null : `${selector}._domainkey.${domain}`,
  }
}

/**
 * The fields on top of a treated copy: DKIM signatures, and one more set of its ARC chain above them. The body is read once, in
 * constant memory. Never seals on behalf of a chain that did not verify: what is broken is said to be broken.
 */
import { foldHeader, scanHeader, type HeaderField } from '@siegel/engine'
import type { ArcChain, Arrival, DomainKey, Stamp, StampRequest } from '../mail/authentication.ts'
import { RelaxedBodyHash } from './body-hash.ts'
import { algorithmOf, relaxedField, signatureField, type Tags } from './signature.ts'

/** Fields that are covered, each as often as it occurs. RFC 6376 5.4.1 */
const SIGNED = [
  ...['from', 'sender', 'reply-to', 'to', 'cc', 'subject', 'date', 'message-id', 'in-reply-to', 'references'],
  ...['mime-version', 'content-type', 'content-transfer-encoding', 'content-disposition', 'content-language'],
  ...['list-id', 'list-unsubscribe', 'list-unsubscribe-post', 'auto-submitted'],
  // RFC 8460 5.3
  ...['tls-report-domain', 'tls-report-submitter'],
]

/** Fields of which nobody may add one more without breaking the signature. RFC 6376 8.15 */
const ONCE: ReadonlySet<string> = new Set([
  ...['from', 'sender', 'reply-to', 'to', 'cc', 'subject', 'date', 'message-id', 'in-reply-to', 'references'],
  ...['mime-version', 'content-type', 'content-transfer-encoding'],
])

/** RFC 8617 4.2.1: instances go up to 50. */
export const MOST_INSTANCES = 50

/** Makes the fields of a request, in order. */
export async function stamp({ chunks, seal, sign, now }: StampRequest): Promise<Stamp> {
  const sealedAs = seal === null || !maySeal(seal.arrival.chain) ? null : seal.arrival.chain.instance + 1
  if (sealedAs === null && sign.length === 0) return { fields: Buffer.alloc(0), sealedAs }
  const copy = await readCopy(chunks)
  const seconds = String(Math.floor(now / 1000))
  const signatures = sign.map((key) => dkimSignature(copy, key, seconds))
  const set =
    seal === null || sealedAs === null
      ? []
      : arcSet(withFields(copy, signatures), sealedAs, { ...seal, seconds })
  return { fields: Buffer.concat([...set, ...signatures]), sealedAs }
}

/** What is signed of a copy. */
interface Copy {
  /** Field names in lower case with their octets, from the top. */
  readonly fields: readonly { readonly lower: string; readonly octets: Buffer }[]
  readonly bodyHash: string
}

async function readCopy(chunks: StampRequest['chunks']): Promise<Copy> {
  const hash = new RelaxedBodyHash()
  let fields: Copy['fields'] | null = null
  let header: Buffer[] = []
  for await (const chunk of chunks) {
    if (fields !== null) {
      hash.update(chunk)
      continue
    }
    header.push(Buffer.from(chunk))
    if (!mayEnd(header)) continue
    const octets = Buffer.concat(header)
    header = [octets]
    const end = octets.indexOf('\r\n\r\n')
    if (end < 0) continue
    fields = cut(octets.subarray(0, end + 4))
    hash.update(octets.subarray(end + 4))
  }
  return { fields: fields ?? cut(Buffer.concat(header)), bodyHash: hash.digest() }
}

/** Whether an empty line may stand in the last piece, or across its beginning. */
function mayEnd(pieces: readonly Buffer[]): boolean {
  const last = pieces.at(-1)
  return (
    last === undefined || last.length < 4 || last[0] === 0x0d || last[0] === 0x0a || last.includes('\r\n\r\n')
  )
}

function cut(header: Buffer): Copy['fields'] {
  return scanHeader(header).fields.map(({ lower, start, end }: HeaderField) => ({
    lower,
    octets: header.subarray(start, end),
  }))
}

/** The copy with more fields on top. */
function withFields(copy: Copy, added: readonly Buffer[]): Copy {
  return { ...copy, fields: [...added.flatMap((field) => cut(field)), ...copy.fields] }
}

/**
 * The names for `h=` and the fields they stand for: of each name the last field first. RFC 6376 5.4.2
 * @param sealed - names without one more than there are, but for From
 */
function covered(
  { fields }: Copy,
  names: readonly string[],
  once: ReadonlySet<string>,
): { readonly h: string; readonly octets: readonly Buffer[] } {
  const list: string[] = []
  const octets: Buffer[] = []
  for (const name of names) {
    const found = fields.filter(({ lower }) => lower === name).toReversed()
    for (const field of found) {
      list.push(name)
      octets.push(relaxedField(field.octets))
    }
    if (once.has(name)) list.push(name)
  }
  return { h: list.join(':'), octets }
}

function dkimSignature(copy: Copy, by: DomainKey, seconds: string): Buffer {
  const { h, octets } = covered(copy, SIGNED, ONCE)
  const tags: Tags = [
    ['v', '1'],
    ['a', algorithmOf(by.key)],
    ['c', 'relaxed/relaxed'],
    ['d', by.domain],
    ['s', by.selector],
    ['t', seconds],
    ['h', h],
    ['bh', copy.bodyHash],
  ]
  return signatureField('DKIM-Signature', tags, octets, by)
}

const SEALED_ONCE: ReadonlySet<string> = new Set(['from'])

/** RFC 8617 5.1: seal, message signature and results of the next instance. */
function arcSet(
  copy: Copy,
  instance: number,
  {
    key,
    authservId,
    arrival,
    seconds,
  }: {
    readonly key: DomainKey
    readonly authservId: string
    readonly arrival: Arrival
    readonly seconds: string
  },
): Buffer[] {
  const { chain } = arrival
  const i = String(instance)
  const head = (algorithm: string): [string, string][] => [
    ['i', i],
    ['a', algorithm],
  ]
  const algorithm = algorithmOf(key.key)
  const results = foldHeader(
    'ARC-Authentication-Results',
    [`i=${i}`, authservId, ...foundAt(arrival)].join('; '),
  )
  // RFC 8617 4.1.2: neither seals nor results are covered
  const { h, octets } = covered(copy, [...SIGNED, 'dkim-signature'], SEALED_ONCE)
  const messageSignature = signatureField(
    'ARC-Message-Signature',
    [
      ...head(algorithm),
      ['c', 'relaxed/relaxed'],
      ['d', key.domain],
      ['s', key.selector],
      ['t', seconds],
      ['h', h],
      ['bh', copy.bodyHash],
    ],
    octets,
    key,
  )
  // RFC 8617 5.1.2: a seal that says fail covers its own set only
  const earlier = chain.state === 'pass' ? chain.sets : []
  const seal = signatureField(
    'ARC-Seal',
    [...head(algorithm), ['t', seconds], ['cv', chain.state], ['d', key.domain], ['s', key.selector]],
    [...earlier, results, messageSignature].map(relaxedField),
    key,
  )
  return [seal, messageSignature, results]
}

/** Whether one more set may be added. RFC 8617 5.1 */
function maySeal({ state, instance }: ArcChain): boolean {
  return (state === 'none' || state === 'pass' || state === 'fail') && instance < MOST_INSTANCES
}

/** RFC 8617 4.1.1: what we found of the chain stands with what Exchange found of the rest. RFC 8601 2.2: or the word none. */
function foundAt({ chain, results }: Arrival): string[] {
  const found = [
    ...(results === null ? [] : [results]),
    ...(chain.state === 'none' ? [] : [`arc=${chain.state}`]),
  ]
  return found.length === 0 ? ['none'] : found
}

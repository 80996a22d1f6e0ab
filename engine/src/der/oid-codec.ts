/**
 * Object identifiers between dotted text and content octets (X.690 8.19). Known ones are looked up, others are decoded
 * with bounds on length and arc size. Nothing here says what an identifier means: that is oid.ts.
 */
import { EngineError } from '../errors.ts'
import { Oid } from './oid.ts'

/** Content octets longer than this are refused. */
const MAX_CONTENT = 256
/** An arc of more than this many octets (7 bits each; 128-bit UUID arcs need 19) is refused. */
const MAX_ARC = 20

/**
 * The dotted text of an OBJECT IDENTIFIER's content octets.
 * @throws EngineError `asn1-malformed`
 */
export function oidOfContent(content: Buffer): string {
  const known = KNOWN.get(content.toString('latin1'))
  return known ?? decodeOid(content)
}

function decodeOid(content: Buffer): string {
  if (content.length === 0 || content.length > MAX_CONTENT || (content.at(-1) ?? 0x80) >= 0x80)
    throw new EngineError('asn1-malformed', 'OBJECT IDENTIFIER of a wrong length')
  const arcs: string[] = []
  for (let at = 0; at < content.length;) {
    const start = at
    if (content[at] === 0x80) throw new EngineError('asn1-malformed', 'OBJECT IDENTIFIER arc not minimal')
    while ((content[at] ?? 0) >= 0x80) at++
    at++
    if (at - start > MAX_ARC) throw new EngineError('asn1-malformed', 'OBJECT IDENTIFIER arc too large')
    let arc = 0n
    for (const octet of content.subarray(start, at)) arc = (arc << 7n) | BigInt(octet & 0x7f)
    if (start > 0) arcs.push(arc.toString())
    else if (arc < 80n) arcs.push((arc / 40n).toString(), (arc % 40n).toString())
    else arcs.push('2', (arc - 80n).toString())
  }
  return arcs.join('.')
}

/**
 * The content octets of a dotted object identifier.
 * @throws RangeError for text that is no object identifier: a mistake of the caller
 */
export function encodeOid(dotted: string): Buffer {
  const [first, second, ...rest] = dotted.split('.').map(arcOf)
  if (first === undefined || second === undefined || first > 2n || (first < 2n && second > 39n))
    throw new RangeError(`not an object identifier: ${dotted}`)
  const octets: number[] = []
  for (const arc of [first * 40n + second, ...rest]) {
    const groups: number[] = []
    let left = arc
    do {
      groups.push(Number(left & 0x7fn) | (groups.length === 0 ? 0 : 0x80))
      left >>= 7n
    } while (left > 0n)
    octets.push(...groups.reverse())
  }
  return Buffer.from(octets)
}

function arcOf(text: string): bigint {
  if (!/^(?:0|[1-9][0-9]{0,39})$/.test(text)) throw new RangeError(`not an object identifier arc: ${text}`)
  return BigInt(text)
}

const KNOWN: ReadonlyMap<string, string> = new Map(
  Object.values(Oid).map((dotted) => [encodeOid(dotted).toString('latin1'), dotted]),
)

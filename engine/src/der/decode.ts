/**
 * Turns elements into values: integers, object identifiers, times, strings. Every function checks the tag (unless told
 * that the tagging is implicit) and throws `asn1-malformed`. Strict where the element was read as DER.
 */
import { joined } from '../bytes/joined.ts'
import { oidOfContent } from './oid-codec.ts'
import { Tag, malformed } from './reader.ts'
import type { Element } from './reader.ts'

/** For implicit tagging: skips the test of the universal tag. */
export interface Implicit {
  readonly implicit: true
}

/** For implicit tagging of a type with several encodings: the universal tag that stands behind it. */
export interface ImplicitAs {
  readonly implicit: number
}

function expect(element: Element, tag: number, what: string, implicit: Implicit | undefined): void {
  if (implicit === undefined && !element.is(0, tag)) throw malformed(`not ${what}`)
}

function primitive(element: Element, tag: number, what: string, implicit: Implicit | undefined): Buffer {
  expect(element, tag, what, implicit)
  if (element.constructed) throw malformed(`${what} must be primitive`)
  return element.content
}

function integerContent(element: Element, implicit: Implicit | undefined, tag: number = Tag.integer): Buffer {
  const content = primitive(element, tag, 'an INTEGER', implicit)
  const [first, second] = content
  if (first === undefined) throw malformed('INTEGER without content')
  // X.690 8.3.2: the first nine bits are not all equal
  if (
    !element.ber &&
    second !== undefined &&
    ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80))
  )
    throw malformed('INTEGER not in its shortest form')
  return content
}

/** An INTEGER of any size. */
export function toInteger(element: Element, implicit?: Implicit): bigint {
  const content = integerContent(element, implicit)
  const value = BigInt(`0x${content.toString('hex')}`)
  return (content[0] ?? 0) < 0x80 ? value : value - (1n << BigInt(content.length * 8))
}

/** The content octets of an INTEGER as they stand. */
export function toIntegerBytes(element: Element, implicit?: Implicit): Buffer {
  return integerContent(element, implicit)
}

/** An INTEGER from 0 to `max` (default 2^31 - 1); others fail. */
export function toSmallInteger(element: Element, max = 0x7fffffff, implicit?: Implicit): number {
  return small(integerContent(element, implicit), max)
}

/** An ENUMERATED value from 0 to `max` (default 2^31 - 1). */
export function toEnumerated(element: Element, max = 0x7fffffff, implicit?: Implicit): number {
  return small(integerContent(element, implicit, Tag.enumerated), max)
}

function small(content: Buffer, max: number): number {
  if ((content[0] ?? 0x80) >= 0x80) throw malformed('negative INTEGER')
  let value = 0
  for (const octet of content) {
    value = value * 256 + octet
    if (value > max) throw malformed(`INTEGER above ${max}`)
  }
  return value
}

/** An OBJECT IDENTIFIER in dotted form. */
export function toOid(element: Element, implicit?: Implicit): string {
  return oidOfContent(primitive(element, Tag.oid, 'an OBJECT IDENTIFIER', implicit))
}

/** A BOOLEAN; DER knows 00 and FF only. */
export function toBoolean(element: Element, implicit?: Implicit): boolean {
  const content = primitive(element, Tag.boolean, 'a BOOLEAN', implicit)
  const value = content[0]
  if (content.length !== 1 || value === undefined) throw malformed('BOOLEAN of a wrong length')
  // X.690 11.1
  if (!element.ber && value !== 0 && value !== 0xff) throw malformed('BOOLEAN neither 00 nor FF')
  return value !== 0
}

/** Checks a NULL. */
export function toNull(element: Element, implicit?: Implicit): null {
  if (primitive(element, Tag.null, 'a NULL', implicit).length !== 0) throw malformed('NULL with content')
  return null
}

/** The pieces of an OCTET STRING in order: one view for a primitive string, many for a constructed one (BER). */
export function octetChunks(element: Element, implicit?: Implicit): readonly Buffer[] {
  expect(element, Tag.octetString, 'an OCTET STRING', implicit)
  const chunks: Buffer[] = []
  collect(element, Tag.octetString, chunks)
  return chunks.length > MANY ? withoutCrumbs(chunks) : chunks
}

/** So many pieces cost next to nothing. */
const MANY = 64
/** Of more, those below this size are put together: ciphers and hashes take as long for one octet as for hundreds. */
const CRUMB = 512
/** About the size of what they are put together to. */
const LOAF = 65_536

function withoutCrumbs(chunks: readonly Buffer[]): readonly Buffer[] {
  if (!chunks.some((chunk) => chunk.length < CRUMB)) return chunks
  const out: Buffer[] = []
  let crumbs: Buffer[] = []
  let held = 0
  const bake = (): void => {
    if (held > 0) out.push(joined(crumbs))
    crumbs = []
    held = 0
  }
  for (const chunk of chunks) {
    if (chunk.length >= CRUMB) {
      bake()
      out.push(chunk)
      continue
    }
    crumbs.push(chunk)
    held += chunk.length
    if (held >= LOAF) bake()
  }
  bake()
  return out
}

function collect(element: Element, tag: number, chunks: Buffer[]): void {
  if (!element.constructed) {
    chunks.push(element.content)
    return
  }
  // X.690 10.2: DER strings are primitive
  if (!element.ber) throw malformed('constructed string is not DER')
  for (const piece of element.children()) {
    if (!piece.is(0, tag)) throw malformed('foreign element inside a constructed string')
    collect(piece, tag, chunks)
  }
}

/** The content of an OCTET STRING: a view for a primitive one, else the joined pieces. */
export function toOctets(element: Element, implicit?: Implicit): Buffer {
  return joined(octetChunks(element, implicit))
}

/** A BIT STRING: its octets and the number of unused bits in the last one. */
export interface Bits {
  readonly bytes: Buffer
  readonly unused: number
}

/** A BIT STRING. */
export function toBits(element: Element, implicit?: Implicit): Bits {
  expect(element, Tag.bitString, 'a BIT STRING', implicit)
  const chunks: Buffer[] = []
  collect(element, Tag.bitString, chunks)
  let unused = 0
  const pieces = chunks.map((chunk) => {
    // X.690 8.6.4: only the last piece may have unused bits
    if (unused !== 0) throw malformed('unused bits inside a BIT STRING')
    unused = chunk[0] ?? 8
    if (unused > 7 || (unused > 0 && chunk.length === 1)) throw malformed('bad number of unused bits')
    return chunk.subarray(1)
  })
  if (pieces.length === 0) throw malformed('BIT STRING without content')
  const bytes = joined(pieces)
  const last = bytes.at(-1) ?? 0
  // X.690 11.2.1: unused bits are zero
  if (!element.ber && (last & ((1 << unused) - 1)) !== 0) throw malformed('unused bits are not zero')
  return { bytes, unused }
}

/** Two ASCII digits at `at` as a number; NaN if they are none. */
function pair(content: Buffer, at: number): number {
  const tens = (content[at] ?? 0) - 0x30
  const ones = (content[at + 1] ?? 0) - 0x30
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : NaN
}

/**
 * A UTCTime or GeneralizedTime in milliseconds since 1970.
 * Only the forms of RFC 5280: with seconds, in UTC, without fractions.
 */
export function toTime(element: Element, implicit?: ImplicitAs): number {
  const tag = timeTag(element, implicit)
  if (element.constructed) throw malformed('time must be primitive')
  const content = element.content
  // RFC 5280 4.1.2.5.1 and 4.1.2.5.2
  const start = tag === Tag.utcTime ? 0 : 2
  if (content.length !== start + 13 || content[start + 12] !== 0x5a) throw malformed('time in a wrong form')
  const yy = pair(content, start)
  const year = tag === Tag.utcTime ? (yy >= 50 ? 1900 + yy : 2000 + yy) : pair(content, 0) * 100 + yy
  const month = pair(content, start + 2)
  const day = pair(content, start + 4)
  const hour = pair(content, start + 6)
  const minute = pair(content, start + 8)
  const second = pair(content, start + 10)
  // NaN, which stands for what are no digits, is in no range
  if (!(month >= 1 && month <= 12 && day >= 1 && hour <= 23 && minute <= 59 && second <= 59))
    throw malformed('no such date')
  const date = new Date(0)
  const midnight = date.setUTCFullYear(year, month - 1, day)
  // A day that the month does not have becomes one of the next month; a year that is no number gives no date
  if (date.getUTCDate() !== day) throw malformed('no such date')
  return midnight + (hour * 3600 + minute * 60 + second) * 1000
}

function timeTag(element: Element, implicit: ImplicitAs | undefined): number {
  const tag = implicit?.implicit ?? (element.class === 0 ? element.tag : -1)
  if (tag !== Tag.utcTime && tag !== Tag.generalizedTime) throw malformed('not a time')
  return tag
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** A character string of any type as text. Characters outside the string type's own repertoire fail. */
export function toText(element: Element, implicit?: ImplicitAs): string {
  const tag = implicit?.implicit ?? (element.class === 0 ? element.tag : -1)
  const chunks: Buffer[] = []
  // X.690 8.23.3: the pieces of a constructed string are OCTET STRINGs
  collect(element, Tag.octetString, chunks)
  const content = joined(chunks)
  switch (tag) {
    case Tag.utf8String:
      return fromUtf8(content)
    case Tag.numericString:
    case Tag.printableString:
    case Tag.ia5String:
    case Tag.visibleString:
      return fromAscii(content)
    case Tag.teletexString:
      return content.toString('latin1')
    case Tag.bmpString:
      return fromUtf16(content)
    case Tag.universalString:
      return fromUtf32(content)
    default:
      throw malformed('not a character string')
  }
}

function fromUtf8(content: Buffer): string {
  try {
    return utf8.decode(content)
  } catch {
    throw malformed('UTF8String is not UTF-8')
  }
}

function fromAscii(content: Buffer): string {
  for (const octet of content) if (octet >= 0x80) throw malformed('character outside ASCII')
  return content.toString('latin1')
}

function fromUtf16(content: Buffer): string {
  if (content.length % 2 !== 0) throw malformed('BMPString of odd length')
  const text = Buffer.from(content).swap16().toString('utf16le')
  if (!text.isWellFormed()) throw malformed('BMPString with a lone surrogate')
  return text
}

function fromUtf32(content: Buffer): string {
  if (content.length % 4 !== 0) throw malformed('UniversalString of a wrong length')
  const parts: string[] = []
  for (let at = 0; at < content.length; at += 4) {
    const point = content.readUInt32BE(at)
    if (point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) throw malformed('no such character')
    parts.push(String.fromCodePoint(point))
  }
  return parts.join('')
}

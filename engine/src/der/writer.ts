/**
 * Writes DER (X.690). Every function returns a new Buffer and gets its parts encoded already.
 * It refuses to judge: what is written is what was given.
 */
import { encodeOid } from './oid-codec.ts'

/** Identifier and length octets for content of `length` octets. */
export function header(identifier: number, length: number): Buffer {
  const out = Buffer.allocUnsafe(headerLength(length))
  putHeader(out, identifier, length)
  return out
}

function headerLength(length: number): number {
  if (length < 0x80) return 2
  if (length < 0x100) return 3
  if (length < 0x10000) return 4
  if (length < 0x1000000) return 5
  if (length < 0x100000000) return 6
  throw new RangeError('content too long')
}

function putHeader(out: Buffer, identifier: number, length: number): number {
  const size = headerLength(length)
  out[0] = identifier
  if (size === 2) {
    out[1] = length
  } else {
    out[1] = 0x80 | (size - 2)
    out.writeUIntBE(length, 2, size - 2)
  }
  return size
}

/** One element from its identifier octet and content; tag numbers below 31 only. */
export function tlv(identifier: number, ...content: readonly Buffer[]): Buffer {
  let length = 0
  for (const part of content) length += part.length
  const out = Buffer.allocUnsafe(headerLength(length) + length)
  let at = putHeader(out, identifier, length)
  for (const part of content) {
    out.set(part, at)
    at += part.length
  }
  return out
}

/** A SEQUENCE of the given elements. */
export function sequence(...parts: readonly Buffer[]): Buffer {
  return tlv(0x30, ...parts)
}

/** A SET of the given elements in the given order. */
export function set(...parts: readonly Buffer[]): Buffer {
  return tlv(0x31, ...parts)
}

/** A SET OF in DER's order (X.690 11.6). */
export function setOf(parts: readonly Buffer[]): Buffer {
  return tlv(0x31, ...[...parts].sort((a, b) => Buffer.compare(a, b)))
}

/** An explicit context tag `[tag]` around the given elements. */
export function explicit(tag: number, ...content: readonly Buffer[]): Buffer {
  return tlv(0xa0 | lowTag(tag), ...content)
}

/** The encoded element under an implicit context tag `[tag]`; primitive stays primitive. */
export function implicit(tag: number, encoded: Buffer): Buffer {
  const out = Buffer.from(encoded)
  out[0] = 0x80 | ((encoded[0] ?? 0) & 0x20) | lowTag(tag)
  return out
}

function lowTag(tag: number): number {
  if (tag < 0 || tag > 30) throw new RangeError('tag number out of range')
  return tag
}

/** An INTEGER; a Buffer is taken as an unsigned big-endian number. */
export function integer(value: number | bigint | Buffer): Buffer {
  return tlv(0x02, integerContent(value))
}

/** An ENUMERATED value. */
export function enumerated(value: number): Buffer {
  return tlv(0x0a, integerContent(value))
}

function integerContent(value: number | bigint | Buffer): Buffer {
  if (Buffer.isBuffer(value)) return unsigned(value)
  const big = BigInt(value)
  if (big >= 0n) {
    const hex = big.toString(16)
    return unsigned(Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex'))
  }
  let size = 1
  while (big < -(1n << BigInt(size * 8 - 1))) size++
  const hex = ((1n << BigInt(size * 8)) + big).toString(16)
  return Buffer.from(hex.padStart(size * 2, '0'), 'hex')
}

const ZERO = Buffer.from([0])

function unsigned(bytes: Buffer): Buffer {
  let start = 0
  while (start < bytes.length - 1 && bytes[start] === 0) start++
  const shortest = bytes.subarray(start)
  const first = shortest[0]
  if (first === undefined) return ZERO
  return first >= 0x80 ? Buffer.concat([ZERO, shortest]) : shortest
}

const encodedOids = new Map<string, Buffer>()
const MAX_CACHED_OIDS = 1000

/** An OBJECT IDENTIFIER from its dotted form. The returned bytes are shared: do not write into them. */
export function oid(dotted: string): Buffer {
  const cached = encodedOids.get(dotted)
  if (cached !== undefined) return cached
  const encoded = tlv(0x06, encodeOid(dotted))
  if (encodedOids.size < MAX_CACHED_OIDS) encodedOids.set(dotted, encoded)
  return encoded
}

/** An OCTET STRING. */
export function octets(bytes: Buffer): Buffer {
  return tlv(0x04, bytes)
}

/** A BIT STRING with `unused` unused bits in its last octet. */
export function bits(bytes: Buffer, unused = 0): Buffer {
  return tlv(0x03, Buffer.from([unused]), bytes)
}

/** A NULL. */
export function nil(): Buffer {
  return Buffer.from([0x05, 0x00])
}

/** A BOOLEAN. */
export function boolean(value: boolean): Buffer {
  return Buffer.from([0x01, 0x01, value ? 0xff : 0x00])
}

/** A UTF8String. */
export function utf8(text: string): Buffer {
  return tlv(0x0c, Buffer.from(text, 'utf8'))
}

/** A PrintableString; the caller answers for the repertoire. */
export function printable(text: string): Buffer {
  return tlv(0x13, Buffer.from(text, 'latin1'))
}

/** An IA5String; the caller answers for the repertoire. */
export function ia5(text: string): Buffer {
  return tlv(0x16, Buffer.from(text, 'latin1'))
}

/** A BMPString (UTF-16, big endian). */
export function bmp(text: string): Buffer {
  return tlv(0x1e, Buffer.from(text, 'utf16le').swap16())
}

/** A time in milliseconds since 1970: UTCTime from 1950 to 2049, else GeneralizedTime (RFC 5280 4.1.2.5). */
export function time(ms: number): Buffer {
  const year = new Date(ms).getUTCFullYear()
  if (year < 1950 || year > 2049) return generalizedTime(ms)
  return tlv(0x17, Buffer.from(`${digits(ms).slice(2)}Z`, 'latin1'))
}

/** A GeneralizedTime in milliseconds since 1970, cut to seconds. */
export function generalizedTime(ms: number): Buffer {
  return tlv(0x18, Buffer.from(`${digits(ms)}Z`, 'latin1'))
}

/** `YYYYMMDDHHMMSS` */
function digits(ms: number): string {
  const iso = new Date(ms).toISOString()
  if (iso.length !== 24) throw new RangeError('year outside 0000 to 9999')
  return iso.slice(0, 19).replace(/[-:T]/g, '')
}

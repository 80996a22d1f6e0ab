/**
 * Row keys that the store gives itself (tenants, sealing keys): UUIDv7 (RFC 9562 5.7) as 26 Crockford base32 characters,
 * so that keys sort by the time they were made. Mail ids are given elsewhere; here only their time can be bounded.
 */
import { randomFillSync } from 'node:crypto'

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

/** Characters of a UUIDv7 that hold its 48 bits of milliseconds. */
const TIME_CHARACTERS = 10

/**
 * The characters of an id that hold its time: a lower bound of all ids made at or after it.
 * @param time - milliseconds since 1970; below 0 counts as 0
 */
export function idTimePrefix(time: number): string {
  let rest = Math.max(0, Math.floor(time))
  let text = ''
  for (let i = 0; i < TIME_CHARACTERS; i += 1) {
    text = ALPHABET.charAt(rest % 32) + text
    rest = Math.floor(rest / 32)
  }
  return text
}

/** Makes a row key. */
export function newRowId(now: number): string {
  const random = randomFillSync(Buffer.alloc(10))
  random[0] = ((random[0] ?? 0) & 0x0f) | 0x70 // RFC 9562 5.7: version 7
  random[2] = ((random[2] ?? 0) & 0x3f) | 0x80 // RFC 9562 4.1: variant
  let bits = BigInt(`0x${random.toString('hex')}`)
  let text = ''
  for (let i = 0; i < 16; i += 1) {
    text = ALPHABET.charAt(Number(bits & 31n)) + text
    bits >>= 5n
  }
  return idTimePrefix(now) + text
}

/**
 * The id of a mail: UUIDv7 (RFC 9562 5.7) as 26 Crockford base32 characters. It is given at MAIL and is the same in the
 * reply, `Received`, logs, API and notices. Sorts by time of birth; within one process ids only grow, whatever the clock
 * does. It is a name, not a secret.
 */
import { randomFillSync } from 'node:crypto'

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const VERSION = 7n
/** RFC 9562 4.1: the variant bits. */
const VARIANT = 2n
/** 12 bits rand_a and 62 bits rand_b, taken as one counter. */
const RANDOM_BITS = 74n
const RANDOM_LIMIT = 1n << RANDOM_BITS
/** A step between two ids of one millisecond: random, so that ids are not guessed from their neighbours. */
const STEP_BITS = 32n

/** State of the process: the last id's time and random part. */
let lastTime = 0n
let lastRandom = 0n

/** Random bytes drawn in advance: one call to the system for many ids. */
const pool = Buffer.alloc(4096)
let used = pool.length

/**
 * A new id.
 * @param now - milliseconds since 1970
 */
export function newMailId(now: number): string {
  const time = BigInt(Math.min(Math.max(Math.trunc(now), 0), 2 ** 48 - 1))
  if (time > lastTime) {
    lastTime = time
    // RFC 9562 6.2 method 2: the top bit stays free so that the counter does not overflow within a millisecond
    lastRandom = randomBits(RANDOM_BITS - 1n)
  } else {
    // The clock stands or went back: count on from the last id.
    lastRandom += 1n + randomBits(STEP_BITS)
    if (lastRandom >= RANDOM_LIMIT) {
      lastTime += 1n
      lastRandom = randomBits(RANDOM_BITS - 1n)
    }
  }
  const high = (lastTime << 16n) | (VERSION << 12n) | (lastRandom >> 62n)
  return encode((high << 64n) | (VARIANT << 62n) | (lastRandom & ((1n << 62n) - 1n)))
}

/**
 * The time of birth in an id, in milliseconds since 1970.
 * @throws RangeError if it is no id
 */
export function timeOf(id: string): number {
  if (!isMailId(id)) throw new RangeError('not a mail id')
  let time = 0
  // 26 characters are 130 bits; the first two are zero, the next 48 the time: 2 bits of padding and 48 make 10 characters.
  for (let i = 0; i < 10; i++) time = time * 32 + ALPHABET.indexOf(id.charAt(i))
  return time
}

/** True for a mail id as it is written: upper case, 26 characters, version and variant right. */
export function isMailId(text: string): boolean {
  // Bits 48 to 51 are the version, 64 and 65 the variant, counted without the padding.
  return (
    /^[0-7][0-9A-HJKMNP-TV-Z]{9}[EF][0-9A-HJKMNP-TV-Z]{2}[0-9A-HJKMNP-TV-Z]{13}$/.test(text) &&
    hasVariant(text)
  )
}

/** Bits 64 and 65 are bits 1 and 2 of the 14th character. */
function hasVariant(text: string): boolean {
  return ((ALPHABET.indexOf(text.charAt(13)) >> 2) & 3) === 2
}

function encode(value: bigint): string {
  let text = ''
  for (let shift = 125n; shift >= 0n; shift -= 5n) text += ALPHABET.charAt(Number((value >> shift) & 31n))
  return text
}

function randomBits(bits: bigint): bigint {
  if (used + 16 > pool.length) {
    randomFillSync(pool)
    used = 0
  }
  const value = (pool.readBigUInt64BE(used) << 64n) | pool.readBigUInt64BE(used + 8)
  used += 16
  return value & ((1n << bits) - 1n)
}

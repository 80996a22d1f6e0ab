/**
 * The format of a sealed body: pure, no files. A header with a random key of its own, sealed under the tenant's key and
 * bound to tenant, mail, copy and turn; then segments of 64 KiB, each sealed with its number and whether it is the last.
 * So a file that was cut, extended, reordered or put in another's place does not open, and no segment is given out before
 * its tag has been checked.
 *
 * Header: magic `SGBODY` | version 1 | id of the tenant's key (26) | nonce (12) | sealed key (32) | tag (16).
 * Segment: ciphertext (up to 65536) | tag (16); nonce: zeros (7) | number (4, big endian) | 1 for the last, else 0.
 * Only the last segment may be shorter, and it is empty only in an empty body.
 */
import { createCipheriv, createDecipheriv, createSecretKey, randomBytes, type KeyObject } from 'node:crypto'
import type { BodyRef } from '../../mail/body.ts'
import { decryptWith, encryptWith, type SealingKey } from '../sealing.ts'

const ALGORITHM = 'aes-256-gcm'
const MAGIC = Buffer.from('SGBODY\x01', 'latin1')
const KEY_ID_END = MAGIC.length + 26
const KEY_LENGTH = 32
const TAG = 16

/** Octets of plaintext in a full segment. */
export const SEGMENT = 65536

/** Octets of a full segment in the file. */
export const SEALED_SEGMENT = SEGMENT + TAG

/** Octets of the header. */
export const HEADER = KEY_ID_END + 12 + KEY_LENGTH + TAG

/** Segments in a file at most; far above the largest mail. */
const MOST_SEGMENTS = 0xffffffff

function contextOf(ref: BodyRef): string {
  return JSON.stringify(['body', ref.tenantId, ref.mailId, ref.copy, ref.turn ?? ''])
}

function nonceOf(number: number, last: boolean): Buffer {
  const nonce = Buffer.alloc(12)
  nonce.writeUInt32BE(number, 7)
  nonce[11] = last ? 1 : 0
  return nonce
}

/** Begins a sealed body: its header and the key of its segments. */
export function beginBody(
  key: SealingKey,
  ref: BodyRef,
): { readonly header: Buffer; readonly key: KeyObject } {
  const bytes = randomBytes(KEY_LENGTH)
  const prefix = Buffer.concat([MAGIC, Buffer.from(key.id, 'latin1')])
  return { header: encryptWith(key.key, prefix, contextOf(ref), bytes), key: createSecretKey(bytes) }
}

/** Seals one segment: ciphertext and tag. */
export function sealSegment(
  key: KeyObject,
  number: number,
  last: boolean,
  plain: Buffer,
): [ciphertext: Buffer, tag: Buffer] {
  if (number > MOST_SEGMENTS || plain.length > SEGMENT) throw new RangeError('a body has too many segments')
  const cipher = createCipheriv(ALGORITHM, key, nonceOf(number, last))
  const ciphertext = cipher.update(plain)
  cipher.final()
  return [ciphertext, cipher.getAuthTag()]
}

/** The id of the tenant's key that a header names; null when it is no header of ours. */
export function keyIdOf(header: Buffer): string | null {
  if (header.length !== HEADER || !header.subarray(0, MAGIC.length).equals(MAGIC)) return null
  return header.toString('latin1', MAGIC.length, KEY_ID_END)
}

/** The key of the segments; null when the header was altered or is another body's. */
export function openHeader(key: SealingKey, ref: BodyRef, header: Buffer): KeyObject | null {
  const bytes = decryptWith(key.key, KEY_ID_END, contextOf(ref), header)
  return bytes === null ? null : createSecretKey(bytes)
}

/** How the segments lie in a file of a size; null when no sealed body has that size. */
export function layoutOf(size: number): { readonly segments: number; readonly lastLength: number } | null {
  const sealed = size - HEADER
  if (sealed < TAG) return null
  const segments = Math.ceil(sealed / SEALED_SEGMENT)
  const lastLength = sealed - (segments - 1) * SEALED_SEGMENT
  // An empty last segment behind a full one would be a second form of the same body.
  if (lastLength < TAG || (lastLength === TAG && segments > 1)) return null
  return { segments, lastLength }
}

/** Opens one segment; null when it was altered or stands in another place. */
export function openSegment(key: KeyObject, number: number, last: boolean, sealed: Buffer): Buffer | null {
  const end = sealed.length - TAG
  if (end < 0) return null
  const decipher = createDecipheriv(ALGORITHM, key, nonceOf(number, last), { authTagLength: TAG })
  decipher.setAuthTag(sealed.subarray(end))
  const plain = decipher.update(sealed.subarray(0, end))
  try {
    decipher.final()
  } catch {
    // The only failure that final() knows here is a tag that does not fit.
    return null
  }
  return plain
}

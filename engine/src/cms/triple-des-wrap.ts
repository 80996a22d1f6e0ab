/**
 * Triple DES key wrap (RFC 3217 3.2), unwrapping only: old senders use it for recipients with EC keys. Read when outdated ciphers
 * are allowed, and never written.
 */
import { createDecipheriv, createHash } from 'node:crypto'

/** RFC 3217 3.1, step 8 */
const IV = Buffer.from('4adda22c79e82105', 'hex')

function decrypt(kek: Buffer, iv: Buffer, data: Buffer): Buffer {
  const decipher = createDecipheriv('des-ede3-cbc', kek, iv).setAutoPadding(false)
  return Buffer.concat([decipher.update(data), decipher.final()])
}

/**
 * Unwraps a triple DES key of 24 octets. Null when the length is impossible or the checksum wrong; the time does not tell.
 * @param kek - 24 octets
 */
export function unwrapTripleDes(kek: Buffer, wrapped: Buffer): Buffer | null {
  if (wrapped.length !== 40) return null
  const inner = decrypt(kek, IV, wrapped).reverse()
  const plain = decrypt(kek, inner.subarray(0, 8), inner.subarray(8))
  const key = plain.subarray(0, 24)
  const checksum = createHash('sha1').update(key).digest()
  let wrong = 0
  for (let at = 0; at < 8; at++) wrong |= (plain[24 + at] ?? 0) ^ (checksum[at] ?? 0)
  return wrong === 0 ? key : null
}

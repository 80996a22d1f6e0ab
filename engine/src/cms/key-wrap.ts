/**
 * AES key wrap (RFC 3394). Wrapping is the provider's; unwrapping is done here with single AES blocks, because the provider
 * reports a wrong key by throwing, and the time that takes would tell it from a right one.
 */
import { createCipheriv, createDecipheriv } from 'node:crypto'

/** RFC 3394 2.2.3.1 */
const IV = Buffer.alloc(8, 0xa6)

/** Wrapped keys longer than this are no content keys. In octets. */
const MAX_WRAPPED = 1024

/** Wraps a key of at least 16 octets, a multiple of 8. */
export function wrapKey(kek: Buffer, key: Buffer): Buffer {
  const cipher = createCipheriv(`id-aes${kek.length * 8}-wrap`, kek, IV)
  return Buffer.concat([cipher.update(key), cipher.final()])
}

/**
 * Unwraps a key (RFC 3394 2.2.2, the index based form). Null when the length is impossible or the integrity check fails;
 * the time depends on the length only.
 */
export function unwrapKey(kek: Buffer, wrapped: Buffer): Buffer | null {
  const count = wrapped.length / 8 - 1
  if (!Number.isInteger(count) || count < 2 || wrapped.length > MAX_WRAPPED) return null
  const decipher = createDecipheriv(`aes-${kek.length * 8}-ecb`, kek, null).setAutoPadding(false)
  const registers = Buffer.from(wrapped)
  const block = Buffer.alloc(16)
  registers.copy(block, 0, 0, 8)
  for (let step = 6 * count; step >= 1; step--) {
    const at = 8 + ((step - 1) % count) * 8
    // A xor t; t stays below 2^32
    block.writeUInt32BE((block.readUInt32BE(4) ^ step) >>> 0, 4)
    registers.copy(block, 8, at, at + 8)
    const out = decipher.update(block)
    out.copy(block, 0, 0, 8)
    out.copy(registers, at, 8, 16)
  }
  let wrong = 0
  for (let at = 0; at < 8; at++) wrong |= (block[at] ?? 0) ^ 0xa6
  return wrong === 0 ? registers.subarray(8) : null
}

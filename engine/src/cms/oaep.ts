/**
 * The padding of RSAES-OAEP (RFC 8017 7.1) around a raw RSA operation: hashes may differ, which node:crypto cannot do, and
 * decoding says only whether the padding was right, after looking at all of it and without throwing (Manger's attack).
 */
import { createHash, randomBytes } from 'node:crypto'

/** RFC 8017 B.2.1: MGF1. */
function mgf1(hash: string, seed: Buffer, length: number): Buffer {
  const blocks: Buffer[] = []
  const counter = Buffer.alloc(4)
  for (let at = 0, size = 0; size < length; at++) {
    counter.writeUInt32BE(at)
    const block = createHash(hash).update(seed).update(counter).digest()
    blocks.push(block)
    size += block.length
  }
  return Buffer.concat(blocks).subarray(0, length)
}

function xor(a: Buffer, b: Buffer): Buffer {
  const out = Buffer.allocUnsafe(a.length)
  for (let at = 0; at < a.length; at++) out[at] = (a[at] ?? 0) ^ (b[at] ?? 0)
  return out
}

/**
 * Takes the message out of an encoded block of the modulus's length.
 * @param block - the result of the raw RSA operation
 * @returns null when the padding is wrong
 */
export function decodeOaep(block: Buffer, hash: string, mgfHash: string, label: Buffer): Buffer | null {
  const labelHash = createHash(hash).update(label).digest()
  const size = labelHash.length
  if (block.length < 2 * size + 2) return null
  const maskedDb = block.subarray(1 + size)
  const seed = xor(block.subarray(1, 1 + size), mgf1(mgfHash, maskedDb, size))
  const db = xor(maskedDb, mgf1(mgfHash, seed, maskedDb.length))
  let bad = block[0] ?? 1
  for (let at = 0; at < size; at++) bad |= (db[at] ?? 0) ^ (labelHash[at] ?? 0)
  // Finds the 01 that ends the zero padding without leaving the loop early.
  let looking = 1
  let start = 0
  for (let at = size; at < db.length; at++) {
    const octet = db[at] ?? 0
    const isOne = octet === 1 ? 1 : 0
    const isZero = octet === 0 ? 1 : 0
    start |= looking & isOne ? at + 1 : 0
    bad |= looking & ~isOne & ~isZero & 1
    looking &= isZero
  }
  bad |= looking
  return bad === 0 ? db.subarray(start) : null
}

/**
 * Pads a message to a block of the modulus's length (RFC 8017 7.1.1).
 * @param size - octets of the modulus
 * @returns null when the message is too long
 */
export function encodeOaep(
  message: Buffer,
  size: number,
  hash: string,
  mgfHash: string,
  label: Buffer,
): Buffer | null {
  const labelHash = createHash(hash).update(label).digest()
  const padding = size - message.length - 2 * labelHash.length - 2
  if (padding < 0) return null
  const db = Buffer.concat([labelHash, Buffer.alloc(padding), Buffer.of(1), message])
  const seed = randomBytes(labelHash.length)
  const maskedDb = xor(db, mgf1(mgfHash, seed, db.length))
  const maskedSeed = xor(seed, mgf1(mgfHash, maskedDb, seed.length))
  return Buffer.concat([Buffer.of(0), maskedSeed, maskedDb])
}

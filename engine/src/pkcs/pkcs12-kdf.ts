/**
 * The key derivation of PKCS#12 (RFC 7292 appendix B), needed for its MAC and for old encryption. Nothing new uses it.
 */
import { createHash, hash as oneShot } from 'node:crypto'

/** What to derive. */
export interface Pkcs12KeyInput {
  readonly hash: Pkcs12Hash
  /** What for: 1 key, 2 initialisation vector, 3 MAC key. */
  readonly id: 1 | 2 | 3
  /** null: no password at all, which some programs tell from the empty one. */
  readonly password: string | null
  readonly salt: Buffer
  readonly iterations: number
  /** In octets. */
  readonly length: number
}

/** The hashes of PKCS#12 MACs, as node:crypto names them. */
export type Pkcs12Hash = 'sha1' | 'sha224' | 'sha256' | 'sha384' | 'sha512'

/** Length of output and of input block, in octets. */
const SIZES: Readonly<Record<Pkcs12Hash, readonly [number, number]>> = {
  sha1: [20, 64],
  sha224: [28, 64],
  sha256: [32, 64],
  sha384: [48, 128],
  sha512: [64, 128],
}

/** The password as a BMPString with its terminating NUL (RFC 7292 B.1); the empty password is two octets. */
function bmpPassword(password: string | null): Buffer {
  if (password === null) return Buffer.alloc(0)
  return Buffer.from(`${password}\0`, 'utf16le').swap16()
}

/** `bytes` over and over until a whole number of blocks is full. */
function filled(bytes: Buffer, block: number): Buffer {
  if (bytes.length === 0) return bytes
  return Buffer.alloc(block * Math.ceil(bytes.length / block), bytes)
}

/** RFC 7292 B.2 */
export function pkcs12Key(input: Pkcs12KeyInput): Buffer {
  const { hash, id, password, salt, iterations, length } = input
  const [, v] = SIZES[hash]
  const diversifier = Buffer.alloc(v, id)
  const material = Buffer.concat([filled(salt, v), filled(bmpPassword(password), v)])
  const out: Buffer[] = []
  for (let produced = 0; produced < length;) {
    let digest = createHash(hash).update(diversifier).update(material).digest()
    for (let round = 1; round < iterations; round++) digest = oneShot(hash, digest, 'buffer')
    out.push(digest)
    produced += digest.length
    if (produced < length) addToBlocks(material, filled(digest, v).subarray(0, v), v)
  }
  return Buffer.concat(out).subarray(0, length)
}

/** Adds `addend` + 1 to each block of `material`, as big-endian numbers (step 6 C). */
function addToBlocks(material: Buffer, addend: Buffer, v: number): void {
  for (let start = 0; start < material.length; start += v) {
    let carry = 1
    for (let index = v - 1; index >= 0; index--) {
      const sum = (material[start + index] ?? 0) + (addend[index] ?? 0) + carry
      material[start + index] = sum & 0xff
      carry = sum >> 8
    }
  }
}

/**
 * Fits ciphertexts to an RSA modulus before the private key is used. One of another length, or not below the modulus, cannot
 * be worked on and would fail at once; it is replaced by one that can, so that a wrong one takes as long as any other.
 */
import { createPublicKey } from 'node:crypto'
import type { KeyObject } from 'node:crypto'

const moduli = new WeakMap<KeyObject, Buffer>()

/** The modulus of a private key, big endian, without leading zeros. */
function modulusOf(key: KeyObject): Buffer {
  const known = moduli.get(key)
  if (known !== undefined) return known
  const { n } = createPublicKey(key).export({ format: 'jwk' })
  const modulus = Buffer.from(typeof n === 'string' ? n : '', 'base64url')
  moduli.set(key, modulus)
  return modulus
}

/** What to hand to the private key, and whether it is the ciphertext itself. */
export interface RsaInput {
  readonly block: Buffer
  readonly genuine: boolean
}

/** The ciphertext, or in place of an impossible one another of the right length and below the modulus. */
export function rsaInput(key: KeyObject, ciphertext: Buffer): RsaInput {
  const modulus = modulusOf(key)
  if (ciphertext.length === modulus.length && Buffer.compare(ciphertext, modulus) < 0)
    return { block: ciphertext, genuine: true }
  const block = Buffer.alloc(modulus.length, 0x5a)
  block[0] = 0
  return { block, genuine: false }
}

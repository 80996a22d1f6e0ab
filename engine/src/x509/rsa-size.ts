/**
 * Length and exponent of an RSA public key as they stand in it: asking the provider is dearer. It judges neither.
 */
import { Cursor, Tag, readElement } from '../der/reader.ts'
import { EngineError } from '../errors.ts'

/** The size of an RSA key. */
export interface RsaSize {
  /** Length of the modulus. */
  readonly bits: number
  readonly exponent: bigint
}

/** Reads the DER of an RSAPublicKey (RFC 8017 A.1.1). Null when its numbers cannot be read. */
export function readRsaSize(keyBits: Buffer): RsaSize | null {
  try {
    const key = new Cursor(readElement(keyBits))
    const modulus = key.universal(Tag.integer, 'modulus').content
    const exponent = key.universal(Tag.integer, 'publicExponent').content
    key.done('RSAPublicKey')
    const start = modulus[0] === 0 ? 1 : 0
    const top = modulus[start] ?? 0
    if ((modulus[0] ?? 0x80) > 0x7f || (exponent[0] ?? 0x80) > 0x7f || top === 0) return null
    const bits = (modulus.length - start) * 8 - (Math.clz32(top) - 24)
    return { bits, exponent: BigInt(`0x${exponent.toString('hex')}`) }
  } catch (error) {
    if (error instanceof EngineError) return null
    throw error
  }
}

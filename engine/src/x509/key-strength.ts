/**
 * Judges public keys by size and kind: good, weak, or never accepted. It knows no policy beyond that.
 */
import type { KeyObject } from 'node:crypto'
import { EngineError } from '../errors.ts'
import { Oid } from '../der/oid.ts'
import { Tag } from '../der/reader.ts'
import type { Certificate } from './certificate.ts'

/** The judgement on a key. */
export interface KeyStrength {
  /** `weak` keys are accepted with leave (`allowWeak`) only, `refused` ones never. */
  readonly grade: 'good' | 'weak' | 'refused'
  /** For the operator: kind and size, or why it is refused. */
  readonly detail: string
  /** In bits, as NIST SP 800-57 part 1, 5.6.1 has it; 0 for a key that is refused. */
  readonly strength: number
}

/** Curves that are accepted, with the length of their order in bits. */
const CURVES: Readonly<Record<string, number>> = {
  ...{ prime256v1: 256, secp384r1: 384, secp521r1: 521 },
  ...{ brainpoolP256r1: 256, brainpoolP384r1: 384, brainpoolP512r1: 512 },
}

const KEY_TYPE = /^(?:ed25519|ed448|x25519|x448|ml-dsa-\d+|ml-kem-\d+|slh-dsa-[a-z0-9-]+)$/

/** Judges the public key of a certificate; one that cannot be read is refused. */
export function keyStrength(certificate: Certificate): KeyStrength {
  const { oid, parameters } = certificate.keyAlgorithm
  // RFC 5480 2.1.1: only named curves; curves described in the certificate itself may be forged (CVE-2020-0601)
  if (oid === Oid.idEcPublicKey && !parameters?.is(0, Tag.oid)) return refused('EC key without a named curve')
  try {
    const rsa = certificate.rsaSize
    return rsa === null ? strengthOf(certificate.publicKey) : rsaStrength(rsa.bits, rsa.exponent)
  } catch (error) {
    if (error instanceof EngineError) return refused(error.message)
    throw error
  }
}

/** RSA and DSA: the least length in bits for each strength. */
const MODULUS_STRENGTHS = [
  [15360, 256],
  [7680, 192],
  [3072, 128],
  [2048, 112],
  [1024, 80],
] as const

function modulusStrength(bits: number): number {
  return MODULUS_STRENGTHS.find(([least]) => bits >= least)?.[1] ?? 0
}

/** Key types whose size is not in their length; the categories of FIPS 203 to 205 as the strength of AES. */
const FIXED_STRENGTHS: Readonly<Record<string, number>> = {
  ...{ ed25519: 128, x25519: 128, ed448: 224, x448: 224 },
  ...{ 'ml-dsa-44': 128, 'ml-dsa-65': 192, 'ml-dsa-87': 256 },
  ...{ 'ml-kem-512': 128, 'ml-kem-768': 192, 'ml-kem-1024': 256 },
}

function fixedStrength(type: string): number {
  return FIXED_STRENGTHS[type] ?? Number(/^slh-dsa-[a-z0-9]+-(\d{3})[sf]$/.exec(type)?.[1] ?? 0)
}

function rsaStrength(bits: number, exponent: bigint): KeyStrength {
  if (bits < 1024 || bits > 16384) return refused(`RSA key of ${bits} bits`)
  if (exponent < 3n || exponent % 2n === 0n) return refused('RSA key with a bad exponent')
  const strength = modulusStrength(bits)
  return bits < 2048 ? weak(`RSA key of ${bits} bits`, strength) : good(`RSA key of ${bits} bits`, strength)
}

function strengthOf(key: KeyObject): KeyStrength {
  const type = key.asymmetricKeyType ?? 'unknown'
  const details = key.asymmetricKeyDetails ?? {}
  const bits = details.modulusLength ?? 0
  switch (type) {
    case 'rsa':
    case 'rsa-pss':
      return rsaStrength(bits, details.publicExponent ?? 0n)
    case 'dsa':
      return bits < 1024 ? refused(`DSA key of ${bits} bits`) : weak('DSA key', modulusStrength(bits))
    case 'ec': {
      const curve = details.namedCurve ?? 'unknown'
      const size = CURVES[curve]
      return size === undefined ? refused(`EC key on ${curve}`) : good(curve, Math.min(256, size / 2))
    }
    default:
      return KEY_TYPE.test(type) ? good(type, fixedStrength(type)) : refused(`key of type ${type}`)
  }
}

function good(detail: string, strength: number): KeyStrength {
  return { grade: 'good', detail, strength }
}

function weak(detail: string, strength: number): KeyStrength {
  return { grade: 'weak', detail, strength }
}

function refused(detail: string): KeyStrength {
  return { grade: 'refused', detail, strength: 0 }
}

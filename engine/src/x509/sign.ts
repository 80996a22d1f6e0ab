/**
 * Signs bytes and names the algorithm used: by the key's own kind, with good defaults. The opposite of signature.ts.
 */
import { constants, sign } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { EngineError } from '../errors.ts'
import { writeAlgorithm } from '../der/algorithm.ts'
import { Oid } from '../der/oid.ts'
import { nil } from '../der/writer.ts'
import { hashLength, writePssAlgorithm } from './pss-key.ts'

/** Choices for RSA and EC keys. */
export interface SignBytesOptions {
  /** Default: SHA-256, and for EC keys the hash of the curve's size. */
  readonly digest?: 'sha256' | 'sha384' | 'sha512'
  /** RSASSA-PSS in place of RSA v1.5; salt and mask generation function by the digest. */
  readonly pss?: boolean
}

/** A signature with the DER of its AlgorithmIdentifier. */
export interface SignedBytes {
  readonly algorithm: Buffer
  readonly signature: Buffer
}

const RSA = {
  sha256: Oid.sha256WithRSAEncryption,
  sha384: Oid.sha384WithRSAEncryption,
  sha512: Oid.sha512WithRSAEncryption,
} as const
const ECDSA = {
  sha256: Oid.ecdsaWithSha256,
  sha384: Oid.ecdsaWithSha384,
  sha512: Oid.ecdsaWithSha512,
} as const
const PURE: Readonly<Record<string, string>> = {
  ed25519: Oid.idEd25519,
  ed448: Oid.idEd448,
  'ml-dsa-44': Oid.idMlDsa44,
  'ml-dsa-65': Oid.idMlDsa65,
  'ml-dsa-87': Oid.idMlDsa87,
}

/**
 * The AlgorithmIdentifier that `signBytes` will use for this key: it stands in what is signed.
 * @throws EngineError `unsupported-algorithm` for keys that cannot sign
 */
export function signatureAlgorithmFor(key: KeyObject, options: SignBytesOptions = {}): Buffer {
  const digest = digestFor(key, options)
  switch (key.asymmetricKeyType) {
    case 'rsa':
      if (options.pss === true) return pssAlgorithm(digest)
      // RFC 4055 5: parameters NULL
      return writeAlgorithm(RSA[digest], nil())
    case 'rsa-pss':
      return pssAlgorithm(digest)
    case 'ec':
      return writeAlgorithm(ECDSA[digest])
    default: {
      const oid = PURE[key.asymmetricKeyType ?? '']
      if (oid === undefined)
        throw new EngineError(
          'unsupported-algorithm',
          `no signing with ${key.asymmetricKeyType ?? 'this'} key`,
        )
      return writeAlgorithm(oid)
    }
  }
}

function pssAlgorithm(digest: 'sha256' | 'sha384' | 'sha512'): Buffer {
  // RFC 4056 3: the same hash for both, the salt as long as the hash
  return writePssAlgorithm({ kind: 'rsa-pss', hash: digest, mgfHash: digest, saltLength: hashLength(digest) })
}

function digestFor(key: KeyObject, options: SignBytesOptions): 'sha256' | 'sha384' | 'sha512' {
  if (options.digest !== undefined) return options.digest
  const curve = key.asymmetricKeyDetails?.namedCurve ?? ''
  // RFC 5753 7.1.3 and RFC 8551 2.5: a hash of the curve's strength
  if (curve === 'secp521r1' || curve === 'brainpoolP512r1') return 'sha512'
  return curve === 'secp384r1' || curve === 'brainpoolP384r1' ? 'sha384' : 'sha256'
}

/**
 * Signs with a private key.
 * @throws EngineError `unsupported-algorithm` for keys that cannot sign
 */
export function signBytes(key: KeyObject, data: Buffer, options: SignBytesOptions = {}): SignedBytes {
  const algorithm = signatureAlgorithmFor(key, options)
  return { algorithm, signature: signatureBytes(key, data, options) }
}

function signatureBytes(key: KeyObject, data: Buffer, options: SignBytesOptions): Buffer {
  const digest = digestFor(key, options)
  switch (key.asymmetricKeyType) {
    case 'rsa':
    case 'rsa-pss': {
      if (key.asymmetricKeyType === 'rsa' && options.pss !== true)
        return sign(digest, data, { key, padding: constants.RSA_PKCS1_PADDING })
      const saltLength = hashLength(digest)
      return sign(digest, data, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength })
    }
    case 'ec':
      return sign(digest, data, { key, dsaEncoding: 'der' })
    default:
      return sign(null, data, key)
  }
}

/**
 * Verifies signatures over bytes: RSA v1.5, RSASSA-PSS, ECDSA, EdDSA, ML-DSA, SLH-DSA, and DSA for old archives.
 * Says yes or no; whether an algorithm is good enough is judged by the caller (`isWeakScheme`).
 */
import { constants, verify } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import type { AlgorithmIdentifier } from '../der/algorithm.ts'
import { Certificate } from './certificate.ts'
import { pssVerificationKey } from './pss-key.ts'
import type { PssScheme } from './pss-key.ts'
import { readSignatureScheme } from './signature-algorithm.ts'
import type { SignatureScheme } from './signature-algorithm.ts'

/** Further facts that a verification may need. */
export interface VerifySignatureOptions {
  /** The hash where the algorithm names a key type only, as CMS allows (RFC 3370 3.2). */
  readonly digestOid?: string
}

/** Key types of node:crypto that a scheme works with. */
const KEY_TYPES: Readonly<Record<Exclude<SignatureScheme['kind'], 'pure'>, readonly string[]>> = {
  'rsa-pkcs1v15': ['rsa'],
  'rsa-pss': ['rsa', 'rsa-pss'],
  ecdsa: ['ec'],
  dsa: ['dsa'],
}

/**
 * Whether `signature` is one over `data` by this key. A key of another type than the algorithm's gives false.
 * @throws EngineError `unsupported-algorithm` for an unknown algorithm or key, and for wrong parameters
 */
export function verifySignature(
  algorithm: AlgorithmIdentifier,
  key: Certificate | KeyObject,
  data: Buffer,
  signature: Buffer,
  options: VerifySignatureOptions = {},
): boolean {
  const scheme = readSignatureScheme(algorithm, options.digestOid)
  return verifyScheme(scheme, key, data, signature)
}

/**
 * Whether this issuer's name and key stand behind the certificate; nothing else is looked at.
 * @throws EngineError `unsupported-algorithm`
 */
export function isIssuedBy(certificate: Certificate, issuer: Certificate): boolean {
  const { signatureAlgorithm, tbs, signature } = certificate
  return (
    certificate.issuer.equals(issuer.subject) && verifySignature(signatureAlgorithm, issuer, tbs, signature)
  )
}

/** `verifySignature` for a scheme that was read already. */
export function verifyScheme(
  scheme: SignatureScheme,
  signer: Certificate | KeyObject,
  data: Buffer,
  signature: Buffer,
): boolean {
  const key = signer instanceof Certificate ? signer.publicKey : signer
  const keyType = (signer instanceof Certificate ? signer.keyType : signer.asymmetricKeyType) ?? ''
  const keyTypes = scheme.kind === 'pure' ? [scheme.keyType] : KEY_TYPES[scheme.kind]
  if (!keyTypes.includes(keyType)) return false
  switch (scheme.kind) {
    case 'rsa-pkcs1v15':
      return verify(scheme.hash, data, { key, padding: constants.RSA_PKCS1_PADDING }, signature)
    case 'rsa-pss':
      return verifyPss(scheme, key, data, signature)
    case 'ecdsa':
    case 'dsa':
      return verify(scheme.hash, data, { key, dsaEncoding: 'der' }, signature)
    case 'pure':
      return verify(null, data, key, signature)
  }
}

function verifyPss(scheme: PssScheme, key: KeyObject, data: Buffer, signature: Buffer): boolean {
  const bound = pssVerificationKey(key, scheme)
  if (bound === null) return false
  const { saltLength } = scheme
  return verify(
    scheme.hash,
    data,
    { key: bound, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength },
    signature,
  )
}

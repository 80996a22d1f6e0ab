/**
 * RSASSA-PSS with all its parameters on node:crypto, which knows one hash for both uses: where hash and mask generation
 * hash differ, the key is wrapped as an id-RSASSA-PSS key whose parameters say so, and libcrypto follows them.
 */
import { createPublicKey } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { writeAlgorithm } from '../der/algorithm.ts'
import { Oid } from '../der/oid.ts'
import { Cursor, Tag, readElement } from '../der/reader.ts'
import { explicit, integer, nil, sequence } from '../der/writer.ts'
import type { SignatureHash, SignatureScheme } from './signature-algorithm.ts'

/** The parameters of RSASSA-PSS. */
export type PssScheme = Extract<SignatureScheme, { readonly kind: 'rsa-pss' }>

const HASH_OIDS: Readonly<Record<SignatureHash, string>> = {
  sha1: Oid.sha1,
  sha224: Oid.sha224,
  sha256: Oid.sha256,
  sha384: Oid.sha384,
  sha512: Oid.sha512,
  'sha3-224': Oid.sha3_224,
  'sha3-256': Oid.sha3_256,
  'sha3-384': Oid.sha3_384,
  'sha3-512': Oid.sha3_512,
}

/** The AlgorithmIdentifier of RSASSA-PSS; DER leaves out what is the default (RFC 4055 3.1). */
export function writePssAlgorithm(scheme: PssScheme): Buffer {
  const hash = (name: SignatureHash): Buffer => writeAlgorithm(HASH_OIDS[name], nil())
  const parts: Buffer[] = []
  if (scheme.hash !== 'sha1') parts.push(explicit(0, hash(scheme.hash)))
  if (scheme.mgfHash !== 'sha1') parts.push(explicit(1, writeAlgorithm(Oid.idMgf1, hash(scheme.mgfHash))))
  if (scheme.saltLength !== 20) parts.push(explicit(2, integer(scheme.saltLength)))
  return writeAlgorithm(Oid.idRsassaPss, sequence(...parts))
}

/** The octets that the hash yields. */
export function hashLength(hash: SignatureHash): number {
  return hash === 'sha1' ? 20 : Number(hash.slice(-3)) / 8
}

/**
 * The key to verify with; null if the key is bound to other parameters (RFC 4055 3.3) or too short for them.
 */
export function pssVerificationKey(key: KeyObject, scheme: PssScheme): KeyObject | null {
  const details = key.asymmetricKeyDetails
  const octets = Math.ceil(((details?.modulusLength ?? 0) - 1) / 8)
  // RFC 8017 9.1.2, step 3
  if (octets < hashLength(scheme.hash) + scheme.saltLength + 2) return null
  if (key.asymmetricKeyType === 'rsa-pss' && details?.hashAlgorithm !== undefined) {
    const bound = details.hashAlgorithm === scheme.hash && details.mgf1HashAlgorithm === scheme.mgfHash
    return bound && scheme.saltLength >= (details.saltLength ?? 0) ? key : null
  }
  if (scheme.hash === scheme.mgfHash) return key
  const spki = new Cursor(readElement(key.export({ format: 'der', type: 'spki' })))
  spki.next('algorithm')
  const bits = spki.universal(Tag.bitString, 'subjectPublicKey').raw
  return createPublicKey({ key: sequence(writePssAlgorithm(scheme), bits), format: 'der', type: 'spki' })
}

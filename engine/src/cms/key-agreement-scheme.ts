/**
 * The schemes of ECDH key agreement (RFC 5753, RFC 8418): object identifiers against key derivation, hash and kind of
 * Diffie-Hellman. A table and the key derivation that it stands for.
 */
import { readAlgorithm } from '../der/algorithm.ts'
import type { AlgorithmIdentifier } from '../der/algorithm.ts'
import { Oid } from '../der/oid.ts'
import { Tag } from '../der/reader.ts'
import { EngineError } from '../errors.ts'
import { keyWrapOf } from './algorithms.ts'
import type { KeyWrap } from './algorithms.ts'
import { toDer } from './der-form.ts'
import { hkdf, sharedInfo, x963 } from './key-derivation.ts'
import type { KdfHash } from './key-derivation.ts'

/** A key-agreement scheme: ECDH with its key derivation. */
export interface KeyAgreement {
  readonly oid: string
  readonly kdf: 'x963' | 'hkdf'
  readonly hash: KdfHash
  /** Cofactor Diffie-Hellman: the same as the standard one on curves with cofactor 1. */
  readonly cofactor: boolean
}

const row = (oid: string, kdf: 'x963' | 'hkdf', hash: KdfHash, cofactor = false): KeyAgreement => ({
  oid,
  kdf,
  hash,
  cofactor,
})

const SCHEMES: readonly KeyAgreement[] = [
  row(Oid.dhSinglePassStdDhSha1Kdf, 'x963', 'sha1'),
  row(Oid.dhSinglePassStdDhSha224Kdf, 'x963', 'sha224'),
  row(Oid.dhSinglePassStdDhSha256Kdf, 'x963', 'sha256'),
  row(Oid.dhSinglePassStdDhSha384Kdf, 'x963', 'sha384'),
  row(Oid.dhSinglePassStdDhSha512Kdf, 'x963', 'sha512'),
  row(Oid.dhSinglePassCofactorDhSha1Kdf, 'x963', 'sha1', true),
  row(Oid.dhSinglePassCofactorDhSha224Kdf, 'x963', 'sha224', true),
  row(Oid.dhSinglePassCofactorDhSha256Kdf, 'x963', 'sha256', true),
  row(Oid.dhSinglePassCofactorDhSha384Kdf, 'x963', 'sha384', true),
  row(Oid.dhSinglePassCofactorDhSha512Kdf, 'x963', 'sha512', true),
  row(Oid.dhSinglePassStdDhHkdfSha256, 'hkdf', 'sha256'),
  row(Oid.dhSinglePassStdDhHkdfSha384, 'hkdf', 'sha384'),
  row(Oid.dhSinglePassStdDhHkdfSha512, 'hkdf', 'sha512'),
]
const byOid = new Map(SCHEMES.map((scheme) => [scheme.oid, scheme]))

/** The scheme with these properties. @throws EngineError `unsupported-key-encryption` when there is none */
export function keyAgreementWith(kdf: 'x963' | 'hkdf', hash: KdfHash, cofactor: boolean): KeyAgreement {
  const found = SCHEMES.find((each) => each.kdf === kdf && each.hash === hash && each.cofactor === cofactor)
  if (found === undefined)
    throw new EngineError('unsupported-key-encryption', `no key agreement with ${kdf} and ${hash}`)
  return found
}

/** A key agreement scheme with its key wrap. */
export interface Agreement {
  readonly scheme: KeyAgreement
  readonly wrap: KeyWrap
  /** The key wrap's AlgorithmIdentifier in DER: part of what the key is derived from. */
  readonly wrapAlgorithm: Buffer
}

/**
 * Reads a keyEncryptionAlgorithm.
 * @throws EngineError `unsupported-key-encryption`, `cms-malformed`, `asn1-malformed`
 */
export function readAgreement(algorithm: AlgorithmIdentifier): Agreement {
  const scheme = byOid.get(algorithm.oid)
  if (scheme === undefined)
    throw new EngineError('unsupported-key-encryption', `key agreement ${algorithm.oid}`)
  // RFC 5753 7.1.4: the parameters are the key wrap's AlgorithmIdentifier
  if (!algorithm.parameters?.is(0, Tag.sequence))
    throw new EngineError('cms-malformed', 'key agreement without key wrap')
  const wrap = keyWrapOf(readAlgorithm(algorithm.parameters).oid)
  if (wrap === null) throw new EngineError('unsupported-key-encryption', 'key wrap')
  return { scheme, wrap, wrapAlgorithm: toDer(algorithm.parameters) }
}

/** The name under which an agreement is reported: `ecdh-sha256kdf-aes256-wrap`, `ecdh-sha256-hkdf-aes128-wrap`. */
export function agreementName({ scheme, wrap }: Agreement): string {
  const kdf = scheme.kdf === 'x963' ? `${scheme.hash}kdf` : `${scheme.hash}-hkdf`
  return `ecdh-${scheme.cofactor ? 'cofactor-' : ''}${kdf}-aes${wrap.keyLength * 8}-wrap`
}

/** The key-encryption key of an agreed secret. */
export function deriveKek(
  { scheme, wrap, wrapAlgorithm }: Agreement,
  secret: Buffer,
  ukm: Buffer | null,
): Buffer {
  const info = sharedInfo(wrapAlgorithm, ukm, wrap.keyLength)
  // RFC 8418 2.2: the ukm is the salt as well
  return scheme.kdf === 'x963'
    ? x963(scheme.hash, secret, info, wrap.keyLength)
    : hkdf(scheme.hash, secret, ukm, info, wrap.keyLength)
}

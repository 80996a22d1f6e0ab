/**
 * The algorithms of CMS by name: digests, content encryption, key wrap, key agreement. Tables only; nothing here touches a
 * key. Signature schemes are x509's.
 */
import { createHash } from 'node:crypto'
import type { Hash } from 'node:crypto'
import { Oid } from '../der/oid.ts'

/** A digest that can be computed here. */
export interface Digest {
  /** As reported: `sha256`, `sha1`. */
  readonly name: string
  readonly oid: string
  /** Octets of output. */
  readonly length: number
  /** Accepted only when weak signatures are allowed. */
  readonly weak: boolean
}

const DIGESTS: readonly Digest[] = [
  { name: 'sha256', oid: Oid.sha256, length: 32, weak: false },
  { name: 'sha384', oid: Oid.sha384, length: 48, weak: false },
  { name: 'sha512', oid: Oid.sha512, length: 64, weak: false },
  { name: 'sha224', oid: Oid.sha224, length: 28, weak: false },
  { name: 'sha1', oid: Oid.sha1, length: 20, weak: true },
  { name: 'sha3-224', oid: Oid.sha3_224, length: 28, weak: false },
  { name: 'sha3-256', oid: Oid.sha3_256, length: 32, weak: false },
  { name: 'sha3-384', oid: Oid.sha3_384, length: 48, weak: false },
  { name: 'sha3-512', oid: Oid.sha3_512, length: 64, weak: false },
  // RFC 8702 3.1: SHAKE256 in CMS has 64 octets of output
  { name: 'shake256', oid: Oid.shake256, length: 64, weak: false },
]
const digestByOid = new Map(DIGESTS.map((digest) => [digest.oid, digest]))

/** The digest with this object identifier; null when it is unknown or refused (MD5 and MD2 are refused). */
export function digestOf(oid: string): Digest | null {
  return digestByOid.get(oid) ?? null
}

/** Begins a digest. */
export function startDigest(digest: Digest): Hash {
  return digest.name === 'shake256' ? createHash('shake256', { outputLength: 64 }) : createHash(digest.name)
}

/** The digest over pieces in order. */
export function digestOver(digest: Digest, pieces: readonly Buffer[]): Buffer {
  const hash = startDigest(digest)
  for (const piece of pieces) hash.update(piece)
  return hash.digest()
}

/** A content-encryption algorithm that can be read. */
export interface ContentCipher {
  /** As reported and as in the command line: `aes256-gcm`. */
  readonly name: string
  /** The name for node:crypto. */
  readonly node: string
  readonly mode: 'cbc' | 'gcm'
  readonly keyLength: number
  readonly blockLength: number
  /** Read only when legacy algorithms are allowed. */
  readonly legacy: boolean
}

const cbc = (bits: number): ContentCipher => ({
  name: `aes${bits}-cbc`,
  node: `aes-${bits}-cbc`,
  mode: 'cbc',
  keyLength: bits / 8,
  blockLength: 16,
  legacy: false,
})
const gcm = (bits: number): ContentCipher => ({
  ...cbc(bits),
  name: `aes${bits}-gcm`,
  node: `aes-${bits}-gcm`,
  mode: 'gcm',
})
const tripleDes: ContentCipher = {
  name: 'des-ede3-cbc',
  node: 'des-ede3-cbc',
  mode: 'cbc',
  keyLength: 24,
  blockLength: 8,
  legacy: true,
}

const ciphers = new Map<string, ContentCipher>([
  [Oid.aes128Cbc, cbc(128)],
  [Oid.aes192Cbc, cbc(192)],
  [Oid.aes256Cbc, cbc(256)],
  [Oid.aes128Gcm, gcm(128)],
  [Oid.aes192Gcm, gcm(192)],
  [Oid.aes256Gcm, gcm(256)],
  [Oid.desEde3Cbc, tripleDes],
])

/** The content-encryption algorithm with this object identifier; null when unknown. */
export function cipherOf(oid: string): ContentCipher | null {
  return ciphers.get(oid) ?? null
}

/** A key-wrap algorithm (RFC 3394). */
export interface KeyWrap {
  readonly oid: string
  /** The name for node:crypto. */
  readonly node: string
  readonly keyLength: number
}

const keyWraps = new Map<string, KeyWrap>(
  (
    [
      [Oid.aes128Wrap, 128],
      [Oid.aes192Wrap, 192],
      [Oid.aes256Wrap, 256],
    ] as const
  ).map(([oid, bits]) => [oid, { oid, node: `id-aes${bits}-wrap`, keyLength: bits / 8 }]),
)

/** The key-wrap algorithm with this object identifier; null when unknown. */
export function keyWrapOf(oid: string): KeyWrap | null {
  return keyWraps.get(oid) ?? null
}

/** A key-agreement scheme: ECDH with its key derivation. */
export interface KeyAgreement {
  readonly oid: string
  readonly kdf: 'x963' | 'hkdf'
  /** The hash of the key derivation, for node:crypto. */
  readonly hash: string
}

const agreements = new Map<string, KeyAgreement>(
  (
    [
      [Oid.dhSinglePassStdDhSha1Kdf, 'x963', 'sha1'],
      [Oid.dhSinglePassStdDhSha224Kdf, 'x963', 'sha224'],
      [Oid.dhSinglePassStdDhSha256Kdf, 'x963', 'sha256'],
      [Oid.dhSinglePassStdDhSha384Kdf, 'x963', 'sha384'],
      [Oid.dhSinglePassStdDhSha512Kdf, 'x963', 'sha512'],
      [Oid.dhSinglePassStdDhHkdfSha256, 'hkdf', 'sha256'],
      [Oid.dhSinglePassStdDhHkdfSha384, 'hkdf', 'sha384'],
      [Oid.dhSinglePassStdDhHkdfSha512, 'hkdf', 'sha512'],
    ] as const
  ).map(([oid, kdf, hash]) => [oid, { oid, kdf, hash }]),
)

/** The key-agreement scheme with this object identifier; null when unknown. */
export function keyAgreementOf(oid: string): KeyAgreement | null {
  return agreements.get(oid) ?? null
}

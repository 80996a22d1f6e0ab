/**
 * The algorithms of CMS by name: digests, content encryption, key wrap, key agreement. Tables only; nothing here touches a
 * key. Signature schemes are x509's.
 */
import { createHash, hash } from 'node:crypto'
import type { Hash } from 'node:crypto'
import type { AlgorithmIdentifier } from '../der/algorithm.ts'
import { toSmallInteger } from '../der/decode.ts'
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
  // RFC 8702 3.1: and SHAKE128 32
  { name: 'shake128', oid: Oid.shake128, length: 32, weak: false },
]
const digestByOid = new Map(DIGESTS.map((digest) => [digest.oid, digest]))

/** The digest with this object identifier; null when it is unknown or refused (MD5 and MD2 are refused). */
export function digestOf(oid: string): Digest | null {
  return digestByOid.get(oid) ?? null
}

/**
 * The digest of a digestAlgorithm; null when it is unknown or refused. RFC 8419 3.1: Ed448 names SHAKE256 by
 * id-shake256-len with its output length in bits, of which only 512 is known.
 * @throws EngineError `asn1-malformed`
 */
export function readDigest({ oid, parameters }: AlgorithmIdentifier): Digest | null {
  if (oid !== Oid.shake256Len) return digestOf(oid)
  return parameters !== null && toSmallInteger(parameters) === 512 ? digestOf(Oid.shake256) : null
}

function isShake({ name }: Digest): boolean {
  return name.startsWith('shake')
}

/** A running hash for this digest. */
export function startDigest(digest: Digest): Hash {
  return isShake(digest) ? createHash(digest.name, { outputLength: digest.length }) : createHash(digest.name)
}

/** The digest over pieces in order. */
export function digestOver(digest: Digest, pieces: readonly Buffer[]): Buffer {
  const [first] = pieces
  // One piece needs no running hash; SHAKE has its output length there only
  if (first !== undefined && pieces.length === 1 && !isShake(digest))
    return hash(digest.name, first, 'buffer')
  const running = startDigest(digest)
  for (const piece of pieces) running.update(piece)
  return running.digest()
}

/** A content-encryption algorithm that can be read. */
export interface ContentCipher {
  /** As reported and as in the command line: `aes256-gcm`. */
  readonly name: string
  /** The name for node:crypto, which does not have RC2. */
  readonly node: string
  readonly mode: 'cbc' | 'gcm' | 'ccm' | 'chacha20-poly1305' | 'rc2-cbc'
  /** Whether the content is protected against change: such ciphers belong into AuthEnvelopedData. */
  readonly authenticated: boolean
  readonly keyLength: number
  readonly blockLength: number
  /** Read only when legacy algorithms are allowed. */
  readonly legacy: boolean
}

const aes = (bits: number, mode: 'cbc' | 'gcm' | 'ccm'): ContentCipher => ({
  name: `aes${bits}-${mode}`,
  node: `aes-${bits}-${mode}`,
  mode,
  authenticated: mode !== 'cbc',
  keyLength: bits / 8,
  blockLength: 16,
  legacy: false,
})
const chaCha20Poly1305: ContentCipher = {
  name: 'chacha20-poly1305',
  node: 'chacha20-poly1305',
  mode: 'chacha20-poly1305',
  authenticated: true,
  keyLength: 32,
  blockLength: 64,
  legacy: false,
}
const tripleDes: ContentCipher = {
  name: 'des-ede3-cbc',
  node: 'des-ede3-cbc',
  mode: 'cbc',
  authenticated: false,
  keyLength: 24,
  blockLength: 8,
  legacy: true,
}
// RFC 3370 5.2: with 128 effective key bits; the shorter ones are refused where its parameters are read
const rc2: ContentCipher = { ...tripleDes, name: 'rc2-128-cbc', node: '', mode: 'rc2-cbc', keyLength: 16 }

const ciphers = new Map<string, ContentCipher>([
  [Oid.aes128Cbc, aes(128, 'cbc')],
  [Oid.aes192Cbc, aes(192, 'cbc')],
  [Oid.aes256Cbc, aes(256, 'cbc')],
  [Oid.aes128Gcm, aes(128, 'gcm')],
  [Oid.aes192Gcm, aes(192, 'gcm')],
  [Oid.aes256Gcm, aes(256, 'gcm')],
  [Oid.aes128Ccm, aes(128, 'ccm')],
  [Oid.aes192Ccm, aes(192, 'ccm')],
  [Oid.aes256Ccm, aes(256, 'ccm')],
  [Oid.idAlgAeadChaCha20Poly1305, chaCha20Poly1305],
  [Oid.desEde3Cbc, tripleDes],
  [Oid.rc2Cbc, rc2],
])

/** The content-encryption algorithm with this object identifier; null when unknown. */
export function cipherOf(oid: string): ContentCipher | null {
  return ciphers.get(oid) ?? null
}

/** A key-wrap algorithm (RFC 3394; RFC 3217 to read old mail). */
export interface KeyWrap {
  readonly oid: string
  /** As reported: `aes256-wrap`. */
  readonly name: string
  readonly keyLength: number
  /** Read only when legacy algorithms are allowed. */
  readonly legacy: boolean
}

const keyWraps = new Map<string, KeyWrap>(
  (
    [
      [Oid.aes128Wrap, 'aes128-wrap', 16, false],
      [Oid.aes192Wrap, 'aes192-wrap', 24, false],
      [Oid.aes256Wrap, 'aes256-wrap', 32, false],
      [Oid.idAlgCms3DesWrap, 'des-ede3-wrap', 24, true],
    ] as const
  ).map(([oid, name, keyLength, legacy]) => [oid, { oid, name, keyLength, legacy }]),
)

/** The key-wrap algorithm with this object identifier; null when unknown. */
export function keyWrapOf(oid: string): KeyWrap | null {
  return keyWraps.get(oid) ?? null
}

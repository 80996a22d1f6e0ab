/**
 * Content encryption: AES-CBC (RFC 3565) and AES-GCM (RFC 5084), and 3DES to read old mail. Works on pieces.
 * Never returns plaintext of authenticated encryption before its tag was checked; a failure says nothing but null.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { writeAlgorithm } from '../der/algorithm.ts'
import type { AlgorithmIdentifier } from '../der/algorithm.ts'
import { toOctets, toSmallInteger } from '../der/decode.ts'
import { Oid } from '../der/oid.ts'
import { Cursor, Tag } from '../der/reader.ts'
import { integer, octets, sequence } from '../der/writer.ts'
import { EngineError } from '../errors.ts'
import { cipherOf } from './algorithms.ts'
import type { ContentCipher } from './algorithms.ts'

/** A content-encryption algorithm with its parameters. */
export interface ContentEncryption {
  readonly cipher: ContentCipher
  /** The initialization vector or nonce. */
  readonly iv: Buffer
  /** Octets of the authentication tag; 0 for CBC. */
  readonly tagLength: number
}

/** Ciphers that are written. */
export type WrittenCipher = 'aes128-cbc' | 'aes256-cbc' | 'aes128-gcm' | 'aes256-gcm'

/** Pieces of this size keep the provider's result buffers small. */
const PIECE = 65536

/**
 * Reads a contentEncryptionAlgorithm, before any key is used.
 * @throws EngineError `unsupported-content-encryption`, `legacy-cipher-refused`, `cms-malformed`, `asn1-malformed`
 */
export function readContentEncryption(
  algorithm: AlgorithmIdentifier,
  allowLegacy: boolean,
): ContentEncryption {
  const cipher = cipherOf(algorithm.oid)
  if (cipher === null)
    throw new EngineError('unsupported-content-encryption', `content-encryption algorithm ${algorithm.oid}`)
  if (cipher.legacy && !allowLegacy) throw new EngineError('legacy-cipher-refused', cipher.name)
  const { parameters } = algorithm
  if (parameters === null) throw new EngineError('cms-malformed', `${cipher.name} without parameters`)
  if (cipher.mode === 'cbc') {
    const iv = toOctets(parameters)
    if (iv.length !== cipher.blockLength) throw new EngineError('cms-malformed', 'IV of a wrong length')
    return { cipher, iv, tagLength: 0 }
  }
  // RFC 5084 3.2: GCMParameters, aes-ICVlen 12 by default
  if (!parameters.is(0, Tag.sequence))
    throw new EngineError('cms-malformed', 'GCMParameters is not a SEQUENCE')
  const cursor = new Cursor(parameters)
  const iv = toOctets(cursor.universal(Tag.octetString, 'aes-nonce'))
  const length = cursor.optional(0, Tag.integer)
  cursor.done('GCMParameters')
  const tagLength = length === null ? 12 : toSmallInteger(length)
  if (iv.length < 7 || iv.length > 64) throw new EngineError('cms-malformed', 'nonce of a wrong length')
  if (tagLength < 12 || tagLength > 16) throw new EngineError('cms-malformed', 'tag of a wrong length')
  return { cipher, iv, tagLength }
}

function* slices(pieces: readonly Buffer[]): Generator<Buffer> {
  for (const piece of pieces)
    for (let at = 0; at < piece.length; at += PIECE)
      yield piece.subarray(at, Math.min(at + PIECE, piece.length))
}

/** Decrypts content piece by piece. Both functions throw whatever the provider throws: no caller may tell failures apart. */
export interface Decryption {
  /** Plaintext that must not be used before `final` has returned. */
  update(slice: Buffer): Buffer
  /** The rest; throws when the padding or the authentication tag is wrong. */
  final(): Buffer
}

/**
 * Begins to decrypt.
 * @param aad - authenticated attributes in DER; null when there are none
 * @param mac - the authentication tag; null for CBC
 * @throws Error when key or tag do not fit the algorithm
 */
export function startDecryption(
  encryption: ContentEncryption,
  key: Buffer,
  aad: Buffer | null,
  mac: Buffer | null,
): Decryption {
  const { cipher, iv, tagLength } = encryption
  if (cipher.mode === 'cbc') return createDecipheriv(cipher.node, key, iv)
  if (mac?.length !== tagLength) throw new RangeError('tag of a wrong length')
  const decipher = createDecipheriv(cipher.node as 'aes-256-gcm', key, iv, { authTagLength: tagLength }) // by mode
  if (aad !== null) decipher.setAAD(aad)
  decipher.setAuthTag(mac)
  return decipher
}

/**
 * Decrypts content. Null when it fails, for whatever reason: bad padding, wrong key, wrong tag look alike.
 * @param aad - authenticated attributes in DER; empty for CBC
 */
export function decryptPieces(
  encryption: ContentEncryption,
  key: Buffer,
  pieces: readonly Buffer[],
  aad: Buffer | null,
  mac: Buffer | null,
): Buffer | null {
  try {
    const out: Buffer[] = []
    const decryption = startDecryption(encryption, key, aad, mac)
    for (const slice of slices(pieces)) out.push(decryption.update(slice))
    // Throws on a wrong tag, and then nothing of `out` leaves this function.
    out.push(decryption.final())
    return Buffer.concat(out)
  } catch {
    // Nothing may tell one failure from another after the private key was used.
    return null
  }
}

const WRITTEN: Readonly<Record<WrittenCipher, string>> = {
  'aes128-cbc': Oid.aes128Cbc,
  'aes256-cbc': Oid.aes256Cbc,
  'aes128-gcm': Oid.aes128Gcm,
  'aes256-gcm': Oid.aes256Gcm,
}

/** Freshly encrypted content. */
export interface Encrypted {
  readonly key: Buffer
  /** contentEncryptionAlgorithm in DER. */
  readonly algorithm: Buffer
  readonly pieces: readonly Buffer[]
  /** Octets of all pieces. */
  readonly length: number
  /** The authentication tag; null for CBC. */
  readonly mac: Buffer | null
}

/** A new random key with its IV or nonce: for one content. */
export interface ContentKey {
  readonly key: Buffer
  /** contentEncryptionAlgorithm in DER. */
  readonly algorithm: Buffer
  /** Octets of the authentication tag; 0 for CBC. */
  readonly tagLength: number
  /** Octets of ciphertext, without the tag, for as many octets of content. */
  readonly lengthOf: (octets: number) => number
  /** Begins to encrypt. May be called again for the very same content only. */
  readonly start: () => Encryption
}

/** Encrypts content piece by piece. */
interface Encryption {
  update(slice: Buffer): Buffer
  final(): Buffer
  /** After `final`: the authentication tag; null for CBC. */
  tag(): Buffer | null
}

/** Makes a key. */
export function newContentKey(name: WrittenCipher): ContentKey {
  const oid = WRITTEN[name]
  const cipher = cipherOf(oid)
  if (cipher === null) throw new EngineError('unsupported-content-encryption', name)
  const gcm = cipher.mode === 'gcm'
  const secret = randomBytes(cipher.keyLength + (gcm ? 12 : cipher.blockLength))
  const key = secret.subarray(0, cipher.keyLength)
  const iv = secret.subarray(cipher.keyLength)
  if (!gcm)
    return {
      key,
      algorithm: writeAlgorithm(oid, octets(iv)),
      tagLength: 0,
      // RFC 5652 6.3
      lengthOf: (length) => length + cipher.blockLength - (length % cipher.blockLength),
      start: () => {
        const cbc = createCipheriv(cipher.node, key, iv)
        return { update: (slice) => cbc.update(slice), final: () => cbc.final(), tag: () => null }
      },
    }
  return {
    key,
    // RFC 5084 3.2
    algorithm: writeAlgorithm(oid, sequence(octets(iv), integer(16))),
    tagLength: 16,
    lengthOf: (length) => length,
    start: () => {
      const aead = createCipheriv(cipher.node as 'aes-256-gcm', key, iv, { authTagLength: 16 }) // by mode
      return {
        update: (slice) => aead.update(slice),
        final: () => aead.final(),
        tag: () => aead.getAuthTag(),
      }
    },
  }
}

/** Encrypts pieces under a new random key and IV or nonce. */
export function encryptPieces(name: WrittenCipher, pieces: readonly Buffer[]): Encrypted {
  const { key, algorithm, start } = newContentKey(name)
  const encryption = start()
  const out: Buffer[] = []
  let length = 0
  const keep = (part: Buffer) => {
    if (part.length === 0) return
    out.push(part)
    length += part.length
  }
  for (const slice of slices(pieces)) keep(encryption.update(slice))
  keep(encryption.final())
  return { key, algorithm, pieces: out, length, mac: encryption.tag() }
}

/**
 * Reads and writes the contentEncryptionAlgorithm: cipher, nonce and tag length (RFC 3565, RFC 5084, RFC 8103, RFC 3370 5.2), and
 * the derivation of the content's key around it (RFC 9709). Everything here is judged before any key is used.
 */
import { readAlgorithm, writeAlgorithm } from '../der/algorithm.ts'
import type { AlgorithmIdentifier } from '../der/algorithm.ts'
import { toOctets, toSmallInteger } from '../der/decode.ts'
import { Oid } from '../der/oid.ts'
import { Cursor, Tag } from '../der/reader.ts'
import type { Element } from '../der/reader.ts'
import { integer, octets, sequence } from '../der/writer.ts'
import { EngineError } from '../errors.ts'
import { cipherOf } from './algorithms.ts'
import type { ContentCipher } from './algorithms.ts'
import { toDer } from './der-form.ts'
import { contentKeyFor } from './key-derivation.ts'

/** A content-encryption algorithm with its parameters. */
export interface ContentEncryption {
  readonly cipher: ContentCipher
  /** The initialization vector or nonce. */
  readonly iv: Buffer
  /** Octets of the authentication tag; 0 without one. */
  readonly tagLength: number
  /** RFC 9709: DER of the cipher's AlgorithmIdentifier that the content's key is derived with; null when it is used as it is. */
  readonly derivation: Buffer | null
}

/**
 * Reads a contentEncryptionAlgorithm, before any key is used.
 * @throws EngineError `unsupported-content-encryption`, `legacy-cipher-refused`, `cms-malformed`, `asn1-malformed`
 */
export function readContentEncryption(
  algorithm: AlgorithmIdentifier,
  allowLegacy: boolean,
): ContentEncryption {
  if (algorithm.oid !== Oid.idAlgCekHkdfSha256) return readCipher(algorithm, allowLegacy, null)
  // RFC 9709 3: the parameters are the cipher's AlgorithmIdentifier
  if (!algorithm.parameters?.is(0, Tag.sequence))
    throw new EngineError('cms-malformed', 'CEK-HKDF-SHA256 without a cipher')
  return readCipher(readAlgorithm(algorithm.parameters), allowLegacy, toDer(algorithm.parameters))
}

function readCipher(
  { oid, parameters }: AlgorithmIdentifier,
  allowLegacy: boolean,
  derivation: Buffer | null,
): ContentEncryption {
  const cipher = cipherOf(oid)
  if (cipher === null)
    throw new EngineError('unsupported-content-encryption', `content-encryption algorithm ${oid}`)
  if (cipher.legacy && !allowLegacy) throw new EngineError('legacy-cipher-refused', cipher.name)
  if (parameters === null) throw new EngineError('cms-malformed', `${cipher.name} without parameters`)
  return { cipher, ...readParameters(cipher, parameters), derivation }
}

type Parameters = Pick<ContentEncryption, 'iv' | 'tagLength'>

function readParameters(cipher: ContentCipher, parameters: Element): Parameters {
  switch (cipher.mode) {
    case 'cbc':
      return { iv: nonce(toOctets(parameters), cipher.blockLength, cipher.blockLength), tagLength: 0 }
    case 'rc2-cbc':
      return readRc2(parameters)
    case 'gcm':
      return readAead(parameters, GCM)
    case 'ccm':
      return readAead(parameters, CCM)
    case 'chacha20-poly1305':
      // RFC 8103 2: a nonce of 12 octets; the tag has 16
      return { iv: nonce(toOctets(parameters), 12, 12), tagLength: 16 }
  }
}

function nonce(iv: Buffer, least: number, most: number): Buffer {
  if (iv.length < least || iv.length > most)
    throw new EngineError('cms-malformed', 'initialisation vector or nonce of a wrong length')
  return iv
}

interface AeadRules {
  readonly least: number
  readonly most: number
  readonly tags: readonly number[]
}

// RFC 5084 3.2: nonces of GCM may have any length; libcrypto takes up to 64 octets here
const GCM: AeadRules = { least: 1, most: 64, tags: [12, 13, 14, 15, 16] }
// RFC 5084 3.1
const CCM: AeadRules = { least: 7, most: 13, tags: [4, 6, 8, 10, 12, 14, 16] }

/** RFC 5084 3.1 and 3.2: CCMParameters and GCMParameters, aes-ICVlen 12 by default. */
function readAead(parameters: Element, { least, most, tags }: AeadRules): Parameters {
  if (!parameters.is(0, Tag.sequence)) throw new EngineError('cms-malformed', 'parameters are not a SEQUENCE')
  const cursor = new Cursor(parameters)
  const iv = nonce(toOctets(cursor.universal(Tag.octetString, 'aes-nonce')), least, most)
  const length = cursor.optional(0, Tag.integer)
  cursor.done('parameters')
  const tagLength = length === null ? 12 : toSmallInteger(length)
  if (!tags.includes(tagLength)) throw new EngineError('cms-malformed', 'tag of a wrong length')
  return { iv, tagLength }
}

/** RFC 3370 5.2: RC2CBCParameter; version 58 stands for 128 effective bits, and nothing weaker is read. */
function readRc2(parameters: Element): Parameters {
  // RFC 2268 6: a bare IV stands for 32 bits
  if (!parameters.is(0, Tag.sequence))
    throw new EngineError('unsupported-content-encryption', 'RC2 with 32 bits')
  const cursor = new Cursor(parameters)
  const version = toSmallInteger(cursor.universal(Tag.integer, 'rc2ParameterVersion'))
  const iv = nonce(toOctets(cursor.universal(Tag.octetString, 'iv')), 8, 8)
  cursor.done('RC2CBCParameter')
  if (version !== 58) throw new EngineError('unsupported-content-encryption', 'RC2 with less than 128 bits')
  return { iv, tagLength: 0 }
}

/** The key that the content is encrypted with, made of the one that was sent. Always the same work for the same message. */
export function keyOfContent({ derivation }: ContentEncryption, key: Buffer): Buffer {
  return derivation === null ? key : contentKeyFor(key, derivation)
}

const WRITTEN = {
  'aes128-cbc': Oid.aes128Cbc,
  'aes192-cbc': Oid.aes192Cbc,
  'aes256-cbc': Oid.aes256Cbc,
  'aes128-gcm': Oid.aes128Gcm,
  'aes192-gcm': Oid.aes192Gcm,
  'aes256-gcm': Oid.aes256Gcm,
  'aes128-ccm': Oid.aes128Ccm,
  'aes192-ccm': Oid.aes192Ccm,
  'aes256-ccm': Oid.aes256Ccm,
  'chacha20-poly1305': Oid.idAlgAeadChaCha20Poly1305,
} as const

/** Ciphers that are written. */
export type WrittenCipher = keyof typeof WRITTEN

/** Their names in the order in which they are offered. */
export const WRITTEN_CIPHERS: readonly WrittenCipher[] = [
  ...(['aes128-cbc', 'aes192-cbc', 'aes256-cbc', 'aes128-gcm', 'aes192-gcm', 'aes256-gcm'] as const),
  ...(['aes128-ccm', 'aes192-ccm', 'aes256-ccm', 'chacha20-poly1305'] as const),
]

/** Whether content in this cipher goes into AuthEnvelopedData. */
export function isAuthenticated(cipher: WrittenCipher): boolean {
  return !cipher.endsWith('-cbc')
}

/** A cipher with a fresh nonce as it stands in a new message. */
export interface NewEncryption extends ContentEncryption {
  /** contentEncryptionAlgorithm in DER. */
  readonly algorithm: Buffer
}

/** Octets of nonce or initialization vector that a new message needs. */
export function nonceLength({ mode, blockLength }: ContentCipher): number {
  // RFC 3610 2.1: with 11 octets of nonce CCM takes 4 GiB, with 12 only 16 MiB
  return mode === 'cbc' ? blockLength : mode === 'ccm' ? 11 : 12
}

/** The cipher with this name. */
export function writtenCipher(name: WrittenCipher): ContentCipher {
  const cipher = cipherOf(WRITTEN[name])
  if (cipher === null) throw new EngineError('unsupported-content-encryption', name)
  return cipher
}

/**
 * Puts a new contentEncryptionAlgorithm together.
 * @param hkdf - derive the content's key as RFC 9709 says
 */
export function newEncryption(name: WrittenCipher, iv: Buffer, hkdf: boolean): NewEncryption {
  const cipher = writtenCipher(name)
  const tagLength = cipher.authenticated ? 16 : 0
  // RFC 5084 3.1 and 3.2: the tag length is 12 unless it says otherwise; RFC 8103 2: the nonce alone
  const bare = cipher.mode === 'cbc' || cipher.mode === 'chacha20-poly1305'
  const inner = writeAlgorithm(WRITTEN[name], bare ? octets(iv) : sequence(octets(iv), integer(tagLength)))
  return {
    ...{ cipher, iv, tagLength },
    derivation: hkdf ? inner : null,
    algorithm: hkdf ? writeAlgorithm(Oid.idAlgCekHkdfSha256, inner) : inner,
  }
}

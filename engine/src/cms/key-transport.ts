/**
 * RSA key transport: PKCS #1 v1.5 (RFC 3370 4.2.1) and OAEP (RFC 3560). Parameters are read strictly and never guessed:
 * a broken OAEP AlgorithmIdentifier is no v1.5. A failed unwrap gives null and the caller goes on with a random key.
 */
import { constants, privateDecrypt, publicEncrypt } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { readAlgorithm, writeAlgorithm } from '../der/algorithm.ts'
import type { AlgorithmIdentifier } from '../der/algorithm.ts'
import { toNull, toOctets } from '../der/decode.ts'
import { Oid } from '../der/oid.ts'
import { Cursor, Tag } from '../der/reader.ts'
import type { Element } from '../der/reader.ts'
import { explicit, integer, nil, octets, sequence } from '../der/writer.ts'
import { EngineError } from '../errors.ts'
import type { Certificate } from '../x509/certificate.ts'
import { digestOf } from './algorithms.ts'
import { decodeOaep } from './oaep.ts'

/** How a key was transported. */
export type Transport =
  | { readonly scheme: 'pkcs1v15' }
  | { readonly scheme: 'oaep'; readonly hash: string; readonly mgfHash: string; readonly label: Buffer }

const OAEP_HASHES: ReadonlySet<string> = new Set(['sha1', 'sha224', 'sha256', 'sha384', 'sha512'])

/**
 * Reads a keyEncryptionAlgorithm.
 * @throws EngineError `unsupported-key-encryption`, `cms-malformed`, `asn1-malformed`
 */
export function readTransport(algorithm: AlgorithmIdentifier): Transport {
  if (algorithm.oid === Oid.rsaEncryption) {
    // RFC 3370 4.2.1: NULL; absent is tolerated
    if (algorithm.parameters !== null) toNull(algorithm.parameters)
    return { scheme: 'pkcs1v15' }
  }
  if (algorithm.oid === Oid.idRsaesOaep) return readOaep(algorithm.parameters)
  throw new EngineError('unsupported-key-encryption', `key encryption algorithm ${algorithm.oid}`)
}

/** RFC 4055 4.1: RSAES-OAEP-params, all three with defaults. */
function readOaep(parameters: Element | null): Transport {
  if (!parameters?.is(0, Tag.sequence))
    throw new EngineError('cms-malformed', 'RSAES-OAEP without its parameters')
  const cursor = new Cursor(parameters)
  const hashField = cursor.optional(2, 0)
  const mgfField = cursor.optional(2, 1)
  const labelField = cursor.optional(2, 2)
  cursor.done('RSAES-OAEP-params')
  const hash = hashField === null ? 'sha1' : hashName(inside(hashField, 'hashFunc'))
  let mgfHash = 'sha1'
  if (mgfField !== null) {
    const mgf = inside(mgfField, 'maskGenFunc')
    if (mgf.oid !== Oid.idMgf1 || mgf.parameters === null)
      throw new EngineError('unsupported-key-encryption', `mask generation ${mgf.oid}`)
    mgfHash = hashName(readAlgorithm(mgf.parameters))
  }
  let label: Buffer = Buffer.alloc(0)
  if (labelField !== null) {
    const source = inside(labelField, 'pSourceFunc')
    if (source.oid !== Oid.idPSpecified || source.parameters === null)
      throw new EngineError('unsupported-key-encryption', `label source ${source.oid}`)
    label = toOctets(source.parameters)
  }
  return { scheme: 'oaep', hash, mgfHash, label }
}

function inside(element: Element, what: string): AlgorithmIdentifier {
  const cursor = new Cursor(element)
  const algorithm = readAlgorithm(cursor.next(what))
  cursor.done(what)
  return algorithm
}

function hashName(algorithm: AlgorithmIdentifier): string {
  if (algorithm.parameters !== null) toNull(algorithm.parameters)
  const name = digestOf(algorithm.oid)?.name
  if (name === undefined || !OAEP_HASHES.has(name))
    throw new EngineError('unsupported-key-encryption', `OAEP with hash ${algorithm.oid}`)
  return name
}

/** The name under which a transport is reported. */
export function transportName(transport: Transport): string {
  if (transport.scheme === 'pkcs1v15') return 'pkcs1v15'
  return transport.hash === transport.mgfHash
    ? `oaep-${transport.hash}`
    : `oaep-${transport.hash}-mgf1-${transport.mgfHash}`
}

/**
 * Opens a transported key: exactly one private key operation. Null means that it failed, for whatever reason.
 * PKCS #1 v1.5: the provider answers bad padding with pseudo-random octets, mostly of a wrong length (RFC 3218 2.3.2).
 */
export function unwrapTransported(transport: Transport, key: KeyObject, encryptedKey: Buffer): Buffer | null {
  try {
    if (transport.scheme === 'pkcs1v15')
      return privateDecrypt({ key, padding: constants.RSA_PKCS1_PADDING }, encryptedKey)
    const { hash, mgfHash, label } = transport
    if (hash !== mgfHash)
      return decodeOaep(
        privateDecrypt({ key, padding: constants.RSA_NO_PADDING }, encryptedKey),
        hash,
        mgfHash,
        label,
      )
    const padding = constants.RSA_PKCS1_OAEP_PADDING
    return privateDecrypt({ key, padding, oaepHash: hash, oaepLabel: label }, encryptedKey)
  } catch {
    // Nothing may tell one failure from another after the private key was used.
    return null
  }
}

/**
 * The same for a bare key that is tried on entries meant for others: here a wrong v1.5 padding must be told from a right
 * one, which only a person at the command line may learn.
 */
export function unwrapLoosely(transport: Transport, key: KeyObject, encryptedKey: Buffer): Buffer | null {
  if (transport.scheme !== 'pkcs1v15') return unwrapTransported(transport, key, encryptedKey)
  try {
    const block = privateDecrypt({ key, padding: constants.RSA_NO_PADDING }, encryptedKey)
    // RFC 8017 7.2.2: 00 02 PS 00 M, PS of at least eight octets
    const end = block.indexOf(0, 2)
    return block[0] === 0 && block[1] === 2 && end >= 10 ? block.subarray(end + 1) : null
  } catch {
    return null
  }
}

/** Key transport that is written. */
export type WrittenTransport = 'pkcs1v15' | 'oaep-sha256'

const sha256 = writeAlgorithm(Oid.sha256, nil())
const OAEP_SHA256 = writeAlgorithm(
  Oid.idRsaesOaep,
  sequence(explicit(0, sha256), explicit(1, writeAlgorithm(Oid.idMgf1, sha256))),
)
const PKCS1V15 = writeAlgorithm(Oid.rsaEncryption, nil())
const VERSION_0 = integer(0)

/** A KeyTransRecipientInfo in DER for one RSA certificate. */
export function writeKeyTransport(
  certificate: Certificate,
  contentKey: Buffer,
  transport: WrittenTransport,
): Buffer {
  const oaep = transport === 'oaep-sha256'
  const key = certificate.publicKey
  const encrypted = publicEncrypt(
    oaep
      ? { key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' }
      : { key, padding: constants.RSA_PKCS1_PADDING },
    contentKey,
  )
  // RFC 5652 6.2.1: version 0 with issuerAndSerialNumber
  return sequence(VERSION_0, certificate.issuerAndSerial, oaep ? OAEP_SHA256 : PKCS1V15, octets(encrypted))
}

/** The AlgorithmIdentifier of OAEP with SHA-256, for capability lists. */
export const OAEP_SHA256_ALGORITHM: Buffer = OAEP_SHA256

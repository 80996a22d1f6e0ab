/**
 * RSA key transport: PKCS #1 v1.5 (RFC 3370 4.2.1) and OAEP (RFC 3560). Parameters are read strictly and never guessed:
 * a broken OAEP AlgorithmIdentifier is no v1.5. A failed unwrap gives null and the caller goes on with a random key.
 */
import { constants, privateDecrypt, publicEncrypt } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { writeAlgorithm } from '../der/algorithm.ts'
import type { AlgorithmIdentifier } from '../der/algorithm.ts'
import { toNull } from '../der/decode.ts'
import { Oid } from '../der/oid.ts'
import { integer, nil, octets, sequence } from '../der/writer.ts'
import { EngineError } from '../errors.ts'
import type { Certificate } from '../x509/certificate.ts'
import { decodeOaep, encodeOaep } from './oaep.ts'
import { oaepWith, readOaep, writeOaep } from './oaep-parameters.ts'
import type { Oaep, OaepHash } from './oaep-parameters.ts'
import { writeIdentifier } from './recipient-id.ts'
import type { RecipientId } from './recipient-id.ts'

/** How a key was transported. */
export type Transport = { readonly scheme: 'pkcs1v15' } | Oaep

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

/** The name under which a transport is reported. */
export function transportName(transport: Transport): WrittenTransport {
  if (transport.scheme === 'pkcs1v15') return 'pkcs1v15'
  const { hash, mgfHash } = transport
  return hash === mgfHash ? `oaep-${hash}` : `oaep-${hash}-mgf1-${mgfHash}`
}

/**
 * Opens a transported key: exactly one private key operation. Null means that it failed, for whatever reason.
 * PKCS #1 v1.5: the provider answers bad padding with pseudo-random octets, mostly of a wrong length (RFC 3218 2.3.2).
 * OAEP is decoded here, because the provider reports bad padding by throwing, and the time that takes would tell.
 */
export function unwrapTransported(transport: Transport, key: KeyObject, encryptedKey: Buffer): Buffer | null {
  try {
    if (transport.scheme === 'pkcs1v15')
      return privateDecrypt({ key, padding: constants.RSA_PKCS1_PADDING }, encryptedKey)
    const block = privateDecrypt({ key, padding: constants.RSA_NO_PADDING }, encryptedKey)
    return decodeOaep(block, transport.hash, transport.mgfHash, transport.label)
  } catch {
    // Only for a ciphertext longer or larger than the modulus: that is in the message and tells nothing about the key.
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

/** Key transport that is written: PKCS #1 v1.5, or OAEP with the hash, and the mask generation hash where it differs. */
export type WrittenTransport = 'pkcs1v15' | `oaep-${OaepHash}` | `oaep-${OaepHash}-mgf1-${OaepHash}`

/** All transports that are written, v1.5 first. */
export const WRITTEN_TRANSPORTS: readonly WrittenTransport[] = (() => {
  const hashes = ['sha256', 'sha384', 'sha512', 'sha1', 'sha224'] as const
  const same = hashes.map((hash): WrittenTransport => `oaep-${hash}`)
  const mixed = hashes.flatMap((hash) =>
    hashes.filter((mgf) => mgf !== hash).map((mgf): WrittenTransport => `oaep-${hash}-mgf1-${mgf}`),
  )
  return ['pkcs1v15', ...same, ...mixed]
})()

const BY_NAME: ReadonlyMap<string, Transport> = new Map(
  WRITTEN_TRANSPORTS.map((name) => {
    const [scheme, hash, , mgf] = name.split('-') as [string, OaepHash?, string?, OaepHash?] // made above
    return [name, scheme === 'oaep' && hash !== undefined ? oaepWith(hash, mgf) : { scheme: 'pkcs1v15' }]
  }),
)

const PKCS1V15 = writeAlgorithm(Oid.rsaEncryption, nil())
const VERSION_0 = integer(0)
const VERSION_2 = integer(2)

/**
 * The transport for a certificate: the one asked for, or the one that the key itself demands (RFC 4055 4.1: an
 * id-RSAES-OAEP key is for OAEP only, and with its own parameters when it has some).
 * @throws EngineError `unsupported-key-encryption`, `cms-malformed`, `asn1-malformed`
 */
export function transportFor(certificate: Certificate, asked: WrittenTransport, label?: Buffer): Transport {
  const { oid, parameters } = certificate.keyAlgorithm
  const wanted = BY_NAME.get(asked)
  if (wanted === undefined) throw new EngineError('unsupported-key-encryption', asked)
  const own = oid === Oid.idRsaesOaep && parameters !== null ? readOaep(parameters) : null
  if (own !== null) return own
  const transport = oid === Oid.idRsaesOaep && wanted.scheme === 'pkcs1v15' ? oaepWith('sha256') : wanted
  return transport.scheme === 'oaep' && label !== undefined ? { ...transport, label } : transport
}

/** A KeyTransRecipientInfo in DER for one RSA certificate. @throws EngineError `request-invalid` */
export function writeKeyTransport(
  certificate: Certificate,
  contentKey: Buffer,
  transport: Transport,
  recipientId: RecipientId = 'issuer-and-serial',
): Buffer {
  const oaep = transport.scheme === 'oaep'
  // RFC 5652 6.2.1: version 0 with issuerAndSerialNumber, 2 with subjectKeyIdentifier
  return sequence(
    recipientId === 'ski' ? VERSION_2 : VERSION_0,
    writeIdentifier(certificate, recipientId),
    oaep ? writeOaep(transport) : PKCS1V15,
    octets(encryptTo(certificate.publicKey, contentKey, transport)),
  )
}

function encryptTo(key: KeyObject, contentKey: Buffer, transport: Transport): Buffer {
  if (transport.scheme === 'pkcs1v15')
    return publicEncrypt({ key, padding: constants.RSA_PKCS1_PADDING }, contentKey)
  const { hash, mgfHash, label } = transport
  if (hash === mgfHash) {
    const padding = constants.RSA_PKCS1_OAEP_PADDING
    return publicEncrypt({ key, padding, oaepHash: hash, oaepLabel: label }, contentKey)
  }
  const size = Math.ceil((key.asymmetricKeyDetails?.modulusLength ?? 0) / 8)
  const block = encodeOaep(contentKey, size, hash, mgfHash, label)
  if (block === null) throw new EngineError('unsupported-key-encryption', 'the RSA key is too short for OAEP')
  return publicEncrypt({ key, padding: constants.RSA_NO_PADDING }, block)
}

/** The AlgorithmIdentifier of OAEP with SHA-256, for capability lists. */
export const OAEP_SHA256_ALGORITHM: Buffer = writeOaep(oaepWith('sha256'))

/**
 * ECDH key agreement with an ephemeral key: NIST and Brainpool curves (RFC 5753) and X25519 (RFC 8418), read and written.
 * Points are checked by the provider when the key is made of them. A failed unwrap gives null, like in key transport.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
} from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { readAlgorithm, writeAlgorithm } from '../der/algorithm.ts'
import type { AlgorithmIdentifier } from '../der/algorithm.ts'
import { Oid } from '../der/oid.ts'
import { Cursor, Tag, readElement } from '../der/reader.ts'
import { bits, explicit, implicit, integer, octets, sequence, tlv } from '../der/writer.ts'
import { EngineError } from '../errors.ts'
import type { Certificate } from '../x509/certificate.ts'
import { keyAgreementOf, keyWrapOf } from './algorithms.ts'
import type { KeyAgreement, KeyWrap } from './algorithms.ts'
import { publicKeyInfo } from './identifier.ts'
import type { KeyAgreementEntry } from './recipient-info.ts'

/** A key agreement scheme with its key wrap. */
export interface Agreement {
  readonly scheme: KeyAgreement
  readonly wrap: KeyWrap
  /** The key wrap's AlgorithmIdentifier as sent: part of what the key is derived from. */
  readonly wrapAlgorithm: Buffer
}

/**
 * Reads a keyEncryptionAlgorithm.
 * @throws EngineError `unsupported-key-encryption`, `cms-malformed`, `asn1-malformed`
 */
export function readAgreement(algorithm: AlgorithmIdentifier): Agreement {
  const scheme = keyAgreementOf(algorithm.oid)
  if (scheme === null) throw new EngineError('unsupported-key-encryption', `key agreement ${algorithm.oid}`)
  // RFC 5753 7.1.4: the parameters are the key wrap's AlgorithmIdentifier
  if (!algorithm.parameters?.is(0, Tag.sequence))
    throw new EngineError('cms-malformed', 'key agreement without key wrap')
  const wrapping = readAlgorithm(algorithm.parameters)
  const wrap = keyWrapOf(wrapping.oid)
  if (wrap === null) throw new EngineError('unsupported-key-encryption', `key wrap ${wrapping.oid}`)
  return { scheme, wrap, wrapAlgorithm: wrapping.raw }
}

/** The name under which an agreement is reported. */
export function agreementName({ scheme, wrap }: Agreement): string {
  return `ecdh-${scheme.hash}${scheme.kdf === 'x963' ? 'kdf' : '-hkdf'}-aes${wrap.keyLength * 8}-wrap`
}

/** RFC 5753 7.2: ECC-CMS-SharedInfo. */
function sharedInfo(wrapAlgorithm: Buffer, ukm: Buffer | null, keyLength: number): Buffer {
  const suppPubInfo = Buffer.alloc(4)
  suppPubInfo.writeUInt32BE(keyLength * 8)
  const entity = ukm === null ? [] : [explicit(0, octets(ukm))]
  return sequence(wrapAlgorithm, ...entity, explicit(2, octets(suppPubInfo)))
}

/** SEC 1 3.6.1: the ANSI X9.63 key derivation function. */
function x963(hash: string, secret: Buffer, info: Buffer, length: number): Buffer {
  const blocks: Buffer[] = []
  const counter = Buffer.alloc(4)
  for (let at = 1, size = 0; size < length; at++) {
    counter.writeUInt32BE(at)
    const block = createHash(hash).update(secret).update(counter).update(info).digest()
    blocks.push(block)
    size += block.length
  }
  return Buffer.concat(blocks).subarray(0, length)
}

function deriveKey({ scheme, wrap, wrapAlgorithm }: Agreement, secret: Buffer, ukm: Buffer | null): Buffer {
  const info = sharedInfo(wrapAlgorithm, ukm, wrap.keyLength)
  if (scheme.kdf === 'x963') return x963(scheme.hash, secret, info, wrap.keyLength)
  // RFC 8418 2.2
  return Buffer.from(hkdfSync(scheme.hash, secret, Buffer.alloc(0), info, wrap.keyLength))
}

/** RFC 3394 2.2.3.1 */
const WRAP_IV = Buffer.alloc(8, 0xa6)

/** Opens an agreed key: exactly one private key operation. Null means that it failed, for whatever reason. */
export function unwrapAgreed(
  agreement: Agreement,
  key: KeyObject,
  recipient: KeyAgreementEntry,
): Buffer | null {
  try {
    const publicKey = originatorKey(recipient, key)
    const secret = diffieHellman({ privateKey: key, publicKey })
    const decipher = createDecipheriv(
      agreement.wrap.node,
      deriveKey(agreement, secret, recipient.ukm),
      WRAP_IV,
    )
    return Buffer.concat([decipher.update(recipient.encryptedKey), decipher.final()])
  } catch {
    // Nothing may tell one failure from another after the private key was used.
    return null
  }
}

/** The originator's public key, on the curve of our own key. */
function originatorKey({ originator }: KeyAgreementEntry, key: KeyObject): KeyObject {
  if (originator === null)
    throw new EngineError('unsupported-key-encryption', 'the originator is named by certificate')
  // RFC 5753 3.1.1: with absent or NULL parameters the curve is the recipient's
  const own = readAlgorithm(new Cursor(readElement(publicKeyInfo(key))).next('algorithm'))
  const spki = sequence(own.raw, bits(originator.bits))
  return createPublicKey({ key: spki, format: 'der', type: 'spki' })
}

/** What is written for a curve: the hash of the key derivation. */
const SCHEMES: ReadonlyMap<string, string> = new Map([
  ['prime256v1', Oid.dhSinglePassStdDhSha256Kdf],
  ['secp384r1', Oid.dhSinglePassStdDhSha384Kdf],
  ['secp521r1', Oid.dhSinglePassStdDhSha512Kdf],
  ['brainpoolP256r1', Oid.dhSinglePassStdDhSha256Kdf],
  ['brainpoolP384r1', Oid.dhSinglePassStdDhSha384Kdf],
  ['brainpoolP512r1', Oid.dhSinglePassStdDhSha512Kdf],
])

const VERSION_3 = integer(3)

/**
 * A KeyAgreeRecipientInfo in DER for one EC or X25519 certificate.
 * @throws EngineError `unsupported-key-encryption` for another kind of key
 */
export function writeKeyAgreement(certificate: Certificate, contentKey: Buffer): Buffer {
  const recipient = certificate.publicKey
  const curve = recipient.asymmetricKeyDetails?.namedCurve ?? ''
  const oid = recipient.asymmetricKeyType === 'x25519' ? Oid.dhSinglePassStdDhSha256Kdf : SCHEMES.get(curve)
  if (oid === undefined)
    throw new EngineError(
      'unsupported-key-encryption',
      `no key agreement with a key of type ${recipient.asymmetricKeyType ?? 'secret'}`,
    )
  // The key wrap is at least as strong as the content key and the curve.
  const wrapOid =
    contentKey.length > 16 || oid !== Oid.dhSinglePassStdDhSha256Kdf ? Oid.aes256Wrap : Oid.aes128Wrap
  const wrapAlgorithm = writeAlgorithm(wrapOid)
  const algorithm = writeAlgorithm(oid, wrapAlgorithm)
  const agreement = readAgreement(readAlgorithm(readElement(algorithm)))
  const ephemeral =
    recipient.asymmetricKeyType === 'x25519'
      ? generateKeyPairSync('x25519')
      : generateKeyPairSync('ec', { namedCurve: curve })
  const secret = diffieHellman({ privateKey: ephemeral.privateKey, publicKey: recipient })
  const cipher = createCipheriv(agreement.wrap.node, deriveKey(agreement, secret, null), WRAP_IV)
  const encrypted = Buffer.concat([cipher.update(contentKey), cipher.final()])
  // RFC 5652 6.2.2: OriginatorPublicKey has the shape of a SubjectPublicKeyInfo
  const originator = explicit(0, implicit(1, publicKeyInfo(ephemeral.publicKey)))
  const keys = sequence(sequence(certificate.issuerAndSerial, octets(encrypted)))
  return tlv(0xa1, VERSION_3, originator, algorithm, keys)
}

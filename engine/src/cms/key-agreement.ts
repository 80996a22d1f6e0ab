/**
 * ECDH key agreement with an ephemeral key: NIST and Brainpool curves (RFC 5753), X25519 and X448 (RFC 8418), read and
 * written. Points are checked by the provider when the key is made of them. A failed unwrap gives null, like in key transport.
 */
import { createPublicKey, diffieHellman, generateKeyPairSync } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { readAlgorithm, writeAlgorithm } from '../der/algorithm.ts'
import { Oid } from '../der/oid.ts'
import { Cursor, Tag, readElement } from '../der/reader.ts'
import { bits, explicit, implicit, integer, octets, sequence, tlv } from '../der/writer.ts'
import { EngineError } from '../errors.ts'
import type { Certificate } from '../x509/certificate.ts'
import { publicKeyInfo } from './identifier.ts'
import { deriveKek, keyAgreementWith, readAgreement } from './key-agreement-scheme.ts'
import type { Agreement } from './key-agreement-scheme.ts'
import type { KdfHash } from './key-derivation.ts'
import { unwrapKey, wrapKey } from './key-wrap.ts'
import { writeAgreementRecipient } from './recipient-id.ts'
import type { RecipientId } from './recipient-id.ts'
import type { KeyAgreementEntry } from './recipient-info.ts'
import { unwrapTripleDes } from './triple-des-wrap.ts'

/** Curves with a cofactor other than 1, where cofactor Diffie-Hellman gives another secret. */
const HAS_COFACTOR = /^(?:sect|c2|wap|Oakley)/

/**
 * Reads the agreement of an entry and judges, before the key is used, whether it could open it.
 * @throws EngineError `unsupported-key-encryption`, `legacy-cipher-refused`, `cms-malformed`, `asn1-malformed`
 */
export function readAgreementFor(entry: KeyAgreementEntry, key: KeyObject, allowLegacy: boolean): Agreement {
  const agreement = readAgreement(entry.algorithm, allowLegacy)
  if (entry.originator === null)
    throw new EngineError('unsupported-key-encryption', 'the originator is named by certificate')
  if (agreement.scheme.cofactor && HAS_COFACTOR.test(key.asymmetricKeyDetails?.namedCurve ?? ''))
    throw new EngineError('unsupported-key-encryption', 'cofactor Diffie-Hellman on this curve')
  return agreement
}

/** Opens an agreed key: exactly one private key operation. Null means that it failed, for whatever reason. */
export function unwrapAgreed(agreement: Agreement, key: KeyObject, entry: KeyAgreementEntry): Buffer | null {
  try {
    const secret = diffieHellman({ privateKey: key, publicKey: originatorKey(entry, key) })
    const unwrap = agreement.wrap.legacy ? unwrapTripleDes : unwrapKey
    return unwrap(deriveKek(agreement, secret, entry.ukm), entry.encryptedKey)
  } catch {
    // Only for a point that is none: that is in the message and tells nothing about the key.
    return null
  }
}

/** The originator's public key, on the curve of our own key. */
function originatorKey({ originator }: KeyAgreementEntry, key: KeyObject): KeyObject {
  if (originator === null)
    throw new EngineError('unsupported-key-encryption', 'the originator is named by certificate')
  const own = readAlgorithm(new Cursor(readElement(publicKeyInfo(key))).next('algorithm'))
  const { oid, parameters } = originator.algorithm
  // RFC 5753 7.1.2: parameters are absent, NULL, or name the curve; the curve is always the recipient's. RFC 8418 3.2
  const fits =
    parameters === null || parameters.is(0, Tag.null) || parameters.raw.equals(own.parameters?.raw ?? NOTHING)
  if (oid !== own.oid || !fits)
    throw new EngineError('cms-malformed', 'the originator key is on another curve')
  const spki = sequence(own.raw, bits(originator.bits))
  return createPublicKey({ key: spki, format: 'der', type: 'spki' })
}

const NOTHING = Buffer.alloc(0)

/** How to agree keys; what is left out follows the recipient's curve and the content cipher. */
export interface AgreementOptions {
  /** The key derivation function: default X9.63 for curves of RFC 5753, HKDF for X25519 and X448 (RFC 8551 2.3). */
  readonly kdf?: 'x963' | 'hkdf'
  /** For the key derivation. */
  readonly hash?: KdfHash
  /** Cofactor Diffie-Hellman (RFC 5753 3.1.1). Default false. */
  readonly cofactor?: boolean
  /** Bits of the AES key wrap. */
  readonly wrap?: 128 | 192 | 256
  /** User keying material. */
  readonly ukm?: Buffer
}

/** What is written for a curve: the hash of the key derivation. */
const HASHES: ReadonlyMap<string, KdfHash> = new Map([
  ['prime256v1', 'sha256'],
  ['secp384r1', 'sha384'],
  ['secp521r1', 'sha512'],
  ['brainpoolP256r1', 'sha256'],
  ['brainpoolP384r1', 'sha384'],
  ['brainpoolP512r1', 'sha512'],
  ['x25519', 'sha256'],
  ['x448', 'sha512'],
])

const WRAPS = { 128: Oid.aes128Wrap, 192: Oid.aes192Wrap, 256: Oid.aes256Wrap } as const

const VERSION_3 = integer(3)

/**
 * A KeyAgreeRecipientInfo in DER for one EC, X25519 or X448 certificate.
 * @throws EngineError `unsupported-key-encryption` for another kind of key, `request-invalid`
 */
export function writeKeyAgreement(
  certificate: Certificate,
  contentKey: Buffer,
  options: AgreementOptions = {},
  recipientId: RecipientId = 'issuer-and-serial',
): Buffer {
  const recipient = certificate.publicKey
  const curve = recipient.asymmetricKeyDetails?.namedCurve ?? recipient.asymmetricKeyType ?? ''
  const usual = HASHES.get(curve)
  if (usual === undefined)
    throw new EngineError('unsupported-key-encryption', `no key agreement with a key of type ${curve}`)
  const kdf = options.kdf ?? (curve === 'x25519' || curve === 'x448' ? 'hkdf' : 'x963')
  const { oid } = keyAgreementWith(kdf, options.hash ?? usual, options.cofactor ?? false)
  // The key wrap is at least as strong as the content key and the curve.
  const strong = contentKey.length > 16 || usual !== 'sha256'
  const algorithm = writeAlgorithm(oid, writeAlgorithm(WRAPS[options.wrap ?? (strong ? 256 : 128)]))
  const agreement = readAgreement(readAlgorithm(readElement(algorithm)))
  const ephemeral = ephemeralFor(curve)
  const secret = diffieHellman({ privateKey: ephemeral.privateKey, publicKey: recipient })
  const ukm = options.ukm ?? null
  const encrypted = wrapKey(deriveKek(agreement, secret, ukm), contentKey)
  // RFC 5652 6.2.2: OriginatorPublicKey has the shape of a SubjectPublicKeyInfo
  const originator = explicit(0, implicit(1, publicKeyInfo(ephemeral.publicKey)))
  const keys = sequence(sequence(writeAgreementRecipient(certificate, recipientId), octets(encrypted)))
  const material = ukm === null ? [] : [explicit(1, octets(ukm))]
  return tlv(0xa1, VERSION_3, originator, ...material, algorithm, keys)
}

function ephemeralFor(curve: string): { readonly publicKey: KeyObject; readonly privateKey: KeyObject } {
  if (curve === 'x25519') return generateKeyPairSync('x25519')
  if (curve === 'x448') return generateKeyPairSync('x448')
  return generateKeyPairSync('ec', { namedCurve: curve })
}

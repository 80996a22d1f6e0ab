/**
 * Key encapsulation: ML-KEM by KEMRecipientInfo (RFC 9629, RFC 9936), read and written. A wrong ciphertext yields another
 * shared secret and no error, so a failed unwrap looks like everywhere else: null.
 */
import { decapsulate, encapsulate } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { readAlgorithm, writeAlgorithm } from '../der/algorithm.ts'
import type { AlgorithmIdentifier } from '../der/algorithm.ts'
import { toOctets, toOid, toSmallInteger } from '../der/decode.ts'
import { Oid } from '../der/oid.ts'
import { Cursor, Tag } from '../der/reader.ts'
import type { Element } from '../der/reader.ts'
import { explicit, integer, octets, oid, sequence, tlv } from '../der/writer.ts'
import { EngineError } from '../errors.ts'
import type { Certificate } from '../x509/certificate.ts'
import { keyWrapOf } from './algorithms.ts'
import { toDer } from './der-form.ts'
import { readIdentifier } from './identifier.ts'
import type { Identifier } from './identifier.ts'
import { hkdf, kemOtherInfo } from './key-derivation.ts'
import type { KdfHash } from './key-derivation.ts'
import { unwrapKey, wrapKey } from './key-wrap.ts'
import { writeIdentifier } from './recipient-id.ts'
import type { RecipientId } from './recipient-id.ts'

/** The content key for one recipient, wrapped under an encapsulated secret (RFC 9629 3). */
export interface KemEntry {
  /** Tells it from the other recipients. */
  readonly kind: 'kem'
  /** Which certificate holds the key. */
  readonly identifier: Identifier
  /** The key encapsulation mechanism. */
  readonly kem: AlgorithmIdentifier
  /** The encapsulated secret. */
  readonly ciphertext: Buffer
  /** The key derivation. */
  readonly kdf: AlgorithmIdentifier
  /** In octets. */
  readonly kekLength: number
  /** The sender's own material for the key derivation; null if absent. */
  readonly ukm: Buffer | null
  /** The key wrap with its DER. */
  readonly wrap: {
    /** Dotted. */
    readonly oid: string
    /** The AlgorithmIdentifier as it stands. */
    readonly der: Buffer
  }
  /** The wrapped content key. */
  readonly encryptedKey: Buffer
}

/**
 * Reads the content of `[4] OtherRecipientInfo`. Null for another type than KEMRecipientInfo.
 * @throws EngineError `asn1-malformed`
 */
export function readKemRecipient(element: Element): KemEntry | null {
  const outer = new Cursor(element)
  if (toOid(outer.universal(Tag.oid, 'oriType')) !== Oid.idOriKem) return null
  const cursor = new Cursor(outer.universal(Tag.sequence, 'KEMRecipientInfo'))
  outer.done('OtherRecipientInfo')
  toSmallInteger(cursor.universal(Tag.integer, 'version'))
  const identifier = readIdentifier(cursor.next('rid'))
  const kem = readAlgorithm(cursor.next('kem'))
  const ciphertext = toOctets(cursor.universal(Tag.octetString, 'kemct'))
  const kdf = readAlgorithm(cursor.next('kdf'))
  const kekLength = toSmallInteger(cursor.universal(Tag.integer, 'kekLength'), 65535)
  const ukmField = cursor.optional(2, 0)
  const ukm = ukmField === null ? null : toOctets(new Cursor(ukmField).universal(Tag.octetString, 'ukm'))
  const wrapping = cursor.universal(Tag.sequence, 'wrap')
  const wrap = { oid: readAlgorithm(wrapping).oid, der: toDer(wrapping) }
  const encryptedKey = toOctets(cursor.universal(Tag.octetString, 'encryptedKey'))
  cursor.done('KEMRecipientInfo')
  return { kind: 'kem', identifier, kem, ciphertext, kdf, kekLength, ukm, wrap, encryptedKey }
}

const KEMS: ReadonlyMap<string, string> = new Map([
  [Oid.idMlKem512, 'ml-kem-512'],
  [Oid.idMlKem768, 'ml-kem-768'],
  [Oid.idMlKem1024, 'ml-kem-1024'],
])

const KDFS: ReadonlyMap<string, KdfHash> = new Map([
  [Oid.idAlgHkdfWithSha256, 'sha256'],
  [Oid.idAlgHkdfWithSha384, 'sha384'],
  [Oid.idAlgHkdfWithSha512, 'sha512'],
])

/** The algorithms of an entry, understood. */
export interface Encapsulation {
  /** As reported: `ml-kem-768-hkdf-sha256-aes256-wrap`. */
  readonly name: string
  readonly hash: KdfHash
}

/**
 * Reads the algorithms of an entry and judges, before the key is used, whether it could open it.
 * @throws EngineError `unsupported-key-encryption`, `cms-malformed`
 */
export function readEncapsulation(entry: KemEntry, key: KeyObject): Encapsulation {
  const kem = KEMS.get(entry.kem.oid)
  const hash = KDFS.get(entry.kdf.oid)
  const wrap = keyWrapOf(entry.wrap.oid)
  if (kem === undefined || hash === undefined || wrap === null || wrap.legacy)
    throw new EngineError(
      'unsupported-key-encryption',
      `KEM ${entry.kem.oid} with ${entry.kdf.oid} and ${entry.wrap.oid}`,
    )
  if (kem !== key.asymmetricKeyType)
    throw new EngineError('cms-malformed', `${kem} for a key of type ${key.asymmetricKeyType ?? 'secret'}`)
  // RFC 9629 3: kekLength must be that of the key wrap
  if (entry.kekLength !== wrap.keyLength)
    throw new EngineError('cms-malformed', `a key of ${entry.kekLength} octets for ${entry.wrap.oid}`)
  return { name: `${kem}-hkdf-${hash}-${wrap.name}`, hash }
}

/** Opens an entry: exactly one private key operation. Null means that it failed, for whatever reason. */
export function unwrapEncapsulated({ hash }: Encapsulation, key: KeyObject, entry: KemEntry): Buffer | null {
  try {
    const secret = decapsulate(key, entry.ciphertext)
    const info = kemOtherInfo(entry.wrap.der, entry.kekLength, entry.ukm)
    return unwrapKey(hkdf(hash, secret, null, info, entry.kekLength), entry.encryptedKey)
  } catch {
    // Only for a ciphertext of a wrong length, which is in the message and tells nothing about the key.
    return null
  }
}

const ALGORITHMS: ReadonlyMap<string, string> = new Map([...KEMS].map(([id, name]) => [name, id]))

/** Whether a key of this type is for encapsulation. */
export function isKemKey(key: KeyObject): boolean {
  return ALGORITHMS.has(key.asymmetricKeyType ?? '')
}

const KDF_SHA256 = writeAlgorithm(Oid.idAlgHkdfWithSha256)
const WRAP_128 = writeAlgorithm(Oid.aes128Wrap)
const WRAP_256 = writeAlgorithm(Oid.aes256Wrap)

/**
 * `[4]` with a KEMRecipientInfo in DER for one ML-KEM certificate.
 * @throws EngineError `unsupported-key-encryption` for another kind of key, `request-invalid`
 */
export function writeKem(
  certificate: Certificate,
  contentKey: Buffer,
  recipientId: RecipientId = 'issuer-and-serial',
  ukm: Buffer | null = null,
): Buffer {
  const key = certificate.publicKey
  const algorithm = ALGORITHMS.get(key.asymmetricKeyType ?? '')
  if (algorithm === undefined)
    throw new EngineError('unsupported-key-encryption', `no encapsulation to ${key.asymmetricKeyType ?? ''}`)
  // RFC 9936 3: HKDF with SHA-256; AES-128 wrap for ML-KEM-512, AES-256 wrap for the others
  const small = algorithm === Oid.idMlKem512 && contentKey.length <= 16
  const wrap = small ? WRAP_128 : WRAP_256
  const kekLength = small ? 16 : 32
  const { sharedKey, ciphertext } = encapsulate(key)
  const kek = hkdf('sha256', sharedKey, null, kemOtherInfo(wrap, kekLength, ukm), kekLength)
  const info = sequence(
    integer(0),
    writeIdentifier(certificate, recipientId),
    writeAlgorithm(algorithm),
    octets(ciphertext),
    KDF_SHA256,
    integer(kekLength),
    ...(ukm === null ? [] : [explicit(0, octets(ukm))]),
    wrap,
    octets(wrapKey(kek, contentKey)),
  )
  return tlv(0xa4, oid(Oid.idOriKem), info)
}

/**
 * Reads RecipientInfos (RFC 5652 6.2) and finds the one that a key is meant for, by identifiers alone. No private key is
 * used here: which entry is ours is decided before one is (the Bleichenbacher attacks by a second or a missing entry).
 */
import type { KeyObject } from 'node:crypto'
import { readAlgorithm } from '../der/algorithm.ts'
import type { AlgorithmIdentifier } from '../der/algorithm.ts'
import { toBits, toOctets, toSmallInteger } from '../der/decode.ts'
import { Cursor, Tag } from '../der/reader.ts'
import type { Element } from '../der/reader.ts'
import { EngineError } from '../errors.ts'
import type { Certificate } from '../x509/certificate.ts'
import {
  identifies,
  keyIdentifiers,
  publicKeyInfo,
  readIssuerAndSerial,
  readIdentifier,
} from './identifier.ts'
import type { Identifier } from './identifier.ts'
import { readKemRecipient } from './kem.ts'
import type { KemEntry } from './kem.ts'

/** Bound on entries that one message may hold. */
const MAX_RECIPIENTS = 2000

/** The content key for one recipient, encrypted to an RSA key. */
export interface KeyTransport {
  /** Tells it from the other recipients. */
  readonly kind: 'key-transport'
  /** Which certificate holds the key. */
  readonly identifier: Identifier
  /** How the content key is encrypted. */
  readonly algorithm: AlgorithmIdentifier
  /** The encrypted content key. */
  readonly encryptedKey: Buffer
}

/** The content key for one recipient, wrapped under an agreed key; a KeyAgreeRecipientInfo for many is taken apart. */
export interface KeyAgreementEntry {
  /** Tells it from the other recipients. */
  readonly kind: 'key-agreement'
  /** Which certificate holds the key. */
  readonly identifier: Identifier
  /** Key agreement with its key wrap. */
  readonly algorithm: AlgorithmIdentifier
  /** The wrapped content key. */
  readonly encryptedKey: Buffer
  /** The ephemeral public key; null when the originator is named by certificate instead. */
  readonly originator: {
    /** The algorithm of the key. */
    readonly algorithm: AlgorithmIdentifier
    /** The key bits. */
    readonly bits: Buffer
  } | null
  /** The sender's own material for the key derivation; null if absent. */
  readonly ukm: Buffer | null
}

/** An entry that some key can open. */
export type Recipient = KeyTransport | KeyAgreementEntry | KemEntry

/** A private key that may open a message. The certificate is null only for a bare key on the command line. */
export interface DecryptionKey {
  /** The private key. */
  readonly key: KeyObject
  /** By which recipients name the key; null: it is tried where the kind fits. */
  readonly certificate: Certificate | null
}

/**
 * Reads a SET OF RecipientInfo. Entries of other kinds (shared key, password, unknown others) are for nobody here and are
 * left out.
 * @throws EngineError `cms-too-many-recipients`, `cms-malformed`, `asn1-malformed`
 */
export function readRecipients(element: Element): readonly Recipient[] {
  const found: Recipient[] = []
  for (const each of element.children()) {
    if (each.is(0, Tag.sequence)) found.push(readKeyTransport(each))
    else if (each.is(2, 1)) found.push(...readKeyAgreement(each))
    else if (each.is(2, 4)) {
      const kem = readKemRecipient(each)
      if (kem !== null) found.push(kem)
    }
    if (found.length > MAX_RECIPIENTS)
      throw new EngineError('cms-too-many-recipients', `more than ${MAX_RECIPIENTS}`)
  }
  return found
}

function readKeyTransport(element: Element): KeyTransport {
  const cursor = new Cursor(element)
  toSmallInteger(cursor.universal(Tag.integer, 'version'))
  const identifier = readIdentifier(cursor.next('rid'))
  const algorithm = readAlgorithm(cursor.next('keyEncryptionAlgorithm'))
  const encryptedKey = toOctets(cursor.universal(Tag.octetString, 'encryptedKey'))
  cursor.done('KeyTransRecipientInfo')
  return { kind: 'key-transport', identifier, algorithm, encryptedKey }
}

function readKeyAgreement(element: Element): readonly KeyAgreementEntry[] {
  const cursor = new Cursor(element)
  toSmallInteger(cursor.universal(Tag.integer, 'version'))
  const originator = readOriginator(only(cursor.optional(2, 0), 'originator'))
  const ukmField = cursor.optional(2, 1)
  const ukm = ukmField === null ? null : toOctets(only(ukmField, 'ukm'))
  const algorithm = readAlgorithm(cursor.next('keyEncryptionAlgorithm'))
  const keys = cursor.universal(Tag.sequence, 'recipientEncryptedKeys').children()
  cursor.done('KeyAgreeRecipientInfo')
  if (keys.length > MAX_RECIPIENTS)
    throw new EngineError('cms-too-many-recipients', `more than ${MAX_RECIPIENTS}`)
  return keys.map((each) => {
    const inner = new Cursor(each)
    const identifier = readAgreementIdentifier(inner.next('rid'))
    const encryptedKey = toOctets(inner.universal(Tag.octetString, 'encryptedKey'))
    inner.done('RecipientEncryptedKey')
    return { kind: 'key-agreement', identifier, algorithm, encryptedKey, originator, ukm }
  })
}

/** The one child of an explicit tag. */
function only(element: Element | null, what: string): Element {
  if (element === null) throw new EngineError('asn1-malformed', `${what} is missing`)
  const cursor = new Cursor(element)
  const child = cursor.next(what)
  cursor.done(what)
  return child
}

/** RFC 5652 6.2.2: OriginatorIdentifierOrKey; only `[1] OriginatorPublicKey` is of use (RFC 5753 3.1.1). */
function readOriginator(element: Element): KeyAgreementEntry['originator'] {
  if (!element.is(2, 1)) return null
  const cursor = new Cursor(element)
  const algorithm = readAlgorithm(cursor.next('algorithm'))
  const { bytes } = toBits(cursor.universal(Tag.bitString, 'publicKey'))
  cursor.done('OriginatorPublicKey')
  return { algorithm, bits: bytes }
}

/** RFC 5652 6.2.2: KeyAgreeRecipientIdentifier. */
function readAgreementIdentifier(element: Element): Identifier {
  if (!element.is(2, 0)) return readIssuerAndSerial(element)
  return {
    kind: 'subject-key-id',
    keyId: toOctets(new Cursor(element).universal(Tag.octetString, 'subjectKeyIdentifier')),
  }
}

/** An entry and the key that it is meant for. */
export interface Match {
  readonly recipient: Recipient
  readonly key: DecryptionKey
}

/** Finds the entry for one of the keys with a certificate: the first that names one exactly. Null when there is none. */
export function exactMatch(recipients: readonly Recipient[], keys: readonly DecryptionKey[]): Match | null {
  for (const key of keys) {
    const { certificate } = key
    if (certificate === null) continue
    const recipient = recipients.find((each) => fits(each, key) && identifies(each.identifier, certificate))
    if (recipient !== undefined) return { recipient, key }
  }
  return null
}

/** Bound on entries that a bare key is tried on. */
const MAX_TRIES = 100

/**
 * For keys without a certificate, as a person at the command line may have one: the entry that names the key by its
 * identifier, or else every entry of the key's type, in order.
 */
export function looseMatches(
  recipients: readonly Recipient[],
  keys: readonly DecryptionKey[],
): readonly Match[] {
  const bare = keys.filter((key) => key.certificate === null)
  for (const key of bare) {
    const ids = keyIdentifiers(publicKeyInfo(key.key))
    const recipient = recipients.find(({ identifier, kind }) => {
      if (!fits({ kind }, key) || identifier.kind !== 'subject-key-id') return false
      return ids.some((id) => id.equals(identifier.keyId))
    })
    if (recipient !== undefined) return [{ recipient, key }]
  }
  const all = bare.flatMap((key) =>
    recipients.filter((each) => fits(each, key)).map((recipient) => ({ recipient, key })),
  )
  return all.slice(0, MAX_TRIES)
}

/** Kinds of entries by the type of the private key that opens them. */
const KINDS: Readonly<Record<string, Recipient['kind']>> = {
  rsa: 'key-transport',
  ec: 'key-agreement',
  x25519: 'key-agreement',
  x448: 'key-agreement',
  'ml-kem-512': 'kem',
  'ml-kem-768': 'kem',
  'ml-kem-1024': 'kem',
}

function fits(recipient: Pick<Recipient, 'kind'>, { key }: DecryptionKey): boolean {
  return recipient.kind === KINDS[key.asymmetricKeyType ?? '']
}

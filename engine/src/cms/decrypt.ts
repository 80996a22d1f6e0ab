/**
 * Opens EnvelopedData and AuthEnvelopedData. The order is the defence: everything that can be judged without a private key
 * is judged first and may say why; then one private key operation; whatever fails from there on is `decrypt-failed`.
 */
import { toOid } from '../der/decode.ts'
import { Oid } from '../der/oid.ts'
import { EngineError } from '../errors.ts'
import type { Reason } from '../reasons.ts'
import { attributeValue } from './attributes.ts'
import { checkContentLength, decryptPieces } from './content-encryption.ts'
import { readContentEncryption } from './content-parameters.ts'
import type { ContentEncryption } from './content-parameters.ts'
import type { EnvelopedData } from './enveloped-data.ts'
import { looseOpenings, opening } from './opening.ts'
import type { Opening } from './opening.ts'
import { exactMatch, looseMatches } from './recipient-info.ts'
import type { DecryptionKey } from './recipient-info.ts'
import { substituteKey } from './substitute-key.ts'

/** How to decrypt. */
export interface DecryptOptions {
  /** Also open content encrypted with 3DES or RC2-128. Default false. */
  readonly allowLegacy?: boolean
}

/** What came of decrypting one layer. */
export interface Decrypted {
  /** `failed` with the reason, else `decrypted`. */
  readonly status: 'decrypted' | 'failed'
  /** Null when decrypted. After a private key was used it is `decrypt-failed` and nothing else. */
  readonly reason: Reason | null
  /** The plaintext; null when failed. */
  readonly content: Buffer | null
  /** Type of the content, dotted. */
  readonly contentType: string
  /** As in `aes256-gcm`; the object identifier when unknown. */
  readonly contentEncryption: string
  /** As in `oaep-sha256`; null when no entry was chosen. */
  readonly keyEncryption: string | null
  /** Whether the content was protected against change (AES-GCM, AES-CCM, ChaCha20-Poly1305). */
  readonly authenticated: boolean
  /** Whether the cipher is outdated. */
  readonly legacy: boolean
  /** The key that was used; null when none was. */
  readonly key: DecryptionKey | null
}

/** What is known before the content is decrypted. */
type Facts = Omit<Decrypted, 'status' | 'reason' | 'content'>

/** A layer whose content key is at hand, right or wrong: only its content is still to be decrypted. */
export interface Unlocked {
  readonly facts: Facts
  readonly encryption: ContentEncryption
  readonly contentKey: Buffer
  /** It is known already that the layer does not open; its content is decrypted all the same. */
  readonly hopeless: boolean
}

/** Decrypts one layer. Never throws for what is in the message. */
export function decryptContent(
  data: EnvelopedData,
  keys: readonly DecryptionKey[],
  options: DecryptOptions = {},
): Decrypted {
  const length = data.encryptedContent.reduce((sum, piece) => sum + piece.length, 0)
  const unlocked = unlock(data, keys, options, length)
  if ('reason' in unlocked) return unlocked
  const { facts, encryption, contentKey, hopeless } = unlocked
  const content = decryptPieces(encryption, contentKey, data.encryptedContent, additionalData(data), data.mac)
  return content === null || hopeless ? failure('decrypt-failed', facts) : { ...success(facts), content }
}

/** The result of a layer that does not open. */
export function failure(reason: Reason, facts: Facts): Decrypted {
  return { status: 'failed', reason, content: null, ...facts }
}

/** The result of a layer that opens, without its content. */
export function success(facts: Facts): Omit<Decrypted, 'content'> {
  return { status: 'decrypted', reason: null, ...facts }
}

/** What is authenticated beside the content (RFC 5083 2.2). */
export function additionalData(data: EnvelopedData): Buffer | null {
  return data.authenticatedAttributes?.der ?? null
}

/**
 * Judges all that can be judged without a private key, then uses one. The content is not looked at.
 * @param length - octets of the ciphertext, which need not be in memory
 * @returns a content key, or why it never came to the use of a private key
 */
export function unlock(
  data: EnvelopedData,
  keys: readonly DecryptionKey[],
  options: DecryptOptions,
  length: number,
): Unlocked | Decrypted {
  const facts = {
    contentType: data.contentType,
    contentEncryption: data.contentEncryption.oid,
    keyEncryption: null as string | null,
    authenticated: data.kind === 'auth-enveloped-data',
    legacy: false,
    key: null as DecryptionKey | null,
  }
  let encryption: ContentEncryption
  let openings: readonly Opening[]
  let loose = false
  try {
    const { allowLegacy = false } = options
    encryption = readContentEncryption(data.contentEncryption, allowLegacy)
    facts.contentEncryption = encryption.cipher.name
    facts.legacy = encryption.cipher.legacy
    checkMode(data, encryption)
    checkContentLength(encryption.cipher, encryption.iv, length)
    const exact = exactMatch(data.recipients, keys)
    loose = exact === null
    openings =
      exact === null
        ? looseOpenings(looseMatches(data.recipients, keys), allowLegacy)
        : [opening(exact, { allowLegacy })]
  } catch (error) {
    if (error instanceof EngineError) return failure(error.code, facts)
    throw error
  }
  const [first] = openings
  if (first === undefined) return failure('no-matching-recipient', facts)
  facts.keyEncryption = first.name
  facts.key = first.key
  // RFC 3218 2.3.2: a key of the right length is at hand before the private key is used, and a bad one is replaced by it.
  const { keyLength } = encryption.cipher
  const random = substituteKey(keyLength)
  let contentKey: Buffer | null = null
  for (const each of openings) {
    const unwrapped = each.unwrap()
    if (contentKey !== null || unwrapped?.length !== keyLength) continue
    contentKey = unwrapped
    facts.keyEncryption = each.name
    facts.key = each.key
  }
  // A bare key knows for certain that no entry opened; what the random key makes of the content is noise.
  const hopeless = contentKey === null && loose
  return { facts, encryption, contentKey: contentKey ?? random, hopeless }
}

/** The cipher must fit the content type, and authenticated attributes the content (RFC 5083 2.1, 2.2). */
function checkMode(data: EnvelopedData, { cipher, tagLength }: ContentEncryption): void {
  const authenticated = data.kind === 'auth-enveloped-data'
  if (authenticated !== cipher.authenticated)
    throw new EngineError('unsupported-content-encryption', `${cipher.name} in ${data.kind}`)
  if (!authenticated) return
  if (data.mac?.length !== tagLength) throw new EngineError('cms-malformed', 'tag of a wrong length')
  const attributes = data.authenticatedAttributes
  const type = attributes === null ? null : attributeValue(attributes, Oid.idContentType)
  if (type === null ? data.contentType !== Oid.idData : toOid(type) !== data.contentType)
    throw new EngineError('content-type-mismatch', `authenticated attributes of ${data.contentType}`)
}

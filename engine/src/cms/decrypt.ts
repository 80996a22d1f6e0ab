/**
 * Opens EnvelopedData and AuthEnvelopedData. The order is the defence: everything that can be judged without a private key
 * is judged first and may say why; then one private key operation; whatever fails from there on is `decrypt-failed`.
 */
import { randomBytes } from 'node:crypto'
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

/** Decrypts one layer. Never throws for what is in the message. */
export function decryptContent(
  data: EnvelopedData,
  keys: readonly DecryptionKey[],
  options: DecryptOptions = {},
): Decrypted {
  const base = {
    contentType: data.contentType,
    contentEncryption: data.contentEncryption.oid,
    keyEncryption: null as string | null,
    authenticated: data.kind === 'auth-enveloped-data',
    legacy: false,
    key: null as DecryptionKey | null,
  }
  const failed = (reason: Reason): Decrypted => ({ status: 'failed', reason, content: null, ...base })
  let encryption: ContentEncryption
  let openings: readonly Opening[]
  let loose = false
  try {
    encryption = readContentEncryption(data.contentEncryption, options.allowLegacy ?? false)
    base.contentEncryption = encryption.cipher.name
    base.legacy = encryption.cipher.legacy
    checkMode(data, encryption)
    const length = data.encryptedContent.reduce((sum, piece) => sum + piece.length, 0)
    checkContentLength(encryption.cipher, encryption.iv, length)
    const exact = exactMatch(data.recipients, keys)
    loose = exact === null
    openings = exact === null ? looseOpenings(looseMatches(data.recipients, keys)) : [opening(exact, false)]
  } catch (error) {
    if (error instanceof EngineError) return failed(error.code)
    throw error
  }
  const [first] = openings
  if (first === undefined) return failed('no-matching-recipient')
  base.keyEncryption = first.name
  base.key = first.key
  // RFC 3218 2.3.2: a key of the right length is at hand before the private key is used, and a bad one is replaced by it.
  const { keyLength } = encryption.cipher
  const random = randomBytes(keyLength)
  let contentKey: Buffer | null = null
  for (const each of openings) {
    const unwrapped = each.unwrap()
    if (contentKey !== null || unwrapped?.length !== keyLength) continue
    contentKey = unwrapped
    base.keyEncryption = each.name
    base.key = each.key
  }
  const aad = data.authenticatedAttributes?.der ?? null
  const content = decryptPieces(encryption, contentKey ?? random, data.encryptedContent, aad, data.mac)
  if (content === null) return failed('decrypt-failed')
  // A bare key knows for certain that no entry opened; what the random key made of the content is noise.
  if (contentKey === null && loose) return failed('decrypt-failed')
  return { status: 'decrypted', reason: null, content, ...base }
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

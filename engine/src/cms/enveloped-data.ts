/**
 * Reads EnvelopedData (RFC 5652 6.1) and AuthEnvelopedData (RFC 5083 2.1) from BER or DER, and writes their common shape.
 * Structure only; keys are used in decrypt.ts and encrypt.ts.
 */
import { readAlgorithm } from '../der/algorithm.ts'
import type { AlgorithmIdentifier } from '../der/algorithm.ts'
import { octetChunks, toOctets, toOid, toSmallInteger } from '../der/decode.ts'
import { Cursor, Tag } from '../der/reader.ts'
import type { Element } from '../der/reader.ts'
import { EngineError } from '../errors.ts'
import { readAttributes } from './attributes.ts'
import type { AttributeSet } from './attributes.ts'
import { readRecipients } from './recipient-info.ts'
import type { Recipient } from './recipient-info.ts'

/** Encrypted content, read and not opened. */
export interface EnvelopedData {
  /** The second one has a tag that proves the content whole (RFC 5083). */
  readonly kind: 'enveloped-data' | 'auth-enveloped-data'
  /** In their order. */
  readonly recipients: readonly Recipient[]
  /** Type of the content inside, dotted. */
  readonly contentType: string
  /** The cipher with its parameters. */
  readonly contentEncryption: AlgorithmIdentifier
  /** The ciphertext in pieces. */
  readonly encryptedContent: readonly Buffer[]
  /** AuthEnvelopedData: the authenticated attributes; else null. */
  readonly authenticatedAttributes: AttributeSet | null
  /** AuthEnvelopedData: the authentication tag; else null. */
  readonly mac: Buffer | null
}

/**
 * Reads the EnvelopedData SEQUENCE.
 * @throws EngineError `asn1-malformed`, `cms-malformed`, `cms-too-many-recipients`
 */
export function readEnvelopedData(element: Element): EnvelopedData {
  const cursor = new Cursor(element)
  const common = readCommon(cursor)
  cursor.optional(2, 1)
  cursor.done('EnvelopedData')
  return { kind: 'enveloped-data', ...common, authenticatedAttributes: null, mac: null }
}

/**
 * Reads the AuthEnvelopedData SEQUENCE.
 * @throws EngineError `asn1-malformed`, `cms-malformed`, `attribute-duplicate`, `cms-too-many-recipients`
 */
export function readAuthEnvelopedData(element: Element): EnvelopedData {
  const cursor = new Cursor(element)
  const common = readCommon(cursor)
  const attributes = cursor.optional(2, 1)
  const mac = toOctets(cursor.universal(Tag.octetString, 'mac'))
  cursor.optional(2, 2)
  cursor.done('AuthEnvelopedData')
  return {
    kind: 'auth-enveloped-data',
    ...common,
    authenticatedAttributes: attributes === null ? null : readAttributes(attributes),
    mac,
  }
}

function readCommon(
  cursor: Cursor,
): Pick<EnvelopedData, 'recipients' | 'contentType' | 'contentEncryption' | 'encryptedContent'> {
  toSmallInteger(cursor.universal(Tag.integer, 'version'))
  cursor.optional(2, 0)
  const recipients = readRecipients(cursor.universal(Tag.set, 'recipientInfos'))
  const info = new Cursor(cursor.universal(Tag.sequence, 'encryptedContentInfo'))
  const contentType = toOid(info.universal(Tag.oid, 'contentType'))
  const contentEncryption = readAlgorithm(info.next('contentEncryptionAlgorithm'))
  const encrypted = info.optional(2, 0)
  info.done('EncryptedContentInfo')
  if (encrypted === null) throw new EngineError('cms-malformed', 'encrypted content is missing')
  return {
    recipients,
    contentType,
    contentEncryption,
    encryptedContent: octetChunks(encrypted, { implicit: true }),
  }
}

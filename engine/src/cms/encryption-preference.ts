/**
 * SMIMEEncryptionKeyPreference: which certificate a signer wants to be encrypted to (RFC 8551 2.5.3). Reads the attribute's value;
 * looks for no certificate.
 */
import { toOctets } from '../der/decode.ts'
import { Cursor, Tag } from '../der/reader.ts'
import type { Element } from '../der/reader.ts'
import { EngineError } from '../errors.ts'
import { readIssuerAndSerial, type Identifier } from './identifier.ts'

/**
 * Reads the value; all three choices are tagged implicitly.
 * @returns null when it cannot be read: it decides nothing about the signature
 */
export function readEncryptionPreference(element: Element): Identifier | null {
  try {
    if (element.is(2, 0)) return readIssuerAndSerial(element)
    // RFC 5652 6.2.2: a RecipientKeyIdentifier begins with the subject key identifier
    if (element.is(2, 1)) {
      const keyId = new Cursor(element).universal(Tag.octetString, 'subjectKeyIdentifier')
      return { kind: 'subject-key-id', keyId: toOctets(keyId) }
    }
    return element.is(2, 2) ? { kind: 'subject-key-id', keyId: toOctets(element, { implicit: true }) } : null
  } catch (error) {
    if (error instanceof EngineError) return null
    throw error
  }
}

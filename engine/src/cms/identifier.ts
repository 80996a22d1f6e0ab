/**
 * How CMS names the holder of a certificate: issuer and serial number, or subject key identifier (RFC 5652 5.3, 6.2.1).
 * Compared exactly; a name that only looks alike is another one.
 */
import { createHash, createPublicKey } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { toBits, toIntegerBytes, toOctets } from '../der/decode.ts'
import { Cursor, Tag, readElement } from '../der/reader.ts'
import type { Element } from '../der/reader.ts'
import { EngineError } from '../errors.ts'
import type { Certificate } from '../x509/certificate.ts'

/** A signer's or recipient's identifier. */
export type Identifier =
  | {
      /** Which form it is. */
      readonly kind: 'issuer-and-serial'
      /** DER of the Name. */
      readonly issuer: Buffer
      /** The content octets of the INTEGER. */
      readonly serial: Buffer
    }
  | {
      /** Which form it is. */
      readonly kind: 'subject-key-id'
      /** The octets of the subject key identifier. */
      readonly keyId: Buffer
    }

/** IssuerAndSerialNumber (RFC 5652 10.2.4). */
export function readIssuerAndSerial(element: Element): Identifier {
  const cursor = new Cursor(element)
  const issuer = cursor.universal(Tag.sequence, 'issuer').raw
  const serial = toIntegerBytes(cursor.universal(Tag.integer, 'serialNumber'))
  cursor.done('IssuerAndSerialNumber')
  return { kind: 'issuer-and-serial', issuer, serial }
}

/** SignerIdentifier and RecipientIdentifier: an IssuerAndSerialNumber or `[0] SubjectKeyIdentifier`. */
export function readIdentifier(element: Element): Identifier {
  if (element.is(0, Tag.sequence)) return readIssuerAndSerial(element)
  if (element.is(2, 0)) return { kind: 'subject-key-id', keyId: toOctets(element, { implicit: true }) }
  throw new EngineError(
    'cms-malformed',
    'an identifier that is neither issuer and serial nor subject key identifier',
  )
}

/** Whether the identifier names this certificate. */
export function identifies(identifier: Identifier, certificate: Certificate): boolean {
  if (identifier.kind === 'issuer-and-serial')
    return identifier.serial.equals(certificate.serial) && identifier.issuer.equals(certificate.issuer.raw)
  const { subjectKeyId, spki } = certificate
  const ids = subjectKeyId === null ? keyIdentifiers(spki) : [subjectKeyId]
  return ids.some((id) => id.equals(identifier.keyId))
}

/**
 * The key identifiers that a CA may have derived from a key: the SHA-1 hash of the subjectPublicKey bits (RFC 5280 4.2.1.2),
 * and the first 160 bits of their SHA-256 hash (RFC 7093 2). `spki` is the DER SubjectPublicKeyInfo.
 */
export function keyIdentifiers(spki: Buffer): readonly Buffer[] {
  const cursor = new Cursor(readElement(spki))
  cursor.next('algorithm')
  const { bytes } = toBits(cursor.universal(Tag.bitString, 'subjectPublicKey'))
  return [
    createHash('sha1').update(bytes).digest(),
    createHash('sha256').update(bytes).digest().subarray(0, 20),
  ]
}

/** The DER SubjectPublicKeyInfo that belongs to a key. */
export function publicKeyInfo(key: KeyObject): Buffer {
  return (key.type === 'public' ? key : createPublicKey(key)).export({ type: 'spki', format: 'der' })
}

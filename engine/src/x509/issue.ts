/**
 * Issues certificates: for the pilot's own CA, the demo and tests. A small profile of RFC 5280 with sound defaults.
 * It keeps no record of what it issued and judges no request: that is for a real CA.
 */
import { createHash, createPublicKey, randomBytes } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { EngineError } from '../errors.ts'
import { Oid } from '../der/oid.ts'
import { Cursor, Tag, readElement } from '../der/reader.ts'
import { bits, explicit, ia5, integer, oid, printable, sequence, set, time, utf8 } from '../der/writer.ts'
import type { Certificate } from './certificate.ts'
import { writeExtensions } from './issue-extensions.ts'
import type { IssueExtensions } from './issue-extensions.ts'
import { Name } from './name.ts'
import { signBytes, signatureAlgorithmFor } from './sign.ts'
import type { SignBytesOptions } from './sign.ts'

const ATTRIBUTES = {
  C: Oid.idAtCountryName,
  ST: Oid.idAtStateOrProvinceName,
  L: Oid.idAtLocalityName,
  O: Oid.idAtOrganizationName,
  OU: Oid.idAtOrganizationalUnitName,
  CN: Oid.idAtCommonName,
  GN: Oid.idAtGivenName,
  SN: Oid.idAtSurname,
  DC: Oid.idDomainComponent,
  UID: Oid.idAtUid,
  serialNumber: Oid.idAtSerialNumber,
  title: Oid.idAtTitle,
  pseudonym: Oid.idAtPseudonym,
  organizationIdentifier: Oid.idAtOrganizationIdentifier,
  emailAddress: Oid.idEmailAddress,
} as const

/** A subject by short names, one relative distinguished name each, in this order. */
export type SubjectAttributes = Readonly<Partial<Record<keyof typeof ATTRIBUTES, string>>>

/** What to issue. */
export interface IssueOptions {
  /** Whom the certificate is about. */
  readonly subject: SubjectAttributes | Name
  /** Who signs: without a certificate the new one is self-signed. */
  readonly issuer: {
    /** The certificate of the CA. */
    readonly certificate?: Certificate
    /** Its private key. */
    readonly key: KeyObject
  }
  /** The subject's key; of a private key its public half is taken. */
  readonly publicKey: KeyObject
  /** Unsigned, big endian. Default: 16 random octets. */
  readonly serial?: Buffer
  /** In milliseconds since 1970, like `notAfter`. */
  readonly notBefore: number
  /** The last moment of the validity, in milliseconds since 1970. */
  readonly notAfter: number
  /** What else the certificate says. */
  readonly extensions?: IssueExtensions
  /** How to sign. Default: as the key suggests. */
  readonly signature?: SignBytesOptions
}

/**
 * Issues a certificate and returns its DER.
 * @throws EngineError `request-invalid`, `unsupported-algorithm`
 */
export function issueCertificate(options: IssueOptions): Buffer {
  const { issuer, notBefore, notAfter, extensions = {} } = options
  const publicKey =
    options.publicKey.type === 'private' ? createPublicKey(options.publicKey) : options.publicKey
  if (notAfter < notBefore) throw new EngineError('request-invalid', 'notAfter before notBefore')
  const signer = createPublicKey(issuer.key)
  if (!(issuer.certificate?.publicKey ?? publicKey).equals(signer))
    throw new EngineError('request-invalid', 'the key is not the one of the issuer')
  const spki = publicKey.export({ format: 'der', type: 'spki' })
  const subject = options.subject instanceof Name ? options.subject.raw : writeName(options.subject)
  const algorithm = signatureAlgorithmFor(issuer.key, options.signature)
  const subjectKeyId = keyIdOf(spki)
  const authorityKeyId = issuer.certificate === undefined ? subjectKeyId : issuer.certificate.subjectKeyId
  const written = writeExtensions(extensions, {
    subjectKeyId,
    authorityKeyId,
    emptySubject: subject.length === 2,
  })
  const tbs = sequence(
    ...(written.length === 0 ? [] : [explicit(0, integer(2))]),
    integer(options.serial ?? randomSerial()),
    algorithm,
    issuer.certificate?.subject.raw ?? subject,
    sequence(time(notBefore), time(notAfter)),
    subject,
    spki,
    ...(written.length === 0 ? [] : [explicit(3, sequence(...written))]),
  )
  return sequence(tbs, algorithm, bits(signBytes(issuer.key, tbs, options.signature).signature))
}

/** RFC 5280 4.1.2.2: positive and at most 20 octets. */
function randomSerial(): Buffer {
  const serial = randomBytes(16)
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40
  return serial
}

/** RFC 7093 2, method 1: the left-most 160 bits of the SHA-256 of the key. */
function keyIdOf(spki: Buffer): Buffer {
  const cursor = new Cursor(readElement(spki))
  cursor.next('algorithm')
  const key = cursor.universal(Tag.bitString, 'subjectPublicKey').content.subarray(1)
  return createHash('sha256').update(key).digest().subarray(0, 20)
}

/** The DER of a name from short names, in the order given. */
export function writeName(attributes: SubjectAttributes): Buffer {
  const parts: Buffer[] = []
  for (const [short, type] of Object.entries(attributes)) {
    if (!isAttribute(short)) throw new EngineError('request-invalid', `unknown attribute ${short}`)
    parts.push(set(sequence(oid(ATTRIBUTES[short]), attributeValue(short, type))))
  }
  return sequence(...parts)
}

function isAttribute(short: string): short is keyof typeof ATTRIBUTES {
  return Object.hasOwn(ATTRIBUTES, short)
}

/** RFC 5280 appendix A: country and serial number are PrintableString, mail address and domain component IA5String. */
function attributeValue(short: keyof typeof ATTRIBUTES, value: string): Buffer {
  if (short === 'C' || short === 'serialNumber') return printable(value)
  if (short === 'emailAddress' || short === 'DC') return ia5(value)
  return utf8(value)
}

/**
 * X.509 certificates (RFC 5280 4.1): one parsed certificate with everything a decision needs.
 * Form is checked here, strictly and in DER; trust is not: that is path.ts.
 */
import { createPublicKey, hash } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { EngineError } from '../errors.ts'
import { readAlgorithm } from '../der/algorithm.ts'
import type { AlgorithmIdentifier } from '../der/algorithm.ts'
import { toBits, toIntegerBytes, toSmallInteger, toTime } from '../der/decode.ts'
import { Oid } from '../der/oid.ts'
import { Cursor, Tag, malformed, readElement } from '../der/reader.ts'
import type { Element } from '../der/reader.ts'
import { bits, oid, sequence, tlv } from '../der/writer.ts'
import { ipText } from './address.ts'
import { certificateEmails } from './certificate-emails.ts'
import type { CertificateEmails } from './certificate-emails.ts'
import { parseExtensions, readExtensions } from './extensions.ts'
import type { BasicConstraints, Extension, KeyUsage, ParsedExtensions } from './extensions.ts'
import { Name } from './name.ts'
import { importOaepKey } from './oaep-key.ts'
import { readRsaSize } from './rsa-size.ts'
import type { RsaSize } from './rsa-size.ts'
import type { TrustSettings } from './trust-settings.ts'

interface Fields {
  readonly raw: Buffer
  readonly tbs: Buffer
  readonly version: 1 | 2 | 3
  readonly serial: Buffer
  readonly issuer: Name
  readonly subject: Name
  readonly notBefore: number
  readonly notAfter: number
  readonly spki: Buffer
  readonly keyAlgorithm: AlgorithmIdentifier
  readonly keyBits: Buffer
  readonly extensions: readonly Extension[]
  readonly signatureAlgorithm: AlgorithmIdentifier
  readonly signature: Buffer
  readonly trustSettings: TrustSettings | null
}

/** A parsed certificate. Its bytes are its own copy: it keeps no mail in memory. */
export class Certificate {
  /** The whole DER. */
  readonly raw: Buffer
  /** The signed part. */
  readonly tbs: Buffer
  /** Version 3 is the one with extensions. */
  readonly version: 1 | 2 | 3
  /** The content octets of the serial number. */
  readonly serial: Buffer
  /** Who signed it, by name. */
  readonly issuer: Name
  /** Whom it is about; may be empty where subjectAltName names them. */
  readonly subject: Name
  /** First valid moment, in milliseconds since 1970. */
  readonly notBefore: number
  /** Last valid moment (inclusive), in milliseconds since 1970. */
  readonly notAfter: number
  /** The DER of SubjectPublicKeyInfo. */
  readonly spki: Buffer
  /** The algorithm of the subject's key. */
  readonly keyAlgorithm: AlgorithmIdentifier
  /** The subjectPublicKey BIT STRING's octets. */
  readonly keyBits: Buffer
  /** All extensions in their order, understood or not. */
  readonly extensions: readonly Extension[]
  /** The values of the extensions that are understood. */
  readonly parsed: ParsedExtensions
  /** The same inside and outside the signed part. */
  readonly signatureAlgorithm: AlgorithmIdentifier
  /** The issuer's signature over `tbs`. */
  readonly signature: Buffer
  /** What the owner of a trust store said beside the certificate; not part of it. */
  readonly trustSettings: TrustSettings | null
  private key: KeyObject | null = null
  private adopted: Buffer | null = null
  private sha256: string | null = null
  private size: RsaSize | null | undefined
  private addresses: CertificateEmails | null = null

  /** @internal */
  constructor(fields: Fields) {
    this.raw = fields.raw
    this.tbs = fields.tbs
    this.version = fields.version
    this.serial = fields.serial
    this.issuer = fields.issuer
    this.subject = fields.subject
    this.notBefore = fields.notBefore
    this.notAfter = fields.notAfter
    this.spki = fields.spki
    this.keyAlgorithm = fields.keyAlgorithm
    this.keyBits = fields.keyBits
    this.extensions = fields.extensions
    this.parsed = parseExtensions(fields.extensions)
    this.signatureAlgorithm = fields.signatureAlgorithm
    this.signature = fields.signature
    this.trustSettings = fields.trustSettings
  }

  /** The serial number in lower-case hexadecimal. */
  get serialHex(): string {
    return this.serial.toString('hex')
  }

  /**
   * The subject's public key, made on first use.
   * @throws EngineError `unsupported-algorithm`
   */
  get publicKey(): KeyObject {
    this.key ??= importPublicKey(this.spki, this.keyAlgorithm.oid, this.keyBits)
    return this.key
  }

  /**
   * The type of the key as node:crypto names it; undefined where it names none.
   * @throws EngineError `unsupported-algorithm`
   */
  get keyType(): string | undefined {
    // What the certificate says need not be asked of the provider, which is dearer
    return this.keyAlgorithm.oid === Oid.rsaEncryption ? 'rsa' : this.publicKey.asymmetricKeyType
  }

  /** @internal Length and exponent of an rsaEncryption key; null for another one, and where they cannot be read. */
  get rsaSize(): RsaSize | null {
    if (this.keyAlgorithm.oid !== Oid.rsaEncryption) return null
    if (this.size === undefined) this.size = readRsaSize(this.keyBits)
    return this.size
  }

  /** Whether this is a DSA key without parameters: its issuer's count (RFC 3279 2.3.2). */
  get inheritsParameters(): boolean {
    return this.keyAlgorithm.oid === Oid.idDsa && this.keyAlgorithm.parameters === null
  }

  /** The DER of a DSA key's parameters, its own or those adopted; null if they are not known, or it is no DSA key. */
  get dsaParameters(): Buffer | null {
    return this.keyAlgorithm.oid === Oid.idDsa ? (this.keyAlgorithm.parameters?.raw ?? this.adopted) : null
  }

  /** Completes a DSA key by its issuer's parameters. Only for dsa-inheritance.ts, which finds them. */
  adoptParameters(parameters: Buffer): void {
    const spki = sequence(sequence(oid(Oid.idDsa), parameters), bits(this.keyBits))
    this.key = importPublicKey(spki, Oid.idDsa, this.keyBits)
    this.adopted = parameters
  }

  /** The SHA-256 of the whole certificate in lower-case hexadecimal. */
  get fingerprint(): string {
    this.sha256 ??= hash('sha256', this.raw, 'hex')
    return this.sha256
  }

  /** The DER of IssuerAndSerialNumber (RFC 5652 10.2.4). */
  get issuerAndSerial(): Buffer {
    return sequence(this.issuer.raw, tlv(0x02, this.serial))
  }

  /**
   * The mail addresses: rfc822Name and SmtpUTF8Mailbox of subjectAltName that are strict addr-specs; the subject's
   * emailAddress only if subjectAltName names no mail address at all.
   */
  get emails(): readonly string[] {
    return this.emailNames.accepted
  }

  /** The mail addresses taken, and the texts refused because they are no strict addr-spec. */
  get emailNames(): CertificateEmails {
    this.addresses ??= certificateEmails(this.parsed.subjectAltName, this.subject)
    return this.addresses
  }

  /** The DNS names of subjectAltName as they stand. */
  get dnsNames(): readonly string[] {
    return (this.parsed.subjectAltName ?? []).flatMap((name) => (name.kind === 'dns' ? [name.text] : []))
  }

  /** The IP addresses of subjectAltName as text. */
  get ipAddresses(): readonly string[] {
    return (this.parsed.subjectAltName ?? []).flatMap((name) =>
      name.kind === 'ip' ? [ipText(name.bytes)] : [],
    )
  }

  /** RFC 5280 4.2.1.2; null if absent. */
  get subjectKeyId(): Buffer | null {
    return this.parsed.subjectKeyId
  }

  /** The keyIdentifier of RFC 5280 4.2.1.1; null if absent. */
  get authorityKeyId(): Buffer | null {
    return this.parsed.authorityKeyId
  }

  /** RFC 5280 4.2.1.3; null if absent, which allows everything. */
  get keyUsage(): ReadonlySet<KeyUsage> | null {
    return this.parsed.keyUsage
  }

  /** Dotted purposes (RFC 5280 4.2.1.12); null if absent, which allows every purpose. */
  get extendedKeyUsage(): readonly string[] | null {
    return this.parsed.extendedKeyUsage
  }

  /** RFC 5280 4.2.1.9; null if absent, which means no CA. */
  get basicConstraints(): BasicConstraints | null {
    return this.parsed.basicConstraints
  }

  /** Whether subject and issuer are the same name (RFC 5280 6.1). */
  get selfIssued(): boolean {
    return this.subject.equals(this.issuer)
  }

  /** Whether both are the same certificate, byte for byte. */
  equals(other: Certificate): boolean {
    return this === other || this.raw.equals(other.raw)
  }

  /** Whether both name the same subject with the same key; twice in a chain they are a loop (RFC 4158 2.4.2). */
  sameEntity(other: Certificate): boolean {
    return this === other || (this.spki.equals(other.spki) && this.subject.equals(other.subject))
  }
}

function importPublicKey(spki: Buffer, algorithm: string, keyBits: Buffer): KeyObject {
  try {
    if (algorithm === Oid.idRsaesOaep) return importOaepKey(spki)
    // RFC 3279 2.3.1: the key alone, which the provider reads in half the time
    if (algorithm === Oid.rsaEncryption)
      return createPublicKey({ key: keyBits, format: 'der', type: 'pkcs1' })
    return createPublicKey({ key: spki, format: 'der', type: 'spki' })
  } catch {
    throw new EngineError('unsupported-algorithm', `public key of algorithm ${algorithm} is not usable`)
  }
}

/**
 * Parses one DER certificate.
 * @param trustSettings - what its owner said beside it
 * @throws EngineError `asn1-malformed`, `asn1-too-deep`, `extension-duplicate`, `certificate-malformed`
 */
export function parseCertificate(bytes: Buffer, trustSettings: TrustSettings | null = null): Certificate {
  // A copy, so that a kept certificate does not keep the mail it came in
  const raw = Buffer.from(bytes)
  const outer = sequenceCursor(readElement(raw), 'Certificate')
  const tbs = outer.universal(Tag.sequence, 'tbsCertificate')
  const signatureAlgorithm = readAlgorithm(outer.next('signatureAlgorithm'))
  const signature = wholeOctets(outer.next('signatureValue'), 'signatureValue')
  outer.done('Certificate')

  const cursor = new Cursor(tbs)
  const version = readVersion(cursor.optional(2, 0))
  const serial = toIntegerBytes(cursor.next('serialNumber'))
  const innerAlgorithm = readAlgorithm(cursor.next('signature'))
  // RFC 5280 4.1.1.2: the two must be the same
  if (!innerAlgorithm.raw.equals(signatureAlgorithm.raw))
    throw new EngineError('certificate-malformed', 'signature algorithm inside and outside differ')
  const issuer = new Name(cursor.next('issuer'))
  const validity = sequenceCursor(cursor.next('validity'), 'validity')
  const notBefore = toTime(validity.next('notBefore'))
  const notAfter = toTime(validity.next('notAfter'))
  validity.done('validity')
  const subject = new Name(cursor.next('subject'))
  const key = readKeyInfo(cursor.next('subjectPublicKeyInfo'))
  const extensions = readTail(cursor, version)
  return new Certificate({
    ...{ raw, tbs: tbs.raw, version, serial, issuer, subject, notBefore, notAfter },
    ...{ ...key, extensions, signatureAlgorithm, signature, trustSettings },
  })
}

function sequenceCursor(element: Element, what: string): Cursor {
  if (!element.is(0, Tag.sequence)) throw malformed(`${what} is not a SEQUENCE`)
  return new Cursor(element)
}

function wholeOctets(element: Element, what: string): Buffer {
  const { bytes, unused } = toBits(element)
  if (unused !== 0) throw malformed(`${what} is not a number of whole octets`)
  return bytes
}

function readVersion(tagged: Element | null): 1 | 2 | 3 {
  if (tagged === null) return 1
  const cursor = new Cursor(tagged)
  const version = toSmallInteger(cursor.next('version'), 2)
  cursor.done('version')
  return version === 0 ? 1 : version === 1 ? 2 : 3
}

function readKeyInfo(element: Element): Pick<Fields, 'spki' | 'keyAlgorithm' | 'keyBits'> {
  const cursor = sequenceCursor(element, 'subjectPublicKeyInfo')
  const keyAlgorithm = readAlgorithm(cursor.next('key algorithm'))
  const keyBits = wholeOctets(cursor.next('subjectPublicKey'), 'subjectPublicKey')
  cursor.done('subjectPublicKeyInfo')
  return { spki: element.raw, keyAlgorithm, keyBits }
}

/** The optional fields behind the key. RFC 5280 4.1.2.8 and 4.1.2.9: only from version 2 and 3. */
function readTail(cursor: Cursor, version: number): readonly Extension[] {
  const ids = [cursor.optional(2, 1), cursor.optional(2, 2)]
  const tagged = cursor.optional(2, 3)
  cursor.done('tbsCertificate')
  if (version < 2 && ids.some((id) => id !== null))
    throw new EngineError('certificate-malformed', 'unique identifier in a version 1 certificate')
  if (tagged === null) return []
  if (version < 3) throw new EngineError('certificate-malformed', 'extensions before version 3')
  const inner = new Cursor(tagged)
  const extensions = readExtensions(inner.next('extensions'))
  inner.done('extensions')
  return extensions
}

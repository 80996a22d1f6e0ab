/**
 * Certificate requests, PKCS#10 (RFC 2986), with the extensions that are asked for (RFC 2985 5.4.2): written for our own keys,
 * read by our own CA. A request that its own key did not sign is refused; whether to grant it is for the CA.
 */
import { createPublicKey } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { EngineError } from '../errors.ts'
import { readAlgorithm } from '../der/algorithm.ts'
import { toBits, toOid, toSmallInteger } from '../der/decode.ts'
import { Oid } from '../der/oid.ts'
import { looksLikePem, readPem } from '../der/pem.ts'
import { Cursor, Tag, malformed, readElement } from '../der/reader.ts'
import type { Element } from '../der/reader.ts'
import { bits, implicit, integer, oid, sequence, set } from '../der/writer.ts'
import { certificateEmails } from './certificate-emails.ts'
import type { CertificateEmails } from './certificate-emails.ts'
import { parseExtensions, readExtensions } from './extensions.ts'
import type { Extension, ParsedExtensions } from './extensions.ts'
import { writeName } from './issue.ts'
import type { SubjectAttributes } from './issue.ts'
import { writeExtensions } from './issue-extensions.ts'
import type { IssueExtensions } from './issue-extensions.ts'
import { Name } from './name.ts'
import { signBytes, signatureAlgorithmFor } from './sign.ts'
import type { SignBytesOptions } from './sign.ts'
import { verifySignature } from './signature.ts'

/** What to ask for. */
export interface CsrOptions {
  /** Whom the certificate is to be about. */
  readonly subject: SubjectAttributes | Name
  /** The private key; it signs the request. */
  readonly key: KeyObject
  /** With `smimeCapabilities` the capabilities stand in the certificate (RFC 4262). Key identifiers are never asked for. */
  readonly extensions?: Omit<IssueExtensions, 'keyIds'>
  /** How to sign. Default: as the key suggests. */
  readonly signature?: SignBytesOptions
}

/**
 * Writes a request and returns its DER.
 * @throws EngineError `request-invalid`, `unsupported-algorithm` for keys that cannot sign
 */
export function writeCsr(options: CsrOptions): Buffer {
  const { key, extensions = {} } = options
  const subject = options.subject instanceof Name ? options.subject.raw : writeName(options.subject)
  const wanted = writeExtensions(
    { ...extensions, keyIds: false },
    { subjectKeyId: Buffer.alloc(0), authorityKeyId: null, emptySubject: subject.length === 2 },
  )
  const attributes =
    wanted.length === 0 ? set() : set(sequence(oid(Oid.pkcs9ExtensionRequest), set(sequence(...wanted))))
  const info = sequence(
    ...[integer(0), subject, createPublicKey(key).export({ format: 'der', type: 'spki' })],
    // RFC 2986 4.1: always there, even if empty
    implicit(0, attributes),
  )
  const algorithm = signatureAlgorithmFor(key, options.signature)
  return sequence(info, algorithm, bits(signBytes(key, info, options.signature).signature))
}

/** A request that its key signed. */
export interface Csr {
  /** Whom the certificate is to be about. */
  readonly subject: Name
  /** The key to certify; the request is signed with its private half. */
  readonly publicKey: KeyObject
  /** The extensions asked for, as they stand. */
  readonly extensions: readonly Extension[]
  /** Those that are understood. */
  readonly parsed: ParsedExtensions
  /** The mail addresses asked for, as a certificate would name them. */
  readonly emails: CertificateEmails
  /** SMIMECapabilities in DER; null if not asked for (RFC 4262). */
  readonly smimeCapabilities: Buffer | null
}

/** More attributes are refused. */
const MAX_ATTRIBUTES = 100
/** RFC 7468 7, and the older label. */
const LABELS: ReadonlySet<string> = new Set(['CERTIFICATE REQUEST', 'NEW CERTIFICATE REQUEST'])

/**
 * Reads a request in DER or PEM and checks that its key signed it.
 * @throws EngineError `asn1-malformed`, `pem-malformed`, `csr-malformed`, `csr-signature-invalid`, `extension-duplicate`,
 * `unsupported-algorithm`
 */
export function readCsr(bytes: Buffer): Csr {
  const outer = sequenceCursor(readElement(Buffer.from(derOf(bytes))), 'CertificationRequest')
  const info = outer.universal(Tag.sequence, 'certificationRequestInfo')
  const algorithm = readAlgorithm(outer.next('signatureAlgorithm'))
  const signature = toBits(outer.next('signature'))
  outer.done('CertificationRequest')
  const cursor = new Cursor(info)
  toSmallInteger(cursor.next('version'), 0)
  const subject = new Name(cursor.next('subject'))
  const publicKey = readKey(cursor.universal(Tag.sequence, 'subjectPKInfo'))
  // RFC 2986 4.1 has them always; some programs leave out an empty set
  const attributes = cursor.optional(2, 0)?.children() ?? []
  cursor.done('certificationRequestInfo')
  if (signature.unused !== 0 || !verifySignature(algorithm, publicKey, info.raw, signature.bytes))
    throw new EngineError('csr-signature-invalid', 'not signed by the key in it')
  const extensions = requested(attributes)
  const parsed = parseExtensions(extensions)
  return {
    ...{ subject, publicKey, extensions, parsed },
    emails: certificateEmails(parsed.subjectAltName, subject),
    smimeCapabilities: extensions.find((each) => each.oid === Oid.smimeCapabilities)?.value ?? null,
  }
}

function derOf(bytes: Buffer): Buffer {
  if (!looksLikePem(bytes)) return bytes
  const block = readPem(bytes).find(({ label }) => LABELS.has(label))
  if (block === undefined) throw new EngineError('pem-malformed', 'no certificate request in the file')
  return block.bytes
}

function sequenceCursor(element: Element, what: string): Cursor {
  if (!element.is(0, Tag.sequence)) throw malformed(`${what} is not a SEQUENCE`)
  return new Cursor(element)
}

function readKey({ raw }: Element): KeyObject {
  try {
    return createPublicKey({ key: raw, format: 'der', type: 'spki' })
  } catch {
    throw new EngineError('unsupported-algorithm', 'the public key is not usable')
  }
}

/** RFC 2985 5.4.2: one attribute with one value. */
function requested(attributes: readonly Element[]): readonly Extension[] {
  if (attributes.length > MAX_ATTRIBUTES)
    throw new EngineError('csr-malformed', `more than ${MAX_ATTRIBUTES} attributes`)
  const found: (readonly Extension[])[] = []
  for (const attribute of attributes) {
    // GnuPG 2.2 writes an empty SEQUENCE when it asks for no extensions
    if (attribute.is(0, Tag.sequence) && attribute.length === 0) continue
    const cursor = sequenceCursor(attribute, 'Attribute')
    const type = toOid(cursor.next('type'))
    const values = cursor.universal(Tag.set, 'values').children()
    cursor.done('Attribute')
    if (type !== Oid.pkcs9ExtensionRequest) continue
    const [value, ...more] = values
    if (value === undefined || more.length > 0)
      throw new EngineError('csr-malformed', 'extension request without exactly one value')
    found.push(readExtensions(value))
  }
  if (found.length > 1) throw new EngineError('csr-malformed', 'two extension requests')
  return found[0] ?? []
}

/**
 * OCSP responses (RFC 6960 4.2), parsed: who answered, when, and what about which certificates. A response that tells of a
 * failure is one too. Form is checked here; whether it may be believed is for ocsp-status.ts.
 */
import { createHash } from 'node:crypto'
import { EngineError } from '../errors.ts'
import { readAlgorithm } from '../der/algorithm.ts'
import type { AlgorithmIdentifier } from '../der/algorithm.ts'
import {
  toBits,
  toEnumerated,
  toIntegerBytes,
  toNull,
  toOctets,
  toOid,
  toSmallInteger,
  toTime,
} from '../der/decode.ts'
import { Oid } from '../der/oid.ts'
import { looksLikePem, readPem } from '../der/pem.ts'
import { Cursor, Tag, malformed, readElement } from '../der/reader.ts'
import type { Element } from '../der/reader.ts'
import type { Reason } from '../reasons.ts'
import { parseCertificate } from './certificate.ts'
import type { Certificate } from './certificate.ts'
import { crlReason } from './crl-entries.ts'
import type { CrlReason } from './crl-entries.ts'
import { readExtensions } from './extensions.ts'
import type { Extension } from './extensions.ts'
import { Name } from './name.ts'

/** The certificate that an answer is about (RFC 6960 4.1.1). */
export interface CertId {
  /** As node:crypto names it; null for a hash that is not known. */
  readonly hash: string | null
  /** The hash of the issuer's name in DER. */
  readonly issuerNameHash: Buffer
  /** The hash of the issuer's key bits. */
  readonly issuerKeyHash: Buffer
  /** The content octets of the serial number. */
  readonly serial: Buffer
}

/** One answer (RFC 6960 4.2.1). Times are in milliseconds since 1970. */
export interface SingleResponse {
  /** The certificate that it is about. */
  readonly certId: CertId
  /** `unknown`: the responder does not know the certificate. */
  readonly status: 'good' | 'revoked' | 'unknown'
  /** Only of a revoked certificate. */
  readonly revocationDate: number | null
  /** Why it is revoked; null if it is not, or if the responder does not say. */
  readonly reason: CrlReason | null
  /** Since when the answer holds, in milliseconds since 1970. */
  readonly thisUpdate: number
  /** Until when, in milliseconds since 1970; null if newer information is always to be had. */
  readonly nextUpdate: number | null
  /** How far back the responder knows expired certificates (RFC 6960 4.4.4). */
  readonly archiveCutoff: number | null
  /** Those of this answer. */
  readonly extensions: readonly Extension[]
}

/** The signed answer of a responder. */
export interface BasicOcspResponse {
  /** The signed part. */
  readonly tbs: Buffer
  /** Who signed it, by name or by the SHA-1 of the key. */
  readonly responder:
    | {
        /** The subject of its certificate. */
        readonly name: Name
      }
    | {
        /** The SHA-1 of its key bits. */
        readonly keyHash: Buffer
      }
  /** In milliseconds since 1970. */
  readonly producedAt: number
  /** An answer for each certificate that was asked about. */
  readonly responses: readonly SingleResponse[]
  /** Those of the response as a whole. */
  readonly extensions: readonly Extension[]
  /** The nonce of the request, if the responder returned it (RFC 9654 2.1). */
  readonly nonce: Buffer | null
  /** The algorithm of `signature`. */
  readonly signatureAlgorithm: AlgorithmIdentifier
  /** The responder's signature over `tbs`. */
  readonly signature: Buffer
  /** Certificates that may help to check the signature; untrusted. */
  readonly certificates: readonly Certificate[]
}

/** Bounds on what one response may hold. */
const MAX_OCTETS = 1024 * 1024
const MAX_RESPONSES = 1000
const MAX_CERTIFICATES = 16

const FAILURES: Readonly<Record<number, Reason>> = {
  1: 'ocsp-malformed-request',
  2: 'ocsp-internal-error',
  3: 'ocsp-try-later',
  5: 'ocsp-signature-required',
  6: 'ocsp-unauthorized',
}

const HASHES: Readonly<Record<string, string>> = {
  [Oid.sha1]: 'sha1',
  [Oid.sha256]: 'sha256',
  [Oid.sha384]: 'sha384',
  [Oid.sha512]: 'sha512',
}

/** A parsed OCSP response: a failure, or an answer. */
export class OcspResponse {
  /** Why there is no answer; null if there is one. */
  readonly failure: Reason | null
  /** The answer; null if there is none. */
  readonly basic: BasicOcspResponse | null

  /** @internal */
  constructor(failure: Reason | null, basic: BasicOcspResponse | null) {
    this.failure = failure
    this.basic = basic
  }

  /** Whether an answer in it is about this certificate; without a certificate, about any one of the issuer. */
  concerns(certificate: Certificate | null, issuer: Certificate): boolean {
    return this.answersFor(certificate, issuer).length > 0
  }

  /** The answers about the certificate, or about all certificates of the issuer (RFC 6960 3.2, 1). */
  answersFor(certificate: Certificate | null, issuer: Certificate): readonly SingleResponse[] {
    const names = new Set([issuer.subject.raw, ...(certificate === null ? [] : [certificate.issuer.raw])])
    const digests = new Map<string, readonly [readonly Buffer[], Buffer]>()
    return (this.basic?.responses ?? []).filter(
      ({ certId: { hash, serial, issuerNameHash, issuerKeyHash } }) => {
        if (hash === null || (certificate !== null && !serial.equals(certificate.serial))) return false
        const digest = (bytes: Buffer): Buffer => createHash(hash).update(bytes).digest()
        const known = digests.get(hash) ?? ([[...names].map(digest), digest(issuer.keyBits)] as const)
        digests.set(hash, known)
        return known[0].some((name) => name.equals(issuerNameHash)) && known[1].equals(issuerKeyHash)
      },
    )
  }
}

/**
 * Parses a response in DER, or in PEM (`OCSP RESPONSE`).
 * @throws EngineError `asn1-malformed`, `ocsp-malformed`, `pem-malformed`
 */
export function parseOcspResponse(bytes: Buffer): OcspResponse {
  if (bytes.length > MAX_OCTETS) throw new EngineError('ocsp-malformed', `response of ${bytes.length} octets`)
  const pem = looksLikePem(bytes) ? readPem(bytes)[0]?.bytes : undefined
  const cursor = sequenceCursor(readElement(Buffer.from(pem ?? bytes)), 'OCSPResponse')
  const status = toEnumerated(cursor.next('responseStatus'))
  const tagged = cursor.optional(2, 0)
  cursor.done('OCSPResponse')
  if (status !== 0) {
    const failure = FAILURES[status]
    if (failure === undefined) throw new EngineError('ocsp-malformed', `response status ${status}`)
    return new OcspResponse(failure, null)
  }
  if (tagged === null) throw new EngineError('ocsp-malformed', 'successful without an answer')
  const responseBytes = sequenceCursor(inner(tagged, 'responseBytes'), 'ResponseBytes')
  const type = toOid(responseBytes.next('responseType'))
  if (type !== Oid.idPkixOcspBasic) throw new EngineError('ocsp-malformed', `response type ${type}`)
  const response = toOctets(responseBytes.next('response'))
  responseBytes.done('ResponseBytes')
  return new OcspResponse(null, readBasic(readElement(response)))
}

function sequenceCursor(element: Element, what: string): Cursor {
  if (!element.is(0, Tag.sequence)) throw malformed(`${what} is not a SEQUENCE`)
  return new Cursor(element)
}

/** The one element inside an explicit tag. */
function inner(tagged: Element, what: string): Element {
  const cursor = new Cursor(tagged)
  const element = cursor.next(what)
  cursor.done(what)
  return element
}

function readBasic(element: Element): BasicOcspResponse {
  const cursor = sequenceCursor(element, 'BasicOCSPResponse')
  const tbs = cursor.universal(Tag.sequence, 'tbsResponseData')
  const signatureAlgorithm = readAlgorithm(cursor.next('signatureAlgorithm'))
  const signature = toBits(cursor.next('signature'))
  const certs = cursor.optional(2, 0)
  cursor.done('BasicOCSPResponse')
  if (signature.unused !== 0) throw malformed('signature is not a number of whole octets')
  return {
    ...{ tbs: tbs.raw, ...readResponseData(tbs), signatureAlgorithm, signature: signature.bytes },
    certificates: certs === null ? [] : readCertificates(inner(certs, 'certs')),
  }
}

function readCertificates(element: Element): readonly Certificate[] {
  if (!element.is(0, Tag.sequence)) throw malformed('certs is not a SEQUENCE')
  return element
    .children()
    .slice(0, MAX_CERTIFICATES)
    .flatMap(({ raw }) => {
      try {
        return [parseCertificate(raw)]
      } catch (error) {
        // Untrusted extra material: if it was the responder's, the verdict says ocsp-responder-unknown
        if (error instanceof EngineError) return []
        throw error
      }
    })
}

type ResponseData = Pick<BasicOcspResponse, 'responder' | 'producedAt' | 'responses' | 'extensions' | 'nonce'>

function readResponseData(tbs: Element): ResponseData {
  const cursor = new Cursor(tbs)
  const version = cursor.optional(2, 0)
  if (version !== null) toSmallInteger(inner(version, 'version'), 0)
  const responder = readResponder(cursor.next('responderID'))
  const producedAt = toTime(cursor.universal(Tag.generalizedTime, 'producedAt'))
  const responses = cursor.universal(Tag.sequence, 'responses').children()
  const extensions = optionalExtensions(cursor.optional(2, 1))
  cursor.done('ResponseData')
  if (responses.length > MAX_RESPONSES)
    throw new EngineError('ocsp-malformed', `more than ${MAX_RESPONSES} answers`)
  const nonce = extensions.find(({ oid }) => oid === Oid.idPkixOcspNonce)
  return {
    ...{ responder, producedAt, responses: responses.map(readSingle), extensions },
    nonce: nonce === undefined ? null : readNonce(nonce.value),
  }
}

function readResponder(choice: Element): BasicOcspResponse['responder'] {
  if (choice.is(2, 1)) return { name: new Name(inner(choice, 'byName')) }
  if (choice.is(2, 2)) return { keyHash: toOctets(inner(choice, 'byKey')) }
  throw malformed('ResponderID of an unknown kind')
}

function optionalExtensions(tagged: Element | null): readonly Extension[] {
  return tagged === null ? [] : readExtensions(inner(tagged, 'extensions'))
}

/** RFC 9654 2.1: an OCTET STRING of 1 to 128 octets. */
function readNonce(value: Buffer): Buffer {
  const nonce = toOctets(readElement(value))
  if (nonce.length < 1 || nonce.length > 128) throw malformed('nonce of a wrong length')
  return nonce
}

/** @throws EngineError `asn1-malformed` */
export function readCertId(element: Element): CertId {
  const cursor = sequenceCursor(element, 'CertID')
  const { oid } = readAlgorithm(cursor.next('hashAlgorithm'))
  const issuerNameHash = toOctets(cursor.next('issuerNameHash'))
  const issuerKeyHash = toOctets(cursor.next('issuerKeyHash'))
  const serial = toIntegerBytes(cursor.next('serialNumber'))
  cursor.done('CertID')
  return { hash: HASHES[oid] ?? null, issuerNameHash, issuerKeyHash, serial }
}

function readSingle(element: Element): SingleResponse {
  const cursor = sequenceCursor(element, 'SingleResponse')
  const certId = readCertId(cursor.next('certID'))
  const status = readStatus(cursor.next('certStatus'))
  const thisUpdate = toTime(cursor.universal(Tag.generalizedTime, 'thisUpdate'))
  const nextUpdate = cursor.optional(2, 0)
  const extensions = optionalExtensions(cursor.optional(2, 1))
  cursor.done('SingleResponse')
  const cutoff = extensions.find(({ oid }) => oid === Oid.idPkixOcspArchiveCutoff)
  return {
    ...{ certId, ...status, thisUpdate, extensions },
    nextUpdate: nextUpdate === null ? null : toTime(inner(nextUpdate, 'nextUpdate')),
    archiveCutoff: cutoff === undefined ? null : toTime(readElement(cutoff.value)),
  }
}

function readStatus(choice: Element): Pick<SingleResponse, 'status' | 'revocationDate' | 'reason'> {
  if (choice.is(2, 0) || choice.is(2, 2)) {
    toNull(choice, { implicit: true })
    return { status: choice.tag === 0 ? 'good' : 'unknown', revocationDate: null, reason: null }
  }
  if (!choice.is(2, 1)) throw malformed('CertStatus of an unknown kind')
  const cursor = new Cursor(choice)
  const revocationDate = toTime(cursor.universal(Tag.generalizedTime, 'revocationTime'))
  const reason = cursor.optional(2, 0)
  cursor.done('RevokedInfo')
  return {
    ...{ status: 'revoked', revocationDate },
    reason: reason === null ? null : crlReason(toEnumerated(inner(reason, 'revocationReason'))),
  }
}

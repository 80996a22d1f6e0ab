/**
 * Reads SignedData (RFC 5652 5.1) from BER or DER: detached or with content, any number of signers, or none
 * (certificates only). Structure only; whether a signature holds is verify.ts. Bounded in signers, certificates and CRLs.
 */
import { readAlgorithm } from '../der/algorithm.ts'
import type { AlgorithmIdentifier } from '../der/algorithm.ts'
import { octetChunks, toOctets, toOid, toSmallInteger } from '../der/decode.ts'
import { Oid } from '../der/oid.ts'
import { Cursor, Tag } from '../der/reader.ts'
import type { Element } from '../der/reader.ts'
import { EngineError } from '../errors.ts'
import { readAttributes } from './attributes.ts'
import type { AttributeSet } from './attributes.ts'
import { readIdentifier } from './identifier.ts'
import type { Identifier } from './identifier.ts'

/** Bounds on what one SignedData may hold. */
const MAX_SIGNERS = 16
const MAX_CERTIFICATES = 256
/** CRLs, OCSP responses and what else may stand beside them, good or damaged. */
const MAX_REVOCATIONS = 256

/** SignedData, read and not judged. */
export interface SignedData {
  /** Tells it from the other contents. */
  readonly kind: 'signed-data'
  /** eContentType, dotted. */
  readonly contentType: string
  /** The content in pieces; null when it is detached. */
  readonly content: readonly Buffer[] | null
  /** X.509 certificates in DER, untrusted, in the order of the sender; other kinds are left out. */
  readonly certificates: readonly Buffer[]
  /** CRLs in DER, untrusted. */
  readonly crls: readonly Buffer[]
  /** OCSP responses in DER, untrusted (RFC 5940 2.1). */
  readonly ocspResponses: readonly Buffer[]
  /** In their order; none in a bundle of certificates. */
  readonly signers: readonly SignerInfo[]
}

/** One SignerInfo (RFC 5652 5.3). */
export interface SignerInfo {
  /** Which certificate holds the signer's key. */
  readonly identifier: Identifier
  /** The hash of the content. */
  readonly digestAlgorithm: AlgorithmIdentifier
  /** null when the signer signed the content itself; an error when they are there and break a rule. */
  readonly signedAttributes: AttributeSet | EngineError | null
  /** May name a key type only: then `digestAlgorithm` counts (RFC 3370 3.2). */
  readonly signatureAlgorithm: AlgorithmIdentifier
  /** Over the signed attributes; over the content where there are none. */
  readonly signature: Buffer
  /** The attributes that nobody signed, as sent (implicitly tagged SET OF); null when there are none. */
  readonly unsignedAttributes: Buffer | null
}

/**
 * Reads the SignedData SEQUENCE.
 * @throws EngineError `asn1-malformed`, `cms-malformed`, `cms-too-many-signers`, `cms-too-many-certificates`
 */
export function readSignedData(element: Element): SignedData {
  const cursor = new Cursor(element)
  toSmallInteger(cursor.universal(Tag.integer, 'version'))
  cursor.universal(Tag.set, 'digestAlgorithms')
  const { contentType, content } = readContent(cursor.universal(Tag.sequence, 'encapContentInfo'))
  const certificates = cursor.optional(2, 0)?.children() ?? []
  const crls = cursor.optional(2, 1)?.children() ?? []
  const signers = cursor.universal(Tag.set, 'signerInfos').children()
  cursor.done('SignedData')
  if (signers.length > MAX_SIGNERS) throw new EngineError('cms-too-many-signers', `${signers.length} signers`)
  if (certificates.length > MAX_CERTIFICATES)
    throw new EngineError('cms-too-many-certificates', `${certificates.length} certificates`)
  if (crls.length > MAX_REVOCATIONS) throw new EngineError('cms-malformed', `${crls.length} CRLs`)
  return {
    kind: 'signed-data',
    contentType,
    content,
    certificates: plain(certificates),
    crls: plain(crls),
    ocspResponses: crls.flatMap(ocspResponse),
    signers: signers.map(readSigner),
  }
}

/** Certificates and CRLs are SEQUENCEs; the tagged choices (attribute certificates and others) are of no use here. */
function plain(elements: readonly Element[]): readonly Buffer[] {
  return elements.filter((element) => element.is(0, Tag.sequence)).map((element) => element.raw)
}

/** RFC 5652 10.2.1: OtherRevocationInfoFormat; of other kinds nothing is of use, and damage to them does no harm. */
function ocspResponse(element: Element): readonly Buffer[] {
  if (!element.is(2, 1)) return []
  try {
    const cursor = new Cursor(element)
    const format = toOid(cursor.universal(Tag.oid, 'otherRevInfoFormat'))
    const info = cursor.next('otherRevInfo')
    return format === Oid.idRiOcspResponse ? [info.raw] : []
  } catch (error) {
    if (error instanceof EngineError) return []
    throw error
  }
}

function readContent(element: Element): Pick<SignedData, 'contentType' | 'content'> {
  const cursor = new Cursor(element)
  const contentType = toOid(cursor.universal(Tag.oid, 'eContentType'))
  const wrapped = cursor.optional(2, 0)
  cursor.done('encapContentInfo')
  if (wrapped === null) return { contentType, content: null }
  const inner = new Cursor(wrapped)
  const content = octetChunks(inner.universal(Tag.octetString, 'eContent'))
  inner.done('eContent')
  return { contentType, content }
}

/**
 * Reads one SignerInfo.
 * @throws EngineError `asn1-malformed`, `cms-malformed`
 */
export function readSigner(element: Element): SignerInfo {
  const cursor = new Cursor(element)
  toSmallInteger(cursor.universal(Tag.integer, 'version'))
  const identifier = readIdentifier(cursor.next('sid'))
  const digestAlgorithm = readAlgorithm(cursor.next('digestAlgorithm'))
  const attributes = cursor.optional(2, 0)
  const signatureAlgorithm = readAlgorithm(cursor.next('signatureAlgorithm'))
  const signature = toOctets(cursor.universal(Tag.octetString, 'signature'))
  const unsignedAttributes = cursor.optional(2, 1)?.raw ?? null
  cursor.done('SignerInfo')
  const signedAttributes = attributes === null ? null : guarded(attributes)
  return {
    ...{ identifier, digestAlgorithm, signedAttributes, signatureAlgorithm, signature },
    unsignedAttributes,
  }
}

/** Bad attributes spoil their signer, not the others: the error is kept and becomes that signer's reason. */
function guarded(element: Element): AttributeSet | EngineError {
  try {
    return readAttributes(element)
  } catch (error) {
    if (error instanceof EngineError) return error
    throw error
  }
}

/**
 * Checks the signatures of SignedData (RFC 5652 5.4, 5.6): digests, signed attributes, algorithms, signature values.
 * It finds the signer's certificate by its identifier and judges no chain, no address and no time.
 */
import { joined } from '../bytes/joined.ts'
import { readAlgorithm } from '../der/algorithm.ts'
import type { AlgorithmIdentifier } from '../der/algorithm.ts'
import { toOctets, toOid, toTime } from '../der/decode.ts'
import { Oid } from '../der/oid.ts'
import { Cursor, Tag, readElement } from '../der/reader.ts'
import type { Element } from '../der/reader.ts'
import { EngineError } from '../errors.ts'
import type { Reason } from '../reasons.ts'
import type { Certificate } from '../x509/certificate.ts'
import { parseCertificate } from '../x509/certificate.ts'
import { verifyScheme } from '../x509/signature.ts'
import { isWeakScheme, readSignatureScheme } from '../x509/signature-algorithm.ts'
import type { SignatureScheme } from '../x509/signature-algorithm.ts'
import { digestOf, digestOver, readDigest } from './algorithms.ts'
import type { Digest } from './algorithms.ts'
import { attributeValue } from './attributes.ts'
import type { AttributeSet } from './attributes.ts'
import { readEncryptionPreference } from './encryption-preference.ts'
import { identifies } from './identifier.ts'
import type { Identifier } from './identifier.ts'
import type { SignedData, SignerInfo } from './signed-data.ts'

/** What was found about one signer. */
export interface SignerCheck {
  /** True when content, attributes and signature value fit together and to the certificate. */
  readonly intact: boolean
  /** Why it is not intact; empty when it is. */
  readonly reasons: readonly Reason[]
  /** Why it is weak although intact. */
  readonly weak: readonly Reason[]
  /** The certificates that carry the signer's identifier and whose key made the signature; else those with the identifier. */
  readonly certificates: readonly Certificate[]
  /** As in `sha256`; the object identifier when unknown. */
  readonly digest: string
  /** As in `rsa-pkcs1v15`, `rsa-pss`, `ecdsa`, `ed25519`; the object identifier when unknown. */
  readonly signature: string
  /** What the signer claims, in milliseconds since 1970; null when it claims nothing readable. Decides nothing. */
  readonly signingTime: number | null
  /** SMIMECapabilities as sent, signed; null when absent. */
  readonly capabilities: Buffer | null
  /** Which certificate the signer wants to be encrypted to, signed; null when absent or when it cannot be read. */
  readonly encryptionKey: Identifier | null
}

/** Certificates with one signer's identifier that are tried: more are a way to make us work. */
const MAX_CANDIDATES = 8
/** Different keys among them: honest certificates with one identifier are copies or renewals and have one. */
const MAX_KEYS = 2

/** Certificates of a SignedData that could be read; a damaged one is as good as absent. */
export function certificatesOf(data: SignedData): readonly Certificate[] {
  const found: Certificate[] = []
  for (const der of data.certificates) {
    try {
      found.push(parseCertificate(der))
    } catch (error) {
      // Untrusted extra material: if it was the signer's, the verdict says signer-certificate-missing.
      if (!(error instanceof EngineError)) throw error
    }
  }
  return found
}

/** Content that is signed, as far as signatures look at it. */
export interface SignedContent {
  digest(digest: Digest): Buffer
  /**
   * The content itself, for a signer who signed no attributes.
   * @throws EngineError `content-too-large` when it is not in memory
   */
  whole(): Buffer
}

/** Content in memory, in pieces. Each digest is computed once, when it is asked for. */
export function contentInMemory(pieces: readonly Buffer[]): SignedContent {
  const digests = new Map<string, Buffer>()
  return {
    digest: (digest) => {
      const known = digests.get(digest.oid)
      if (known !== undefined) return known
      const value = digestOver(digest, pieces)
      digests.set(digest.oid, value)
      return value
    },
    whole: () => joined(pieces),
  }
}

/** The digests that the signers of an object name, each once; those that are unknown are left out. */
export function digestsOf(data: SignedData): readonly Digest[] {
  const named = data.signers.map(digestOfSigner)
  return [...new Set(named.filter((digest) => digest !== null))]
}

/** Whether a signer signed the content itself, and not attributes with its digest. */
export function signsContentItself(data: SignedData): boolean {
  return data.signers.some((signer) => signer.signedAttributes === null)
}

/**
 * Checks every signer.
 * @param content - the detached content in pieces; null when the object holds its content. Given both, only what the
 * object holds counts.
 * @param certificates - where to look for the signers' certificates
 */
export function verifySignedData(
  data: SignedData,
  content: readonly Buffer[] | null,
  certificates: readonly Certificate[],
): readonly SignerCheck[] {
  const signed = data.content ?? content
  return checkSigners(data, signed === null ? null : contentInMemory(signed), certificates)
}

/** The same for content that is not in memory; null when there is none. */
export function checkSigners(
  data: SignedData,
  content: SignedContent | null,
  certificates: readonly Certificate[],
): readonly SignerCheck[] {
  return data.signers.map((signer) => checkSigner(data.contentType, signer, content, certificates))
}

/**
 * Checks one signer.
 * @param contentType - of the content; null for a countersignature, which has none (RFC 5652 11.4)
 * @param content - null when there is none
 */
export function checkSigner(
  contentType: string | null,
  signer: SignerInfo,
  content: SignedContent | null,
  certificates: readonly Certificate[],
): SignerCheck {
  const digest = digestOfSigner(signer)
  const attributes = signer.signedAttributes instanceof EngineError ? null : signer.signedAttributes
  const named = certificates
    .filter((certificate) => identifies(signer.identifier, certificate))
    .slice(0, MAX_CANDIDATES)
  const found = { ...claims(attributes), digest: digest?.name ?? signer.digestAlgorithm.oid }
  let signature = signer.signatureAlgorithm.oid
  try {
    const scheme = readSignatureScheme(signer.signatureAlgorithm, signer.digestAlgorithm.oid)
    signature = scheme.kind === 'pure' ? scheme.keyType : scheme.kind
    if (digest === null) throw new EngineError('unsupported-digest', signer.digestAlgorithm.oid)
    // RFC 4056 3, RFC 5754 3: the hash of the scheme is that of digestAlgorithm. RFC 8419 3.1, RFC 9814 4 and RFC 9882 3.3
    // say which digest to write beside a scheme without one; on read any good one is taken.
    if ('hash' in scheme && scheme.hash !== digest.name)
      throw new EngineError('algorithm-mismatch', `${digest.name} beside a signature with ${scheme.hash}`)
    const messages = signedBytes(contentType, signer, content, digest)
    if (named.length === 0)
      throw new EngineError('signer-certificate-missing', 'no certificate of the signer')
    const made = makersOf(named, (certificate) => verifies(scheme, certificate, messages, signer.signature))
    if (made.length === 0) throw new EngineError('signature-invalid', 'the signature value is wrong')
    const matching = made.filter(
      (certificate) => attributes === null || fitsSigningCertificate(attributes, certificate),
    )
    if (matching.length === 0)
      throw new EngineError('signing-certificate-mismatch', 'another certificate was signed')
    const weak: Reason[] = digest.weak || isWeakScheme(scheme) ? ['weak-digest'] : []
    return { intact: true, reasons: [], weak, certificates: matching, signature, ...found }
  } catch (error) {
    if (!(error instanceof EngineError)) throw error
    return { intact: false, reasons: [error.code], weak: [], certificates: named, signature, ...found }
  }
}

/** The byte strings of which one must have been signed, in the order in which to try them. */
function signedBytes(
  contentType: string | null,
  signer: SignerInfo,
  content: SignedContent | null,
  digest: Digest,
): readonly Buffer[] {
  if (signer.signedAttributes instanceof EngineError) throw signer.signedAttributes
  if (content === null) throw new EngineError('content-missing', 'no content for a detached signature')
  if (signer.signedAttributes === null) {
    // RFC 5652 5.3: signedAttrs must be there unless the content type is id-data
    if (contentType !== Oid.idData && contentType !== null)
      throw new EngineError('attribute-missing', 'no signed attributes')
    const whole = content.whole()
    if (passesForAttributes(whole))
      throw new EngineError('content-ambiguous', 'content is a SET of attributes')
    return [whole]
  }
  const attributes = signer.signedAttributes
  checkAttributes(contentType, signer, attributes)
  const claimed = attributeValue(attributes, Oid.idMessageDigest)
  if (claimed === null) throw new EngineError('attribute-missing', 'no messageDigest')
  // RFC 5652 5.6
  if (!sameDigest(content.digest(digest), toOctets(claimed), signer.digestAlgorithm.oid))
    throw new EngineError('digest-mismatch', 'messageDigest is not that of the content')
  return attributes.der === attributes.unsorted ? [attributes.der] : [attributes.der, attributes.unsorted]
}

function digestOfSigner({ digestAlgorithm }: SignerInfo): Digest | null {
  try {
    return readDigest(digestAlgorithm)
  } catch (error) {
    if (error instanceof EngineError) return null
    throw error
  }
}

/** id-shake256 leaves its output length open: RFC 8702 3.1 has 64 octets, and libcrypto writes 32. */
function sameDigest(actual: Buffer, claimed: Buffer, oid: string): boolean {
  const short = oid === Oid.shake256 && claimed.length === 32
  return (short ? actual.subarray(0, 32) : actual).equals(claimed)
}

/** contentType (RFC 5652 11.1) and CMSAlgorithmProtection (RFC 6211 3). */
function checkAttributes(contentType: string | null, signer: SignerInfo, attributes: AttributeSet): void {
  const type = attributeValue(attributes, Oid.idContentType)
  if (type === null && contentType !== null) throw new EngineError('attribute-missing', 'no contentType')
  if (type !== null && toOid(type) !== contentType)
    throw new EngineError('content-type-mismatch', `${toOid(type)} signed, ${contentType ?? 'none'} sent`)
  const protection = attributeValue(attributes, Oid.idAaCmsAlgorithmProtect)
  if (protection === null) return
  const cursor = new Cursor(protection)
  const digest = readAlgorithm(cursor.universal(Tag.sequence, 'digestAlgorithm'))
  const signature = cursor.optional(2, 1)
  if (signature === null)
    throw new EngineError('algorithm-mismatch', 'CMSAlgorithmProtection without signature algorithm')
  cursor.done('CMSAlgorithmProtection')
  if (
    !sameAlgorithm(digest, signer.digestAlgorithm) ||
    !sameAlgorithm(implicitAlgorithm(signature), signer.signatureAlgorithm)
  )
    throw new EngineError('algorithm-mismatch', 'CMSAlgorithmProtection names other algorithms')
}

/** An AlgorithmIdentifier under an implicit tag. */
function implicitAlgorithm(element: Element): AlgorithmIdentifier {
  const cursor = new Cursor(element)
  const oid = toOid(cursor.universal(Tag.oid, 'algorithm'))
  const parameters = cursor.peek() === null ? null : cursor.next('parameters')
  cursor.done('AlgorithmIdentifier')
  return { oid, parameters, raw: element.raw }
}

/** Equal in algorithm and parameters; absent and NULL parameters are the same (RFC 5754 2). */
function sameAlgorithm(a: AlgorithmIdentifier, b: AlgorithmIdentifier): boolean {
  const given = (parameters: Element | null) =>
    parameters === null || parameters.is(0, Tag.null) ? Buffer.alloc(0) : parameters.raw
  return a.oid === b.oid && given(a.parameters).equals(given(b.parameters))
}

/**
 * Whether content could be the DER of signed attributes: a signature over attributes would then also be one over this
 * content without any, so an old signature could be passed off as a new one.
 */
function passesForAttributes(content: Buffer): boolean {
  if (content[0] !== 0x31) return false
  try {
    return readElement(content)
      .children()
      .every((child) => child.is(0, Tag.sequence) && child.children()[0]?.is(0, Tag.oid) === true)
  } catch (error) {
    if (error instanceof EngineError) return false
    throw error
  }
}

/** The certificates whose key made the signature; each key is tried once, since the dearest take 100 times as long as others. */
function makersOf(
  named: readonly Certificate[],
  made: (certificate: Certificate) => boolean,
): readonly Certificate[] {
  const tried = new Map<string, boolean>()
  return named.filter((certificate) => {
    const { spki, dsaParameters } = certificate
    const id = `${spki.toString('latin1')} ${dsaParameters?.toString('latin1') ?? ''}`
    const known = tried.get(id)
    if (known !== undefined || tried.size >= MAX_KEYS) return known ?? false
    const result = made(certificate)
    tried.set(id, result)
    return result
  })
}

function verifies(
  scheme: SignatureScheme,
  certificate: Certificate,
  messages: readonly Buffer[],
  signature: Buffer,
): boolean {
  return messages.some((message) => verifyScheme(scheme, certificate, message, signature))
}

/** RFC 5035 3 and 5: the first certificate identifier is the signer's. Absent attributes bind nothing. */
function fitsSigningCertificate(attributes: AttributeSet, certificate: Certificate): boolean {
  const v1 = attributeValue(attributes, Oid.idAaSigningCertificate)
  const v2 = attributeValue(attributes, Oid.idAaSigningCertificateV2)
  return (
    (v1 === null || fitsFirst(v1, Oid.sha1, certificate)) &&
    (v2 === null || fitsFirst(v2, Oid.sha256, certificate))
  )
}

function fitsFirst(value: Element, defaultHash: string, certificate: Certificate): boolean {
  const id = new Cursor(
    new Cursor(new Cursor(value).universal(Tag.sequence, 'certs')).universal(Tag.sequence, 'ESSCertID'),
  )
  const algorithm = id.optional(0, Tag.sequence)
  const digest = digestOf(algorithm === null ? defaultHash : readAlgorithm(algorithm).oid)
  if (digest === null) throw new EngineError('unsupported-digest', 'digest of the signing certificate')
  const actual =
    digest.name === 'sha256'
      ? Buffer.from(certificate.fingerprint, 'hex')
      : digestOver(digest, [certificate.raw])
  return actual.equals(toOctets(id.universal(Tag.octetString, 'certHash')))
}

function claims(
  attributes: AttributeSet | null,
): Pick<SignerCheck, 'signingTime' | 'capabilities' | 'encryptionKey'> {
  if (attributes === null) return { signingTime: null, capabilities: null, encryptionKey: null }
  const capabilities = attributeValue(attributes, Oid.smimeCapabilities)?.raw ?? null
  const time = attributeValue(attributes, Oid.idSigningTime)
  const preference = attributeValue(attributes, Oid.idAaEncrypKeyPref)
  return {
    capabilities,
    signingTime: time === null ? null : claimedTime(time),
    encryptionKey: preference === null ? null : readEncryptionPreference(preference),
  }
}

function claimedTime(element: Element): number | null {
  try {
    return toTime(element)
  } catch (error) {
    // signingTime is shown and decides nothing; one that cannot be read is shown as none.
    if (error instanceof EngineError) return null
    throw error
  }
}

/**
 * Writes SignedData (RFC 5652 5): one signer, signed attributes, the chain without its root. One hash pass over the
 * content, one private key operation, and a little DER, most of which is prepared once per signing key.
 */
import { constants, createHash, sign as signBytes } from 'node:crypto'
import type { Hash, KeyObject, SignKeyObjectInput } from 'node:crypto'
import { writeAlgorithm } from '../der/algorithm.ts'
import { Oid } from '../der/oid.ts'
import {
  header,
  implicit,
  integer,
  nil,
  octets,
  oid,
  sequence,
  set,
  setOf,
  time,
  tlv,
} from '../der/writer.ts'
import { EngineError } from '../errors.ts'
import type { Certificate } from '../x509/certificate.ts'
import { signatureAlgorithmFor } from '../x509/sign.ts'
import { digestOf, digestOver, startDigest } from './algorithms.ts'
import type { Digest } from './algorithms.ts'
import { writeAttribute } from './attributes.ts'
import { writeCapabilities } from './capabilities.ts'
import { publicKeyInfo } from './identifier.ts'
import { writeIdentifier } from './recipient-id.ts'
import type { RecipientId } from './recipient-id.ts'

/** A private key with its certificate. Keep one object per key: what is prepared for it hangs on the object. */
export interface SigningKey {
  /** The private key. */
  readonly key: KeyObject
  /** The certificate of its public half. */
  readonly certificate: Certificate
  /** Intermediates to send along, no root. */
  readonly chain: readonly Certificate[]
}

/** How to sign. */
export interface SignOptions {
  /** For RSA and ECDSA; by default what fits the key (SHA-256, SHA-384 for P-384, SHA-512 for P-521). Ed25519 and ML-DSA: always SHA-512; Ed448: SHAKE256. */
  readonly digest?: SigningDigest
  /** RSASSA-PSS instead of PKCS #1 v1.5; RSA keys only. */
  readonly pss?: boolean
  /** signingTime, in milliseconds since 1970. */
  readonly at: number
  /** Where to send encrypted answers, when not to the signing certificate. */
  readonly encryptionCertificate?: Certificate
  /** Whether to say what we can read (SMIMECapabilities). Default true. */
  readonly capabilities?: boolean
  /** How the signer is named. Default `issuer-and-serial`. */
  readonly signerId?: RecipientId
}

/** Digests that are written. */
export type SigningDigest = 'sha256' | 'sha384' | 'sha512'

/** The digest that a signature really uses. */
export type UsedDigest = SigningDigest | 'shake256'

const DIGESTS: Readonly<Record<UsedDigest, { readonly digest: Digest; readonly algorithm: Buffer }>> = {
  sha256: written(Oid.sha256, writeAlgorithm(Oid.sha256)),
  sha384: written(Oid.sha384, writeAlgorithm(Oid.sha384)),
  sha512: written(Oid.sha512, writeAlgorithm(Oid.sha512)),
  // RFC 8419 3.1: with its output length in bits
  shake256: written(Oid.shake256, writeAlgorithm(Oid.shake256Len, integer(512))),
}

function written(
  digestOid: string,
  algorithm: Buffer,
): { readonly digest: Digest; readonly algorithm: Buffer } {
  const digest = digestOf(digestOid)
  if (digest === null) throw new EngineError('unsupported-digest', digestOid)
  return { digest, algorithm }
}

const CURVE_DIGESTS: ReadonlyMap<string, SigningDigest> = new Map([
  ['secp384r1', 'sha384'],
  ['brainpoolP384r1', 'sha384'],
  ['secp521r1', 'sha512'],
  ['brainpoolP512r1', 'sha512'],
])

/** Everything about a signer that does not change from mail to mail. */
interface Prepared {
  readonly digest: Digest
  readonly digestAlgorithm: Buffer
  /** Of SignedData and, as there is no other signer, of SignerInfo (RFC 5652 5.1, 5.3). */
  readonly version: Buffer
  /** SET OF DigestAlgorithmIdentifier. */
  readonly digestAlgorithms: Buffer
  readonly certificates: Buffer
  /** Attributes with constant values. */
  readonly attributes: readonly Buffer[]
  /** version, sid, digestAlgorithm of the SignerInfo. */
  readonly signerHead: Buffer
  readonly signatureAlgorithm: Buffer
  /** For `sign` of node:crypto. */
  readonly hash: string | null
  readonly input: SignKeyObjectInput
}

const prepared = new WeakMap<SigningKey, Map<string, Prepared>>()

function prepare(signer: SigningKey, options: SignOptions): Prepared {
  const preference = options.encryptionCertificate?.fingerprint ?? ''
  const id = `${options.digest ?? ''} ${options.pss === true ? 'pss' : ''} ${String(options.capabilities ?? true)} ${preference} ${options.signerId ?? ''}`
  const known = prepared.get(signer)?.get(id)
  if (known !== undefined) return known
  const made = prepareAnew(signer, options)
  const all = prepared.get(signer) ?? new Map<string, Prepared>()
  // A signer has few combinations; a caller that varies them without end does not fill the memory.
  if (all.size > 16) all.clear()
  all.set(id, made)
  prepared.set(signer, all)
  return made
}

const VERSION_1 = integer(1)
const VERSION_3 = integer(3)

function prepareAnew(signer: SigningKey, options: SignOptions): Prepared {
  const { key, certificate, chain } = signer
  if (!publicKeyInfo(key).equals(publicKeyInfo(certificate.publicKey)))
    throw new EngineError('key-mismatch', `the key does not belong to ${certificate.subject.text}`)
  const used = signingDigest(key, options)
  const { digest, algorithm: digestAlgorithm } = DIGESTS[used]
  const { hash, input, signatureAlgorithm } = scheme(key, used, options.pss ?? false)
  const signerId = options.signerId ?? 'issuer-and-serial'
  const version = signerId === 'ski' ? VERSION_3 : VERSION_1
  const seen = new Set<string>()
  const certificates = [certificate, ...chain].filter((each) => {
    if (seen.has(each.fingerprint)) return false
    seen.add(each.fingerprint)
    return each === certificate || !each.issuer.equals(each.subject)
  })
  return {
    ...{ digest, digestAlgorithm, version },
    digestAlgorithms: set(digestAlgorithm),
    certificates: implicit(0, setOf(certificates.map((each) => each.raw))),
    attributes: constantAttributes(signer, options, digestAlgorithm, signatureAlgorithm),
    signerHead: Buffer.concat([version, writeIdentifier(certificate, signerId), digestAlgorithm]),
    signatureAlgorithm,
    hash,
    input,
  }
}

/** Begins the digest of content to be signed. */
export function startContentDigest(digest: UsedDigest): Hash {
  return startDigest(DIGESTS[digest].digest)
}

/** The digest that signing with these options uses. */
export function signingDigest(key: KeyObject, options: Pick<SignOptions, 'digest'>): UsedDigest {
  if (key.asymmetricKeyType === 'ed448') return 'shake256'
  // RFC 8419 3.1, RFC 9882 3: with signed attributes, schemes without a hash of their own go with SHA-512
  if (!/^(?:rsa|rsa-pss|ec)$/.test(key.asymmetricKeyType ?? '')) return 'sha512'
  return options.digest ?? CURVE_DIGESTS.get(key.asymmetricKeyDetails?.namedCurve ?? '') ?? 'sha256'
}

type Scheme = Pick<Prepared, 'hash' | 'input' | 'signatureAlgorithm'>

function scheme(key: KeyObject, digest: UsedDigest, pss: boolean): Scheme {
  if (digest === 'shake256')
    return { hash: null, input: { key }, signatureAlgorithm: signatureAlgorithmFor(key) }
  switch (key.asymmetricKeyType) {
    case 'rsa':
      if (pss) return pssScheme(key, digest)
      return {
        hash: digest,
        input: { key, padding: constants.RSA_PKCS1_PADDING },
        // RFC 5754 3.2: the hash stands in digestAlgorithm; more programs know this than the combined identifier
        signatureAlgorithm: writeAlgorithm(Oid.rsaEncryption, nil()),
      }
    case 'rsa-pss':
      return pssScheme(key, digest)
    case 'ec':
      return { hash: digest, input: { key }, signatureAlgorithm: signatureAlgorithmFor(key, { digest }) }
    case 'ed25519':
    case 'ml-dsa-44':
    case 'ml-dsa-65':
    case 'ml-dsa-87':
      return { hash: null, input: { key }, signatureAlgorithm: signatureAlgorithmFor(key) }
    default:
      throw new EngineError(
        'unsupported-algorithm',
        `signing with a key of type ${key.asymmetricKeyType ?? 'secret'}`,
      )
  }
}

/** RFC 4056 3: MGF1 with the same hash, a salt as long as the hash. */
function pssScheme(key: KeyObject, digest: SigningDigest): Scheme {
  return {
    hash: digest,
    input: { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST },
    signatureAlgorithm: signatureAlgorithmFor(key, { digest, pss: true }),
  }
}

function constantAttributes(
  { certificate }: SigningKey,
  options: SignOptions,
  digestAlgorithm: Buffer,
  signatureAlgorithm: Buffer,
): readonly Buffer[] {
  const encryption = options.encryptionCertificate ?? (mayEncrypt(certificate) ? certificate : null)
  const attributes = [
    writeAttribute(Oid.idContentType, oid(Oid.idData)),
    // RFC 5035 3: the hash is SHA-256 by default
    writeAttribute(
      Oid.idAaSigningCertificateV2,
      sequence(sequence(sequence(octets(createHash('sha256').update(certificate.raw).digest())))),
    ),
    // RFC 6211 2
    writeAttribute(Oid.idAaCmsAlgorithmProtect, sequence(digestAlgorithm, implicit(1, signatureAlgorithm))),
  ]
  if (options.capabilities ?? true)
    attributes.push(writeAttribute(Oid.smimeCapabilities, writeCapabilities(encryption?.publicKey ?? null)))
  // RFC 8551 2.5.3
  if (encryption !== null)
    attributes.push(writeAttribute(Oid.idAaEncrypKeyPref, implicit(0, encryption.issuerAndSerial)))
  return attributes
}

function mayEncrypt(certificate: Certificate): boolean {
  const type = certificate.publicKey.asymmetricKeyType
  if (type !== 'rsa' && type !== 'ec') return false
  const { keyUsage } = certificate
  return (
    keyUsage === null || keyUsage.has('keyEncipherment') || (type === 'ec' && keyUsage.has('keyAgreement'))
  )
}

/** certificates and signerInfos: what follows the content in SignedData. */
function trailer(contentDigest: Buffer, parts: Prepared, at: number): Buffer {
  return Buffer.concat([parts.certificates, set(signerInfo(contentDigest, parts, at))])
}

function signerInfo(contentDigest: Buffer, parts: Prepared, at: number): Buffer {
  const attributes = setOf([
    ...parts.attributes,
    writeAttribute(Oid.idMessageDigest, octets(contentDigest)),
    writeAttribute(Oid.idSigningTime, time(at)),
  ])
  // RFC 5652 5.4: what is signed is the SET OF, what is sent is [0] IMPLICIT
  const signature = signBytes(parts.hash, attributes, parts.input)
  return sequence(parts.signerHead, implicit(0, attributes), parts.signatureAlgorithm, octets(signature))
}

/** The headers around encapContentInfo, which is `inner` octets long with what `inner` stands for. */
function open(parts: Prepared, encapsulated: readonly Buffer[], pending: number): Buffer {
  const type = oid(Oid.idSignedData)
  const own =
    parts.version.length +
    parts.digestAlgorithms.length +
    encapsulated.reduce((sum, part) => sum + part.length, 0)
  const signedData = header(0x30, own + pending)
  const wrapped = header(0xa0, signedData.length + own + pending)
  const outer = header(0x30, type.length + wrapped.length + signedData.length + own + pending)
  return Buffer.concat([
    outer,
    type,
    wrapped,
    signedData,
    parts.version,
    parts.digestAlgorithms,
    ...encapsulated,
  ])
}

const DETACHED = tlv(0x30, oid(Oid.idData))

/**
 * Signs content that travels apart from its signature.
 * @param content - the content in pieces, exactly as it is sent
 * @returns a ContentInfo with SignedData in DER
 * @throws EngineError `key-mismatch`, `unsupported-algorithm`
 */
export function signDetached(content: readonly Buffer[], signer: SigningKey, options: SignOptions): Buffer {
  const parts = prepare(signer, options)
  return writeDetached(digestOver(parts.digest, content), parts, options)
}

/**
 * Signs content whose digest has been computed, with the digest that `signingDigest` names.
 * @returns a ContentInfo with SignedData in DER, without content
 * @throws EngineError `key-mismatch`, `unsupported-algorithm`
 */
export function signDigest(contentDigest: Buffer, signer: SigningKey, options: SignOptions): Buffer {
  return writeDetached(contentDigest, prepare(signer, options), options)
}

function writeDetached(contentDigest: Buffer, parts: Prepared, { at }: SignOptions): Buffer {
  const end = trailer(contentDigest, parts, at)
  return Buffer.concat([open(parts, [DETACHED], end.length), end])
}

/**
 * Signs content and carries it inside.
 * @param content - the content in pieces; the same Buffers stand in the result
 * @returns a ContentInfo with SignedData in DER, in pieces
 * @throws EngineError `key-mismatch`, `unsupported-algorithm`
 */
export function signOpaque(content: readonly Buffer[], signer: SigningKey, options: SignOptions): Buffer[] {
  const parts = prepare(signer, options)
  const length = content.reduce((sum, piece) => sum + piece.length, 0)
  const [start, end] = writeOpaque(digestOver(parts.digest, content), length, parts, options)
  return [start, ...content, end]
}

/**
 * The same for content whose digest has been computed, with the digest that `signingDigest` names.
 * @param length - octets of the content
 * @returns what stands before and behind the content in the ContentInfo
 * @throws EngineError `key-mismatch`, `unsupported-algorithm`
 */
export function signOpaqueDigest(
  contentDigest: Buffer,
  length: number,
  signer: SigningKey,
  options: SignOptions,
): readonly [start: Buffer, end: Buffer] {
  return writeOpaque(contentDigest, length, prepare(signer, options), options)
}

function writeOpaque(
  contentDigest: Buffer,
  length: number,
  parts: Prepared,
  { at }: SignOptions,
): readonly [start: Buffer, end: Buffer] {
  const end = trailer(contentDigest, parts, at)
  const type = oid(Oid.idData)
  const octetString = header(0x04, length)
  const wrapped = header(0xa0, octetString.length + length)
  const encapsulated = header(0x30, type.length + wrapped.length + octetString.length + length)
  return [open(parts, [encapsulated, type, wrapped, octetString], length + end.length), end]
}

/** What one more signer adds to SignedData. */
export interface NewSigner {
  /** DER. */
  readonly digestAlgorithm: Buffer
  readonly signerInfo: Buffer
  /** Version of the SignerInfo. */
  readonly version: 1 | 3
}

/**
 * One SignerInfo over content, without the SignedData around it.
 * @throws EngineError `key-mismatch`, `unsupported-algorithm`
 */
export function newSigner(content: readonly Buffer[], signer: SigningKey, options: SignOptions): NewSigner {
  const parts = prepare(signer, options)
  return {
    digestAlgorithm: parts.digestAlgorithm,
    signerInfo: signerInfo(digestOver(parts.digest, content), parts, options.at),
    version: options.signerId === 'ski' ? 3 : 1,
  }
}

/**
 * Certificate revocation lists (RFC 5280 5): one parsed CRL, version 1 or 2, with everything a decision needs. The entries are
 * looked at when they are asked for, after the signature was checked. Form is checked here; trust is for crl-status.ts.
 */
import { EngineError } from '../errors.ts'
import { readAlgorithm } from '../der/algorithm.ts'
import type { AlgorithmIdentifier } from '../der/algorithm.ts'
import { toBits, toInteger, toSmallInteger, toTime } from '../der/decode.ts'
import { Oid } from '../der/oid.ts'
import { Cursor, Tag, malformed, readElement } from '../der/reader.ts'
import type { Element } from '../der/reader.ts'
import type { Certificate } from './certificate.ts'
import { readCrlEntries } from './crl-entries.ts'
import type { CrlEntries } from './crl-entries.ts'
import { readDistributionPoints, readIssuingDistributionPoint } from './distribution-point.ts'
import type { DistributionPoint, IssuingDistributionPoint } from './distribution-point.ts'
import { readAuthorityKeyId, readExtensions } from './extensions.ts'
import type { Extension } from './extensions.ts'
import { Name } from './name.ts'
import { verifySignature } from './signature.ts'

/** More octets in one CRL are refused. */
const MAX_OCTETS = 128 * 1024 * 1024
/** Signature results kept, by the certificate that was tried. */
const MAX_REMEMBERED = 8

interface Fields {
  readonly raw: Buffer
  readonly tbs: Buffer
  readonly version: 1 | 2
  readonly issuer: Name
  readonly thisUpdate: number
  readonly nextUpdate: number | null
  readonly entriesContent: Buffer
  readonly extensions: readonly Extension[]
  readonly signatureAlgorithm: AlgorithmIdentifier
  readonly signature: Buffer
}

/** CRL extensions whose meaning is carried out. */
const PROCESSED: ReadonlySet<string> = new Set([
  Oid.idCeAuthorityKeyIdentifier,
  Oid.idCeIssuerAltName,
  Oid.idCeCrlNumber,
  Oid.idCeDeltaCrlIndicator,
  Oid.idCeIssuingDistributionPoint,
  Oid.idCeFreshestCrl,
])

/** A parsed CRL. Its bytes are its own copy. */
export class Crl {
  /** The whole DER. */
  readonly raw: Buffer
  /** The signed part. */
  readonly tbs: Buffer
  /** Version 2 is the one with extensions. */
  readonly version: 1 | 2
  /** Who signed it, by name. */
  readonly issuer: Name
  /** In milliseconds since 1970, like `nextUpdate`. */
  readonly thisUpdate: number
  /** Null if the issuer does not say. */
  readonly nextUpdate: number | null
  /** All extensions in their order, understood or not. */
  readonly extensions: readonly Extension[]
  /** The same inside and outside the signed part. */
  readonly signatureAlgorithm: AlgorithmIdentifier
  /** The issuer's signature over `tbs`. */
  readonly signature: Buffer
  /** The keyIdentifier of RFC 5280 5.2.1; null if absent. */
  readonly authorityKeyId: Buffer | null
  /** RFC 5280 5.2.3; null if absent. */
  readonly number: bigint | null
  /** Of a delta CRL the number of the CRL that it builds on; null for a complete one. */
  readonly deltaBase: bigint | null
  /** What the CRL covers; null if everything that its issuer issued (RFC 5280 5.2.5). */
  readonly issuingDistributionPoint: IssuingDistributionPoint | null
  /** Where delta CRLs are; null if the CRL does not say. */
  readonly freshest: readonly DistributionPoint[] | null
  private readonly entriesContent: Buffer
  private scanned: CrlEntries | null = null
  private readonly verified = new Map<string, boolean>()

  /** @internal */
  constructor(fields: Fields) {
    this.raw = fields.raw
    this.tbs = fields.tbs
    this.version = fields.version
    this.issuer = fields.issuer
    this.thisUpdate = fields.thisUpdate
    this.nextUpdate = fields.nextUpdate
    this.extensions = fields.extensions
    this.signatureAlgorithm = fields.signatureAlgorithm
    this.signature = fields.signature
    this.entriesContent = fields.entriesContent
    const parse = <T>(oid: string, read: (element: Element) => T): T | null => {
      const extension = fields.extensions.find((candidate) => candidate.oid === oid)
      return extension === undefined ? null : read(readElement(extension.value))
    }
    this.authorityKeyId = parse(Oid.idCeAuthorityKeyIdentifier, readAuthorityKeyId)
    this.number = parse(Oid.idCeCrlNumber, toInteger)
    this.deltaBase = parse(Oid.idCeDeltaCrlIndicator, toInteger)
    this.issuingDistributionPoint = parse(Oid.idCeIssuingDistributionPoint, readIssuingDistributionPoint)
    this.freshest = parse(Oid.idCeFreshestCrl, readDistributionPoints)
  }

  /**
   * The entries; the first call looks at all of them.
   * @throws EngineError `asn1-malformed`, `asn1-too-many`, `crl-malformed`
   */
  get entries(): CrlEntries {
    this.scanned ??= readCrlEntries(this.entriesContent, {
      version: this.version,
      issuer: this.issuer,
      indirect: this.issuingDistributionPoint?.indirect ?? false,
    })
    return this.scanned
  }

  /** The critical extension that forbids the use of this CRL (RFC 5280 5.2); null if there is none. */
  get unknownCritical(): string | null {
    const unknown = this.extensions.find(({ oid, critical }) => critical && !PROCESSED.has(oid))
    return unknown?.oid ?? this.entries.unknownCritical
  }

  /** Whether this very certificate's key was tried already. */
  wasTried(signer: Certificate): boolean {
    return this.verified.has(signer.fingerprint)
  }

  /**
   * Whether the certificate's key made the signature. The answer is kept.
   * @throws EngineError `unsupported-algorithm`
   */
  isSignedBy(signer: Certificate): boolean {
    const known = this.verified.get(signer.fingerprint)
    if (known !== undefined) return known
    const good = verifySignature(this.signatureAlgorithm, signer, this.tbs, this.signature)
    if (this.verified.size < MAX_REMEMBERED) this.verified.set(signer.fingerprint, good)
    return good
  }
}

/**
 * Parses one DER CRL. The entries are not looked at yet.
 * @throws EngineError `asn1-malformed`, `asn1-too-deep`, `extension-duplicate`, `crl-malformed`
 */
export function parseCrl(bytes: Buffer): Crl {
  if (bytes.length > MAX_OCTETS) throw new EngineError('crl-malformed', `CRL of ${bytes.length} octets`)
  const raw = Buffer.from(bytes)
  const outer = sequenceCursor(readElement(raw), 'CertificateList')
  const tbs = outer.universal(Tag.sequence, 'tbsCertList')
  const signatureAlgorithm = readAlgorithm(outer.next('signatureAlgorithm'))
  const signature = toBits(outer.next('signatureValue'))
  outer.done('CertificateList')
  if (signature.unused !== 0) throw malformed('signatureValue is not a number of whole octets')

  const cursor = new Cursor(tbs)
  const version = readVersion(cursor.optional(0, Tag.integer))
  // RFC 5280 5.1.1.2: the two must be the same
  if (!readAlgorithm(cursor.next('signature')).raw.equals(signatureAlgorithm.raw))
    throw new EngineError('crl-malformed', 'signature algorithm inside and outside differ')
  const issuer = new Name(cursor.next('issuer'))
  const thisUpdate = toTime(cursor.next('thisUpdate'))
  const nextUpdate = cursor.optional(0, Tag.utcTime) ?? cursor.optional(0, Tag.generalizedTime)
  const revoked = cursor.optional(0, Tag.sequence)
  const tagged = cursor.optional(2, 0)
  cursor.done('tbsCertList')
  // RFC 5280 5.1.2.3
  if (issuer.empty) throw new EngineError('crl-malformed', 'CRL without an issuer')
  return new Crl({
    ...{ raw, tbs: tbs.raw, version, issuer, thisUpdate, signatureAlgorithm, signature: signature.bytes },
    nextUpdate: nextUpdate === null ? null : toTime(nextUpdate),
    entriesContent: revoked?.content ?? Buffer.alloc(0),
    extensions: tagged === null ? [] : readCrlExtensions(tagged, version),
  })
}

function sequenceCursor(element: Element, what: string): Cursor {
  if (!element.is(0, Tag.sequence)) throw malformed(`${what} is not a SEQUENCE`)
  return new Cursor(element)
}

/** RFC 5280 5.1.2.1: absent for version 1, else version 2. */
function readVersion(element: Element | null): 1 | 2 {
  if (element === null) return 1
  if (toSmallInteger(element, 1) !== 1) throw malformed('version of a CRL')
  return 2
}

function readCrlExtensions(tagged: Element, version: 1 | 2): readonly Extension[] {
  if (version === 1) throw new EngineError('crl-malformed', 'extensions in a version 1 CRL')
  const cursor = new Cursor(tagged)
  const extensions = readExtensions(cursor.next('crlExtensions'))
  cursor.done('crlExtensions')
  return extensions
}

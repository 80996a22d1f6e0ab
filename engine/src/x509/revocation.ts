/**
 * Whether the certificates of a path are revoked: asks OCSP responses and CRLs, and finds out whose key may have signed them
 * (RFC 5280 6.3, RFC 6960). One per search, bounded in work. A signer whose own chain is bad, or who would have to vouch for
 * itself without having been appointed to, counts for nothing.
 */
import { EngineError } from '../errors.ts'
import { Oid } from '../der/oid.ts'
import type { Certificate } from './certificate.ts'
import type { Crl } from './crl.ts'
import { crlStatus, distributionPointsOf } from './crl-status.ts'
import type { RevocationFinding } from './crl-status.ts'
import { directoryKey, generalNameKey } from './distribution-point.ts'
import { keyStrength } from './key-strength.ts'
import { judgeOcspResponse } from './ocsp-status.ts'
import type { PathOptions } from './path-options.ts'
import { crlViolation, profileOf } from './profile.ts'

/** Builds a path for a CRL signer: path.ts, which this file must not import. */
export type PathBuilder = (
  leaf: Certificate,
  options: PathOptions,
  revocation: RevocationCheck,
) => { readonly valid: boolean }

/** What one search may spend, those for the signers of CRLs included. */
interface Work {
  signatures: number
  paths: number
}

/** Apart, so that CRLs that came with a message cannot use up what those of the operator need. */
interface Budget {
  readonly own: Work
  readonly message: Work
}

/** Certificates of the CRL issuer's name that are tried. */
const MAX_SIGNERS = 8
/** OCSP responses that are looked at for one certificate. */
const MAX_RESPONSES = 64

/** The revocation of the certificates in one search for a path. */
export class RevocationCheck {
  private readonly options: PathOptions
  private readonly build: PathBuilder
  private readonly budget: Budget
  private readonly crls: readonly Crl[]
  private readonly fromMessage: ReadonlySet<Crl>
  /** Fingerprints of the CRL signers whose chains are being judged. */
  private readonly signing: ReadonlySet<string>
  private readonly known = new Map<string, RevocationFinding>()
  private readonly signers = new Map<string, boolean>()

  constructor(
    options: PathOptions,
    build: PathBuilder,
    signing: ReadonlySet<string> = new Set(),
    budget: Budget = { own: { signatures: 10_000, paths: 100 }, message: { signatures: 100, paths: 16 } },
  ) {
    const { crls = [], messageCrls = [] } = options
    this.options = options
    this.fromMessage = new Set(messageCrls)
    this.crls = [...crls, ...messageCrls]
    this.build = build
    this.signing = signing
    this.budget = budget
  }

  /** The status of the certificate at `index` of a path; the last one of the path is the anchor. */
  statusOf(path: readonly Certificate[], index: number): RevocationFinding {
    const certificate = path[index]
    const issuer = path[index + 1]
    const anchor = path.at(-1)
    if (certificate === undefined || issuer === undefined || anchor === undefined)
      return { status: 'good', detail: 'an anchor' }
    const id = path
      .slice(index)
      .map(({ fingerprint }) => fingerprint)
      .join(' ')
    const known = this.known.get(id)
    if (known !== undefined) return known
    const found = this.find(certificate, path.slice(index + 1))
    this.known.set(id, found)
    return found
  }

  private find(certificate: Certificate, above: readonly Certificate[]): RevocationFinding {
    // RFC 9608 3: nothing to be had, and none needed
    if (neverRevoked(certificate)) return { status: 'good', detail: 'no revocation for this certificate' }
    const findings = [this.byOcsp(certificate, above), this.byCrl(certificate, above)]
    for (const status of ['revoked', 'good'] as const) {
      const finding = findings.find((candidate) => candidate?.status === status)
      if (finding !== undefined && finding !== null) return finding
    }
    const details = findings.flatMap((finding) => (finding === null ? [] : [finding.detail]))
    return { status: 'unknown', detail: details.join('; ') || 'no revocation information' }
  }

  private byCrl(certificate: Certificate, above: readonly Certificate[]): RevocationFinding | null {
    const { at, allowWeak = false } = this.options
    if (this.crls.length === 0) return null
    const signerOf = (crl: Crl): Certificate | string => this.signerOf(crl, certificate, above)
    const tolerant = profileOf(this.options) === 'tolerant'
    return crlStatus(certificate, {
      ...{ crls: this.crls, at, allowWeak, signerOf },
      ...(tolerant ? {} : { objection: crlViolation }),
    })
  }

  private byOcsp(certificate: Certificate, above: readonly Certificate[]): RevocationFinding | null {
    const { ocspResponses = [], at, allowWeak = false } = this.options
    const [issuer] = above
    if (issuer === undefined) return null
    const responderRevoked = (responder: Certificate): boolean =>
      this.byCrl(responder, above)?.status === 'revoked'
    let found: RevocationFinding | null = null
    for (const response of ocspResponses.slice(0, MAX_RESPONSES)) {
      if (!response.concerns(certificate, issuer)) continue
      const judged = judgeOcspResponse(response, { certificate, issuer, at, allowWeak, responderRevoked })
      const { status, reasons, detail } = judged
      const finding: RevocationFinding = {
        status: status === 'invalid' ? 'unknown' : status,
        detail: [`OCSP: ${detail}`, ...reasons].join(', '),
      }
      if (finding.status === 'revoked') return finding
      if (found?.status !== 'good') found = finding
    }
    return found
  }

  /** RFC 5280 6.3.3 f and g */
  private signerOf(crl: Crl, target: Certificate, above: readonly Certificate[]): Certificate | string {
    let obstacle = `no certificate of the CRL issuer ${crl.issuer.text}`
    for (const candidate of this.candidates(crl, target, above)) {
      const problem = this.signerProblem(crl, candidate, target, above)
      if (problem === null) return candidate
      obstacle = problem
    }
    return obstacle
  }

  private signerProblem(
    crl: Crl,
    candidate: Certificate,
    target: Certificate,
    above: readonly Certificate[],
  ): string | null {
    if (keyStrength(candidate).grade === 'refused') return 'the key of the CRL issuer is refused'
    const work = this.fromMessage.has(crl) ? this.budget.message : this.budget.own
    if (!crl.wasTried(candidate) && work.signatures-- <= 0) return 'too many CRL signatures to verify'
    try {
      if (!crl.isSignedBy(candidate)) return 'the signature of the CRL is wrong'
    } catch (error) {
      if (!(error instanceof EngineError)) throw error
      return error.message
    }
    // RFC 5280 6.3.3 f
    if (candidate.keyUsage?.has('cRLSign') === false) return 'the CRL issuer may not sign CRLs'
    // The path to the target itself is the one being judged
    if (candidate.equals(target) || this.isTrusted(candidate, above, work)) return null
    return 'the certificate of the CRL issuer is not valid'
  }

  /** Certificates with the CRL issuer's name: those of the path, then others; the wanted key first. */
  private candidates(crl: Crl, target: Certificate, above: readonly Certificate[]): readonly Certificate[] {
    const { anchors, intermediates = [] } = this.options
    const found = new Map<string, Certificate>()
    if (target.subject.equals(crl.issuer) && isAppointed(target)) found.set(target.fingerprint, target)
    for (const certificate of [...above, ...anchors, ...intermediates])
      // Nobody says of their own key that it is not revoked, unless their issuer wants it so
      if (certificate.subject.equals(crl.issuer) && !certificate.sameEntity(target))
        found.set(certificate.fingerprint, certificate)
    const { authorityKeyId } = crl
    const rank = ({ subjectKeyId }: Certificate): number =>
      authorityKeyId !== null && subjectKeyId?.equals(authorityKeyId) === true ? 0 : 1
    return [...found.values()].sort((a, b) => rank(a) - rank(b)).slice(0, MAX_SIGNERS)
  }

  /** Whether the signer stands in the path itself, or has a valid path to the same anchor (RFC 5280 6.3.3 f). */
  private isTrusted(signer: Certificate, above: readonly Certificate[], work: Work): boolean {
    if (above.some((certificate) => certificate.equals(signer))) return true
    const anchor = above.at(-1)
    if (anchor === undefined || this.signing.has(signer.fingerprint)) return false
    const id = `${signer.fingerprint} ${anchor.fingerprint}`
    const known = this.signers.get(id)
    if (known !== undefined) return known
    if (work.paths-- <= 0) return false
    const { at, crls = [], messageCrls = [], ocspResponses = [], intermediates = [] } = this.options
    const options: PathOptions = {
      ...{ anchors: [anchor], intermediates: [...intermediates, ...above] },
      ...{ at, crls, messageCrls, ocspResponses },
      ...{ purpose: 'any', profile: 'tolerant', allowWeak: this.options.allowWeak ?? false },
      ...{ revocation: this.options.revocation ?? 'prefer', maxSignatures: 30 },
      minimumStrength: this.options.minimumStrength ?? 0,
    }
    const signing = new Set([...this.signing, signer.fingerprint])
    const nested = new RevocationCheck(options, this.build, signing, this.budget)
    const { valid } = this.build(signer, options, nested)
    this.signers.set(id, valid)
    return valid
  }
}

/**
 * Whether the issuer of the certificate appoints the certificate's own subject to issue the CRLs about it, by the cRLIssuer of a
 * distribution point (RFC 5280 4.2.1.13; PKITS 4.14.30). Only then may a key speak of its own certificate.
 */
function isAppointed(certificate: Certificate): boolean {
  const key = directoryKey(certificate.subject.rdnKeys)
  try {
    return distributionPointsOf(certificate).some(({ crlIssuer }) =>
      (crlIssuer ?? []).flatMap(generalNameKey).includes(key),
    )
  } catch (error) {
    if (error instanceof EngineError) return false
    throw error
  }
}

/** RFC 9608: noRevAvail in an end-entity certificate that names no place for revocation information. */
function neverRevoked(certificate: Certificate): boolean {
  return (
    certificate.extensions.some(({ oid }) => oid === Oid.idCeNoRevAvail) &&
    certificate.basicConstraints?.ca !== true &&
    !certificate.extensions.some(({ oid }) => oid === Oid.idCeCrlDistributionPoints)
  )
}

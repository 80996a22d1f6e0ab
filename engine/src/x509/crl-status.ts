/**
 * What CRLs say of one certificate (RFC 5280 6.3.3): distribution points, scopes, deltas, reasons. Which key may sign a CRL is
 * asked of the caller. It fetches nothing; what cannot be established stays unknown, with the reason for the operator.
 */
import { EngineError } from '../errors.ts'
import { Oid } from '../der/oid.ts'
import { readElement } from '../der/reader.ts'
import type { Certificate } from './certificate.ts'
import type { Crl } from './crl.ts'
import type { CrlEntry } from './crl-entries.ts'
import {
  ALL_REASONS,
  directoryKey,
  generalNameKey,
  pointKeys,
  readDistributionPoints,
} from './distribution-point.ts'
import type { DistributionPoint } from './distribution-point.ts'
import { isWeakScheme, readSignatureScheme } from './signature-algorithm.ts'

/** What revocation information says of one certificate. */
export type RevocationStatus = 'good' | 'revoked' | 'unknown'

/** A status with its reason for the operator. */
export interface RevocationFinding {
  /** `unknown` is never `good`: what it means is for the caller to decide. */
  readonly status: RevocationStatus
  /** For the operator. */
  readonly detail: string
}

/** What a CRL is judged by. */
export interface CrlSource {
  /** All CRLs at hand, of whatever issuer. */
  readonly crls: readonly Crl[]
  /** The moment, in milliseconds since 1970. */
  readonly at: number
  /** Whether a CRL with a SHA-1 signature counts as proof that a certificate is good. */
  readonly allowWeak: boolean
  /** The certificate whose key signed the CRL and may do so, or why there is none. */
  signerOf(crl: Crl): Certificate | string
  /** Why the CRL is no proof that a certificate is good, though what it revokes is revoked; null if it is one. Default: all are. */
  readonly objection?: (crl: Crl) => string | null
}

/** More CRLs for one certificate are not looked at. */
const MAX_CANDIDATES = 64

/** The status of the certificate by the CRLs at hand. */
export function crlStatus(certificate: Certificate, source: CrlSource): RevocationFinding {
  try {
    return new Examination(certificate, source).run()
  } catch (error) {
    if (!(error instanceof EngineError)) throw error
    return { status: 'unknown', detail: error.message }
  }
}

/** The certificate's CRL distribution points, or those for delta CRLs. @throws EngineError `asn1-malformed` */
export function distributionPointsOf(
  certificate: Certificate,
  oid: string = Oid.idCeCrlDistributionPoints,
): readonly DistributionPoint[] {
  const extension = certificate.extensions.find((candidate) => candidate.oid === oid)
  return extension === undefined ? [] : readDistributionPoints(readElement(extension.value))
}

/** A complete CRL with the delta CRLs that could bring it up to date, the newest first. */
interface Combination {
  readonly complete: Crl
  readonly deltas: readonly Crl[]
}

class Examination {
  private readonly certificate: Certificate
  private readonly source: CrlSource
  private readonly second: number
  private mask = 0
  private obstacle = 'no CRL for it'
  private readonly stale = new Set<Crl>()

  constructor(certificate: Certificate, source: CrlSource) {
    this.certificate = certificate
    this.source = source
    this.second = Math.floor(source.at / 1000) * 1000
  }

  run(): RevocationFinding {
    const { issuer } = this.certificate
    // RFC 5280 6.3.3: at last the CRLs that no distribution point names
    const implied: DistributionPoint = {
      name: { kind: 'full', names: [{ kind: 'directory', name: issuer }] },
      reasons: null,
      crlIssuer: null,
    }
    for (const point of [...distributionPointsOf(this.certificate), implied]) {
      const revoked = this.examine(point)
      if (revoked !== null) return revoked
      if (this.mask === ALL_REASONS) return { status: 'good', detail: 'not on the CRL' }
    }
    const lasting = this.lookInStale()
    if (lasting !== null) return lasting
    const detail = this.mask === 0 ? this.obstacle : 'the CRLs at hand do not cover all reasons'
    return { status: 'unknown', detail }
  }

  private examine(point: DistributionPoint): RevocationFinding | null {
    for (const { complete, deltas } of this.combinations(point)) {
      // RFC 5280 6.3.3 d and e
      const interim =
        (point.reasons ?? ALL_REASONS) & (complete.issuingDistributionPoint?.reasons ?? ALL_REASONS)
      if ((interim & ~this.mask) === 0) continue
      const entry = this.look(complete, deltas)
      if (typeof entry === 'string') this.obstacle = entry
      else if (entry !== null) return revokedBy(entry)
      else {
        const objection = this.objection(complete)
        if (objection !== null) this.obstacle = objection
        // RFC 5280 6.3.3 l
        else this.mask |= interim
      }
    }
    return null
  }

  /** An expired CRL proves nothing good any more, but what it revoked for ever stays revoked. */
  private lookInStale(): RevocationFinding | null {
    const { serial, issuer } = this.certificate
    for (const crl of [...this.stale].slice(0, MAX_CANDIDATES)) {
      if (typeof this.source.signerOf(crl) === 'string' || crl.unknownCritical !== null) continue
      const entry = crl.entries.find(serial, issuer)
      if (entry !== null && entry.reason !== 'certificateHold' && entry.reason !== 'removeFromCRL')
        return revokedBy(entry)
    }
    return null
  }

  /** RFC 5280 6.3.3 f to k: the entry that revokes, null for none, or why the CRLs cannot be used. */
  private look(complete: Crl, deltas: readonly Crl[]): CrlEntry | string | null {
    const signer = this.source.signerOf(complete)
    if (typeof signer === 'string') return signer
    const unknown = complete.unknownCritical
    // RFC 5280 5.2 and 5.3
    if (unknown !== null) return `critical CRL extension ${unknown} is not understood`
    const { serial, issuer } = this.certificate
    const delta = deltas.find((candidate) => isUsableDelta(candidate, signer))
    if (delta === undefined && !this.inTime(complete)) return `the CRL ${this.timeText(complete)}`
    const change = delta?.entries.find(serial, issuer) ?? null
    const entry = change ?? complete.entries.find(serial, issuer)
    return entry?.reason === 'removeFromCRL' ? null : entry
  }

  /** The usable CRLs of a distribution point, the freshest first. */
  private combinations(point: DistributionPoint): readonly Combination[] {
    const found: Combination[] = []
    for (const crl of this.source.crls) {
      // RFC 5280 5.2.4: a delta CRL alone says nothing
      if (crl.deltaBase !== null || !this.issuerFits(crl, point) || !this.scopeFits(crl, point)) continue
      const deltas = this.deltasOf(crl)
      if (deltas.length === 0 && !this.inTime(crl)) {
        this.obstacle = `the CRL ${this.timeText(crl)}`
        if (crl.thisUpdate <= this.second) this.stale.add(crl)
        continue
      }
      found.push({ complete: crl, deltas })
      if (found.length >= MAX_CANDIDATES) break
    }
    return found.sort((a, b) => b.complete.thisUpdate - a.complete.thisUpdate)
  }

  /** RFC 5280 6.3.3 b 1 */
  private issuerFits(crl: Crl, { crlIssuer }: DistributionPoint): boolean {
    if (crlIssuer === null) return crl.issuer.equals(this.certificate.issuer)
    const key = directoryKey(crl.issuer.rdnKeys)
    return crl.issuingDistributionPoint?.indirect === true && crlIssuer.flatMap(generalNameKey).includes(key)
  }

  /** RFC 5280 6.3.3 b 2 */
  private scopeFits(crl: Crl, { name, crlIssuer }: DistributionPoint): boolean {
    const scope = crl.issuingDistributionPoint
    if (scope === null) return true
    const ca = this.certificate.basicConstraints?.ca === true
    if (scope.only === 'attribute' || scope.only === (ca ? 'user' : 'ca')) return false
    if (scope.name === null) return true
    // A name relative to the CRL issuer, which is the certificate issuer unless said otherwise
    const wanted = name === null ? (crlIssuer ?? []).flatMap(generalNameKey) : pointKeys(name, crl.issuer)
    const given = new Set(pointKeys(scope.name, crl.issuer))
    return wanted.some((key) => given.has(key))
  }

  /** Delta CRLs for a complete one (RFC 5280 5.2.4, 6.3.3 c), the newest first. */
  private deltasOf(complete: Crl): readonly Crl[] {
    const { number } = complete
    if (number === null) return []
    const after = (crl: Crl): number => Number((crl.number ?? 0n) - number)
    return this.source.crls
      .filter(
        (delta) =>
          delta.deltaBase !== null &&
          number >= delta.deltaBase &&
          after(delta) > 0 &&
          this.inTime(delta) &&
          delta.issuer.equals(complete.issuer) &&
          sameScope(complete, delta),
      )
      .slice(0, MAX_CANDIDATES)
      .sort((a, b) => after(b) - after(a))
  }

  private inTime(crl: Crl): boolean {
    // RFC 5280 5.1.2.5: nextUpdate is always there; without it nobody can tell an old CRL from a new one
    return crl.thisUpdate <= this.second && crl.nextUpdate !== null && this.second <= crl.nextUpdate
  }

  private timeText({ thisUpdate, nextUpdate }: Crl): string {
    if (thisUpdate > this.second) return `is of ${new Date(thisUpdate).toISOString()}, later than the moment`
    return nextUpdate === null ? 'has no nextUpdate' : `has expired at ${new Date(nextUpdate).toISOString()}`
  }

  private objection(crl: Crl): string | null {
    const weak = !this.source.allowWeak && isWeakScheme(readSignatureScheme(crl.signatureAlgorithm))
    return weak ? 'the CRL is signed with an outdated algorithm' : (this.source.objection?.(crl) ?? null)
  }
}

function revokedBy({ reason, revocationDate }: CrlEntry): RevocationFinding {
  return { status: 'revoked', detail: `${reason} since ${new Date(revocationDate).toISOString()}` }
}

/** RFC 5280 6.3.3 h: by the key that signed the complete CRL. */
function isUsableDelta(delta: Crl, signer: Certificate): boolean {
  try {
    return delta.isSignedBy(signer) && delta.unknownCritical === null
  } catch (error) {
    if (error instanceof EngineError) return false
    throw error
  }
}

function sameScope(complete: Crl, delta: Crl): boolean {
  const value = (crl: Crl, oid: string): Buffer =>
    crl.extensions.find((candidate) => candidate.oid === oid)?.value ?? Buffer.alloc(0)
  return [Oid.idCeIssuingDistributionPoint, Oid.idCeAuthorityKeyIdentifier].every((oid) =>
    value(complete, oid).equals(value(delta, oid)),
  )
}

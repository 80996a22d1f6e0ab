/**
 * Builds and validates certification paths (RFC 5280 6.1, RFC 4158) from a leaf to a trust anchor. Any certificate can be
 * an anchor, self-signed or not. Every refusal has a reason. Bounded in work: depth, signature checks and search steps.
 */
import { EngineError } from '../errors.ts'
import type { Reason } from '../reasons.ts'
import type { Certificate } from './certificate.ts'
import { adoptInheritedParameters } from './dsa-inheritance.ts'
import { keyStrength } from './key-strength.ts'
import { comparisonBudget } from './name-constraints.ts'
import type { PathOptions } from './path-options.ts'
import { judgePath } from './path-rules.ts'
import type { PathContext, PathFinding } from './path-rules.ts'
import { RevocationCheck } from './revocation.ts'
import { verifySignature } from './signature.ts'
import { TrustStore } from './trust-store.ts'

/** The verdict on a leaf. */
export interface PathResult {
  /** Whether a chain that breaks no rule was found. */
  readonly valid: boolean
  /** All reasons, those that make it invalid and those only noted, each once. */
  readonly reasons: readonly Reason[]
  /** The reasons with the certificate and the detail. */
  readonly findings: readonly PathFinding[]
  /** Leaf first, anchor last; of an invalid leaf the chain that came closest. */
  readonly path: readonly Certificate[]
  /** The reasons that `allowWeak` forgives. */
  readonly weak: readonly Reason[]
}

const WEAK: ReadonlySet<Reason> = new Set<Reason>(['weak-key', 'weak-signature'])
const MAX_STEPS = 1000

/**
 * Finds a valid chain, or says why there is none.
 * @throws RangeError if `at` is no moment: a mistake of the caller
 */
export function buildPath(leaf: Certificate, options: PathOptions): PathResult {
  if (!Number.isFinite(options.at)) throw new RangeError('at is not a moment')
  // DSA is weak: without leave for that, its parameters need not be found
  if (options.allowWeak === true)
    adoptInheritedParameters([leaf, ...(options.intermediates ?? []), ...options.anchors])
  return search(leaf, options, new RevocationCheck(options, search))
}

function search(leaf: Certificate, options: PathOptions, revocation: RevocationCheck): PathResult {
  return new Search(options, revocation).run(leaf)
}

interface Attempt {
  readonly path: readonly Certificate[]
  readonly findings: readonly PathFinding[]
  readonly anchored: boolean
}

/**
 * Signatures that were found good, by certificate: the same two objects are not verified again while both are in memory. What is
 * parsed anew is verified anew.
 */
const SIGNED_BY = new WeakMap<Certificate, WeakSet<Certificate>>()

function remember(certificate: Certificate, issuer: Certificate): void {
  const known = SIGNED_BY.get(certificate)
  if (known === undefined) SIGNED_BY.set(certificate, new WeakSet([issuer]))
  else known.add(issuer)
}

class Search {
  private readonly options: PathOptions
  private readonly maxDepth: number
  private signatures: number
  private steps = MAX_STEPS
  private readonly context: PathContext
  private exhausted = false
  private found: Attempt | null = null
  private best: Attempt | null = null
  /** Signatures verified already, by the fingerprints of certificate and issuer. */
  private readonly verified = new Map<string, PathFinding | null>()

  constructor(options: PathOptions, revocation: RevocationCheck) {
    this.options = options
    const store = new TrustStore(options.anchors, options.purpose)
    this.context = { options, budget: comparisonBudget(), revocation, store }
    this.maxDepth = options.maxDepth ?? 10
    this.signatures = options.maxSignatures ?? 100
  }

  run(leaf: Certificate): PathResult {
    this.extend([leaf])
    const attempt = this.found ?? this.best ?? { path: [leaf], findings: [], anchored: false }
    const findings = [...attempt.findings]
    if (this.found === null && this.exhausted)
      findings.push({
        reason: 'path-search-exhausted',
        certificate: null,
        detail: 'too many possible chains',
      })
    const reasons = [...new Set(findings.map((finding) => finding.reason))]
    const weak = reasons.filter((reason) => WEAK.has(reason))
    return { valid: this.found !== null, reasons, findings, path: attempt.path, weak }
  }

  /** Goes on from the last certificate; true when a valid chain is found. */
  private extend(path: readonly Certificate[]): boolean {
    const current = path.at(-1)
    if (current === undefined || this.steps-- <= 0) {
      this.exhausted = true
      return false
    }
    if (this.options.anchors.some((anchor) => anchor.equals(current)) && this.settle(path, [], true))
      return true
    const obstacles: PathFinding[] = []
    for (const issuer of this.candidates(current, path)) {
      const isAnchor = this.options.anchors.some((anchor) => anchor.equals(issuer))
      // The new one is the anchor, so that all but the leaf lie between; or it lies between itself
      if (path.length - 1 + (isAnchor ? 0 : 1) > this.maxDepth) {
        obstacles.push({ reason: 'path-too-deep', certificate: issuer, detail: `more than ${this.maxDepth}` })
        continue
      }
      const obstacle = this.signatureObstacle(current, issuer)
      if (obstacle !== null) obstacles.push(obstacle)
      else if (this.extend([...path, issuer])) return true
      if (this.exhausted) break
    }
    this.fail(path, current, obstacles)
    return false
  }

  private fail(path: readonly Certificate[], current: Certificate, obstacles: readonly PathFinding[]): void {
    if (this.best !== null && (this.best.anchored || this.best.path.length >= path.length)) return
    const nothing: PathFinding = {
      reason: 'issuer-not-found',
      certificate: current,
      detail: current.selfIssued ? 'self-issued and not a trust anchor' : `no issuer ${current.issuer.text}`,
    }
    this.settle(path, obstacles.length === 0 ? [nothing] : obstacles, false)
  }

  /** Judges a chain that goes no further, and keeps the best. */
  private settle(
    path: readonly Certificate[],
    obstacles: readonly PathFinding[],
    anchored: boolean,
  ): boolean {
    const findings = [...obstacles, ...judgePath(path, anchored, this.context)]
    const attempt = { path, findings, anchored }
    if (anchored && !findings.some((finding) => this.isFatal(finding.reason))) {
      this.found = attempt
      return true
    }
    // Of chains to an anchor the one with the fewest findings, else the longest
    const better = !anchored || this.best?.anchored !== true || findings.length < this.best.findings.length
    if (better) this.best = attempt
    return false
  }

  private isFatal(reason: Reason): boolean {
    if (reason === 'revocation-unknown') return this.options.revocation === 'require'
    return !(this.options.allowWeak === true && WEAK.has(reason))
  }

  /** Possible issuers, the likeliest first (RFC 4158 3.5). */
  private candidates(current: Certificate, path: readonly Certificate[]): readonly Certificate[] {
    const { anchors, intermediates = [] } = this.options
    const taken = new Set<string>()
    const found: { readonly certificate: Certificate; readonly score: number }[] = []
    for (const [index, certificate] of [...anchors, ...intermediates].entries()) {
      if (!certificate.subject.equals(current.issuer)) continue
      if (path.some((other) => other.sameEntity(certificate)) || taken.has(certificate.fingerprint)) continue
      taken.add(certificate.fingerprint)
      found.push({ certificate, score: this.score(current, certificate, index < anchors.length) })
    }
    return found.sort((a, b) => b.score - a.score).map(({ certificate }) => certificate)
  }

  private score(current: Certificate, issuer: Certificate, isAnchor: boolean): number {
    const { authorityKeyId } = current
    const { subjectKeyId } = issuer
    const known = authorityKeyId !== null && subjectKeyId !== null
    const keyId = !known ? 0 : authorityKeyId.equals(subjectKeyId) ? 4 : -4
    const inTime = issuer.notBefore <= this.options.at && this.options.at <= issuer.notAfter
    return keyId + (inTime ? 2 : 0) + (isAnchor ? 1 : 0)
  }

  /** Why `issuer` did not sign `certificate`; null if it did. */
  private signatureObstacle(certificate: Certificate, issuer: Certificate): PathFinding | null {
    const id = `${certificate.fingerprint} ${issuer.fingerprint}`
    const known = this.verified.get(id)
    if (known !== undefined) return known
    const obstacle = this.checkSignature(certificate, issuer)
    this.verified.set(id, obstacle)
    return obstacle
  }

  private checkSignature(certificate: Certificate, issuer: Certificate): PathFinding | null {
    if (SIGNED_BY.get(certificate)?.has(issuer) === true) return null
    const strength = keyStrength(issuer)
    if (strength.grade === 'refused')
      return { reason: 'key-refused', certificate: issuer, detail: strength.detail }
    if (this.signatures-- <= 0) {
      this.exhausted = true
      return { reason: 'path-search-exhausted', certificate, detail: 'too many signatures to verify' }
    }
    const { signatureAlgorithm, tbs, signature } = certificate
    try {
      if (verifySignature(signatureAlgorithm, issuer, tbs, signature)) {
        remember(certificate, issuer)
        return null
      }
    } catch (error) {
      if (!(error instanceof EngineError)) throw error
      return { reason: 'signature-refused', certificate, detail: error.message }
    }
    return { reason: 'certificate-signature-invalid', certificate, detail: `not by ${issuer.subject.text}` }
  }
}

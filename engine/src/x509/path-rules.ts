/**
 * Judges one complete chain by the rules of RFC 5280 6.1: every rule it breaks becomes a finding with a stable code.
 * It does not search for chains and does not verify signatures: path.ts has done both.
 */
import { EngineError } from '../errors.ts'
import type { Reason } from '../reasons.ts'
import type { Certificate } from './certificate.ts'
import { isProcessed } from './extensions.ts'
import { keyStrength } from './key-strength.ts'
import { NameConstraintCheck, malformedConstraint } from './name-constraints.ts'
import type { ComparisonBudget } from './name-constraints.ts'
import type { PathOptions } from './path-options.ts'
import { policyProblem } from './policies.ts'
import { profileOf, profileViolations } from './profile.ts'
import { extendedKeyUsageAllows, keyUsageAllows, purposeProblem, standsFor } from './purpose.ts'
import type { RevocationCheck } from './revocation.ts'
import { isWeakScheme, readSignatureScheme, schemeStrength } from './signature-algorithm.ts'
import type { TrustStore } from './trust-store.ts'

/** One thing to say about a certificate of a chain. */
export interface PathFinding {
  /** The rule that is broken, or what is only noted. */
  readonly reason: Reason
  /** The certificate concerned; null for the chain as a whole. */
  readonly certificate: Certificate | null
  /** For the operator. */
  readonly detail: string
}

type Note = (reason: Reason, certificate: Certificate | null, detail: string) => void

/** What all chains of one search share. */
export interface PathContext {
  readonly options: PathOptions
  readonly budget: ComparisonBudget
  readonly revocation: RevocationCheck
  readonly store: TrustStore
}

/**
 * All findings on a chain.
 * @param path - leaf first
 * @param anchored - whether the last certificate is a trust anchor
 */
export function judgePath(
  path: readonly Certificate[],
  anchored: boolean,
  context: PathContext,
): readonly PathFinding[] {
  const { options } = context
  const findings: PathFinding[] = []
  const note: Note = (reason, certificate, detail) => findings.push({ reason, certificate, detail })
  for (const [index, certificate] of path.entries()) {
    const isAnchor = anchored && index === path.length - 1
    judgeEach(certificate, options, note)
    // An anchor whose owner has said what to trust it for is not asked how it was made (RFC 5280 6.1)
    if (!isAnchor || certificate.trustSettings === null) judgeProfile(certificate, options, note)
    judgeTrust(certificate, isAnchor, context, note)
    if (index > 0) judgeIssuer(certificate, isAnchor, note)
    // An anchor's own signature is not looked at
    if (!isAnchor) judgeSignature(certificate, options, note)
  }
  judgeInheritance(path, note)
  const [leaf] = path
  if (leaf !== undefined) judgeLeaf(leaf, options, note)
  judgePathLengths(path, note)
  judgeNames(path, context, note)
  if (!anchored) return findings
  const problem = policyProblem(path, options)
  if (problem !== null) note('policy-mismatch', null, problem)
  judgeRevocation(path, context, note)
  return findings
}

/** What is asked of every certificate, the anchor included. */
function judgeEach(certificate: Certificate, options: PathOptions, note: Note): void {
  // RFC 5280 6.1.3 a 2; both ends are inclusive, to the second (RFC 5280 4.1.2.5)
  const second = Math.floor(options.at / 1000) * 1000
  if (second < certificate.notBefore)
    note('certificate-not-yet-valid', certificate, new Date(certificate.notBefore).toISOString())
  if (second > certificate.notAfter)
    note('certificate-expired', certificate, new Date(certificate.notAfter).toISOString())
  // RFC 5280 6.1.4 o, 6.1.5 f
  for (const { oid, critical } of certificate.extensions)
    if (critical && !isProcessed(oid)) note('critical-extension-unknown', certificate, `extension ${oid}`)
  const { grade, detail, strength } = keyStrength(certificate)
  if (grade === 'refused') note('key-refused', certificate, detail)
  else if (strength < (options.minimumStrength ?? 0))
    note('key-refused', certificate, `${detail}: ${strength} bits of security`)
  else if (grade === 'weak') note('weak-key', certificate, detail)
  // RFC 5280 4.1.2.4
  if (certificate.issuer.empty) note('certificate-profile-violated', certificate, 'empty issuer')
}

/** The rules for issuers. */
function judgeProfile(certificate: Certificate, options: PathOptions, note: Note): void {
  for (const violation of profileViolations(certificate, profileOf(options)))
    note('certificate-profile-violated', certificate, violation)
}

/** The purpose: as the certificate says, and as the trust store says, which overrules what its anchor says of itself. */
function judgeTrust(
  certificate: Certificate,
  isAnchor: boolean,
  { options: { purpose }, store }: PathContext,
  note: Note,
): void {
  if (store.rejects(certificate, isAnchor))
    note('certificate-distrusted', certificate, `not trusted for ${purpose}`)
  else if (isAnchor && store.trusts(certificate)) return
  if (!extendedKeyUsageAllows(certificate, purpose))
    note('extended-key-usage-mismatch', certificate, `not for ${purpose}`)
}

/** What is asked of every certificate that issued another one of the chain. */
function judgeIssuer(certificate: Certificate, isAnchor: boolean, note: Note): void {
  const { basicConstraints, keyUsage, version, subject, parsed } = certificate
  // RFC 5280 6.1.4 k; a version 1 anchor is a CA because the operator says so
  if (basicConstraints?.ca !== true && !(isAnchor && version < 3))
    note('issuer-not-ca', certificate, 'basic constraints do not say CA')
  // RFC 5280 6.1.4 n
  if (keyUsage !== null && !keyUsage.has('keyCertSign')) note('issuer-not-ca', certificate, 'no keyCertSign')
  // RFC 5280 4.1.2.6
  if (subject.empty) note('certificate-profile-violated', certificate, 'CA without a subject')
  const malformed = parsed.nameConstraints === null ? null : malformedConstraint(parsed.nameConstraints)
  if (malformed !== null) note('certificate-malformed', certificate, malformed)
}

/** The algorithm that the certificate is signed with. */
function judgeSignature(certificate: Certificate, { minimumStrength = 0 }: PathOptions, note: Note): void {
  const { signatureAlgorithm } = certificate
  try {
    const scheme = readSignatureScheme(signatureAlgorithm)
    const strength = schemeStrength(scheme)
    if (strength < minimumStrength)
      note(
        'signature-refused',
        certificate,
        `algorithm ${signatureAlgorithm.oid}: ${strength} bits of security`,
      )
    else if (isWeakScheme(scheme)) note('weak-signature', certificate, `algorithm ${signatureAlgorithm.oid}`)
  } catch (error) {
    if (!(error instanceof EngineError)) throw error
    note('signature-refused', certificate, error.message)
  }
}

/** RFC 5280 6.1.5, and what the caller wants the certificate for. */
function judgeLeaf(leaf: Certificate, { purpose, address }: PathOptions, note: Note): void {
  if (!keyUsageAllows(leaf, purpose)) note('key-usage-mismatch', leaf, `not for ${purpose}`)
  const problem = purposeProblem(leaf, purpose)
  if (problem !== null) note('extended-key-usage-mismatch', leaf, problem)
  if (address !== undefined && !standsFor(leaf, address))
    note('address-mismatch', leaf, `not for ${Object.values(address).join('')}`)
}

/** RFC 5280 6.1.4 e: parameters that were adopted are those of the issuer in this very path. */
function judgeInheritance(path: readonly Certificate[], note: Note): void {
  for (const [index, certificate] of path.entries()) {
    const { inheritsParameters, dsaParameters } = certificate
    const expected = path[index + 1]?.dsaParameters ?? null
    if (inheritsParameters && (expected === null || dsaParameters?.equals(expected) !== true))
      note('key-refused', certificate, 'DSA parameters that are not those of its issuer')
  }
}

/** RFC 5280 6.1.4 l and m: self-issued certificates do not count, nor does the leaf. */
function judgePathLengths(path: readonly Certificate[], note: Note): void {
  let below = 0
  for (const certificate of path.slice(1)) {
    const limit = certificate.basicConstraints?.pathLength ?? null
    if (limit !== null && below > limit) note('path-length-exceeded', certificate, `${below} above ${limit}`)
    if (!certificate.selfIssued) below++
  }
}

/** RFC 5280 6.1.3 b and c: the constraints of each CA bind every certificate below, but self-issued ones at the end only. */
function judgeNames(path: readonly Certificate[], { options, budget }: PathContext, note: Note): void {
  // For mail a name like jane.doe is one, and no host
  const hosts = !options.purpose.startsWith('email')
  try {
    for (const [above, issuer] of path.entries()) {
      const constraints = issuer.parsed.nameConstraints
      if (constraints === null || above === 0) continue
      const check = new NameConstraintCheck(constraints, budget)
      for (const [index, certificate] of path.slice(0, above).entries()) {
        if (index > 0 && certificate.selfIssued) continue
        const name = check.violation(certificate, hosts && index === 0)
        if (name !== null) note('name-constraint-violated', certificate, name)
      }
    }
  } catch (error) {
    if (!(error instanceof EngineError)) throw error
    note(error.code, null, error.message)
  }
}

function judgeRevocation(path: readonly Certificate[], context: PathContext, note: Note): void {
  if (context.options.revocation === 'none') return
  for (const [index, certificate] of path.slice(0, -1).entries()) {
    const { status, detail } = context.revocation.statusOf(path, index)
    if (status === 'revoked') note('certificate-revoked', certificate, detail)
    if (status === 'unknown') note('revocation-unknown', certificate, detail)
  }
}

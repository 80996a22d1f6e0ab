/**
 * Judges an OCSP response (RFC 6960 3.2, 4.2.2): whether the right one signed it, whether it is about the certificate, whether
 * it is of now, and what it says. The responder is the issuer itself, or somebody to whom that issuer gave id-kp-OCSPSigning.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import { EngineError } from '../errors.ts'
import { Oid } from '../der/oid.ts'
import type { Reason } from '../reasons.ts'
import type { Certificate } from './certificate.ts'
import { isProcessed } from './extensions.ts'
import { keyStrength } from './key-strength.ts'
import type { BasicOcspResponse, OcspResponse, SingleResponse } from './ocsp.ts'
import { isIssuedBy, verifySignature } from './signature.ts'
import { isWeakScheme, readSignatureScheme } from './signature-algorithm.ts'

/** What a response is judged by. */
export interface OcspJudgeOptions {
  /** The certificate asked about; null for all certificates of the issuer that the response speaks of. */
  readonly certificate: Certificate | null
  /** Whoever issued it, already trusted. */
  readonly issuer: Certificate
  /** The moment, in milliseconds since 1970. */
  readonly at: number
  /** Responders that the operator trusts for any certificate, if they hold id-kp-OCSPSigning (RFC 6960 4.2.2.2, 1). */
  readonly responders?: readonly Certificate[]
  /** How far the clocks may differ, in milliseconds. Default five minutes. */
  readonly skew?: number
  /** How old an answer without nextUpdate may be, in milliseconds. Default one day. */
  readonly maxAge?: number
  /** The nonce of the request: a response with another one is refused, one without is not (RFC 9654 3). */
  readonly nonce?: Buffer
  /** Believe responses signed with SHA-1 that say `good`. */
  readonly allowWeak?: boolean
  /** Whether a responder's certificate is known to be revoked; not asked for those with id-pkix-ocsp-nocheck. */
  readonly responderRevoked?: (responder: Certificate) => boolean
}

/** What a response says. */
export interface OcspVerdict {
  /** `invalid`: the response proves nothing; `unknown`: the responder does not know the certificate. */
  readonly status: 'good' | 'revoked' | 'unknown' | 'invalid'
  /** Empty for `good`. */
  readonly reasons: readonly Reason[]
  /** For the operator. */
  readonly detail: string
  /** The answer that decided; null if none did. */
  readonly answer: SingleResponse | null
}

const SKEW = 5 * 60_000
const MAX_AGE = 86_400_000

/** Response extensions whose meaning is carried out, or changes nothing here. */
const KNOWN: ReadonlySet<string> = new Set([
  Oid.idPkixOcspNonce,
  Oid.idPkixOcspArchiveCutoff,
  Oid.idPkixOcspCrl,
  Oid.idPkixOcspExtendedRevoke,
  Oid.idCeCrlReasons,
  Oid.idCeInvalidityDate,
])

/** Judges a response. Never throws for what is in it. */
export function judgeOcspResponse(response: OcspResponse, options: OcspJudgeOptions): OcspVerdict {
  const { basic, failure } = response
  if (basic === null) return invalid(failure ?? 'ocsp-malformed', 'the responder gave no answer')
  try {
    requireAuthority(basic, options)
    requireNonce(basic, options)
    const answers = response.answersFor(options.certificate, options.issuer)
    if (answers.length === 0) throw new EngineError('ocsp-certificate-mismatch', 'about other certificates')
    for (const answer of answers) requireUsable(answer, options)
    return conclude(basic, answers, options)
  } catch (error) {
    if (!(error instanceof EngineError)) throw error
    return invalid(error.code, error.message)
  }
}

function invalid(reason: Reason, detail: string): OcspVerdict {
  return { status: 'invalid', reasons: [reason], detail, answer: null }
}

/** Of several answers the worst. */
function conclude(
  basic: BasicOcspResponse,
  answers: readonly SingleResponse[],
  { allowWeak = false }: OcspJudgeOptions,
): OcspVerdict {
  const find = (status: SingleResponse['status']): SingleResponse | undefined =>
    answers.find((candidate) => candidate.status === status)
  const answer = find('revoked') ?? find('unknown') ?? answers[0]
  if (answer === undefined) return invalid('ocsp-certificate-mismatch', 'no answer')
  const { status, reason, revocationDate } = answer
  if (status === 'revoked') {
    const since = revocationDate === null ? '' : ` since ${new Date(revocationDate).toISOString()}`
    const detail = `${reason ?? 'unspecified'}${since}`
    return { status, reasons: ['certificate-revoked'], detail, answer }
  }
  if (isWeakScheme(readSignatureScheme(basic.signatureAlgorithm)) && !allowWeak)
    return invalid('weak-signature', 'the response is signed with an outdated algorithm')
  if (status === 'unknown')
    return { status, reasons: ['ocsp-status-unknown'], detail: 'the responder does not know it', answer }
  return { status, reasons: [], detail: 'good', answer }
}

/** RFC 6960 4.2.1: the critical extensions; and 3.2, 5 and 6: the times. */
function requireUsable(answer: SingleResponse, options: OcspJudgeOptions): void {
  const { at, skew = SKEW, maxAge = MAX_AGE } = options
  requireKnown(answer.extensions)
  const { thisUpdate, nextUpdate } = answer
  if (thisUpdate > at + skew)
    throw new EngineError('ocsp-not-yet-valid', `of ${new Date(thisUpdate).toISOString()}`)
  if (nextUpdate !== null && nextUpdate < thisUpdate)
    throw new EngineError('ocsp-malformed', 'nextUpdate before thisUpdate')
  // RFC 6960 4.2.2.1: without nextUpdate newer information is always to be had
  const end = nextUpdate ?? thisUpdate + maxAge
  if (end < at - skew) throw new EngineError('ocsp-expired', `until ${new Date(end).toISOString()}`)
}

function requireKnown(extensions: BasicOcspResponse['extensions']): void {
  const unknown = extensions.find(({ oid, critical }) => critical && !KNOWN.has(oid))
  if (unknown !== undefined) throw new EngineError('critical-extension-unknown', `extension ${unknown.oid}`)
}

/** RFC 9654 3: a nonce that comes back is the one that was sent. */
function requireNonce({ nonce, extensions }: BasicOcspResponse, options: OcspJudgeOptions): void {
  requireKnown(extensions)
  if (options.nonce === undefined || nonce === null) return
  if (nonce.length !== options.nonce.length || !timingSafeEqual(nonce, options.nonce))
    throw new EngineError('ocsp-nonce-mismatch', 'the nonce is another one')
}

/** RFC 6960 3.2, 2 to 4 */
function requireAuthority(basic: BasicOcspResponse, options: OcspJudgeOptions): void {
  const { issuer, responders = [] } = options
  const named = (candidate: Certificate): boolean => isNamed(basic, candidate)
  let problem = new EngineError('ocsp-responder-unknown', 'no certificate of the responder')
  for (const candidate of [issuer, ...responders, ...basic.certificates].filter(named)) {
    const found = problemOf(candidate, basic, options)
    if (found === null) return
    problem = found
  }
  throw problem
}

/** RFC 6960 4.2.1: by name, or by the SHA-1 of the key. */
function isNamed({ responder }: BasicOcspResponse, candidate: Certificate): boolean {
  if ('name' in responder) return candidate.subject.equals(responder.name)
  return createHash('sha1').update(candidate.keyBits).digest().equals(responder.keyHash)
}

/** Why this certificate's key did not, or may not, sign the response; null if all is well. */
function problemOf(
  candidate: Certificate,
  basic: BasicOcspResponse,
  options: OcspJudgeOptions,
): EngineError | null {
  const { issuer, responders = [] } = options
  const trusted = responders.some((responder) => responder.equals(candidate) && isOcspSigner(candidate))
  try {
    if (keyStrength(candidate).grade === 'refused')
      return new EngineError('key-refused', 'the key of the responder')
    if (!verifySignature(basic.signatureAlgorithm, candidate, basic.tbs, basic.signature))
      return new EngineError('ocsp-signature-invalid', `not by ${candidate.subject.text}`)
    if (candidate.spki.equals(issuer.spki) && candidate.subject.equals(issuer.subject)) return null
    return trusted ? delegationTimes(candidate, options) : delegationProblem(candidate, options)
  } catch (error) {
    if (error instanceof EngineError) return error
    throw error
  }
}

function isOcspSigner({ extendedKeyUsage }: Certificate): boolean {
  return extendedKeyUsage?.includes(Oid.idKpOcspSigning) === true
}

/** RFC 6960 4.2.2.2: the purpose given by the very key that signed the certificate in question. */
function delegationProblem(candidate: Certificate, options: OcspJudgeOptions): EngineError | null {
  const { issuer, responderRevoked } = options
  const refused = (detail: string): EngineError => new EngineError('ocsp-responder-unauthorized', detail)
  if (!isOcspSigner(candidate)) return refused('without id-kp-OCSPSigning')
  if (!isIssuedBy(candidate, issuer)) return refused('not issued by the issuer of the certificate')
  if (candidate.keyUsage?.has('digitalSignature') === false && !candidate.keyUsage.has('nonRepudiation'))
    return refused('key usage without digitalSignature')
  const unknown = candidate.extensions.find(({ oid, critical }) => critical && !isProcessed(oid))
  if (unknown !== undefined) return refused(`critical extension ${unknown.oid} is not understood`)
  // RFC 6960 4.2.2.2.1: with id-pkix-ocsp-nocheck it is trusted for its lifetime
  const nocheck = candidate.extensions.some(({ oid }) => oid === Oid.idPkixOcspNocheck)
  if (!nocheck && responderRevoked?.(candidate) === true) return refused('revoked')
  return delegationTimes(candidate, options)
}

function delegationTimes(candidate: Certificate, { at }: OcspJudgeOptions): EngineError | null {
  const second = Math.floor(at / 1000) * 1000
  if (candidate.notBefore <= second && second <= candidate.notAfter) return null
  return new EngineError('ocsp-responder-unauthorized', 'its certificate has expired or is not valid yet')
}

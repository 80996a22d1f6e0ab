/**
 * Judges the signers of a SignedData: signature, then chain. Certificates from inside the message are untrusted material
 * for the chain and nothing more.
 */
import { certificatesOf, checkSigners } from '../cms/verify.ts'
import type { SignedContent, SignerCheck } from '../cms/verify.ts'
import { identifies } from '../cms/identifier.ts'
import type { SignedData } from '../cms/signed-data.ts'
import type { Reason } from '../reasons.ts'
import type { Certificate } from '../x509/certificate.ts'
import { adoptInheritedParameters } from '../x509/dsa-inheritance.ts'
import { EngineError } from '../errors.ts'
import type { Crl } from '../x509/crl.ts'
import { parseOcspResponse } from '../x509/ocsp.ts'
import type { OcspResponse } from '../x509/ocsp.ts'
import { parseCrls } from '../x509/read-crls.ts'
import { buildPath } from '../x509/path.ts'
import type { PathResult } from '../x509/path.ts'
import type { SignerVerdict, VerifyOptions } from './verdict.ts'

/** Certificates of one signer that are tried; more with the same identifier and key are copies. */
const MAX_CANDIDATES = 2
/** Signatures verified in search of the chains of all signers together; of many signers, each has its least. */
const MAX_SIGNATURES = 100
const LEAST_SIGNATURES = 20
/** CRLs inside one message that are looked at. */
const MAX_CRLS = 32
/** The same for OCSP responses. */
const MAX_RESPONSES = 16

/**
 * Judges every signer.
 * @param contents - the content, in the forms it may have been signed in, best first; empty when it is not there
 */
export function judgeSigners(
  data: SignedData,
  contents: readonly SignedContent[],
  options: VerifyOptions,
): readonly SignerVerdict[] {
  const embedded = certificatesOf(data)
  const pool = [...embedded, ...(options.intermediates ?? []), ...options.anchors]
  // DSA keys of old may need their issuer's parameters before they can verify anything
  if (options.allowWeak === true) adoptInheritedParameters(pool)
  const [first = null, ...others] = contents
  let checks = checkSigners(data, first, pool)
  for (const content of others) {
    if (checks.every((check) => check.intact)) break
    const again = checkSigners(data, content, pool)
    checks = checks.map((check, at) => (check.intact ? check : (again[at] ?? check)))
  }
  const all = options.maxSignatures ?? MAX_SIGNATURES
  const share = Math.max(LEAST_SIGNATURES, Math.floor(all / Math.max(checks.length, 1)))
  const bounded: VerifyOptions = { ...options, maxSignatures: Math.min(all, share) }
  // Looked at only for a chain; whoever sent them, their signature counts
  if (options.revocation === 'none') return checks.map((check) => judge(check, embedded, bounded))
  const messageCrls = embeddedCrls(data)
  const ocspResponses = [...(options.ocspResponses ?? []), ...embeddedResponses(data)]
  return checks.map((check) => judge(check, embedded, { ...bounded, messageCrls, ocspResponses }))
}

/** CRLs of a SignedData that could be read; a damaged one is as good as absent. */
function embeddedCrls(data: SignedData): readonly Crl[] {
  return parseCrls(data.crls.slice(0, MAX_CRLS), () => undefined)
}

/** The same for OCSP responses (RFC 5940 2.1). */
function embeddedResponses(data: SignedData): readonly OcspResponse[] {
  return data.ocspResponses.slice(0, MAX_RESPONSES).flatMap((der) => {
    try {
      return [parseOcspResponse(der)]
    } catch (error) {
      if (error instanceof EngineError) return []
      throw error
    }
  })
}

function judge(check: SignerCheck, embedded: readonly Certificate[], options: VerifyOptions): SignerVerdict {
  const best = check.intact ? bestPath(check.certificates.slice(0, MAX_CANDIDATES), embedded, options) : null
  const certificate = best?.certificate ?? check.certificates[0] ?? null
  const reasons = new Set<Reason>([...check.reasons, ...check.weak, ...(best?.result.reasons ?? [])])
  const strong = check.weak.length === 0 || options.allowWeak === true
  const good = check.intact && strong && best?.result.valid === true
  return {
    status: good ? 'valid' : 'invalid',
    reasons: [...reasons],
    emails: certificate?.emails ?? [],
    subject: certificate?.subject.text ?? null,
    issuer: certificate?.issuer.text ?? null,
    serial: certificate?.serialHex ?? null,
    digest: check.digest,
    signature: check.signature,
    signingTime: check.signingTime,
    certificate,
    path: best?.result.path ?? [],
    capabilities: check.intact ? check.capabilities : null,
    encryption: check.intact && certificate !== null ? encryptionOf(check, certificate, embedded) : [],
  }
}

/** Certificates of a message that are handed on as ones to encrypt to. */
const MAX_ENCRYPTION = 8

/** RFC 8551 2.5.3: what the signer prefers; else the signing certificate, or another that came along. */
function encryptionOf(
  { encryptionKey }: SignerCheck,
  own: Certificate,
  embedded: readonly Certificate[],
): readonly Certificate[] {
  const preferred =
    encryptionKey === null ? [] : embedded.filter((certificate) => identifies(encryptionKey, certificate))
  const all = new Map([...preferred, own, ...embedded].map((each) => [each.fingerprint, each]))
  return [...all.values()].slice(0, MAX_ENCRYPTION)
}

interface Candidate {
  readonly certificate: Certificate
  readonly result: PathResult
}

/** The first certificate with a good chain; else the first of all. */
function bestPath(
  candidates: readonly Certificate[],
  embedded: readonly Certificate[],
  options: VerifyOptions,
): Candidate | null {
  const intermediates = [...(options.intermediates ?? []), ...embedded]
  let best: Candidate | null = null
  for (const certificate of candidates) {
    const result = buildPath(certificate, { ...options, intermediates, purpose: 'email-sign' })
    if (result.valid) return { certificate, result }
    best ??= { certificate, result }
  }
  return best
}

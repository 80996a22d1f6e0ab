/**
 * What a session with a host of the world came to, for reports about TLS (TLSRPT): the port that is told, and what each of our reasons
 * is called there. Counts nothing. What is no matter of TLS, or our own fault, is told to nobody.
 */
import type { KeptStsPolicy } from '../../dns/sts.ts'
import { tlsaText } from '../../dns/tlsa.ts'
import { isListed, stsPolicyLines } from '../../dns/sts-policy.ts'
import type { ResultType } from '../../tls-reports/report.ts'
import type { HardenedTls } from './dane-policy.ts'
import type { Verdict } from './verdict.ts'

/** The policy of a domain that was applied to a session. RFC 8460 4.4 */
export interface SessionPolicy {
  readonly type: 'tlsa' | 'sts' | 'no-policy-found'
  /** Lines of the MTA-STS policy, or TLSA records. */
  readonly strings: readonly string[]
  /** Host patterns of an MTA-STS policy. */
  readonly mxHosts: readonly string[]
}

/** One session, or one attempt at it that TLS made fail. */
export interface SessionResult {
  /** The recipients' domain, A-labels. */
  readonly domain: string
  readonly policy: SessionPolicy
  readonly mx: string
  readonly address: string
  /** Null when no connection came about. */
  readonly localAddress: string | null
  /** Null: TLS as the policy wants it. */
  readonly result: ResultType | null
  /** Our code; null for a success. */
  readonly reason: string | null
}

/** Is told of sessions. */
export interface SessionNotes {
  /** Must not throw. */
  note(result: SessionResult): void
}

/** A result and our reason of it. */
export type SessionFault = Pick<SessionResult, 'result' | 'reason'>

/** RFC 8460 4.3.1, 4.3.2.1 */
const RESULTS: ReadonlyMap<string, ResultType> = new Map([
  ['starttls-not-offered', 'starttls-not-supported'],
  ['starttls-refused', 'starttls-not-supported'],
  ['tls-name-mismatch', 'certificate-host-mismatch'],
  ['tls-dane-name-mismatch', 'certificate-host-mismatch'],
  ['tls-certificate-expired', 'certificate-expired'],
  ['tls-certificate-missing', 'certificate-not-trusted'],
  ['tls-certificate-not-yet-valid', 'certificate-not-trusted'],
  ['tls-certificate-self-signed', 'certificate-not-trusted'],
  ['tls-certificate-untrusted', 'certificate-not-trusted'],
  ['tls-certificate-invalid', 'certificate-not-trusted'],
  ['tls-dane-mismatch', 'validation-failure'],
  ['tls-handshake-failed', 'validation-failure'],
  ['starttls-plaintext-injected', 'validation-failure'],
  ['tls-sts-host-not-listed', 'validation-failure'],
  ['tls-dane-unusable', 'tlsa-invalid'],
  ['tls-tlsa-lookup-failed', 'dnssec-invalid'],
  ['tls-dane-not-available', 'dane-required'],
])

/** What a verdict is called in a report; null when it does not belong there. */
export function faultOf({ reason: { code, arguments: args } }: Verdict): SessionFault | null {
  if (code === 'tls-dane-not-available') {
    // That we have no such resolver says nothing of the domain.
    if (args['cause'] === 'no-validating-resolver') return null
    if (args['cause'] === 'records-unusable') return { result: 'tlsa-invalid', reason: 'tls-dane-unusable' }
  }
  const result =
    (code === 'connection-lost' || code === 'reply-timeout') && args['stage'] === 'tls'
      ? 'validation-failure'
      : RESULTS.get(code)
  return result === undefined ? null : { result, reason: code }
}

/** A policy that is only tested does not name the host, and mail is sent there all the same. RFC 8461 5 */
export function unlistedFault(sts: KeptStsPolicy | null, host: string): SessionFault | null {
  if (sts?.policy.mode !== 'testing' || isListed(sts.policy, host)) return null
  return { result: 'validation-failure', reason: 'tls-sts-host-not-listed' }
}

/** The policy that was applied once DNS was asked. DANE stands above MTA-STS. */
export function appliedPolicy({ dane, reasons }: HardenedTls, sts: KeptStsPolicy | null): SessionPolicy {
  if (dane !== null || reasons.some(({ code }) => code === 'tls-dane-unusable'))
    return {
      type: 'tlsa',
      // RFC 8460 4.4: in the presentation form of RFC 6698 2.2
      strings: (dane?.set.usable ?? []).map((record) => tlsaText(record)),
      mxHosts: [],
    }
  if (sts === null || sts.policy.mode === 'none') return NO_POLICY
  return stsApplied(sts)
}

/** The policy that made an attempt fail before a session. */
export function policyBefore(fault: SessionFault, sts: KeptStsPolicy | null): SessionPolicy {
  if (fault.reason === 'tls-sts-host-not-listed' && sts !== null) return stsApplied(sts)
  return { type: 'tlsa', strings: [], mxHosts: [] }
}

/** No policy of the domain. */
const NO_POLICY: SessionPolicy = { type: 'no-policy-found', strings: [], mxHosts: [] }

function stsApplied({ policy }: KeptStsPolicy): SessionPolicy {
  return { type: 'sts', strings: stsPolicyLines(policy), mxHosts: policy.mx }
}

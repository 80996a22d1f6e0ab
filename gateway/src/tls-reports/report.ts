/**
 * Writes the report about TLS that a domain gets of one UTC day: its JSON text, compressed, and the name of its file. Pure. Counts
 * nothing, sends nothing, and lets no text of a peer into a report but printable and cut.
 */
import { gzipSync } from 'node:zlib'

/** What a failed session failed for. RFC 8460 4.3 */
export type ResultType =
  | 'starttls-not-supported'
  | 'certificate-host-mismatch'
  | 'certificate-expired'
  | 'certificate-not-trusted'
  | 'validation-failure'
  | 'tlsa-invalid'
  | 'dnssec-invalid'
  | 'dane-required'
  | 'sts-policy-fetch-error'
  | 'sts-policy-invalid'
  | 'sts-webpki-invalid'

/** Sessions that failed alike. */
export interface FailedSessions {
  readonly result: ResultType
  /** Address that we connected from; null when no connection came about. */
  readonly sendingAddress: string | null
  /** Name and address of the host; null when none was reached. */
  readonly host: string | null
  readonly receivingAddress: string | null
  /** Our code of the reason; null when the result says all. */
  readonly reason: string | null
  readonly count: number
}

/** The sessions to which one policy of a domain was applied. */
export interface PolicySessions {
  readonly type: 'tlsa' | 'sts' | 'no-policy-found'
  /** The policy as it was found, a line or record each; empty for no-policy-found. */
  readonly text: readonly string[]
  /** Host patterns of an MTA-STS policy; empty for the others. */
  readonly hosts: readonly string[]
  readonly successful: number
  readonly failed: readonly FailedSessions[]
}

/** A day's sessions with one domain. */
export interface DayReport {
  /** Unique to the organisation, in characters of {@link reportFileName}. */
  readonly id: string
  readonly organisation: string
  /** Mail address. */
  readonly contact: string
  /** Domain that sends the report, A-labels. */
  readonly submitter: string
  /** Domain that the report is about, A-labels. */
  readonly domain: string
  /** A moment of the UTC day, milliseconds since 1970. */
  readonly day: number
  readonly policies: readonly PolicySessions[]
}

const DAY_MS = 86_400_000
const MAX_TEXT = 300

/** The JSON text of a report. RFC 8460 4.4 */
export function reportJson(report: DayReport): string {
  const { start, end } = bounds(report.day)
  return JSON.stringify({
    'organization-name': clean(report.organisation),
    'date-range': { 'start-datetime': dateTime(start), 'end-datetime': dateTime(end) },
    'contact-info': clean(report.contact),
    'report-id': clean(report.id),
    policies: report.policies.map((sessions) => policyJson(sessions, report.domain)),
  })
}

/** The report as it is sent, by mail and by HTTPS. RFC 8460 5.2 */
export function compressedReport(report: DayReport): Buffer {
  return gzipSync(reportJson(report))
}

/**
 * The name of the compressed report's file. RFC 8460 5.1
 * @throws RangeError when the id or a domain holds a character that parts the name, or none at all
 */
export function reportFileName({ id, submitter, domain, day }: DayReport): string {
  const { start, end } = bounds(day)
  const words = [submitter, domain, String(start / 1000), String(end / 1000), id]
  if (!words.every((word) => /^[A-Za-z0-9._-]+$/.test(word)))
    throw new RangeError('a report with an id or a domain that cannot be part of a file name')
  return `${words.join('!')}.json.gz`
}

/** First and last second of the UTC day, milliseconds since 1970. RFC 8460 4.1 */
function bounds(day: number): { readonly start: number; readonly end: number } {
  const start = Math.floor(day / DAY_MS) * DAY_MS
  return { start, end: start + DAY_MS - 1000 }
}

/** RFC 3339 5.6 */
function dateTime(at: number): string {
  return new Date(at).toISOString().replace('.000Z', 'Z')
}

function policyJson({ type, text, hosts, successful, failed }: PolicySessions, domain: string): object {
  return {
    policy: {
      'policy-type': type,
      ...(text.length === 0 ? {} : { 'policy-string': text.map(clean) }),
      'policy-domain': domain,
      ...(hosts.length === 0 ? {} : { 'mx-host': hosts.map(clean) }),
    },
    // RFC 8460 4.2: sessions, not mails
    summary: {
      'total-successful-session-count': successful,
      'total-failure-session-count': failed.reduce((sum, { count }) => sum + count, 0),
    },
    ...(failed.length === 0 ? {} : { 'failure-details': failed.map(failureJson) }),
  }
}

/** What is not known is left out, never empty. */
function failureJson({
  result,
  sendingAddress,
  host,
  receivingAddress,
  reason,
  count,
}: FailedSessions): object {
  const known = Object.entries({
    'sending-mta-ip': sendingAddress,
    'receiving-mx-hostname': host,
    'receiving-ip': receivingAddress,
    'failure-reason-code': reason,
  }).flatMap(([name, value]) => (value === null ? [] : [[name, clean(value)] as const]))
  return { 'result-type': result, ...Object.fromEntries(known), 'failed-session-count': count }
}

function clean(text: string): string {
  return text.slice(0, MAX_TEXT).replace(/\p{C}/gu, '?')
}

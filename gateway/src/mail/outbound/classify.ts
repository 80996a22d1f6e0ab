/**
 * What a refusing reply means: bounce, retry, or hold because the connector's or our configuration is at fault. One table, first
 * row that fits; the rows follow what Exchange Online is known to say. Anything unknown is temporary. Pure.
 * What is lost if a row is wrong: a mail is bounced that a corrected connector would have taken.
 */
import type { Reply } from '../../smtp/reply.ts'
import { peerReply, type Verdict } from './verdict.ts'

/** Where in the dialogue a reply came. */
export type Stage = 'greeting' | 'ehlo' | 'starttls' | 'mail' | 'rcpt' | 'data' | 'content'

/** One row. Every given condition must hold. */
export interface ClassifyRow {
  /** Reply codes, from and to. */
  readonly codes?: readonly [number, number]
  /** `x.y.z` without the class, or with a range in the detail: `7.500-699`. */
  readonly enhanced?: string
  readonly text?: RegExp
  readonly stages?: readonly Stage[]
  readonly kind: 'deferred' | 'failed' | 'held'
  /** Stable code; for held mail also the code of the alarm. */
  readonly reason: string
  /** An operator should hear of it although it is not held. */
  readonly alarm?: true
}

const SESSION: readonly Stage[] = ['greeting', 'ehlo', 'starttls']
const TEMPORARY = [400, 499] as const
const PERMANENT = [500, 599] as const

/** The table. Order matters: special rows first, the reply's class last. */
export const CLASSIFY_TABLE: readonly ClassifyRow[] = [
  // The connector does not recognise us, or something at Microsoft forbids it: an administrator must act.
  { enhanced: '7.64', text: /ATTR36/i, kind: 'held', reason: 'connector-domain-not-accepted' },
  { enhanced: '7.64', kind: 'held', reason: 'connector-not-attributed' },
  { enhanced: '7.51', kind: 'held', reason: 'tenant-locked-by-partner-connector' },
  { enhanced: '7.68', kind: 'held', reason: 'direct-send-rejected' },
  { enhanced: '7.711', kind: 'held', reason: 'connector-blocked' },
  { enhanced: '7.705', kind: 'held', reason: 'tenant-threshold-exceeded' },
  { enhanced: '7.708', kind: 'held', reason: 'address-not-accepted' },
  { enhanced: '7.750', kind: 'held', reason: 'unregistered-domains' },
  { enhanced: '7.606-649', kind: 'held', reason: 'address-banned' },
  { enhanced: '7.511', kind: 'held', reason: 'address-banned' },
  { text: /unable to relay: blocked by customer allow list/i, kind: 'held', reason: 'allow-list-conflict' },
  { enhanced: '7.506', kind: 'held', reason: 'helo-refused' },
  { codes: [501, 501], stages: ['ehlo'], kind: 'held', reason: 'helo-refused' },
  { enhanced: '7.57', kind: 'held', reason: 'wrong-host' },
  { codes: [530, 530], stages: ['mail', 'rcpt', 'data', 'content'], kind: 'held', reason: 'wrong-host' },
  { enhanced: '4.62', kind: 'held', reason: 'wrong-region' },
  { text: /\bATTR35\b/, kind: 'held', reason: 'wrong-region' },
  { enhanced: '7.509', kind: 'held', reason: 'dmarc-refused' },
  { enhanced: '4.14', kind: 'held', reason: 'hop-count-exceeded' },
  { enhanced: '4.6', codes: PERMANENT, text: /hop count|loop/i, kind: 'held', reason: 'hop-count-exceeded' },
  { enhanced: '7.510', kind: 'held', reason: 'ipv6-refused' },
  { enhanced: '7.25', kind: 'held', reason: 'ipv6-refused' },
  { enhanced: '7.26', codes: TEMPORARY, kind: 'deferred', reason: 'ipv6-refused', alarm: true },
  // Too much at once: it passes by itself.
  { enhanced: '7.508', kind: 'deferred', reason: 'throttled' },
  { enhanced: '7.500-699', codes: TEMPORARY, kind: 'deferred', reason: 'throttled' },
  { enhanced: '7.850-899', codes: TEMPORARY, kind: 'deferred', reason: 'throttled' },
  { enhanced: '2.121', kind: 'deferred', reason: 'mailbox-throttled' },
  { enhanced: '2.122', kind: 'deferred', reason: 'mailbox-throttled' },
  { codes: [432, 432], kind: 'deferred', reason: 'mailbox-throttled' },
  {
    enhanced: '3.2',
    codes: [421, 421],
    text: /concurrent connections/i,
    kind: 'deferred',
    reason: 'too-many-connections',
  },
  // RFC 5321 4.5.3.1.10: 552 in place of 452 is the same
  { enhanced: '5.3', stages: ['rcpt'], kind: 'deferred', reason: 'too-many-recipients' },
  {
    codes: [452, 452],
    text: /too many recipients|ATTR38/i,
    stages: ['rcpt'],
    kind: 'deferred',
    reason: 'too-many-recipients',
  },
  { codes: TEMPORARY, enhanced: '7.3', kind: 'deferred', reason: 'starttls-demanded', alarm: true },
  { codes: [421, 421], kind: 'deferred', reason: 'connection-closed-by-peer' },
  // A recipient or message that is refused for good.
  { enhanced: '7.232-233', codes: PERMANENT, kind: 'failed', reason: 'tenant-recipient-limit', alarm: true },
  { enhanced: '7.236', codes: PERMANENT, kind: 'failed', reason: 'tenant-recipient-limit', alarm: true },
  { enhanced: '7.512', codes: PERMANENT, kind: 'failed', reason: 'from-refused' },
  { enhanced: '1.20', codes: PERMANENT, kind: 'failed', reason: 'from-refused' },
  { enhanced: '7.520', codes: PERMANENT, kind: 'failed', reason: 'forwarding-not-allowed' },
  { enhanced: '4.1', codes: PERMANENT, stages: ['rcpt'], kind: 'failed', reason: 'recipient-refused' },
  // Before a transaction a refusal speaks of the hop, not of the mail; so does a dispute about the protocol itself.
  { codes: PERMANENT, stages: SESSION, kind: 'deferred', reason: 'hop-refuses-service', alarm: true },
  { codes: [500, 500], kind: 'deferred', reason: 'protocol-dispute', alarm: true },
  { codes: [502, 504], kind: 'deferred', reason: 'protocol-dispute', alarm: true },
  { codes: [555, 555], kind: 'deferred', reason: 'protocol-dispute', alarm: true },
  { codes: PERMANENT, stages: ['mail'], kind: 'failed', reason: 'sender-refused' },
  { codes: PERMANENT, stages: ['rcpt'], kind: 'failed', reason: 'recipient-refused' },
  { codes: PERMANENT, kind: 'failed', reason: 'message-refused' },
  { codes: TEMPORARY, kind: 'deferred', reason: 'temporarily-refused' },
]

/** Reasons of deferred or failed mail that an operator should hear of; held mail always raises its reason. */
export const ALARMING_REASONS: ReadonlySet<string> = new Set([
  ...CLASSIFY_TABLE.filter((row) => row.alarm === true || row.kind === 'held').map(({ reason }) => reason),
  'starttls-not-offered',
  'starttls-refused',
  'tls-handshake-failed',
  'tls-certificate-missing',
  'tls-certificate-expired',
  'tls-certificate-not-yet-valid',
  'tls-certificate-self-signed',
  'tls-certificate-untrusted',
  'tls-certificate-invalid',
  'tls-name-mismatch',
  'tls-fingerprint-mismatch',
  'tls-client-certificate-refused',
  'tls-dane-not-available',
  'tls-policy-unusable',
  'host-not-found',
])

/** What a reply that is not the hoped-for one means. */
export function classify(reply: Reply, stage: Stage): Verdict {
  const row = CLASSIFY_TABLE.find((candidate) => fits(candidate, reply, stage))
  // A success or intermediate reply where it has no business: nobody knows what the peer did, so try again.
  const kind = row?.kind ?? 'deferred'
  return {
    kind,
    status: statusFor(kind, reply),
    reason: { code: row?.reason ?? 'unexpected-reply', arguments: { stage, code: reply.code } },
    reply: peerReply(reply),
  }
}

function fits(row: ClassifyRow, reply: Reply, stage: Stage): boolean {
  const { codes, enhanced, text, stages } = row
  if (reply.code < 400) return false
  if (codes !== undefined && (reply.code < codes[0] || reply.code > codes[1])) return false
  if (stages !== undefined && !stages.includes(stage)) return false
  if (enhanced !== undefined && !enhancedFits(enhanced, reply.enhanced)) return false
  return text === undefined || reply.lines.some((line) => text.test(line))
}

function enhancedFits(pattern: string, enhanced: string | null): boolean {
  if (enhanced === null) return false
  const [, subject, detail] = enhanced.split('.')
  const [wanted, range = ''] = pattern.split('.')
  const [from, to = from] = range.split('-').map(Number)
  return (
    subject === wanted &&
    from !== undefined &&
    to !== undefined &&
    Number(detail) >= from &&
    Number(detail) <= to
  )
}

/** The peer's subject and detail under the class that we conclude: 451 5.7.3 is temporary. RFC 3463 3 */
function statusFor(kind: 'deferred' | 'failed' | 'held', reply: Reply): string {
  const rest = reply.enhanced?.slice(1) ?? '.0.0'
  return `${kind === 'failed' ? '5' : '4'}${rest}`
}

/** Tests of what replies mean: every text that Exchange Online is known to say, each row of the table, and the unknown. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ReplyReader } from '../../smtp/reply.ts'
import { ALARMING_REASONS, classify, CLASSIFY_TABLE, type Stage } from './classify.ts'

const verdict = (text: string, stage: Stage) => {
  const [reply] = new ReplyReader().push(Buffer.from(`${text}\r\n`))
  assert.ok(reply)
  return classify(reply, stage)
}

const TAIL = '[SJ1PEPF000037A2.namprd04.prod.outlook.com 2026-09-10T17:20:46.631Z 08DF0B1332F1DE15]'
const CASES: readonly [text: string, stage: Stage, kind: string, reason: string, status: string][] = [
  ['501 5.5.4 Invalid domain name', 'ehlo', 'held', 'helo-refused', '4.5.4'],
  ['550 5.7.506 Access Denied, Bad HELO', 'mail', 'held', 'helo-refused', '4.7.506'],
  [
    `550 5.7.64 TenantAttribution; Relay Access Denied ${TAIL}`,
    'rcpt',
    'held',
    'connector-not-attributed',
    '4.7.64',
  ],
  [
    '550 5.7.64 TenantAttribution; Relay Access Denied SMTP',
    'rcpt',
    'held',
    'connector-not-attributed',
    '4.7.64',
  ],
  [
    '550 5.7.64 Relay Access Denied ATTR36. For more details please refer to https://support.microsoft.com/kb/3169958',
    'rcpt',
    'held',
    'connector-domain-not-accepted',
    '4.7.64',
  ],
  [
    `550 5.7.51 TenantInboundAttribution; There is a partner connector configured that matched ${TAIL}`,
    'rcpt',
    'held',
    'tenant-locked-by-partner-connector',
    '4.7.51',
  ],
  [
    '550 5.7.68 TenantInboundAttribution; Direct Send not allowed for this organization from unauthorized sources',
    'rcpt',
    'held',
    'direct-send-rejected',
    '4.7.68',
  ],
  [
    '550 5.7.711 Access denied, bad inbound connector. AS(2204)',
    'rcpt',
    'held',
    'connector-blocked',
    '4.7.711',
  ],
  [
    '550 5.7.705 Access denied, tenant has exceeded threshold',
    'content',
    'held',
    'tenant-threshold-exceeded',
    '4.7.705',
  ],
  [
    '550 5.7.708 Access denied, traffic not accepted from this IP',
    'content',
    'held',
    'address-not-accepted',
    '4.7.708',
  ],
  [
    '550 5.7.750 Service unavailable. Client blocked from sending from unregistered domains',
    'content',
    'held',
    'unregistered-domains',
    '4.7.750',
  ],
  [
    '550 5.7.606 Access denied, banned sending IP [192.0.2.1]. (AS16012609)',
    'rcpt',
    'held',
    'address-banned',
    '4.7.606',
  ],
  ['550 5.7.649 Access denied, banned sending IP', 'rcpt', 'held', 'address-banned', '4.7.649'],
  ['550 5.7.511 Access denied, banned sender[192.0.2.1]', 'rcpt', 'held', 'address-banned', '4.7.511'],
  [
    '550 5.7.1. Unable To Relay: Blocked by Customer Allow list',
    'rcpt',
    'held',
    'allow-list-conflict',
    '4.0.0',
  ],
  ['530 5.7.57 Client not authenticated to send mail', 'mail', 'held', 'wrong-host', '4.7.57'],
  ['530 Authentication required', 'mail', 'held', 'wrong-host', '4.0.0'],
  ['451 4.4.62 Mail sent to the wrong Office 365 region. ATTR35', 'rcpt', 'held', 'wrong-region', '4.4.62'],
  ['451 Mail sent to the wrong Office 365 region. ATTR35', 'rcpt', 'held', 'wrong-region', '4.0.0'],
  [
    '550 5.7.509 Access denied, sending domain contoso.com does not pass DMARC verification',
    'content',
    'held',
    'dmarc-refused',
    '4.7.509',
  ],
  [
    `554 5.4.14 Hop count exceeded - possible mail loop ATTR34 ${TAIL}`,
    'content',
    'held',
    'hop-count-exceeded',
    '4.4.14',
  ],
  ['554 5.4.6 Hop count exceeded - possible mail loop', 'content', 'held', 'hop-count-exceeded', '4.4.6'],
  [
    '550 5.7.510 Access denied, the domain does not accept mail over IPv6',
    'rcpt',
    'held',
    'ipv6-refused',
    '4.7.510',
  ],
  [
    '550 5.7.25 Service unavailable, the sending IPv6 address must have a PTR record',
    'rcpt',
    'held',
    'ipv6-refused',
    '4.7.25',
  ],
  [
    '450 4.7.26 Access denied, a message sent over IPv6 must pass either SPF or DKIM',
    'content',
    'deferred',
    'ipv6-refused',
    '4.7.26',
  ],
  [
    '550 5.7.508 Access denied, [2001:db8::1] has exceeded permitted limits',
    'rcpt',
    'deferred',
    'throttled',
    '4.7.508',
  ],
  [
    '451 4.7.500 Server busy. Please try again later from [192.0.2.1]. (S77719)',
    'rcpt',
    'deferred',
    'throttled',
    '4.7.500',
  ],
  [
    '451 4.7.652 The mail server [192.0.2.1] has exceeded the maximum number of connections',
    'greeting',
    'deferred',
    'throttled',
    '4.7.652',
  ],
  ['451 4.7.850 Access denied, please try again later', 'content', 'deferred', 'throttled', '4.7.850'],
  ['550 5.2.121 the recipient has exceeded the limit', 'content', 'deferred', 'mailbox-throttled', '4.2.121'],
  ['550 5.2.122 the recipient has exceeded the limit', 'content', 'deferred', 'mailbox-throttled', '4.2.122'],
  [
    '432 4.3.2 STOREDRV.Deliver; recipient thread limit exceeded',
    'content',
    'deferred',
    'mailbox-throttled',
    '4.3.2',
  ],
  [
    '421 4.3.2 The maximum number of concurrent connections has exceeded a limit, closing transmission channel',
    'greeting',
    'deferred',
    'too-many-connections',
    '4.3.2',
  ],
  [
    '452 4.5.3 Recipients belong to multiple regions ATTR38',
    'rcpt',
    'deferred',
    'too-many-recipients',
    '4.5.3',
  ],
  ['452 4.5.3 Too many recipients', 'rcpt', 'deferred', 'too-many-recipients', '4.5.3'],
  ['452 Too many recipients', 'rcpt', 'deferred', 'too-many-recipients', '4.0.0'],
  ['451 5.7.3 STARTTLS is required to send mail', 'mail', 'deferred', 'starttls-demanded', '4.7.3'],
  ['421 4.4.1 Connection timed out', 'mail', 'deferred', 'connection-closed-by-peer', '4.4.1'],
  [
    "550 5.7.232 Your message can't be sent because your trial tenant exceeded its daily limit",
    'content',
    'failed',
    'tenant-recipient-limit',
    '5.7.232',
  ],
  ['550 5.7.236 onmicrosoft.com domains', 'content', 'failed', 'tenant-recipient-limit', '5.7.236'],
  [
    '550 5.7.512 Access denied, message must be RFC 5322 section 3.6.2 compliant',
    'content',
    'failed',
    'from-refused',
    '5.7.512',
  ],
  [
    '550 5.1.20 Multiple From addresses are not allowed without Sender address',
    'content',
    'failed',
    'from-refused',
    '5.1.20',
  ],
  [
    '550 5.7.520 Access denied, Your organization does not allow external forwarding. AS(7555)',
    'content',
    'failed',
    'forwarding-not-allowed',
    '5.7.520',
  ],
  [
    '550 5.4.1 Recipient address rejected: Access denied. AS(201806281)',
    'rcpt',
    'failed',
    'recipient-refused',
    '5.4.1',
  ],
  ['550 5.4.1 Relay Access Denied', 'rcpt', 'failed', 'recipient-refused', '5.4.1'],
  ['554 No SMTP service here', 'greeting', 'deferred', 'hop-refuses-service', '4.0.0'],
  ['500 5.5.1 what?', 'mail', 'deferred', 'protocol-dispute', '4.5.1'],
  ['503 5.5.1 Bad sequence', 'content', 'deferred', 'protocol-dispute', '4.5.1'],
  ['555 5.5.4 parameter', 'mail', 'deferred', 'protocol-dispute', '4.5.4'],
  ['550 5.1.8 Access denied, bad outbound sender', 'mail', 'failed', 'sender-refused', '5.1.8'],
  ['550 5.1.1 no such user', 'rcpt', 'failed', 'recipient-refused', '5.1.1'],
  ['554 5.6.0 no', 'content', 'failed', 'message-refused', '5.6.0'],
  ['450 4.2.0 later', 'rcpt', 'deferred', 'temporarily-refused', '4.2.0'],
  ['552 5.2.2 mailbox full', 'rcpt', 'failed', 'recipient-refused', '5.2.2'],
  ['250 2.0.0 fine', 'data', 'deferred', 'unexpected-reply', '4.0.0'],
  ['354 go', 'rcpt', 'deferred', 'unexpected-reply', '4.0.0'],
]

describe('what a reply means', () => {
  for (const [text, stage, kind, reason, status] of CASES)
    test(`${text.slice(0, 70)} at ${stage}: ${kind}`, () => {
      const result = verdict(text, stage)
      assert.deepEqual([result.kind, result.reason.code, result.status], [kind, reason, status])
      assert.equal(result.reply?.code, Number(text.slice(0, 3)))
    })

  test('every row of the table is reached by a case', () => {
    const reached = new Set(CASES.map(([, , kind, reason]) => `${kind} ${reason}`))
    for (const { kind, reason } of CLASSIFY_TABLE)
      assert.ok(reached.has(`${kind} ${reason}`), `${kind} ${reason}`)
  })

  test('whatever is held raises an alarm', () => {
    for (const { kind, reason } of CLASSIFY_TABLE)
      if (kind === 'held') assert.ok(ALARMING_REASONS.has(reason))
    assert.equal(ALARMING_REASONS.has('recipient-refused'), false)
  })

  test('a multi-line refusal is judged by all its lines', () => {
    assert.equal(
      verdict('550-5.7.64 TenantAttribution\r\n550 5.7.64 ATTR36', 'rcpt').reason.code,
      'connector-domain-not-accepted',
    )
  })
})

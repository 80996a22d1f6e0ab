/**
 * What Exchange Online says when it refuses, each reply provoked once at the place where it is said: mail that a mended connector
 * would take is held with an alarm, what passes by itself is deferred, what is meant for good is bounced with its status. Nothing is
 * lost: what was held or deferred arrives once the fault is over.
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { FaultPoint } from '@siegel/exo-sim'
import { fieldOf } from './demo/look.ts'
import { newMessageId, plainMail, traceOf } from './demo/acts.ts'
import { CONTOSO } from './stage/objects.ts'
import { openStage, type Stage } from './stage/stage.ts'

type Case = readonly [at: FaultPoint, reply: string, reason: string]

const SUFFIX = '[SJ1PEPF000037A2.namprd04.prod.outlook.com 2026-09-10T17:20:46.631Z 08DF0B1332F1DE15]'

const HELD: readonly Case[] = [
  ['EHLO', '501 5.5.4 Invalid domain name', 'helo-refused'],
  ['MAIL', '550 5.7.506 Access Denied, Bad HELO', 'helo-refused'],
  ['RCPT', `550 5.7.64 TenantAttribution; Relay Access Denied ${SUFFIX}`, 'connector-not-attributed'],
  [
    'RCPT',
    '550 5.7.64 Relay Access Denied ATTR36. For more details please refer to https://support.microsoft.com/kb/3169958',
    'connector-domain-not-accepted',
  ],
  [
    'RCPT',
    `550 5.7.51 TenantInboundAttribution; There is a partner connector configured that matched the message's recipient domain. The connector had either the RestrictDomainsToIPAddresses or RestrictDomainsToCertificate set ${SUFFIX}`,
    'tenant-locked-by-partner-connector',
  ],
  [
    'RCPT',
    '550 5.7.68 TenantInboundAttribution; Direct Send not allowed for this organization from unauthorized sources',
    'direct-send-rejected',
  ],
  ['RCPT', '550 5.7.711 Access denied, bad inbound connector. AS(2204)', 'connector-blocked'],
  ['END', '550 5.7.705 Access denied, tenant has exceeded threshold', 'tenant-threshold-exceeded'],
  ['RCPT', '550 5.7.708 Service unavailable, traffic not accepted from this IP', 'address-not-accepted'],
  ['END', '550 5.7.750 Client blocked from sending from unregistered domains', 'unregistered-domains'],
  ['RCPT', '451 4.4.62 Mail sent to the wrong Office 365 region. ATTR35', 'wrong-region'],
  ['RCPT', '550 5.7.606 Access denied, banned sending IP [192.0.2.1]. (AS16012609)', 'address-banned'],
  ['RCPT', '550 5.7.511 Access denied, banned sender[192.0.2.1]', 'address-banned'],
  [
    'END',
    '550 5.7.509 Access denied, sending domain contoso.example does not pass DMARC verification and has a DMARC policy of reject.',
    'dmarc-refused',
  ],
  ['END', `554 5.4.14 Hop count exceeded - possible mail loop ATTR34 ${SUFFIX}`, 'hop-count-exceeded'],
  ['MAIL', '530 5.7.57 Client not authenticated to send mail', 'wrong-host'],
  ['RCPT', '550 5.7.510 Access denied, the domain does not accept mail over IPv6', 'ipv6-refused'],
  ['RCPT', '550 5.7.25 Access denied, the sending IPv6 address must have a PTR record', 'ipv6-refused'],
]

const DEFERRED: readonly Case[] = [
  [
    'CONNECT',
    '421 4.3.2 The maximum number of concurrent connections has exceeded a limit, closing transmission channel',
    'too-many-connections',
  ],
  ['RCPT', '451 4.7.500 Server busy. Please try again later from [192.0.2.1]. (AS761)', 'throttled'],
  ['END', '451 4.7.652 Access denied, please try again later', 'throttled'],
  ['RCPT', '550 5.7.508 Access denied, [2001:db8::1] has exceeded permitted limits', 'throttled'],
  ['RCPT', '450 4.7.26 Access denied, a message over IPv6 must pass either SPF or DKIM', 'ipv6-refused'],
  ['END', '432 4.3.2 STOREDRV.Deliver; recipient thread limit exceeded', 'mailbox-throttled'],
  ['END', '550 5.2.121 Recipient has exceeded the limit of mail received', 'mailbox-throttled'],
  ['MAIL', '451 5.7.3 STARTTLS is required to send mail', 'starttls-demanded'],
  ['RCPT', '452 4.5.3 Too many recipients', 'too-many-recipients'],
]

const BOUNCED: readonly Case[] = [
  ['RCPT', '550 5.4.1 Recipient address rejected: Access denied. AS(201806281)', 'recipient-refused'],
  ['RCPT', '550 5.4.1 Relay Access Denied', 'recipient-refused'],
  ['END', '550 5.7.512 Access denied, message must be RFC 5322 section 3.6.2 compliant', 'from-refused'],
  ['END', '550 5.1.20 Multiple From addresses are not allowed without Sender address', 'from-refused'],
  [
    'END',
    "550 5.7.232 Your message can't be sent because your tenant exceeded its daily limit for sending email to external recipients (tenant external recipient rate limit)",
    'tenant-recipient-limit',
  ],
  ['END', '550 5.7.236 Your message exceeds the limit of onmicrosoft.com domains', 'tenant-recipient-limit'],
  [
    'END',
    '550 5.7.520 Access denied, Your organization does not allow external forwarding. AS(7555)',
    'forwarding-not-allowed',
  ],
]

/** Codes for which somebody must be told although the mail is not held. */
const ALARMED = new Set(['tenant-recipient-limit', 'starttls-demanded', 'ipv6-refused'])

describe('what Exchange Online says when it refuses', () => {
  let stage: Stage
  before(async () => {
    stage = await openStage(
      { settings: { queue: { retryFirst: '300ms', retryLongest: '1s', heldProbe: '1s' } } },
      (built) => {
        built.addEmployee('alice@contoso.example')
      },
    )
  })
  after(() => stage.close())

  /** Sends one mail into the fault, which strikes once. */
  function send([at, reply]: Case): string {
    const messageId = newMessageId()
    // A mail ends its connection when the peer does; a fault at the start needs a new one.
    if (at === 'CONNECT' || at === 'EHLO') stage.exchange.dropConnections()
    stage.exchange.setFaults({ overrides: [{ at, reply, times: 1, close: at === 'CONNECT' }] })
    const [from, to] = ['alice@contoso.example', 'bob@partner.example']
    stage.exchange.submit({ tenant: CONTOSO.id, from, to, ...plainMail(from, to, messageId, 'Hello\r\n') })
    return messageId
  }

  const arrives = (messageId: string) =>
    stage.world.waitFor((mail) => fieldOf(mail.raw, 'message-id') === messageId, 30_000)

  interface Event {
    readonly code: string
    readonly arguments: { readonly reason?: { readonly code?: string } }
  }
  function attempts(messageId: string): readonly Event[] {
    const { events } = traceOf(stage, messageId) as { events: Event[] }
    return events.filter(({ code }) => ['attempt-held', 'deferred', 'bounced'].includes(code))
  }
  const alarmed = (reason: string) =>
    stage.gateway.log.some((line) => line['event'] === 'alarm' && line['code'] === reason)

  for (const row of HELD)
    it(`holds and alarms: ${row[1].slice(0, 70)}`, async () => {
      const messageId = send(row)
      await arrives(messageId)
      const [first] = attempts(messageId)
      assert.equal(first?.code, 'attempt-held')
      assert.equal(first.arguments.reason?.code, row[2])
      assert.ok(alarmed(row[2]), 'no alarm')
    })

  for (const row of DEFERRED)
    it(`tries again: ${row[1].slice(0, 70)}`, async () => {
      const messageId = send(row)
      await arrives(messageId)
      const [first] = attempts(messageId)
      assert.equal(first?.code, 'deferred')
      assert.equal(first.arguments.reason?.code, row[2])
      assert.equal(alarmed(row[2]), ALARMED.has(row[2]), 'alarm')
    })

  for (const row of BOUNCED)
    it(`returns to the sender: ${row[1].slice(0, 70)}`, async () => {
      const messageId = send(row)
      const { message } = await stage.exchange.waitForMail(
        'alice@contoso.example',
        (mail) => mail.message.raw.includes(messageId) && mail.message.raw.includes('delivery-status'),
      )
      const [first] = attempts(messageId)
      assert.equal(first?.code, 'bounced')
      assert.equal(first.arguments.reason?.code, row[2])
      assert.equal(alarmed(row[2]), ALARMED.has(row[2]), 'alarm')
      const report = message.raw.toString('latin1')
      assert.match(
        report,
        new RegExp(`^Status: ${row[1].slice(4).split(' ')[0]?.replaceAll('.', '\\.')}\\r$`, 'm'),
      )
      assert.ok(report.includes(row[1].slice(0, 40)), 'the diagnostic code is not what the peer said')
    })

  it('sends the rest of the recipients in a new transaction when some are too many', async () => {
    stage.exchange.setFaults({
      overrides: [
        {
          at: 'RCPT',
          match: 'three@',
          reply: '452 4.5.3 Recipients belong to multiple regions ATTR38',
          times: 1,
        },
      ],
    })
    const messageId = newMessageId()
    const to = ['one', 'two', 'three'].map((name) => `${name}@partner.example`)
    stage.exchange.submit({
      tenant: CONTOSO.id,
      from: 'alice@contoso.example',
      to,
      ...plainMail('alice@contoso.example', to.join(', '), messageId, 'Hello\r\n'),
    })
    for (const address of to)
      await stage.world.waitFor(
        (mail) => mail.recipients.includes(address) && fieldOf(mail.raw, 'message-id') === messageId,
        30_000,
      )
    const arrived = stage.world.received().filter(({ raw }) => fieldOf(raw, 'message-id') === messageId)
    assert.deepEqual(arrived.flatMap(({ recipients }) => recipients).toSorted(), to.toSorted(), 'each once')
  })
})

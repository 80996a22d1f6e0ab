// The report of a round trip, from traces as the gateway writes them: what is told of each hop, and which cause is named.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkLine, explained } from '../exchange/assist/checks.ts'
import type { TraceEvent } from '../mail/trace.ts'
import {
  hopsOf,
  isSettled,
  tripChecks,
  type Leg,
  type MailTrace,
  type RefusedMark,
  type TripFindings,
} from './round-trip-report.ts'

const HOP = {
  route: '[contoso.mail.protection.outlook.com]:25',
  host: 'contoso.mail.protection.outlook.com',
  address: '192.0.2.1',
  port: 25,
  tls: {
    version: 'TLSv1.3',
    cipher: 'TLS_AES_256_GCM_SHA384',
    verified: true,
    name: 'mail.protection.outlook.com',
  },
}

/** An attempt and, for some, the state that it leads to. */
function attempt(code: string, reason: string, reply: [number, string, string], at: number): TraceEvent {
  const args = {
    status: reply[1],
    reason: { code: reason, arguments: { stage: 'rcpt', code: reply[0] } },
    reply: { code: reply[0], enhanced: reply[1], text: `${reply[1]} ${reply[2]}` },
    hop: HOP,
  }
  return { at, code, delivery: 0, arguments: args }
}

const TAKEN = attempt('delivered', 'accepted', [250, '2.6.0', 'Queued mail for delivery'], 1300)

function mail(leg: Leg, state: string, events: TraceEvent[], pass = 1, at = 1000): MailTrace {
  const recipient = leg === 'outbound' ? 'probe@elsewhere.example' : 'alice@contoso.com'
  const received = {
    direction: leg,
    peer: {
      address: '40.92.1.1',
      helo: 'x.outbound.protection.outlook.com',
      tls: 'TLSv1.3 TLS_AES_256_GCM_SHA384',
    },
    factors: ['address-range', 'client-certificate', 'secret-header', 'tenant-id'],
    earlierPasses: pass - 1,
  }
  const about = (code: string, args: TraceEvent['arguments']): TraceEvent => ({
    at,
    code,
    delivery: null,
    arguments: args,
  })
  return {
    summary: {
      mailId: `MAIL-${leg}-${pass}`,
      receivedAt: at,
      direction: leg,
      sender: '',
      recipients: [{ address: recipient, state }],
      messageId: null,
      size: 100,
      leaseUntil: null,
    },
    events: [
      about('received', received),
      about('round-trip-mark', { leg, pass }),
      {
        at: at + 1,
        code: 'decided',
        delivery: 0,
        arguments: { treatment: 'pass', reasons: [{ code: 'second-pass', arguments: {} }] },
      },
      ...events,
    ],
  }
}

const INBOUND = mail('inbound', 'delivered', [TAKEN])
const findings = (mails: readonly MailTrace[], refused: readonly RefusedMark[] = []): TripFindings => ({
  mails,
  refused,
})
/** The results of the outbound leg while the inbound one is good. */
function outbound(mails: readonly MailTrace[], refused: readonly RefusedMark[] = []) {
  const checks = tripChecks(findings([INBOUND, ...mails], refused), 'en')
  assert.deepEqual(
    checks.filter(({ args }) => args['which'] === 'inbound').map(({ code }) => code),
    ['trip-arrived', 'trip-attributed', 'trip-handed-over', 'trip-once'],
  )
  return checks.filter(({ args }) => args['which'] === 'outbound')
}
const bad = (...args: Parameters<typeof outbound>) =>
  outbound(...args)
    .filter(({ verdict }) => verdict === 'bad')
    .map((one) => [one.code, explained(one, 'en').text] as const)

test('a leg that is well is told hop by hop, and each expectation is met', () => {
  const found = findings([mail('outbound', 'delivered', [TAKEN]), INBOUND])
  assert.deepEqual(
    hopsOf(found, 'outbound', 'en').map(({ hop }) => explained(hop, 'en').text),
    [
      'arrival 1 as MAIL-outbound-1 from 40.92.1.1 (x.outbound.protection.outlook.com), TLSv1.3 TLS_AES_256_GCM_SHA384',
      'client certificate of Exchange Online accepted',
      'attributed by address-range, client-certificate, secret-header, tenant-id',
      'probe@elsewhere.example: pass (it has passed this gateway before: not treated again)',
      'probe@elsewhere.example: handed over to contoso.mail.protection.outlook.com [192.0.2.1]:25, TLSv1.3 TLS_AES_256_GCM_SHA384, certificate mail.protection.outlook.com: 250 2.6.0 Queued mail for delivery',
      'probe@elsewhere.example: delivered',
    ],
  )
  assert.deepEqual(bad(found.mails.slice(0, 1)), [])
  const german = tripChecks(found, 'de').map((one) => checkLine(one, 'de'))
  assert.equal(german.length, 8)
  assert.ok(
    german.every((line) => /^gut +(ausgehend|eingehend): /.test(line) && !line.includes('{')),
    german.join('\n'),
  )
})

test('a leg that nothing came of says so, each with its own remedy', () => {
  const lines = tripChecks(findings([]), 'en').map((one) => checkLine(one, 'en'))
  assert.match(
    lines[0] ?? '',
    /^bad +outbound: the test mail never came .* -> look whether the rule to the outside is enabled/,
  )
  assert.match(lines[1] ?? '', /^bad +inbound: the test mail never came .* -> .*MX.*--inbound crypto/)
  assert.equal(lines.length, 2)
})

test('a refusal is told by its reason', () => {
  const refusal = (reason: string): RefusedMark[] => [
    { leg: 'outbound', at: 2000, count: 1, reason, detail: 'the detail' },
  ]
  for (const [reason, code] of [
    ['secret-header-wrong', 'trip-refused-secret'],
    ['secret-header-missing', 'trip-refused-no-secret'],
    ['tenant-unknown', 'trip-refused-tenant'],
    ['tenant-id-missing', 'trip-refused-tenant'],
    ['client-certificate-untrusted', 'trip-refused-certificate'],
    ['recipient-outside', 'trip-refused'],
  ] as const) {
    const found = bad([], refusal(reason))
    assert.deepEqual(
      found.map(([one]) => one),
      [code],
    )
    assert.match(found[0]?.[1] ?? '', /the detail/)
  }
  // Who has mended it sends again: what was refused before counts no more.
  const later = mail('outbound', 'delivered', [TAKEN], 1, 3000)
  assert.deepEqual(bad([later], refusal('secret-header-wrong')), [])
  assert.deepEqual(bad([mail('outbound', 'delivered', [TAKEN])], refusal('secret-header-wrong')).length, 1)
})

test('mail that was not taken is told by what Office 365 said', () => {
  const relay = attempt(
    'attempt-held',
    'connector-not-attributed',
    [550, '5.7.64', 'TenantAttribution; Relay Access Denied'],
    1300,
  )
  const held: TraceEvent = {
    at: 1301,
    code: 'held',
    delivery: 0,
    arguments: { reason: relay.arguments['reason'] ?? null },
  }
  const banned = attempt(
    'attempt-held',
    'address-banned',
    [550, '5.7.606', 'Access denied, banned sending IP'],
    1300,
  )
  const late = attempt('deferred', 'throttled', [451, '4.7.500', 'Server busy'], 1300)
  const back = attempt('bounced', 'recipient-refused', [550, '5.4.1', 'Recipient address rejected'], 1300)
  for (const [state, events, code, words] of [
    [
      'held',
      [held, relay],
      'trip-connector',
      /does not recognise the tenant.*\(550 5\.7\.64 TenantAttribution; Relay/,
    ],
    ['held', [relay, held], 'trip-connector', /\(550 5\.7\.64 /],
    ['held', [banned], 'trip-held', /\(550 5\.7\.606 Access denied/],
    ['queued', [late], 'trip-deferred', /\(451 4\.7\.500 Server busy\)/],
    ['bounced', [late, back], 'trip-bounced', /\(550 5\.4\.1 Recipient/],
    ['waiting', [], 'trip-unfinished', /offered to nobody yet/],
  ] as const) {
    const found = bad([mail('outbound', state, [...events])])
    assert.deepEqual(
      found.map(([one]) => one),
      [code],
    )
    assert.match(found[0]?.[1] ?? '', words)
  }
})

test('a mail that comes back is a loop, however it ended', () => {
  const first = mail('outbound', 'delivered', [TAKEN])
  const second = mail('outbound', 'delivered', [TAKEN], 2, 4000)
  const third = mail('outbound', 'held', [], 3, 5000)
  assert.deepEqual(
    bad([second, first]).map(([code]) => code),
    ['trip-loop'],
  )
  assert.match(bad([third, second, first])[0]?.[1] ?? '', /arrival 3/)
  const arrivals = hopsOf(findings([third, first, second]), 'outbound', 'en').filter(
    ({ hop }) => hop.code === 'hop-arrival',
  )
  assert.deepEqual(
    arrivals.map(({ hop }) => hop.args['pass']),
    ['1', '2', '3'],
  )
  // Another test mail after the loop was mended.
  assert.deepEqual(bad([first, second, mail('outbound', 'delivered', [TAKEN], 1, 9000)]), [])
})

test('a leg is told to its end when its mail rests and did not come back for a while', () => {
  const settled = (mails: readonly MailTrace[], now: number, refused: readonly RefusedMark[] = []) =>
    isSettled(findings(mails, refused), 'outbound', now, 5000)
  const first = mail('outbound', 'delivered', [TAKEN])
  assert.deepEqual([settled([], 1e9), settled([INBOUND], 1e9)], [false, false])
  assert.deepEqual([settled([first], 6299), settled([first], 6300)], [false, true])
  assert.equal(settled([mail('outbound', 'queued', [])], 1e9), false)
  assert.equal(settled([first, mail('outbound', 'queued', [], 2, 2000)], 1e9), false)
  const refused: RefusedMark[] = [
    { leg: 'outbound', at: 2000, count: 1, reason: 'tenant-unknown', detail: '' },
  ]
  assert.deepEqual([settled([], 6999, refused), settled([], 7000, refused)], [false, true])
})

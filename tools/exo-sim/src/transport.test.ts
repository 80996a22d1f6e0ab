// What becomes of mail that rules refuse, hold or split, and of mail that cannot be delivered: reports, limits, delays.
import assert from 'node:assert/strict'
import test from 'node:test'
import { CONTOSO, contoso, fabrikam, startScene } from './testing/scene.ts'
import type { TenantConfig } from './config.ts'
import type { TransportRule } from './rules/rule.ts'

const mail = {
  tenant: CONTOSO,
  from: 'ann@contoso.com',
  headers: { From: 'Ann <ann@contoso.com>', Subject: 'hello', 'Message-ID': '<m1@contoso.com>' },
  body: 'text\r\n',
}
const toGateway = { name: 'To gateway', fromScope: 'InOrganization', sentToScope: 'NotInOrganization', routeMessageOutboundConnector: 'To gateway' } as const // prettier-ignore

function rules(list: TransportRule[], change: Partial<TenantConfig> = {}): TenantConfig[] {
  const groups = { 'pilot@contoso.com': ['bob@partner.example'] }
  return [contoso({ rules: list, groups, ...change }), fabrikam()]
}

test('a rule that rejects gives the sender a report of RFC 3464 that no rule sees', async () => {
  const reject: TransportRule = { name: 'No', subjectContainsWords: ['hello'], rejectMessageReasonText: 'Not today', rejectMessageEnhancedStatusCode: '5.7.901' } // prettier-ignore
  const all: TransportRule = { name: 'Everything', setHeaderName: 'X-Seen', setHeaderValue: 'yes' }
  await using scene = await startScene({ tenants: rules([reject, all]) })
  scene.exchange.submit({ ...mail, to: ['bob@partner.example', 'cy@partner.example'] })
  const { message, sender } = await scene.exchange.waitForMail('ann@contoso.com')
  assert.equal(sender, '')
  assert.equal(message.value('X-Seen'), undefined)
  assert.match(
    message.value('Content-Type') ?? '',
    /^multipart\/report; report-type=delivery-status; boundary="/,
  )
  const text = message.body.toString()
  assert.equal(text.match(/^Final-Recipient: rfc822;(bob|cy)@partner\.example\r\nAction: failed\r\nStatus: 5\.7\.901\r\n/gm)?.length, 2) // prettier-ignore
  assert.match(text, /Diagnostic-Code: smtp;550 5\.7\.901 TRANSPORT\.RULES\.RejectMessage; Not today/)
  assert.match(
    text,
    /Content-Type: message\/rfc822\r\n\r\n[^]*Message-ID: <m1@contoso\.com>\r\n[^]*\r\n\r\ntext\r\n/,
  )
  assert.doesNotMatch(text, /X-MS-Exchange-Organization-/)
  assert.equal(scene.world.received().length, 0)
})

test('what the next hop refuses is reported to its sender, inside or outside; null senders and NEVER hear nothing', async () => {
  await using scene = await startScene({ tenants: rules([toGateway]) })
  const { exchange, gateway, world } = scene
  gateway.setFaults({ overrides: [{ at: 'RCPT', match: 'bad@', reply: '550 5.1.1 No such user' }] })
  exchange.submit({ ...mail, to: ['bad@partner.example', { address: 'bad@other.example', notify: 'NEVER' }, 'bob@partner.example'], envelope: { ret: 'HDRS', envid: 'e1' } }) // prettier-ignore
  const { message } = await exchange.waitForMail('ann@contoso.com')
  const text = message.body.toString()
  assert.match(text, /Original-Envelope-Id: e1\r\n/)
  assert.match(text, /Final-Recipient: rfc822;bad@partner\.example\r\n[^]*Remote-MTA: dns;gw\.contoso\.com/)
  assert.doesNotMatch(text, /bad@other\.example|bob@partner|\r\n\r\ntext\r\n/)
  assert.match(text, /Content-Type: text\/rfc822-headers/)
  exchange.submit({ ...mail, from: '', to: ['bad@partner.example'] })
  await exchange.waitFor((event) => event.type === 'failed' && event.entry.sender === '')
  assert.equal(exchange.mailbox('ann@contoso.com').length, 1)
  exchange.setRules(CONTOSO, [
    { name: 'No', fromScope: 'NotInOrganization', rejectMessageReasonText: 'Closed' },
  ])
  await world.send({ from: 'bob@partner.example', to: 'ann@contoso.com', headers: { From: 'bob@partner.example' }, body: '' }) // prettier-ignore
  const report = await world.waitFor(({ recipients }) => recipients.includes('bob@partner.example'))
  assert.equal(report.envelope.sender, '')
})

test('a rule that reports tells its address', async () => {
  const rule: TransportRule = { name: 'Guard', sentToScope: 'NotInOrganization', generateIncidentReport: 'sec@contoso.com' } // prettier-ignore
  await using scene = await startScene({ tenants: rules([rule]) })
  scene.exchange.submit({ ...mail, to: ['bob@partner.example', 'cy@contoso.com'] })
  const { message } = await scene.exchange.waitForMail('sec@contoso.com')
  assert.match(message.body.toString(), /^Rule: Guard\r\nMessage: <m1@contoso\.com>/)
  assert.equal(scene.exchange.mailbox('sec@contoso.com').length, 1)
  await scene.world.waitFor(() => true)
})

test('recipients are split by what rules ask of them, and only then', async () => {
  const pilot: TransportRule = { name: 'Pilot', sentToMemberOf: ['pilot@contoso.com'], setHeaderName: 'X-Pilot', setHeaderValue: '1' } // prettier-ignore
  await using scene = await startScene({ tenants: rules([pilot]) })
  const to = ['bob@partner.example', 'cy@partner.example', 'dee@other.example']
  scene.exchange.submit({ ...mail, to })
  await scene.exchange.idle({ empty: true })
  const marks = scene.world.received().map(({ recipients, message }) => `${recipients.join()} ${message.value('X-Pilot') ?? '-'}`) // prettier-ignore
  assert.deepEqual(marks.sort(), ['bob@partner.example 1', 'cy@partner.example,dee@other.example -'])
})

test('a rule that cannot be processed is ignored, or holds the mail until it can', async () => {
  await using scene = await startScene({ tenants: rules([{ ...toGateway, ruleErrorAction: 'Defer' }], { brokenRules: ['To gateway'] }) }) // prettier-ignore
  const { exchange, gateway } = scene
  exchange.submit({ ...mail, to: 'bob@partner.example' })
  await exchange.waitFor((event) => event.type === 'decided' && event.ended === 'deferred')
  assert.equal(scene.world.received().length + gateway.received().length, 0)
  exchange.setTenant({ ...exchange.tenant(CONTOSO), brokenRules: [] })
  await gateway.waitFor(() => true)
  exchange.setTenant({ ...exchange.tenant(CONTOSO), rules: [toGateway], brokenRules: ['To gateway'] })
  exchange.submit({ ...mail, to: 'bob@partner.example' })
  await scene.world.waitFor(() => true)
})

test('the tenant external recipient limit is counted once per recipient and reported', async () => {
  await using scene = await startScene({ tenants: rules([], { externalRecipientLimit: 2 }) }) // prettier-ignore
  const { exchange, world } = scene
  exchange.submit({
    ...mail,
    to: ['a@partner.example', 'b@partner.example', 'c@partner.example', 'x@contoso.com'],
  })
  const { message } = await exchange.waitForMail('ann@contoso.com')
  assert.match(message.body.toString(), /Final-Recipient: rfc822;c@partner\.example\r\n[^]*550 5\.7\.233 Your message can't be sent/) // prettier-ignore
  assert.deepEqual((await world.waitFor(() => true)).recipients, ['a@partner.example', 'b@partner.example'])
  assert.equal(exchange.externalRecipients(CONTOSO), 2)
  exchange.setTenant({ ...exchange.tenant(CONTOSO), rules: [toGateway] })
  exchange.submit({ ...mail, to: 'd@partner.example' })
  await scene.gateway.waitFor(() => true)
  assert.equal(exchange.externalRecipients(CONTOSO), 2)
})

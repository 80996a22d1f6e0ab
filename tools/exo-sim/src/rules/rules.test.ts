// Mail-flow rules: conditions, whole words, every instance, exceptions, order, actions.
import assert from 'node:assert/strict'
import test from 'node:test'
import { Message } from '../message/message.ts'
import { containsWord } from '../message/words.ts'
import { applyRules, rulesInOrder } from './engine.ts'
import type { RuleOutcome } from './engine.ts'
import type { RuleFacts } from './predicates.ts'
import { asDocumentedRules } from './presets.ts'
import type { TransportRule } from './rule.ts'

const facts: RuleFacts = {
  from: 'InOrganization',
  sentTo: 'NotInOrganization',
  everyInstance: true,
  headerSender: 'Ann@contoso.com',
  envelopeSender: 'bounce@lists.example',
  recipients: ['bob@mail.partner.example'],
  clientAddress: '192.0.2.7',
  groups: { 'pilot@contoso.com': ['ann@contoso.com'] },
  at: new Date('2026-11-24T10:00:00Z'),
  broken: [],
}

function apply(
  header: string,
  rules: TransportRule[],
  change: Partial<RuleFacts> = {},
): { applied: string; connector: string | undefined; message: Message } {
  const message = Message.parse(Buffer.from(`${header}\r\n\r\n`))
  const outcome = applyRules(rulesInOrder(rules), message, { ...facts, ...change })
  return { applied: outcome.applied.join(), connector: outcome.connector, message }
}

test('words are whole, case-insensitive, and may stand between punctuation', () => {
  const cases: [string, string, boolean][] = [
    ['from gw.contoso.com (1.2.3.4)', 'gw.contoso.com', true],
    ['by GW.CONTOSO.COM;', 'gw.contoso.com', true],
    ['by mygw.contoso.com', 'gw.contoso.com', false],
    ['by gw.contoso.community', 'gw.contoso.com', false],
    ['by my.gw.contoso.com.', 'gw.contoso.com', true],
    ['Acontoso', 'contoso', false],
    ['contosoä', 'contoso', false],
    ['𝐀contoso contoso', 'contoso', true],
    ['𝐀contoso', 'contoso', false],
    ['contoso1', 'contoso', false],
    ['(contoso)', ' contoso ', true],
    ['contoso', 'con*', false],
    ['', 'x', false],
    ['x', '', false],
  ]
  for (const [text, word, expected] of cases)
    assert.equal(containsWord(text, word), expected, `${text} / ${word}`)
})

test('a header predicate looks at every instance, unfolded and decoded, or at the first if so configured', () => {
  const rule: TransportRule = {
    name: 'r',
    headerContainsMessageHeader: 'received',
    headerContainsWords: ['nope', 'gw.contoso.com'],
  }
  const header = 'Received: from a by b\r\nX: y\r\nReceived: from c\r\n by gw.contoso.com;\r\n\tdate'
  assert.equal(apply(header, [rule]).applied, 'r')
  assert.equal(apply(header, [rule], { everyInstance: false }).applied, '')
  const encoded: TransportRule = {
    name: 'e',
    headerContainsMessageHeader: 'Subject',
    headerContainsWords: ['Grüße'],
  }
  assert.equal(apply('Subject: =?utf-8?B?R3LD?= =?UTF-8?Q?x?=', [encoded]).applied, '')
  assert.equal(apply('Subject: =?utf-8?B?R3LDvMOfZQ==?=', [encoded]).applied, 'e')
  assert.equal(apply('Subject: =?iso-8859-1?Q?Gr=FC=DFe_an?=\r\n alle', [encoded]).applied, 'e')
})

test('all conditions must hold and no exception may', () => {
  const rule: TransportRule = {
    name: 'r',
    fromScope: 'InOrganization',
    sentToScope: 'NotInOrganization',
    headerContainsMessageHeader: 'A',
    headerContainsWords: ['yes'],
    exceptIfHeaderContainsMessageHeader: 'B',
    exceptIfHeaderContainsWords: ['no', 'never'],
  }
  assert.equal(apply('A: yes', [rule]).applied, 'r')
  assert.equal(apply('A: yesterday', [rule]).applied, '')
  assert.equal(apply('A: yes\r\nB: never', [rule]).applied, '')
  assert.equal(apply('A: yes', [rule], { from: 'NotInOrganization' }).applied, '')
  assert.equal(apply('A: yes', [rule], { sentTo: 'InOrganization' }).applied, '')
})

test('rules run by priority, then in order; disabled ones do not; stop ends; later routes win', () => {
  const rules: TransportRule[] = [
    { name: 'last', setHeaderName: 'X', setHeaderValue: 'last' },
    { name: 'off', enabled: false, routeMessageOutboundConnector: 'Off' },
    { name: 'second', priority: 1, routeMessageOutboundConnector: 'B', stopRuleProcessing: true },
    {
      name: 'first',
      priority: 0,
      routeMessageOutboundConnector: 'A',
      setHeaderName: 'X',
      setHeaderValue: 'first',
    },
  ]
  const result = apply('A: b', rules)
  assert.equal(result.applied, 'first,second')
  assert.equal(result.connector, 'B')
  assert.deepEqual(result.message.values('X'), ['first'])
})

test('a rule sees what an earlier rule has set', () => {
  const result = apply('A: b', [
    { name: 'set', setHeaderName: 'X-Mark', setHeaderValue: 'done' },
    {
      name: 'see',
      exceptIfHeaderContainsMessageHeader: 'X-Mark',
      exceptIfHeaderContainsWords: ['done'],
      removeHeader: 'A',
    },
  ])
  assert.equal(result.applied, 'set')
})

test('SetHeader replaces all instances by one, RemoveHeader removes all, the rest keeps octets and order', () => {
  const header = 'A: 1\r\nx-s:  old\r\nB: 2\r\n folded\r\nX-S: older\r\nC:3'
  const set = apply(header, [{ name: 'r', setHeaderName: 'X-S', setHeaderValue: 'new' }]).message
  assert.equal(set.raw.toString(), 'A: 1\r\nX-S: new\r\nB: 2\r\n folded\r\nC:3\r\n\r\n')
  const removed = apply(header, [{ name: 'r', removeHeader: 'X-S' }]).message
  assert.equal(removed.raw.toString(), 'A: 1\r\nB: 2\r\n folded\r\nC:3\r\n\r\n')
})

test('the documented rules are the two with the Received exception', () => {
  const rules = asDocumentedRules({ gatewayFqdn: 'gw.contoso.com', connector: 'C' })
  assert.equal(apply('A: b', rules).connector, 'C')
  assert.equal(apply('Received: from x by gw.contoso.com', rules).connector, undefined)
  assert.equal(
    apply('A: b', rules, { from: 'InOrganization', sentTo: 'InOrganization' }).connector,
    undefined,
  )
})

/** Predicates, the messages they fit, and those they do not fit. */
const PREDICATES: { rule: Omit<TransportRule, 'name'>; yes?: string[]; no?: string[]; facts?: Partial<RuleFacts>; noFacts?: Partial<RuleFacts> }[] = [
  { rule: { from: ['ann@contoso.com'] }, yes: ['A: b'], noFacts: { headerSender: 'bob@contoso.com' } },
  { rule: { from: ['bounce@lists.example'] }, no: ['A: b'] },
  { rule: { from: ['bounce@lists.example'], senderAddressLocation: 'Envelope' }, yes: ['A: b'] },
  { rule: { from: ['ann@contoso.com'], senderAddressLocation: 'Envelope' }, no: ['A: b'] },
  { rule: { senderDomainIs: ['lists.example'], senderAddressLocation: 'HeaderOrEnvelope' }, yes: ['A: b'] },
  { rule: { senderDomainIs: ['contoso.com'] }, yes: ['A: b'], noFacts: { headerSender: 'x@notcontoso.com' } },
  { rule: { fromMemberOf: ['Pilot@contoso.com'] }, yes: ['A: b'], noFacts: { headerSender: 'eve@contoso.com' } },
  { rule: { fromAddressMatchesPatterns: ['^ann@'] }, yes: ['A: b'], noFacts: { headerSender: 'joann@contoso.com' } },
  { rule: { fromAddressContainsWords: ['contoso'] }, yes: ['A: b'], noFacts: { headerSender: 'a@contosos.com' } },
  { rule: { recipientDomainIs: ['partner.example'] }, yes: ['A: b'], noFacts: { recipients: ['x@other.example'] } },
  { rule: { sentTo: ['BOB@mail.partner.example'] }, yes: ['A: b'], noFacts: { recipients: ['x@other.example'] } },
  { rule: { sentToMemberOf: ['pilot@contoso.com'] }, no: ['A: b'], facts: {} },
  { rule: { recipientAddressMatchesPatterns: ['@mail\\.'] }, yes: ['A: b'], noFacts: { recipients: ['x@other.example'] } },
  { rule: { subjectContainsWords: ['secret'] }, yes: ['Subject: Top Secret!'], no: ['Subject: secrets', 'A: secret'] },
  { rule: { subjectMatchesPatterns: ['^\\[enc'] }, yes: ['Subject: [Enc] x'], no: ['Subject: re: [enc] x'] },
  { rule: { headerMatchesMessageHeader: 'Content-Type', headerMatchesPatterns: ['pkcs7', 'pgp'] }, yes: ['Content-Type: application/x-PKCS7-mime'], no: ['Content-Type: text/plain'] },
  { rule: { exceptIfHeaderMatchesMessageHeader: 'X-A', exceptIfHeaderMatchesPatterns: ['^yes$'] }, yes: ['X-A: yes sir', 'B: c'], no: ['X-A: yes'] },
  { rule: { messageSizeOver: 100 }, yes: [`A: ${'x'.repeat(100)}`], no: ['A: b'] },
  { rule: { exceptIfMessageSizeOver: 100 }, no: [`A: ${'x'.repeat(100)}`], yes: ['A: b'] },
  { rule: { sclOver: 5 }, yes: ['X-MS-Exchange-Organization-SCL: 5', 'X-MS-Exchange-Organization-SCL: 9'], no: ['X-MS-Exchange-Organization-SCL: 4', 'A: b'] },
  { rule: { exceptIfSclOver: 5 }, no: ['X-MS-Exchange-Organization-SCL: 6'], yes: ['A: b'] },
  { rule: { senderIpRanges: ['192.0.2.0/29'] }, yes: ['A: b'], noFacts: { clientAddress: '192.0.2.8' } },
  { rule: { senderIpRanges: ['192.0.2.5-192.0.2.7', '10.0.0.1'] }, yes: ['A: b'], noFacts: { clientAddress: '10.0.0.2' } },
  { rule: { exceptIfSenderIpRanges: ['192.0.2.7'] }, no: ['A: b'] },
  { rule: { exceptIfFromMemberOf: ['pilot@contoso.com'] }, no: ['A: b'], facts: {} },
  { rule: { exceptIfRecipientDomainIs: ['partner.example'] }, no: ['A: b'] },
  { rule: { exceptIfFromScope: 'InOrganization' }, no: ['A: b'] },
  { rule: { activationDate: new Date('2026-11-25T00:00:00Z') }, no: ['A: b'] },
  { rule: { expiryDate: new Date('2026-11-23T00:00:00Z') }, no: ['A: b'] },
  { rule: { mode: 'Audit' }, no: ['A: b'] },
  { rule: { messageTypeMatches: 'OOF' }, yes: ['Auto-Submitted: auto-replied (vacation)'], no: ['A: b', 'Auto-Submitted: auto-replied\r\nContent-Type: multipart/report; report-type=delivery-status'] },
  { rule: { messageTypeMatches: 'AutoForward' }, yes: ['Auto-Submitted: auto-forwarded', 'X-MS-Exchange-AutoForwarded: true'], no: ['Auto-Submitted: no'] },
  { rule: { messageTypeMatches: 'Encrypted' }, yes: ['Content-Type: application/pkcs7-mime; smime-type=enveloped-data', 'Content-Type: application/x-pkcs7-mime; name="smime.p7m"', 'Content-Type: application/pkcs7-mime;\r\n smime-type=authEnveloped-data'], no: ['Content-Type: application/pkcs7-mime; smime-type=signed-data', 'Content-Type: multipart/encrypted'] },
  { rule: { messageTypeMatches: 'Signed' }, yes: ['Content-Type: multipart/signed; protocol="application/pkcs7-signature"', 'Content-Type: application/pkcs7-mime; smime-type="signed-data"'], no: ['Content-Type: multipart/signed; protocol="application/pgp-signature"', 'Content-Type: application/pkcs7-mime; smime-type=enveloped-data'] },
  { rule: { messageTypeMatches: 'Calendaring' }, yes: ['Content-Type: text/calendar; method=REQUEST', 'Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/calendar; method=REPLY\r\n\r\n--b--', 'Content-class: urn:content-classes:calendarmessage'], no: ['Content-Type: text/plain\r\n\r\nContent-Type: text/calendar'] },
  { rule: { messageTypeMatches: 'PermissionControlled' }, yes: ['Content-class: rpmsg.message', 'Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: application/x-microsoft-rpmsg-message; name="message.rpmsg"\r\n\r\n--b--'], no: ['A: b'] },
  { rule: { messageTypeMatches: 'ReadReceipt' }, yes: ['Content-Type: multipart/report; report-type=disposition-notification; boundary=x'], no: ['Content-Type: multipart/report; report-type=delivery-status; boundary=x'] },
  { rule: { exceptIfMessageTypeMatches: 'OOF' }, yes: ['A: b'], no: ['Auto-Submitted: auto-replied'] },
] // prettier-ignore

for (const { rule, yes = [], no = [], facts: change = {}, noFacts } of PREDICATES) {
  test(`predicate ${JSON.stringify(rule).slice(0, 100)}`, () => {
    for (const header of yes)
      assert.equal(apply(header, [{ name: 'r', ...rule }], change).applied, 'r', header)
    for (const header of no) assert.equal(apply(header, [{ name: 'r', ...rule }], change).applied, '', header)
    if (noFacts)
      assert.equal(apply('A: b', [{ name: 'r', ...rule }], noFacts).applied, '', JSON.stringify(noFacts))
  })
}

test('actions: spam level, subject, copies, redirection, dropping, refusing; what ends the rules', () => {
  const run = (
    rules: TransportRule[],
    change: Partial<RuleFacts> = {},
  ): RuleOutcome & { message: Message } => {
    const message = Message.parse(Buffer.from('Subject: s\r\n\r\n'))
    return { ...applyRules(rulesInOrder(rules), message, { ...facts, ...change }), message }
  }
  const marked = run([
    { name: 'a', setSCL: -1, prependSubject: '[ä] ', blindCopyTo: ['log@contoso.com'] },
    { name: 'b', redirectMessageTo: ['x@contoso.com'], routeMessageOutboundRequireTls: true },
    { name: 'c', mode: 'AuditAndNotify', deleteMessage: true },
  ])
  assert.equal(marked.message.value('X-MS-Exchange-Organization-SCL'), '-1')
  assert.equal(marked.message.value('Subject'), '[ä] s')
  assert.ok(!marked.message.eightBitHeader)
  assert.deepEqual([marked.copies, marked.redirected, marked.requireTls], [['log@contoso.com'], ['x@contoso.com'], true]) // prettier-ignore
  assert.deepEqual([marked.audited, marked.deleted], [['c'], false])
  const later: TransportRule = { name: 'z', setHeaderName: 'Z', setHeaderValue: '1' }
  const rejected = run([{ name: 'r', rejectMessageReasonText: 'no', rejectMessageEnhancedStatusCode: '5.7.900' }, later]) // prettier-ignore
  assert.deepEqual([rejected.rejected, rejected.applied], [{ status: '5.7.900', text: 'no' }, ['r']])
  assert.deepEqual(run([{ name: 'd', deleteMessage: true }, later]).applied, ['d'])
  const broken = (ruleErrorAction?: 'Ignore' | 'Defer'): RuleOutcome =>
    run([{ name: 'x', deleteMessage: true, ...(ruleErrorAction ? { ruleErrorAction } : {}) }, later], {
      broken: ['x'],
    })
  assert.deepEqual(broken().applied, ['z'])
  assert.deepEqual(broken('Ignore').applied, ['z'])
  assert.deepEqual([broken('Defer').applied, broken('Defer').deferredBy], [[], 'x'])
})

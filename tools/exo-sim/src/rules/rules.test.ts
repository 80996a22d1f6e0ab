// Mail-flow rules: conditions, whole words, every instance, exceptions, order, actions.
import assert from 'node:assert/strict'
import test from 'node:test'
import { Message } from '../message/message.ts'
import { containsWord } from '../message/words.ts'
import { applyRules, rulesInOrder } from './engine.ts'
import type { RuleFacts } from './engine.ts'
import { asDocumentedRules } from './presets.ts'
import type { TransportRule } from './rule.ts'

const facts: RuleFacts = { from: 'InOrganization', sentTo: 'NotInOrganization', everyInstance: true }

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

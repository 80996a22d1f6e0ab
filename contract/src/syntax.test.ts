// Host names, addresses, routes, ranges and secrets as texts: what counts as one.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { headerNameFlaw } from './header-name.ts'
import { toDomain, toLookupAddress } from './host-name.ts'
import { isAddress, isRoute, rangeFlaw } from './network.ts'
import { secretBits, secretWeakness } from './secret-strength.ts'

test('domains are kept in lower case and A-labels', () => {
  const cases: [string, string | null][] = [
    ['Contoso.COM', 'contoso.com'],
    ['contoso.com.', 'contoso.com'],
    ['MÜNCHEN.example', 'xn--mnchen-3ya.example'],
    ['xn--mnchen-3ya.example', 'xn--mnchen-3ya.example'],
    ['例え.jp', 'xn--r8jz45g.jp'],
    ['', null],
    ['.', null],
    ['a..b', null],
    ['-a.b', null],
    ['a_b.c', null],
    ['a.b:25', null],
    ['user@a.b', null],
    ['a b.c', null],
    ['1.2.3.4', null],
    ['0x7f000001', null],
    ['%41.b', null],
    [`${'a'.repeat(64)}.b`, null],
    [`${'a.'.repeat(130)}b`, null],
  ]
  for (const [text, expected] of cases) assert.equal(toDomain(text), expected, text)
})

test('e-mail addresses are kept in look-up form', () => {
  const cases: [string, string | null][] = [
    ['Alice.B+x@Contoso.COM', 'alice.b+x@contoso.com'],
    ['jürgen@MÜNCHEN.example', 'jürgen@xn--mnchen-3ya.example'],
    ['ju\u0308rgen@contoso.com', 'j\u00fcrgen@contoso.com'],
    ['a@b', 'a@b'],
    ['@b', null],
    ['a', null],
    ['a@', null],
    ['a@b@c.d', null],
    ['.a@b.c', null],
    ['a..b@c.d', null],
    ['a b@c.d', null],
    ['"a b"@c.d', null],
    ['a@[127.0.0.1]', null],
    [`${'a'.repeat(65)}@b.c`, null],
    ['a\r\nb@c.d', null],
  ]
  for (const [text, expected] of cases) assert.equal(toLookupAddress(text), expected, text)
})

test('look-up forms are stable', () => {
  fc.assert(
    fc.property(fc.emailAddress(), (text) => {
      const once = toLookupAddress(text)
      return once === null || toLookupAddress(once) === once
    }),
    { numRuns: 100 },
  )
})

test('routes follow the syntax of Postfix', () => {
  const good = [
    '[contoso.mail.protection.outlook.com]:25', '[a.b]', 'a.b:587', 'a.b', '[127.0.0.1]:2525', '[::1]:25',
    '[ipv6:2001:db8::1]', '[localhost]:25',
  ] // prettier-ignore
  const bad = ['', '[]', '[a.b', 'a.b]', '[a.b]:', '[a.b]:0', '[a.b]:65536', '[a.b]:025', '[a.b] :25', 'a.b:smtp', '[a.b]x', '[[a.b]]', 'a b'] // prettier-ignore
  for (const text of good) assert.ok(isRoute(text), text)
  for (const text of bad) assert.ok(!isRoute(text), text)
})

test('addresses and ranges', () => {
  for (const text of ['1.2.3.4', '::', '::1', '2001:db8::', '1:2:3:4:5:6:7:8', '::ffff:1.2.3.4'])
    assert.ok(isAddress(text), text)
  for (const text of [
    '',
    '1.2.3',
    '1.2.3.256',
    '01.2.3.4',
    '1.2.3.4.5',
    ':::',
    '1::2::3',
    'fe80::1%eth0',
    'a.b',
    '12345::',
  ])
    assert.ok(!isAddress(text), text)
  for (const text of [
    '0.0.0.0/0',
    '::/0',
    '10.0.0.0/8',
    '10.1.2.3/32',
    '10.1.2.3',
    '2001:db8::/32',
    '::ffff:10.0.0.0/104',
  ])
    assert.equal(rangeFlaw(text), null, text)
  for (const text of [
    '10.0.0.0/',
    '10.0.0.0/a',
    '10.0.0.0/8/8',
    '::/129',
    '10.0.0.1/31',
    '2001:db8:0:1::/48',
  ])
    assert.notEqual(rangeFlaw(text), null, text)
})

test('a range with a prefix of 0 to 32 and its host bits cleared is accepted, and one bit behind it is not', () => {
  fc.assert(
    fc.property(fc.nat(0xffffffff), fc.integer({ min: 1, max: 31 }), (address, prefix) => {
      const network = (address >>> (32 - prefix)) * 2 ** (32 - prefix)
      const text = (value: number) => [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join('.')
      return (
        rangeFlaw(`${text(network)}/${prefix}`) === null &&
        rangeFlaw(`${text(network + 1)}/${prefix}`) !== null
      )
    }),
    { numRuns: 100 },
  )
})

test('the strength of a secret is that of the smallest alphabet that holds it', () => {
  assert.equal(secretBits('0'.repeat(32)), 106)
  assert.equal(secretBits('a'.repeat(32)), 128)
  assert.equal(secretBits('z'.repeat(26)), 130)
  assert.equal(secretBits('zZ9z'), 23)
  assert.equal(secretBits('zZ9_zZ9='), 42)
  assert.equal(secretBits('ä'), 0)
  assert.equal(secretWeakness('0123456789abcdef0123456789abcde1'), null)
  assert.equal(secretWeakness('kR3_x9-QmT2vL0pWz8sB1y'), null)
  assert.match(secretWeakness('kR3_x9-QmT2vL0pWz8sB1') ?? '', /at most 126 bits/)
})

test('names for stamped header fields', () => {
  for (const name of ['X-Contoso-Siegel', 'X-Siegel-Processed', 'Siegel'])
    assert.equal(headerNameFlaw(name), null, name)
  for (const name of [
    '',
    'X A',
    'X:A',
    'X-Ü',
    'X_A',
    'subject',
    'Content-Foo',
    'X-MS-Exchange-Foo',
    'X-Siegel-Pass',
    'a'.repeat(77),
  ])
    assert.notEqual(headerNameFlaw(name), null, name)
})

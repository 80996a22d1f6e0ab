/** Tests of address.ts: what is an address, which addresses are the same, host names and IP addresses. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { dnsNameMatches, ipBytes, ipText, parseAddrSpec, sameAddress, toAsciiDomain } from './address.ts'

test('an addr-spec is a dot-atom, one @ and a host name', () => {
  assert.deepEqual(parseAddrSpec("o'Neil+tag.x@Mail.Example.ORG"), {
    local: "o'Neil+tag.x",
    domain: 'mail.example.org',
  })
  assert.deepEqual(parseAddrSpec('a@localhost'), { local: 'a', domain: 'localhost' })
})

const refused = [
  '',
  '@',
  'a@',
  '@b',
  'a',
  'a@b@c',
  'a @example.org',
  ' a@example.org',
  'a@example.org ',
  'a@example.org\n',
  'a\0@example.org',
  'a@example.org\0.evil.org',
  'a@exam\tple.org',
  '"a"@example.org',
  '"a b"@example.org',
  'a(comment)@example.org',
  '<a@example.org>',
  'a@example.org,b@example.org',
  '.a@example.org',
  'a.@example.org',
  'a..b@example.org',
  'a@[192.0.2.1]',
  'a@example..org',
  'a@.example.org',
  'a@example.org.',
  'a@-example.org',
  'a@example_x.org',
  'a\u00a0@example.org',
  'a\u200b@example.org',
  'a\u202e@example.org',
  'u\u0308ber@example.org',
  `${'a'.repeat(65)}@example.org`,
  `a@${'b'.repeat(64)}.org`,
]
for (const text of refused) {
  test(`not an address: ${JSON.stringify(text.slice(0, 40))}`, () => {
    assert.equal(parseAddrSpec(text), null)
    assert.equal(sameAddress(text, text), false)
  })
}

test('addresses beyond ASCII are read', () => {
  assert.deepEqual(parseAddrSpec('über@example.org')?.local, 'über')
  assert.equal(parseAddrSpec('a@bücher.example')?.domain, 'xn--bcher-kva.example')
})

test('ASCII case does not count, anything else does', () => {
  assert.ok(sameAddress('Jane.Doe@Example.org', 'jane.doe@example.ORG'))
  assert.ok(!sameAddress('jane.doe@example.org', 'janedoe@example.org'))
  assert.ok(!sameAddress('jane+a@example.org', 'jane@example.org'))
  assert.ok(!sameAddress('ÜBER@example.org', 'über@example.org'))
  assert.ok(!sameAddress('\u212aim@example.org', 'kim@example.org'))
  assert.ok(sameAddress('a@bücher.example', 'a@XN--bcher-kva.example'))
  assert.ok(!sameAddress('a@ｅxample.org', 'a@example.org'))
})

test('no text with a character that is not of an address is ever the same as a clean one', () => {
  fc.assert(
    fc.property(
      fc.nat(21),
      fc.constantFrom('\0', ' ', '\t', '\r', '\n', '"', '(', ')', '<', '\u00ad', '\u00a0'),
      (at, bad) => {
        const clean = 'jane.doe@example.org'
        assert.equal(sameAddress(clean.slice(0, at) + bad + clean.slice(at), clean), false)
      },
    ),
    { numRuns: 200 },
  )
})

test('domains become A-labels without any mapping', () => {
  const cases: readonly (readonly [string, string | null])[] = [
    ['EXAMPLE.org', 'example.org'],
    ['münchen.de', 'xn--mnchen-3ya.de'],
    ['例え.テスト', 'xn--r8jz45g.xn--zckzah'],
    ['MÜNCHEN.de', null],
    ['exa mple.org', null],
    ['a\u200db.org', null],
    ['', null],
    ['a'.repeat(254), null],
  ]
  for (const [text, ascii] of cases) assert.equal(toAsciiDomain(text), ascii, text)
})

test('a wildcard stands for exactly one label of a domain with two', () => {
  const cases: readonly (readonly [string, string, boolean])[] = [
    ['mail.example.org', 'MAIL.example.org', true],
    ['mail.example.org', 'mail.example.org.', true],
    ['*.example.org', 'mail.example.org', true],
    ['*.example.org', 'a.mail.example.org', false],
    ['*.example.org', 'example.org', false],
    ['*.org', 'example.org', false],
    ['m*.example.org', 'mail.example.org', false],
    ['*', 'example', false],
    ['a.*.org', 'a.b.org', false],
    ['192.0.2.1', '192.0.2.1', false],
    ['mail.example.org\0.evil.org', 'mail.example.org', false],
  ]
  for (const [pattern, host, expected] of cases)
    assert.equal(dnsNameMatches(pattern, host), expected, pattern)
})

test('IP addresses are read strictly', () => {
  const good: readonly (readonly [string, string])[] = [
    ['192.0.2.1', 'c0000201'],
    ['::', '0'.repeat(32)],
    ['::1', '0'.repeat(31) + '1'],
    ['2001:db8::1', '20010db8000000000000000000000001'],
    ['1:2:3:4:5:6:7:8', '00010002000300040005000600070008'],
    ['::ffff:192.0.2.1', '00000000000000000000ffffc0000201'],
    ['1::', '0001' + '0'.repeat(28)],
  ]
  for (const [text, hex] of good) assert.equal(ipBytes(text)?.toString('hex'), hex, text)
  for (const text of [
    '',
    '1',
    '1.2.3',
    '1.2.3.256',
    '01.2.3.4',
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '12345::',
    'g::',
    '1.2.3.4::',
    '1:2:3:4:5:6:7:8::',
  ])
    assert.equal(ipBytes(text), null, text)
  assert.equal(ipText(Buffer.from('c0000201', 'hex')), '192.0.2.1')
  assert.equal(ipText(Buffer.from('20010db8000000000000000000000001', 'hex')), '2001:db8:0:0:0:0:0:1')
})

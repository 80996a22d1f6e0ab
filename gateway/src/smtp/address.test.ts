import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'

import { domainOf, formatPath, isAscii, isHostName, isMailbox, parsePath } from './address.ts'

function mailboxOf(text: string, kind: 'reverse' | 'forward' = 'forward'): string {
  const path = parsePath(text, kind)
  return typeof path === 'string' ? `fault: ${path}` : path.mailbox
}

const GOOD: readonly (readonly [string, string])[] = [
  ['<anna@contoso.com>', 'anna@contoso.com'],
  ['<a.b+c=d@x>', 'a.b+c=d@x'],
  ["<!#$%&'*+-/=?^_`{|}~@example.org>", "!#$%&'*+-/=?^_`{|}~@example.org"],
  ['<"a b"@example.org>', '"a b"@example.org'],
  ['<"a\\"b\\\\"@example.org>', '"a\\"b\\\\"@example.org'],
  ['<"a>b@c"@example.org>', '"a>b@c"@example.org'],
  ['<""@example.org>', '""@example.org'],
  ['<a@[192.0.2.1]>', 'a@[192.0.2.1]'],
  ['<a@[IPv6:2001:db8::1]>', 'a@[IPv6:2001:db8::1]'],
  ['<a@[IPv6:::ffff:192.0.2.1]>', 'a@[IPv6:::ffff:192.0.2.1]'],
  ['<a@[X400:c=us]>', 'a@[X400:c=us]'],
  ['<@one.example,@two.example:a@example.org>', 'a@example.org'],
  ['<@one.example:a@example.org>', 'a@example.org'],
  ['<jörg@bücher.example>', 'jörg@bücher.example'],
  ['<用户@例子.广告>', '用户@例子.广告'],
  ['<"jörg müller"@bücher.example>', '"jörg müller"@bücher.example'],
  ['<1@2.3>', '1@2.3'],
]

test('paths of RFC 5321 4.1.2 and RFC 6531 3.3 are read, source routes are dropped', () => {
  for (const [text, mailbox] of GOOD) {
    assert.equal(mailboxOf(text), mailbox)
    assert.equal(mailboxOf(text, 'reverse'), mailbox)
    assert.ok(isMailbox(mailbox), mailbox)
    assert.equal(formatPath(mailbox), `<${mailbox}>`)
  }
})

test('anything else is a syntax fault', () => {
  const bad = [
    ...['', '<', '<>', 'anna@contoso.com', '<anna@contoso.com', 'anna@contoso.com>', ' <a@b>', '<a@b>x'],
    ...[
      '<a>',
      '<@b>',
      '<a@>',
      '<a@b@c>',
      '<.a@b>',
      '<a.@b>',
      '<a..b@c>',
      '<a b@c>',
      '<a@b c>',
      '<a@b.>',
      '<a@.b>',
    ],
    ...['<a@-b>', '<a@b->', '<a@b..c>', '<a@b_c>', '<a@b,c>', '<"a@b>', '<"a"b@c>', '<a"b"@c>', '<a@b\r\n>'],
    ...[
      '<"a\r\nRCPT TO:<x@y>"@b>',
      '<"a\nb"@c>',
      '<"a\0b"@c>',
      '<"a\\\nb"@c>',
      '<"a\\ä"@c>',
      '<a\0@b>',
      '<a\u0085@b>',
    ],
    ...[
      '<a@[192.0.2.256]>',
      '<a@[192.0.2]>',
      '<a@[192.0.02.1]>',
      '<a@[IPv6:1:2]>',
      '<a@[IPv6:::1::]>',
      '<a@[]>',
    ],
    ...[
      '<a@[X400:]>',
      '<a@[X400:a b]>',
      '<a@[192.0.2.1>',
      '<@a>',
      '<@a:>',
      '<@a,b:c@d>',
      '<@a,:c@d>',
      '<a:b@c>',
    ],
    ...['<a@bücher\u0000.example>', '<a@b\u00a0c>', '<a@\u2100.example>', `<a@${'b'.repeat(64)}.example>`],
  ]
  for (const text of bad) assert.equal(mailboxOf(text), 'fault: syntax', JSON.stringify(text))
})

test('only MAIL has the null path, only RCPT has postmaster without a domain', () => {
  assert.equal(mailboxOf('<>', 'reverse'), '')
  assert.equal(mailboxOf('<>', 'forward'), 'fault: syntax')
  assert.equal(mailboxOf('<Postmaster>', 'forward'), 'Postmaster')
  assert.equal(mailboxOf('<postmaster>', 'reverse'), 'fault: syntax')
  assert.equal(formatPath('postmaster'), '<postmaster>')
})

test('lengths are counted in octets', () => {
  const domain = `${'d'.repeat(60)}.${'d'.repeat(60)}.${'d'.repeat(60)}`
  assert.equal(mailboxOf(`<${'a'.repeat(64)}@b>`), `${'a'.repeat(64)}@b`)
  assert.equal(mailboxOf(`<${'a'.repeat(65)}@b>`), 'fault: local-part-too-long')
  assert.equal(mailboxOf(`<${'ä'.repeat(33)}@b>`), 'fault: local-part-too-long')
  assert.equal(mailboxOf(`<a@${domain}.${'d'.repeat(60)}.${'d'.repeat(12)}>`), 'fault: domain-too-long')
  assert.equal(mailboxOf(`<${'a'.repeat(64)}@${domain}.exampl>`).length, 254)
  assert.equal(mailboxOf(`<${'a'.repeat(64)}@${domain}.example>`), 'fault: path-too-long')
})

test('what stands behind the path is handed back', () => {
  assert.deepEqual(parsePath('<a@b> SIZE=1 RET=HDRS', 'reverse'), {
    mailbox: 'a@b',
    rest: ' SIZE=1 RET=HDRS',
  })
  assert.deepEqual(parsePath('<> BODY=7BIT', 'reverse'), { mailbox: '', rest: ' BODY=7BIT' })
})

test('a domain is compared in lower case and A-labels', () => {
  assert.equal(domainOf('Anna@Contoso.COM'), 'contoso.com')
  assert.equal(domainOf('"a@b"@Example.org'), 'example.org')
  assert.equal(domainOf('jörg@Bücher.example'), 'xn--bcher-kva.example')
  assert.equal(domainOf('a@[IPv6:2001:DB8::1]'), '[ipv6:2001:db8::1]')
  assert.equal(domainOf(''), '')
  assert.equal(domainOf('postmaster'), '')
})

test('an EHLO argument is a domain or an address literal', () => {
  for (const name of ['x', 'client.example', '[192.0.2.1]', '[IPv6:::1]']) assert.ok(isHostName(name), name)
  for (const name of ['', 'a_b', 'a b', 'a..b', '192.0.2.1]', '[::1]', 'x'.repeat(300)]) {
    assert.ok(!isHostName(name), name)
  }
})

test('nothing that is not a mailbox can be written as a path', () => {
  for (const text of [
    'a@b>\r\nRCPT TO:<c@d',
    'a@b> SIZE=1',
    'a',
    '\0',
    'a@b\n',
    '"a\n"@b',
    '\ud800@b',
    'a@b ',
  ]) {
    assert.throws(() => formatPath(text), RangeError, JSON.stringify(text))
  }
})

test('property: whatever is accepted has no control character, is written back as it stood, and parses again', () => {
  const part = fc.constantFrom(
    ...[
      'a',
      '.',
      '@',
      '"',
      '\\',
      ' ',
      '<',
      '>',
      '[',
      ']',
      ':',
      ',',
      '-',
      '1',
      '\r',
      '\n',
      '\0',
      '\u0085',
      'ü',
      'IPv6:',
    ],
  )
  fc.assert(
    fc.property(fc.array(part, { maxLength: 14 }), fc.constantFrom('reverse', 'forward'), (parts, kind) => {
      const path = parsePath(`<${parts.join('')}>`, kind)
      if (typeof path === 'string' || path.mailbox === '') return
      assert.doesNotMatch(path.mailbox, /\p{Cc}/u)
      assert.deepEqual(parsePath(formatPath(path.mailbox), kind), { mailbox: path.mailbox, rest: '' })
    }),
    { numRuns: 200 },
  )
})

test('property: every dot-string and every quoted string at a host name is accepted', () => {
  const atom = fc.stringMatching(/^[a-zA-Z0-9!#$%&'*+\-/=?^_`{|}~äжé]{1,10}$/)
  const dots = fc.array(atom, { minLength: 1, maxLength: 4 }).map((atoms) => atoms.join('.'))
  const quoted = fc
    .array(fc.stringMatching(/^(?:[ !#-[\]-~ä]|\\[ -~])$/), { maxLength: 20 })
    .map((characters) => `"${characters.join('')}"`)
  const host = fc.stringMatching(
    /^[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?(\.[a-z]([a-z0-9-]{0,20}[a-z0-9])?){0,3}$/,
  )
  fc.assert(
    fc.property(fc.oneof(dots, quoted), host, (local, domain) => {
      const mailbox = `${local}@${domain}`
      fc.pre(Buffer.byteLength(local) <= 64)
      assert.equal(mailboxOf(`<${mailbox}>`), mailbox)
      assert.equal(isAscii(mailbox), Buffer.byteLength(mailbox) === mailbox.length)
    }),
    { numRuns: 200 },
  )
})

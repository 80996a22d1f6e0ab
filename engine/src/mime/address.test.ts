/** Behaviour of the address reader: what is read, and above all what is refused as ambiguous. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { parseAddresses, parseMailbox } from './address.ts'

/** `name|address` for each mailbox. */
function read(value: string): string[] {
  const { mailboxes, ambiguous } = parseAddresses(value)
  assert.equal(ambiguous, false, value)
  return mailboxes.map(({ displayName, address }) => `${displayName ?? ''}|${address}`)
}

/** [value, mailboxes] */
const CLEAR: readonly (readonly [string, readonly string[]])[] = [
  ['a@b.example', ['|a@b.example']],
  ['<a@b.example>', ['|a@b.example']],
  [' < a@b.example > ', ['|a@b.example']],
  ['Jane Doe <Jane.Doe@B.Example>', ['Jane Doe|Jane.Doe@b.example']],
  ['"Doe, Jane" <a@b.example>, c@d.example', ['Doe, Jane|a@b.example', '|c@d.example']],
  ['"a \\"quoted\\" name" <a@b.example>', ['a "quoted" name|a@b.example']],
  ['"jane@example.org" <a@b.example>', ['jane@example.org|a@b.example']],
  ['"Jane <a@B.example>" <a@b.example>', ['Jane <a@B.example>|a@b.example']],
  ['John Q. Public <a@b.example>', ['John Q. Public|a@b.example']],
  ['a@b.example (Jane Doe)', ['Jane Doe|a@b.example']],
  ['a@b.example (Doe, Jane)', ['Doe, Jane|a@b.example']],
  ['(note) Jane (x) <a@b.example> (y)', ['Jane|a@b.example']],
  ['=?utf-8?q?J=C3=A4ne?= <a@b.example>', ['=?utf-8?q?J=C3=A4ne?=|a@b.example']],
  [',a@b.example, ,c@d.example,', ['|a@b.example', '|c@d.example']],
  ['"john.doe"@b.example', ['|john.doe@b.example']],
  ['"john doe"@b.example', ['|"john doe"@b.example']],
  ['""@b.example', ['|""@b.example']],
  ['"a..b"@b.example', ['|"a..b"@b.example']],
  ["a+tag=x!#$%&'*/?^_`{|}~-@b-c.example", ["|a+tag=x!#$%&'*/?^_`{|}~-@b-c.example"]],
  ['a@[192.0.2.1]', ['|a@[192.0.2.1]']],
  ['a@[IPv6:2001:DB8::1]', ['|a@[ipv6:2001:db8::1]']],
  ['a@localhost', ['|a@localhost']],
  ['müller@bücher.example', ['|müller@bücher.example']],
  ['Jürgen Müller <a@b.example>', ['Jürgen Müller|a@b.example']],
  ['', []],
]

/** Values on which no decision may rest, by what is wrong. */
const DOUBTFUL: Readonly<Record<string, readonly string[]>> = {
  'two addresses in one mailbox': [
    'a@b@c.example',
    'a@b.example <c@d.example>',
    '<a@b.example> c@d.example',
    'a@b.example c@d.example',
    '<a@b.example><c@d.example>',
    'a@b.example@c.example',
    'x <a@b.example@c.example>',
    '"x"@b.example <c@d.example>',
  ],
  'unbalanced signs': [
    '<a@b.example',
    'a@b.example>',
    '"Jane <a@b.example>',
    'Jane" <a@b.example>',
    '(x <a@b.example>',
    'x) <a@b.example>',
    '<<a@b.example>>',
    'a@[192.0.2.1',
    'a@192.0.2.1]',
    'Jane <a@b.example>>',
  ],
  'comments and white space in the address': [
    'a(x)@b.example',
    'a@(x)b.example',
    'a@b(x).example',
    'a@b.(x)example',
    '<a@b.example(x)>',
    '<(x)a@b.example>',
    'a . b@c.example',
    'a @ b.example',
    'a@b .example',
    'a@ b.example',
  ],
  'comments that hold an address': [
    'a@b.example (c@d.example)',
    '(<c@d.example>) a@b.example',
    'Jane (x@y.example) <a@b.example>',
  ],
  'encoded words in the address': [
    '=?utf-8?q?a?=@b.example',
    '<=?utf-8?q?a=40x.example=3E?=@b.example>',
    'a@=?utf-8?q?b?=.example',
  ],
  routes: ['<@x.example:a@b.example>', '<@x.example,@y.example:a@b.example>'],
  'quoted local parts that others cut': [
    '"a@x.example"@b.example',
    '"a<x"@b.example',
    '"a,b"@c.example',
    '"a\\"b"@c.example',
    '"x@y.example z"@internal.example',
  ],
  'a display name with another address in angle brackets': [
    '"Jane <c@d.example>" <a@b.example>',
    '"<c@d.example>" <a@b.example>',
  ],
  'control characters': [
    'a@b.example\r\nBcc: x@y.example',
    'a\0@b.example',
    '"a\nb"@c.example',
    'a@b.example\r',
    'Jane\x7f <a@b.example>',
    'Jane\x85 <a@b.example>',
    'a@b.example\u2028',
  ],
  'characters that turn into others': [
    'a@b.example\uff0ecom',
    'a\uff20x@b.example',
    'a\u200b@b.example',
    'a@b\u00ad.example',
    'a@b\u3002example',
    '\ufb01@b.example',
    'a\u00a0b@c.example',
    '\ufffd@b.example',
  ],
  'no address at all': [
    'Jane Doe',
    '<>',
    'Jane <>',
    '@b.example',
    'a@',
    '<a>',
    'a@.example',
    'a@b..example',
    'a@b.example.',
    'a..b@c.example',
    '.a@b.example',
    'a.@b.example',
    'Müller, Hans <a@b.example>',
    'a@b_(',
    'a@b!c',
    ';',
    ':',
    ':;',
    'a@b.example;',
    'a b@c.example',
    '"a" "b"@c.example',
    'a@"b"',
    'a@[x y]',
    'a@[x]y',
  ],
  'groups out of order': [
    'Team: a@b.example',
    'Team: a@b.example; c@d.example',
    'Team: Inner: a@b.example;;',
    'Team:a@b.example;x',
    ': a@b.example;',
  ],
}

describe('parseAddresses', () => {
  for (const [value, mailboxes] of CLEAR) {
    test(`reads ${value}`, () => {
      assert.deepEqual(read(value), mailboxes)
    })
  }

  for (const [what, values] of Object.entries(DOUBTFUL)) {
    test(`decides nothing on ${what}`, () => {
      for (const value of values) assert.equal(parseAddresses(value).ambiguous, true, JSON.stringify(value))
    })
  }

  test('opens groups and tells their name', () => {
    const { mailboxes, ambiguous } = parseAddresses(
      'The Team: a@b.example, Jane <c@d.example>;, x@y.example, none:;',
    )
    assert.equal(ambiguous, false)
    assert.deepEqual(
      mailboxes.map(({ address, group }) => [address, group]),
      [
        ['a@b.example', 'The Team'],
        ['c@d.example', 'The Team'],
        ['x@y.example', null],
      ],
    )
    assert.deepEqual(read('undisclosed-recipients:;'), [])
  })

  test('gives local part and domain apart', () => {
    const [mailbox] = parseAddresses('"a b"@EXAMPLE.org').mailboxes
    assert.deepEqual([mailbox?.local, mailbox?.domain], ['a b', 'example.org'])
  })

  test('shows what came before the doubt', () => {
    assert.deepEqual(
      parseAddresses('a@b.example, c@@d').mailboxes.map(({ address }) => address),
      ['a@b.example'],
    )
  })

  test('reads its own addresses back to the same address', () => {
    const words = fc.array(
      fc.constantFrom(
        'a',
        'B',
        '.',
        '@',
        '"',
        '\\',
        '<',
        '>',
        '(',
        ')',
        ',',
        ';',
        ':',
        ' ',
        '[',
        ']',
        'ü',
        '=?',
        'x.y',
        '"q r"',
      ),
      { maxLength: 14 },
    )
    fc.assert(
      fc.property(words, (parts) => {
        for (const { address, local, domain } of parseAddresses(parts.join('')).mailboxes) {
          const again = parseAddresses(address)
          assert.equal(again.mailboxes.length, 1, address)
          assert.deepEqual([again.mailboxes[0]?.local, again.mailboxes[0]?.domain], [local, domain])
          assert.equal(again.mailboxes[0]?.address, address)
        }
      }),
      { numRuns: 200 },
    )
  })

  test('sees exactly one @ outside quotes in whatever it is sure of', () => {
    const words = fc.array(fc.constantFrom('a', '@', 'b.example', '<', '>', ' ', '"', '(', ')', '.'), {
      maxLength: 12,
    })
    fc.assert(
      fc.property(words, (parts) => {
        const value = parts.join('')
        const { mailboxes, ambiguous } = parseAddresses(value)
        if (ambiguous || mailboxes.length !== 1) return
        assert.equal(value.replace(/"[^"]*"/g, '').split('@').length, 2, value)
      }),
      { numRuns: 200 },
    )
  })
})

describe('parseMailbox', () => {
  test('reads one mailbox or one address', () => {
    assert.equal(parseMailbox('Jane <a@b.example>')?.address, 'a@b.example')
    assert.equal(parseMailbox('a@b.example')?.address, 'a@b.example')
  })

  test('refuses lists, groups, nothing and doubt', () => {
    for (const value of ['a@b.example, c@d.example', 'x: a@b.example;', '', 'a@b@c', 'Jane']) {
      assert.equal(parseMailbox(value), null, value)
    }
  })
})

test('the work on a hostile display name does not explode', () => {
  // A search that tries every pair of signs would need hours for this.
  const name = `"${'<@'.repeat(100_000)}${'@'.repeat(400_000)}"`
  assert.equal(parseAddresses(`${name} <a@b.example>`).mailboxes.length, 1)
  assert.equal(parseAddresses('('.repeat(500_000)).ambiguous, true)
  // A look ahead over all comments for each comment in a domain would need minutes.
  const started = performance.now()
  assert.equal(parseAddresses(`a@b${'()'.repeat(500_000)}.example`).ambiguous, true)
  assert.ok(performance.now() - started < 10_000)
})

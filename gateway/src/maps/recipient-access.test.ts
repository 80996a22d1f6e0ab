/** Tests of the maps of access(5): which line a recipient or an address gets, and what is found wrong. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseClientAccess } from './client-access.ts'
import { parseRecipientAccess, recipientKeys } from './recipient-access.ts'

describe('the map recipient-access', () => {
  test('the keys go from the address over the domain and its parents to the local part', () => {
    assert.deepEqual(recipientKeys('Bob@Sub.Example.com'), [
      'bob@sub.example.com',
      'sub.example.com',
      '.example.com',
      'example.com',
      '.com',
      'com',
      'bob@',
    ])
    assert.deepEqual(recipientKeys('bob@[192.0.2.1]'), ['bob@[192.0.2.1]', '[192.0.2.1]', 'bob@'])
    assert.deepEqual(recipientKeys('Postmaster'), ['postmaster', 'postmaster@'])
  })

  test('needless quotes, case and normal form do not get around a line', () => {
    const { find } = parseRecipientAccess(
      'bob@example.com REJECT\nju\u0308rgen@example.com REJECT\n"a b"@example.com DEFER\n',
    )
    for (const address of ['BOB@example.COM', '"bob"@example.com', '"b\\ob"@example.com'])
      assert.equal(find(address)?.line, 1, address)
    assert.equal(
      find('j\u00fcrgen@example.com'),
      null,
      'a key in another normal form is found wrong when it is written',
    )
    assert.equal(find('"a b"@example.com')?.line, 3)
    assert.equal(find('bobby@example.com'), null)
  })

  test('the most specific line answers', () => {
    const { find } = parseRecipientAccess(
      'example.com REJECT\nbob@example.com DUNNO\n.example.net 450 later\nabuse@ OK\nexample.org\n',
    )
    assert.deepEqual(find('bob@example.com'), {
      line: 2,
      key: 'bob@example.com',
      value: 'DUNNO',
      action: { kind: 'dunno' },
    })
    assert.equal(find('eve@example.com')?.line, 1)
    assert.equal(find('eve@a.b.example.com')?.line, 1, 'a domain stands for those below it')
    assert.equal(find('eve@example.net'), null, 'a leading dot leaves the domain itself out')
    assert.equal(find('eve@a.example.net')?.line, 3)
    assert.equal(find('abuse@anything.example')?.line, 4)
    assert.deepEqual(find('eve@example.org'), { line: 5, key: 'example.org', value: null, action: null })
  })

  test('what is wrong is found with line and column', () => {
    const { findings } = parseRecipientAccess(
      'a@x.example\n b@x.example\tRELAY\n* REJECT\n@x.example REJECT\nb@x.example HOLD\nc@x.example OK\nc@x.example REJECT\nd@x.example\n',
    )
    assert.deepEqual(
      findings.map(({ severity, code, line, column }) => [severity, code, line, column]),
      [
        ['warning', 'duplicate-key', 7, 1],
        ['error', 'no-value', 8, 12],
        ['error', 'action-unknown', 2, 2],
        ['warning', 'never-matches', 3, 1],
        ['warning', 'never-matches', 4, 1],
        ['error', 'action-not-possible', 5, 13],
        ['warning', 'grants-nothing', 6, 13],
      ],
    )
  })
})

describe('the map client-access', () => {
  test('the first line that matches answers, OK means DUNNO', () => {
    const { find } = parseClientAccess(
      '192.0.2.7 OK\n192.0.2.0/24 REJECT 5.7.1 Not you\n!10.0.0.0/8 DEFER\n10.0.0.1 RELAY\n',
    )
    assert.deepEqual(find('192.0.2.7')?.action, { kind: 'dunno' })
    assert.equal(find('192.0.2.8')?.line, 2)
    assert.equal(find('198.51.100.1')?.line, 3)
    assert.equal(find('10.0.0.1')?.action, null, 'what cannot be done is no action')
    assert.equal(find('10.0.0.2'), null)
    assert.equal(find('2001:db8::1'), null)
  })

  test('what is wrong is found with line and column, unreachable lines too', () => {
    const { findings } = parseClientAccess(
      [
        '192.0.2.0/24 REJECT',
        '192.0.2.7 OK',
        '192.0.2.7/24 REJECT',
        'if 10.0.0.0/8',
        '10.1.0.0/16 DEFER',
        '10.1.2.3 DEFER',
        '192.0.2.1 DEFER',
        '172.16.0.0/12 DEFER',
        'endif now',
        'if !2001:db8::/32',
        '2001:db8:1::/48 DEFER',
        'endif',
        'endif',
        '10.1.2.4 DEFER',
        'endif',
        '  !198.51.100.0/24 FILTER x',
        'if 192.0.2.1',
        'host.example DEFER',
        '192.0.2.9 DEFER',
      ].join('\n'),
    )
    assert.deepEqual(
      findings.map(({ severity, code, line, column }) => [severity, code, line, column]),
      [
        ['warning', 'unreachable', 2, 1],
        ['error', 'bits-behind-prefix', 3, 1],
        ['warning', 'unreachable', 6, 1],
        ['warning', 'unreachable', 7, 1],
        ['warning', 'unreachable', 8, 1],
        ['error', 'text-after-endif', 9, 7],
        ['warning', 'unreachable', 11, 1],
        ['error', 'text-after-endif', 16, 3],
        ['error', 'if-without-endif', 17, 1],
        ['error', 'bad-pattern', 18, 1],
        ['warning', 'unreachable', 19, 1],
        ['warning', 'grants-nothing', 2, 11],
      ],
    )
  })
})

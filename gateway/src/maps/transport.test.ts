/** Tests of the map transport: which line a recipient gets, what it may say. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { isTransportFault, nextHopFor, parseTransport, readTransport, transportKeys } from './transport.ts'

describe('the map transport', () => {
  test('the keys go from the address over the domain to its parents and to all', () => {
    assert.deepEqual(transportKeys('Bob@Sub.Example.com'), [
      'bob@sub.example.com',
      'sub.example.com',
      '.example.com',
      '.com',
      '*',
    ])
    assert.deepEqual(transportKeys('postmaster'), ['postmaster', '*'])
  })

  for (const [value, expected] of [
    [':', { kind: 'default' }],
    ['smtp:', { kind: 'domain' }],
    ['smtp', { kind: 'domain' }],
    ['SMTP:[mx.example]:2525', { kind: 'next-hop', nextHop: '[mx.example]:2525' }],
    ['relay:mx.example', { kind: 'next-hop', nextHop: 'mx.example' }],
    [':[192.0.2.1]', { kind: 'next-hop', nextHop: '[192.0.2.1]' }],
    ['smtp:[IPv6:2001:db8::1]:25', { kind: 'next-hop', nextHop: '[IPv6:2001:db8::1]:25' }],
    ['error:', { kind: 'refuse', temporary: false, enhanced: '5.0.0', text: 'Address is undeliverable' }],
    [
      'error:5.1.1 no such user',
      { kind: 'refuse', temporary: false, enhanced: '5.1.1', text: 'no such user' },
    ],
    [
      'error:mail for *.x is not\n deliverable',
      { kind: 'refuse', temporary: false, enhanced: '5.0.0', text: 'mail for *.x is not deliverable' },
    ],
    ['retry:4.4.1 down', { kind: 'refuse', temporary: true, enhanced: '4.4.1', text: 'down' }],
    ['retry:5.4.1 down', { kind: 'refuse', temporary: true, enhanced: '4.0.0', text: '5.4.1 down' }],
  ] as const)
    // prettier-ignore
    test(`${JSON.stringify(value)} is understood`, () => {
      assert.deepEqual(readTransport(value), expected)
    })

  for (const [value, code, offset] of [
    ['discard:', 'never-discarded', 0],
    ['discard', 'never-discarded', 0],
    ['lmtp:unix:/x', 'transport-unknown', 0],
    ['[mx.example]:25', 'transport-unknown', 0],
    ['mx.example', 'transport-unknown', 0],
    ['smtp:[mx.example', 'bad-next-hop', 5],
    ['smtp: mx.example:99999', 'bad-next-hop', 6],
    ['smtp:[a.example], [b.example]', 'bad-next-hop', 5],
    [':user@x.example', 'bad-next-hop', 1],
  ] as const)
    test(`${JSON.stringify(value)} is an error: ${code}`, () => {
      const read = readTransport(value)
      assert.ok(isTransportFault(read))
      assert.deepEqual([read.code, read.offset], [code, offset])
    })

  test('the most specific line answers; a line at fault answers nothing and hides no other', () => {
    const map = parseTransport(
      '* smtp:[smart.example]\nexample.com :\n.example.com error:gone\nbob@example.com smtp:[b.example]:26\nx.example discard:\ny.example\n',
    )
    const line = (address: string) => map.find(address)?.line
    assert.deepEqual(
      [
        'bob@example.com',
        'eve@example.com',
        'eve@a.example.com',
        'eve@other.example',
        'a@x.example',
        'a@y.example',
      ].map(line),
      [4, 2, 3, 1, 5, 6],
    )
    assert.equal(map.find('a@x.example')?.action, null)
    assert.equal(map.find('a@y.example')?.action, null)
    assert.deepEqual(map.nextHops, ['[smart.example]', '[b.example]:26'])
    assert.deepEqual(
      map.findings.map(({ code, line: at, column }) => [code, at, column]),
      [
        ['no-value', 6, 10],
        ['never-discarded', 5, 11],
      ],
    )
  })

  test('keys that no recipient has are found', () => {
    const { findings } = parseTransport(
      'user@ :\n@x.example :\n*@x.example :\nx.example. :\n[192.0.2.1] :\n.x.example :\n',
    )
    assert.deepEqual(
      findings.map(({ code, line }) => [code, line]),
      [
        ['never-matches', 1],
        ['never-matches', 2],
        ['never-matches', 4],
      ],
    )
  })
})

describe('the next hop of a recipient', () => {
  const ENDPOINT = '[contoso-com.mail.protection.outlook.com]:25'
  const map = parseTransport(
    'partner.example smtp:[mx.partner.example]:26\nown.example smtp:\nsame.example :\ngone.example error:5.1.2 gone\nbroken.example discard:\n',
  )
  const hop = (address: string) => nextHopFor(map, address, null)

  test('of mail to the world: what the map says, else the domain of the recipient', () => {
    assert.deepEqual(hop('bob@Partner.example'), {
      kind: 'hop',
      route: '[mx.partner.example]:26',
      endpoint: false,
    })
    for (const domain of ['own.example', 'same.example', 'other.example'])
      assert.deepEqual(hop(`bob@${domain}`), { kind: 'hop', route: domain, endpoint: false })
    assert.deepEqual(hop('bob@gone.example'), {
      kind: 'refuse',
      temporary: false,
      enhanced: '5.1.2',
      text: 'gone',
    })
    assert.deepEqual(hop('bob@broken.example'), { kind: 'wait', line: 5 })
    assert.deepEqual(nextHopFor(null, 'bob@x.example', null), {
      kind: 'hop',
      route: 'x.example',
      endpoint: false,
    })
  })

  test('property: no map moves the endpoint of a tenant', () => {
    const piece = fc.constantFrom('*', 'contoso.com', '.com', 'bob@contoso.com', ' ', ' ', '\n', 'smtp:', ':', '[x.example]', 'error:', 'retry:', 'discard:', ENDPOINT) // prettier-ignore
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
        assert.deepEqual(nextHopFor(parseTransport(pieces.join('')), 'bob@contoso.com', ENDPOINT), {
          kind: 'hop',
          route: ENDPOINT,
          endpoint: true,
        })
      }),
    )
  })
})

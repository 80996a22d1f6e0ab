/**
 * Tests of the record that says where reports about TLS are wanted. The name server is our own, on loopback.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import fc from 'fast-check'
import { createResolver } from './resolver.ts'
import { startNameServer, type NameServerRig, type Said } from './testing/name-server.ts'
import { findReportAddresses, reportAddresses } from './tls-reports.ts'

const MAIL = { kind: 'mail', mailbox: 'tls@example.com' }
const WEB = { kind: 'web', url: 'https://r.example.com/v1?d=x' }

describe('a record of TLSRPT', () => {
  for (const [name, record, expected] of [
    ['one mailbox', 'v=TLSRPTv1;rua=mailto:tls@example.com', [MAIL]],
    ['one web server', 'v=TLSRPTv1; rua=https://r.example.com/v1?d=x', [WEB]],
    [
      'both, in their order',
      'v=TLSRPTv1; rua=https://r.example.com/v1?d=x , mailto:tls@example.com ; ',
      [WEB, MAIL],
    ],
    [
      'two fields of addresses',
      'v=TLSRPTv1;rua=mailto:tls@example.com;rua=https://r.example.com/v1?d=x',
      [MAIL, WEB],
    ],
    ['an unknown field', 'v=TLSRPTv1; x-new=a:b; rua=mailto:tls@example.com', [MAIL]],
    [
      'an encoded mailbox',
      'v=TLSRPTv1; rua=mailto:a%21b@example.com',
      [{ kind: 'mail', mailbox: 'a!b@example.com' }],
    ],
    ['another scheme beside', 'v=TLSRPTv1; rua=ftp://a.example/,mailto:tls@example.com', [MAIL]],
    ['a fragment', 'v=TLSRPTv1; rua=https://r.example.com/v1?d=x#part', [WEB]],
  ] as const)
    test(`is read: ${name}`, () => {
      assert.deepEqual(reportAddresses([record]), expected)
    })

  for (const [name, record] of [
    ['another version', 'v=TLSRPTv2; rua=mailto:tls@example.com'],
    ['the version in other letters', 'v=tlsrptv1; rua=mailto:tls@example.com'],
    ['no addresses', 'v=TLSRPTv1;'],
    ['an empty address', 'v=TLSRPTv1; rua='],
    ['a field without a value', 'v=TLSRPTv1; x; rua=mailto:tls@example.com'],
    ['an empty field', 'v=TLSRPTv1;; rua=mailto:tls@example.com'],
    ['a naked exclamation mark', 'v=TLSRPTv1; rua=mailto:tls@example.com!10m'],
    ['a space in a URI', 'v=TLSRPTv1; rua=mailto:tls @example.com'],
    ['header fields for our mail', 'v=TLSRPTv1; rua=mailto:tls@example.com?bcc=all@example.com'],
    ['a line break in a mailbox', 'v=TLSRPTv1; rua=mailto:tls%0D%0ADATA@example.com'],
    ['an octet that is no UTF-8', 'v=TLSRPTv1; rua=mailto:%ff@example.com'],
    ['plain HTTP', 'v=TLSRPTv1; rua=http://r.example.com/'],
    ['a password in the URL', 'v=TLSRPTv1; rua=https://a:b@r.example.com/'],
    ['an IPv4 address', 'v=TLSRPTv1; rua=https://127.0.0.1/'],
    ['an IPv4 address as one number', 'v=TLSRPTv1; rua=https://2130706433/'],
    ['an IPv6 address', 'v=TLSRPTv1; rua=https://[::1]/'],
    ['more than it may hold', `v=TLSRPTv1; rua=mailto:tls@example.com; x=${'a'.repeat(4096)}`],
  ] as const)
    test(`is none: ${name}`, () => {
      assert.deepEqual(reportAddresses([record]), [])
    })

  test('counts when it is the only one', () => {
    const record = 'v=TLSRPTv1; rua=mailto:tls@example.com'
    assert.deepEqual(reportAddresses(['v=spf1 -all', record]), [MAIL])
    assert.deepEqual(reportAddresses([record, record]), [])
    assert.deepEqual(reportAddresses([]), [])
  })

  test('gives five addresses at most', () => {
    const uris = Array.from({ length: 9 }, (_, index) => `mailto:r${index}@example.com`)
    const found = reportAddresses([`v=TLSRPTv1; rua=${uris.join(',')}`])
    assert.deepEqual(
      found.map((address) => address.kind === 'mail' && address.mailbox.slice(0, 2)),
      [...['r0', 'r1', 'r2', 'r3', 'r4']],
    )
  })

  test('property: any text gives addresses that hold no control character and no name that is an address', () => {
    const word = fc.constantFrom(
      ...[
        'rua=',
        'mailto:',
        'https://',
        'a.example',
        'a@b.example',
        ',',
        ';',
        ' ',
        '%0A',
        '%',
        '@',
        '?',
        '[::1]',
      ],
    )
    fc.assert(
      fc.property(fc.array(fc.oneof(word, fc.string()), { maxLength: 20 }), (words) => {
        for (const address of reportAddresses([`v=TLSRPTv1;rua=mailto:a@b.example,${words.join('')}`])) {
          const text = address.kind === 'mail' ? address.mailbox : address.url
          assert.match(text, /^[!-~]+$/)
          if (address.kind === 'web') assert.match(new URL(text).hostname, /[a-z]/)
        }
      }),
    )
  })

  test('property: what is written by the grammar is read', () => {
    const label = fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/)
    const space = fc.constantFrom('', ' ', '\t', ' \t')
    fc.assert(
      fc.property(fc.array(label, { minLength: 1, maxLength: 5 }), space, space, (labels, left, right) => {
        const mailboxes = labels.map((name) => `${name}@${name}.example`)
        const uris = mailboxes.map((mailbox) => `mailto:${mailbox}`).join(`${left},${right}`)
        assert.deepEqual(
          reportAddresses([`v=TLSRPTv1;${right}rua=${uris}${left};${right}`]),
          mailboxes.map((mailbox) => ({ kind: 'mail', mailbox })),
        )
      }),
    )
  })
})

describe('the look-up of it', () => {
  const zone = new Map<string, Said>()
  let names: NameServerRig
  before(async () => {
    names = await startNameServer(zone)
  })
  after(() => names.close())

  test('asks at _smtp._tls and joins the strings of a record; a failure is no record', async () => {
    const name = '_smtp._tls.example.com'
    const data = ['v=TLSRPTv1; rua=mail', 'to:tls@example.com']
    zone.set(`${name} TXT`, { answers: [{ type: 'TXT', name, ttl: 5, data }] })
    zone.set('_smtp._tls.broken.example TXT', { code: 2 })
    const { resolve } = createResolver({ servers: [names.server], timeoutMs: 300 })
    assert.deepEqual(await findReportAddresses(resolve, 'example.com'), [MAIL])
    assert.deepEqual(await findReportAddresses(resolve, 'broken.example'), [])
    assert.deepEqual(await findReportAddresses(resolve, 'none.example'), [])
    assert.ok(names.asked.includes('UDP _smtp._tls.example.com TXT'))
  })
})

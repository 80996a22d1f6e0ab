import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'

import type { Peer } from '../message.ts'
import { receivedField } from './received-field.ts'

const TLS = { version: 'TLSv1.2', cipher: 'TLS_RSA_WITH_X', serverName: null, certificate: null }

function field(peer: Partial<Peer>, more: { extended?: boolean; smtpUtf8?: boolean } = {}): string {
  return receivedField({
    peer: { address: '192.0.2.1', port: 1, helo: 'client.example', tls: TLS, ...peer },
    fqdn: 'gateway.contoso.com',
    extended: true,
    smtpUtf8: false,
    id: '01ID',
    receivedAt: Date.UTC(2026, 0, 2, 3, 4, 5),
    ...more,
  })
}

test('the field names the peer, the tenant gateway, the protocol, TLS, the id and the date', () => {
  assert.equal(
    field({}),
    'Received: from client.example ([192.0.2.1])\r\n by gateway.contoso.com with ESMTPS\r\n' +
      ' (version=TLSv1.2 cipher=TLS_RSA_WITH_X)\r\n id 01ID; Fri, 02 Jan 2026 03:04:05 +0000\r\n',
  )
  assert.match(field({ address: '2001:db8::1' }), /\(\[IPv6:2001:db8::1\]\)/)
  assert.match(field({}, { smtpUtf8: true }), / with UTF8SMTPS\r\n/)
  assert.match(field({}, { extended: false }), / with SMTP\r\n/)
  assert.match(field({ tls: null }), / with ESMTP\r\n id/)
  assert.match(field({ helo: '[192.0.2.1]' }), /^Received: from \[192\.0\.2\.1\] \(\[192\.0\.2\.1\]\)\r\n/)
})

test('a name that is none stands disarmed in the comment', () => {
  assert.match(field({ helo: 'PC_1' }), /^Received: from \[192\.0\.2\.1\] \(helo=PC\?1\)\r\n/)
  assert.match(field({ helo: 'bücher.example' }), /\(helo=b\?cher\.example\)/)
})

test('property: whatever the peer calls itself, the field keeps its shape', () => {
  const shape =
    /^Received: from [A-Za-z0-9.:[\]-]+ \([A-Za-z0-9.:[\]=?-]+\)\r\n by gateway\.contoso\.com with ESMTPS\r\n \([^()\r\n]+\)\r\n id 01ID; [^()\r\n]+\r\n$/
  const name = fc.array(fc.constantFrom('a', '.', ')', '(', ';', '\r', '\n', ' ', '\0', '"', '\\', 'ü', 'b'))
  fc.assert(
    fc.property(
      fc.oneof(
        name.map((parts) => parts.join('')),
        fc.string({ unit: 'binary', minLength: 1 }),
      ),
      (helo) => {
        fc.pre(helo !== '')
        const text = field({ helo })
        assert.match(text, shape)
        assert.ok(text.split('\r\n').every((line) => line.length <= 998))
      },
    ),
    { numRuns: 100 },
  )
})

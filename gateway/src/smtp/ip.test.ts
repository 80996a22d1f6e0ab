import assert from 'node:assert/strict'
import { isIPv4 as nodeIPv4, isIPv6 as nodeIPv6 } from 'node:net'
import test from 'node:test'
import fc from 'fast-check'

import { addressLiteral, isIPv4, isIPv6, plainAddress } from './ip.ts'

test('property: IPv4 and IPv6 addresses are told as Node tells them', () => {
  const group = fc.constantFrom(
    '0',
    '1',
    'ff',
    'ffff',
    '12345',
    'g',
    '',
    ':',
    '.',
    '1.2.3.4',
    '256',
    '01',
    '255',
  )
  const text = fc
    .tuple(fc.array(group, { maxLength: 10 }), fc.constantFrom(':', '.', ''))
    .map(([g, s]) => g.join(s))
  fc.assert(
    fc.property(fc.oneof(text, fc.ipV4(), fc.ipV6()), (address) => {
      assert.equal(isIPv4(address), nodeIPv4(address), address)
      assert.equal(isIPv6(address), nodeIPv6(address) && !address.includes('%'), address)
    }),
    { numRuns: 1000 },
  )
})

test('addresses are written as literals, and one peer has one name', () => {
  assert.equal(addressLiteral('192.0.2.1'), '[192.0.2.1]')
  assert.equal(addressLiteral('2001:db8::1'), '[IPv6:2001:db8::1]')
  assert.equal(plainAddress('::ffff:192.0.2.1'), '192.0.2.1')
  assert.equal(plainAddress('fe80::1%eth0'), 'fe80::1')
  assert.equal(plainAddress('::1'), '::1')
})

/** Tests of the next hop reader. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { isHostname, parseRoute, RouteError } from './route.ts'

describe('next hop in Postfix syntax', () => {
  for (const [text, host, port, exact, literal] of [
    [
      '[contoso-com.mail.protection.outlook.com]:25',
      'contoso-com.mail.protection.outlook.com',
      25,
      true,
      false,
    ],
    ['[Mail.Example.COM]', 'mail.example.com', 25, true, false],
    ['example.com', 'example.com', 25, false, false],
    ['example.com:587', 'example.com', 587, false, false],
    ['[example.com]:submission', 'example.com', 587, true, false],
    ['[127.0.0.1]:2525', '127.0.0.1', 2525, true, true],
    ['[::1]:25', '::1', 25, true, true],
    ['[IPv6:2001:db8::1]', '2001:db8::1', 25, true, true],
    ['localhost', 'localhost', 25, false, false],
  ] as const)
    test(text, () => {
      assert.deepEqual(parseRoute(text), { text, host, port, exact, literal })
    })

  for (const text of [
    '',
    '[]',
    '[a',
    'a]',
    'a b',
    '[a]:',
    '[a]:0',
    '[a]:65536',
    '[a]:x',
    'a:25:26',
    '1.2.3.4.5',
    '[1.2.3]',
    '-a.de',
    'a..b',
    'ä.de',
    `[${'a'.repeat(64)}.de]`,
    '[a]\r\n',
    'a\0',
  ])
    test(`${JSON.stringify(text)} is none`, () => {
      assert.throws(() => parseRoute(text), RouteError)
    })

  test('a name is bounded to 253 characters', () => {
    assert.equal(isHostname(`${'a.'.repeat(126)}a`), true)
    assert.equal(isHostname(`${'a.'.repeat(127)}a`), false)
  })
})

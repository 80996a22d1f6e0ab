/**
 * Compares look-ups of addresses with Postfix: `postmap -q` is asked for the keys that access(5) and transport(5) name, in
 * their order, and its first answer must be ours. Needs Postfix (scripts/install-peers.sh).
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import fc from 'fast-check'
import { parseRecipientAccess } from './recipient-access.ts'
import { Postmap } from './testing/postmap.ts'
import { parseTransport } from './transport.ts'

const LOCALS = ['bob', 'Eve', 'abuse']
const DOMAINS = ['example.com', 'a.example.com', 'b.a.Example.com', 'example.net', '[192.0.2.1]']

/** access(5), "EMAIL ADDRESS PATTERNS", with domains standing for those below them, written with and without a dot. */
function accessPatterns(local: string, domain: string): string[] {
  const labels = domain.split('.')
  const above = domain.startsWith('[') ? [] : labels.slice(1).map((_, i) => labels.slice(i + 1).join('.'))
  return [`${local}@${domain}`, domain, ...above.flatMap((parent) => [`.${parent}`, parent]), `${local}@`]
}

/** transport(5), "TABLE SEARCH ORDER". */
function transportPatterns(local: string, domain: string): string[] {
  const labels = domain.split('.')
  const above = domain.startsWith('[')
    ? []
    : labels.slice(1).map((_, i) => `.${labels.slice(i + 1).join('.')}`)
  return [`${local}@${domain}`, domain, ...above, '*']
}

describe('look-ups of addresses against postmap', () => {
  let postmap: Postmap
  before(async () => {
    postmap = await Postmap.open()
  })
  after(() => postmap.close())

  async function agrees(
    text: string,
    patterns: (local: string, domain: string) => string[],
    find: (address: string) => { readonly value: string | null } | null,
  ): Promise<number> {
    const recipients = LOCALS.flatMap((local) => DOMAINS.map((domain) => ({ local, domain })))
    const keys = [...new Set(recipients.flatMap(({ local, domain }) => patterns(local, domain)))]
    const theirs = await postmap.ask('texthash', text, keys)
    let found = 0
    for (const { local, domain } of recipients) {
      const wanted = patterns(local, domain)
        .map((key) => theirs.get(key))
        .find((value) => value !== undefined)
      if (wanted !== undefined) found++
      assert.equal(find(`${local}@${domain}`)?.value, wanted, `${local}@${domain} in ${JSON.stringify(text)}`)
    }
    return found
  }

  const key = fc.constantFrom(
    ...[
      'bob@example.com',
      'BOB@a.example.com',
      'bob@',
      'abuse@',
      'eve@[192.0.2.1]',
      'example.com',
      '.example.com',
    ],
    ...[
      'a.example.com',
      '.a.example.com',
      'Example.NET',
      '.net',
      'com',
      '[192.0.2.1]',
      '*',
      'eve@example.net',
    ],
  )
  const tables = (value: fc.Arbitrary<string>) =>
    fc.array(
      fc.tuple(key, value).map(([left, right]) => `${left} ${right}\n`),
      { maxLength: 8 },
    )

  test('property: recipient-access', async () => {
    let found = 0
    const value = fc.constantFrom(
      'REJECT',
      'OK',
      '450 later',
      'DUNNO # x',
      'RELAY',
      'REJECT\n  5.1.1 no\n# c\n one',
    )
    await fc.assert(
      fc.asyncProperty(tables(value), async (lines) => {
        const text = lines.join('')
        found += await agrees(text, accessPatterns, parseRecipientAccess(text).find)
      }),
      { numRuns: 150 },
    )
    assert.ok(found > 300, `only ${found} answers were compared`)
  })

  test('property: transport', async () => {
    let found = 0
    const value = fc.constantFrom(
      ':',
      'smtp:[mx.example]:26',
      'error:no',
      'retry:4.4.1 down',
      'discard:',
      ':mx.example',
    )
    await fc.assert(
      fc.asyncProperty(tables(value), async (lines) => {
        const text = lines.join('')
        found += await agrees(text, transportPatterns, parseTransport(text).find)
      }),
      { numRuns: 150 },
    )
    assert.ok(found > 300, `only ${found} answers were compared`)
  })
})

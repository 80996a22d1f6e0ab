/**
 * Compares the tables of addresses with Postfix's own: the same text, the same addresses, the same answers of `postmap -q`.
 * Needs Postfix (scripts/install-peers.sh).
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import fc from 'fast-check'
import { parseCidrTable } from './cidr-table.ts'
import { Postmap } from './testing/postmap.ts'

/** Addresses on both sides of every edge that the patterns below have. */
const ADDRESSES = [
  '192.0.2.0', '192.0.2.1', '192.0.2.2', '192.0.2.127', '192.0.2.128', '192.0.2.255', '192.0.3.0', '192.0.1.255', '10.0.0.1', '10.255.255.255',
  '0.0.0.0', '255.255.255.255', '2001:db8::', '2001:db8::1', '2001:DB8:0:0::1', '2001:db8:ffff::', '2001:db9::', '::', '::1', '::ffff:192.0.2.1',
  'fe80::1', '192.0.2.01', '192.0.2', '1.2.3.4.5', 'gw.example', '[192.0.2.1]', '192.0.2.1/32',
] // prettier-ignore

const PATTERNS = [
  '192.0.2.0/24', '192.0.2.0/25', '192.0.2.128/25', '192.0.2.1', '192.0.2.1/32', '192.0.2.1/24', '0.0.0.0/0', '10.0.0.0/8', '010.0.0.0/8',
  '10.0.0.0/08', '10.0.0.0/33', '10.0.0.0/', '10.0.0.0/x', '/8', '[10.0.0.0]/8', '[10.0.0.0/8]', '[10.0.0.0', '2001:db8::/32', '[2001:db8::]/32',
  '2001:db8::1', '::/0', '::ffff:192.0.2.0/120', '2001:db8::/129', '2001:db8:::', 'fe80::1%lo', 'gw.example', '*', '',
] // prettier-ignore

describe('the tables of addresses against postmap', () => {
  let postmap: Postmap
  before(async () => {
    postmap = await Postmap.open()
  })
  after(() => postmap.close())

  /** Returns how many addresses were found. */
  async function agrees(text: string): Promise<number> {
    const theirs = await postmap.ask('cidr', text, ADDRESSES)
    const table = parseCidrTable(text)
    for (const address of ADDRESSES)
      assert.equal(table.find(address)?.value, theirs.get(address), `${address} in ${JSON.stringify(text)}`)
    return theirs.size
  }

  for (const pattern of PATTERNS)
    test(`the pattern ${JSON.stringify(pattern)}, alone, negated and as a block`, async () => {
      await agrees(`${pattern} yes\n0.0.0.0/0 other\n::/0 six\n`)
      await agrees(`!${pattern} no\n0.0.0.0/0 other\n`)
      await agrees(`! ! ${pattern} yes\n`)
      await agrees(`if ${pattern}\n0.0.0.0/0 inside\n::/0 inside six\nendif\n0.0.0.0/0 behind\n`)
      await agrees(`if !${pattern}\n0.0.0.0/0 inside\nENDIF\n::/0 behind\n`)
    })

  test('blocks in blocks, comments, continuation lines', async () => {
    const text = [
      '# peers',
      'if 192.0.2.0/24',
      '  # one block',
      'if !192.0.2.128/25',
      '192.0.2.1  REJECT',
      '  5.7.1   go',
      '',
      '\taway  ',
      'Endif',
      '192.0.2.0/24 DEFER',
      'endif',
      '2001:db8::/32 OK # no comment',
    ].join('\n')
    assert.ok((await agrees(text)) >= 8)
  })

  test('property: tables of all kinds of lines', async () => {
    const negation = fc.constantFrom('', '', '', '!', '! ', '!!')
    const pattern = fc.constantFrom(...PATTERNS)
    const value = fc.constantFrom(' a', '\tb', ' c d ', ' e # f', '', '\n  g', '\n#x\n h')
    const rule = fc.tuple(negation, pattern, value).map((parts) => parts.join(''))
    const opening = fc
      .tuple(fc.constantFrom('if ', 'IF\t', 'if!', 'if', 'iffy '), negation, pattern)
      .map((parts) => parts.join(''))
    const other = fc.constantFrom('endif', 'ENDIF', 'endif ', 'endif x', 'endifs', '', '# x', '  ', '  y')
    const line = fc.oneof(
      { weight: 5, arbitrary: rule },
      { weight: 2, arbitrary: opening },
      { weight: 2, arbitrary: other },
    )
    let found = 0
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 12 }), async (lines) => {
        found += await agrees(`${lines.join('\n')}\n`)
      }),
      { numRuns: 300 },
    )
    assert.ok(found > 300, `only ${found} answers were compared`)
  })
})

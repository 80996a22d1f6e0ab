/**
 * Compares the table reader with Postfix's own: the same text, the same keys, the same answers of `postmap -q`.
 * Needs Postfix (scripts/install-peers.sh).
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import fc from 'fast-check'
import { parseTable } from './table.ts'
import { Postmap } from './testing/postmap.ts'

describe('the table reader against postmap', () => {
  let postmap: Postmap
  before(async () => {
    postmap = await Postmap.open()
  })
  after(() => postmap.close())

  async function agrees(text: string): Promise<void> {
    const { entries } = parseTable(text)
    // A line without value is no line to postmap; here it keeps its key from being taken for absent.
    const keys = [...entries].flatMap(([key, { value }]) => (value === null ? [] : [key]))
    const theirs = await postmap.ask('texthash', text, [...keys, 'absent.example'])
    for (const key of keys)
      assert.equal(entries.get(key)?.value, theirs.get(key), `${key} in ${JSON.stringify(text)}`)
    assert.equal(theirs.get('absent.example'), undefined)
  }

  test("the how-to's line and what surrounds it", () =>
    agrees(
      '# policies\n\n[contoso-com.mail.protection.outlook.com]:25 verify match=mail.protection.outlook.com\n' +
        'A.example\tsecure\n  match=x\n# inside\n\tmatch=y\nb.example may # no comment\nb.example none\nc.example\nd.example none',
    ))

  test('property: tables of all kinds of lines', async () => {
    const piece = fc.constantFrom(
      'a.example',
      'B.example',
      '[c.example]:25',
      ' ',
      '\t',
      ' may',
      ' verify match=x',
      '\n',
      '\n',
      '\n ',
      '\n#x',
      '\n\n',
    )
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 14 }), (pieces) =>
        agrees(`z none\n${pieces.join('')}\n`),
      ),
      { numRuns: 60 },
    )
  })
})

/**
 * Compares the table reader with Postfix's own: the same text, the same keys, the same answers of `postmap -q`.
 * Needs Postfix (scripts/install-peers.sh).
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import fc from 'fast-check'
import { parseTable } from './table.ts'

const POSTMAP = 'postmap'

describe('the table reader against postmap', () => {
  let folder = ''
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'siegel-postmap-'))
    await writeFile(join(folder, 'main.cf'), 'compatibility_level = 3.6\nmyhostname = gw.example\n')
  })
  after(() => rm(folder, { recursive: true }))

  /** What Postfix finds for each key. */
  async function postfix(text: string, keys: readonly string[]): Promise<Map<string, string>> {
    const file = join(folder, 'table')
    await writeFile(file, text)
    // Postfix waits for a file to become a few seconds old before it trusts what it reads.
    await utimes(file, 1, 1)
    const { stdout, error } = spawnSync(POSTMAP, ['-c', folder, '-q', '-', `texthash:${file}`], {
      input: keys.map((key) => `${key}\n`).join(''),
      encoding: 'utf8',
    })
    if (error !== undefined) throw error
    const lines = stdout.split('\n').filter((line) => line !== '')
    return new Map(
      lines.map((line) => [line.slice(0, line.indexOf('\t')), line.slice(line.indexOf('\t') + 1)]),
    )
  }

  async function agrees(text: string): Promise<void> {
    const { entries } = parseTable(text)
    // A line without value is no line to postmap; here it keeps its key from being taken for absent.
    const keys = [...entries].flatMap(([key, { value }]) => (value === null ? [] : [key]))
    const theirs = await postfix(text, [...keys, 'absent.example'])
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

// CSV as operators and PowerShell write it: whatever stands in cells comes back, however it is cut into chunks; faults end with their row.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { readCsv, type CsvRow } from './csv.ts'
import { DirectoryRefused } from './refused.ts'

async function read(bytes: Buffer, size = 7): Promise<CsvRow[]> {
  async function* chunks() {
    for (let at = 0; at < bytes.length; at += size) yield await Promise.resolve(bytes.subarray(at, at + size))
  }
  const rows: CsvRow[] = []
  for await (const row of readCsv(chunks())) rows.push(row)
  return rows
}

const cellsOf = async (text: string) => (await read(Buffer.from(text))).map(({ cells }) => cells)

describe('CSV', () => {
  it('reads back what was written, in any chunks', async () => {
    const cell = fc.string({ unit: fc.constantFrom('a', 'ü', '"', ',', ';', '\n', '\r', ' ', '😀', '\t') })
    const rows = fc.array(fc.array(cell, { minLength: 2, maxLength: 2 }), { minLength: 1, maxLength: 8 })
    await fc.assert(
      fc.asyncProperty(
        rows,
        fc.integer({ min: 1, max: 20 }),
        fc.constantFrom(',', ';', '\t'),
        async (all, size, by) => {
          const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`
          const lines = [['one', 'two', 'three'].join(by), ...all.map((cells) => cells.map(quoted).join(by))]
          const found = await read(Buffer.from(lines.join('\r\n')), size)
          assert.deepEqual(found.slice(1).map(({ cells }) => cells), all) // prettier-ignore
        },
      ),
      { numRuns: 200 },
    )
  })

  it('takes a byte order mark, #TYPE, empty lines, empty cells at the end', async () => {
    assert.deepEqual(await cellsOf('\ufeff#TYPE Selected.X\r\n"a";"b"\r\n\r\n1;\r\n'), [
      ['a', 'b'],
      ['1', ''],
    ])
    assert.deepEqual(await cellsOf('a\nx'), [['a'], ['x']])
  })

  it('names the line of a fault and goes on behind it', async () => {
    const rows = await read(Buffer.from('a,b\n1,2\nx"y,3\n"p"q,4\n5,6\n"open,7\n'))
    assert.deepEqual(
      rows.map(({ line, fault }) => [line, fault]),
      [[1, null], [2, null], [3, 'quotes-malformed'], [4, 'quotes-malformed'], [5, null], [6, 'quotes-malformed']], // prettier-ignore
    )
    const long = await read(Buffer.from(`a,b\n"${'x\n'.repeat(600_000)}1,2\n3,4\n`), 65_536)
    assert.equal(long[1]?.fault, 'row-too-long')
    assert.deepEqual(long.at(-1)?.cells, ['3', '4'])
  })

  it('refuses what is not UTF-8', async () => {
    await assert.rejects(
      read(Buffer.from('a\nf\xfcr\n', 'latin1')),
      (error) => error instanceof DirectoryRefused && error.code === 'not-utf-8',
    )
  })
})

/**
 * The interop matrix as a test: no cell fails that the peer supports, docs/interop.md says what is so, and the command agrees with
 * OpenSSL wherever its options can ask for a row.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { canBeAsked, command } from './command.ts'
import { makeMaterial } from './material.ts'
import { runMatrix } from './matrix.ts'
import { openSsl } from './openssl.ts'
import { ROWS } from './rows.ts'
import { runInterop } from './run.ts'

test('every row works with every peer that supports it, and docs/interop.md says so', async () => {
  const { failures, page } = await runInterop()
  assert.deepEqual(failures, [])
  assert.equal(page, readFileSync(join(import.meta.dirname, '../../docs/interop.md'), 'utf8'))
})

const material = makeMaterial()
after(() => {
  material.close()
})

for (const row of ROWS.filter(canBeAsked)) {
  test(`the command: ${row.group}: ${row.title}`, async () => {
    const [line] = await runMatrix([row], command(material), [openSsl(material)])
    const [pair] = line?.pairs ?? []
    assert.ok(pair !== undefined)
    // What OpenSSL of this version cannot do is in the matrix above.
    for (const cell of [pair.toPeer, pair.fromPeer])
      assert.ok(cell.state === 'yes' || cell.state === 'unable', JSON.stringify(cell))
  })
}

/**
 * Runs the interop matrix and compares it with docs/interop.md.
 *
 * Usage: npm run test:interop [-- --write] [-- --only TEXT]   --write: writes the page instead of comparing; --only: rows whose title
 * holds TEXT, printed, neither compared nor written.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Cell } from './matrix.ts'
import { runInterop } from './run.ts'

const { values } = parseArgs({ options: { write: { type: 'boolean' }, only: { type: 'string' } } })
const { only } = values
const file = join(import.meta.dirname, '../../docs/interop.md')

const text = (cell: Cell): string => ('words' in cell ? `${cell.state}: ${cell.words}` : cell.state)
const started = Date.now()
const outcome = await runInterop(
  (row) => only === undefined || row.title.includes(only),
  ({ row, pairs }, peers) => {
    console.log(row.title)
    if (only === undefined) return
    for (const [at, { toPeer, fromPeer }] of pairs.entries())
      console.log(`  ${peers[at]?.name ?? ''}: → ${text(toPeer)}; ← ${text(fromPeer)}`)
  },
)
const cells = outcome.lines.flatMap(({ pairs }) =>
  pairs.flatMap(({ toPeer, fromPeer }) => [toPeer, fromPeer]),
)
const count = (state: Cell['state']) => cells.filter((cell) => cell.state === state).length
console.log(
  `${outcome.lines.length} rows, ${outcome.peers.length} peers: ${count('yes')} yes, ${count('unable')} that the peer cannot, ` +
    `${count('not-written')} that the engine does not write, ${count('failed')} failed (${((Date.now() - started) / 1000).toFixed(0)} s)`,
)
for (const failure of outcome.failures) console.error(`failed: ${failure}`)
let good = outcome.failures.length === 0
if (only === undefined) {
  if (values.write === true) writeFileSync(file, outcome.page)
  else if (readFileSync(file, 'utf8') !== outcome.page) {
    console.error(
      'docs/interop.md says something else: if the change is right, npm run test:interop -- --write',
    )
    good = false
  }
}
if (!good) process.exitCode = 1

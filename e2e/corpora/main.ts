/**
 * `npm run test:corpora`: runs all foreign material of the corpora folder against the command and prints passed, failed
 * and excused for each suite. The folder is that of SIEGEL_CORPORA, else `../shared/corpora` beside the repository.
 * Exit 0 when nothing failed and no excuse is stale, 1 otherwise, 2 when the folder is not there.
 *
 * Usage: node e2e/corpora/main.ts [SUITE…]
 */
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Case, Suite } from './case.ts'
import { excuseKey, readExcuses } from './excuses.ts'
import type { Excuses } from './excuses.ts'
import { enterSuite, samplesTaken } from './siegel.ts'
import { SUITES } from './suites/index.ts'

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const folder = process.env['SIEGEL_CORPORA'] ?? join(root, '..', 'shared', 'corpora')
const wanted = process.argv.slice(2)

interface Count {
  passed: number
  failed: number
  excused: number
  stale: number
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

async function runSuite(suite: Suite, excuses: Excuses, used: Set<string>): Promise<Count> {
  const count: Count = { passed: 0, failed: 0, excused: 0, stale: 0 }
  const path = join(folder, suite.folder)
  if (!existsSync(path)) {
    say(`${suite.name}: the folder ${suite.folder} is missing`)
    return { ...count, failed: 1 }
  }
  enterSuite(suite.name)
  for (const each of suite.cases(path)) {
    const key = excuseKey(suite.name, each.name)
    const excuse = excuses.get(key)
    if (excuse !== undefined) used.add(key)
    const problem = await outcome(each)
    if (problem === null && excuse === undefined) count.passed++
    else if (problem === null) {
      count.stale++
      say(`  STALE   ${suite.name}: ${each.name}: passes, so its excuse has to go`)
    } else if (excuse === undefined) {
      count.failed++
      say(`  FAILED  ${suite.name}: ${each.name}: ${problem}`)
    } else count.excused++
  }
  for (const line of suite.report?.() ?? []) say(`  ${line}`)
  return count
}

async function outcome(each: Case): Promise<string | null> {
  try {
    return await each.run()
  } catch (error) {
    return error instanceof Error ? (error.message.split('\n')[0] ?? 'an error') : String(error)
  }
}

if (!existsSync(folder)) {
  process.stderr.write(`corpora: the folder ${folder} is not there; SIEGEL_CORPORA names another one\n`)
  process.exit(2)
}
const excuses = readExcuses(join(root, 'docs', 'corpora-excuses.tsv'))
const chosen = SUITES.filter(({ name }) => wanted.length === 0 || wanted.includes(name))
const used = new Set<string>()
const total: Count = { passed: 0, failed: 0, excused: 0, stale: 0 }
const rows: string[] = []
const row = (name: string, { passed, failed, excused }: Count) =>
  `${name.padEnd(28)}${String(passed).padStart(8)}${String(failed).padStart(8)}${String(excused).padStart(8)}`
for (const suite of chosen) {
  const count = await runSuite(suite, excuses, used)
  rows.push(row(suite.name, count))
  total.passed += count.passed
  total.failed += count.failed
  total.excused += count.excused
  total.stale += count.stale
}
for (const key of excuses.keys()) {
  const [suite = '', name = ''] = key.split('\t')
  if (used.has(key) || (wanted.length > 0 && !wanted.includes(suite))) continue
  total.stale++
  say(`  STALE   ${suite}: ${name}: an excuse for a case that is not there`)
}
say(`${'suite'.padEnd(28)}${'passed'.padStart(8)}${'failed'.padStart(8)}${'excused'.padStart(8)}`)
for (const line of rows) say(line)
say(row('total', total))
say(`the real command was asked ${samplesTaken()} times, stale excuses: ${total.stale}`)
process.exitCode = total.failed + total.stale === 0 && chosen.length > 0 ? 0 : 1

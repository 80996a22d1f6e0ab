/**
 * Runs the project's checks and tests. `npm test`: everything that needs Node only. `npm run test:peers` (--peers): the
 * tests that need programs of others (files named *.peers.test.ts). It skips nothing, and prints node:test's counts last.
 *
 * Usage: node scripts/test.ts [--peers] [--no-checks] [PATH…]   PATH narrows the test files by prefix.
 */
import { spawnSync } from 'node:child_process'
import { globSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const peers = process.argv.includes('--peers')
const withoutChecks = process.argv.includes('--no-checks')
const prefixes = process.argv.slice(2).filter((argument) => !argument.startsWith('--'))

/** Runs one program to its end; ends this one with its code if it fails. */
function run(what: string, program: string, args: readonly string[]): void {
  const started = Date.now()
  const { status, error } = spawnSync(program, args, { cwd: root, stdio: 'inherit' })
  if (error !== undefined) console.error(`${what}: ${error.message}`)
  if (status !== 0) {
    console.error(`${what}: failed`)
    process.exit(1)
  }
  console.log(`${what}: ok (${((Date.now() - started) / 1000).toFixed(1)} s)`)
}

const CHECKS = ['format:check', 'types', 'lint', 'deps', 'knip', 'docs:engine', 'generated:check']

if (!peers && !withoutChecks && prefixes.length === 0)
  for (const check of CHECKS) run(check, 'npm', ['run', '--silent', check])

const files = globSync('{engine,contract,gateway,tools,scripts,e2e,bench}/**/*.test.ts', {
  cwd: root,
  exclude: (name) => name === 'node_modules' || name === 'dist',
})
  .filter((file) => file.endsWith('.peers.test.ts') === peers)
  .filter((file) => prefixes.length === 0 || prefixes.some((prefix) => file.startsWith(prefix)))
  .sort()
if (files.length === 0) {
  console.error('no test files found')
  process.exit(1)
}
/** Scenarios start processes of their own, so they run one after the other. */
function runTests(what: string, concurrency: number, list: readonly string[]): void {
  if (list.length === 0) return
  const options = ['--test', `--test-concurrency=${concurrency}`, '--test-reporter=spec']
  run(what, process.execPath, [...options, ...list.map((file) => join(root, file))])
}
runTests(
  'scenarios',
  1,
  files.filter((file) => file.startsWith('e2e')),
)
runTests(
  'tests',
  2,
  files.filter((file) => !file.startsWith('e2e')),
)

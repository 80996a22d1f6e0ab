// The runner of scenarios: a line for each, whatever way it fails, and an exit code that tells.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'

const RUNNER = fileURLToPath(new URL('../e2e/main.ts', import.meta.url))
const HEAD = `import assert from 'node:assert/strict'\nimport { before, describe, it } from 'node:test'\n`

let folder = ''
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'siegel-runner-'))
  const files = {
    good: `describe('preset one', () => { it('S1 works', () => {}); it('S2 works', () => {}) })`,
    bad: `describe('preset one', () => { it('S1 works', () => {}); it('S2 does not', () => assert.equal('seen', 'wanted')) })`,
    hook: `describe('preset two', () => { before(() => { throw new Error('no stage') }); it('S3 cannot', () => {}) })`,
    none: ``,
    broken: `throw new Error('does not load')`,
    'foreign.peers': `describe('peers', () => { it('is not for here', () => {}) })`,
  }
  for (const [name, text] of Object.entries(files))
    writeFileSync(join(folder, `${name}.test.ts`), `${HEAD}${text}\n`)
})
after(() => {
  rmSync(folder, { recursive: true })
})

function run(...args: string[]): { status: number | null; lines: string[]; err: string } {
  const environment = { ...process.env }
  // Else the runner would take itself for a part of this test.
  delete environment['NODE_TEST_CONTEXT']
  const { status, stdout, stderr } = spawnSync(process.execPath, [RUNNER, '--folder', folder, ...args], {
    encoding: 'utf8',
    env: environment,
  })
  return { status, lines: stdout.trimEnd().split('\n'), err: stderr }
}

test('each scenario that passes has one line with place, name and seconds', () => {
  const { status, lines } = run('--only', 'good')
  assert.equal(status, 0)
  assert.match(lines[0] ?? '', /^passed {2}preset one {2}S1 works +\d+\.\d s$/)
  assert.match(lines[1] ?? '', /^passed {2}preset one {2}S2 works +\d+\.\d s$/)
  assert.deepEqual(lines.slice(2), ['2 passed, 0 failed'])
})

test('a scenario that fails has one line too, its cause beside it, and the exit code is 1', () => {
  const { status, lines, err } = run('--only', 'bad,good')
  assert.equal(status, 1)
  assert.match(lines[1] ?? '', /^FAILED {2}preset one {2}S2 does not +\d+\.\d s$/)
  assert.equal(lines.at(-1), '3 passed, 1 failed')
  assert.match(err, /seen[^]*wanted/)
})

test('a stage that does not open fails, and so does a file without scenarios or one that is not there', () => {
  const hook = run('--only', 'hook')
  assert.equal(hook.status, 1)
  assert.match(hook.lines.join('\n'), /^FAILED {2}preset two {2}S3 cannot/m)
  assert.match(hook.err, /no stage/)
  assert.equal(run('--only', 'none').status, 1)
  const broken = run('--only', 'good,broken')
  assert.deepEqual([broken.status, broken.lines.at(-1)], [1, '2 passed, 1 failed'])
  assert.match(broken.lines.join('\n'), /^FAILED .*broken/m)
  const { status, err } = run('--only', 'nothing')
  assert.equal(status, 2)
  assert.match(err, /there is no scenario file nothing; there are bad, broken, good, hook, none/)
})

test('the list names what can be asked for', () => {
  assert.deepEqual(run('--list'), { status: 0, lines: ['bad', 'broken', 'good', 'hook', 'none'], err: '' })
})

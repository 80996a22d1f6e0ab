/**
 * The demo as its user runs it: exits with 0, and every mail is as it must be.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { fileURLToPath } from 'node:url'

function demo(environment: NodeJS.ProcessEnv) {
  const command = fileURLToPath(new URL('../siegel', import.meta.url))
  return spawnSync(command, ['demo'], { encoding: 'utf8', timeout: 180_000, env: environment })
}

it('the demo ends well and says so', () => {
  const { status, stdout, stderr } = demo(process.env)
  assert.equal(status, 0, stdout + stderr)
  assert.match(stdout, /14 of 14 mails as they must be/)
})

it('the demo ends well on a machine without openssl, and names its own judge', (test) => {
  const folder = mkdtempSync(join(tmpdir(), 'siegel-path-'))
  test.after(() => {
    rmSync(folder, { recursive: true })
  })
  for (const tool of ['sh', 'dirname', 'readlink', 'uname']) {
    const { stdout } = spawnSync('sh', ['-c', `command -v ${tool}`], { encoding: 'utf8' })
    symlinkSync(stdout.trim(), join(folder, tool))
  }
  const { status, stdout, stderr } = demo({ ...process.env, PATH: folder })
  assert.equal(status, 0, stdout + stderr)
  assert.match(stdout, /The judge is built-in check \(no openssl here\)/)
  assert.match(stdout, /14 of 14 mails as they must be/)
})

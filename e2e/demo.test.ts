/**
 * The demo as its user runs it: exits with 0, and every mail is as it must be.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { it } from 'node:test'
import { fileURLToPath } from 'node:url'

it('the demo ends well and says so', () => {
  const command = fileURLToPath(new URL('../siegel', import.meta.url))
  const { status, stdout, stderr } = spawnSync(command, ['demo'], { encoding: 'utf8', timeout: 180_000 })
  assert.equal(status, 0, stdout + stderr)
  assert.match(stdout, /14 of 14 mails as they must be/)
})

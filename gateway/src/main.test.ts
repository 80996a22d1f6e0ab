// The start of the server: when something cannot be had, the process ends, says why, and leaves nothing running.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const COMMAND = fileURLToPath(new URL('../../siegel', import.meta.url))

test('a port that another program has ends the start with exit code 2 and says what to do', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'siegel-start-'))
  const other = createServer()
  try {
    other.listen(0, '127.0.0.1')
    await once(other, 'listening')
    const address = other.address()
    assert.ok(address !== null && typeof address === 'object')
    const config = join(folder, 'siegel.yaml')
    writeFileSync(join(folder, 'master.key'), randomBytes(32), { mode: 0o600 })
    writeFileSync(
      config,
      `fqdn: gw.contoso.com\ndataFolder: data\nmasterKey: file:master.key\nlisteners: [{ address: 127.0.0.1, port: ${address.port} }]\n`,
    )
    const [code, err] = await new Promise<[unknown, string]>((resolve) => {
      // Killed when it does not end by itself: then there is no exit code.
      const options = { timeout: 20_000, killSignal: 'SIGKILL' } as const
      execFile(COMMAND, ['serve', '--config', config, '--allow-root'], options, (error, _out, stderr) => {
        resolve([error?.code, stderr])
      })
    })
    assert.equal(code, 2)
    assert.equal(
      err,
      `siegel: cannot listen on 127.0.0.1 port ${address.port}: another program listens there (EADDRINUSE): end it, or name another port under listeners\n`,
    )
  } finally {
    other.close()
    rmSync(folder, { recursive: true, force: true })
  }
})

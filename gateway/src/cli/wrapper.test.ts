// The command `siegel` at the root, as a process: from any folder, through links, with the right runtime or a clear refusal.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'

const COMMAND = fileURLToPath(new URL('../../../siegel', import.meta.url))
let folder = ''

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'siegel wrapper '))
})
after(() => {
  rmSync(folder, { recursive: true })
})

function run(command: string, args: readonly string[], environment: Record<string, string> = {}) {
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd: folder,
    env: { PATH: process.env['PATH'] ?? '', ...environment },
    encoding: 'utf8',
    timeout: 20_000,
  })
  return { status, stdout, stderr }
}

/** A copy of the command alone, beside what stands in for runtimes: each prints its name and its arguments. */
function installation(name: string): {
  readonly command: string
  readonly runtime: (path: string, version: string) => void
} {
  const root = join(folder, name)
  mkdirSync(root)
  const command = join(root, 'siegel')
  copyFileSync(COMMAND, command)
  return {
    command,
    runtime: (path, version) => {
      const file = join(root, path)
      mkdirSync(join(file, '..'), { recursive: true })
      writeFileSync(
        file,
        `#!/bin/sh\nif [ "$1" = --version ]; then echo ${version}; else echo "${path}" "$@"; fi\n`,
      )
      chmodSync(file, 0o755)
    },
  }
}

test('it runs from another folder and through links, relative and absolute', () => {
  mkdirSync(join(folder, 'bin'))
  symlinkSync(COMMAND, join(folder, 'bin', 'absolute'))
  symlinkSync('absolute', join(folder, 'bin', 'relative'))
  for (const command of [COMMAND, join(folder, 'bin', 'absolute'), './bin/relative']) {
    const { status, stdout, stderr } = run(command, ['--version'])
    assert.equal(stderr, '', 'no warning of the runtime either')
    assert.match(stdout, /^[0-9]+\.[0-9]+\.[0-9]+\n$/)
    assert.equal(status, 0)
  }
})

test('exit codes and messages come through', () => {
  const { status, stdout, stderr } = run(COMMAND, ['swear'])
  assert.deepEqual({ status, stdout }, { status: 2, stdout: '' })
  assert.match(stderr, /^siegel: there is no verb "swear"/)
})

test('a reader that goes away ends the command quietly', () => {
  const { status, stderr } = run('/bin/sh', [
    '-c',
    `"${COMMAND}" help | head -n 1 >/dev/null; "${COMMAND}" help | true`,
  ])
  assert.deepEqual({ status, stderr }, { status: 0, stderr: '' })
})

test('the pinned runtime is preferred, then a new enough one of the system; arguments are passed as they are', () => {
  const { command, runtime } = installation('two runtimes')
  const path = `${join(command, '..', 'system')}:/usr/bin:/bin`
  runtime('system/node', 'v24.15.0')
  const system = run(command, ['mime', 'a b', ''], { PATH: path })
  assert.match(system.stdout, /^system\/node .*gateway\/src\/cli\/run\.ts mime a b \n$/)
  for (const architecture of ['x64', 'arm64'])
    runtime(`node_modules/node-linux-${architecture}/bin/node`, 'v26.10.0')
  assert.match(
    run(command, ['export'], { PATH: path }).stdout,
    /^node_modules\/node-linux-.*\/run\.ts export\n$/,
  )
})

test('the demo is another program, its help is not', () => {
  const { command, runtime } = installation('demo')
  runtime('system/node', 'v25.0.0')
  const path = `${join(command, '..', 'system')}:/usr/bin:/bin`
  assert.match(run(command, ['demo', '--keep'], { PATH: path }).stdout, /\/e2e\/demo\/main\.ts --keep\n$/)
  assert.match(run(command, ['demo', '--help'], { PATH: path }).stdout, /\/run\.ts demo --help\n$/)
})

test('without a runtime that is new enough it refuses with exit code 2', () => {
  const { command, runtime } = installation('old runtime')
  const path = `${join(command, '..', 'system')}:/usr/bin:/bin`
  for (const version of ['v24.14.9', 'v20.19.2', 'rubbish', '']) {
    runtime('system/node', version)
    const { status, stderr } = run(command, ['help'], { PATH: path })
    assert.equal(status, 2, version)
    assert.match(
      stderr,
      /^siegel: no usable runtime\. Run 'npm ci' in .*, or install Node 24\.15 or later\.\n$/,
    )
  }
})

/** Tests of where results are written: a file is replaced whole, a pipe behind a link is written to and stays a link. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { lstatSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { waitingFolder } from './files.ts'

const FILES = fileURLToPath(new URL('files.ts', import.meta.url))

test('a link to standard output that is a pipe is written through, and not replaced', (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'siegel-files-'))
  context.after(() => {
    rmSync(folder, { recursive: true })
  })
  const link = join(folder, 'stdout')
  symlinkSync('/proc/self/fd/1', link)
  const script = `
    const { writeFrom } = await import(process.argv[1])
    const { sourceOf } = await import('@siegel/engine')
    await writeFrom(process.argv[2], sourceOf(Buffer.from('result')))`
  // Through a shell, because what Node gives a child as standard output is a socket and no pipe.
  const out = execFileSync(
    'sh',
    ['-c', '"$0" --input-type=module -e "$1" "$2" "$3" | cat', process.execPath, script, FILES, link],
    { encoding: 'utf8', cwd: fileURLToPath(new URL('.', import.meta.url)) },
  )
  assert.equal(out, 'result')
  assert.ok(lstatSync(link).isSymbolicLink())
})

test('what waits lies beside a file, and in the system folder for anything else', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'siegel-files-'))
  context.after(() => {
    rmSync(folder, { recursive: true })
  })
  writeFileSync(join(folder, 'there'), '')
  assert.equal(await waitingFolder(join(folder, 'there')), folder)
  assert.equal(await waitingFolder(join(folder, 'new')), folder)
  for (const path of [undefined, '-', '/dev/null']) assert.equal(await waitingFolder(path), tmpdir())
  await assert.rejects(waitingFolder(join(folder, 'no-folder', 'new')), /cannot write .*new: ENOENT/)
})

// References to values kept elsewhere: read with a cap, clear when they lead nowhere.
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { ReferenceFailure, readReference, referencedText } from './references.ts'

let folder = ''
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'siegel-references-'))
})
after(() => rm(folder, { recursive: true }))

async function failure(scheme: 'file' | 'env' | 'sealed', target: string, environment = {}): Promise<string> {
  try {
    await readReference({ scheme, target }, { folder, environment })
  } catch (error) {
    assert.ok(error instanceof ReferenceFailure)
    return `${error.code}: ${error.message}`
  }
  return assert.fail('was read')
}

test('files are found relative to the folder and absolutely', async () => {
  await writeFile(join(folder, 'a.txt'), 'value\n')
  for (const target of ['a.txt', './a.txt', join(folder, 'a.txt')]) {
    const bytes = await readReference({ scheme: 'file', target }, { folder, environment: {} })
    assert.equal(bytes.toString(), 'value\n')
  }
})

test('what cannot be read is told with its cause', async () => {
  assert.match(await failure('file', 'none'), /^reference-unreadable: cannot read .*none: ENOENT$/)
  assert.match(await failure('file', '.'), /^reference-unreadable: cannot read .*: EISDIR$/)
  assert.match(await failure('env', 'NONE'), /^reference-unset: /)
  assert.match(await failure('env', 'EMPTY', { EMPTY: '' }), /^reference-unset: /)
  assert.match(await failure('sealed', 'AAAA'), /^reference-not-allowed: /)
})

test('a value of 1 MiB is read, one octet more is refused, and an endless file too', async () => {
  await writeFile(join(folder, 'most'), Buffer.alloc(1024 * 1024, 'a'))
  await writeFile(join(folder, 'more'), Buffer.alloc(1024 * 1024 + 1, 'a'))
  const bytes = await readReference({ scheme: 'file', target: 'most' }, { folder, environment: {} })
  assert.equal(bytes.length, 1024 * 1024)
  assert.match(await failure('file', 'more'), /^reference-too-large: /)
  assert.match(await failure('file', '/dev/zero'), /^reference-too-large: /)
  assert.match(await failure('env', 'BIG', { BIG: 'a'.repeat(1024 * 1024 + 1) }), /^reference-too-large: /)
})

test('DER becomes base64, text loses the last line end, a text secret that begins with 0 stays text', () => {
  const der = Buffer.from('3003020101', 'hex')
  for (const material of ['certificate', 'private-key', 'pkcs12'] as const)
    assert.equal(referencedText(material, der), der.toString('base64'))
  assert.equal(referencedText('certificate', Buffer.from('-----BEGIN\n')), '-----BEGIN')
  assert.equal(referencedText('secret', Buffer.from('0123\r\n')), '0123')
  assert.equal(referencedText('password', Buffer.from(' a \n\n')), ' a \n')
  assert.throws(() => referencedText('secret', Buffer.from([0xff, 0xfe])), /not UTF-8/)
})

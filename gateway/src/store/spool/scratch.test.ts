import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { StorageError } from '../../observe/failures.ts'
import { ScratchFolder } from './scratch.ts'

const folder = mkdtempSync(join(tmpdir(), 'siegel-scratch-'))
after(() => {
  rmSync(folder, { recursive: true, force: true })
})

async function joined(chunks: AsyncIterable<Buffer>): Promise<Buffer> {
  const pieces: Buffer[] = []
  for await (const chunk of chunks) pieces.push(Buffer.from(chunk))
  return Buffer.concat(pieces)
}

/** The bytes of every file without a name that this process has open in the folder. */
function namelessFiles(): Buffer[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith(folder)
        ? [readFileSync(`/proc/self/fd/${fd}`)]
        : []
    } catch {
      // The listing's own descriptor is gone by now.
      return []
    }
  })
}

describe('ScratchFolder', () => {
  for (const length of [0, 1, 65_535, 65_536, 65_537, 700_000])
    it(`gives back ${length} octets, whole and by range`, async () => {
      const bytes = randomBytes(length)
      const scratch = await new ScratchFolder(folder).create()
      for (let at = 0; at < length; at += 50_001) await scratch.write(bytes.subarray(at, at + 50_001))
      const source = await scratch.finish()
      assert.equal(source.length, length)
      assert.ok((await joined(source.chunks())).equals(bytes))
      for (const [start, end] of [
        [0, 10],
        [65_530, 65_540],
        [length >> 1, length + 5],
        [length, length],
      ] as const)
        assert.ok((await joined(source.chunks(start, end))).equals(bytes.subarray(start, end)))
      await scratch.discard()
    })

  it('leaves no name in the folder and no plaintext in the file', async () => {
    const secret = 'The plaintext of a mail. '
    const scratch = await new ScratchFolder(folder).create()
    await scratch.write(Buffer.from(secret.repeat(40_000)))
    await scratch.finish()
    assert.deepEqual(readdirSync(folder), [])
    const files = namelessFiles()
    assert.equal(files.length, 1)
    assert.ok((files[0]?.length ?? 0) > 900_000)
    assert.ok(files.every((bytes) => !bytes.includes(secret)))
    await scratch.discard()
    assert.deepEqual(namelessFiles(), [])
  })

  it('is gone when it was discarded', async () => {
    const scratch = await new ScratchFolder(folder).create()
    await scratch.write(Buffer.alloc(100_000))
    const source = await scratch.finish()
    await scratch.discard()
    await scratch.discard()
    await assert.rejects(joined(source.chunks()), StorageError)
  })

  it('fails with a StorageError where there is no folder', async () => {
    await assert.rejects(new ScratchFolder(join(folder, 'nowhere')).create(), StorageError)
  })
})

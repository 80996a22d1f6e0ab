/**
 * The replay itself: what a power cut leaves is what was synced, and nothing else. Logs are written here by hand.
 */
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { Platter, readLog } from './replay.ts'

function record(kind: string, a: number, b: number, path = '', data = ''): Buffer {
  const head = Buffer.alloc(40)
  head.write(kind, 0, 'latin1')
  head.writeBigUInt64LE(BigInt(a), 16)
  head.writeBigUInt64LE(BigInt(b), 24)
  head.writeUInt32LE(Buffer.byteLength(path), 32)
  head.writeUInt32LE(Buffer.byteLength(data), 36)
  return Buffer.concat([head, Buffer.from(path), Buffer.from(data)])
}

/** What is left of the files after a cut behind the last record. */
function cut(records: readonly Buffer[], names: readonly string[]): (string | null)[] {
  const folder = mkdtempSync(join(tmpdir(), 'siegel-replay-'))
  try {
    writeFileSync(join(folder, 'log'), Buffer.concat(records))
    const platter = new Platter(1n)
    for (const entry of readLog(join(folder, 'log'))) platter.take(entry)
    platter.write(join(folder, 'after'), 'strict', () => 0)
    return names.map((name) => {
      const path = join(folder, 'after', name)
      return existsSync(path) ? readFileSync(path, 'utf8') : null
    })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const WRITTEN = [record('C', 5, 0, 'f'), record('W', 5, 0, '', 'abc')]
const FILE_SYNCED = [record('S', 5, 1), record('E', 5, 1)]
const FOLDER_SYNCED = [record('S', 1, 2), record('E', 1, 2)]

describe('replay of a power cut', () => {
  it('keeps a file only when its data and its entry were synced', () => {
    assert.deepEqual(cut([...WRITTEN], ['f']), [null])
    assert.deepEqual(cut([...WRITTEN, ...FILE_SYNCED], ['f']), [null])
    assert.deepEqual(cut([...WRITTEN, ...FOLDER_SYNCED], ['f']), [''])
    assert.deepEqual(cut([...WRITTEN, ...FILE_SYNCED, ...FOLDER_SYNCED], ['f']), ['abc'])
  })

  it('covers what was written before a sync began, not what came while it ran', () => {
    const during = [record('S', 5, 1), record('W', 5, 3, '', 'def'), record('E', 5, 1)]
    assert.deepEqual(cut([...WRITTEN, ...during, ...FOLDER_SYNCED], ['f']), ['abc'])
  })

  it('brings a removed file back when the removal was not synced', () => {
    const removed = [...WRITTEN, ...FILE_SYNCED, ...FOLDER_SYNCED, record('U', 0, 0, 'f')]
    assert.deepEqual(cut(removed, ['f']), ['abc'])
    assert.deepEqual(cut([...removed, record('S', 1, 3), record('E', 1, 3)], ['f']), [null])
  })

  it('moves a file with its rename, once the folder was synced', () => {
    const renamed = [...WRITTEN, ...FILE_SYNCED, ...FOLDER_SYNCED, record('R', 0, 0, 'f\0g')]
    assert.deepEqual(cut(renamed, ['f', 'g']), ['abc', null])
    assert.deepEqual(cut([...renamed, record('S', 1, 3), record('E', 1, 3)], ['f', 'g']), [null, 'abc'])
  })
})

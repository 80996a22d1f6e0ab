// The database thread: transactions share commits, fail alone, keep their order, and wait for other processes.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, it } from 'node:test'
import type { PreparedMigration } from '../migrations/migration.ts'
import { StorageError } from '../../observe/failures.ts'
import { commitsIn } from '../testing/fixture.ts'
import type { Step } from './messages.ts'
import { SqliteThread, Unmet } from './sqlite-thread.ts'

const TABLES: PreparedMigration = {
  number: 1,
  name: 'test',
  checksum: 'x',
  statements: [
    'create table parent (id integer primary key) strict',
    'create table item (id integer primary key, parent integer references parent (id), text text) strict',
  ],
}

const add = (id: number, text = ''): Step => ({
  sql: 'insert into item (id, text) values (?, ?)',
  parameters: [id, text],
})
const all: Step = { sql: 'select id from item order by rowid', parameters: [], query: 'rows' }

describe('database thread', () => {
  let folder: string
  let path: string
  let thread: SqliteThread

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'siegel-sqlite-'))
    path = join(folder, 'db')
    thread = new SqliteThread({ path, mode: 'write', migrations: [TABLES], busyTimeout: 5000 })
    await thread.opened()
  })
  afterEach(async () => {
    await thread.close()
    rmSync(folder, { recursive: true })
  })

  const ids = async () => (await thread.run([all]))[0]?.map((row) => row['id'])

  it('writes with what makes a commit survive a power cut', async () => {
    const pragma = async (name: string) =>
      (await thread.run([{ sql: `pragma ${name}`, parameters: [], query: 'rows' }]))[0]?.[0]?.[name]
    assert.deepEqual(
      [await pragma('journal_mode'), await pragma('synchronous'), await pragma('foreign_keys'), await pragma('temp_store')], // prettier-ignore
      ['wal', 2, 1, 2],
    )
  })

  it('runs what comes together in one commit, in order', async () => {
    await thread.run([add(0)])
    const before = commitsIn(`${path}-wal`)
    await Promise.all(Array.from({ length: 50 }, (_, i) => thread.run([add(100 - i)])))
    assert.equal(commitsIn(`${path}-wal`) - before, 1)
    assert.deepEqual(await ids(), [0, ...Array.from({ length: 50 }, (_, i) => 51 + i)])
  })

  it('runs what comes while one commit is under way in the next', async () => {
    await thread.run([add(0)])
    const before = commitsIn(`${path}-wal`)
    const first = thread.run([add(1)])
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
    await Promise.all([first, ...Array.from({ length: 30 }, (_, i) => thread.run([add(10 + i)]))])
    assert.ok(commitsIn(`${path}-wal`) - before <= 3)
  })

  it('undoes a failed transaction alone, and all of it', async () => {
    const missing: Step = { sql: 'delete from item where id = ?', parameters: [99], expect: 'there' }
    const results = await Promise.allSettled([
      thread.run([add(1), { ...all }]),
      thread.run([add(2), missing]),
      thread.run([add(3), add(1)]),
      thread.run([add(4), { sql: 'insert into item values (5, 77, null)', parameters: [] }]),
      thread.run([add(6), { sql: 'nonsense', parameters: [] }]),
      thread.run([add(7), { ...all, query: 'test', expect: 'some' }]),
    ])
    const errors = results.map((result): unknown => (result.status === 'rejected' ? result.reason : null))
    assert.ok(errors[1] instanceof Unmet)
    assert.equal(errors[1].expectation, 'there')
    for (const index of [2, 3, 4]) assert.ok(errors[index] instanceof StorageError, String(index))
    assert.deepEqual([errors[0], errors[5]], [null, null])
    assert.deepEqual(await ids(), [1, 7])
  })

  it('waits for another process that writes', async () => {
    const other = new DatabaseSync(path)
    other.exec('begin immediate; insert into item values (1, null, null)')
    const waiting = thread.run([add(2)])
    await new Promise((resolve) => setTimeout(resolve, 100))
    other.exec('commit')
    other.close()
    await waiting
    assert.deepEqual(await ids(), [1, 2])
  })

  it('gives up as a temporary failure when another process holds the database', async () => {
    const impatient = new SqliteThread({ path, mode: 'write', migrations: [TABLES], busyTimeout: 50 })
    await impatient.opened()
    const other = new DatabaseSync(path)
    other.exec('begin immediate')
    await assert.rejects(impatient.run([add(1)]), StorageError)
    other.close()
    await impatient.run([add(1)])
    await impatient.close()
  })

  it('says that the disk is full, and goes on when it is not any more', async () => {
    await thread.run([{ sql: 'pragma max_page_count = 20', parameters: [], query: 'rows' }])
    const big = thread.run([add(1, 'x'.repeat(200_000))])
    await assert.rejects(big, (error) => error instanceof StorageError && error.kind === 'full')
    await thread.run([add(2)])
    assert.deepEqual(await ids(), [2])
  })

  it('finishes what is under way when it is closed, and takes nothing after', async () => {
    const running = Array.from({ length: 5 }, (_, i) => thread.run([add(i)]))
    await thread.close()
    await Promise.all(running)
    await assert.rejects(thread.run([add(9)]), StorageError)
    await thread.close()
  })

  it('a reading thread cannot write', async () => {
    await thread.run([add(1)])
    const reader = new SqliteThread({ path, mode: 'read', migrations: [], busyTimeout: 1000 })
    assert.deepEqual((await reader.run([all]))[0], [{ id: 1 }])
    await assert.rejects(reader.run([add(2)]), StorageError)
    await reader.close()
  })

  it('rejects everything when the database cannot be opened', async () => {
    const lost = new SqliteThread({
      path: join(folder, 'no', 'db'),
      mode: 'write',
      migrations: [],
      busyTimeout: 1,
    })
    await assert.rejects(lost.opened(), StorageError)
    await assert.rejects(lost.run([add(1)]), StorageError)
    await lost.close()
  })
})

// Migrations: applied once and in order, all or nothing, and refused where the database is not ours to change.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { after, describe, it } from 'node:test'
import { MIGRATIONS, SQLITE_TYPES, prepareMigrations } from '../migrations/list.ts'
import { openWriter } from './connection.ts'
import { SchemaRefused, migrate } from './migrate.ts'

describe('migrations', () => {
  const folder = mkdtempSync(join(tmpdir(), 'siegel-migrate-'))
  after(() => {
    rmSync(folder, { recursive: true })
  })
  const first = prepareMigrations(SQLITE_TYPES)
  const LAST = first.at(-1)?.number ?? 0
  const extra = (statements: string[], number = LAST + 1) => ({ number, name: 'extra', checksum: 'c', statements }) // prettier-ignore
  const applied = (database: DatabaseSync) =>
    database
      .prepare('select number from schema_migration order by number')
      .all()
      .map((row) => row['number'])
  let files = 0
  const open = () => openWriter(join(folder, String((files += 1))), 100)

  it('are numbered in their order, each number once', () => {
    const numbers = MIGRATIONS.map(({ number }) => number)
    assert.deepEqual(numbers, [...new Set(numbers)].sort((a, b) => a - b)) // prettier-ignore
  })

  it('put the tenant first in the key of every table that has one', () => {
    const database = open()
    migrate(database, first, 100)
    const tables = database.prepare("select name from sqlite_schema where type = 'table'").all()
    for (const { name } of tables) {
      const columns = database.prepare(`pragma table_info(${String(name)})`).all()
      const key = columns.find((column) => column['pk'] === 1)
      const ofTenant = columns.some((column) => column['name'] === 'tenant_id') && name !== 'audit_log'
      if (ofTenant) assert.equal(key?.['name'], 'tenant_id', String(name))
    }
    database.close()
  })

  it('are applied once, later ones on top', () => {
    const database = open()
    assert.equal(migrate(database, first, 100), first.length)
    assert.equal(migrate(database, first, 100), 0)
    assert.equal(migrate(database, [...first, extra(['create table more (id integer) strict'])], 100), 1)
    assert.deepEqual(applied(database), [...first.map(({ number }) => number), LAST + 1])
    database.close()
  })

  it('are refused when the database is newer or was made by another text', () => {
    const database = open()
    migrate(database, [...first, extra([])], 100)
    assert.throws(
      () => migrate(database, first, 100),
      (error) => error instanceof SchemaRefused && error.refusal === 'schema-newer',
    )
    assert.throws(
      () => migrate(database, [...first, { ...extra([]), checksum: 'd' }], 100),
      (error) => error instanceof SchemaRefused && error.refusal === 'schema-altered',
    )
    database.close()
  })

  it('leave nothing behind when one fails', () => {
    const database = open()
    migrate(database, first, 100)
    const broken = extra(['create table more (id integer) strict', 'nonsense'])
    assert.throws(() => migrate(database, [...first, broken], 100))
    assert.deepEqual(
      applied(database),
      first.map(({ number }) => number),
    )
    assert.equal(database.prepare("select 1 from sqlite_schema where name = 'more'").get(), undefined)
    database.close()
  })
})

/**
 * Brings a SQLite database up to date, under its write lock: of several processes that start at once one migrates and the
 * others find it done. All or nothing. Refuses a database that a newer release wrote, and one whose migrations differ.
 */
import type { DatabaseSync } from 'node:sqlite'
import type { PreparedMigration } from '../migrations/migration.ts'
import { beginImmediate } from './batch.ts'
import { StatementCache } from './statement-cache.ts'

/** The database does not fit this release. */
export class SchemaRefused extends Error {
  override readonly name = 'SchemaRefused'
  readonly refusal: 'schema-newer' | 'schema-altered'

  /**
   * @param refusal - stable code
   * @param message - for the operator
   */
  constructor(refusal: 'schema-newer' | 'schema-altered', message: string) {
    super(message)
    this.refusal = refusal
  }
}

/**
 * Applies what is missing.
 * @returns how many migrations were applied
 * @throws SchemaRefused
 */
export function migrate(
  database: DatabaseSync,
  migrations: readonly PreparedMigration[],
  busyTimeout: number,
): number {
  const statements = new StatementCache(database)
  beginImmediate(database, statements, busyTimeout)
  try {
    database.exec(`create table if not exists schema_migration (
      number integer not null primary key, name text not null, checksum text not null, applied_at integer not null
    ) strict`)
    const applied = new Map(
      statements
        .all('select number, checksum from schema_migration', [])
        .map((row) => [row['number'], row['checksum']]),
    )
    for (const number of applied.keys())
      if (!migrations.some((known) => known.number === number))
        throw new SchemaRefused(
          'schema-newer',
          `the database has migration ${String(number)}, which this release does not know; use the newer release`,
        )
    let count = 0
    for (const { number, name, checksum, statements: list } of migrations) {
      const recorded = applied.get(number)
      if (recorded !== undefined && recorded !== checksum)
        throw new SchemaRefused('schema-altered', `migration ${number} of the database is not this release's`)
      if (recorded !== undefined) continue
      for (const sql of list) database.exec(sql)
      statements.run('insert into schema_migration values (?, ?, ?, ?)', [number, name, checksum, Date.now()])
      count += 1
    }
    database.exec('commit')
    return count
  } catch (error) {
    if (database.isTransaction) database.exec('rollback')
    throw error
  }
}

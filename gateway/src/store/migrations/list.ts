/**
 * The list of all migrations, and how they become statements for one database. The checksum of what was applied is
 * recorded, so that a migration that was edited after its release is noticed. Runs nothing.
 */
import { createHash } from 'node:crypto'
import { first } from './0001-first.ts'
import { tlsIdentities } from './0002-tls-identities.ts'
import { stsPolicies } from './0003-sts-policies.ts'
import { tlsReports } from './0004-tls-reports.ts'
import { keyring } from './0005-keyring.ts'
import { harvest } from './0006-harvest.ts'
import { revocationSources } from './0007-revocation-sources.ts'
import { partnerCapabilities } from './0008-partner-capabilities.ts'
import { directory } from './0009-directory.ts'
import type { ColumnTypes, Migration, PreparedMigration } from './migration.ts'

/** All migrations in order. */
export const MIGRATIONS: readonly Migration[] = [
  first,
  tlsIdentities,
  stsPolicies,
  tlsReports,
  keyring,
  harvest,
  revocationSources,
  partnerCapabilities,
  directory,
]

/** The column types of SQLite. */
export const SQLITE_TYPES: ColumnTypes = {
  integer: 'integer',
  blob: 'blob',
  table: 'strict',
  clustered: 'strict, without rowid',
}

/** Writes migrations out for one database. */
export function prepareMigrations(
  types: ColumnTypes,
  migrations: readonly Migration[] = MIGRATIONS,
): PreparedMigration[] {
  return migrations.map(({ number, name, statements }) => {
    const list = statements(types)
    return {
      number,
      name,
      statements: list,
      checksum: createHash('sha256').update(JSON.stringify(list)).digest('hex'),
    }
  })
}

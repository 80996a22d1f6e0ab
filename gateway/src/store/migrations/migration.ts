/**
 * What a migration is. Migrations are numbered from 1 without gaps and append-only; the list of them is in list.ts.
 */

/** The words that differ between databases. */
export interface ColumnTypes {
  /** A signed 64-bit integer. */
  readonly integer: string
  readonly blob: string
  /** What stands behind the columns of a table. */
  readonly table: string
  /** The same for a table whose rows are best kept in the order of its primary key. */
  readonly clustered: string
}

/** One step of the schema. */
export interface Migration {
  readonly number: number
  readonly name: string
  readonly statements: (types: ColumnTypes) => readonly string[]
}

/** A migration as one database gets it. */
export interface PreparedMigration {
  readonly number: number
  readonly name: string
  /** SHA-256 over the statements, lower-case hex. */
  readonly checksum: string
  readonly statements: readonly string[]
}

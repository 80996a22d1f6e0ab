/**
 * What the main thread and a database thread say to each other. Data only. Statements travel as an index into the texts
 * of the batch, so that a statement that fifty transactions share is sent once.
 */
import type { PreparedMigration } from '../migrations/migration.ts'

/** A value as SQLite takes and gives it. */
export type SqlValue = null | number | bigint | string | Uint8Array

/** A row by column name. */
export type SqlRow = Record<string, SqlValue>

/** One statement of a transaction. */
export interface Step {
  readonly sql: string
  readonly parameters: readonly SqlValue[]
  /** The statement is a query: `rows` gives its rows back, `test` only asks whether there are any. */
  readonly query?: 'rows' | 'test'
  /** The transaction fails with this word when the statement changes (or, as a query, finds) no row. */
  readonly expect?: string
}

/** A step on its way: index of the text, parameters, what kind of query it is (null: none), the word of failure. */
export type WireStep = readonly [number, readonly SqlValue[], 'rows' | 'test' | null, string | null]

/** What went wrong in a transaction or a batch. */
export interface Failure {
  /** The word of the step whose expectation was not met; null for an error of the database. */
  readonly expectation: string | null
  /** SQLite's extended result code; null when it is none of SQLite's errors. */
  readonly code: number | null
  readonly message: string
}

/** What became of one transaction: the rows of each step with `rows`, or why it failed. */
export type ProgramResult = readonly SqlRow[][] | { readonly failure: Failure }

/** How a database thread is started. */
export interface ThreadData {
  readonly path: string
  readonly mode: 'write' | 'read'
  /** Only for mode `write`: brought up to date before anything else. */
  readonly migrations: readonly PreparedMigration[]
  /** Milliseconds to wait for another process that writes. */
  readonly busyTimeout: number
}

/** To the thread: transactions to be run, in one commit if the thread writes. */
export interface Batch {
  readonly texts: readonly string[]
  readonly programs: readonly (readonly WireStep[])[]
}

/** From the thread. */
export type ThreadReply =
  | { readonly kind: 'ready' }
  | {
      readonly kind: 'refused'
      readonly refusal: 'schema-newer' | 'schema-altered' | null
      readonly message: string
    }
  /** `results` is null when every transaction is done and none wanted rows. */
  | { readonly kind: 'done'; readonly results: readonly ProgramResult[] | null }
  | { readonly kind: 'closed' }

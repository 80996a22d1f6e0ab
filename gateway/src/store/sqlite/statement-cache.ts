/**
 * Prepared statements of one connection, kept by their text: the hot ones are prepared once. Runs what it is given and
 * knows nothing of transactions.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { SqlRow, SqlValue } from './messages.ts'

/** Statements kept at most; the least recently prepared goes first. */
const KEPT = 256

/** A connection's statements. */
export class StatementCache {
  readonly #database: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()

  /** @param database - the connection they belong to */
  constructor(database: DatabaseSync) {
    this.#database = database
  }

  /** All rows. */
  all(sql: string, parameters: readonly SqlValue[]): SqlRow[] {
    return this.#get(sql).all(...parameters)
  }

  /** The first row; undefined when there is none. */
  get(sql: string, parameters: readonly SqlValue[]): SqlRow | undefined {
    return this.#get(sql).get(...parameters)
  }

  /** Runs a statement and returns how many rows it changed. */
  run(sql: string, parameters: readonly SqlValue[]): number {
    return Number(this.#get(sql).run(...parameters).changes)
  }

  #get(sql: string): StatementSync {
    const known = this.#statements.get(sql)
    if (known !== undefined) return known
    if (this.#statements.size >= KEPT) {
      const [oldest] = this.#statements.keys()
      if (oldest !== undefined) this.#statements.delete(oldest)
    }
    const made = this.#database.prepare(sql)
    this.#statements.set(sql, made)
    return made
  }
}

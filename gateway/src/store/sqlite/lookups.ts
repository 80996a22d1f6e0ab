/**
 * Reads by key, on the calling thread: 10 to 20 microseconds each, less than asking another thread costs. Never for lists
 * that grow, and never for changes: the connection cannot write.
 */
import type { DatabaseSync } from 'node:sqlite'
import { StorageError } from '../../observe/failures.ts'
import { openReader } from './connection.ts'
import type { SqlRow, SqlValue } from './messages.ts'
import { StatementCache } from './statement-cache.ts'

/** A statement with its values. */
interface Bound {
  readonly sql: string
  readonly parameters: readonly SqlValue[]
}

/** The reading connection of the calling thread. Every method throws StorageError when the database cannot be read. */
export class Lookups {
  readonly #database: DatabaseSync
  readonly #statements: StatementCache

  /**
   * @param path - the database file, which exists
   * @param busyTimeout - milliseconds
   */
  constructor(path: string, busyTimeout: number) {
    this.#database = openReader(path, busyTimeout)
    this.#statements = new StatementCache(this.#database)
  }

  /** The first row; undefined when there is none. */
  get({ sql, parameters }: Bound): SqlRow | undefined {
    return this.#guard(() => this.#statements.get(sql, parameters))
  }

  /** All rows. */
  all({ sql, parameters }: Bound): SqlRow[] {
    return this.#guard(() => this.#statements.all(sql, parameters))
  }

  /** Runs several reads on one state of the database. */
  snapshot<T>(read: () => T): T {
    return this.#guard(() => {
      this.#statements.run('begin', [])
      try {
        return read()
      } finally {
        this.#statements.run('commit', [])
      }
    })
  }

  /** Closes the connection. */
  close(): void {
    this.#database.close()
  }

  #guard<T>(read: () => T): T {
    try {
      return read()
    } catch (cause) {
      if (cause instanceof Error && 'errcode' in cause)
        throw new StorageError('failed', `database: ${cause.message}`, { cause })
      throw cause
    }
  }
}

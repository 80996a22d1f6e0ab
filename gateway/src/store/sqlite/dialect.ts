/**
 * A small Kysely dialect: the main thread compiles, a reading database thread executes. Queries only: every change goes
 * through SqliteThread.run as a whole transaction, so a transaction here is a mistake and throws.
 */
import {
  DummyDriver,
  Kysely,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
} from 'kysely'
import type { Tables } from '../schema.ts'
import type { SqlValue, Step } from './messages.ts'
import type { SqliteThread } from './sqlite-thread.ts'

/** Parameters of a compiled query as SQLite takes them. */
export function sqlValues(parameters: readonly unknown[]): SqlValue[] {
  return parameters.map((value) => {
    if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint')
      return value
    // A copy, because sending a view to another thread would send the whole memory behind it.
    if (value instanceof Uint8Array) return new Uint8Array(value)
    throw new TypeError(`a parameter of type ${typeof value} cannot be stored`)
  })
}

/** Anything of Kysely that compiles to one statement. */
export interface Compilable {
  compile(): { readonly sql: string; readonly parameters: readonly unknown[] }
}

/** Compiles a query into a step of a transaction. */
export function stepOf(query: Compilable): Step {
  const { sql, parameters } = query.compile()
  return { sql, parameters: sqlValues(parameters) }
}

class ReadingConnection implements DatabaseConnection {
  readonly #thread: SqliteThread

  constructor(thread: SqliteThread) {
    this.#thread = thread
  }

  async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    const [rows] = await this.#thread.run([{ sql, parameters: sqlValues(parameters), query: 'rows' }])
    return { rows: rows as R[] } // Kysely has derived R from the query; the schema is the migrations'.
  }

  async *streamQuery(): AsyncIterableIterator<never> {
    await Promise.reject(new Error('rows are read at once, not streamed'))
  }
}

class ReadingDriver extends DummyDriver implements Driver {
  readonly #connection: ReadingConnection

  constructor(thread: SqliteThread) {
    super()
    this.#connection = new ReadingConnection(thread)
  }

  override acquireConnection(): Promise<DatabaseConnection> {
    return Promise.resolve(this.#connection)
  }

  override beginTransaction(): Promise<void> {
    return Promise.reject(new Error('changes are sent as one transaction, not step by step'))
  }
}

function dialect(createDriver: () => Driver): Dialect {
  return {
    createAdapter: () => new SqliteAdapter(),
    createDriver,
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  }
}

/** Compiles queries; executing one does nothing. */
export const compiler = new Kysely<Tables>({ dialect: dialect(() => new DummyDriver()) })

/** A Kysely whose queries are executed by a reading thread. */
export function readingKysely(thread: SqliteThread): Kysely<Tables> {
  return new Kysely<Tables>({ dialect: dialect(() => new ReadingDriver(thread)) })
}

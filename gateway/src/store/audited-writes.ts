/**
 * Transactions that end with an entry of the audit log. One at a time in this process, because each entry holds the hash of the one
 * before; tried again when another process has added one meanwhile. Knows nothing of what is written.
 */
import { StorageError } from '../observe/failures.ts'
import { auditSteps, type AuditEntry } from './audit-log.ts'
import type { Lookups } from './sqlite/lookups.ts'
import type { SqlRow, Step } from './sqlite/messages.ts'
import { Unmet, type SqliteThread } from './sqlite/sqlite-thread.ts'

/** The word of failure of a step that found something other than was read before: the whole is worked out again. */
export const MOVED = 'moved'

const MOST_ATTEMPTS = 20

/** What is to be written: worked out anew for each attempt. Null: nothing is to be done. */
export type Prepare<T> = () => {
  readonly steps: readonly Step[]
  readonly entry: Omit<AuditEntry, 'at'> | null
  readonly result: T
} | null

/** Writes with the audit log, for all tenants of a store. */
export class AuditedWrites {
  readonly #writer: SqliteThread
  readonly #lookups: Lookups
  readonly #now: () => number
  #last: Promise<unknown> = Promise.resolve()

  /** @param now - milliseconds since 1970 */
  constructor(writer: SqliteThread, lookups: Lookups, now: () => number) {
    this.#writer = writer
    this.#lookups = lookups
    this.#now = now
  }

  /**
   * Works out and writes one change.
   * @returns the result of `prepare`, null when there was nothing to do
   * @throws StorageError; Unmet for a word other than MOVED; what `prepare` throws
   */
  write<T>(prepare: Prepare<T>): Promise<T | null> {
    const written = this.#last.then(() => this.#write(prepare))
    this.#last = written.catch(() => undefined)
    return written
  }

  async #write<T>(prepare: Prepare<T>): Promise<T | null> {
    for (let attempt = 1; ; attempt += 1)
      try {
        const work = prepare()
        if (work === null) return null
        const { steps, entry, result } = work
        await this.#run(steps, entry)
        return result
      } catch (error) {
        if (!(error instanceof Unmet) || error.expectation !== MOVED) throw error
        if (attempt === MOST_ATTEMPTS)
          throw new StorageError('failed', 'others write to the audit log all the time: try again')
      }
  }

  #run(steps: readonly Step[], entry: Omit<AuditEntry, 'at'> | null): Promise<readonly SqlRow[][]> {
    const audit = entry === null ? [] : auditSteps(this.#lookups, { at: this.#now(), ...entry }, MOVED)
    return this.#writer.run([...steps, ...audit])
  }
}

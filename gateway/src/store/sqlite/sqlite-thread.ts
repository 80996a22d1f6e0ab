/**
 * The main thread's end of a database thread. Collects transactions while one batch is under way and sends them together:
 * that is the group commit. One batch at a time, so the order of transactions is the order of the calls.
 * What is lost if the thread dies: nothing that was acknowledged; everything waiting is rejected.
 */
import { Worker } from 'node:worker_threads'
import { StorageError, StoreRefused } from '../../observe/failures.ts'
import type { Batch, Failure, SqlRow, SqlValue, Step, ThreadData, ThreadReply, WireStep } from './messages.ts'

/** Transactions in one commit at most. */
const LARGEST_BATCH = 500

const SQLITE_FULL = 13

/** A transaction failed because a step's expectation was not met; nothing of it was kept. */
export class Unmet extends Error {
  override readonly name = 'Unmet'
  /** The word that the step gave. */
  readonly expectation: string

  /** @param expectation - the word that the step gave */
  constructor(expectation: string) {
    super(`not met: ${expectation}`)
    this.expectation = expectation
  }
}

interface Waiting {
  readonly steps: readonly Step[]
  readonly resolve: (rows: readonly SqlRow[][]) => void
  readonly reject: (error: Error) => void
}

const NO_ROWS: readonly SqlRow[][] = []

function errorOf(failure: Failure): Error {
  if (failure.expectation !== null) return new Unmet(failure.expectation)
  const full = failure.code !== null && (failure.code & 0xff) === SQLITE_FULL
  return new StorageError(
    full ? 'full' : 'failed',
    `database: ${failure.message} (${failure.code ?? 'no code'})`,
  )
}

/** A database thread. */
export class SqliteThread {
  readonly #worker: Worker
  readonly #opened: Promise<void>
  #waiting: Waiting[] = []
  #running: Waiting[] | null = null
  #scheduled = false
  #dead: Error | null = null
  #closed: (() => void) | null = null

  /** @param data - which database, and how it is opened */
  constructor(data: ThreadData) {
    // Compiled JavaScript has the compiled neighbour.
    const file = import.meta.url.endsWith('.ts') ? './thread.ts' : './thread.js'
    this.#worker = new Worker(new URL(file, import.meta.url), { workerData: data })
    this.#opened = new Promise((resolve, reject) => {
      this.#worker.on('message', (reply: ThreadReply) => {
        switch (reply.kind) {
          case 'ready':
            resolve()
            break
          case 'refused': {
            const { refusal, message } = reply
            const error =
              refusal === null ? new StorageError('failed', message) : new StoreRefused(refusal, message)
            this.#die(error)
            reject(error)
            break
          }
          case 'done':
            this.#settle(reply.results)
            break
          case 'closed':
            this.#closed?.()
        }
      })
      const fail = (cause?: unknown): void => {
        const error = new StorageError('failed', 'the database thread has ended', { cause })
        this.#die(error)
        reject(error)
      }
      this.#worker.on('error', fail)
      this.#worker.on('exit', () => {
        fail()
        this.#closed?.()
      })
    })
    this.#opened.catch(() => undefined) // Whoever awaits opened() hears of it.
  }

  /** Resolves when the database is open and up to date. Rejects with StoreRefused or StorageError. */
  opened(): Promise<void> {
    return this.#opened
  }

  /**
   * Runs a transaction and returns the rows of each step that wanted them.
   * Rejects with Unmet or StorageError; then nothing of it was kept (or, after a lost commit, nobody can know).
   */
  run(steps: readonly Step[]): Promise<readonly SqlRow[][]> {
    return new Promise((resolve, reject) => {
      if (this.#dead !== null) {
        reject(this.#dead)
        return
      }
      this.#waiting.push({ steps, resolve, reject })
      if (this.#running === null && !this.#scheduled) {
        this.#scheduled = true
        // Everything that this turn of the event loop brings shares the commit.
        setImmediate(() => {
          this.#scheduled = false
          this.#send()
        })
      }
    })
  }

  /** Waits for what is under way, then ends the thread. Later calls of `run` reject. */
  async close(): Promise<void> {
    await Promise.allSettled([...(this.#running ?? []), ...this.#waiting].length > 0 ? [this.run([])] : [])
    if (this.#dead === null) {
      this.#dead = new StorageError('failed', 'the store is closed')
      const closed = new Promise<void>((resolve) => {
        this.#closed = resolve
      })
      this.#worker.postMessage(null)
      await closed
    }
    await this.#worker.terminate()
  }

  #send(): void {
    if (this.#running !== null || this.#dead !== null || this.#waiting.length === 0) return
    const running = this.#waiting.splice(0, LARGEST_BATCH)
    this.#running = running
    const indices = new Map<string, number>()
    const texts: string[] = []
    const programs = running.map(({ steps }) =>
      steps.map(({ sql, parameters, query, expect }): WireStep => {
        let index = indices.get(sql)
        if (index === undefined) {
          index = texts.push(sql) - 1
          indices.set(sql, index)
        }
        return [index, parameters, query ?? null, expect ?? null]
      }),
    )
    this.#worker.postMessage({ texts, programs } satisfies Batch)
  }

  #settle(results: Extract<ThreadReply, { kind: 'done' }>['results']): void {
    const running = this.#running ?? []
    this.#running = null
    this.#send()
    running.forEach((waiting, index) => {
      const result = results === null ? NO_ROWS : results[index]
      if (result === undefined)
        waiting.reject(new StorageError('failed', 'the database thread lost a result'))
      else if ('failure' in result) waiting.reject(errorOf(result.failure))
      else waiting.resolve(result)
    })
  }

  #die(error: Error): void {
    this.#dead ??= error
    const waiting = [...(this.#running ?? []), ...this.#waiting]
    this.#running = null
    this.#waiting = []
    for (const { reject } of waiting) reject(error)
  }
}

/** A blob of a row as a Buffer over the same bytes. */
export function bufferOf(value: SqlValue | undefined): Buffer {
  if (!(value instanceof Uint8Array)) throw new StorageError('failed', 'a column holds no blob')
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
}

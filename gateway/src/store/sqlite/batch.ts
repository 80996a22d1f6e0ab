/**
 * Runs a batch of transactions on one connection. Writing: all of them in one BEGIN IMMEDIATE … COMMIT, so that they share
 * one fsync, yet each stands or falls alone. What is lost if this fails: nothing; a batch whose COMMIT did not return is
 * reported as failed in every part, and its callers answer nothing 250.
 */
import type { DatabaseSync } from 'node:sqlite'
import type { Batch, Failure, ProgramResult, SqlRow, WireStep } from './messages.ts'
import type { StatementCache } from './statement-cache.ts'

const SQLITE_BUSY = 5

/** The expectation of a step was not met. */
class Unmet extends Error {}

/** Says of an error what the main thread needs to know. */
export function failureOf(error: unknown): Failure {
  if (error instanceof Unmet) return { expectation: error.message, code: null, message: error.message }
  const code = error instanceof Error && 'errcode' in error ? error.errcode : null
  return {
    expectation: null,
    code: typeof code === 'number' ? code : null,
    message: error instanceof Error ? error.message : String(error),
  }
}

function runProgram(
  statements: StatementCache,
  texts: readonly string[],
  steps: readonly WireStep[],
): SqlRow[][] {
  const results: SqlRow[][] = []
  for (const [text, parameters, query, expect] of steps) {
    const sql = texts[text] ?? ''
    let count: number
    if (query === 'rows') count = results[results.push(statements.all(sql, parameters)) - 1]?.length ?? 0
    else if (query === 'test') count = statements.get(sql, parameters) === undefined ? 0 : 1
    else count = statements.run(sql, parameters)
    if (expect !== null && count === 0) throw new Unmet(expect)
  }
  return results
}

/**
 * Waits in short steps for the write lock: SQLite's own waiting sleeps up to 100 ms at a time, which starves a process
 * beside one that commits all the time.
 */
export function beginImmediate(database: DatabaseSync, statements: StatementCache, timeout: number): void {
  const sleeper = new Int32Array(new SharedArrayBuffer(4))
  const deadline = performance.now() + timeout
  for (let pause = 0.5; ; pause = Math.min(pause * 1.5, 8)) {
    try {
      statements.run('begin immediate', [])
      return
    } catch (error) {
      const { code } = failureOf(error)
      if (code === null || (code & 0xff) !== SQLITE_BUSY || performance.now() > deadline) throw error
      if (database.isTransaction) rollback(database)
    }
    Atomics.wait(sleeper, 0, 0, pause)
  }
}

function rollback(database: DatabaseSync): void {
  if (database.isTransaction) database.exec('rollback')
}

/** Runs the transactions of a batch in one commit. Throws when none of them was kept. */
export function runWrites(
  database: DatabaseSync,
  statements: StatementCache,
  batch: Batch,
  busyTimeout: number,
): readonly ProgramResult[] | null {
  beginImmediate(database, statements, busyTimeout)
  try {
    // The common case: no savepoints, because each of them copies every page that it touches.
    const results = batch.programs.map((steps) => runProgram(statements, batch.texts, steps))
    statements.run('commit', [])
    return results.some((rows) => rows.length > 0) ? results : null
  } catch (error) {
    rollback(database)
    if (batch.programs.length === 1) return [{ failure: failureOf(error) }]
  }
  beginImmediate(database, statements, busyTimeout)
  try {
    const results = batch.programs.map((steps) => runAlone(database, statements, batch.texts, steps))
    statements.run('commit', [])
    return results
  } catch (error) {
    rollback(database)
    throw error
  }
}

/** Runs one transaction so that its failure undoes only itself. */
function runAlone(
  database: DatabaseSync,
  statements: StatementCache,
  texts: readonly string[],
  steps: readonly WireStep[],
): ProgramResult {
  statements.run('savepoint program', [])
  try {
    const rows = runProgram(statements, texts, steps)
    statements.run('release program', [])
    return rows
  } catch (error) {
    // A full disk may have rolled everything back already; then nothing of the batch can be kept.
    if (!database.isTransaction) throw error
    database.exec('rollback to program; release program')
    return { failure: failureOf(error) }
  }
}

/** Runs read-only programs, each in a snapshot of its own. */
export function runReads(
  database: DatabaseSync,
  statements: StatementCache,
  batch: Batch,
): readonly ProgramResult[] {
  return batch.programs.map((steps) => {
    try {
      statements.run('begin', [])
      return runProgram(statements, batch.texts, steps)
    } catch (error) {
      return { failure: failureOf(error) }
    } finally {
      rollback(database)
    }
  })
}

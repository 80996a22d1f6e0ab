/**
 * The body of a database thread: opens its connection, then runs one batch after the other. It is a thread of its own
 * because a commit blocks until the disk has it. Knows no table.
 */
import type { DatabaseSync } from 'node:sqlite'
import { parentPort, workerData, type MessagePort } from 'node:worker_threads'
import { failureOf, runReads, runWrites } from './batch.ts'
import { openReader, openWriter } from './connection.ts'
import type { Batch, ThreadData, ThreadReply } from './messages.ts'
import { SchemaRefused, migrate } from './migrate.ts'
import { StatementCache } from './statement-cache.ts'

function open({ path, mode, migrations, busyTimeout }: ThreadData): DatabaseSync {
  if (mode === 'read') return openReader(path, busyTimeout)
  const database = openWriter(path, busyTimeout)
  try {
    migrate(database, migrations, busyTimeout)
    // From here on only `begin immediate` can find the database busy, and that waits by itself.
    database.exec('pragma busy_timeout = 0')
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

function start(port: MessagePort, data: ThreadData): void {
  const reply = (message: ThreadReply): void => {
    port.postMessage(message)
  }
  let database: DatabaseSync
  try {
    database = open(data)
  } catch (error) {
    const refusal = error instanceof SchemaRefused ? error.refusal : null
    reply({ kind: 'refused', refusal, message: failureOf(error).message })
    return
  }
  const statements = new StatementCache(database)
  port.on('message', (batch: Batch | null) => {
    if (batch === null) {
      database.close()
      reply({ kind: 'closed' })
      port.close()
      return
    }
    try {
      const results =
        data.mode === 'read'
          ? runReads(database, statements, batch)
          : runWrites(database, statements, batch, data.busyTimeout)
      reply({ kind: 'done', results })
    } catch (error) {
      const failure = failureOf(error)
      reply({ kind: 'done', results: batch.programs.map(() => ({ failure })) })
    }
  })
  reply({ kind: 'ready' })
}

if (parentPort !== null) start(parentPort, workerData as ThreadData) // Only SqliteThread starts this file.

/**
 * The lock of the one server on a data folder. It is SQLite's own lock on a file of its own, so the system takes it back
 * when the process dies, however it dies. Command line verbs do not take it.
 */
import { DatabaseSync } from 'node:sqlite'
import { join } from 'node:path'
import { StoreRefused } from '../observe/failures.ts'

/** A lock that is held. */
export interface ServerLock {
  release(): void
}

/**
 * Takes the lock.
 * @throws StoreRefused `server-running` when another server holds it
 */
export function takeServerLock(dataFolder: string): ServerLock {
  const database = new DatabaseSync(join(dataFolder, 'server.lock'), { timeout: 0 })
  try {
    database.exec('pragma locking_mode = exclusive; begin exclusive')
  } catch (cause) {
    database.close()
    throw new StoreRefused('server-running', `another server runs on ${dataFolder}`, { cause })
  }
  return {
    release: () => {
      database.close()
    },
  }
}

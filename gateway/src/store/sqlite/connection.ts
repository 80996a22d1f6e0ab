/**
 * Opens one SQLite connection with the settings that the promises of the store need. Nothing else opens one.
 */
import { DatabaseSync } from 'node:sqlite'

/** Pages in the WAL before they are written back: enough to write a page that changes often only once. */
const CHECKPOINT_PAGES = 4000

/** Opens a database for writing: a commit that returned survives a power cut. */
export function openWriter(path: string, busyTimeout: number): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: busyTimeout })
  database.exec(`
    pragma journal_mode = wal;
    pragma synchronous = full;
    pragma foreign_keys = on;
    pragma temp_store = memory;
    pragma secure_delete = fast;
    pragma cache_size = -16000;
    pragma wal_autocheckpoint = ${CHECKPOINT_PAGES};
    pragma journal_size_limit = 67108864;
    pragma trusted_schema = off;
  `)
  const mode = database.prepare('pragma journal_mode').get()?.['journal_mode']
  if (mode !== 'wal') throw new Error(`SQLite keeps the journal mode ${String(mode)} instead of wal`)
  return database
}

/** Opens a database for reading only. */
export function openReader(path: string, busyTimeout: number): DatabaseSync {
  const database = new DatabaseSync(path, { readOnly: true, timeout: busyTimeout })
  database.exec('pragma temp_store = memory; pragma cache_size = -8000; pragma trusted_schema = off')
  return database
}

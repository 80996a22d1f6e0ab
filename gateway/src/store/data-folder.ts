/**
 * The data folder: what lies where, for this user only, and with every entry on the disk before anything relies on it.
 */
import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { StorageError, StoreRefused } from '../observe/failures.ts'
import { asStorageError, codeOf } from './spool/files.ts'

/** The database's file. */
export const DATABASE = 'siegel.sqlite'

/** The folder of the bodies. */
export const SPOOL = 'spool'

/** Makes a folder and what is missing above it. Node's own recursion never ends where a folder says that its parent is missing. */
function makeFolder(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 })
  } catch (error) {
    const code = codeOf(error)
    if (code === 'EEXIST') return
    if (code !== 'ENOENT' || existsSync(dirname(path))) throw error
    makeFolder(dirname(path))
    mkdirSync(path, { mode: 0o700 })
  }
}

/**
 * Makes the folders, and the database's file with its access rights (SQLite's own files beside it get the same).
 * A spool beside no database is old mail without its rows.
 * @throws StoreRefused `data-incomplete`; StorageError
 */
export async function prepareDataFolder(dataFolder: string): Promise<void> {
  const spool = join(dataFolder, SPOOL)
  try {
    makeFolder(spool)
    if (!readdirSync(dataFolder).includes(DATABASE)) {
      if (readdirSync(spool).length > 0)
        throw new StoreRefused('data-incomplete', `${spool} holds mail, but ${DATABASE} is gone`)
      await (await open(join(dataFolder, DATABASE), 'a', 0o600)).close()
    }
    for (const folder of [dataFolder, dirname(dataFolder)]) {
      const handle = await open(folder, 'r')
      try {
        await handle.sync()
      } finally {
        await handle.close()
      }
    }
  } catch (error) {
    if (error instanceof StoreRefused) throw error
    const { kind } = asStorageError(error)
    // The operator reads this: which folder, and what to look at.
    throw new StorageError(
      kind,
      `cannot use the data folder ${dataFolder}: ${codeOf(error) ?? String(error)}; it must be there or be made, and belong to the account that runs siegel`,
      { cause: error },
    )
  }
}

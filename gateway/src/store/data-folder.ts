/**
 * The data folder: what lies where, for this user only, and with every entry on the disk before anything relies on it.
 */
import { mkdirSync, readdirSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { StorageError, StoreRefused } from '../observe/failures.ts'
import { asStorageError, codeOf } from './spool/files.ts'

/** The database's file. */
export const DATABASE = 'siegel.sqlite'

/** The folder of the bodies. */
export const SPOOL = 'spool'

/**
 * Makes the folders, and the database's file with its access rights (SQLite's own files beside it get the same).
 * A spool beside no database is old mail without its rows.
 * @throws StoreRefused `data-incomplete`; StorageError
 */
export async function prepareDataFolder(dataFolder: string): Promise<void> {
  const spool = join(dataFolder, SPOOL)
  try {
    mkdirSync(spool, { recursive: true, mode: 0o700 })
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

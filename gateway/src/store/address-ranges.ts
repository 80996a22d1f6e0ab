/**
 * Keeps the address ranges of Office 365 as a file of the data folder: written whole or not at all, read by every process.
 * It knows nothing of what a range is; whoever reads it judges what is in it.
 */
import { open, readFile, rename, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { asStorageError, codeOf } from './spool/files.ts'

const FILE = 'office-365-ranges.json'
const LARGEST = 1_048_576

/** The kept list of address ranges. */
export class AddressRanges {
  readonly #folder: string
  #number = 0

  /** @param dataFolder - where it lies */
  constructor(dataFolder: string) {
    this.#folder = dataFolder
  }

  /** What is kept; null when nothing is, or what is there is no JSON. Rejects with StorageError. */
  async read(): Promise<unknown> {
    const path = join(this.#folder, FILE)
    try {
      if ((await stat(path)).size > LARGEST) return null
      return JSON.parse(await readFile(path, 'utf8')) as unknown
    } catch (error) {
      if (codeOf(error) === 'ENOENT' || error instanceof SyntaxError) return null
      throw asStorageError(error)
    }
  }

  /** Keeps a list in place of the one before; on the disk when it resolves. Rejects with StorageError. */
  async write(list: object): Promise<void> {
    const path = join(this.#folder, FILE)
    const draft = `${path}.${process.pid}.${++this.#number}`
    try {
      const file = await open(draft, 'w', 0o600)
      try {
        await file.writeFile(`${JSON.stringify(list)}\n`)
        await file.sync()
      } finally {
        await file.close()
      }
      await rename(draft, path)
      const folder = await open(this.#folder, 'r')
      try {
        await folder.sync()
      } finally {
        await folder.close()
      }
    } catch (error) {
      throw asStorageError(error)
    }
  }

  /** Changes with every write, by whatever process. Rejects with StorageError. */
  async mark(): Promise<string> {
    try {
      const { mtimeNs, ino, size } = await stat(join(this.#folder, FILE), { bigint: true })
      return `${mtimeNs} ${ino} ${size}`
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return 'none'
      throw asStorageError(error)
    }
  }
}

/**
 * The folders of the spool: makes them, and waits until their entries are on the disk. Bodies that finish at the same time
 * share one fsync of their folder. What is lost if this fails: a file that was synced but that no folder names any more.
 */
import { asStorageError, closeFile, makeFolder, openForReading, syncFolder } from './files.ts'
import { join } from 'node:path'

/** Folders kept open at most. */
const KEPT_OPEN = 8

interface Folder {
  readonly path: string
  file: number | null
  /** The fsync under way. */
  running: Promise<void> | null
  /** The fsync that everybody who came after `running` began waits for. */
  next: Promise<void> | null
}

/** Folders below one root. */
export class Folders {
  readonly #root: string
  readonly #made = new Map<string, Promise<void>>()
  readonly #folders = new Map<string, Folder>()

  /** @param root - a folder that exists and whose own entry is on the disk */
  constructor(root: string) {
    this.#root = root
  }

  /** Makes a folder below the root; resolves when its own entry is on the disk. */
  make(name: string): Promise<void> {
    const known = this.#made.get(name)
    if (known !== undefined) return known
    const made = (async () => {
      await makeFolder(join(this.#root, name))
      // Also when another process made it: it may not have come to this yet.
      await this.sync(this.#root)
    })()
    this.#made.set(name, made)
    made.catch(() => this.#made.delete(name))
    return made
  }

  /** Waits until everything that was made or renamed in a folder before this call is on the disk. */
  sync(path: string): Promise<void> {
    let folder = this.#folders.get(path)
    if (folder === undefined) {
      folder = { path, file: null, running: null, next: null }
      this.#folders.set(path, folder)
      this.#forgetOldest()
    }
    if (folder.running === null) return this.#start(folder)
    const { running } = folder
    const waiting = folder
    // The one under way may have begun before our entry was made.
    folder.next ??= running
      .catch(() => undefined) // Its own callers hear of it.
      .then(() => {
        waiting.next = null
        return this.#start(waiting)
      })
    return folder.next
  }

  /** Closes what is open. */
  async close(): Promise<void> {
    for (const folder of this.#folders.values()) {
      await folder.next?.catch(() => undefined)
      await folder.running?.catch(() => undefined)
      if (folder.file !== null) await closeFile(folder.file)
      folder.file = null
    }
    this.#folders.clear()
  }

  #start(folder: Folder): Promise<void> {
    const running = (async () => {
      try {
        folder.file ??= await openForReading(folder.path)
        await syncFolder(folder.file)
      } catch (error) {
        throw asStorageError(error)
      } finally {
        folder.running = null
      }
    })()
    folder.running = running
    return running
  }

  #forgetOldest(): void {
    if (this.#folders.size <= KEPT_OPEN) return
    for (const [path, folder] of this.#folders) {
      if (path === this.#root || folder.running !== null || folder.next !== null || folder.file === null)
        continue
      this.#folders.delete(path)
      // It was opened for reading: closing it cannot lose anything.
      closeFile(folder.file).catch(() => undefined)
      return
    }
  }
}

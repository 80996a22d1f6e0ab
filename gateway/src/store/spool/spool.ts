/**
 * The bodies of all mails as sealed files `spool/<2 characters>/<mail id>.0`, copies as `<mail id>.<copy>-<turn>`. The two characters are those of the id
 * that move every 17 minutes: mails of one time lie together and share the fsync of their folder, and no folder grows
 * without bound. Removing needs no sync: a file that comes back after a power cut has no row, and the sweep takes it.
 */
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Bodies, BodyRef, BodyWriter } from '../../mail/body.ts'
import { readBody, type KeyFinder } from './body-reader.ts'
import { SealedBodyWriter, type SpoolParts } from './body-writer.ts'
import { asStorageError, codeOf, removeFile } from './files.ts'
import { Folders } from './folders.ts'
import type { SealingKey } from '../sealing.ts'
import { SegmentBuffers } from './segment-buffers.ts'

const MAIL_ID = /^[0-9A-Za-z]{26}$/
const FOLDER_NAME = /^[0-9A-Z]{2}$/
const TURN = /^[0-9a-f]{12}$/
const FILE_NAME = /^([0-9A-Za-z]{26})\.([0-9]{1,6})(?:-([0-9a-f]{12}))?(\.[0-9a-f]{12})?$/

/** One file of the spool. */
export interface SpoolFile {
  readonly path: string
  readonly mailId: string
  readonly copy: number
  /** The turn that made a copy; null for copy 0. */
  readonly turn: string | null
  /** It was being written beside an earlier body of the same name. */
  readonly temporary: boolean
}

/** What the spool asks the rest of the store. */
export interface SpoolRecords {
  /** The key that new bodies of a tenant are sealed with. */
  current(tenantId: string): SealingKey
  /** A key of a tenant by its id. */
  find: KeyFinder
  /** Whether a body belongs to a row that has been committed. */
  isKept(ref: BodyRef): boolean
}

/** The spool. */
export class Spool implements Bodies {
  readonly #root: string
  readonly #records: SpoolRecords
  readonly #parts: SpoolParts

  /**
   * @param root - the folder, which exists and whose entry is on the disk
   * @param records - keys and rows
   */
  constructor(root: string, records: SpoolRecords) {
    this.#root = root
    this.#records = records
    this.#parts = {
      folders: new Folders(root),
      buffers: new SegmentBuffers(),
      keyOf: (tenantId) => records.current(tenantId),
      isKept: (ref) => records.isKept(ref),
    }
  }

  create(ref: BodyRef): BodyWriter {
    return new SealedBodyWriter(this.#parts, ref, this.pathOf(ref))
  }

  read(ref: BodyRef): AsyncIterable<Buffer> {
    return readBody(this.pathOf(ref), ref, (tenantId, keyId) => this.#records.find(tenantId, keyId))
  }

  async remove(ref: BodyRef): Promise<void> {
    try {
      await removeFile(this.pathOf(ref))
    } catch (error) {
      throw asStorageError(error)
    }
  }

  /** Where a body lies. */
  pathOf({ mailId, copy, turn }: BodyRef): string {
    const isCopy = Number.isInteger(copy) && copy > 0 && copy <= 999999 && TURN.test(turn ?? '')
    if (!MAIL_ID.test(mailId) || !(isCopy || (copy === 0 && turn === undefined)))
      throw new RangeError(`"${mailId}.${copy}${turn === undefined ? '' : `-${turn}`}" names no body`)
    return join(
      this.#root,
      mailId.slice(4, 6).toUpperCase(),
      `${mailId}.${copy}${turn === undefined ? '' : `-${turn}`}`,
    )
  }

  /** All files, folder by folder; what has no name of ours is left out. */
  async *files(): AsyncGenerator<SpoolFile[]> {
    for (const folder of (await readdir(this.#root)).sort()) {
      if (!FOLDER_NAME.test(folder)) continue
      const path = join(this.#root, folder)
      const found: SpoolFile[] = []
      for (const name of await readdir(path)) {
        const [, mailId, copy, turn, temporary] = FILE_NAME.exec(name) ?? []
        if (mailId !== undefined && copy !== undefined)
          found.push({
            path: join(path, name),
            mailId,
            copy: Number(copy),
            turn: turn ?? null,
            temporary: temporary !== undefined,
          })
      }
      yield found
    }
  }

  /** When a file was last written to, in milliseconds since 1970; null when it is gone. */
  async lastWrittenAt(file: SpoolFile): Promise<number | null> {
    try {
      return (await stat(file.path)).mtimeMs
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return null
      throw asStorageError(error)
    }
  }

  /** Removes a file that `files` gave. */
  removeFile(file: SpoolFile): Promise<void> {
    return removeFile(file.path)
  }

  /** Closes what is open. */
  close(): Promise<void> {
    return this.#parts.folders.close()
  }
}

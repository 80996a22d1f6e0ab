/**
 * Writes one sealed body. A small mail is held until `finish` and then costs one open, one write and one fdatasync; a large
 * one flows to the disk segment by segment. `finish` resolves when both the bytes and the name are on the disk.
 * What is lost if this fails: a mail that was answered 250. So every failure rejects, and a half-written file goes.
 */
import { randomBytes, type KeyObject } from 'node:crypto'
import { release } from '@siegel/engine'
import { dirname, basename } from 'node:path'
import type { BodyRef, BodyWriter } from '../../mail/body.ts'
import { StorageError } from '../../observe/failures.ts'
import type { SealingKey } from '../sealing.ts'
import {
  asStorageError,
  closeFile,
  codeOf,
  isSameFile,
  openNew,
  removeFile,
  renameFile,
  syncData,
  writeAll,
} from './files.ts'
import type { Folders } from './folders.ts'
import { SEGMENT, beginBody, sealSegment } from './sealed-file.ts'
import type { SegmentBuffers } from './segment-buffers.ts'

/** Sealed octets that may wait for the disk before the caller is asked to pause. */
const IN_FLIGHT = 512 * 1024

/** What a writer needs of the spool. */
export interface SpoolParts {
  readonly folders: Folders
  readonly buffers: SegmentBuffers
  /** The key that new bodies of a tenant are sealed with. */
  keyOf(tenantId: string): SealingKey
  /** Whether a body belongs to a row that has been committed. */
  isKept(ref: BodyRef): boolean
}

interface OpenFile {
  readonly file: number
  /** Where it lies; the final name, unless an earlier body had it. */
  readonly path: string
}

/** A body that is being written. */
export class SealedBodyWriter implements BodyWriter {
  readonly #parts: SpoolParts
  readonly #ref: BodyRef
  readonly #path: string
  #plain: Buffer | null = null
  #filled = 0
  #key: KeyObject | null = null
  #segments = 0
  #open: OpenFile | null = null
  #queue: Buffer[] = []
  #queued = 0
  #pumping: Promise<void> | null = null
  #failure: StorageError | null = null
  #ended = false

  /**
   * @param parts - what the bodies of a spool share
   * @param ref - which body
   * @param path - where it is to lie
   */
  constructor(parts: SpoolParts, ref: BodyRef, path: string) {
    this.#parts = parts
    this.#ref = ref
    this.#path = path
  }

  write(chunk: Buffer): Promise<void> | undefined {
    if (this.#ended) return Promise.reject(new StorageError('failed', 'the body has been ended'))
    if (this.#failure !== null) return Promise.reject(this.#failure)
    try {
      this.#take(chunk)
    } catch (error) {
      this.#failure = asStorageError(error)
      return Promise.reject(this.#failure)
    }
    this.#start()
    return this.#queued > IN_FLIGHT ? this.#drained() : undefined
  }

  #take(chunk: Buffer): void {
    let offset = 0
    while (offset < chunk.length) {
      // A full buffer is sealed only when more comes: only then is it known not to be the last.
      if (this.#filled === SEGMENT && this.#plain !== null) {
        this.#seal(this.#plain, false)
        this.#filled = 0
      }
      if (this.#filled === 0 && chunk.length - offset > SEGMENT) {
        this.#seal(chunk.subarray(offset, offset + SEGMENT), false)
        offset += SEGMENT
        continue
      }
      this.#plain ??= this.#parts.buffers.take()
      const count = Math.min(SEGMENT - this.#filled, chunk.length - offset)
      chunk.copy(this.#plain, this.#filled, offset, offset + count)
      this.#filled += count
      offset += count
    }
  }

  async finish(): Promise<void> {
    if (this.#ended) throw new StorageError('failed', 'the body has been ended')
    this.#ended = true
    try {
      this.#seal(this.#plain?.subarray(0, this.#filled) ?? Buffer.alloc(0), true)
      this.#release()
      await this.#drained()
      const { file, path } = await this.#opened()
      await syncData(file)
      if (path !== this.#path) {
        // A worker that lost its lease must not put its bytes in the place of those that were settled.
        if (this.#parts.isKept(this.#ref)) throw new StorageError('failed', 'spool: the body is kept already')
        await renameFile(path, this.#path)
      }
      await this.#parts.folders.sync(dirname(this.#path))
      this.#open = null
      await closeFile(file)
    } catch (error) {
      await this.#discard()
      throw asStorageError(error)
    }
  }

  async abort(): Promise<void> {
    if (this.#ended) return
    this.#ended = true
    this.#release()
    this.#queue = []
    await this.#pumping
    await this.#discard()
  }

  #seal(plain: Buffer, last: boolean): void {
    if (this.#key === null) {
      const begun = beginBody(this.#parts.keyOf(this.#ref.tenantId), this.#ref)
      this.#key = begun.key
      this.#queue.push(begun.header)
    }
    const [ciphertext, tag] = sealSegment(this.#key, this.#segments, last, plain)
    this.#segments += 1
    this.#queue.push(ciphertext, tag)
    this.#queued += ciphertext.length + tag.length
  }

  /** Gives the buffer back; everything in it has been sealed or given up. */
  #release(): void {
    if (this.#plain !== null) this.#parts.buffers.give(this.#plain)
    this.#plain = null
    this.#filled = 0
  }

  /** Begins to write, unless that is under way or there is nothing to write. */
  #start(): void {
    if (this.#pumping === null && this.#queue.length > 0) this.#pumping = this.#pump()
  }

  /** Writes until nothing is queued. Never rejects: the failure is kept for the next call. */
  async #pump(): Promise<void> {
    try {
      while (this.#queue.length > 0) {
        const buffers = this.#queue
        const octets = this.#queued
        this.#queue = []
        await writeAll((await this.#opened()).file, buffers)
        // They were made here and nobody else has them.
        for (const sealed of buffers) release(sealed)
        this.#queued -= octets
      }
    } catch (error) {
      this.#failure = asStorageError(error)
    } finally {
      this.#pumping = null
    }
  }

  async #drained(): Promise<void> {
    while (this.#failure === null && (this.#queue.length > 0 || this.#pumping !== null)) {
      this.#start()
      await this.#pumping
    }
    if (this.#failure !== null) throw this.#failure
  }

  async #opened(): Promise<OpenFile> {
    if (this.#open !== null) return this.#open
    await this.#parts.folders.make(basename(dirname(this.#path)))
    try {
      this.#open = { file: await openNew(this.#path), path: this.#path }
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error
      // An earlier body has the name. It stays whole until this one is: another worker may be reading it.
      const path = `${this.#path}.${randomBytes(6).toString('hex')}`
      this.#open = { file: await openNew(path), path }
    }
    return this.#open
  }

  /** Removes what was written, unless somebody else has put a whole body in its place. Never rejects. */
  async #discard(): Promise<void> {
    const open = this.#open
    this.#open = null
    if (open === null) return
    try {
      if (await isSameFile(open.file, open.path)) await removeFile(open.path)
      await closeFile(open.file)
    } catch (error) {
      // The body is given up in any case; what is left of the file is removed by the sweep.
      this.#failure ??= asStorageError(error)
    }
  }
}

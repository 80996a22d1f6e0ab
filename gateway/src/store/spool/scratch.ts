/**
 * Files for plaintext that is not yet known to be good: sealed with a key that only this process knows, for as long as it
 * runs, and without a name. So nothing of it can be read after the process is gone, and no file is left behind.
 */
import { createSecretKey, randomBytes, type KeyObject } from 'node:crypto'
import { join } from 'node:path'
import { release, type ByteSource, type Temporary, type TemporaryStore } from '@siegel/engine'
import { StorageError } from '../../observe/failures.ts'
import { asStorageError, closeFile, openForBoth, readInto, removeFile, writeAll } from './files.ts'
import { LARGE_BODY, MemoryPace } from './memory-pace.ts'
import { SEALED_SEGMENT, SEGMENT, openSegment, sealSegment } from './sealed-file.ts'

/** Sealed octets that are written, and segments that are read, at once. */
const AT_ONCE = 4

/** Scratch files in a folder. */
export class ScratchFolder implements TemporaryStore {
  readonly #folder: string

  /** @param folder - exists; files without a name lie in it */
  constructor(folder: string) {
    this.#folder = folder
  }

  /** Begins a file. @throws StorageError */
  async create(): Promise<Temporary> {
    const path = join(this.#folder, `.scratch-${randomBytes(12).toString('hex')}`)
    try {
      const file = await openForBoth(path)
      await removeFile(path)
      return new ScratchFile(file)
    } catch (error) {
      throw asStorageError(error)
    }
  }
}

class ScratchFile implements Temporary {
  readonly #key: KeyObject = createSecretKey(randomBytes(32))
  #file: number | null
  #plain = Buffer.allocUnsafeSlow(SEGMENT)
  #filled = 0
  #segments = 0
  #length = 0
  #queue: Buffer[] = []
  readonly #pace = new MemoryPace()

  constructor(file: number) {
    this.#file = file
  }

  write(chunk: Buffer): Promise<void> | undefined {
    for (let offset = 0; offset < chunk.length;) {
      // A full segment is sealed only when more comes: only then is it known not to be the last.
      if (this.#filled === SEGMENT) this.#seal(false)
      const count = chunk.copy(this.#plain, this.#filled, offset)
      this.#filled += count
      offset += count
    }
    this.#length += chunk.length
    return this.#queue.length >= 2 * AT_ONCE ? this.#flush() : undefined
  }

  async finish(): Promise<ByteSource> {
    this.#seal(true)
    this.#plain = Buffer.alloc(0)
    await this.#flush()
    const length = this.#length
    return { length, chunks: (start = 0, end = length) => this.#read(start, Math.min(end, length)) }
  }

  async discard(): Promise<void> {
    const file = this.#file
    this.#file = null
    this.#queue = []
    if (file !== null) await closeFile(file)
  }

  #seal(last: boolean): void {
    this.#queue.push(...sealSegment(this.#key, this.#segments, last, this.#plain.subarray(0, this.#filled)))
    this.#segments += 1
    if (this.#segments > LARGE_BODY) this.#pace.passed(SEGMENT)
    this.#filled = 0
  }

  #opened(): number {
    if (this.#file === null) throw new StorageError('failed', 'the scratch file has been discarded')
    return this.#file
  }

  async #flush(): Promise<void> {
    const queue = this.#queue
    this.#queue = []
    try {
      await writeAll(this.#opened(), queue)
      for (const sealed of queue) release(sealed)
    } catch (error) {
      throw asStorageError(error)
    }
  }

  async *#read(start: number, end: number): AsyncGenerator<Buffer> {
    if (start >= end) return
    const past = Math.ceil(end / SEGMENT)
    const room = Buffer.allocUnsafeSlow(AT_ONCE * SEALED_SEGMENT)
    for (let first = Math.floor(start / SEGMENT); first < past; first += AT_ONCE) {
      const block = await this.#block(room, first, Math.min(AT_ONCE, past - first))
      for (let at = 0; at < block.length; at += SEALED_SEGMENT) {
        const number = first + at / SEALED_SEGMENT
        const sealed = block.subarray(at, at + SEALED_SEGMENT)
        const plain = openSegment(this.#key, number, number === this.#segments - 1, sealed)
        if (plain === null) throw new StorageError('failed', 'the scratch file was altered')
        const offset = number * SEGMENT
        yield plain.subarray(Math.max(start - offset, 0), Math.min(end - offset, plain.length))
        release(plain)
        if (number > LARGE_BODY) this.#pace.passed(SEGMENT)
      }
    }
  }

  /** Reads sealed segments. */
  async #block(room: Buffer, first: number, count: number): Promise<Buffer> {
    const block = room.subarray(0, count * SEALED_SEGMENT)
    try {
      return block.subarray(0, await readInto(this.#opened(), block, first * SEALED_SEGMENT))
    } catch (error) {
      throw asStorageError(error)
    }
  }
}

/**
 * The part of a message that the scanner looks at: all of it when it is in memory, else a stretch that moves along a stream.
 * Offsets count from the start of the message. Headers that pass by are kept; nothing else is.
 */
import { SparseBytes } from '../bytes/sparse.ts'
import { wait } from '../bytes/routine.ts'
import type { Routine } from '../bytes/routine.ts'
import type { ByteStream, ByteView } from '../bytes/source.ts'

/** What the scanner looks through. */
export interface Window {
  /** What is in view. */
  readonly bytes: Buffer
  /** Offset of the first octet in view. */
  readonly base: number
  /** Nothing follows what is in view. */
  readonly ended: boolean
  /** The headers that were kept; the message itself when it is in memory. */
  readonly view: ByteView
  /** Whether everything before an offset is in view, or nothing more is to come. */
  reaches(offset: number): boolean
  /** Brings more into view, if there is more; what lies before `keep` may go. */
  load(keep: number): Routine<void>
  /** Keeps what is in view from `start` up to `end` for good. */
  retain(start: number, end: number): void
  /** Length of the message. */
  total(): Routine<number>
}

/** A message in memory. */
export class WholeWindow implements Window {
  readonly bytes: Buffer
  readonly base = 0
  readonly ended = true

  constructor(bytes: Buffer) {
    this.bytes = bytes
  }

  get view(): Buffer {
    return this.bytes
  }

  reaches(): boolean {
    return true
  }

  *load(): Routine<void> {
    // All of it is in view.
  }

  retain(): void {
    // It is all kept.
  }

  *total(): Routine<number> {
    return this.bytes.length
  }
}

const FIRST_ROOM = 262_144

/** A message that is read once, from its beginning. */
export class MovingWindow implements Window {
  readonly view = new SparseBytes()
  base = 0
  ended = false
  #room = Buffer.allocUnsafeSlow(FIRST_ROOM)
  #from = 0
  #to = 0
  readonly #chunks: AsyncIterator<Buffer>
  readonly #length: number | null

  /** @param length - of the message if it is known: then what comes behind the last thing of interest is not read */
  constructor(stream: ByteStream, length: number | null) {
    this.#chunks = stream.chunks()[Symbol.asyncIterator]()
    this.#length = length
  }

  get bytes(): Buffer {
    return this.#room.subarray(this.#from, this.#to)
  }

  reaches(offset: number): boolean {
    return this.ended || offset <= this.base + this.#to - this.#from
  }

  *load(keep: number): Routine<void> {
    const gone = Math.min(Math.max(keep - this.base, 0), this.#to - this.#from)
    this.#from += gone
    this.base += gone
    const next = yield* wait(this.#chunks.next())
    if (next.done === true) this.ended = true
    else this.#append(next.value)
  }

  #append(chunk: Buffer): void {
    const held = this.#to - this.#from
    if (this.#to + chunk.length > this.#room.length) {
      const needed = held + chunk.length
      const room = needed > this.#room.length ? Buffer.allocUnsafeSlow(needed * 2) : this.#room
      this.#room.copy(room, 0, this.#from, this.#to)
      this.#room = room
      this.#from = 0
      this.#to = held
    }
    this.#to += chunk.copy(this.#room, this.#to)
  }

  retain(start: number, end: number): void {
    this.view.keep(start, this.bytes.subarray(start - this.base, end - this.base))
  }

  *total(): Routine<number> {
    if (this.#length !== null) return this.#length
    while (!this.ended) yield* this.load(Infinity)
    return this.base + this.#to - this.#from
  }

  /** Gives the rest of the stream up. */
  async close(): Promise<void> {
    if (!this.ended) await this.#chunks.return?.()
  }
}

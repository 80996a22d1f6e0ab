/**
 * Cuts the content of a copy into pieces of a wanted size without copying it. Synchronous sources are read without promises.
 * Errors of the source pass through: whoever sends must then not end the content.
 */

/** Gives the content from its beginning, each time it is called. */
export type BodySource = () => AsyncIterable<Buffer> | Iterable<Buffer>

/** A part of the content. */
export interface Part {
  readonly pieces: readonly Buffer[]
  /** Octets of all pieces. */
  readonly size: number
  /** Nothing follows. */
  readonly last: boolean
}

/** Reads one content once. */
export class BodyReader {
  readonly #sync: Iterator<Buffer> | null
  readonly #async: AsyncIterator<Buffer> | null
  /** Read but not yet given out. */
  #ahead: Buffer | null = null
  #done = false

  /** @param source - the content */
  constructor(source: BodySource) {
    const content = source()
    this.#sync = Symbol.iterator in content ? content[Symbol.iterator]() : null
    this.#async = Symbol.iterator in content ? null : content[Symbol.asyncIterator]()
  }

  /** The next part: `limit` octets, or what is left. Never two parts after the last. */
  take(limit: number): Part | Promise<Part> {
    return this.#sync === null ? this.#takeAsync(limit) : this.#takeSync(this.#sync, limit)
  }

  /** Gives the source up before its end. */
  close(): void {
    if (this.#done) return
    this.#done = true
    // What a source says while it is given up changes nothing any more.
    if (this.#async === null) this.#sync?.return?.()
    else void this.#async.return?.().catch(() => undefined)
  }

  #takeSync(source: Iterator<Buffer>, limit: number): Part {
    const part = new Collector(limit)
    for (;;) {
      if (this.#ahead === null && !this.#done) this.#accept(source.next())
      if (this.#ahead === null || part.full) return part.finish(this.#ahead === null)
      this.#ahead = part.add(this.#ahead)
    }
  }

  async #takeAsync(limit: number): Promise<Part> {
    const part = new Collector(limit)
    for (;;) {
      while (this.#ahead === null && !this.#done && this.#async !== null)
        this.#accept(await this.#async.next())
      if (this.#ahead === null || part.full) return part.finish(this.#ahead === null)
      this.#ahead = part.add(this.#ahead)
    }
  }

  #accept(result: IteratorResult<Buffer, unknown>): void {
    if (result.done === true) this.#done = true
    else this.#ahead = result.value
  }
}

/** Collects pieces up to a limit. */
class Collector {
  readonly #limit: number
  readonly #pieces: Buffer[] = []
  #size = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  get full(): boolean {
    return this.#size >= this.#limit
  }

  /** Takes what fits and returns the rest; null when all of it fitted. */
  add(piece: Buffer): Buffer | null {
    const room = this.#limit - this.#size
    const fitting = piece.length <= room ? piece : piece.subarray(0, room)
    if (fitting.length > 0) this.#pieces.push(fitting)
    this.#size += fitting.length
    return fitting.length === piece.length ? null : piece.subarray(fitting.length)
  }

  finish(last: boolean): Part {
    return { pieces: this.#pieces, size: this.#size, last }
  }
}

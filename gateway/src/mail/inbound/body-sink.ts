/**
 * Pours one stream of octets into the bodies of all parts of a mail. Passes large pieces on as they are and gathers small ones, so
 * that a mail that comes in tiny pieces costs the store no more calls than any other. Encrypts nothing, syncs nothing itself.
 */
import type { BodyWriter } from '../body.ts'

/** Pieces below this size are gathered. */
const SMALL = 2048
const GATHER = 16_384

/** The bodies being written for one mail. */
export class BodySink {
  readonly #writers: readonly BodyWriter[]
  #gathered: Buffer | null = null
  #length = 0
  #over = false

  /** @param writers - one per part, at least one */
  constructor(writers: readonly BodyWriter[]) {
    this.#writers = writers
  }

  /**
   * Takes a piece; it may be reused once the promise resolves, or at once when there is none.
   * @returns a promise when more may only be written after it; rejects with what the writer rejected with
   */
  write(piece: Buffer): Promise<void> | undefined {
    if (piece.length === 0) return undefined
    if (piece.length >= SMALL) {
      const earlier = this.#flush()
      return earlier === undefined ? this.#pour(piece) : earlier.then(() => this.#pour(piece))
    }
    const gathered = (this.#gathered ??= Buffer.allocUnsafeSlow(GATHER))
    piece.copy(gathered, this.#length)
    this.#length += piece.length
    // Room for one more small piece is always left.
    return this.#length > GATHER - SMALL ? this.#flush() : undefined
  }

  /** Ends all bodies; resolves when all of them survive a power cut. Rejects with the first failure; then none may be counted on. */
  async finish(): Promise<void> {
    try {
      await this.#flush()
    } catch (error) {
      this.abort()
      throw error
    }
    this.#over = true
    const results = await Promise.allSettled(this.#writers.map((writer) => writer.finish()))
    for (const result of results) if (result.status === 'rejected') throw result.reason
  }

  /** Gives all bodies up, unless they were ended already. */
  abort(): void {
    if (this.#over) return
    this.#over = true
    // BodyWriter.abort never rejects.
    for (const writer of this.#writers) void writer.abort()
  }

  #flush(): Promise<void> | undefined {
    if (this.#length === 0 || this.#gathered === null) return undefined
    const piece = this.#gathered.subarray(0, this.#length)
    this.#length = 0
    return this.#pour(piece)
  }

  #pour(piece: Buffer): Promise<void> | undefined {
    let waiting: Promise<void>[] | undefined
    for (const writer of this.#writers) {
      const pending = writer.write(piece)
      if (pending !== undefined) (waiting ??= []).push(pending)
    }
    if (waiting === undefined) return undefined
    return waiting.length === 1 ? waiting[0] : Promise.all(waiting).then(() => undefined)
  }
}

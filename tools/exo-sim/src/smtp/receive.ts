// Reads a message off the wire, by DATA or by BDAT, and holds it in memory up to the size limit.
// Beyond the limit it reads on and throws away, so that the dialogue stays in step.
import type { ByteStream } from './byte-stream.ts'
import { DotDecoder } from './dot-stuffing.ts'

const PIECE = 1024 * 1024

/** How reading came to its end. */
export type ReadEnd = 'complete' | 'broken-off' | 'cut'

/** A message under way. */
export class Incoming {
  readonly #limit: number
  readonly #cutAfter: number
  #pieces: Buffer[] = []
  #size = 0
  /** BDAT chunks so far (1 for DATA). */
  chunks = 0

  /** `cutAfter`: a fault, give up after so many octets. */
  constructor(limit: number, cutAfter?: number) {
    this.#limit = limit
    this.#cutAfter = cutAfter ?? Infinity
  }

  /** Whether more octets came than are allowed. */
  get tooLarge(): boolean {
    return this.#size > this.#limit
  }

  /** The whole message. */
  message(): Buffer {
    const whole = Buffer.concat(this.#pieces)
    this.#pieces = []
    return whole
  }

  /** Reads to CRLF . CRLF. */
  async readDotted(stream: ByteStream): Promise<ReadEnd> {
    const decoder = new DotDecoder()
    this.chunks = 1
    for (;;) {
      const chunk = await stream.take(PIECE)
      if (!chunk) return 'broken-off'
      const { pieces, rest } = decoder.feed(chunk)
      for (const piece of pieces) this.#keep(piece)
      if (this.#size > this.#cutAfter) return 'cut'
      if (rest) {
        stream.unread(rest)
        return 'complete'
      }
    }
  }

  /** Reads the octets of one BDAT chunk; `discard` when they belong to no transaction. */
  async readCounted(stream: ByteStream, count: number, discard: boolean): Promise<ReadEnd> {
    this.chunks++
    for (let left = count; left > 0;) {
      const piece = await stream.take(left)
      if (!piece) return 'broken-off'
      left -= piece.length
      if (!discard) this.#keep(piece)
      if (this.#size > this.#cutAfter) return 'cut'
    }
    return 'complete'
  }

  #keep(piece: Buffer): void {
    this.#size += piece.length
    if (this.tooLarge) this.#pieces = []
    else this.#pieces.push(piece)
  }
}

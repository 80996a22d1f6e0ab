/**
 * One source made of many: pieces in memory and ranges of other sources, in order. Nothing is copied or read ahead.
 */
import { sourceOf } from './source.ts'
import type { ByteSource } from './source.ts'

interface Strand {
  readonly start: number
  readonly source: ByteSource
}

/** Pieces put together. */
export class Rope implements ByteSource {
  /** In octets, all pieces together. */
  readonly length: number
  readonly #strands: readonly Strand[]

  /**
   * Puts pieces together.
   * @param pieces - in order; sources must give exactly as many octets as they say
   */
  constructor(pieces: readonly (Buffer | ByteSource)[]) {
    const strands: Strand[] = []
    let at = 0
    for (const piece of pieces) {
      if (piece.length === 0) continue
      strands.push({ start: at, source: Buffer.isBuffer(piece) ? sourceOf(piece) : piece })
      at += piece.length
    }
    this.#strands = strands
    this.length = at
  }

  /** @throws RangeError when a source gives another number of octets than it said: it has changed */
  async *chunks(start = 0, end = this.length): AsyncGenerator<Buffer> {
    for (const { start: offset, source } of this.#strands) {
      const from = Math.max(start - offset, 0)
      const to = Math.min(end - offset, source.length)
      if (from >= to) continue
      let left = to - from
      for await (const chunk of source.chunks(from, to)) {
        left -= chunk.length
        if (left < 0) break
        yield chunk
      }
      if (left !== 0) throw new RangeError('a source has changed while it was read')
    }
  }
}

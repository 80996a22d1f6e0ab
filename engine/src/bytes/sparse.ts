/**
 * Some ranges of a long text, by their offsets in it: what is kept of bytes that have passed by.
 */
import type { ByteView } from './source.ts'

interface Range {
  readonly start: number
  readonly bytes: Buffer
}

/** The ranges that were kept. */
export class SparseBytes implements ByteView {
  readonly #ranges: Range[] = []

  /** Keeps a copy of bytes that stand at an offset; ranges come in the order of their starts and may overlap. */
  keep(start: number, bytes: Buffer): void {
    this.#ranges.push({ start, bytes: Buffer.from(bytes) })
  }

  /**
   * The bytes of a range.
   * @throws RangeError when they were not kept
   */
  subarray(start: number, end: number): Buffer {
    let low = 0
    let high = this.#ranges.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#ranges[middle]?.start ?? 0) <= start) low = middle + 1
      else high = middle
    }
    for (let at = low - 1; at >= 0; at--) {
      const range = this.#ranges[at]
      if (range === undefined) break
      const from = start - range.start
      if (end - range.start <= range.bytes.length) return range.bytes.subarray(from, end - range.start)
    }
    if (end <= start) return Buffer.alloc(0)
    throw new RangeError(`bytes ${start} to ${end} were not kept`)
  }
}

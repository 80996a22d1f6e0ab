/**
 * Buffers of one segment, used again: allocating 64 KiB for every mail costs more than sealing a small one.
 */
import { SEGMENT } from './sealed-file.ts'

/** Buffers kept at most: 4 MiB. */
const KEPT = 64

/** A stock of segment buffers. */
export class SegmentBuffers {
  readonly #free: Buffer[] = []

  /** A buffer of one segment with anything in it. */
  take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(SEGMENT)
  }

  /** Gives a buffer back; nobody may use it any more. */
  give(buffer: Buffer): void {
    if (this.#free.length < KEPT) this.#free.push(buffer)
  }
}

/**
 * Bytes in memory that come in chunks of chosen sizes, for tests that read the same in one piece and in many.
 */
import type { ByteSource } from '../src/bytes/source.ts'

/** A source whose chunks have these sizes, again and again; each is a copy of its own and comes after a pause. */
export function choppedSource(bytes: Buffer, sizes: readonly number[]): ByteSource {
  return {
    length: bytes.length,
    async *chunks(start = 0, end = bytes.length) {
      let turn = 0
      for (let at = start; at < end;) {
        const size = Math.max(1, sizes[turn++ % sizes.length] ?? bytes.length)
        await Promise.resolve()
        yield Buffer.from(bytes.subarray(at, Math.min(at + size, end)))
        at += size
      }
    },
  }
}

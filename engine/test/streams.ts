/**
 * Bytes in memory that come in chunks of chosen sizes, for tests that read the same in one piece and in many.
 */
import type { ByteSource } from '../src/bytes/source.ts'
import type { Temporary, TemporaryStore } from '../src/smime/streamed-content.ts'

/** A source whose chunks have these sizes, again and again; each comes after a pause and is spoiled when the next is asked for. */
export function choppedSource(bytes: Buffer, sizes: readonly number[]): ByteSource {
  return {
    length: bytes.length,
    async *chunks(start = 0, end = bytes.length) {
      let turn = 0
      const past = Math.min(end, bytes.length)
      for (let at = start; at < past;) {
        const size = Math.max(1, sizes[turn++ % sizes.length] ?? bytes.length)
        await Promise.resolve()
        const chunk = Buffer.from(bytes.subarray(at, Math.min(at + size, past)))
        yield chunk
        chunk.fill(0xee)
        at += size
      }
    },
  }
}

/** A store that keeps plaintext in memory and knows what has not been discarded. */
export class MemoryTemporaries implements TemporaryStore {
  readonly living = new Set<Temporary>()
  readonly #sizes: readonly number[]

  /** @param sizes - of the chunks in which plaintext is read */
  constructor(sizes: readonly number[] = [65_536]) {
    this.#sizes = sizes
  }

  create(): Promise<Temporary> {
    const pieces: Buffer[] = []
    const temporary: Temporary = {
      write: (chunk) => {
        pieces.push(Buffer.from(chunk))
        return undefined
      },
      finish: () => Promise.resolve(choppedSource(Buffer.concat(pieces), this.#sizes)),
      discard: () => {
        this.living.delete(temporary)
        return Promise.resolve()
      },
    }
    this.living.add(temporary)
    return Promise.resolve(temporary)
  }
}

/** All of a stream. */
export async function bytesOf(chunks: AsyncIterable<Buffer>): Promise<Buffer> {
  const pieces: Buffer[] = []
  for await (const chunk of chunks) pieces.push(Buffer.from(chunk))
  return Buffer.concat(pieces)
}

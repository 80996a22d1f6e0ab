/**
 * Bytes that need not be in memory: a source gives them in chunks, from any offset, as often as it is asked. The engine does
 * no I/O: whoever calls it makes sources of files or spools. Sources do not change between two readings.
 */

/** Bytes that can be read piece by piece, and again. */
export interface ByteStream {
  /**
   * The bytes from `start` (default 0) up to `end` (default: all), or as far as there are any, in chunks of any size. A
   * chunk is good until the next one is asked for: whoever needs it longer copies it. Chunks should be small (64 KiB): what is
   * done with one is done without a pause.
   */
  chunks(start?: number, end?: number): AsyncIterable<Buffer>
}

/** A stream of known length. */
export interface ByteSource extends ByteStream {
  /** In octets. */
  readonly length: number
}

/** What looks like one Buffer but may hold only some of its ranges: what is read of it must be held. */
export interface ByteView {
  /** The octets from `start` up to `end`. @throws RangeError when the range is not held */
  subarray(start: number, end: number): Buffer
}

/** Octets that are handed on at once. */
export const CHUNK = 65_536

/** Bytes in memory as a source. */
export function sourceOf(bytes: Buffer): ByteSource {
  return {
    length: bytes.length,
    // A source in memory never waits, and is read as one that does.
    // eslint-disable-next-line @typescript-eslint/require-await
    async *chunks(start = 0, end = bytes.length) {
      const past = Math.min(end, bytes.length)
      for (let at = start; at < past; at += CHUNK) yield bytes.subarray(at, Math.min(at + CHUNK, past))
    },
  }
}

/** A range of a source. */
export function rangeOf(source: ByteStream, from: number, to: number): ByteSource {
  const length = to - from
  return {
    length,
    chunks: (start = 0, end = length) => source.chunks(from + start, from + Math.min(end, length)),
  }
}

/** A stream that can only be read from its beginning, as one that can be read from anywhere: by passing over what comes before. */
export function streamOf(read: () => AsyncIterable<Buffer>): ByteStream {
  return {
    chunks: (start = 0, end = Infinity) =>
      start === 0 && end === Infinity ? read() : cut(read(), start, end),
  }
}

async function* cut(chunks: AsyncIterable<Buffer>, start: number, end: number): AsyncGenerator<Buffer> {
  let at = 0
  if (end <= start) return
  for await (const chunk of chunks) {
    const from = Math.max(start - at, 0)
    const to = Math.min(end - at, chunk.length)
    if (from < to) yield chunk.subarray(from, to)
    at += chunk.length
    if (at >= end) return
  }
}

/** Reads a bounded number of bytes from the beginning; less when there is less. */
export async function readStart(source: ByteStream, octets: number): Promise<Buffer> {
  const pieces: Buffer[] = []
  for await (const chunk of source.chunks(0, octets)) pieces.push(Buffer.from(chunk))
  const [first] = pieces
  return first !== undefined && pieces.length === 1 ? first : Buffer.concat(pieces)
}

/** The octets of a stream, counted by reading it. */
export async function countOctets(stream: ByteStream): Promise<number> {
  let length = 0
  for await (const chunk of stream.chunks()) length += chunk.length
  return length
}

/**
 * Gives memory back at once instead of leaving it to the collector, which lets 64 MiB of it pile up. Only for whoever made the
 * bytes and knows that nobody looks at them any more: afterwards they are empty. Does nothing for a part of a larger memory.
 */
export function release(bytes: Buffer): void {
  const { buffer } = bytes
  if (buffer instanceof ArrayBuffer && buffer.byteLength === bytes.byteLength && bytes.byteLength > 0)
    buffer.transfer(0)
}

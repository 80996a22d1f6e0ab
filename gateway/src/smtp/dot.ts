/**
 * Dot-stuffing for the end that sends DATA (RFC 5321 4.5.2); content.ts takes it away again. Whether the content may travel by
 * DATA at all (no bare CR or LF) is the caller's question.
 */

const LF = 0x0a
const CR = 0x0d
const DOT = 0x2e
const LINE_AND_DOT = Buffer.from('\r\n.')
const END = Buffer.from('.\r\n')
const LINE_END = Buffer.from('\r\n.\r\n')

/** Stuffs the content of one mail, chunk by chunk. */
export class DotEncoder {
  /** What stands before the next octet: 0 text, 1 CR, 2 CRLF or nothing. */
  #before: 0 | 1 | 2 = 2

  /** The chunk as it goes over the wire: the same buffer when no line in it begins with a dot, else a new one. */
  encode(chunk: Buffer): Buffer {
    const before = this.#before
    this.#keepEnd(chunk)
    const first = chunk[0] === DOT && before === 2
    const second = before === 1 && chunk[0] === LF && chunk[1] === DOT
    if (!first && !second && !chunk.includes(LINE_AND_DOT)) return chunk
    return stuff(chunk, before)
  }

  /** The end of the data; completes the last line if the content did not. RFC 5321 4.1.1.4 */
  end(): Buffer {
    return this.#before === 2 ? END : LINE_END
  }

  #keepEnd(chunk: Buffer): void {
    const last = chunk.at(-1)
    if (last === undefined) return
    if (last === CR) this.#before = 1
    else {
      const crlf = last === LF && (chunk.length > 1 ? chunk.at(-2) === CR : this.#before === 1)
      this.#before = crlf ? 2 : 0
    }
  }
}

/** Copies a chunk that has dots at line starts, octet by octet: a flood of them costs no more than one. */
function stuff(chunk: Buffer, before: 0 | 1 | 2): Buffer {
  const out = Buffer.allocUnsafe(chunk.length + countLines(chunk) + 1)
  let length = 0
  let state: number = before
  for (const octet of chunk) {
    if (octet === DOT && state === 2) out[length++] = DOT
    out[length++] = octet
    state = octet === CR ? 1 : octet === LF && state === 1 ? 2 : 0
  }
  return out.subarray(0, length)
}

function countLines(chunk: Buffer): number {
  let count = 0
  for (const octet of chunk) if (octet === LF) count++
  return count
}

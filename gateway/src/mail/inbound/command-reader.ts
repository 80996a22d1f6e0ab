/**
 * Cuts the octets of a peer into command lines. A line ends with CRLF and nothing else (RFC 5321 2.3.8); a line that is too long
 * is thrown away while it comes, so that nothing grows. Knows no verb.
 */
import { isUtf8 } from 'node:buffer'

const LF = 0x0a
const CR = 0x0d

/**
 * What a finished line turned out to be; `null` while it is not finished. bare-lf: a line feed without CR has come, and what
 * stands behind it must not be taken for a command.
 */
export type LineVerdict = 'good' | 'bad' | 'bare-lf' | 'too-long' | null

/** Reads command lines. */
export class CommandReader {
  /** After `read`: what has come. */
  verdict: LineVerdict = null
  /** After a `good` verdict: the line without CRLF; free of control characters. */
  text = ''

  readonly #limit: number
  /** The beginning of a line whose end has not come yet; made when first needed, then kept. */
  #partial: Buffer | null = null
  #length = 0

  /** @param limit - octets of a line with its CRLF */
  constructor(limit: number) {
    this.#limit = limit
  }

  /**
   * Takes octets up to the end of the line.
   * @returns the index of the first octet that does not belong to the line
   */
  read(chunk: Buffer, from: number): number {
    const end = chunk.indexOf(LF, from)
    if (end < 0) {
      this.#keep(chunk, from, chunk.length)
      this.verdict = null
      return chunk.length
    }
    if (this.#length === 0) this.#judge(chunk, from, end + 1)
    else {
      this.#keep(chunk, from, end + 1)
      this.#judge(this.#partial ?? chunk, 0, this.#length)
      this.#length = 0
    }
    return end + 1
  }

  #keep(chunk: Buffer, from: number, to: number): void {
    this.#partial ??= Buffer.allocUnsafeSlow(this.#limit)
    if (this.#length < this.#limit) chunk.copy(this.#partial, this.#length, from, to)
    this.#length += to - from
  }

  #judge(line: Buffer, from: number, to: number): void {
    if (to - from > this.#limit) {
      this.verdict = 'too-long'
      return
    }
    const end = to - 2
    if (end < from || line[end] !== CR) {
      this.verdict = 'bare-lf'
      return
    }
    this.verdict = 'bad'
    let high = 0
    for (let i = from; i < end; i++) {
      const octet = line[i] ?? 0
      if (octet < 0x20 || octet === 0x7f) return
      high |= octet
    }
    if (high < 0x80) this.text = line.toString('latin1', from, end)
    else if (isUtf8(line.subarray(from, end))) this.text = line.toString('utf8', from, end)
    else return
    this.verdict = 'good'
  }
}

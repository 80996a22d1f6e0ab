/**
 * Measures the bytes of a mail: what signing must know, and what the next hop must be able to carry. Counts only; changes nothing.
 */
import { isAscii } from 'node:buffer'
import type { ByteSource } from '@siegel/engine'

const LF = 0x0a
const CR = 0x0d

/** What outbound must know of a copy's bytes. */
export interface Measures {
  readonly size: number
  readonly eightBit: boolean
  readonly eightBitHeader: boolean
  readonly bareLineEnds: boolean
  readonly longestLine: number
}

/**
 * Measures a message given in pieces.
 * @param header - the pieces of the header section, with the empty line
 * @param body - the pieces of the body
 */
export function measure(header: readonly Buffer[], body: readonly Buffer[]): Measures {
  const lines = new LineMeter()
  let size = 0
  for (const piece of header) {
    size += piece.length
    lines.take(piece)
  }
  for (const piece of body) {
    size += piece.length
    lines.take(piece)
  }
  lines.end()
  return {
    size,
    eightBit: !body.every((piece) => isAscii(piece)),
    eightBitHeader: !header.every((piece) => isAscii(piece)),
    bareLineEnds: lines.bare,
    longestLine: lines.longest,
  }
}

/** Measures a message whose body is not in memory, by reading it once. */
export async function measureSource(header: readonly Buffer[], body: ByteSource): Promise<Measures> {
  const lines = new LineMeter()
  for (const piece of header) lines.take(piece)
  let eightBit = false
  for await (const chunk of body.chunks()) {
    lines.take(chunk)
    eightBit ||= !isAscii(chunk)
  }
  lines.end()
  return {
    size: header.reduce((sum, piece) => sum + piece.length, 0) + body.length,
    eightBit,
    eightBitHeader: !header.every((piece) => isAscii(piece)),
    bareLineEnds: lines.bare,
    longestLine: lines.longest,
  }
}

/** Finds the longest line and line ends that are not CRLF, over pieces, with native searches only. */
class LineMeter {
  longest = 0
  bare = false
  /** Octets of the line so far, without its line end. */
  #open = 0
  #lastWasCr = false

  take(piece: Buffer): void {
    if (piece.length === 0) return
    let start = 0
    for (let lf = piece.indexOf(LF); lf >= 0; lf = piece.indexOf(LF, start)) {
      const crBefore = lf > 0 ? piece[lf - 1] === CR : this.#lastWasCr
      if (!crBefore) this.bare = true
      this.#line(this.#open + lf - start - (crBefore ? 1 : 0))
      start = lf + 1
    }
    this.#open += piece.length - start
    this.#findBareCr(piece)
    this.#lastWasCr = piece[piece.length - 1] === CR
  }

  /** Ends the message. */
  end(): void {
    if (this.#lastWasCr) this.bare = true
    this.#line(this.#open)
  }

  #line(length: number): void {
    if (length > this.longest) this.longest = length
    this.#open = 0
  }

  #findBareCr(piece: Buffer): void {
    if (this.bare) return
    if (this.#lastWasCr && piece[0] !== LF) this.bare = true
    for (let cr = piece.indexOf(CR); cr >= 0 && cr < piece.length - 1; cr = piece.indexOf(CR, cr + 1))
      if (piece[cr + 1] !== LF) {
        this.bare = true
        return
      }
  }
}

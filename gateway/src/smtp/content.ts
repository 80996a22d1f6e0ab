/**
 * Walks the content of a mail once while it arrives: takes away dot-stuffing and finds the end (DATA), finds the end of the
 * header section, and counts what the next hop must be able to carry. Works in place on the buffers that the socket read.
 * Stores nothing, refuses nothing: it reports bare line ends, the caller refuses.
 *
 * The cost per octet has one bound whatever the octets are: a flood of dots or of empty lines is no dearer than text.
 */

const LF = 0x0a
const CR = 0x0d
const DOT = 0x2e
/** Every octet that matters is below this one. */
const SPECIAL = 0x0e0e0e0e
const HIGH_BITS = 0x80808080 | 0
/** Below this many octets a view on words costs more than it saves. */
const WORDS_FROM = 64
/** Below this many octets a loop is faster than copyWithin. */
const COPY_FROM = 32
const NO_WORDS = new Uint32Array(0)

/** What stands before the next octet. */
type Before = 'text' | 'line-start' | 'cr' | 'dot' | 'dot-cr'

/** What was counted; the fields have the meaning that BodyFacts gives them. */
export interface ContentFacts {
  readonly size: number
  readonly headerSize: number
  readonly eightBit: boolean
  readonly eightBitHeader: boolean
  readonly bareLineEnds: boolean
  readonly nul: boolean
  readonly longestLine: number
}

/** Reads the content of one mail. */
export class ContentReader {
  /** After `read`: the content is `chunk.subarray(pieceStart, pieceEnd)`. */
  pieceStart = 0
  /** After `read`: where the content ends. */
  pieceEnd = 0
  /** After `read`: the index in the chunk behind the empty line that ends the header section, if it was in this piece; else -1. */
  headerEnd = -1
  /** Octets so far, without dot-stuffing. */
  size = 0
  /** A CR or LF outside a CRLF has come. After that, in DATA, only `hasEnded` and `size` are still exact. */
  bareLineEnds = false
  /** The longest line of the header section so far, the unfinished one included. */
  longestHeaderLine = 0

  readonly #dots: boolean
  #ended = false
  #before: Before = 'line-start'
  /** Octets of the unfinished line. */
  #line = 0
  #longestLine = 0
  #inHeader = true
  #headerSize = 0
  #high = 0
  #highHeader = 0
  #nul = false

  /** @param dots - the content comes by DATA: dot-stuffed, with an end of its own; else by BDAT */
  constructor(dots: boolean) {
    this.#dots = dots
  }

  /**
   * Takes the next octets; they are changed in place.
   *
   * @param chunk - a buffer that nobody else reads
   * @param from - first octet
   * @param to - behind the last octet
   * @returns the index of the first octet that is not content: `to`, or behind the end of the data
   */
  read(chunk: Buffer, from: number, to: number): number {
    this.headerEnd = -1
    this.pieceStart = this.pieceEnd = from
    if (from >= to) return from
    let segment = this.#carryOn(chunk, from, to)
    if (this.#ended || segment >= to) return segment
    const words = to - segment < WORDS_FROM ? NO_WORDS : wordsOf(chunk)
    const start = (this.pieceStart = segment)
    let out = segment
    let next = segment
    let lineStart = segment - this.#line
    while (next < to) {
      const i = this.#skip(chunk, words, next, to)
      if (i >= to) break
      next = i + 1
      const octet = chunk[i]
      if (octet === 0) {
        this.#nul = true
        continue
      }
      let crlf = false
      if (octet === CR) {
        if (next === to) {
          this.#before = 'cr'
          break
        }
        crlf = chunk[next] === LF
        if (crlf) next++
      } else crlf = i === start && this.#before === 'cr'
      if (!crlf) this.bareLineEnds = true
      if (!crlf && octet === CR) continue
      this.#lineEnd((octet === CR ? i : i - (crlf ? 1 : 0)) - lineStart, out + next - segment)
      lineStart = next
      if (!crlf || !this.#dots) continue
      if (next === to) this.#before = 'line-start'
      else if (chunk[next] === DOT) {
        out = move(chunk, out, segment, next)
        segment = lineStart = next = this.#dot(chunk, next, to)
        if (this.hasEnded() || next === to) return this.#close(start, out, 0, next)
      }
    }
    return this.#close(start, move(chunk, out, segment, to), to - lineStart, to)
  }

  /** Whether the line with the single dot has come. RFC 5321 4.5.2 */
  hasEnded(): boolean {
    return this.#ended
  }

  /** No more will come: counts the line that has no end. */
  finish(): void {
    if (this.#before === 'cr') this.bareLineEnds = true
    if (this.#line > this.#longestLine) this.#longestLine = this.#line
    if (this.#inHeader) this.#endHeader(this.size)
  }

  /** What was counted so far; exact after `finish`. */
  get facts(): ContentFacts {
    return {
      size: this.size,
      headerSize: this.#headerSize,
      eightBit: (this.#high & HIGH_BITS) !== 0,
      eightBitHeader: (this.#highHeader & HIGH_BITS) !== 0,
      bareLineEnds: this.bareLineEnds,
      nul: this.#nul,
      longestLine: this.#longestLine,
    }
  }

  /** Takes up what stood at the end of the last chunk; returns where plain content begins. */
  #carryOn(chunk: Buffer, from: number, to: number): number {
    const octet = chunk[from]
    const before = this.#before
    if (before === 'text') return from
    if (before === 'cr') {
      if (octet !== LF) {
        this.bareLineEnds = true
        this.#before = 'text'
      }
      return from
    }
    this.#before = 'text'
    if (before === 'line-start') return this.#dots && octet === DOT ? this.#dot(chunk, from, to) : from
    if (before === 'dot') return octet === CR ? this.#dotCr(chunk, from, from + 1, to) : from
    return this.#dotCr(chunk, from, from, to)
  }

  /** A dot stands at `dot`, at the start of a line: goes, or ends the data. Returns where the content goes on. RFC 5321 4.5.2 */
  #dot(chunk: Buffer, dot: number, to: number): number {
    this.#before = 'text'
    if (dot + 1 === to) {
      this.#before = 'dot'
      return to
    }
    return chunk[dot + 1] === CR ? this.#dotCr(chunk, dot + 1, dot + 2, to) : dot + 1
  }

  /** Dot and CR have come; only LF at `i` ends the data. Anything else makes the CR a bare one: `onward` is where text begins. */
  #dotCr(chunk: Buffer, onward: number, i: number, to: number): number {
    if (i === to) {
      this.#before = 'dot-cr'
      return to
    }
    if (chunk[i] === LF) {
      this.#ended = true
      return i + 1
    }
    this.bareLineEnds = true
    return onward
  }

  /** A line of `length` octets has ended; `end` is the index behind it as the piece will be. */
  #lineEnd(length: number, end: number): void {
    this.#before = 'text'
    if (length > this.#longestLine) this.#longestLine = length
    if (!this.#inHeader) return
    // RFC 5322 2.1: the header section ends with the first empty line
    if (length === 0) {
      this.headerEnd = end
      this.#endHeader(this.size + end - this.pieceStart)
    } else if (length > this.longestHeaderLine) this.longestHeaderLine = length
  }

  #endHeader(size: number): void {
    this.#inHeader = false
    this.#headerSize = size
    this.#highHeader = this.#high
    this.#high = 0
  }

  #close(start: number, end: number, line: number, next: number): number {
    this.pieceStart = start
    this.pieceEnd = end
    this.size += end - start
    this.#line = line
    const length = this.#before === 'cr' ? line - 1 : line
    if (this.#inHeader && length > this.longestHeaderLine) this.longestHeaderLine = length
    return next
  }

  /** The index of the next CR, LF or NUL, or `to`; notes 8-bit octets on the way. */
  #skip(chunk: Buffer, words: Uint32Array, from: number, to: number): number {
    let high = 0
    let i = from
    const base = chunk.byteOffset
    while (i < to) {
      if (words.length > 0 && ((base + i) & 3) === 0) {
        let word = (base + i - wordsStart(base)) >> 2
        const first = word
        const last = word + ((to - i) >> 2)
        while (word < last) {
          const octets = (words[word] ?? 0) | 0
          if (((octets - SPECIAL) & ~octets & HIGH_BITS) !== 0) break
          high |= octets
          word++
        }
        i += (word - first) << 2
        if (i >= to) break
      }
      const octet = chunk[i] ?? 0
      if (octet === LF || octet === CR || octet === 0) break
      high |= octet
      i++
    }
    this.#high |= high
    return i
  }
}

function wordsStart(byteOffset: number): number {
  return (byteOffset + 3) & ~3
}

/** The aligned words inside a chunk. */
function wordsOf(chunk: Buffer): Uint32Array {
  const start = wordsStart(chunk.byteOffset)
  const count = (chunk.byteOffset + chunk.length - start) >> 2
  return new Uint32Array(chunk.buffer, start, count)
}

/** Moves the octets `[from, to)` forward to `out`; returns the index behind them. */
function move(chunk: Buffer, out: number, from: number, to: number): number {
  if (out === from) return to
  const length = to - from
  if (length >= COPY_FROM) chunk.copyWithin(out, from, to)
  else for (let i = 0; i < length; i++) chunk[out + i] = chunk[from + i] ?? 0
  return out + length
}

/**
 * One look over a range of bytes that tells what stands in the way of a canonical, 7-bit transport: bytes above 127, NUL,
 * line breaks that are not CRLF, long lines, lines that begin with "From ". Four bytes are tested at a time.
 */

/** Findings of `survey`, to be combined. */
export const FOUND = {
  /** A byte above 127. */
  eightBit: 1,
  /** A NUL byte. */
  nul: 2,
  /** A line feed without a carriage return before it, or the reverse. */
  bareBreak: 4,
  /** A line of more than 998 bytes (RFC 5322 2.1.1). */
  longLine: 8,
  /** A line that begins with "From ", which mailbox stores change. */
  fromLine: 16,
} as const

const LF = 0x0a
const CR = 0x0d
const MAX_LINE = 998

/** What is found in `bytes[start, end)`: a sum of `FOUND` values, 0 if the range is canonical and 7-bit safe. */
export function survey(bytes: Buffer, start = 0, end: number = bytes.length): number {
  const state: SurveyState = { found: isFrom(bytes, start, end) ? FOUND.fromLine : 0, lineStart: start }
  const skew = (4 - ((bytes.byteOffset + start) & 3)) & 3
  const wordsFrom = Math.min(start + skew, end)
  const wordCount = (end - wordsFrom) >> 2
  look(bytes, start, wordsFrom, start, end, state)
  if (wordCount > 0) {
    const words = new Int32Array(bytes.buffer, bytes.byteOffset + wordsFrom, wordCount)
    for (let w = 0; w < wordCount; w++) {
      const word = words[w] ?? 0
      const lf = word ^ 0x0a0a0a0a
      const cr = word ^ 0x0d0d0d0d
      // The classic test for a zero byte in a word, for LF, CR and NUL at once; it may only err towards looking closer.
      const hit = ((lf - 0x01010101) & ~lf) | ((cr - 0x01010101) & ~cr) | (word - 0x01010101) | word
      if ((hit & 0x80808080) !== 0) look(bytes, wordsFrom + w * 4, wordsFrom + w * 4 + 4, start, end, state)
    }
  }
  look(bytes, wordsFrom + wordCount * 4, end, start, end, state)
  if (end - state.lineStart > MAX_LINE) state.found |= FOUND.longLine
  return state.found
}

interface SurveyState {
  found: number
  lineStart: number
}

/** Looks at single bytes. */
function look(bytes: Buffer, from: number, to: number, start: number, end: number, state: SurveyState): void {
  for (let i = from; i < to; i++) {
    const byte = bytes[i] ?? 0
    if (byte > 0x7f) state.found |= FOUND.eightBit
    else if (byte === LF) {
      const crlf = i > start && bytes[i - 1] === CR
      if (!crlf) state.found |= FOUND.bareBreak
      if (i - (crlf ? 1 : 0) - state.lineStart > MAX_LINE) state.found |= FOUND.longLine
      state.lineStart = i + 1
      if (isFrom(bytes, i + 1, end)) state.found |= FOUND.fromLine
    } else if (byte === CR) {
      if (i + 1 >= end || bytes[i + 1] !== LF) state.found |= FOUND.bareBreak
    } else if (byte === 0) state.found |= FOUND.nul
  }
}

function isFrom(bytes: Buffer, at: number, end: number): boolean {
  return (
    bytes[at] === 0x46 &&
    at + 5 <= end &&
    bytes[at + 1] === 0x72 &&
    bytes[at + 2] === 0x6f &&
    bytes[at + 3] === 0x6d &&
    bytes[at + 4] === 0x20
  )
}

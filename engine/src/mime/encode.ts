/**
 * Content-Transfer-Encoding, written: base64 in lines of 76 and quoted-printable (RFC 2045 6.7, 6.8), both with CRLF.
 * What is written survives every mail transport, mailbox files and dot-stuffing included.
 */

const CR = 0x0d
const LF = 0x0a
const EQUALS = 0x3d
const DASH = 0x2d
const DOT = 0x2e
/** Input bytes of one base64 line of 76 characters. */
const ROW = 57
/** Input bytes encoded in one native call; a multiple of ROW. */
const BLOCK = ROW * 1024
const DIGITS = Buffer.from('0123456789ABCDEF')
/** Input bytes of quoted-printable handled with one scratch buffer. */
const PIECE = 32_768
/** RFC 2045 6.7 rule 5: at most 76 characters, of which the last is the `=` of a soft break. */
const MAX_COLUMN = 75

/** base64 in lines of 76 characters; each line, the last one too, ends with CRLF. The chunks are encoded as one text. */
export function encodeBase64Lines(bytes: readonly Buffer[]): Buffer {
  const total = bytes.reduce((sum, chunk) => sum + chunk.length, 0)
  const characters = Math.ceil(total / 3) * 4
  const out = Buffer.allocUnsafe(characters + 2 * Math.ceil(characters / 76))
  const only = bytes.length === 1 ? bytes[0] : undefined
  let at = 0
  if (only !== undefined) {
    for (let i = 0; i < total; i += BLOCK) at = encodeBlock(only, i, Math.min(i + BLOCK, total), out, at)
    return out
  }
  // Blocks that cross chunks are put together first: a line must not end where a chunk ends.
  const scratch = Buffer.allocUnsafe(Math.min(BLOCK, total))
  let filled = 0
  for (const chunk of bytes) {
    let from = 0
    while (from < chunk.length) {
      if (filled === 0 && chunk.length - from >= BLOCK) {
        at = encodeBlock(chunk, from, from + BLOCK, out, at)
        from += BLOCK
        continue
      }
      const copied = chunk.copy(scratch, filled, from)
      filled += copied
      from += copied
      if (filled === BLOCK) {
        at = encodeBlock(scratch, 0, filled, out, at)
        filled = 0
      }
    }
  }
  encodeBlock(scratch, 0, filled, out, at)
  return out
}

/** Encodes a range into `out` at `at`: one native call to the right end of its place, then the lines move left. */
function encodeBlock(bytes: Buffer, start: number, end: number, out: Buffer, at: number): number {
  if (start === end) return at
  const text = bytes.toString('base64', start, end)
  const lines = Math.ceil(text.length / 76)
  let from = at + 2 * lines
  out.write(text, from, 'latin1')
  const textEnd = from + text.length
  let to = at
  while (from < textEnd) {
    const next = Math.min(from + 76, textEnd)
    out.copyWithin(to, from, next)
    to += next - from
    from = next
    out[to++] = CR
    out[to++] = LF
  }
  return to
}

/**
 * Quoted-printable. CRLF stays a line break, or is written as `=0D=0A` with `binary`; a bare CR or LF is always escaped.
 * Also escaped, beyond the standard: a dash or dot at the start of a line and the F of "From " there, so that no line
 * looks like a delimiter, a dot-stuffed line or a mailbox separator (RFC 2049 3).
 */
export function encodeQuotedPrintable(bytes: Buffer, options: { readonly binary?: boolean } = {}): Buffer {
  return new QuotedPrintableEncoder(options.binary === true).encode(bytes, bytes.length)
}

/** Encodes text piece by piece. */
export class QuotedPrintableEncoder {
  readonly #binary: boolean
  #column = 0

  /** @param binary - line breaks are escaped as well */
  constructor(binary: boolean) {
    this.#binary = binary
  }

  /**
   * Encodes the next piece.
   * @param bytes - the piece, and what follows it as far as it is known
   * @param end - where the piece ends: never between a carriage return and its line feed
   */
  encode(bytes: Buffer, end: number): Buffer {
    const pieces: Buffer[] = []
    // A byte becomes at most three, and a soft break comes at most after every 73rd.
    const scratch = Buffer.allocUnsafe(Math.min(end, PIECE) * 3 + Math.ceil(PIECE / 8))
    const binary = this.#binary
    let column = this.#column
    let at = 0
    for (let i = 0; i < end; i++) {
      const byte = bytes[i] ?? 0
      if (byte === CR && bytes[i + 1] === LF && !binary) {
        scratch[at++] = CR
        scratch[at++] = LF
        column = 0
        i++
      } else {
        let escape = mustEscape(bytes, i, byte)
        const breakBefore = column + (escape ? 3 : 1) > MAX_COLUMN
        if (breakBefore) {
          scratch[at++] = EQUALS
          scratch[at++] = CR
          scratch[at++] = LF
          column = 0
        }
        escape ||= column === 0 && isRiskyAtLineStart(bytes, i, byte)
        if (escape) {
          scratch[at++] = EQUALS
          scratch[at++] = DIGITS[byte >> 4] ?? 0
          scratch[at++] = DIGITS[byte & 15] ?? 0
          column += 3
        } else {
          scratch[at++] = byte
          column++
        }
      }
      if (at >= PIECE * 3) {
        pieces.push(Buffer.from(scratch.subarray(0, at)))
        at = 0
      }
    }
    this.#column = column
    pieces.push(scratch.subarray(0, at))
    return pieces.length === 1 ? (pieces[0] ?? scratch) : Buffer.concat(pieces)
  }
}

/** RFC 2045 6.7: everything but printable US-ASCII without `=`; white space only before a line end. */
function mustEscape(bytes: Buffer, i: number, byte: number): boolean {
  if (byte === 0x20 || byte === 0x09) {
    const next = bytes[i + 1]
    return next === undefined || next === CR || next === LF
  }
  return byte < 0x21 || byte > 0x7e || byte === EQUALS
}

function isRiskyAtLineStart(bytes: Buffer, i: number, byte: number): boolean {
  return byte === DASH || byte === DOT || (byte === 0x46 && bytes.toString('latin1', i, i + 5) === 'From ')
}

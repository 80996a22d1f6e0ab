/**
 * Cuts a stream of chunks behind line ends, so that what is done line by line in one piece of text can be done piece by piece.
 * A line too long to be held is cut anywhere; then what follows the cut can still be seen.
 */

const LF = 0x0a
/** A line is held up to this length. */
const LONG = 65_536
/** Octets that stay in sight behind a cut inside a line. */
const AHEAD = 8

/** A piece of text: `bytes` up to `end`. */
export interface TextPiece {
  readonly bytes: Buffer
  /** Octets behind it belong to the next piece; they may be looked at. Equal to the length behind a line end and at the end. */
  readonly end: number
}

/** The text in pieces. No piece ends between a carriage return and its line feed. */
export async function* textPieces(chunks: AsyncIterable<Buffer>): AsyncGenerator<TextPiece> {
  let held: Buffer = Buffer.alloc(0)
  for await (const chunk of chunks) {
    const lines = chunk.lastIndexOf(LF) + 1
    if (lines > 0) {
      const whole = chunk.subarray(0, lines)
      const bytes = held.length === 0 ? whole : Buffer.concat([held, whole])
      yield { bytes, end: bytes.length }
      held = Buffer.from(chunk.subarray(lines))
      continue
    }
    held = Buffer.concat([held, chunk])
    if (held.length < LONG) continue
    const end = held.length - AHEAD
    yield { bytes: held, end }
    held = held.subarray(end)
  }
  if (held.length > 0) yield { bytes: held, end: held.length }
}

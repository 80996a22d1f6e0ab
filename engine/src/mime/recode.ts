/**
 * The stream twins of survey, canonical, encode and decode: the same results in chunks, for bodies that are not held.
 * What comes out for one input is always the same, so that it can be made again instead of being kept.
 */
import { countOctets, streamOf } from '../bytes/source.ts'
import type { ByteSource, ByteStream } from '../bytes/source.ts'
import { EngineError } from '../errors.ts'
import { canonicalise } from './canonical.ts'
import { Base64Decoder, decodeQuotedPrintable } from './decode.ts'
import { encodeBase64Lines, QuotedPrintableEncoder } from './encode.ts'
import { textPieces } from './lines.ts'
import { survey } from './survey.ts'

type Chunks = AsyncIterable<Buffer>

/** Octets of one base64 line of 76 characters. */
const ROW = 57
const EQUALS = 0x3d
const LF = 0x0a
/** White space without end is no text: more of it is not held. */
const MOST_HELD = 1 << 20

/** What `survey` finds. */
export async function surveyChunks(chunks: Chunks): Promise<number> {
  let found = 0
  // A line that was cut is long, so nothing more that is found in its later pieces can change a decision.
  for await (const { bytes, end } of textPieces(chunks)) found |= survey(bytes, 0, end)
  return found
}

/** What `canonicalise` gives. */
export async function* canonicalChunks(chunks: Chunks): AsyncGenerator<Buffer> {
  for await (const { bytes, end } of textPieces(chunks)) yield canonicalise(bytes.subarray(0, end))
}

/** What `encodeBase64Lines` gives. */
export async function* base64Chunks(chunks: Chunks): AsyncGenerator<Buffer> {
  // Less than a line.
  let held: Buffer = Buffer.alloc(0)
  for await (const chunk of chunks) {
    const total = held.length + chunk.length
    if (total < ROW) {
      held = Buffer.concat([held, chunk])
      continue
    }
    const cut = chunk.length - (total % ROW)
    const whole = chunk.subarray(0, cut)
    yield encodeBase64Lines(held.length === 0 ? [whole] : [held, whole])
    held = Buffer.from(chunk.subarray(cut))
  }
  if (held.length > 0) yield encodeBase64Lines([held])
}

/** A source in base64, encoded whenever it is read. */
export function base64Source(source: ByteSource): ByteSource {
  const made = streamOf(() => base64Chunks(source.chunks()))
  return { length: base64Length(source.length), chunks: (start, end) => made.chunks(start, end) }
}

/** Octets that `encodeBase64Lines` makes of as many. */
export function base64Length(octets: number): number {
  const characters = Math.ceil(octets / 3) * 4
  return characters + 2 * Math.ceil(characters / 76)
}

/** What `decodeBase64` gives. */
export async function* decodedBase64Chunks(chunks: Chunks): AsyncGenerator<Buffer> {
  const decoder = new Base64Decoder()
  for await (const chunk of chunks) {
    const bytes = decoder.push(chunk)
    if (bytes.length > 0) yield bytes
  }
}

/** What `encodeQuotedPrintable` gives. */
export async function* quotedPrintableChunks(chunks: Chunks, binary: boolean): AsyncGenerator<Buffer> {
  const encoder = new QuotedPrintableEncoder(binary)
  for await (const { bytes, end } of textPieces(chunks)) yield encoder.encode(bytes, end)
}

/**
 * What `decodeQuotedPrintable` gives.
 * @throws EngineError `mime-not-seven-bit` for white space without end
 */
export async function* decodedQuotedPrintableChunks(chunks: Chunks): AsyncGenerator<Buffer> {
  let held: Buffer = Buffer.alloc(0)
  for await (const chunk of chunks) {
    const bytes: Buffer = held.length === 0 ? chunk : Buffer.concat([held, chunk])
    const cut = safeCut(bytes)
    if (cut > 0) yield decodeQuotedPrintable(bytes.subarray(0, cut))
    held = Buffer.from(bytes.subarray(cut))
    if (held.length > MOST_HELD)
      throw new EngineError('mime-not-seven-bit', 'a line of nothing but white space')
  }
  if (held.length > 0) yield decodeQuotedPrintable(held)
}

/** Where quoted-printable can be cut: behind a line end, or behind a plain character that no escape or line end can begin before. */
function safeCut(bytes: Buffer): number {
  for (let at = bytes.length; at > 0; at--) {
    const byte = bytes[at - 1] ?? 0
    if (byte === LF) return at
    if (byte > 0x20 && byte !== EQUALS && bytes[at - 2] !== EQUALS && at > 1) return at
  }
  return 0
}

/** Whether quoted-printable would be the shorter form: the share of octets to escape is at most `dense`. */
export async function escapesFew(chunks: Chunks, dense: number): Promise<boolean> {
  let escapes = 0
  let length = 0
  for await (const chunk of chunks) {
    length += chunk.length
    for (const byte of chunk) if (byte > 0x7e || byte === EQUALS) escapes++
  }
  return escapes <= length * dense
}

/** A rewritten stream as a source of known length; it is rewritten anew whenever it is read. */
export async function rewritten(
  stream: ByteStream,
  rewrite: (chunks: Chunks) => AsyncGenerator<Buffer>,
): Promise<ByteSource> {
  const made = streamOf(() => rewrite(stream.chunks()))
  const length = await countOctets(made)
  return { length, chunks: (start, end) => made.chunks(start, end) }
}

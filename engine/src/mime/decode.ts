/**
 * Content-Transfer-Encoding, read: base64 and quoted-printable (RFC 2045 6.7, 6.8). Never fails: damaged input gives what
 * can be read of it, as mail programs do. Unknown encodings are handed out as they stand.
 */
import type { ByteView } from '../bytes/source.ts'
import { bareBreaks } from './canonical.ts'
import type { MimeNode } from './entity.ts'

const LF = 0x0a
const CR = 0x0d
const SPACE = 0x20
const TAB = 0x09
const EQUALS = 0x3d
/** base64 text decoded in one native call, bytes. */
const PIECE = 1 << 20
/** The same for text that comes in chunks, which are not much longer. */
const EVEN_PIECE = 8192
/** Six-bit value of each byte; 64 for padding, 255 for what RFC 2045 6.8 says to ignore. */
const BASE64 = base64Table()
/** Value of each hexadecimal digit; 255 for other bytes. */
const HEX = hexTable()

/**
 * The decoded body of an entity. For an encoding that changes nothing this is a view, not a copy.
 * @param most - octets of the body, encoded, that are looked at
 */
export function decodeBody(bytes: ByteView, node: MimeNode, most = Infinity): Buffer {
  const body = bytes.subarray(node.bodyStart, Math.min(node.end, node.bodyStart + most))
  // RFC 2045 6.4: a multipart has no encoding of its own
  if (node.type.startsWith('multipart/')) return body
  if (node.encoding === 'base64') return decodeBase64(body)
  if (node.encoding === 'quoted-printable') return decodeQuotedPrintable(body)
  return body
}

/**
 * Decodes base64. Characters outside the alphabet are ignored; decoding goes on behind padding, so that texts which were
 * encoded apart and put together are read whole. A last quantum without its padding was cut off on the way (RFC 2045 6.8) and
 * is dropped.
 */
export function decodeBase64(bytes: Buffer): Buffer {
  if (bytes.length <= PIECE && isPlainBase64(bytes)) {
    const decoded = Buffer.from(bytes.toString('latin1'), 'base64')
    // Where there is padding it mostly stands at the end
    return bytes.lastIndexOf(EQUALS) !== -1
      ? decoded
      : decoded.subarray(0, decoded.length - (decoded.length % 3))
  }
  const out = Buffer.allocUnsafe(Math.ceil((bytes.length * 3) / 4))
  const { read, written } = decodeEvenLines(bytes, out, PIECE)
  const open = { quantum: 0, have: 0 }
  return out.subarray(0, decodeSome(bytes, read, bytes.length, out, written, open))
}

/** Decodes base64 chunk by chunk, with the same result as in one piece. */
export class Base64Decoder {
  readonly #open: OpenQuantum = { quantum: 0, have: 0 }
  #room: Buffer = Buffer.alloc(0)

  /** What the next chunk completes; good until the next call. */
  push(bytes: Buffer): Buffer {
    const needed = Math.ceil((bytes.length * 3) / 4) + 3
    if (this.#room.length < needed) this.#room = Buffer.allocUnsafeSlow(needed)
    const out = this.#room
    const open = this.#open
    // To the end of the line first: whole lines are decoded natively.
    const line = bytes.indexOf(LF) + 1
    let written = decodeSome(bytes, 0, line, out, 0, open)
    let at = line
    if (open.have === 0) {
      const even = decodeEvenLines(bytes.subarray(line), out.subarray(written), EVEN_PIECE)
      at += even.read
      written += even.written
    }
    return out.subarray(0, decodeSome(bytes, at, bytes.length, out, written, open))
  }
}

/** Decodes natively, piece by piece, as long as all lines are equally long and hold whole quanta. */
function decodeEvenLines(bytes: Buffer, out: Buffer, most: number): { read: number; written: number } {
  const line = bytes.indexOf(LF) + 1
  const characters = line - (bytes[line - 2] === CR ? 2 : 1)
  let read = 0
  let written = 0
  if (line === 0 || line > most || characters === 0 || characters % 4 !== 0) return { read, written }
  const lines = Math.floor(most / line)
  while (read + lines * line <= bytes.length) {
    const piece = bytes.subarray(read, read + lines * line)
    if (!isPlainBase64(piece)) break
    // Fewer bytes than the lines have room for: there is padding or rubbish in them.
    const expected = lines * (characters / 4) * 3
    if (out.write(piece.toString('latin1'), written, 'base64') !== expected || !endsEvenly(piece, line)) break
    read += piece.length
    written += expected
  }
  return { read, written }
}

/** True if a line feed stands at the end of every line of this length, so that no more characters can hide. */
function endsEvenly(piece: Buffer, line: number): boolean {
  const isCrlf = piece[line - 2] === CR
  for (let end = line - 1; end < piece.length; end += line) {
    if (piece[end] !== LF || (isCrlf && piece[end - 1] !== CR)) return false
  }
  return true
}

/** The digits of a quantum that is not complete yet. */
interface OpenQuantum {
  quantum: number
  have: number
}

/** Decodes `bytes[from, to)` character by character into `out` at `start`; returns the end of what was written. */
function decodeSome(
  bytes: Buffer,
  from: number,
  to: number,
  out: Buffer,
  start: number,
  open: OpenQuantum,
): number {
  let at = start
  let { quantum, have } = open
  for (let i = from; i < to; i++) {
    const value = BASE64[bytes[i] ?? 0] ?? 255
    if (value === 255) continue
    if (value === 64) {
      at = flush(out, at, quantum, have)
      have = quantum = 0
      continue
    }
    quantum = (quantum << 6) | value
    if (++have < 4) continue
    out[at++] = quantum >> 16
    out[at++] = quantum >> 8
    out[at++] = quantum
    have = quantum = 0
  }
  open.quantum = quantum
  open.have = have
  return at
}

/** True if the native decoder reads it as RFC 2045 does: it takes `-` and `_` for digits and stops at padding. */
function isPlainBase64(bytes: Buffer): boolean {
  if (bytes.includes(0x2d) || bytes.includes(0x5f)) return false
  const padding = bytes.indexOf(EQUALS)
  if (padding === -1) return true
  for (let i = padding; i < bytes.length; i++) {
    const value = BASE64[bytes[i] ?? 0] ?? 255
    if (value < 64) return false
  }
  return true
}

/** Writes the bytes of a quantum that padding ends; a single left-over character holds no whole byte. */
function flush(out: Buffer, at: number, quantum: number, have: number): number {
  if (have === 2) out[at++] = quantum >> 4
  if (have === 3) {
    out[at++] = quantum >> 10
    out[at++] = quantum >> 2
  }
  return at
}

/**
 * Decodes quoted-printable. Escapes that are none stay as they are; white space at line ends is dropped; a line break is
 * CRLF however the encoded text writes it.
 */
export function decodeQuotedPrintable(bytes: Buffer): Buffer {
  const out = Buffer.allocUnsafe(bytes.length + bareBreaks(bytes))
  let at = 0
  /** Output length up to the last byte that is not white space written plainly. */
  let solid = 0
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] ?? 0
    if (byte === SPACE || byte === TAB) {
      out[at++] = byte
      continue
    }
    if (byte === LF || (byte === CR && bytes[i + 1] === LF)) {
      // RFC 2045 6.7 rule 3: white space at the end of a line was added on the way; rule 4: a break stands for CRLF
      at = solid
      out[at++] = CR
      out[at++] = LF
      solid = at
      if (byte === CR) i++
      continue
    }
    if (byte === EQUALS) {
      const high = HEX[bytes[i + 1] ?? 0] ?? 255
      const low = HEX[bytes[i + 2] ?? 0] ?? 255
      if (i + 2 < bytes.length && high < 16 && low < 16) {
        out[at++] = (high << 4) | low
        solid = at
        i += 2
        continue
      }
      const next = afterSoftBreak(bytes, i + 1)
      if (next !== -1) {
        // RFC 2045 6.7 rule 5: white space before the sign of a soft break counts
        solid = at
        i = next - 1
        continue
      }
    }
    out[at++] = byte
    solid = at
  }
  return out.subarray(0, solid)
}

/** Offset after the line break of a soft break whose `=` stands before `from`; -1 if there is text before the break. */
function afterSoftBreak(bytes: Buffer, from: number): number {
  let i = from
  while (bytes[i] === SPACE || bytes[i] === TAB) i++
  if (i >= bytes.length) return bytes.length
  if (bytes[i] === LF) return i + 1
  return bytes[i] === CR && bytes[i + 1] === LF ? i + 2 : -1
}

function base64Table(): Uint8Array {
  const table = new Uint8Array(256).fill(255)
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
  for (let i = 0; i < alphabet.length; i++) table[alphabet.charCodeAt(i)] = i
  table[EQUALS] = 64
  return table
}

function hexTable(): Uint8Array {
  const table = new Uint8Array(256).fill(255)
  for (let i = 0; i < 16; i++) {
    const digit = i.toString(16)
    table[digit.charCodeAt(0)] = i
    table[digit.toUpperCase().charCodeAt(0)] = i
  }
  return table
}

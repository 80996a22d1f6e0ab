/**
 * Editing of header blocks on bytes: fields are removed and lines put on top; everything else stays byte for byte and in
 * order. Nothing is refolded, decoded or sorted, so that signatures of others (DKIM, ARC) and Exchange's own fields survive.
 */
import { EngineError } from '../errors.ts'
import type { HeaderField, MimeLimits } from './entity.ts'
import { MIME_LIMITS } from './entity.ts'
import { isMboxLine, lineAfter, scanHeader, trimBlanks } from './header.ts'

/** What to change in a header block. */
export interface HeaderEdit {
  /** Tells for each field, with its position from 0, whether to leave it out. */
  readonly remove?: (field: HeaderField, index: number) => boolean
  /** Whole fields with their line ends, put on top in this order. */
  readonly prepend?: readonly Buffer[]
}

/** RFC 5322 2.1.1: the lengths of a line that should and that must not be exceeded, without CRLF. */
const WISHED = 78
const ALLOWED = 998

/**
 * Edits the header of a message, or of a header block alone. What comes before the first field and would spoil the new
 * lines goes: an mbox `From ` line, and lines of a continuation that continue nothing.
 * @param bytes - header and body; the body is not looked at
 * @returns the pieces of the result; all but the prepended lines are views into `bytes`
 * @throws EngineError header-too-long, header-line-too-long, header-too-many-fields
 */
export function editHeader(
  bytes: Buffer,
  edit: HeaderEdit,
  limits: MimeLimits = MIME_LIMITS,
): readonly Buffer[] {
  const { fields } = scanHeader(bytes, 0, limits)
  const prepend = edit.prepend ?? []
  const pieces: Buffer[] = [...prepend]
  let from = prepend.length === 0 ? 0 : afterSpoilers(bytes)
  fields.forEach((field, index) => {
    if (edit.remove?.(field, index) !== true) return
    if (field.start > from) pieces.push(bytes.subarray(from, field.start))
    from = field.end
  })
  if (from < bytes.length) pieces.push(bytes.subarray(from))
  return pieces
}

/** Offset after leading lines that may not stand under a header field. */
function afterSpoilers(bytes: Buffer): number {
  let at = isMboxLine(bytes) ? lineAfter(bytes, 0) : 0
  while (bytes[at] === 0x20 || bytes[at] === 0x09) at = lineAfter(bytes, at)
  return at
}

/**
 * Writes one field, folded before white space (RFC 5322 2.2.3) so that unfolding gives back the value: lines of at most 78
 * bytes where the words allow it, never more than 998.
 * @param name - the field name
 * @param value - its value in one line
 * @returns the field with its CRLF
 * @throws EngineError header-value-invalid for CR, LF, NUL or a word of more than 998 bytes
 */
export function foldHeader(name: string, value: string): Buffer {
  // RFC 5322 2.2: printable US-ASCII without the colon
  if (!/^[!-9;-~]+$/.test(name)) throw new EngineError('header-value-invalid', 'not a field name')
  if (/[\r\n\0]/.test(value)) throw new EngineError('header-value-invalid', `${name}: control characters`)
  const text = trimBlanks(value)
  let line = `${name}:`
  let out = ''
  // Each piece is white space and the word behind it; the first one stays on the line of the name.
  for (const piece of ` ${text}`.match(/[ \t]+[^ \t]+/g) ?? []) {
    const isFirst = out === '' && line === `${name}:`
    const limit = isFirst ? ALLOWED : WISHED
    if (Buffer.byteLength(line) + Buffer.byteLength(piece) > limit) {
      out += `${line}\r\n`
      line = ''
    }
    line += piece
    if (Buffer.byteLength(line) > ALLOWED)
      throw new EngineError('header-value-invalid', `${name}: a word is too long`)
  }
  return Buffer.from(`${out}${line}\r\n`, 'utf8')
}

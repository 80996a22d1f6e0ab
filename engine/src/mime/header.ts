/**
 * Header blocks as byte ranges: cuts fields, unfolds values. It does not interpret any field and never copies the block.
 * Only the empty line ends a header (RFC 5322 2.1). A line that is neither a field nor a continuation is passed over: so
 * every field is seen that any other reader may see, and none can be hidden behind a broken line.
 */
import type { ByteView } from '../bytes/source.ts'
import { EngineError } from '../errors.ts'
import { MIME_LIMITS } from './entity.ts'
import type { HeaderBlock, HeaderField, MimeLimits } from './entity.ts'

const LF = 0x0a
const CR = 0x0d
const SPACE = 0x20
const TAB = 0x09
const COLON = 0x3a

/** What the scanner of a whole message adds to the reading of one header block. */
export interface HeaderSurroundings {
  /** The block stands at the very top of the message. */
  readonly top: boolean
  /** Tells whether the line that starts at this offset is a delimiter line: it ends the header. */
  readonly isDelimiterLine: (offset: number) => boolean
  /** Fields that may still come, in this and all later header blocks; counted down. */
  readonly budget: { fields: number }
}

/** A header block as the scanner needs it. */
export interface ReadHeader extends HeaderBlock {
  /** True if a line was passed over that is neither a field nor a continuation of one. */
  readonly malformed: boolean
}

/** Offset of the colon of the field that starts at `from`, or -1. White space before the colon is obsolete syntax. */
function colonOf(bytes: Buffer, from: number): number {
  let i = from
  // RFC 5322 2.2: field names are printable US-ASCII without the colon
  for (; i < bytes.length; i++) {
    const byte = bytes[i] ?? 0
    if (byte === COLON) return i === from ? -1 : i
    if (byte < 0x21 || byte > 0x7e) break
  }
  if (i === from) return -1
  // RFC 5322 4.5: obs-optional allows white space before the colon
  while (i < bytes.length && (bytes[i] === SPACE || bytes[i] === TAB)) i++
  return bytes[i] === COLON ? i : -1
}

/**
 * True if a line at the very top is the envelope line of an mbox file; it belongs to no message. `From :` is no such line but
 * the field in its obsolete form: taken for an envelope line, it would hide an author from us that others see.
 */
export function isMboxLine(bytes: Buffer): boolean {
  const at = bytes[0] === 0x3e ? 1 : 0
  if (bytes[at] !== 0x46 || bytes.toString('latin1', at, at + 5) !== 'From ') return false
  // RFC 5322 4.5: field-name *WSP ":"
  return colonOf(bytes, 0) === -1
}

/**
 * Cuts one header block, with the wishes of the message scanner.
 * @throws EngineError header-too-long, header-line-too-long, header-too-many-fields
 */
export function readHeader(
  bytes: Buffer,
  start: number,
  limits: MimeLimits,
  surroundings: HeaderSurroundings,
): ReadHeader {
  const fields: HeaderField[] = []
  const { budget, isDelimiterLine, top } = surroundings
  let open: { name: string; start: number; valueStart: number } | null = null
  let at = start
  let emptyLine = false
  let malformed = false
  const finish = (end: number): void => {
    if (open === null) return
    if (--budget.fields < 0)
      throw new EngineError('header-too-many-fields', `more than ${limits.fields} fields`)
    fields.push({ ...open, lower: open.name.toLowerCase(), end })
  }
  if (top && isMboxLine(bytes)) at = lineAfter(bytes, 0)
  while (at < bytes.length) {
    const first = bytes[at]
    let colon = -1
    if (first === SPACE || first === TAB) {
      // RFC 5322 2.2.3 and 4.2: a line that starts with white space continues the field, even if nothing follows
      if (open === null) malformed = true
    } else if (first === LF || (first === CR && bytes[at + 1] === LF)) {
      emptyLine = true
      break
    } else {
      if (first === 0x2d && isDelimiterLine(at)) break
      colon = colonOf(bytes, at)
    }
    const next = lineAfter(bytes, at)
    if (next - at > limits.headerLineBytes + 2) {
      throw new EngineError('header-line-too-long', `a line at offset ${at} has ${next - at} bytes`)
    }
    if (next - start > limits.headerBytes) {
      throw new EngineError(
        'header-too-long',
        `the header at offset ${start} exceeds ${limits.headerBytes} bytes`,
      )
    }
    if (first !== SPACE && first !== TAB) {
      finish(at)
      if (colon === -1) malformed = true
      open = colon === -1 ? null : { name: nameOf(bytes, at, colon), start: at, valueStart: colon + 1 }
    }
    at = next
  }
  finish(at)
  return { fields, bodyStart: emptyLine ? lineAfter(bytes, at) : at, malformed }
}

function nameOf(bytes: Buffer, start: number, colon: number): string {
  let end = colon
  while (bytes[end - 1] === SPACE || bytes[end - 1] === TAB) end--
  return bytes.toString('latin1', start, end)
}

/** Offset after the line that starts here. */
export function lineAfter(bytes: Buffer, from: number): number {
  const end = bytes.indexOf(LF, from)
  return end === -1 ? bytes.length : end + 1
}

/**
 * Cuts the header block that begins at `start`: of a whole message, an entity, or a block alone. At offset 0 an mbox
 * `From ` line is skipped.
 * @throws EngineError header-too-long, header-line-too-long, header-too-many-fields
 */
export function scanHeader(bytes: Buffer, start = 0, limits: MimeLimits = MIME_LIMITS): HeaderBlock {
  const { fields, bodyStart } = readHeader(bytes, start, limits, {
    top: start === 0,
    isDelimiterLine: () => false,
    budget: { fields: limits.fields },
  })
  return { fields, bodyStart }
}

/**
 * The value of a field as text: unfolded (RFC 5322 2.2.3), white space at both ends removed, nothing decoded. Bytes that
 * are valid UTF-8 are read as UTF-8 (RFC 6532), all others as one character per byte.
 */
export function headerValue(bytes: ByteView, field: HeaderField): string {
  const text = textOf(bytes.subarray(field.valueStart, field.end))
  const unfolded = text.includes('\n') ? text.replaceAll('\r\n', '').replaceAll('\n', '') : text
  return trimBlanks(unfolded)
}

/** Without spaces and tabs at both ends; other white space stays. */
export function trimBlanks(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && isBlank(text.charCodeAt(start))) start++
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--
  return text.slice(start, end)
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB
}

/** Header bytes as text: UTF-8 where they are valid UTF-8, otherwise one character per byte. */
export function textOf(bytes: Buffer): string {
  const latin = bytes.toString('latin1')
  if (!/[\x80-\xff]/.test(latin)) return latin
  const text = bytes.toString('utf8')
  return Buffer.from(text, 'utf8').equals(bytes) ? text : latin
}

/** The fields of one name, in order. `lower` is the name in lower case. */
export function fieldsNamed(fields: readonly HeaderField[], lower: string): readonly HeaderField[] {
  return fields.filter((field) => field.lower === lower)
}

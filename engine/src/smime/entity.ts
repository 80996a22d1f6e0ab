/**
 * Splits a message into what S/MIME wraps and what stays outside, and puts a new entity under the old header. Bytes of
 * header fields are never changed; of an entity from inside only its Content fields come out (no control header from inside
 * a protected layer is ever trusted).
 */
import { Rope } from '../bytes/rope.ts'
import { rangeOf, readStart } from '../bytes/source.ts'
import type { ByteSource } from '../bytes/source.ts'
import { canonicalise } from '../mime/canonical.ts'
import type { HeaderBlock, HeaderField, MimeNode } from '../mime/entity.ts'
import { scanHeader } from '../mime/header.ts'
import { canonicalChunks, rewritten, surveyChunks } from '../mime/recode.ts'
import { scanMessage, scanStream } from '../mime/scan.ts'
import { sevenBitSafe, sevenBitSafeSource } from '../mime/seven-bit.ts'
import { FOUND } from '../mime/survey.ts'

const CRLF = Buffer.from('\r\n')
const MIME_VERSION = Buffer.from('MIME-Version: 1.0\r\n')

/** Whether a field describes the entity, not the message: it moves inside when the message is wrapped. */
export function isContentField(field: HeaderField): boolean {
  return field.lower.startsWith('content-')
}

function isStructural(field: HeaderField): boolean {
  return isContentField(field) || field.lower === 'mime-version'
}

/** A message, split. */
export interface ProtectedEntity {
  /** Fields that stay outside, in order. */
  readonly outer: readonly HeaderField[]
  /** The MIME entity: Content fields, empty line, body. Views of the message. */
  readonly entity: readonly Buffer[]
}

/**
 * Splits a message: Content fields and body are the entity, MIME-Version goes, everything else stays outside.
 * @throws EngineError header-too-long, header-line-too-long, header-too-many-fields
 */
export function protectedEntityOf(message: Buffer): ProtectedEntity {
  const { fields, bodyStart } = scanHeader(message)
  const outer = fields.filter((field) => !isStructural(field))
  return { outer, entity: contentOf(message, fields, bodyStart) }
}

function contentOf(bytes: Buffer, fields: readonly HeaderField[], bodyStart: number): readonly Buffer[] {
  const own = fields.filter(isContentField).map((field) => bytes.subarray(field.start, field.end))
  return [...own, CRLF, bytes.subarray(bodyStart)]
}

/**
 * The message ready to be signed: canonical line ends, and safe for 7-bit transport (RFC 8551 3.1). The input itself when
 * it is so already.
 * @throws EngineError mime-not-seven-bit and those of the scanner
 */
export function signableMessage(message: Buffer): Buffer {
  const pieces = sevenBitSafe(message, scanMessage(message))
  const [first] = pieces
  return first !== undefined && pieces.length === 1 ? first : Buffer.concat(pieces)
}

/**
 * The message with CRLF line ends, ready to be encrypted; the input itself when it is so already, or when a part of it is
 * binary and must stay as it is.
 * @throws EngineError those of the scanner
 */
export function canonicalMessage(message: Buffer): Buffer {
  return hasBinary(scanMessage(message)) ? message : canonicalise(message)
}

/** A message that is not in memory, split. */
export interface ProtectedEntitySource {
  /** The header of the message up to its body; the fields are views of it. */
  readonly header: Buffer
  /** Fields that stay outside, in order. */
  readonly outer: readonly HeaderField[]
  /** The MIME entity: Content fields, empty line, body. */
  readonly entity: ByteSource
}

/**
 * Splits a message that is not in memory, as `protectedEntityOf`.
 * @throws EngineError those of the scanner, and what the source throws
 */
export async function protectedEntityOfSource(message: ByteSource): Promise<ProtectedEntitySource> {
  const { header, fields, bodyStart } = await scanHeaderOfSource(message)
  const own = fields.filter(isContentField).map((field) => header.subarray(field.start, field.end))
  return {
    header,
    outer: fields.filter((field) => !isStructural(field)),
    entity: new Rope([...own, CRLF, rangeOf(message, bodyStart, message.length)]),
  }
}

/** The header of a message that is not in memory. */
export interface SourceHeader extends HeaderBlock {
  /** The bytes before the body. */
  readonly header: Buffer
}

/** Octets in which most headers end. */
const FIRST_LOOK = 65_536

/**
 * Cuts the header of a message that is not in memory.
 * @throws EngineError those of the scanner, and what the source throws
 */
export async function scanHeaderOfSource(message: ByteSource): Promise<SourceHeader> {
  for (let look = FIRST_LOOK; ; look *= 4) {
    const bytes = await readStart(message, look)
    const { fields, bodyStart } = scanHeader(bytes)
    // What ends where the bytes do may have been cut.
    if (bodyStart < bytes.length || bytes.length === message.length)
      return { header: bytes.subarray(0, bodyStart), fields, bodyStart }
  }
}

/**
 * The message ready to be signed, as `signableMessage`, for one that is not in memory.
 * @throws EngineError mime-not-seven-bit and those of the scanner, and what the source throws
 */
export async function signableSource(message: ByteSource): Promise<ByteSource> {
  return sevenBitSafeSource(message, await scanStream(message, message.length))
}

/**
 * The message with CRLF line ends, as `canonicalMessage`, for one that is not in memory.
 * @throws EngineError those of the scanner, and what the source throws
 */
export async function canonicalSource(message: ByteSource): Promise<ByteSource> {
  const { root } = await scanStream(message, message.length)
  if (hasBinary(root) || ((await surveyChunks(message.chunks())) & FOUND.bareBreak) === 0) return message
  return rewritten(message, canonicalChunks)
}

/**
 * Puts an entity under header fields of a message.
 * @param message - what the fields are views of
 * @param outer - the fields that stay, in their order
 * @param entity - a MIME entity, starting with its Content fields
 */
export function wrapMessage(
  message: Buffer,
  outer: readonly HeaderField[],
  entity: readonly Buffer[],
): readonly Buffer[] {
  const pieces: Buffer[] = []
  // Neighbouring fields stay one view.
  let start = -1
  let end = -1
  for (const field of outer) {
    if (field.start !== end) {
      if (start >= 0) pieces.push(message.subarray(start, end))
      start = field.start
    }
    end = field.end
  }
  if (start >= 0) pieces.push(message.subarray(start, end))
  const last = pieces.at(-1)
  if (last !== undefined && last.at(-1) !== 0x0a) pieces.push(CRLF)
  return [...pieces, MIME_VERSION, ...entity]
}

/**
 * A decrypted or unwrapped entity as the body of its message: only its Content fields are kept, line ends become CRLF
 * unless some part of it is binary.
 */
export function unwrapMessage(message: Buffer, entity: Buffer, root: MimeNode): readonly Buffer[] {
  const { outer } = protectedEntityOf(message)
  const inner = contentOf(entity, root.headers, root.bodyStart)
  const pieces = wrapMessage(message, outer, inner)
  return hasBinary(root) ? pieces : pieces.map(canonicalise)
}

/**
 * The same without the message around it: what of a decrypted entity may stand under a header. No other field of it does,
 * since whoever wrote the entity could write any control field (CVE-2026-27443).
 * @throws EngineError those of the scanner
 */
export function openedEntity(entity: Buffer): readonly Buffer[] {
  const root = scanMessage(entity)
  const pieces = contentOf(entity, root.headers, root.bodyStart)
  return hasBinary(root) ? pieces : pieces.map(canonicalise)
}

function hasBinary(node: MimeNode): boolean {
  return node.encoding === 'binary' || node.parts.some(hasBinary)
}

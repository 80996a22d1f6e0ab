/**
 * Makes an entity safe for 7-bit transport before it is signed (RFC 8551 3.1.3): body parts that need it get base64 or
 * quoted-printable, all line breaks become CRLF. Nothing else is touched, and nothing that is signed already: a signed or
 * encrypted part that is not 7-bit safe is reported. Header fields around the entity (Subject and the like) are not its
 * business.
 */
import { EngineError } from '../errors.ts'
import { canonicalise } from './canonical.ts'
import { decodeBase64, decodeQuotedPrintable } from './decode.ts'
import { encodeBase64Lines, encodeQuotedPrintable } from './encode.ts'
import type { HeaderField, MimeNode } from './entity.ts'
import { fieldsNamed } from './header.ts'
import { FOUND, survey } from './survey.ts'

/** A range of the message and what stands there instead. */
interface Edit {
  readonly start: number
  readonly end: number
  readonly bytes: Buffer
}

/** What is decided while the tree is walked. */
interface Walk {
  readonly bytes: Buffer
  readonly root: MimeNode
  /** In order, without overlap. */
  readonly edits: Edit[]
  readonly obstacles: MimeNode[]
}

const EMPTY = Buffer.alloc(0)
/** Above this share of bytes to escape, base64 is shorter than quoted-printable. */
const DENSE = 1 / 6

/**
 * The entity with its header, safe for 7-bit transport and canonical.
 * @param bytes - the message that was scanned
 * @param node - the entity, mostly the root
 * @returns the pieces of the entity: one view of `bytes` if nothing had to change
 * @throws EngineError mime-not-seven-bit if a part would have to change that must not: see `sevenBitObstacles`
 */
export function sevenBitSafe(bytes: Buffer, node: MimeNode): readonly Buffer[] {
  const { edits, obstacles } = walk(bytes, node)
  const [obstacle] = obstacles
  if (obstacle !== undefined) {
    throw new EngineError(
      'mime-not-seven-bit',
      `the ${obstacle.type} part at offset ${obstacle.start} may not be changed`,
    )
  }
  const pieces: Buffer[] = []
  let from = node.start
  for (const edit of edits) {
    if (edit.start > from) pieces.push(bytes.subarray(from, edit.start))
    if (edit.bytes.length > 0) pieces.push(edit.bytes)
    from = edit.end
  }
  if (from < node.end) pieces.push(bytes.subarray(from, node.end))
  return pieces
}

/**
 * The parts that are not 7-bit safe and may not be changed: signed or encrypted ones, parts with raw 8-bit headers, messages
 * whose type allows no encoding, bodies in an unknown encoding.
 */
export function sevenBitObstacles(bytes: Buffer, node: MimeNode): readonly MimeNode[] {
  return walk(bytes, node).obstacles
}

function walk(bytes: Buffer, node: MimeNode): Walk {
  const state: Walk = { bytes, root: node, edits: [], obstacles: [] }
  visit(state, node)
  return state
}

function visit(state: Walk, node: MimeNode): void {
  if (isSealed(node)) {
    if (survey(state.bytes, node.start, node.end) !== 0) state.obstacles.push(node)
    return
  }
  if (node.parts.length === 0) {
    visitLeaf(state, node)
    return
  }
  editHeader(state, node, isRaw(node.encoding) ? '7bit' : null)
  if (node.type.startsWith('multipart/')) visitMultipart(state, node)
  else for (const part of node.parts) visit(state, part)
}

/** RFC 1847 2.1 and RFC 8551 3: what a signature or a cipher covers is never altered. */
function isSealed(node: MimeNode): boolean {
  return (
    node.type === 'multipart/signed' ||
    node.type === 'multipart/encrypted' ||
    /^application\/(?:x-)?pkcs7-(?:mime|signature)$/.test(node.type)
  )
}

/** Encodings whose label promises bytes that 7-bit transport does not carry. */
function isRaw(encoding: string): boolean {
  return encoding === '8bit' || encoding === 'binary'
}

/** What stands between the parts: delimiter lines, and preamble and epilogue, which mean nothing and may go. */
function visitMultipart(state: Walk, node: MimeNode): void {
  let from = node.bodyStart
  for (const part of node.parts) {
    editBetween(state, node, from, part.start)
    visit(state, part)
    from = part.end
  }
  editBetween(state, node, from, node.end)
}

function editBetween(state: Walk, node: MimeNode, start: number, end: number): void {
  if (survey(state.bytes, start, end) === 0) return
  let at = start
  for (const range of [node.preamble, node.epilogue]) {
    if (range === null || range.start < at || range.end > end) continue
    if ((survey(state.bytes, range.start, range.end) & ~FOUND.bareBreak) === 0) continue
    replaceBreaks(state, node, at, range.start)
    state.edits.push({ start: range.start, end: range.end, bytes: EMPTY })
    at = range.end
  }
  replaceBreaks(state, node, at, end)
}

/** Makes line breaks CRLF in a range; anything worse there is an obstacle. */
function replaceBreaks(state: Walk, node: MimeNode, start: number, end: number): void {
  const found = survey(state.bytes, start, end)
  if (found === 0) return
  if ((found & ~FOUND.bareBreak) !== 0) state.obstacles.push(node)
  state.edits.push({ start, end, bytes: canonicalise(state.bytes.subarray(start, end)) })
}

function visitLeaf(state: Walk, node: MimeNode): void {
  const { bytes } = state
  const found = survey(bytes, node.bodyStart, node.end)
  const body = bytes.subarray(node.bodyStart, node.end)
  if (found === 0) {
    editHeader(state, node, isRaw(node.encoding) ? '7bit' : null)
    return
  }
  if (node.encoding === 'base64' || node.encoding === 'quoted-printable') {
    editHeader(state, node, null)
    state.edits.push({ start: node.bodyStart, end: node.end, bytes: encodeAgain(node, body, found) })
  } else if (node.encoding === '7bit' || isRaw(node.encoding)) {
    // RFC 2046 5.1.1 and 5.2: multiparts and messages allow no encoding
    if (/^(?:multipart|message)\//.test(node.type)) state.obstacles.push(node)
    else encodeLeaf(state, node, body)
  } else state.obstacles.push(node)
}

/** A body whose encoding is damaged: only its line breaks if that is enough, else written anew. */
function encodeAgain(node: MimeNode, body: Buffer, found: number): Buffer {
  if (found === FOUND.bareBreak) return canonicalise(body)
  if (node.encoding === 'base64') return encodeBase64Lines([decodeBase64(body)])
  return encodeQuotedPrintable(decodeQuotedPrintable(body), { binary: !node.type.startsWith('text/') })
}

function encodeLeaf(state: Walk, node: MimeNode, body: Buffer): void {
  const text = node.type.startsWith('text/') && isText(body)
  // RFC 8551 3.1.1: the line breaks of text become CRLF; all other content keeps every octet
  const content = text ? canonicalise(body) : body
  let encoded = content
  let encoding = isRaw(node.encoding) ? '7bit' : null
  if (!text || survey(content) !== 0) {
    const readable = text && isReadable(content)
    encoding = readable ? 'quoted-printable' : 'base64'
    encoded = readable ? encodeQuotedPrintable(content) : encodeBase64Lines([content])
  }
  editHeader(state, node, encoding)
  state.edits.push({ start: node.bodyStart, end: node.end, bytes: encoded })
}

/** NUL is the sign of UTF-16 or of no text at all. */
function isText(body: Buffer): boolean {
  return (survey(body) & FOUND.nul) === 0
}

/** True if quoted-printable is the shorter form. */
function isReadable(body: Buffer): boolean {
  let escapes = 0
  for (const byte of body) if (byte > 0x7e || byte === 0x3d) escapes++
  return escapes <= body.length * DENSE
}

/** Header of the entity: line breaks, and the transfer encoding if it changes. */
function editHeader(state: Walk, node: MimeNode, encoding: string | null): void {
  if (!isHeaderSafe(state, node)) state.obstacles.push(node)
  const old = encoding === null ? [] : fieldsNamed(node.headers, 'content-transfer-encoding')
  let label = encoding === null ? EMPTY : Buffer.from(`Content-Transfer-Encoding: ${encoding}\r\n`)
  let at = node.start
  if (old.length === 0 && label.length > 0) {
    at = node.headers[0]?.start ?? node.start
    state.edits.push({ start: at, end: at, bytes: label })
  }
  for (const field of old) {
    replaceHeaderBreaks(state, at, field.start)
    state.edits.push({ start: field.start, end: field.end, bytes: label })
    label = EMPTY
    at = field.end
  }
  replaceHeaderBreaks(state, at, node.bodyStart)
}

/** False if the header has faults that cannot be mended. Around the root stand fields that no signature covers. */
function isHeaderSafe(state: Walk, node: MimeNode): boolean {
  const ranges =
    node === state.root ? node.headers.filter(isContentField) : [{ start: node.start, end: node.bodyStart }]
  return ranges.every(({ start, end }) => (survey(state.bytes, start, end) & ~FOUND.bareBreak) === 0)
}

function isContentField(field: HeaderField): boolean {
  return field.lower.startsWith('content-')
}

/** Line breaks in header ranges whose other faults were judged before. */
function replaceHeaderBreaks(state: Walk, start: number, end: number): void {
  if ((survey(state.bytes, start, end) & FOUND.bareBreak) === 0) return
  state.edits.push({ start, end, bytes: canonicalise(state.bytes.subarray(start, end)) })
}

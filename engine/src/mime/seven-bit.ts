/**
 * Makes an entity safe for 7-bit transport before it is signed (RFC 8551 3.1.3): body parts that need it get base64 or
 * quoted-printable, all line breaks become CRLF. Nothing else is touched, and nothing that is signed already: a signed or
 * encrypted part that is not 7-bit safe is reported. Header fields around the entity (Subject and the like) are not its
 * business.
 */
import { runNow, runWaiting, wait } from '../bytes/routine.ts'
import type { Maybe, Routine } from '../bytes/routine.ts'
import { Rope } from '../bytes/rope.ts'
import { rangeOf } from '../bytes/source.ts'
import type { ByteSource, ByteView } from '../bytes/source.ts'
import { EngineError } from '../errors.ts'
import { canonicalise } from './canonical.ts'
import { decodeBase64, decodeQuotedPrintable } from './decode.ts'
import { encodeBase64Lines, encodeQuotedPrintable } from './encode.ts'
import type { HeaderField, MimeNode } from './entity.ts'
import { fieldsNamed } from './header.ts'
import {
  base64Chunks,
  canonicalChunks,
  decodedBase64Chunks,
  decodedQuotedPrintableChunks,
  escapesFew,
  quotedPrintableChunks,
  rewritten,
  surveyChunks,
} from './recode.ts'
import type { Scanned } from './scan.ts'
import { FOUND, survey } from './survey.ts'

/** How a range is written anew. */
type Rewriting =
  | 'canonical'
  | 'base64'
  | 'canonical-base64'
  | 'canonical-quoted-printable'
  | 'base64-again'
  | 'quoted-printable-again'
  | 'quoted-printable-again-binary'

/** Looks at ranges of the message and writes them anew; pieces are Buffers in memory, and sources where it is not in memory. */
interface Ground<P> {
  /** What `survey` finds. */
  survey(start: number, end: number): Maybe<number>
  /** The same of the range with canonical line breaks. */
  surveyCanonical(start: number, end: number): Maybe<number>
  /** Whether quoted-printable would be the shorter form of the range with canonical line breaks. */
  isReadable(start: number, end: number): Maybe<boolean>
  rewrite(start: number, end: number, how: Rewriting): Maybe<P>
}

/** A range of the message and what stands there instead. */
interface Edit<P> {
  readonly start: number
  readonly end: number
  readonly piece: P | Buffer
}

/** What is decided while the tree is walked. */
interface Walk<P> {
  readonly ground: Ground<P>
  readonly root: MimeNode
  /** In order, without overlap. */
  readonly edits: Edit<P>[]
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
  const edits = acceptable(runNow(walk(inMemory(bytes), node)))
  return pieced(edits, node, (start, end) => bytes.subarray(start, end))
}

/**
 * The same for a message that is not in memory.
 * @param source - the message
 * @param scanned - what scanning it gave
 * @returns a source that writes what has to change anew whenever it is read; the message itself if nothing has to
 * @throws EngineError as `sevenBitSafe`, and what the source throws
 */
export async function sevenBitSafeSource(source: ByteSource, { root, view }: Scanned): Promise<ByteSource> {
  const edits = acceptable(await runWaiting(walk(streamed(source, view, root), root)))
  if (edits.length === 0 && root.start === 0 && root.end === source.length) return source
  return new Rope(pieced(edits, root, (start, end) => rangeOf(source, start, end)))
}

function acceptable<P>({ edits, obstacles }: Walk<P>): readonly Edit<P>[] {
  const [obstacle] = obstacles
  if (obstacle !== undefined) {
    throw new EngineError(
      'mime-not-seven-bit',
      `the ${obstacle.type} part at offset ${obstacle.start} may not be changed`,
    )
  }
  return edits
}

/** What stands between the edits, and the edits. */
function pieced<P extends { readonly length: number }>(
  edits: readonly Edit<P>[],
  node: MimeNode,
  range: (start: number, end: number) => P,
): (P | Buffer)[] {
  const pieces: (P | Buffer)[] = []
  let from = node.start
  for (const edit of edits) {
    if (edit.start > from) pieces.push(range(from, edit.start))
    if (edit.piece.length > 0) pieces.push(edit.piece)
    from = edit.end
  }
  if (from < node.end) pieces.push(range(from, node.end))
  return pieces
}

/**
 * The parts that are not 7-bit safe and may not be changed: signed or encrypted ones, parts with raw 8-bit headers, messages
 * whose type allows no encoding, bodies in an unknown encoding.
 */
export function sevenBitObstacles(bytes: Buffer, node: MimeNode): readonly MimeNode[] {
  return runNow(walk(inMemory(bytes), node)).obstacles
}

function inMemory(bytes: Buffer): Ground<Buffer> {
  return {
    survey: (start, end) => survey(bytes, start, end),
    surveyCanonical: (start, end) => survey(canonicalise(bytes.subarray(start, end))),
    isReadable: (start, end) => isReadable(canonicalise(bytes.subarray(start, end))),
    rewrite: (start, end, how) => rewriteBytes(bytes.subarray(start, end), how),
  }
}

function rewriteBytes(bytes: Buffer, how: Rewriting): Buffer {
  switch (how) {
    case 'canonical':
      return canonicalise(bytes)
    case 'base64':
      return encodeBase64Lines([bytes])
    case 'canonical-base64':
      return encodeBase64Lines([canonicalise(bytes)])
    case 'canonical-quoted-printable':
      return encodeQuotedPrintable(canonicalise(bytes))
    case 'base64-again':
      return encodeBase64Lines([decodeBase64(bytes)])
    case 'quoted-printable-again':
      return encodeQuotedPrintable(decodeQuotedPrintable(bytes))
    case 'quoted-printable-again-binary':
      return encodeQuotedPrintable(decodeQuotedPrintable(bytes), { binary: true })
  }
}

/** True if quoted-printable is the shorter form. */
function isReadable(body: Buffer): boolean {
  let escapes = 0
  for (const byte of body) if (byte > 0x7e || byte === 0x3d) escapes++
  return escapes <= body.length * DENSE
}

/** Headers are at hand; everything else is read from the source. */
function streamed(source: ByteSource, view: ByteView, root: MimeNode): Ground<ByteSource | Buffer> {
  const starts: MimeNode[] = []
  collect(root, starts)
  /** The range, if it lies in a header. */
  const held = (start: number, end: number): Buffer | null => {
    const node = starts[lastAtMost(starts, start)]
    return node !== undefined && end <= node.bodyStart ? view.subarray(start, end) : null
  }
  const chunks = (start: number, end: number) => source.chunks(start, end)
  return {
    survey: (start, end) => {
      if (start >= end) return 0
      const bytes = held(start, end)
      return bytes === null ? surveyChunks(chunks(start, end)) : survey(bytes)
    },
    surveyCanonical: (start, end) => surveyChunks(canonicalChunks(chunks(start, end))),
    isReadable: (start, end) => escapesFew(canonicalChunks(chunks(start, end)), DENSE),
    rewrite: (start, end, how) => {
      const bytes = how === 'canonical' ? held(start, end) : null
      return bytes === null ? rewritten(rangeOf(source, start, end), REWRITERS[how]) : canonicalise(bytes)
    },
  }
}

/** All entities in the order of their starts. */
function collect(node: MimeNode, found: MimeNode[]): void {
  found.push(node)
  for (const part of node.parts) collect(part, found)
}

/** Index of the last entity that starts at an offset or before; -1 if there is none. */
function lastAtMost(nodes: readonly MimeNode[], offset: number): number {
  let low = 0
  let high = nodes.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((nodes[middle]?.start ?? 0) <= offset) low = middle + 1
    else high = middle
  }
  return low - 1
}

type Rewriter = (chunks: AsyncIterable<Buffer>) => AsyncGenerator<Buffer>

const REWRITERS: Readonly<Record<Rewriting, Rewriter>> = {
  canonical: canonicalChunks,
  base64: base64Chunks,
  'canonical-base64': (chunks) => base64Chunks(canonicalChunks(chunks)),
  'canonical-quoted-printable': (chunks) => quotedPrintableChunks(canonicalChunks(chunks), false),
  'base64-again': (chunks) => base64Chunks(decodedBase64Chunks(chunks)),
  'quoted-printable-again': (chunks) => quotedPrintableChunks(decodedQuotedPrintableChunks(chunks), false),
  'quoted-printable-again-binary': (chunks) =>
    quotedPrintableChunks(decodedQuotedPrintableChunks(chunks), true),
}

function* walk<P>(ground: Ground<P>, node: MimeNode): Routine<Walk<P>> {
  const state: Walk<P> = { ground, root: node, edits: [], obstacles: [] }
  yield* visit(state, node)
  return state
}

function* visit<P>(state: Walk<P>, node: MimeNode): Routine<void> {
  const { ground } = state
  if (isSealed(node)) {
    if ((yield* wait(ground.survey(node.start, node.end))) !== 0) state.obstacles.push(node)
    return
  }
  if (node.parts.length === 0) {
    yield* visitLeaf(state, node)
    return
  }
  yield* editHeader(state, node, isRaw(node.encoding) ? '7bit' : null)
  if (node.type.startsWith('multipart/')) yield* visitMultipart(state, node)
  else for (const part of node.parts) yield* visit(state, part)
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
function* visitMultipart<P>(state: Walk<P>, node: MimeNode): Routine<void> {
  let from = node.bodyStart
  for (const part of node.parts) {
    yield* editBetween(state, node, from, part.start)
    yield* visit(state, part)
    from = part.end
  }
  yield* editBetween(state, node, from, node.end)
}

function* editBetween<P>(state: Walk<P>, node: MimeNode, start: number, end: number): Routine<void> {
  const { ground } = state
  if ((yield* wait(ground.survey(start, end))) === 0) return
  let at = start
  for (const range of [node.preamble, node.epilogue]) {
    if (range === null || range.start < at || range.end > end) continue
    const found = yield* wait(ground.survey(range.start, range.end))
    if ((found & ~FOUND.bareBreak) === 0) continue
    yield* replaceBreaks(state, node, at, range.start)
    state.edits.push({ start: range.start, end: range.end, piece: EMPTY })
    at = range.end
  }
  yield* replaceBreaks(state, node, at, end)
}

/** Makes line breaks CRLF in a range; anything worse there is an obstacle. */
function* replaceBreaks<P>(state: Walk<P>, node: MimeNode, start: number, end: number): Routine<void> {
  const found = yield* wait(state.ground.survey(start, end))
  if (found === 0) return
  if ((found & ~FOUND.bareBreak) !== 0) state.obstacles.push(node)
  yield* edit(state, start, end, 'canonical')
}

function* edit<P>(state: Walk<P>, start: number, end: number, how: Rewriting): Routine<void> {
  state.edits.push({ start, end, piece: yield* wait(state.ground.rewrite(start, end, how)) })
}

function* visitLeaf<P>(state: Walk<P>, node: MimeNode): Routine<void> {
  const { bodyStart, end } = node
  const found = yield* wait(state.ground.survey(bodyStart, end))
  if (found === 0) {
    yield* editHeader(state, node, isRaw(node.encoding) ? '7bit' : null)
    return
  }
  if (node.encoding === 'base64' || node.encoding === 'quoted-printable') {
    yield* editHeader(state, node, null)
    yield* edit(state, bodyStart, end, encodingAgain(node, found))
  } else if (node.encoding === '7bit' || isRaw(node.encoding)) {
    // RFC 2046 5.1.1 and 5.2: multiparts and messages allow no encoding
    if (/^(?:multipart|message)\//.test(node.type)) state.obstacles.push(node)
    else yield* encodeLeaf(state, node, found)
  } else state.obstacles.push(node)
}

/** A body whose encoding is damaged: only its line breaks if that is enough, else written anew. */
function encodingAgain(node: MimeNode, found: number): Rewriting {
  if (found === FOUND.bareBreak) return 'canonical'
  if (node.encoding === 'base64') return 'base64-again'
  return node.type.startsWith('text/') ? 'quoted-printable-again' : 'quoted-printable-again-binary'
}

function* encodeLeaf<P>(state: Walk<P>, node: MimeNode, found: number): Routine<void> {
  const { bodyStart, end } = node
  const { ground } = state
  // NUL is the sign of UTF-16 or of no text at all.
  const text = node.type.startsWith('text/') && (found & FOUND.nul) === 0
  let how: Rewriting = 'base64'
  let encoding = 'base64'
  // RFC 8551 3.1.1: the line breaks of text become CRLF; all other content keeps every octet
  if (text && (yield* wait(ground.surveyCanonical(bodyStart, end))) === 0) {
    yield* editHeader(state, node, isRaw(node.encoding) ? '7bit' : null)
    yield* edit(state, bodyStart, end, 'canonical')
    return
  }
  if (text) {
    const readable = yield* wait(ground.isReadable(bodyStart, end))
    how = readable ? 'canonical-quoted-printable' : 'canonical-base64'
    if (readable) encoding = 'quoted-printable'
  }
  yield* editHeader(state, node, encoding)
  yield* edit(state, bodyStart, end, how)
}

/** Header of the entity: line breaks, and the transfer encoding if it changes. */
function* editHeader<P>(state: Walk<P>, node: MimeNode, encoding: string | null): Routine<void> {
  if (!(yield* isHeaderSafe(state, node))) state.obstacles.push(node)
  const old = encoding === null ? [] : fieldsNamed(node.headers, 'content-transfer-encoding')
  let label = encoding === null ? EMPTY : Buffer.from(`Content-Transfer-Encoding: ${encoding}\r\n`)
  let at = node.start
  if (old.length === 0 && label.length > 0) {
    at = node.headers[0]?.start ?? node.start
    state.edits.push({ start: at, end: at, piece: label })
  }
  for (const field of old) {
    yield* replaceHeaderBreaks(state, at, field.start)
    state.edits.push({ start: field.start, end: field.end, piece: label })
    label = EMPTY
    at = field.end
  }
  yield* replaceHeaderBreaks(state, at, node.bodyStart)
}

/** False if the header has faults that cannot be mended. Around the root stand fields that no signature covers. */
function* isHeaderSafe<P>(state: Walk<P>, node: MimeNode): Routine<boolean> {
  const ranges =
    node === state.root ? node.headers.filter(isContentField) : [{ start: node.start, end: node.bodyStart }]
  for (const { start, end } of ranges)
    if (((yield* wait(state.ground.survey(start, end))) & ~FOUND.bareBreak) !== 0) return false
  return true
}

function isContentField(field: HeaderField): boolean {
  return field.lower.startsWith('content-')
}

/** Line breaks in header ranges whose other faults were judged before. */
function* replaceHeaderBreaks<P>(state: Walk<P>, start: number, end: number): Routine<void> {
  if (((yield* wait(state.ground.survey(start, end))) & FOUND.bareBreak) === 0) return
  yield* edit(state, start, end, 'canonical')
}

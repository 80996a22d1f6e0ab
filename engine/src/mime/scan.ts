/**
 * The MIME scanner: one pass over the bytes of a message gives the tree of its entities as byte ranges. It decodes
 * nothing and changes nothing; a malformed message gives a tree with defects, never an error. Only limits throw.
 */
import { EngineError } from '../errors.ts'
import { runNow, runWaiting } from '../bytes/routine.ts'
import type { Routine } from '../bytes/routine.ts'
import type { ByteStream, ByteView } from '../bytes/source.ts'
import { Delimiters } from './delimiter.ts'
import type { Delimiter } from './delimiter.ts'
import { BODY_GLIMPSE, MIME_LIMITS } from './entity.ts'
import type { ByteRange, HeaderField, MimeDefect, MimeLimits, MimeNode } from './entity.ts'
import { headerValue, readHeader } from './header.ts'
import type { ReadHeader } from './header.ts'
import { contentTypeOf } from './parameters.ts'
import { MovingWindow, WholeWindow } from './window.ts'
import type { Window } from './window.ts'

const LF = 0x0a
const CR = 0x0d
const NO_PARAMS: Readonly<Record<string, string>> = Object.freeze(
  Object.create(null) as Record<string, string>,
)
const IDENTITY = new Set(['7bit', '8bit', 'binary'])

/** A node while its end is not known. */
interface OpenNode {
  type: string
  params: Readonly<Record<string, string>>
  encoding: string
  start: number
  bodyStart: number
  end: number
  headers: HeaderField[]
  parts: OpenNode[]
  preamble: ByteRange | null
  epilogue: ByteRange | null
  defects: MimeDefect[]
}

/** A delimiter line and what it cuts off. */
interface DelimiterLine {
  readonly delimiter: Delimiter
  /** Offset after the content before it. */
  readonly contentEnd: number
  /** Offset after its line end. */
  readonly end: number
}

/** A node on the path from the message to the place of reading. */
interface Level {
  readonly node: OpenNode
  /** One character per byte; null for all but multiparts, and after the close delimiter. */
  boundary: string | null
  delimiterSeen: boolean
}

/** A scanned message: its tree, and what its header fields are read from. */
export interface Scanned {
  /** The message itself. */
  readonly root: MimeNode
  /** The message, or its headers only with the first octets of each body. */
  readonly view: ByteView
}

/**
 * Scans a whole message. Line ends may be CRLF, LF or mixed.
 * @param bytes - the message; offsets in the tree count from its start
 * @param limits - what a hostile message may cost
 * @throws EngineError mime-too-deep, mime-too-many-parts, header-too-long, header-line-too-long, header-too-many-fields
 */
export function scanMessage(bytes: Buffer, limits: MimeLimits = MIME_LIMITS): MimeNode {
  return runNow(new Scanner(new WholeWindow(bytes), limits).run())
}

/**
 * Scans a message that is read once, without holding it: only headers are kept, and the first octets of bodies.
 * @param length - of the message if it is known; then a body behind the last header is not read
 * @returns the same tree as `scanMessage`
 * @throws EngineError as `scanMessage`, and what the stream throws
 */
export async function scanStream(
  stream: ByteStream,
  length: number | null,
  limits: MimeLimits = MIME_LIMITS,
): Promise<Scanned> {
  const window = new MovingWindow(stream, length)
  try {
    const root = await runWaiting(new Scanner(window, limits).run())
    return { root, view: window.view }
  } finally {
    await window.close()
  }
}

class Scanner {
  readonly #window: Window
  readonly #limits: MimeLimits
  readonly #delimiters: Delimiters
  readonly #path: Level[] = []
  readonly #budget: { fields: number }
  #headerBytes = 0
  #parts = 0

  constructor(window: Window, limits: MimeLimits) {
    this.#window = window
    this.#limits = limits
    this.#delimiters = new Delimiters(window.bytes)
    this.#budget = { fields: limits.fields }
  }

  *run(): Routine<MimeNode> {
    let at = yield* this.#open(0, 'text/plain')
    const root = this.#path[0]?.node
    for (;;) {
      const line = yield* this.#nextDelimiter(at)
      if (line === null) break
      const { contentEnd, end } = line
      const level = this.#path[line.delimiter.owner]
      if (level === undefined) break
      this.#closeBelow(line.delimiter.owner, contentEnd)
      if (!level.delimiterSeen && contentEnd > level.node.bodyStart) {
        level.node.preamble = { start: level.node.bodyStart, end: contentEnd }
      }
      level.delimiterSeen = true
      if (line.delimiter.close) {
        if (level.boundary !== null) this.#delimiters.remove(level.boundary)
        level.boundary = null
        level.node.epilogue = { start: end, end }
        at = end
      } else {
        // RFC 2046 5.1.5: the default type inside a digest
        at = yield* this.#open(end, level.node.type === 'multipart/digest' ? 'message/rfc822' : 'text/plain')
      }
    }
    this.#closeBelow(-1, yield* this.#window.total())
    if (root === undefined) throw new EngineError('mime-too-deep', 'no room for a single entity')
    return root
  }

  /** The next delimiter line; `from` must be the start of a line. Null if none follows. */
  *#nextDelimiter(from: number): Routine<DelimiterLine | null> {
    const window = this.#window
    const delimiters = this.#delimiters
    if (delimiters.none) return null
    let at = from
    for (;;) {
      while (!window.reaches(at + delimiters.reach)) yield* window.load(at - 2)
      delimiters.bytes = window.bytes
      const delimiter = delimiters.at(at - window.base)
      if (delimiter !== null) {
        const contentEnd = this.#beforeLineEnd(at)
        return { delimiter, contentEnd, end: yield* this.#lineAfter(at) }
      }
      let candidate = delimiters.candidate(at - window.base)
      while (candidate === -1) {
        if (window.ended) return null
        // What stands at the very end of the view may be the beginning of a delimiter.
        at = Math.max(at, window.base + window.bytes.length - delimiters.overlap)
        yield* window.load(at - 2)
        delimiters.bytes = window.bytes
        candidate = delimiters.candidate(at - window.base)
      }
      at = window.base + candidate + 1
    }
  }

  /** Offset after the line that starts here. */
  *#lineAfter(start: number): Routine<number> {
    const window = this.#window
    let at = start
    for (;;) {
      const end = window.bytes.indexOf(LF, at - window.base)
      if (end !== -1) return window.base + end + 1
      at = window.base + window.bytes.length
      if (window.ended) return at
      yield* window.load(at - 2)
    }
  }

  /** Opens the entity that starts here and, if it is a message, the entity inside; returns where the body starts. */
  *#open(start: number, defaultType: string): Routine<number> {
    let at = start
    let fallback = defaultType
    for (;;) {
      const node = yield* this.#read(at, fallback)
      const level: Level = { node, boundary: null, delimiterSeen: false }
      this.#path.at(-1)?.node.parts.push(node)
      this.#path.push(level)
      if (node.type.startsWith('multipart/')) this.#openMultipart(level)
      if (!isMessage(node)) return node.bodyStart
      at = node.bodyStart
      fallback = 'text/plain'
    }
  }

  *#read(start: number, defaultType: string): Routine<OpenNode> {
    if (this.#path.length >= this.#limits.depth) {
      throw new EngineError('mime-too-deep', `more than ${this.#limits.depth} levels at offset ${start}`)
    }
    if (++this.#parts > this.#limits.parts) {
      throw new EngineError('mime-too-many-parts', `more than ${this.#limits.parts} parts at offset ${start}`)
    }
    const { fields, bodyStart, malformed } = yield* this.#readHeader(start)
    this.#headerBytes += bodyStart - start
    if (this.#headerBytes > this.#limits.allHeaderBytes) {
      throw new EngineError(
        'header-too-long',
        `all headers together exceed ${this.#limits.allHeaderBytes} bytes`,
      )
    }
    const node: OpenNode = {
      type: defaultType,
      params: NO_PARAMS,
      encoding: '7bit',
      start,
      bodyStart,
      end: start,
      headers: [...fields],
      parts: [],
      preamble: null,
      epilogue: null,
      defects: [],
    }
    if (malformed) node.defects.push('malformed-header')
    this.#setType(node)
    this.#setEncoding(node)
    return node
  }

  /** Reads a header block, of which all must be in view. */
  *#readHeader(start: number): Routine<ReadHeader> {
    const window = this.#window
    const delimiters = this.#delimiters
    for (;;) {
      const { base, bytes } = window
      delimiters.bytes = bytes
      const budget = { ...this.#budget }
      const header = readHeader(bytes, start - base, this.#limits, {
        top: start === 0,
        isDelimiterLine: (offset) => delimiters.at(offset) !== null,
        budget,
      })
      // What the end of the view cut off may be no more than a body.
      if (window.reaches(base + header.bodyStart + Math.max(delimiters.reach, BODY_GLIMPSE))) {
        this.#budget.fields = budget.fields
        const bodyStart = header.bodyStart + base
        window.retain(start, Math.min(bodyStart + BODY_GLIMPSE, base + bytes.length))
        return base === 0 ? header : { ...header, bodyStart, fields: moved(header.fields, base) }
      }
      // Twice as much each time: the header is looked through again.
      const wanted = base + bytes.length + Math.max(base + bytes.length - start, 1)
      while (!window.reaches(wanted)) yield* window.load(start - 2)
    }
  }

  #setType(node: OpenNode): void {
    const [field, second] = node.headers.filter((candidate) => candidate.lower === 'content-type')
    if (field === undefined) return
    if (second !== undefined) node.defects.push('duplicate-content-type')
    const parsed = contentTypeOf(headerValue(this.#window.view, field))
    if (parsed === null) {
      // RFC 2045 5.2: an invalid Content-Type is read as text/plain
      node.type = 'text/plain'
      node.defects.push('invalid-content-type')
      return
    }
    node.type = parsed.value
    node.params = parsed.params
    if (parsed.duplicate) node.defects.push('duplicate-parameter')
  }

  #setEncoding(node: OpenNode): void {
    const [field, second] = node.headers.filter(
      (candidate) => candidate.lower === 'content-transfer-encoding',
    )
    if (field === undefined) return
    if (second !== undefined) node.defects.push('duplicate-encoding')
    const token = /^[^\s;(]+/.exec(headerValue(this.#window.view, field).replace(/^\([^)]*\)\s*/, ''))
    if (token !== null) node.encoding = token[0].toLowerCase().replaceAll('"', '')
    // RFC 2045 6.4: composite types carry no encoding; a multipart is cut as it stands, a message is left closed.
    // RFC 6532 3.7: only message/global may have one
    if (/^(?:multipart\/|message\/rfc822$)/.test(node.type) && !IDENTITY.has(node.encoding)) {
      node.defects.push('encoded-composite')
    }
  }

  #openMultipart(level: Level): void {
    const { node } = level
    const text = node.params['boundary'] ?? ''
    if (text === '') {
      node.defects.push('missing-boundary')
      return
    }
    level.boundary = this.#asBytes(text, node)
    if (this.#delimiters.add(level.boundary, this.#path.length - 1)) node.defects.push('repeated-boundary')
  }

  /** A boundary as one character per byte. Boundaries are US-ASCII; others are taken as the header has them. */
  #asBytes(boundary: string, node: OpenNode): string {
    if (/^[\x00-\x7f]*$/.test(boundary)) return boundary
    const utf8 = Buffer.from(boundary, 'utf8')
    const header = this.#window.view.subarray(node.start, node.bodyStart)
    return header.includes(utf8)
      ? utf8.toString('latin1')
      : Buffer.from(boundary, 'latin1').toString('latin1')
  }

  /** Ends every node below this level of the path. */
  #closeBelow(owner: number, contentEnd: number): void {
    // A part without any line has no line end to give to the delimiter.
    const end = Math.max(contentEnd, this.#path[owner + 1]?.node.start ?? 0)
    while (this.#path.length - 1 > owner) {
      const level = this.#path.pop()
      if (level === undefined) return
      if (level.boundary !== null) {
        this.#delimiters.remove(level.boundary)
        level.node.defects.push(level.delimiterSeen ? 'missing-close-delimiter' : 'missing-delimiter')
      }
      closeNode(level.node, end)
    }
  }

  /** RFC 2046 5.1.1: the line end before the delimiter belongs to the delimiter. */
  #beforeLineEnd(lineStart: number): number {
    const { bytes, base } = this.#window
    const at = lineStart - base
    if (bytes[at - 1] !== LF) return lineStart
    return bytes[at - 2] === CR ? lineStart - 2 : lineStart - 1
  }
}

/** Fields with offsets in the message instead of in a view that begins at `base`. */
function moved(fields: readonly HeaderField[], base: number): readonly HeaderField[] {
  return fields.map((field) => ({
    ...field,
    start: field.start + base,
    valueStart: field.valueStart + base,
    end: field.end + base,
  }))
}

/** RFC 2046 5.2.1 and RFC 6532 3.7: a message inside a message, unless an encoding hides its bytes. */
function isMessage(node: OpenNode): boolean {
  return (node.type === 'message/rfc822' || node.type === 'message/global') && IDENTITY.has(node.encoding)
}

/** Sets the end; a header that ran into the delimiter gives it its last line end. */
function closeNode(node: OpenNode, end: number): void {
  node.end = end
  node.start = Math.min(node.start, end)
  node.bodyStart = Math.min(node.bodyStart, end)
  const last = node.headers.at(-1)
  if (last !== undefined && last.end > end) node.headers[node.headers.length - 1] = { ...last, end }
  if (node.epilogue !== null) {
    const start = Math.min(node.epilogue.start, end)
    node.epilogue = start < end ? { start, end } : null
  }
}

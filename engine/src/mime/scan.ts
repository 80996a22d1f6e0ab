/**
 * The MIME scanner: one pass over the bytes of a message gives the tree of its entities as byte ranges. It decodes
 * nothing and changes nothing; a malformed message gives a tree with defects, never an error. Only limits throw.
 */
import { EngineError } from '../errors.ts'
import { Delimiters } from './delimiter.ts'
import { MIME_LIMITS } from './entity.ts'
import type { ByteRange, HeaderField, MimeDefect, MimeLimits, MimeNode } from './entity.ts'
import { headerValue, readHeader } from './header.ts'
import { contentTypeOf } from './parameters.ts'

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

/** A node on the path from the message to the place of reading. */
interface Level {
  readonly node: OpenNode
  /** One character per byte; null for all but multiparts, and after the close delimiter. */
  boundary: string | null
  delimiterSeen: boolean
}

/**
 * Scans a whole message. Line ends may be CRLF, LF or mixed.
 * @param bytes - the message; offsets in the tree count from its start
 * @param limits - what a hostile message may cost
 * @throws EngineError mime-too-deep, mime-too-many-parts, header-too-long, header-line-too-long, header-too-many-fields
 */
export function scanMessage(bytes: Buffer, limits: MimeLimits = MIME_LIMITS): MimeNode {
  return new Scanner(bytes, limits).run()
}

class Scanner {
  readonly #bytes: Buffer
  readonly #limits: MimeLimits
  readonly #delimiters: Delimiters
  readonly #path: Level[] = []
  readonly #budget: { fields: number }
  #parts = 0

  constructor(bytes: Buffer, limits: MimeLimits) {
    this.#bytes = bytes
    this.#limits = limits
    this.#delimiters = new Delimiters(bytes)
    this.#budget = { fields: limits.fields }
  }

  run(): MimeNode {
    let at = this.#open(0, 'text/plain')
    const root = this.#path[0]?.node
    for (;;) {
      const delimiter = this.#delimiters.next(at)
      if (delimiter === null) break
      const level = this.#path[delimiter.owner]
      if (level === undefined) break
      // RFC 2046 5.1.1: the line end before the delimiter belongs to the delimiter
      const contentEnd = this.#beforeLineEnd(delimiter.start)
      this.#closeBelow(delimiter.owner, contentEnd)
      if (!level.delimiterSeen && contentEnd > level.node.bodyStart) {
        level.node.preamble = { start: level.node.bodyStart, end: contentEnd }
      }
      level.delimiterSeen = true
      if (delimiter.close) {
        if (level.boundary !== null) this.#delimiters.remove(level.boundary)
        level.boundary = null
        level.node.epilogue = { start: delimiter.end, end: delimiter.end }
        at = delimiter.end
      } else {
        // RFC 2046 5.1.5: the default type inside a digest
        at = this.#open(
          delimiter.end,
          level.node.type === 'multipart/digest' ? 'message/rfc822' : 'text/plain',
        )
      }
    }
    this.#closeBelow(-1, this.#bytes.length)
    if (root === undefined) throw new EngineError('mime-too-deep', 'no room for a single entity')
    return root
  }

  /** Opens the entity that starts here and, if it is a message, the entity inside; returns where the body starts. */
  #open(start: number, defaultType: string): number {
    let at = start
    let fallback = defaultType
    for (;;) {
      const node = this.#read(at, fallback)
      const level: Level = { node, boundary: null, delimiterSeen: false }
      this.#path.at(-1)?.node.parts.push(node)
      this.#path.push(level)
      if (node.type.startsWith('multipart/')) this.#openMultipart(level)
      if (!isMessage(node)) return node.bodyStart
      at = node.bodyStart
      fallback = 'text/plain'
    }
  }

  #read(start: number, defaultType: string): OpenNode {
    if (this.#path.length >= this.#limits.depth) {
      throw new EngineError('mime-too-deep', `more than ${this.#limits.depth} levels at offset ${start}`)
    }
    if (++this.#parts > this.#limits.parts) {
      throw new EngineError('mime-too-many-parts', `more than ${this.#limits.parts} parts at offset ${start}`)
    }
    const header = readHeader(this.#bytes, start, this.#limits, {
      isDelimiterLine: (offset) => this.#delimiters.at(offset) !== null,
      budget: this.#budget,
    })
    const node: OpenNode = {
      type: defaultType,
      params: NO_PARAMS,
      encoding: '7bit',
      start,
      bodyStart: header.bodyStart,
      end: start,
      headers: [...header.fields],
      parts: [],
      preamble: null,
      epilogue: null,
      defects: [],
    }
    if (header.malformed) node.defects.push('malformed-header')
    this.#setType(node)
    this.#setEncoding(node)
    return node
  }

  #setType(node: OpenNode): void {
    const [field, second] = node.headers.filter((candidate) => candidate.lower === 'content-type')
    if (field === undefined) return
    if (second !== undefined) node.defects.push('duplicate-content-type')
    const parsed = contentTypeOf(headerValue(this.#bytes, field))
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
    const token = /^[^\s;(]+/.exec(headerValue(this.#bytes, field).replace(/^\([^)]*\)\s*/, ''))
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
    const header = this.#bytes.subarray(node.start, node.bodyStart)
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

  #beforeLineEnd(lineStart: number): number {
    if (this.#bytes[lineStart - 1] !== LF) return lineStart
    return this.#bytes[lineStart - 2] === CR ? lineStart - 2 : lineStart - 1
  }
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

/**
 * Walks BER in a stream: enters constructed elements, takes small ones whole, notes where the octets of strings lie and passes
 * over them. Bounded in depth, in elements and in what is taken into memory; it interprets no content. The rules for headers
 * are those of reader.ts.
 */
import { EngineError } from '../errors.ts'
import { Tag, malformed } from './reader.ts'

/** What comes next in the stream. */
export interface ElementHeader {
  /** Universal 0, application 1, context-specific 2, private 3. */
  readonly class: number
  readonly constructed: boolean
  readonly tag: number
  /** Octets of content; -1 for the indefinite form. */
  readonly length: number
  /** Octets of the header itself. */
  readonly size: number
}

/** How far to read. */
export interface WalkLimits {
  readonly depth: number
  readonly elements: number
  /** Octets that are taken into memory in all. */
  readonly taken: number
}

/** A constructed element that was entered. */
interface Frame {
  /** Offset after its content; -1 for the indefinite form. */
  readonly end: number
}

const CONSTRUCTED = 0x20

/** A walk from the beginning of a stream to as far as it is wanted. */
export class ElementStream {
  readonly #chunks: AsyncIterator<Buffer>
  readonly #limits: WalkLimits
  readonly #frames: Frame[] = []
  #held: Buffer = Buffer.alloc(0)
  #at = 0
  #offset = 0
  #elements = 0
  #taken = 0

  constructor(stream: AsyncIterable<Buffer>, limits: WalkLimits) {
    this.#chunks = stream[Symbol.asyncIterator]()
    this.#limits = limits
  }

  /** Gives the rest of the stream up. */
  async close(): Promise<void> {
    await this.#chunks.return?.()
  }

  /** Reads more; false at the end of the stream. */
  async #more(): Promise<boolean> {
    // The chunk they lie in is gone with the next one.
    const rest = Buffer.from(this.#held.subarray(this.#at))
    this.#held = rest
    this.#at = 0
    const next = await this.#chunks.next()
    if (next.done === true) return false
    this.#held = rest.length === 0 ? next.value : Buffer.concat([rest, next.value])
    return true
  }

  /** The next element's header, without passing it; null at the end of the element that was entered last. */
  async peek(): Promise<ElementHeader | null> {
    const frame = this.#frames.at(-1)
    if (frame !== undefined && frame.end >= 0) {
      if (this.#offset === frame.end) return null
    } else if (frame !== undefined) {
      while (this.#held.length - this.#at < 2)
        if (!(await this.#more())) throw malformed('no end of contents')
      if (this.#held[this.#at] === 0 && this.#held[this.#at + 1] === 0) return null
    }
    for (;;) {
      const header = readHeader(this.#held, this.#at)
      if (header === null) {
        if (await this.#more()) continue
        throw malformed('an element is cut short')
      }
      const limit = this.#limit()
      if (this.#offset + header.size + Math.max(header.length, 0) > limit)
        throw malformed('length runs past the end of the element around it')
      return header
    }
  }

  /** Offset that nothing here may run past. */
  #limit(): number {
    for (let at = this.#frames.length - 1; at >= 0; at--) {
      const end = this.#frames[at]?.end ?? -1
      if (end >= 0) return end
    }
    return Infinity
  }

  #pass(octets: number): void {
    this.#at += octets
    this.#offset += octets
  }

  #count(): void {
    if (++this.#elements > this.#limits.elements)
      throw new EngineError('asn1-too-many', `more than ${this.#limits.elements} elements`)
    if (this.#frames.length >= this.#limits.depth)
      throw new EngineError('asn1-too-deep', `nesting deeper than ${this.#limits.depth}`)
  }

  /** Passes a header that `peek` gave, into its element. */
  enter(header: ElementHeader): void {
    this.#count()
    if (!header.constructed) throw malformed('primitive element where a constructed one is needed')
    this.#pass(header.size)
    this.#frames.push({ end: header.length < 0 ? -1 : this.#offset + header.length })
  }

  /** Leaves an element at whose end `peek` gave null. */
  leave(): void {
    if (this.#frames.pop()?.end === -1) this.#pass(2)
  }

  /** Takes the whole element that `peek` gave into memory. */
  async take(header: ElementHeader): Promise<Buffer> {
    const pieces: Buffer[] = []
    await this.#takeInto(header, pieces)
    return pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces)
  }

  async #takeInto(header: ElementHeader, pieces: Buffer[]): Promise<void> {
    if (header.length >= 0) {
      this.#count()
      pieces.push(await this.#octets(header.size + header.length))
      return
    }
    pieces.push(await this.#octets(header.size))
    this.#count()
    this.#frames.push({ end: -1 })
    for (let next = await this.peek(); next !== null; next = await this.peek())
      await this.#takeInto(next, pieces)
    this.leave()
    pieces.push(Buffer.alloc(2))
  }

  async #octets(count: number): Promise<Buffer> {
    this.#taken += count
    if (this.#taken > this.#limits.taken)
      throw new EngineError('cms-too-large', `more than ${this.#limits.taken} octets`)
    // Chunk by chunk: to look at all of it again with each one would take quadratic time.
    const pieces: Buffer[] = []
    for (let left = count; ;) {
      const piece = Buffer.from(this.#held.subarray(this.#at, this.#at + left))
      pieces.push(piece)
      this.#pass(piece.length)
      left -= piece.length
      if (left === 0) break
      if (!(await this.#more())) throw malformed('an element is cut short')
    }
    const [first] = pieces
    return first !== undefined && pieces.length === 1 ? first : Buffer.concat(pieces)
  }

  /**
   * Passes over a string that may be cut into pieces of the type `tag` (X.690 8.7.3), and notes where its octets lie.
   * @param ranges - start and end of each piece, in order, are added to it
   */
  async string(header: ElementHeader, tag: number, ranges: number[]): Promise<void> {
    if (!header.constructed) {
      this.#count()
      this.#pass(header.size)
      const end = this.#offset + header.length
      if (header.length > 0) ranges.push(this.#offset, end)
      await this.#skip(header.length)
      return
    }
    this.enter(header)
    for (let next = await this.peek(); next !== null; next = await this.peek()) {
      if (next.class !== 0 || next.tag !== tag) throw malformed('foreign element inside a constructed string')
      await this.string(next, tag, ranges)
    }
    this.leave()
  }

  async #skip(count: number): Promise<void> {
    let left = count
    for (;;) {
      const step = Math.min(left, this.#held.length - this.#at)
      this.#pass(step)
      left -= step
      if (left === 0) return
      if (!(await this.#more())) throw malformed('an element is cut short')
    }
  }
}

/** Reads identifier and length octets at a place; null when they are not all there yet. */
function readHeader(bytes: Buffer, start: number): ElementHeader | null {
  let at = start
  const identifier = bytes[at++]
  if (identifier === undefined) return null
  const constructed = (identifier & CONSTRUCTED) !== 0
  let tag = identifier & 0x1f
  if (tag === 0x1f) {
    // X.690 8.1.2.4
    tag = 0
    for (const first = at; ;) {
      const octet = bytes[at++]
      if (octet === undefined) return null
      if ((at - 1 === first && octet === 0x80) || at - first > 4) throw malformed('bad tag number')
      tag = (tag << 7) | (octet & 0x7f)
      if (octet < 0x80) break
    }
    if (tag < 0x1f) throw malformed('tag number not in its short form')
  }
  if (identifier >> 6 === 0) {
    if (tag === 0) throw malformed('unexpected end-of-contents')
    if ((tag === Tag.sequence || tag === Tag.set) && !constructed)
      throw malformed('primitive SEQUENCE or SET')
  }
  const first = bytes[at++]
  if (first === undefined) return null
  let length = first
  if (first === 0x80) {
    if (!constructed) throw malformed('indefinite length of a primitive element')
    length = -1
  } else if (first > 0x80) {
    const count = first & 0x7f
    if (count === 0x7f) throw malformed('bad length octets')
    length = 0
    for (let n = 0; n < count; n++) {
      const octet = bytes[at++]
      if (octet === undefined) return null
      length = length * 256 + octet
      if (length > Number.MAX_SAFE_INTEGER / 512) throw malformed('length runs past the end')
    }
  }
  return { class: identifier >> 6, constructed, tag, length, size: at - start }
}

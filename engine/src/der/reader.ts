/**
 * Reads TLVs (X.690) as views on the input: strict DER by default, and with `ber` the BER that CMS mail really uses.
 * Bounded in depth and in number of elements, linear in time on any input; never reads outside the given bytes.
 * It refuses to interpret content: that is decode.ts.
 */
import { EngineError } from '../errors.ts'

/** How strictly and how far to read. */
export interface ReadOptions {
  /** Accept indefinite lengths, non-minimal lengths and constructed strings. Default false: strict DER. */
  readonly ber?: boolean
  /** Nesting limit; deeper input fails with `asn1-too-deep`. Default 64. */
  readonly maxDepth?: number
  /** Limit on the number of elements looked at; more fail with `asn1-too-many`. Default 1000000. */
  readonly maxElements?: number
}

/** The tag class: universal 0, application 1, context-specific 2, private 3. */
export type TagClass = 0 | 1 | 2 | 3

/** Universal tag numbers (X.680 8.4). */
export const Tag = {
  boolean: 1,
  integer: 2,
  bitString: 3,
  octetString: 4,
  null: 5,
  oid: 6,
  enumerated: 10,
  utf8String: 12,
  sequence: 16,
  set: 17,
  numericString: 18,
  printableString: 19,
  teletexString: 20,
  ia5String: 22,
  utcTime: 23,
  generalizedTime: 24,
  visibleString: 26,
  universalString: 28,
  bmpString: 30,
} as const

/** Makes the error of this layer. */
export function malformed(detail: string): EngineError {
  return new EngineError('asn1-malformed', detail)
}

/** The input with its limits, and the header read last; one per `readElement` call. */
class Source {
  readonly bytes: Buffer
  readonly ber: boolean
  readonly maxDepth: number
  private readonly maxElements: number
  private elements = 0
  private scanned = 0
  /** Where the contents of indefinite-length elements end, by where they start; filled by `contentsEnd`. */
  private ends: Map<number, number> | null = null

  /** The header that `header` read last. */
  tagClass: TagClass = 0
  constructed = false
  tag = 0
  contentStart = 0
  /** Content length, or -1 for the indefinite form. */
  length = 0

  constructor(bytes: Buffer, options: ReadOptions) {
    this.bytes = bytes
    this.ber = options.ber ?? false
    this.maxDepth = options.maxDepth ?? 64
    this.maxElements = options.maxElements ?? 1_000_000
  }

  /** Reads identifier and length octets at `position` into the fields above. */
  header(position: number, limit: number): void {
    const bytes = this.bytes
    let at = position
    const identifier = at < limit ? bytes[at++] : undefined
    if (identifier === undefined) throw malformed(`no identifier octet at offset ${position}`)
    this.tagClass = (identifier >> 6) as TagClass // two bits
    this.constructed = (identifier & 0x20) !== 0
    this.tag = identifier & 0x1f
    if (this.tag === 0x1f) at = this.longTag(at, limit)
    if (this.tagClass === 0) {
      if (this.tag === 0) throw malformed(`unexpected end-of-contents at offset ${position}`)
      if ((this.tag === Tag.sequence || this.tag === Tag.set) && !this.constructed)
        throw malformed(`primitive SEQUENCE or SET at offset ${position}`)
    }
    const first = at < limit ? bytes[at++] : undefined
    if (first === undefined) throw malformed(`no length octet at offset ${position}`)
    if (first < 0x80) this.length = first
    else if (first === 0x80) this.length = this.indefinite(position)
    else at = this.longLength(at, first & 0x7f, limit)
    this.contentStart = at
    if (this.length > limit - at) throw malformed(`length runs past the end at offset ${position}`)
  }

  /** Tag numbers from 31 (X.690 8.1.2.4), at most 28 bits. */
  private longTag(start: number, limit: number): number {
    let at = start
    let tag = 0
    for (;;) {
      const octet = at < limit ? this.bytes[at] : undefined
      if (octet === undefined || (at === start && octet === 0x80) || at - start > 3)
        throw malformed(`bad tag number at offset ${start - 1}`)
      at++
      tag = (tag << 7) | (octet & 0x7f)
      if (octet < 0x80) break
    }
    if (tag < 0x1f) throw malformed(`tag number not in its short form at offset ${start - 1}`)
    this.tag = tag
    return at
  }

  private indefinite(position: number): number {
    if (!this.ber) throw malformed(`indefinite length is not DER, at offset ${position}`)
    if (!this.constructed) throw malformed(`indefinite length of a primitive element at offset ${position}`)
    return -1
  }

  private longLength(start: number, count: number, limit: number): number {
    if (count === 0x7f || count > limit - start) throw malformed(`bad length octets at offset ${start - 1}`)
    let length = 0
    for (let at = start; at < start + count; at++) {
      length = length * 256 + (this.bytes[at] ?? 0)
      if (length > limit) throw malformed(`length runs past the end at offset ${start - 1}`)
    }
    // X.690 10.1: the shortest form
    if (!this.ber && (length < 0x80 || this.bytes[start] === 0))
      throw malformed(`length not in its shortest form at offset ${start - 1}`)
    this.length = length
    return start + count
  }

  /** Reads the element at `position`, which must end before `limit`. */
  element(position: number, limit: number, depth: number): Element {
    if (depth > this.maxDepth) throw new EngineError('asn1-too-deep', `nesting deeper than ${this.maxDepth}`)
    if (++this.elements > this.maxElements)
      throw new EngineError('asn1-too-many', `more than ${this.maxElements} elements`)
    this.header(position, limit)
    if (this.length >= 0) return new Element(this, position, this.contentStart + this.length, depth)
    const contentEnd = this.contentsEnd(this.contentStart, limit, depth)
    // The search for the end has read other headers
    this.header(position, limit)
    return new Element(this, position, contentEnd, depth)
  }

  /**
   * Finds the end-of-contents octets that belong to the indefinite-length content at `start`. Notes those of all
   * indefinite elements on the way, so that no byte is looked through again for its children.
   */
  private contentsEnd(start: number, limit: number, depth: number): number {
    const ends = (this.ends ??= new Map<number, number>())
    const known = ends.get(start)
    if (known !== undefined) return known
    const open = [start]
    let at = start
    for (;;) {
      if (at + 2 <= limit && this.bytes[at] === 0 && this.bytes[at + 1] === 0) {
        const closed = open.pop()
        if (closed !== undefined) ends.set(closed, at)
        if (open.length === 0) return at
        at += 2
        continue
      }
      if (++this.scanned > this.maxElements)
        throw new EngineError('asn1-too-many', `more than ${this.maxElements} elements`)
      this.header(at, limit)
      at = this.contentStart
      if (this.length >= 0) at += this.length
      else if (open.push(at) + depth > this.maxDepth)
        throw new EngineError('asn1-too-deep', `nesting deeper than ${this.maxDepth}`)
    }
  }
}

/** One TLV: a view on the input. Nothing is copied; children are parsed on demand, and once. */
export class Element {
  /** 0 universal, 1 application, 2 context, 3 private (X.690 8.1.2.2). */
  readonly class: TagClass
  /** Whether the content is elements. */
  readonly constructed: boolean
  /** The tag number. */
  readonly tag: number
  private readonly source: Source
  private readonly start: number
  private readonly contentStart: number
  private readonly contentEnd: number
  /** @internal Offset behind it in the input. */
  readonly end: number
  private readonly depth: number
  private parsed: readonly Element[] | null = null

  /** @param source - which has just read the header of this element */
  constructor(source: Source, start: number, contentEnd: number, depth: number) {
    this.class = source.tagClass
    this.constructed = source.constructed
    this.tag = source.tag
    this.source = source
    this.start = start
    this.contentStart = source.contentStart
    this.contentEnd = contentEnd
    this.end = source.length < 0 ? contentEnd + 2 : contentEnd
    this.depth = depth
  }

  /** Whether this was read as BER, where decoding is more tolerant. */
  get ber(): boolean {
    return this.source.ber
  }

  /** The whole TLV as it stands in the input. */
  get raw(): Buffer {
    return this.source.bytes.subarray(this.start, this.end)
  }

  /** The content octets; of an indefinite-length element without the end-of-contents octets. */
  get content(): Buffer {
    return this.source.bytes.subarray(this.contentStart, this.contentEnd)
  }

  /** Whether the length octets are the shortest form (X.690 10.1). */
  get minimal(): boolean {
    const { length } = this
    const octets = length < 0x80 ? 1 : 1 + Math.ceil((32 - Math.clz32(length)) / 8)
    // A tag number from 31 on has octets of its own
    const tagOctets = this.tag < 0x1f ? 1 : 1 + Math.ceil((32 - Math.clz32(this.tag)) / 7)
    return this.end === this.contentEnd && this.contentStart - this.start === tagOctets + octets
  }

  /** The number of content octets. */
  get length(): number {
    return this.contentEnd - this.contentStart
  }

  /**
   * The elements inside.
   * @throws EngineError `asn1-malformed` unless constructed and well formed
   */
  children(): readonly Element[] {
    if (this.parsed !== null) return this.parsed
    if (!this.constructed) throw malformed(`primitive element where a constructed one is needed`)
    const children: Element[] = []
    for (let at = this.contentStart; at < this.contentEnd;) {
      const child = this.source.element(at, this.contentEnd, this.depth + 1)
      children.push(child)
      at = child.end
    }
    this.parsed = children
    return children
  }

  /** Whether the tag is this one. */
  is(tagClass: number, tag: number): boolean {
    return this.class === tagClass && this.tag === tag
  }
}

/**
 * Reads exactly one element.
 * @throws EngineError `asn1-malformed` (also for trailing bytes), `asn1-too-deep`, `asn1-too-many`
 */
export function readElement(bytes: Buffer, options: ReadOptions = {}): Element {
  const element = readPrefix(bytes, options)
  if (element.end !== bytes.length) throw malformed('bytes after the end of the element')
  return element
}

/**
 * Reads the first element; more bytes may follow.
 * @throws EngineError `asn1-malformed`, `asn1-too-deep`, `asn1-too-many`
 */
export function readPrefix(bytes: Buffer, options: ReadOptions = {}): Element {
  return new Source(bytes, options).element(0, bytes.length, 1)
}

/** Reads the children of a SEQUENCE, a SET or an explicit tag in order. */
export class Cursor {
  private readonly children: readonly Element[]
  private index = 0

  /** @throws EngineError `asn1-malformed` unless constructed */
  constructor(element: Element) {
    this.children = element.children()
  }

  /** The next child. @throws EngineError `asn1-malformed` naming `what` if none is left */
  next(what: string): Element {
    const element = this.children[this.index]
    if (element === undefined) throw malformed(`${what} is missing`)
    this.index++
    return element
  }

  /** The next child, which must have this universal tag. @throws EngineError `asn1-malformed` naming `what` */
  universal(tag: number, what: string): Element {
    const element = this.next(what)
    if (!element.is(0, tag)) throw malformed(`${what} has a wrong tag`)
    return element
  }

  /** Takes the next child if its tag is this one, else null. */
  optional(tagClass: number, tag: number): Element | null {
    const element = this.children[this.index]
    if (!element?.is(tagClass, tag)) return null
    this.index++
    return element
  }

  /** The next child without taking it; null at the end. */
  peek(): Element | null {
    return this.children[this.index] ?? null
  }

  /** @throws EngineError `asn1-malformed` naming `what` if any child is left */
  done(what: string): void {
    if (this.index < this.children.length) throw malformed(`unexpected element in ${what}`)
  }
}

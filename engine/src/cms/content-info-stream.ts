/**
 * Reads a CMS object that is not in memory: everything but its content goes through the same reader as any other object, and
 * of the content only its place is noted (RFC 5652 3, 5.1, 6.1). The object is read once; its content is read later, in chunks.
 */
import { streamOf } from '../bytes/source.ts'
import type { ByteSource, ByteStream } from '../bytes/source.ts'
import { toOid } from '../der/decode.ts'
import { ElementStream } from '../der/element-stream.ts'
import type { ElementHeader } from '../der/element-stream.ts'
import { Tag, readPrefix } from '../der/reader.ts'
import { contentKindOf, readContentInfo } from './content-info.ts'
import type { ContentInfo } from './content-info.ts'

/** What may be held of an object beside its content: room for thousands of recipients or long revocation lists. */
const LIMITS = { depth: 64, elements: 1_000_000, taken: 16_777_216 }

/** An object without its content. */
export interface StreamedInfo {
  /** What holds content in it holds none; whether there was any is told by `content`. */
  readonly info: ContentInfo
  /** Signed content, ciphertext or data, as a part of the stream that was read; null when the object has none. */
  readonly content: ByteSource | null
}

const END = Buffer.alloc(2)
const EMPTY_STRING = Buffer.from([0x04, 0x00])

/**
 * Reads an object.
 * @throws EngineError as `readContentInfo`, `cms-too-large`; and what the stream throws
 */
export async function readContentInfoStream(stream: ByteStream): Promise<StreamedInfo> {
  const elements = new ElementStream(stream.chunks(), LIMITS)
  const outline = new Outline(elements)
  try {
    await outline.read()
  } finally {
    await elements.close()
  }
  const info = readContentInfo(Buffer.concat(outline.parts))
  const { ranges } = outline
  return { info, content: ranges === null ? null : piecesOf(stream, ranges) }
}

/** Makes a copy of an object in which the content is left out. */
class Outline {
  readonly parts: Buffer[] = []
  /** Start and end of each piece of the content. */
  ranges: number[] | null = null
  readonly #elements: ElementStream

  constructor(elements: ElementStream) {
    this.#elements = elements
  }

  async read(): Promise<void> {
    const elements = this.#elements
    await this.#inside(await elements.peek(), async () => {
      const type = await this.#copyNext()
      if (type === null) return
      const kind = contentKindOf(toOid(readPrefix(type, { ber: true })))
      // Nobody looks into these.
      if (kind === 'other' || kind === 'compressed-data') return
      await this.#inside(await elements.peek(), async () => {
        const content = await elements.peek()
        if (content === null) return
        if (kind === 'data') await this.#content(content)
        else await this.#inside(content, () => this.#object(kind === 'signed-data'))
        await this.#copyRest()
      })
      await this.#copyRest()
    })
  }

  /** SignedData, EnvelopedData or AuthEnvelopedData: the first SEQUENCE in each of them holds the content. */
  async #object(signed: boolean): Promise<void> {
    const elements = this.#elements
    let found = false
    for (let next = await elements.peek(); next !== null; next = await elements.peek()) {
      if (found || next.class !== 0 || next.tag !== Tag.sequence) {
        this.parts.push(await elements.take(next))
        continue
      }
      found = true
      await this.#inside(next, () => (signed ? this.#encapsulated() : this.#encrypted()))
    }
  }

  /** EncapsulatedContentInfo (RFC 5652 5.2): eContent `[0]` EXPLICIT OCTET STRING. */
  async #encapsulated(): Promise<void> {
    const elements = this.#elements
    for (let next = await elements.peek(); next !== null; next = await elements.peek()) {
      if (this.ranges !== null || next.class !== 2 || next.tag !== 0) {
        this.parts.push(await elements.take(next))
        continue
      }
      await this.#inside(next, async () => {
        const content = await elements.peek()
        if (content !== null && content.class === 0 && content.tag === Tag.octetString)
          await this.#content(content)
        await this.#copyRest()
      })
    }
  }

  /** EncryptedContentInfo (RFC 5652 6.1): encryptedContent `[0]` IMPLICIT OCTET STRING. */
  async #encrypted(): Promise<void> {
    const elements = this.#elements
    for (let next = await elements.peek(); next !== null; next = await elements.peek())
      if (this.ranges === null && next.class === 2 && next.tag === 0) await this.#content(next)
      else this.parts.push(await elements.take(next))
  }

  /** Passes over the octets of the content; an empty string stands for them. */
  async #content(header: ElementHeader): Promise<void> {
    const isString = header.class === 2 || header.tag === Tag.octetString
    if (!isString) {
      this.parts.push(await this.#elements.take(header))
      return
    }
    this.ranges = []
    await this.#elements.string(header, Tag.octetString, this.ranges)
    this.parts.push(header.class === 2 ? Buffer.from([0x80, 0]) : EMPTY_STRING)
  }

  /** Writes the element around what `read` writes; its length is not known, so it is written in the indefinite form. */
  async #inside(header: ElementHeader | null, read: () => Promise<void>): Promise<void> {
    if (header === null) return
    this.#elements.enter(header)
    this.parts.push(identifierOf(header))
    await read()
    if ((await this.#elements.peek()) === null) this.#elements.leave()
    this.parts.push(END)
  }

  async #copyNext(): Promise<Buffer | null> {
    const next = await this.#elements.peek()
    if (next === null) return null
    const bytes = await this.#elements.take(next)
    this.parts.push(bytes)
    return bytes
  }

  async #copyRest(): Promise<void> {
    while ((await this.#copyNext()) !== null);
  }
}

/** Identifier octets with the indefinite length; longer tags than any that can stand here are cut to one that is refused. */
function identifierOf(header: ElementHeader): Buffer {
  return Buffer.from([(header.class << 6) | 0x20 | Math.min(header.tag, 30), 0x80])
}

/** The pieces of a stream, as one. */
function piecesOf(stream: ByteStream, ranges: readonly number[]): ByteSource {
  const length = ranges.reduce((sum, offset, at) => (at % 2 === 0 ? sum - offset : sum + offset), 0)
  const made = streamOf(async function* () {
    const first = ranges[0]
    const last = ranges.at(-1)
    if (first === undefined || last === undefined) return
    let at = first
    let index = 0
    for await (const chunk of stream.chunks(first, last)) {
      const end = at + chunk.length
      // All that a chunk holds at once: pieces may be of one octet each.
      const pieces: Buffer[] = []
      for (;;) {
        const from = ranges[index] ?? Infinity
        const to = ranges[index + 1] ?? Infinity
        if (from >= end) break
        const piece = chunk.subarray(Math.max(from, at) - at, Math.min(to, end) - at)
        if (piece.length > 0) pieces.push(piece)
        if (to > end) break
        index += 2
      }
      const [only] = pieces
      if (only !== undefined) yield pieces.length === 1 ? only : Buffer.concat(pieces)
      at = end
    }
  })
  return { length, chunks: (start, end) => made.chunks(start, end) }
}

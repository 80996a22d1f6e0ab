// A message as header fields and a body. Fields that nobody changes keep their very octets and their order;
// forks share fields and body, so that a bifurcated 25 MB mail costs nothing.
import { isAscii } from 'node:buffer'
import { hasBareLineEnding } from './line-endings.ts'
import { decodeWords } from './words.ts'

/** One header field with its octets, ending in its line ending. */
export interface HeaderField {
  /** Name as written. */
  readonly name: string
  /** Name in lower case. */
  readonly key: string
  /** The field's octets, folded lines and all. */
  readonly raw: Buffer
}

const LF = 0x0a
const CR = 0x0d
const EMPTY_LINE = Buffer.from('\r\n')

/** The octets after the header, with what has been found out about them. */
class Body {
  readonly bytes: Buffer
  #ascii: boolean | undefined
  #bare: boolean | undefined

  constructor(bytes: Buffer) {
    this.bytes = bytes
  }

  get ascii(): boolean {
    return (this.#ascii ??= isAscii(this.bytes))
  }

  get bareLineEnding(): boolean {
    return (this.#bare ??= hasBareLineEnding(this.bytes))
  }
}

/** A message (RFC 5322). */
export class Message {
  #fields: HeaderField[]
  readonly #separator: Buffer
  readonly #body: Body

  private constructor(fields: HeaderField[], separator: Buffer, body: Body) {
    this.#fields = fields
    this.#separator = separator
    this.#body = body
  }

  /** Cuts a message into fields and body. A line that is no field begins the body. */
  static parse(raw: Buffer): Message {
    const fields: HeaderField[] = []
    let at = 0
    for (;;) {
      const line = lineEnd(raw, at)
      const content = raw[line - 2] === CR && line - 2 >= at ? line - 2 : line - 1
      if (line === at || content === at) {
        return new Message(fields, raw.subarray(at, line), new Body(raw.subarray(line)))
      }
      const colon = raw.indexOf(0x3a, at)
      if (colon <= at || colon >= line || !isFieldName(raw, at, colon)) {
        return new Message(fields, Buffer.alloc(0), new Body(raw.subarray(at)))
      }
      let end = line
      while (raw[end] === 0x20 || raw[end] === 0x09) end = lineEnd(raw, end)
      const name = raw.toString('latin1', at, colon).trimEnd()
      const octets = raw.subarray(at, end)
      const ended = raw[end - 1] === LF
      fields.push({
        name,
        key: name.toLowerCase(),
        raw: ended ? octets : Buffer.concat([octets, EMPTY_LINE]),
      })
      at = end
    }
  }

  /** A copy that can be changed without changing this one. */
  fork(): Message {
    return new Message([...this.#fields], this.#separator, this.#body)
  }

  /** All fields in order. */
  get fields(): readonly HeaderField[] {
    return this.#fields
  }

  /** The octets after the empty line. */
  get body(): Buffer {
    return this.#body.bytes
  }

  /** Octets of the whole message. */
  get size(): number {
    return this.#fields.reduce(
      (sum, one) => sum + one.raw.length,
      this.#separator.length + this.#body.bytes.length,
    )
  }

  /** The message as it would be sent. */
  get raw(): Buffer {
    return Buffer.concat(this.parts())
  }

  /** The octets in two pieces, header and body; the body is not copied. */
  parts(): Buffer[] {
    const separator = this.#separator.length === 0 && this.body.length === 0 ? EMPTY_LINE : this.#separator
    return [Buffer.concat([...this.#fields.map((field) => field.raw), separator]), this.#body.bytes]
  }

  /** Whether body octets beyond ASCII need 8BITMIME. */
  get eightBitBody(): boolean {
    return !this.#body.ascii
  }

  /** Whether header octets beyond ASCII are there (RFC 6532). */
  get eightBitHeader(): boolean {
    return this.#fields.some((field) => !isAscii(field.raw))
  }

  /** Whether a bare CR or LF is there: such a message may leave by BDAT only. */
  get bareLineEnding(): boolean {
    return this.#body.bareLineEnding || this.#fields.some((field) => hasBareLineEnding(field.raw))
  }

  /** Unfolded, decoded values of every instance of a field, top first. */
  values(name: string): string[] {
    const key = name.toLowerCase()
    return this.#fields.filter((field) => field.key === key).map(fieldValue)
  }

  /** The first value, if the field is there. */
  value(name: string): string | undefined {
    const key = name.toLowerCase()
    const field = this.#fields.find((candidate) => candidate.key === key)
    return field && fieldValue(field)
  }

  /** Removes every field that the test picks. */
  remove(test: (field: HeaderField) => boolean): void {
    this.#fields = this.#fields.filter((field) => !test(field))
  }

  /** Replaces every field that the mapping changes; returning the same field keeps it. */
  rename(change: (field: HeaderField) => HeaderField): void {
    this.#fields = this.#fields.map(change)
  }

  /** Puts fields on top, in the given order. */
  prepend(fields: readonly HeaderField[]): void {
    this.#fields.unshift(...fields)
  }

  /** Puts fields below the others. */
  append(fields: readonly HeaderField[]): void {
    this.#fields.push(...fields)
  }

  /** Gives a field this one value: the first instance is changed in place, others go, a new one goes to the end. */
  set(name: string, value: string): void {
    const made = field(name, value)
    const first = this.#fields.findIndex((candidate) => candidate.key === made.key)
    if (first < 0) {
      this.#fields.push(made)
      return
    }
    this.#fields = this.#fields.filter((candidate, i) => i <= first || candidate.key !== made.key)
    this.#fields[first] = made
  }
}

/** Makes a field on one line. */
export function field(name: string, value: string): HeaderField {
  return { name, key: name.toLowerCase(), raw: Buffer.from(`${name}: ${value}\r\n`, 'utf8') }
}

/** A field under another name, value and folding untouched. */
export function renamed(from: HeaderField, name: string): HeaderField {
  const colon = from.raw.indexOf(0x3a)
  return { name, key: name.toLowerCase(), raw: Buffer.concat([Buffer.from(name), from.raw.subarray(colon)]) }
}

/** The value of a field, unfolded (RFC 5322 2.2.3), encoded words decoded. */
function fieldValue(from: HeaderField): string {
  const text = from.raw.toString('utf8')
  const unfolded = text.slice(text.indexOf(':') + 1).replace(/\r?\n(?=[ \t])/g, '')
  return decodeWords(unfolded.trim())
}

function lineEnd(raw: Buffer, from: number): number {
  const at = raw.indexOf(LF, from)
  return at < 0 ? raw.length : at + 1
}

function isFieldName(raw: Buffer, from: number, to: number): boolean {
  // RFC 5322 2.2: printable US-ASCII except colon; blanks before the colon are tolerated (RFC 5322 4.5).
  let end = to
  while (end > from && (raw[end - 1] === 0x20 || raw[end - 1] === 0x09)) end--
  for (let i = from; i < end; i++) {
    const octet = raw[i] ?? 0
    if (octet < 0x21 || octet > 0x7e) return false
  }
  return end > from
}

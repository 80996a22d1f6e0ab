/**
 * Fields of the shape `value; name=value`: Content-Type and Content-Disposition (RFC 2045 5.1, RFC 2183, RFC 2231).
 * Tolerant of what real mail holds (missing quotes, stray semicolons); what was given twice is flagged, the first counts.
 * Encoded words in parameters are not decoded here.
 */

/** A parsed `value; name=value` field. */
export interface ParameterisedValue {
  /** What stands before the first semicolon, in lower case: `multipart/signed`, `attachment`; empty if there is nothing. */
  readonly value: string
  /** Parameters by lower-case name, RFC 2231 decoded. The object has no prototype. */
  readonly params: Readonly<Record<string, string>>
  /** A parameter was given twice, or both plain and extended; other readers may take the other one. */
  readonly duplicate: boolean
}

/** One parameter as written; `section` is null for a plain one. */
interface RawParameter {
  readonly name: string
  readonly section: number | null
  readonly extended: boolean
  readonly text: string
}

const MEDIA_TYPE = /^[!#$%&'*+\-.0-9A-Z^_`a-z{|}~]+\/[!#$%&'*+\-.0-9A-Z^_`a-z{|}~]+$/
/** Parameters whose value people write without quotes although it holds spaces or parentheses. */
const FREE_TEXT = new Set(['name', 'filename'])
/** Numbers of continuations (RFC 2231 3) beyond this are not believed. */
const MAX_SECTION = 999

/**
 * Parses a field value with parameters. Never fails: what cannot be read is left out.
 * @param value - the unfolded value, as `headerValue` gives it
 */
export function parseParameters(value: string): ParameterisedValue {
  const semicolon = endOfHead(value)
  const head = withoutComments(value.slice(0, semicolon)).trim()
  const blank = head.search(/[ \t]/)
  // A missing semicolon (`text/plain charset=utf-8`) is met in real mail.
  const rest =
    blank !== -1 && head.includes('=') ? head.slice(blank) + value.slice(semicolon) : value.slice(semicolon)
  const main = blank === -1 ? head : head.slice(0, blank)
  return { value: main.toLowerCase(), ...assemble(readAll(rest)) }
}

/**
 * Parses the value of a Content-Type field.
 * @returns null if it is not `type/subtype`; RFC 2045 5.2 then takes text/plain
 */
export function contentTypeOf(value: string): ParameterisedValue | null {
  const parsed = parseParameters(value)
  return MEDIA_TYPE.test(parsed.value) ? parsed : null
}

/** Index of the first semicolon outside comments, or the length. */
function endOfHead(value: string): number {
  // Nearly every head ends before anything that could be a comment.
  const start = value.search(/[;(\\]/)
  if (start === -1) return value.length
  let depth = 0
  for (let i = start; i < value.length; i++) {
    const c = value[i]
    if (c === '\\') i++
    else if (c === '(') depth++
    else if (c === ')' && depth > 0) depth--
    else if (c === ';' && depth === 0) return i
  }
  // An unclosed comment hides nothing.
  const plain = depth > 0 ? value.indexOf(';') : -1
  return plain === -1 ? value.length : plain
}

function withoutComments(text: string): string {
  if (!text.includes('(')) return text
  let out = ''
  for (let i = 0; i < text.length;) {
    const end = text[i] === '(' ? afterComment(text, i) : i
    if (end > i) {
      out += ' '
      i = end
    } else {
      out += text[i] ?? ''
      i++
    }
  }
  return out
}

/** Index after the comment that opens at `from`; the length if it is never closed. RFC 5322 3.2.2 */
function afterComment(text: string, from: number): number {
  let depth = 0
  for (let i = from; i < text.length; i++) {
    const c = text[i]
    if (c === '\\') i++
    else if (c === '(') depth++
    else if (c === ')' && --depth === 0) return i + 1
  }
  return text.length
}

/** Reads every `name=value` of the text after the head. */
function readAll(text: string): RawParameter[] {
  const found: RawParameter[] = []
  let i = 0
  while (i < text.length) {
    i = skip(text, i)
    const nameStart = i
    i = endOf(NAME, text, i)
    const name = text.slice(nameStart, i).toLowerCase()
    i = skipBlank(text, i)
    if (text[i] !== '=') {
      // No value: a flag, or rubbish; go on behind it.
      if (i === nameStart) i++
      continue
    }
    i = skipBlank(text, i + 1)
    if (text[i] === '(') i = skipBlank(text, afterComment(text, i))
    const value = text[i] === '"' ? readQuoted(text, i) : readToken(text, i, FREE_TEXT.has(name))
    i = value.next
    if (name !== '') found.push({ ...splitName(name), text: value.text })
  }
  return found
}

const NAME = /[^ \t;=("]*/y
const TOKEN = /[^ \t;(]*/y
const FREE = /[^;]*/y
const QUOTABLE = /[^"\\]*/y

/** Index behind the run of characters of a set, which may be empty, that starts here. */
function endOf(set: RegExp, text: string, from: number): number {
  set.lastIndex = from
  set.test(text)
  return set.lastIndex
}

/** Skips semicolons, white space and comments. */
function skip(text: string, from: number): number {
  let i = from
  for (;;) {
    const c = text[i]
    if (c === '(') i = afterComment(text, i)
    else if (c === ' ' || c === '\t' || c === ';') i++
    else return i
  }
}

function skipBlank(text: string, from: number): number {
  let i = from
  while (text[i] === ' ' || text[i] === '\t') i++
  return i
}

/** A quoted string; what follows it up to the semicolon is dropped. An unclosed one ends with the field. */
function readQuoted(text: string, from: number): { text: string; next: number } {
  let i = endOf(QUOTABLE, text, from + 1)
  let out = text.slice(from + 1, i)
  for (; i < text.length && text[i] !== '"'; i++) {
    if (text[i] === '\\' && i + 1 < text.length) i++
    out += text[i] ?? ''
  }
  return { text: out, next: i + 1 }
}

function readToken(text: string, from: number, freeText: boolean): { text: string; next: number } {
  const next = endOf(freeText ? FREE : TOKEN, text, from)
  return { text: text.slice(from, next).trimEnd(), next }
}

/** RFC 2231 3 and 4: `name*1*` is section 1, extended. */
function splitName(name: string): { name: string; section: number | null; extended: boolean } {
  if (!name.includes('*')) return { name, section: null, extended: false }
  const match = /^([^*]+)(?:\*(\d{1,4}))?(\*)?$/.exec(name)
  if (match === null) return { name, section: null, extended: false }
  const [, base = name, digits, star] = match
  return { name: base, section: digits === undefined ? null : Number(digits), extended: star !== undefined }
}

/** Puts continuations together and decodes extended values. */
function assemble(found: readonly RawParameter[]): Omit<ParameterisedValue, 'value'> {
  const params = Object.create(null) as Record<string, string>
  let duplicate = false
  const encoded: RawParameter[] = []
  for (const raw of found) {
    if (raw.section !== null || raw.extended) encoded.push(raw)
    else if (raw.name in params) duplicate = true
    else params[raw.name] = raw.text
  }
  if (encoded.length === 0) return { params, duplicate }
  const sections = new Map<string, Map<number, RawParameter>>()
  const extended = new Map<string, string>()
  for (const raw of encoded) {
    if (raw.section !== null) {
      const own = sections.get(raw.name) ?? new Map<number, RawParameter>()
      sections.set(raw.name, own)
      if (own.has(raw.section)) duplicate = true
      else if (raw.section <= MAX_SECTION) own.set(raw.section, raw)
    } else if (extended.has(raw.name)) duplicate = true
    else extended.set(raw.name, decodeExtended([raw]))
  }
  for (const [name, own] of sections) {
    const text = decodeExtended(inOrder(own))
    if (extended.has(name)) duplicate = true
    else extended.set(name, text)
  }
  for (const [name, text] of extended) {
    if (!(name in params)) params[name] = text
    // RFC 6266 4.3: senders give both forms of a file name on purpose, and the extended one is the better
    else if (FREE_TEXT.has(name)) params[name] = text
    else duplicate = true
  }
  return { params, duplicate }
}

/** Sections 0, 1, 2 ... up to the first gap. */
function inOrder(own: ReadonlyMap<number, RawParameter>): RawParameter[] {
  const ordered: RawParameter[] = []
  for (let n = 0; ; n++) {
    const raw = own.get(n)
    if (raw === undefined) return ordered
    ordered.push(raw)
  }
}

/** RFC 2231 4: `charset'language'percent-encoded`; the charset stands in the first section only. */
function decodeExtended(raws: readonly RawParameter[]): string {
  const first = raws[0]
  if (first === undefined) return ''
  if (!raws.some((raw) => raw.extended)) return raws.map((raw) => raw.text).join('')
  const header = first.extended ? /^([^']*)'[^']*'/.exec(first.text) : null
  const pieces = raws.map((raw, n) => {
    const text = n === 0 && header !== null ? raw.text.slice(header[0].length) : raw.text
    return raw.extended ? percentDecode(text) : Buffer.from(text, 'utf8')
  })
  return decodeCharset(Buffer.concat(pieces), header?.[1] ?? '')
}

function percentDecode(text: string): Buffer {
  const parts = text.split(/(%[0-9A-Fa-f]{2})/)
  return Buffer.concat(
    parts.map((part, n) => (n % 2 === 1 ? Buffer.from(part.slice(1), 'hex') : Buffer.from(part, 'utf8'))),
  )
}

/** Text in a named charset; UTF-8 or else Latin-1 where the charset is not known. */
function decodeCharset(bytes: Buffer, charset: string): string {
  const label = charset === '' ? 'utf-8' : charset
  try {
    return new TextDecoder(label, { fatal: true }).decode(bytes)
  } catch {
    // Unknown charset or bytes that are none of it: one character per byte loses nothing.
    return bytes.toString('latin1')
  }
}

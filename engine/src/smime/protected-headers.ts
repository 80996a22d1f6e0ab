/**
 * Header protection: reads the header fields that a signed or encrypted entity carries (RFC 9788, and the older
 * `protected-headers="v1"`), and adds them to an entity that is about to be protected. What to do with them is policy.
 */
import { Rope } from '../bytes/rope.ts'
import { rangeOf } from '../bytes/source.ts'
import type { ByteSource, ByteView } from '../bytes/source.ts'
import { parseMailbox } from '../mime/address.ts'
import { foldHeader } from '../mime/edit.ts'
import type { HeaderField, MimeNode } from '../mime/entity.ts'
import { fieldsNamed, headerValue, scanHeader } from '../mime/header.ts'
import { EngineError } from '../errors.ts'
import { sameAddress } from '../x509/address.ts'
import { isContentField, scanHeaderOfSource } from './entity.ts'
import { withLegacyDisplay } from './legacy-display.ts'
import type { DisplayedField } from './legacy-display.ts'

/** One header field of those that are protected. */
export interface ProtectedField {
  /** As it stands. */
  readonly name: string
  /** Unfolded. */
  readonly value: string
}

/** Fields from inside a protected entity. */
export interface ProtectedHeaders {
  /** How they were protected: RFC 9788, the draft before it, or the whole message wrapped (RFC 8551 3.1). */
  readonly scheme: 'rfc9788' | 'protected-headers-v1' | 'rfc8551-wrapped'
  /** RFC 9788: `clear` (signed only) or `cipher` (meant to be encrypted); null for the older scheme. */
  readonly mode: 'clear' | 'cipher' | null
  /** The fields in order, without Content fields, MIME-Version and HP-Outer. */
  readonly fields: readonly ProtectedField[]
  /** RFC 9788 2.2: what the sender put outside, from HP-Outer. */
  readonly outer: readonly ProtectedField[]
  /** The single protected From address; null when there is none or it cannot be read. */
  readonly from: string | null
}

/**
 * Reads the protected fields of a payload.
 * @param bytes - what was scanned
 * @param payload - the root of what a signature covers or of what was decrypted
 * @param shownFrom - the From address around it, if there is one and only one: a wrapped message of somebody else is a
 * forwarded one, unless it says `forwarded="no"`
 * @returns null when the payload declares none
 */
export function readProtectedHeaders(
  bytes: ByteView,
  payload: MimeNode,
  shownFrom: string | null = null,
): ProtectedHeaders | null {
  const wrapped = wrappedMessage(payload)
  if (wrapped !== null) {
    const headers = headersOf(bytes, wrapped, 'rfc8551-wrapped', null)
    const own = headers.from !== null && shownFrom !== null && sameAddress(headers.from, shownFrom)
    return own || payload.params['forwarded']?.toLowerCase() === 'no' ? headers : null
  }
  // RFC 9788 2.1.1
  const hp = payload.params['hp']?.toLowerCase()
  const mode = hp === 'clear' || hp === 'cipher' ? hp : null
  if (mode === null && payload.params['protected-headers'] === undefined) return null
  return headersOf(bytes, payload, mode === null ? 'protected-headers-v1' : 'rfc9788', mode)
}

/** RFC 8551 3.1: the message inside a message/rfc822 that is the whole payload. */
function wrappedMessage(payload: MimeNode): MimeNode | null {
  if (payload.type !== 'message/rfc822' && payload.type !== 'message/global') return null
  return payload.params['forwarded']?.toLowerCase() === 'yes' ? null : (payload.parts[0] ?? null)
}

function headersOf(
  bytes: ByteView,
  payload: MimeNode,
  scheme: ProtectedHeaders['scheme'],
  mode: ProtectedHeaders['mode'],
): ProtectedHeaders {
  const own = payload.headers.filter((field) => !isContentField(field) && field.lower !== 'mime-version')
  const named = (field: HeaderField) => ({ name: field.name, value: headerValue(bytes, field) })
  const [from, second] = fieldsNamed(own, 'from')
  const address = from === undefined || second !== undefined ? null : parseMailbox(headerValue(bytes, from))
  return {
    scheme,
    mode,
    fields: own.filter((field) => field.lower !== 'hp-outer').map(named),
    outer: fieldsNamed(own, 'hp-outer').flatMap((field) => {
      const text = headerValue(bytes, field)
      const colon = text.indexOf(':')
      return colon < 1 ? [] : [{ name: text.slice(0, colon).trim(), value: text.slice(colon + 1).trim() }]
    }),
    from: address?.address ?? null,
  }
}

/** Fields that are copied inside: what a person writes or reads, and what threads a conversation. */
const PROTECTED: ReadonlySet<string> = new Set([
  'from',
  'sender',
  'reply-to',
  'to',
  'cc',
  'subject',
  'date',
  'message-id',
  'in-reply-to',
  'references',
  'followup-to',
  'comments',
  'keywords',
])

/** RFC 9788 3.2.1, hcp_baseline: what outside becomes of a field that is to be confidential; undefined leaves it. */
const BASELINE: ReadonlyMap<string, string | null> = new Map([
  ['subject', '[...]'],
  ['comments', null],
  ['keywords', null],
])

/** A message with its header protected. */
export interface HeaderProtected {
  /** The header fields to stay outside, each with its line end, in their order. */
  readonly outer: readonly Buffer[]
  /** The entity to protect, with the fields inside. */
  readonly entity: readonly Buffer[]
}

/**
 * Copies header fields into the entity (RFC 9788 5.1).
 * @param message - a canonical message; it must not be signed or encrypted yet
 * @param mode - `clear` to sign only; `cipher` when it will be encrypted: the outer Subject becomes `[...]`
 * @param legacyDisplay - with `cipher`: also write the hidden fields into the text, for readers without header protection
 * @throws EngineError `header-protection-refused`, `header-ambiguous`
 */
export function protectHeaders(
  message: Buffer,
  mode: 'clear' | 'cipher',
  legacyDisplay = false,
): HeaderProtected {
  const { fields, bodyStart } = scanHeader(message)
  const { outer, inner, hidden } = protectFields(message, fields, mode)
  const entity = [...inner, message.subarray(bodyStart)]
  return { outer, entity: legacyDisplay ? [withLegacyDisplay(Buffer.concat(entity), hidden)] : entity }
}

/** A message that is not in memory, ready to be signed or encrypted. */
export interface SourceProtected {
  /** The fields that stay outside. */
  readonly outer: readonly Buffer[]
  /** The entity with the protected fields. */
  readonly entity: ByteSource
}

/**
 * The same for a message that is not in memory.
 * @throws EngineError `header-protection-refused`, and what the source throws
 */
export async function protectHeadersOfSource(
  message: ByteSource,
  mode: 'clear' | 'cipher',
): Promise<SourceProtected> {
  const { header, fields, bodyStart } = await scanHeaderOfSource(message)
  const { outer, inner } = protectFields(header, fields, mode)
  return { outer, entity: new Rope([...inner, rangeOf(message, bodyStart, message.length)]) }
}

/** The fields to stay outside, the header of the entity with its empty line, and the fields that are hidden. */
function protectFields(
  message: Buffer,
  fields: readonly HeaderField[],
  mode: 'clear' | 'cipher',
): {
  readonly outer: readonly Buffer[]
  readonly inner: readonly Buffer[]
  readonly hidden: readonly DisplayedField[]
} {
  const [type, second] = fieldsNamed(fields, 'content-type')
  if (second !== undefined) throw new EngineError('header-ambiguous', 'more than one Content-Type')
  const text = type === undefined ? 'text/plain; charset=us-ascii' : headerValue(message, type)
  if (/^\s*(?:multipart\/(?:signed|encrypted)|application\/(?:x-)?pkcs7-mime)/i.test(text))
    throw new EngineError('header-protection-refused', 'the message is signed or encrypted already')
  const raw = (field: HeaderField) => message.subarray(field.start, field.end)
  const outer: Buffer[] = []
  const inner: Buffer[] = []
  const copies: Buffer[] = []
  const hidden: DisplayedField[] = []
  for (const field of fields) {
    if (isContentField(field)) {
      if (field.lower !== 'content-type') inner.push(raw(field))
      continue
    }
    if (field.lower === 'mime-version') continue
    if (!PROTECTED.has(field.lower)) {
      outer.push(raw(field))
      continue
    }
    inner.push(raw(field))
    const shown = mode === 'cipher' ? BASELINE.get(field.lower) : undefined
    if (shown !== undefined) hidden.push({ name: field.name, value: headerValue(message, field) })
    if (shown === null) continue
    const value = shown ?? headerValue(message, field)
    outer.push(shown === undefined ? raw(field) : foldHeader(field.name, shown))
    // RFC 9788 2.2.1: only a message that is encrypted says what stands outside
    if (mode === 'cipher') copies.push(foldHeader('HP-Outer', `${field.name}: ${value}`))
  }
  const contentType = foldHeader('Content-Type', `${text.replace(/[\s;]+$/, '')}; hp="${mode}"`)
  return { outer, inner: [...inner, ...copies, contentType, Buffer.from('\r\n')], hidden }
}

/**
 * Legacy Display Elements (RFC 9788 2.1.3): the hidden header fields written out at the top of the text, for readers who
 * know nothing of header protection. Written where a mail is encrypted, left out where it is shown by one who does know.
 * They are cut only where the part says so and the text is exactly of their form.
 */
import { decodeBody } from '../mime/decode.ts'
import { encodeBase64Lines, encodeQuotedPrintable } from '../mime/encode.ts'
import type { MimeNode } from '../mime/entity.ts'
import { scanMessage } from '../mime/scan.ts'

/** Fields that stand in a Legacy Display Element: name and value. */
export interface DisplayedField {
  /** Name of the header field. */
  readonly name: string
  /** Its text, decoded. */
  readonly value: string
}

/** Text parts that a reader shows first (RFC 9788 5.2.2): the root, or the leading part of mixed, related or alternative. */
function shownTexts(node: MimeNode): readonly MimeNode[] {
  if (node.type === 'text/plain' || node.type === 'text/html') {
    return node.headers.some(({ lower }) => lower === 'content-disposition') ? [] : [node]
  }
  if (node.type === 'multipart/alternative') return node.parts.flatMap(shownTexts)
  if (node.type === 'multipart/mixed' || node.type === 'multipart/related')
    return node.parts.slice(0, 1).flatMap(shownTexts)
  return []
}

/**
 * Removes the Legacy Display Elements of an entity that was decrypted; one without any comes back as it is.
 * @throws EngineError those of the scanner
 */
export function withoutLegacyDisplay(entity: Buffer): Buffer {
  const marked = shownTexts(scanMessage(entity)).filter((part) => part.params['hp-legacy-display'] === '1')
  return replaceBodies(
    entity,
    marked.flatMap((part) => {
      const body = decodeBody(entity, part)
      const start = part.type === 'text/html' ? null : endOfPlainElement(body)
      const html = part.type === 'text/html' ? rangeOfHtmlElement(body) : null
      if (start !== null) return [{ part, body: body.subarray(start) }]
      if (html !== null)
        return [{ part, body: Buffer.concat([body.subarray(0, html.start), body.subarray(html.end)]) }]
      return []
    }),
  )
}

/** RFC 9788 4.5.3.2: lines of the form of header fields, then an empty line. */
function endOfPlainElement(body: Buffer): number | null {
  let at = 0
  let lines = 0
  for (; at < body.length && lines < 100; lines++) {
    const lineFeed = body.indexOf(0x0a, at)
    if (lineFeed === -1) return null
    const line = body.toString('latin1', at, lineFeed).replace(/\r$/, '')
    at = lineFeed + 1
    if (line === '') return lines === 0 ? null : at
    const isField = /^[!-9;-~]+:/.test(line) || (lines > 0 && /^[ \t]/.test(line))
    if (!isField) return null
  }
  return null
}

const HTML_START = /<div class=(?:"header-protection-legacy-display"|'header-protection-legacy-display')>/i

/** RFC 9788 4.5.3.3: a `div` of the class at the start of the body, which holds no other `div`. */
function rangeOfHtmlElement(body: Buffer): { readonly start: number; readonly end: number } | null {
  const text = body.toString('latin1')
  const opening = HTML_START.exec(text)
  if (opening === null) return null
  const rest = text.slice(opening.index + opening[0].length)
  const closing = /<\/?div\b[^>]*>/i.exec(rest)
  if (closing === null || !/^<\/div\s*>$/i.test(closing[0])) return null
  return { start: opening.index, end: opening.index + opening[0].length + closing.index + closing[0].length }
}

/**
 * Adds Legacy Display Elements to the text that is shown first (RFC 9788 5.2.2, 5.2.3). An entity without such a text comes
 * back as it is.
 * @throws EngineError those of the scanner
 */
export function withLegacyDisplay(entity: Buffer, fields: readonly DisplayedField[]): Buffer {
  if (fields.length === 0) return entity
  const clean = (text: string) => text.replaceAll(/[\r\n\0]+/g, ' ')
  const lines = fields.map(({ name, value }) => `${name}: ${clean(value)}`)
  const escape = (text: string) =>
    text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
  const plain = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`)
  const html = Buffer.from(
    `<div class="header-protection-legacy-display"><pre>${lines.map(escape).join('\r\n')}</pre></div>`,
  )
  const marked = shownTexts(scanMessage(entity)).map((part) => {
    const body = decodeBody(entity, part)
    const at = part.type === 'text/html' ? startOfHtmlBody(body) : 0
    const added = part.type === 'text/html' ? html : plain
    return { part, body: Buffer.concat([body.subarray(0, at), added, body.subarray(at)]), mark: true }
  })
  return replaceBodies(entity, marked)
}

function startOfHtmlBody(body: Buffer): number {
  const opening = /<body\b[^>]*>/i.exec(body.toString('latin1'))
  return opening === null ? 0 : opening.index + opening[0].length
}

interface Replacement {
  readonly part: MimeNode
  readonly body: Buffer
  /** Whether to say `hp-legacy-display="1"` in Content-Type; false takes nothing away. */
  readonly mark?: boolean
}

/** Puts new bodies into parts, in their own transfer encodings; all else stays byte for byte. */
function replaceBodies(entity: Buffer, replacements: readonly Replacement[]): Buffer {
  const pieces: Buffer[] = []
  let from = 0
  for (const { part, body, mark } of replacements) {
    if (mark === true) {
      const type = part.headers.find(({ lower }) => lower === 'content-type')
      // A part without Content-Type is text/plain in US-ASCII and says so now.
      const end = type === undefined ? part.start : endOfValue(entity, type.end)
      const text = type === undefined ? 'Content-Type: text/plain; hp-legacy-display="1"\r\n' : undefined
      pieces.push(entity.subarray(from, end), Buffer.from(text ?? ';\r\n hp-legacy-display="1"'))
      from = end
    }
    pieces.push(entity.subarray(from, part.bodyStart), encode(part, body))
    from = part.end
  }
  return pieces.length === 0 ? entity : Buffer.concat([...pieces, entity.subarray(from)])
}

/** Before the line end of a field, and before a semicolon that already stands there. */
function endOfValue(bytes: Buffer, fieldEnd: number): number {
  let end = fieldEnd
  while (end > 0 && /[\r\n \t;]/.test(String.fromCharCode(bytes[end - 1] ?? 0))) end--
  return end
}

function encode(part: MimeNode, body: Buffer): Buffer {
  if (part.encoding === 'base64') return encodeBase64Lines([body])
  return part.encoding === 'quoted-printable' ? encodeQuotedPrintable(body) : body
}

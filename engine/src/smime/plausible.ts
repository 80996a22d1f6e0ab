/**
 * Tells a decrypted MIME entity from noise, for content that was encrypted without authentication: one in 256 wrong keys
 * passes the padding of CBC, and hardly any passes here as well. Mail without any header field is accepted if it is text.
 */
import type { ByteStream } from '../bytes/source.ts'
import type { MimeNode } from '../mime/entity.ts'
import type { Scanned } from '../mime/scan.ts'

const LF = 0x0a
const CR = 0x0d

/** RFC 5322 3.6.8: printable ASCII without the colon. */
const FIELD_NAME = /^[!-9;-~]+$/

/** Whether content can be a MIME entity: it begins with sound header fields or an empty line, or is plain text. */
export function looksLikeEntity(content: Buffer, root: MimeNode): boolean {
  const known = soundHeader(content, root)
  if (known !== null) return known
  const text = new TextCheck(content)
  return text.add(content) && text.end()
}

/** The same for content that is not in memory. */
export async function streamLooksLikeEntity(stream: ByteStream, { root, view }: Scanned): Promise<boolean> {
  const known = soundHeader(view, root)
  if (known !== null) return known
  const text = new TextCheck(view.subarray(0, Math.min(2, root.end)))
  for await (const chunk of stream.chunks()) if (!text.add(chunk)) return false
  return text.end()
}

/** Null when there is no header field: then all of the content must tell. */
function soundHeader(view: Scanned['view'], root: MimeNode): boolean | null {
  const last = root.headers.at(-1)
  if (last === undefined) return null
  return (
    root.headers.every(({ name }) => FIELD_NAME.test(name)) && isClean(view.subarray(root.start, last.end))
  )
}

/** No control characters but for those of text. */
function isClean(content: Buffer): boolean {
  for (const octet of content) if (octet < 0x20 && (octet < 0x09 || octet > 0x0d)) return false
  return true
}

/** Text without control characters, and UTF-8 unless it begins with an empty line. */
class TextCheck {
  readonly #decoder: TextDecoder | null

  constructor(start: Buffer) {
    const empty = start[0] === LF || (start[0] === CR && start[1] === LF)
    this.#decoder = empty ? null : new TextDecoder('utf-8', { fatal: true })
  }

  /** False when it is none. */
  add(content: Buffer): boolean {
    return isClean(content) && this.#decodes(content, true)
  }

  end(): boolean {
    return this.#decodes(Buffer.alloc(0), false)
  }

  #decodes(content: Buffer, stream: boolean): boolean {
    try {
      this.#decoder?.decode(content, { stream })
      return true
    } catch {
      return false
    }
  }
}

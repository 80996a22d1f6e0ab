/**
 * Tells a decrypted MIME entity from noise, for content that was encrypted without authentication: one in 256 wrong keys
 * passes the padding of CBC, and hardly any passes here as well. Mail without any header field is accepted if it is text.
 */
import type { ByteStream } from '../bytes/source.ts'
import type { MimeNode } from '../mime/entity.ts'
import type { Scanned } from '../mime/scan.ts'

const LF = 0x0a
const CR = 0x0d

/** Whether content can be a MIME entity: it begins with a header field or an empty line, or is plain text. */
export function looksLikeEntity(content: Buffer, root: MimeNode): boolean {
  if (beginsLikeEntity(content, root)) return true
  const text = new TextCheck()
  return text.add(content) && text.end()
}

/** The same for content that is not in memory. */
export async function streamLooksLikeEntity(stream: ByteStream, { root, view }: Scanned): Promise<boolean> {
  if (beginsLikeEntity(view.subarray(0, Math.min(2, root.end)), root)) return true
  const text = new TextCheck()
  for await (const chunk of stream.chunks()) if (!text.add(chunk)) return false
  return text.end()
}

function beginsLikeEntity(content: Buffer, root: MimeNode): boolean {
  if (content.length === 0 || root.headers.length > 0) return true
  return content[0] === LF || (content[0] === CR && content[1] === LF)
}

/** UTF-8 without control characters but for those of text. */
class TextCheck {
  readonly #decoder = new TextDecoder('utf-8', { fatal: true })

  /** False when it is none. */
  add(content: Buffer): boolean {
    for (const octet of content) if (octet < 0x20 && (octet < 0x09 || octet > 0x0d)) return false
    return this.#decodes(content, true)
  }

  end(): boolean {
    return this.#decodes(Buffer.alloc(0), false)
  }

  #decodes(content: Buffer, stream: boolean): boolean {
    try {
      this.#decoder.decode(content, { stream })
      return true
    } catch {
      return false
    }
  }
}

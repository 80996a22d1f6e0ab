/**
 * Tells a decrypted MIME entity from noise, for content that was encrypted without authentication: one in 256 wrong keys
 * passes the padding of CBC, and hardly any passes here as well. Mail without any header field is accepted if it is text.
 */
import type { MimeNode } from '../mime/entity.ts'

const LF = 0x0a
const CR = 0x0d

/** Whether content can be a MIME entity: it begins with a header field or an empty line, or is plain text. */
export function looksLikeEntity(content: Buffer, root: MimeNode): boolean {
  if (content.length === 0 || root.headers.length > 0) return true
  if (content[0] === LF || (content[0] === CR && content[1] === LF)) return true
  return isText(content)
}

/** UTF-8 without control characters but for those of text. */
function isText(content: Buffer): boolean {
  for (const octet of content) if (octet < 0x20 && (octet < 0x09 || octet > 0x0d)) return false
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(content)
    return true
  } catch {
    return false
  }
}

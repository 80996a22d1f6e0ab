/**
 * Tells a decrypted MIME entity from noise, for content that was encrypted without authentication: one in 256 wrong keys
 * passes the padding of CBC, and hardly any passes here as well. Mail without any header field is accepted if it is text.
 */
import type { MimeNode } from '../mime/entity.ts'

const LF = 0x0a
const CR = 0x0d

/** RFC 5322 3.6.8: printable ASCII without the colon. */
const FIELD_NAME = /^[!-9;-~]+$/

/** Whether content can be a MIME entity: it begins with sound header fields or an empty line, or is plain text. */
export function looksLikeEntity(content: Buffer, root: MimeNode): boolean {
  const last = root.headers.at(-1)
  if (last !== undefined)
    return (
      root.headers.every(({ name }) => FIELD_NAME.test(name)) &&
      isClean(content.subarray(root.start, last.end))
    )
  if (content[0] === LF || (content[0] === CR && content[1] === LF)) return isClean(content)
  return isClean(content) && isUtf8(content)
}

/** No control characters but for those of text. */
function isClean(content: Buffer): boolean {
  for (const octet of content) if (octet < 0x20 && (octet < 0x09 || octet > 0x0d)) return false
  return true
}

function isUtf8(content: Buffer): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(content)
    return true
  } catch {
    return false
  }
}

/**
 * Text from mail: encoded words of header values (RFC 2047) and bytes in a charset, by the package libmime. The result is for
 * display and for policy words such as a subject tag; never for addresses, boundaries or anything a signature depends on.
 * Bounded, and never throws: what cannot be decoded is given as it stands.
 */
import libmime from 'libmime'
import { decode } from 'libmime/lib/charset'

/** Longest header value that is decoded, in characters; of a longer one only the beginning is given. */
export const MAX_WORDS = 65_536
/** Longest text that is decoded, in bytes. */
export const MAX_TEXT_BYTES = 1_048_576

/**
 * A header value as a person reads it: encoded words decoded, control characters replaced by spaces.
 * @param value - the unfolded value
 */
export function decodeWords(value: string): string {
  const bounded = value.slice(0, MAX_WORDS)
  if (!bounded.includes('=?')) return withoutControls(bounded)
  try {
    return withoutControls(libmime.decodeWords(bounded)).slice(0, MAX_WORDS)
  } catch {
    // A broken word is shown as it was sent; there is nothing to report to anyone.
    return withoutControls(bounded)
  }
}

/**
 * Bytes as text. An unknown charset is read as UTF-8; text over the limit is cut.
 * @param charset - the label of a Content-Type field; UTF-8, which holds US-ASCII, if there is none
 */
export function decodeText(bytes: Buffer, charset = 'utf-8'): string {
  const bounded = bytes.subarray(0, MAX_TEXT_BYTES)
  try {
    return decode(bounded, charset)
  } catch {
    // The label names a charset whose decoder refuses these bytes.
    return bounded.toString('latin1')
  }
}

/** No line break or other control character survives: a decoded word may hold any. */
function withoutControls(text: string): string {
  return text.replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029]/g, ' ')
}

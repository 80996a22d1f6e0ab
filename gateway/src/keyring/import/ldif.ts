/**
 * Certificates in LDIF, as directories export people: userCertificate and userSMIMECertificate. RFC 2849 2
 * Reads nothing else of an entry, follows no URL, and knows changes only by the values that they bring.
 */
import { contentKind } from '@siegel/engine'
import { cmsEntries, refused, type FileEntry, type LineReader } from './entry.ts'
import type { Line } from './lines.ts'
import { fromBase64 } from './pem.ts'

/** Characters of one value. */
const MOST = 2_097_152
/** RFC 4523 4.1, RFC 2798 2.8 */
const ATTRIBUTES: ReadonlySet<string> = new Set(['usercertificate', 'usersmimecertificate'])

/** Reads LDIF line by line. */
export class LdifReader implements LineReader {
  #open: { readonly number: number; readonly pieces: string[] } | null = null
  #length = 0

  line({ number, text, tooLong }: Line): FileEntry[] {
    // RFC 2849 2: a line that begins with one space goes on with the line before.
    if (text.startsWith(' ') && this.#open !== null) {
      this.#length += text.length
      // What is too long is not kept; #close says so.
      if (!tooLong && this.#length <= MOST) this.#open.pieces.push(text.slice(1))
      return []
    }
    const before = this.end()
    this.#open = { number, pieces: [text] }
    this.#length = tooLong ? MOST + 1 : text.length
    return before
  }

  end(): FileEntry[] {
    const open = this.#open
    const length = this.#length
    this.#open = null
    this.#length = 0
    if (open === null) return []
    return valueOf(open.pieces.join(''), `line ${open.number}`, length > MOST)
  }
}

/** The entries of one line that is put together. */
function valueOf(text: string, place: string, tooLong: boolean): FileEntry[] {
  const parts = /^([A-Za-z0-9.-]+)((?:;[A-Za-z0-9-]+)*):([:<]?) *(.*)$/s.exec(text)
  if (parts === null || !ATTRIBUTES.has((parts[1] ?? '').toLowerCase())) return []
  if (tooLong) return [refused(place, 'entry-too-large', `${MOST}`)]
  const [, , , form = '', value = ''] = parts
  if (form === '<') return [refused(place, 'ldif-url-not-taken')]
  if (form === '') return [refused(place, 'ldif-line-malformed', 'a certificate that is not in base64')]
  const bytes = fromBase64(value.trim())
  if (bytes === null) return [refused(place, 'base64-malformed')]
  return contentKind(bytes) === null
    ? [{ place, kind: 'certificate', der: bytes }]
    : [...cmsEntries(bytes, place)]
}

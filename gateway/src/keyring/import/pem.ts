/**
 * Certificates in PEM, any number of them, with any text between them (RFC 7468 2). A private key is not taken from here: it belongs
 * to a certificate, as in PKCS#12.
 */
import { cmsEntries, refused, type FileEntry, type LineReader } from './entry.ts'
import type { Line } from './lines.ts'

/** Characters of one block. */
const MOST = 2_097_152
/** RFC 7468 5.1, and two older labels. */
const CERTIFICATES: ReadonlySet<string> = new Set(['CERTIFICATE', 'X509 CERTIFICATE', 'TRUSTED CERTIFICATE'])
/** RFC 7468 8 and 9 */
const CMS: ReadonlySet<string> = new Set(['CMS', 'PKCS7'])

/** Base64, in one piece; null when anything else stands in it. */
export function fromBase64(text: string): Buffer | null {
  return /^[A-Za-z0-9+/]*={0,2}$/.test(text) && text.length % 4 === 0 ? Buffer.from(text, 'base64') : null
}

/** Reads PEM line by line. */
export class PemReader implements LineReader {
  #open: { readonly label: string; readonly place: string; readonly pieces: string[] } | null = null
  #length = 0

  line({ number, text, tooLong }: Line): FileEntry[] {
    const begin = /^-----BEGIN ([^-]*)-----\s*$/.exec(text)
    if (begin !== null) {
      const before = this.end()
      this.#open = { label: begin[1] ?? '', place: `line ${number}`, pieces: [] }
      return before
    }
    if (this.#open === null) return []
    if (text.startsWith('-----END ')) return this.#close()
    this.#length += text.length
    if (tooLong || this.#length > MOST) {
      const { place } = this.#open
      this.#forget()
      return [refused(place, 'entry-too-large', `${MOST}`)]
    }
    this.#open.pieces.push(text.trim())
    return []
  }

  end(): FileEntry[] {
    const open = this.#open
    this.#forget()
    return open === null ? [] : [refused(open.place, 'pem-block-open')]
  }

  #forget(): void {
    this.#open = null
    this.#length = 0
  }

  #close(): FileEntry[] {
    const { label = '', place = '', pieces = [] } = this.#open ?? {}
    this.#forget()
    if (label.endsWith('PRIVATE KEY')) return [refused(place, 'private-key-not-taken')]
    if (!CERTIFICATES.has(label) && !CMS.has(label)) return [refused(place, 'pem-label-not-taken', label)]
    const bytes = fromBase64(pieces.join(''))
    if (bytes === null) return [refused(place, 'base64-malformed')]
    return CMS.has(label) ? [...cmsEntries(bytes, place)] : [{ place, kind: 'certificate', der: bytes }]
  }
}

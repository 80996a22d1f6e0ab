/** One entry of a file of certificates, and why one is not taken. Reads nothing but CMS that carries certificates. */
import { EngineError, readContentInfo, type Certificate, type Pkcs12Key } from '@siegel/engine'
import type { Line } from './lines.ts'

/** Why something is not taken; the texts stand in the catalogue of reasons. */
export type ImportRefusal =
  | 'entry-too-large'
  | 'base64-malformed'
  | 'pem-block-open'
  | 'pem-label-not-taken'
  | 'private-key-not-taken'
  | 'ldif-line-malformed'
  | 'ldif-url-not-taken'
  | 'certificate-malformed'
  | 'pkcs12-unusable'
  | 'archive-damaged'
  | 'archive-member-refused'
  | 'nothing-found'
  | 'certificate-of-authority'
  | 'certificate-expired'
  | 'certificate-not-for-encryption'
  | 'address-missing'

/** One entry of a file. */
export type FileEntry = { readonly place: string } & (
  | { readonly kind: 'certificate'; readonly der: Buffer }
  | {
      readonly kind: 'own'
      readonly key: Pkcs12Key['key']
      readonly certificate: Certificate
      /** All of the file. */
      readonly others: readonly Certificate[]
    }
  | { readonly kind: 'refused'; readonly code: ImportRefusal; readonly detail: string }
)

/** Turns lines into entries. */
export interface LineReader {
  line(line: Line): FileEntry[]
  end(): FileEntry[]
}

/** An entry that is not taken. */
export function refused(place: string, code: ImportRefusal, detail = ''): FileEntry {
  return { place, kind: 'refused', code, detail }
}

/** The certificates of a CMS object that carries them, one entry for each. RFC 8551 3.8 */
export function* cmsEntries(bytes: Buffer, place: string): Generator<FileEntry, void, undefined> {
  try {
    const content = readContentInfo(bytes)
    const certificates = content.kind === 'signed-data' ? content.certificates : []
    if (certificates.length === 0) yield refused(place, 'certificate-malformed', 'CMS without certificates')
    for (const der of certificates) yield { place, kind: 'certificate', der }
  } catch (error) {
    if (!(error instanceof EngineError)) throw error
    yield refused(place, 'certificate-malformed', error.code)
  }
}

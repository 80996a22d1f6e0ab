/**
 * What a file of certificates holds, one entry after the other: PEM, DER, PKCS#12, LDIF, or CMS that only carries certificates,
 * recognised by content. Streams text; what is binary is small or refused. Judges no certificate: that is intake.ts.
 */
import { EngineError, contentKind, readPkcs12 } from '@siegel/engine'
import { fits } from '../../config/certificates.ts'
import { cmsEntries, refused, type FileEntry, type LineReader } from './entry.ts'
import { LdifReader } from './ldif.ts'
import { LineCutter } from './lines.ts'
import { PemReader } from './pem.ts'

/** Octets that tell what a file is. */
const SNIFF = 4096
/** Largest binary file: DER, PKCS#12, CMS. */
const MOST_BINARY = 16 * 1024 * 1024
const ZIP_MAGIC = 'PK\u0003\u0004'

/** Whether a file is a ZIP archive, by its first octets. */
export function isArchive(start: Buffer): boolean {
  return start.toString('latin1', 0, 4) === ZIP_MAGIC
}

/**
 * The entries of one file that is no archive.
 * @param chunks - the file; a chunk may be overwritten when the next is asked for
 * @param password - for PKCS#12; null when none was given
 */
export async function* readEntries(
  chunks: AsyncIterable<Buffer>,
  password: string | null,
): AsyncGenerator<FileEntry, void, undefined> {
  let found = false
  for await (const entry of entriesOf(chunks, password)) {
    found = true
    yield entry
  }
  if (!found) yield refused('', 'nothing-found')
}

async function* entriesOf(
  chunks: AsyncIterable<Buffer>,
  password: string | null,
): AsyncGenerator<FileEntry, void, undefined> {
  const iterator = chunks[Symbol.asyncIterator]()
  try {
    const start = await take(iterator, SNIFF)
    if (isArchive(start)) yield refused('', 'archive-member-refused', 'an archive in an archive')
    else if (start[0] === 0x30) {
      const rest = await take(iterator, MOST_BINARY + 1 - start.length)
      const bytes = Buffer.concat([start, rest])
      if (bytes.length > MOST_BINARY) yield refused('', 'entry-too-large', `${MOST_BINARY}`)
      else yield* binaryEntries(bytes, password)
    } else yield* textEntries(start, iterator)
  } finally {
    await iterator.return?.()
  }
}

/** Copies at least so many octets, fewer only at the end of the stream. */
async function take(iterator: AsyncIterator<Buffer>, least: number): Promise<Buffer> {
  const pieces: Buffer[] = []
  for (let length = 0; length < least;) {
    const next = await iterator.next()
    if (next.done === true) break
    pieces.push(Buffer.from(next.value))
    length += next.value.length
  }
  return Buffer.concat(pieces)
}

async function* textEntries(
  start: Buffer,
  iterator: AsyncIterator<Buffer>,
): AsyncGenerator<FileEntry, void, undefined> {
  const reader = readerFor(start.toString('latin1'))
  const cutter = new LineCutter()
  let chunk = start
  for (;;) {
    // Not yield*: it costs turns of the event loop for each line.
    for (const line of cutter.push(chunk)) for (const entry of reader.line(line)) yield entry
    const next = await iterator.next()
    if (next.done === true) break
    chunk = next.value
  }
  for (const line of cutter.end()) yield* reader.line(line)
  yield* reader.end()
}

/** LDIF begins with its version or a name; anything else may have PEM blocks in it. RFC 2849 2, RFC 7468 2 */
function readerFor(start: string): LineReader {
  const ldif = /^(?:version|dn):/imu.exec(start)?.index ?? Infinity
  const pem = start.indexOf('-----BEGIN ')
  return ldif < (pem < 0 ? Infinity : pem) ? new LdifReader() : new PemReader()
}

/** DER: certificates one after the other, CMS, or PKCS#12; told apart by what stands first in it. */
function* binaryEntries(bytes: Buffer, password: string | null): Generator<FileEntry, void, undefined> {
  const inner = bytes[contentStart(bytes, 0)]
  // RFC 7292 4: PFX begins with its version, an INTEGER.
  if (inner === 0x02) yield* pkcs12Entries(bytes, password)
  else if (contentKind(bytes) !== null) yield* cmsEntries(bytes, '')
  else
    for (let at = 0; at < bytes.length;) {
      const end = elementEnd(bytes, at)
      if (end === null || end > bytes.length) {
        yield refused(`octet ${at}`, 'certificate-malformed', 'no whole DER element')
        return
      }
      yield { place: `octet ${at}`, kind: 'certificate', der: bytes.subarray(at, end) }
      at = end
    }
}

/** Where the content of the element at a place begins. */
function contentStart(bytes: Buffer, at: number): number {
  const length = bytes[at + 1] ?? 0
  return at + 2 + (length > 0x80 ? length & 0x7f : 0)
}

/** Where the element at a place ends; null when its length is not one of DER. */
function elementEnd(bytes: Buffer, at: number): number | null {
  const first = bytes[at + 1]
  if (bytes[at] !== 0x30 || first === undefined) return null
  if (first < 0x80) return at + 2 + first
  const octets = first & 0x7f
  if (octets === 0 || octets > 4 || at + 2 + octets > bytes.length) return null
  return at + 2 + octets + bytes.readUIntBE(at + 2, octets)
}

function* pkcs12Entries(bytes: Buffer, password: string | null): Generator<FileEntry, void, undefined> {
  let content: ReturnType<typeof readPkcs12>
  try {
    content = readPkcs12(bytes, password ?? '')
  } catch (error) {
    if (!(error instanceof EngineError)) throw error
    yield refused('', 'pkcs12-unusable', error.code)
    return
  }
  const { keys, certificates } = content
  for (const { key } of keys) {
    const certificate = certificates.find((one) => fits(key, one))
    if (certificate === undefined) yield refused('', 'pkcs12-unusable', 'a key without its certificate')
    else yield { place: certificate.subject.text, kind: 'own', key, certificate, others: certificates }
  }
  // Without keys it is a bundle of certificates; beside keys the others are their chain.
  if (keys.length === 0)
    for (const { raw, subject } of certificates) yield { place: subject.text, kind: 'certificate', der: raw }
}

/**
 * The entries of a CRL (RFC 5280 5.3), which may be a hundred thousand and more: one pass over the bytes checks all of them
 * and fills a hash table of offsets, so that a look-up costs nothing. No object is made for an entry that nobody asks for.
 */
import { randomBytes } from 'node:crypto'
import { EngineError } from '../errors.ts'
import { toEnumerated, toTime } from '../der/decode.ts'
import { Oid } from '../der/oid.ts'
import { Cursor, malformed, readElement } from '../der/reader.ts'
import { directoryKey, generalNameKey } from './distribution-point.ts'
import { readExtensions } from './extensions.ts'
import type { Extension } from './extensions.ts'
import { readGeneralNames } from './general-name.ts'
import type { Name } from './name.ts'

const REASON_NAMES = {
  0: 'unspecified',
  1: 'keyCompromise',
  2: 'cACompromise',
  3: 'affiliationChanged',
  4: 'superseded',
  5: 'cessationOfOperation',
  6: 'certificateHold',
  8: 'removeFromCRL',
  9: 'privilegeWithdrawn',
  10: 'aACompromise',
} as const

/** Why a certificate is revoked (RFC 5280 5.3.1). */
export type CrlReason = (typeof REASON_NAMES)[keyof typeof REASON_NAMES]

/** The reason of a number of CRLReason. @throws EngineError `asn1-malformed` */
export function crlReason(value: number): CrlReason {
  const found = Object.entries(REASON_NAMES).find(([number]) => Number(number) === value)
  if (found === undefined) throw malformed(`CRL reason ${value}`)
  return found[1]
}

/** The number of a reason. */
export function crlReasonNumber(reason: CrlReason): number {
  return Number(Object.entries(REASON_NAMES).find(([, name]) => name === reason)?.[0] ?? 0)
}

/** One revoked certificate. */
export interface CrlEntry {
  /** In milliseconds since 1970, like `invalidityDate`. */
  readonly revocationDate: number
  /** Absent means unspecified. */
  readonly reason: CrlReason
  /** Since when the key is held to be lost (RFC 5280 5.3.2); null if the issuer does not say. */
  readonly invalidityDate: number | null
}

/** The entries of one CRL, ready to be asked. */
export interface CrlEntries {
  /** How many certificates are listed. */
  readonly count: number
  /** A critical extension of an entry that is not understood makes the whole CRL unusable (RFC 5280 5.3). */
  readonly unknownCritical: string | null
  /** The entry for a serial number (content octets) of this issuer; null if it is not listed. */
  find(serial: Buffer, issuer: Name): CrlEntry | null
}

/** More entries are refused. */
const MAX_ENTRIES = 5_000_000

/** Entry extensions that are understood. */
const KNOWN: ReadonlySet<string> = new Set([
  Oid.idCeCrlReasons,
  Oid.idCeHoldInstructionCode,
  Oid.idCeInvalidityDate,
  Oid.idCeCertificateIssuer,
])

/** Another one in each process, so that nobody can choose serial numbers that collide. Only signed entries get here anyway. */
const SEED = randomBytes(4).readUInt32BE(0)

/** A TLV inside the entries, as offsets. */
interface Span {
  start: number
  contentStart: number
  end: number
}

/** Where the issuer of the entries changes, in an indirect CRL (RFC 5280 5.3.3). */
interface IssuerChange {
  readonly offset: number
  readonly keys: ReadonlySet<string>
}

/**
 * Checks all entries and makes them searchable.
 * @param content - the content octets of revokedCertificates
 * @throws EngineError `asn1-malformed`, `asn1-too-many`, `crl-malformed`
 */
export function readCrlEntries(
  content: Buffer,
  crl: { readonly version: 1 | 2; readonly issuer: Name; readonly indirect: boolean },
): CrlEntries {
  const scan = new Scan(content, crl.version, crl.indirect)
  scan.run()
  const own: ReadonlySet<string> = new Set([directoryKey(crl.issuer.rdnKeys)])
  const issuerAt = (offset: number): ReadonlySet<string> => {
    let keys = own
    for (const change of scan.changes) {
      if (change.offset > offset) break
      keys = change.keys
    }
    return keys
  }
  const find = (serial: Buffer, issuer: Name): CrlEntry | null => {
    const wanted = directoryKey(issuer.rdnKeys)
    let removed: CrlEntry | null = null
    for (const offset of scan.offsetsOf(serial)) {
      if (!issuerAt(offset).has(wanted)) continue
      const entry = scan.entryAt(offset)
      // Listed twice: the entry that revokes counts
      if (entry.reason !== 'removeFromCRL') return entry
      removed = entry
    }
    return removed
  }
  return { count: scan.count, unknownCritical: scan.unknownCritical, find }
}

class Scan {
  count = 0
  unknownCritical: string | null = null
  readonly changes: IssuerChange[] = []
  private lastIssuer: Buffer | null = null
  private readonly bytes: Buffer
  private readonly version: 1 | 2
  private readonly indirect: boolean
  /** Open addressing: entry offsets plus one, zero for free. */
  private table = new Uint32Array(16)
  private readonly span: Span = { start: 0, contentStart: 0, end: 0 }

  constructor(bytes: Buffer, version: 1 | 2, indirect: boolean) {
    this.bytes = bytes
    this.version = version
    this.indirect = indirect
  }

  run(): void {
    // The smallest entry has 20 octets: 30 12 02 01 xx 17 0d and 13 digits
    const most = Math.floor(this.bytes.length / 20)
    let size = 16
    while (size < most * 2) size *= 2
    this.table = new Uint32Array(size)
    for (let at = 0; at < this.bytes.length;) {
      if (++this.count > MAX_ENTRIES)
        throw new EngineError('asn1-too-many', `more than ${MAX_ENTRIES} CRL entries`)
      const start = at
      this.read(0x30, at, this.bytes.length)
      const { contentStart, end } = this.span
      at = end
      this.read(0x02, contentStart, end)
      this.insert(start, this.hash(this.span.contentStart, this.span.end))
      this.readTime(this.span.end, end)
      if (this.span.end < end) this.readEntryExtensions(start, this.bytes.subarray(this.span.end, end))
    }
  }

  /** The entries with this serial number, in their order. */
  offsetsOf(serial: Buffer): readonly number[] {
    const found: number[] = []
    const mask = this.table.length - 1
    for (let slot = this.hashOf(serial, 0, serial.length) & mask; ; slot = (slot + 1) & mask) {
      const stored = this.table[slot] ?? 0
      if (stored === 0) return found
      this.read(0x30, stored - 1, this.bytes.length)
      this.read(0x02, this.span.contentStart, this.span.end)
      const { contentStart, end } = this.span
      if (this.bytes.compare(serial, 0, serial.length, contentStart, end) === 0) found.push(stored - 1)
    }
  }

  entryAt(offset: number): CrlEntry {
    this.read(0x30, offset, this.bytes.length)
    const cursor = new Cursor(readElement(this.bytes.subarray(this.span.start, this.span.end)))
    cursor.next('userCertificate')
    const revocationDate = toTime(cursor.next('revocationDate'))
    const rest = cursor.peek()
    const extensions = rest === null ? [] : readExtensions(rest)
    const value = (oid: string): Buffer | undefined => extensions.find((each) => each.oid === oid)?.value
    const reason = value(Oid.idCeCrlReasons)
    const invalidity = value(Oid.idCeInvalidityDate)
    return {
      revocationDate,
      reason: reason === undefined ? 'unspecified' : crlReason(toEnumerated(readElement(reason))),
      invalidityDate: invalidity === undefined ? null : toTime(readElement(invalidity)),
    }
  }

  private insert(offset: number, hash: number): void {
    const mask = this.table.length - 1
    let slot = hash & mask
    while (this.table[slot] !== 0) slot = (slot + 1) & mask
    this.table[slot] = offset + 1
  }

  private hash(start: number, end: number): number {
    if (start === end) throw malformed('INTEGER without content')
    return this.hashOf(this.bytes, start, end)
  }

  /** FNV-1a, seeded. */
  private hashOf(bytes: Buffer, start: number, end: number): number {
    let hash = SEED
    for (let at = start; at < end; at++) hash = Math.imul(hash ^ (bytes[at] ?? 0), 0x01000193)
    return (hash ^ (hash >>> 15)) >>> 0
  }

  /** Reads the header of the element with this identifier octet into `span`. Lengths beyond 24 bits are refused. */
  private read(identifier: number, start: number, limit: number): void {
    const { bytes, span } = this
    if (start + 2 > limit || bytes[start] !== identifier) throw malformed('CRL entry')
    let at = start + 1
    let length = bytes[at++] ?? 0
    if (length >= 0x80) {
      const octets = length & 0x7f
      if (octets < 1 || octets > 3 || at + octets > limit) throw malformed('length in a CRL entry')
      length = bytes.readUIntBE(at, octets)
      // X.690 10.1: the shortest form
      if (length < 0x80 || bytes[at] === 0) throw malformed('length in a CRL entry')
      at += octets
    }
    if (length > limit - at) throw malformed('length in a CRL entry')
    span.start = start
    span.contentStart = at
    span.end = at + length
  }

  /** Only the form; the value is read when the entry is asked for. */
  private readTime(start: number, limit: number): void {
    this.read(this.bytes[start] === 0x18 ? 0x18 : 0x17, start, limit)
  }

  private readEntryExtensions(offset: number, bytes: Buffer): void {
    if (this.version === 1) throw new EngineError('crl-malformed', 'entry extension in a version 1 CRL')
    if (isPlainReason(bytes)) return
    for (const extension of readExtensions(readElement(bytes))) this.readEntryExtension(offset, extension)
  }

  private readEntryExtension(offset: number, { oid, critical, value }: Extension): void {
    if (critical && !KNOWN.has(oid)) this.unknownCritical ??= oid
    if (oid === Oid.idCeCrlReasons) crlReason(toEnumerated(readElement(value)))
    if (oid === Oid.idCeInvalidityDate) toTime(readElement(value))
    if (oid !== Oid.idCeCertificateIssuer) return
    // RFC 5280 5.3.3: only in indirect CRLs
    if (!this.indirect) throw new EngineError('crl-malformed', 'certificate issuer in a direct CRL')
    if (this.lastIssuer?.equals(value) === true) return
    this.lastIssuer = value
    const names = readGeneralNames(readElement(value))
    this.changes.push({ offset, keys: new Set(names.flatMap(generalNameKey)) })
  }
}

const PLAIN_REASON = Buffer.from('300c300a0603551d1504030a01', 'hex')

/** The one extension that nearly all entries have, and have alone: a reason code that is not critical. */
function isPlainReason(bytes: Buffer): boolean {
  const value = bytes[13] ?? 0xff
  return bytes.length === 14 && bytes.compare(PLAIN_REASON, 0, 13, 0, 13) === 0 && value <= 10 && value !== 7
}

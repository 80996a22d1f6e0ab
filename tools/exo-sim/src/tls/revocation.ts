// Reads certificate revocation lists and says whether a certificate is on one. Lists are given, never fetched; a list
// that is stale, or not signed by the issuer, says nothing.
import { verify } from 'node:crypto'
import type { X509Certificate } from 'node:crypto'

/** A revocation list. */
export interface RevocationList {
  /** The issuer's name, DER. */
  issuer: Buffer
  /** Serial numbers, upper-case hexadecimal without leading zeros. */
  serials: ReadonlySet<string>
  /** When the next one is due. */
  nextUpdate: Date | undefined
  /** What is signed. */
  signed: Buffer
  /** Hash of the signature algorithm; null where the algorithm has its own. */
  digest: string | null
  signature: Buffer
}

interface Element {
  tag: number
  /** The whole element. */
  whole: Buffer
  content: Buffer
}

const DIGESTS: Partial<Record<string, string | null>> = {
  '2a864886f70d01010b': 'sha256',
  '2a864886f70d01010c': 'sha384',
  '2a864886f70d01010d': 'sha512',
  '2a8648ce3d040302': 'sha256',
  '2a8648ce3d040303': 'sha384',
  '2a8648ce3d040304': 'sha512',
  '2b6570': null,
}

/** Reads lists, PEM (several in one text) or DER. Throws if one cannot be read. */
export function readRevocationLists(sources: readonly (string | Buffer)[]): RevocationList[] {
  return sources.flatMap((source) => {
    const blocks = source.toString('latin1').match(/-----BEGIN X509 CRL-----[^-]+-----END X509 CRL-----/g)
    if (!blocks) return [readList(Buffer.isBuffer(source) ? source : Buffer.from(source, 'latin1'))]
    return blocks.map((block) => readList(Buffer.from(block.replace(/-----[^-]+-----/g, ''), 'base64')))
  })
}

/** Whether a list of the issuer, valid now, has the certificate. */
export function isRevoked(
  certificate: X509Certificate,
  issuer: X509Certificate,
  lists: readonly RevocationList[],
  at: Date,
): boolean {
  const serial = certificate.serialNumber.replace(/^0+(?=.)/, '').toUpperCase()
  const name = issuerOf(certificate)
  return lists.some(
    (list) =>
      list.issuer.equals(name) &&
      list.serials.has(serial) &&
      (list.nextUpdate === undefined || at <= list.nextUpdate) &&
      verify(list.digest, list.signed, issuer.publicKey, list.signature),
  )
}

/** CertificateList of RFC 5280 5.1. */
function readList(der: Buffer): RevocationList {
  const [tbs, algorithm, signature] = children(only(der))
  if (!tbs || !algorithm || !signature) throw new Error('a revocation list cannot be read')
  const fields = children(tbs)
  // The version is there or not.
  if (fields[0]?.tag === 0x02) fields.shift()
  const [, issuer, , ...rest] = fields
  const nextUpdate = rest[0] && (rest[0].tag === 0x17 || rest[0].tag === 0x18) ? rest.shift() : undefined
  const revoked = rest[0]?.tag === 0x30 ? children(rest[0]) : []
  const oid = children(algorithm)[0]?.content.toString('hex') ?? ''
  const digest = DIGESTS[oid]
  if (!issuer || digest === undefined) throw new Error('a revocation list has an unknown signature algorithm')
  return {
    issuer: issuer.whole,
    serials: new Set(revoked.map((one) => serialOf(children(one)[0]))),
    nextUpdate: nextUpdate && timeOf(nextUpdate),
    signed: tbs.whole,
    digest,
    signature: signature.content.subarray(1),
  }
}

function serialOf(element: Element | undefined): string {
  return (element?.content.toString('hex') ?? '').replace(/^0+(?=.)/, '').toUpperCase()
}

/** UTCTime or GeneralizedTime (RFC 5280 4.1.2.5). */
function timeOf({ tag, content }: Element): Date {
  const text = content.toString('latin1')
  const full = tag === 0x18 ? text : `${Number(text.slice(0, 2)) < 50 ? '20' : '19'}${text}`
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(full) ?? []
  return new Date(
    Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second)),
  )
}

/** The issuer's name in a certificate, DER (RFC 5280 4.1). */
function issuerOf(certificate: X509Certificate): Buffer {
  const [tbs] = children(only(certificate.raw))
  const fields = tbs ? children(tbs) : []
  const [, , issuer] = fields[0]?.tag === 0xa0 ? fields.slice(1) : fields
  return issuer?.whole ?? Buffer.alloc(0)
}

function only(der: Buffer): Element {
  const [first] = elements(der)
  if (!first) throw new Error('nothing to read')
  return first
}

function children(element: Element): Element[] {
  return elements(element.content)
}

function elements(der: Buffer): Element[] {
  const found: Element[] = []
  for (let at = 0; at < der.length;) {
    const tag = der.readUInt8(at)
    let length = der.readUInt8(at + 1)
    let start = at + 2
    if (length > 0x80) {
      const octets = length & 0x7f
      length = der.readUIntBE(start, octets)
      start += octets
    }
    if (start + length > der.length) throw new Error('the DER is cut short')
    found.push({ tag, whole: der.subarray(at, start + length), content: der.subarray(start, start + length) })
    at = start + length
  }
  return found
}

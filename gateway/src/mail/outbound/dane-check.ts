/**
 * Judges what a mail server presented by what DNS says of it. A record of an end entity vouches for one certificate or key,
 * whatever its names and dates; a record of a trust anchor vouches for what that authority issued, names and dates included.
 * Pure: the records were found, validated and sorted out before.
 */
import type { X509Certificate } from 'node:crypto'
import { createHash, createPublicKey, timingSafeEqual } from 'node:crypto'
import { buildPath, EngineError, parseCertificate, type Certificate } from '@siegel/engine'
import type { TlsaData } from '../../dns/message.ts'
import { DANE_EE, DANE_TA, tlsaText, type TlsaSet } from '../../dns/tlsa.ts'
import { matchName } from './tls-match.ts'

/** What the certificate of a host is held against. */
export interface DaneTarget {
  readonly set: TlsaSet
  /** Names of which the certificate must carry one, where a trust anchor vouches for it. RFC 7672 3.2.2 */
  readonly names: readonly string[]
}

/** The record that vouches, or why none does. */
export type DaneResult =
  | { readonly record: string; readonly name: string | null; readonly fault: null }
  | { readonly record: null; readonly fault: 'mismatch' | 'name-mismatch' }

const MISMATCH: DaneResult = { record: null, fault: 'mismatch' }
const DIGESTS: ReadonlyMap<number, string> = new Map([
  [1, 'sha256'],
  [2, 'sha512'],
])
/** Selector 0: the certificate. RFC 6698 2.1.2 */
const CERTIFICATE = 0

/** Digits of a record's data that the trace shows. */
const SHOWN_DIGITS = 16

/** A record as its three numbers and the beginning of its data, for the trace. */
export function recordText(record: TlsaData): string {
  return tlsaText(record, SHOWN_DIGITS)
}

/**
 * Holds a chain against the records.
 * @param chain - as presented, leaf first
 * @param now - milliseconds since 1970
 */
export function checkDane(chain: readonly X509Certificate[], target: DaneTarget, now: number): DaneResult {
  const [leaf] = chain
  if (leaf === undefined) return MISMATCH
  const records = (wanted: number) => target.set.usable.filter(({ usage }) => usage === wanted)
  // RFC 7672 3.1.1: neither names nor dates are looked at
  const own = records(DANE_EE).find((record) => vouchesFor(record, leaf))
  if (own !== undefined) return { record: recordText(own), name: null, fault: null }
  const found = records(DANE_TA).find((record) => leadsTo(record, chain, now))
  if (found === undefined) return MISMATCH
  const name = matchName(leaf, target.names)
  if (name === undefined) return { record: null, fault: 'name-mismatch' }
  return { record: recordText(found), name, fault: null }
}

/** The record is of this certificate or its key. RFC 6698 2.1 */
function vouchesFor(record: TlsaData, certificate: X509Certificate): boolean {
  const bytes = record.selector === CERTIFICATE ? certificate.raw : keyOf(certificate)
  if (bytes === null) return false
  const digest = DIGESTS.get(record.matching)
  const compared = digest === undefined ? bytes : createHash(digest).update(bytes).digest()
  return compared.length === record.data.length && timingSafeEqual(compared, record.data)
}

function keyOf(certificate: X509Certificate): Buffer | null {
  try {
    return certificate.publicKey.export({ type: 'spki', format: 'der' })
  } catch {
    // A kind of key that the runtime does not know.
    return null
  }
}

/** The chain leads to what the record vouches for. RFC 7672 3.1.2: the anchor is among what is presented, or in the record. */
function leadsTo(record: TlsaData, chain: readonly X509Certificate[], now: number): boolean {
  const presented = chain.map(parsed)
  const [leaf, ...others] = presented
  if (leaf === undefined || leaf === null) return false
  const anchors = anchorsOf(record, chain, presented)
  if (anchors.length === 0) return false
  const { valid, path } = buildPath(leaf, {
    anchors,
    intermediates: others.filter((certificate) => certificate !== null),
    at: now,
    purpose: 'tls-server',
    profile: 'tolerant',
    revocation: 'none',
  })
  const anchor = path.at(-1)
  return valid && anchor !== undefined && anchor.notBefore <= now && now <= anchor.notAfter
}

function anchorsOf(
  record: TlsaData,
  chain: readonly X509Certificate[],
  presented: readonly (Certificate | null)[],
): Certificate[] {
  const among = chain.flatMap((certificate, index) =>
    index > 0 && vouchesFor(record, certificate) ? [presented[index] ?? null] : [],
  )
  return [...among, ...carriedAnchors(record, chain, presented)].filter((certificate) => certificate !== null)
}

/** What a record with the whole certificate or key brings along: that certificate, or all that this key has signed. */
function carriedAnchors(
  record: TlsaData,
  chain: readonly X509Certificate[],
  presented: readonly (Certificate | null)[],
): (Certificate | null)[] {
  if (record.matching !== 0) return []
  try {
    if (record.selector === CERTIFICATE) return [parseCertificate(record.data)]
    const key = createPublicKey({ key: record.data, format: 'der', type: 'spki' })
    return chain.flatMap((certificate, index) => (certificate.verify(key) ? [presented[index] ?? null] : []))
  } catch {
    // Anyone may write anything into a record: what is no certificate or key vouches for nothing.
    return []
  }
}

function parsed(certificate: X509Certificate): Certificate | null {
  try {
    return parseCertificate(certificate.raw)
  } catch (error) {
    if (error instanceof EngineError) return null
    throw error
  }
}

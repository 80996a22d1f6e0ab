/**
 * Looks up what DNS says of the certificates of an address (SMIMEA). Only what a trusted server validated counts: without such a
 * server, or for a zone that is not signed, there is nothing, and it is said so. A look-up that fails is a failure.
 */
import { createHash, createPublicKey, X509Certificate } from 'node:crypto'
import { parseCertificate, EngineError, type Certificate } from '@siegel/engine'
import type { Resolver } from '../../dns/resolver.ts'
import { NOTHING, type Answer, type Association, type CertificateFinder } from './finder.ts'

/** RFC 8162 2, RFC 6698 2.1.1: constraints (0, 1) leave the judgement to the usual trust, assertions (2, 3) take its place */
export const USAGE = { caConstraint: 0, certificateConstraint: 1, anchor: 2, certificate: 3 } as const
const WHOLE = 0
/** RFC 6698 2.1.3: octets of a digest by matching type */
const DIGESTS: ReadonlyMap<number, { readonly name: 'sha256' | 'sha512'; readonly octets: number }> = new Map(
  [
    [1, { name: 'sha256', octets: 32 }],
    [2, { name: 'sha512', octets: 64 }],
  ],
)
const MOST_RECORDS = 32
/** Octets of the digest that is the label. RFC 8162 3 */
const LABEL_OCTETS = 28

/**
 * The name under which the records of an address stand; the local part counts as it is written. RFC 8162 3
 * @returns null when it is no address
 */
export function smimeaName(address: string): string | null {
  const at = address.lastIndexOf('@')
  if (at < 1) return null
  const local = address
    .slice(0, at)
    .replace(/^"(.*)"$/su, '$1')
    .replaceAll(/\\(.)/gsu, '$1')
    .normalize('NFC')
  const label = createHash('sha256').update(local, 'utf8').digest().subarray(0, LABEL_OCTETS).toString('hex')
  return `${label}._smimecert.${address.slice(at + 1).toLowerCase()}`
}

/** Makes a finder. */
export function createSmimeaFinder({ resolve, validates }: Resolver): CertificateFinder {
  return {
    async find(address) {
      if (!validates) return { ...NOTHING, reasons: [{ code: 'smimea-not-validated', arguments: {} }] }
      const lower = address.toLowerCase()
      // Who publishes may not know in what case we write: as it is written goes first.
      for (const name of new Set([smimeaName(address), smimeaName(lower)])) {
        if (name === null) continue
        const { records, secure } = await resolve(name, 'SMIMEA')
        if (records.length === 0) continue
        if (!secure) return { ...NOTHING, reasons: [{ code: 'smimea-not-secure', arguments: {} }] }
        return answerOf(records.slice(0, MOST_RECORDS))
      }
      return NOTHING
    },
  }
}

function answerOf(records: readonly Association[]): Answer {
  const usable = records.filter(isUsable)
  const dropped = records.length - usable.length
  return {
    associations: usable,
    certificates: usable
      .filter(({ usage }) => usage === USAGE.certificateConstraint || usage === USAGE.certificate)
      .flatMap((record) => wholeCertificate(record) ?? [])
      .map((certificate) => ({ certificate, chain: [] })),
    reasons: dropped === 0 ? [] : [{ code: 'smimea-unusable', arguments: { records: dropped } }],
  }
}

/** RFC 6698 4: a record that cannot be used is as if it were not there */
function isUsable(record: Association): boolean {
  const { usage, selector, matching, data } = record
  if (usage > USAGE.certificate || selector > 1) return false
  if (matching !== WHOLE) return data.length === DIGESTS.get(matching)?.octets
  try {
    if (selector === 0) new X509Certificate(data)
    else createPublicKey({ key: data, format: 'der', type: 'spki' })
    return true
  } catch {
    return false
  }
}

/** The certificate that a record holds as a whole; null when it holds another thing. */
export function wholeCertificate({ selector, matching, data }: Association): Certificate | null {
  if (selector !== 0 || matching !== WHOLE) return null
  try {
    return parseCertificate(data)
  } catch (error) {
    if (error instanceof EngineError) return null
    throw error
  }
}

/** Whether a record speaks of this certificate. RFC 6698 2.1.2, 2.1.3 */
export function speaksOf({ selector, matching, data }: Association, certificate: Certificate): boolean {
  const selected = selector === 0 ? certificate.raw : certificate.spki
  if (matching === WHOLE) return selected.equals(data)
  const digest = DIGESTS.get(matching)
  return digest !== undefined && createHash(digest.name).update(selected).digest().equals(data)
}

/** A record of a certificate as a line of a zone file. RFC 8162 2 */
export function smimeaLine(address: string, certificate: Certificate): string | null {
  const name = smimeaName(address)
  if (name === null) return null
  return `${name}. IN SMIMEA ${USAGE.certificate} 0 ${WHOLE} ${certificate.raw.toString('hex')}`
}

// Makes certificate revocation lists for tests, with the authorities of certificates.ts.
import { sign } from 'node:crypto'
import { signatureAlgorithm, toPem } from './certificates.ts'
import type { Authority, IssuedCertificate } from './certificates.ts'
import * as der from './der.ts'

/** What the list says. */
export interface RevocationRequest {
  /** The certificates that are revoked. */
  revoked: readonly IssuedCertificate[]
  /** Default: an hour ago. */
  thisUpdate?: Date
  /** Default: in 30 days. */
  nextUpdate?: Date
}

/** Makes a list, PEM (RFC 5280 5.1, version 1: without extensions). */
export function makeRevocationList(authority: Authority, request: RevocationRequest): string {
  const now = Date.now()
  const thisUpdate = request.thisUpdate ?? new Date(now - 3_600_000)
  const algorithm = signatureAlgorithm(authority.privateKey, 'sha256')
  const entries = request.revoked.map(({ x509 }) =>
    der.sequence(der.integer(Buffer.from(x509.serialNumber, 'hex')), der.time(thisUpdate)),
  )
  const tbs = der.sequence(
    algorithm.identifier,
    authority.subject,
    der.time(thisUpdate),
    der.time(request.nextUpdate ?? new Date(now + 30 * 86_400_000)),
    ...(entries.length > 0 ? [der.sequence(...entries)] : []),
  )
  const signature = sign(algorithm.digest, tbs, authority.privateKey)
  return toPem('X509 CRL', der.sequence(tbs, algorithm.identifier, der.bitString(signature)))
}

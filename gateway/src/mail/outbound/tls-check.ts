/**
 * Judges the certificate of a hop against the TLS policy, after every handshake and after every resumption: chain, dates,
 * names, fingerprints. Names are matched as Postfix does (a leftmost `*` stands for one or more labels, `.suffix` for any
 * subdomain). A fault means that not one octet of the mail is sent.
 */
import { createHash, type X509Certificate } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import { resolveMatch, type EffectiveTls } from '../../maps/tls-policy.ts'
import { deferred, type Verdict } from './verdict.ts'

/** What was verified. */
export interface TlsFacts {
  readonly version: string
  readonly cipher: string
  /** Chain and names, or a fingerprint, were demanded and are good. */
  readonly verified: boolean
  /** The name in the certificate that satisfied the policy; null when none was demanded. */
  readonly name: string | null
  /** When the first certificate of the chain ends; milliseconds since 1970. Only the leaf's after a resumption. */
  readonly goodUntil: number
}

/** The result of a check: the facts, or why the policy is not met. */
export type TlsResult =
  { readonly facts: TlsFacts; readonly fault: null } | { readonly facts: null; readonly fault: Verdict }

/** Node's verification codes that have a reason of their own. */
const CHAIN_FAULTS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'tls-certificate-expired',
  CERT_NOT_YET_VALID: 'tls-certificate-not-yet-valid',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'tls-certificate-self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: 'tls-certificate-untrusted',
  UNABLE_TO_GET_ISSUER_CERT: 'tls-certificate-untrusted',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'tls-certificate-untrusted',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'tls-certificate-untrusted',
  CERT_UNTRUSTED: 'tls-certificate-untrusted',
}

/** Postfix's default for tls_wildcard_matches_multiple_labels is yes. RFC 6125 6.4.3: no partial wildcards */
const NAME_RULES = { multiLabelWildcards: true, partialWildcards: false, subject: 'default' } as const

/**
 * Checks the peer of a secured connection.
 * @param route - the next hop as written, for `nexthop`
 * @param hostname - the host's name, for `hostname`
 * @param now - milliseconds since 1970
 */
export function checkPeer(
  socket: TLSSocket,
  policy: EffectiveTls,
  route: string,
  hostname: string,
  now: number,
): TlsResult {
  const certificate = socket.getPeerX509Certificate()
  const needed = policy.chain || policy.fingerprints.length > 0
  if (needed && certificate === undefined) return fault('tls-certificate-missing', {})
  let name: string | null = null
  if (certificate !== undefined) {
    const args = certificateArguments(certificate)
    const broken = policy.chain ? chainFault(socket, certificate, now) : null
    if (broken !== null) return fault(broken.code, { ...args, cause: broken.cause })
    for (const { match } of policy.demands) {
      if (match.length === 0) continue
      const found = matchName(certificate, resolveMatch(match, route, hostname))
      if (found === undefined) return fault('tls-name-mismatch', { ...args, expected: match.join(':') })
      name ??= found
    }
    if (
      policy.fingerprints.length > 0 &&
      !digests(certificate).some((digest) => policy.fingerprints.includes(digest))
    )
      return fault('tls-fingerprint-mismatch', { ...args, sha256: digests(certificate)[0] })
  }
  const facts: TlsFacts = {
    version: socket.getProtocol() ?? 'unknown',
    cipher: socket.getCipher().name,
    verified: needed,
    name,
    goodUntil: certificate === undefined ? Infinity : chainEnd(certificate),
  }
  return { facts, fault: null }
}

/** The first pattern that the certificate satisfies, as the name in the certificate; undefined for none. */
export function matchName(certificate: X509Certificate, patterns: readonly string[]): string | undefined {
  for (const pattern of patterns) {
    const found = certificate.checkHost(pattern, NAME_RULES)
    if (found !== undefined) return found
  }
  return undefined
}

/** A resumed session carries the verdict of its first handshake: the dates are looked at again. */
function chainFault(
  socket: TLSSocket,
  certificate: X509Certificate,
  now: number,
): { code: string; cause: string } | null {
  if (!socket.authorized) {
    // The type says Error, the runtime gives a code.
    const cause = String(socket.authorizationError)
    return { code: CHAIN_FAULTS[cause] ?? 'tls-certificate-invalid', cause }
  }
  if (certificate.validToDate.getTime() <= now)
    return { code: 'tls-certificate-expired', cause: 'CERT_HAS_EXPIRED' }
  if (certificate.validFromDate.getTime() > now)
    return { code: 'tls-certificate-not-yet-valid', cause: 'CERT_NOT_YET_VALID' }
  return null
}

function chainEnd(leaf: X509Certificate): number {
  let end = leaf.validToDate.getTime()
  let issuer = leaf.issuerCertificate
  for (let depth = 0; issuer !== undefined && depth < 10; depth++) {
    end = Math.min(end, issuer.validToDate.getTime())
    issuer = issuer.issuerCertificate
  }
  return end
}

/** SHA-256 of the certificate and of its public key, lower-case hex. */
function digests(certificate: X509Certificate): [string, string] {
  const key = certificate.publicKey.export({ type: 'spki', format: 'der' })
  return [
    certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
    createHash('sha256').update(key).digest('hex'),
  ]
}

function certificateArguments(certificate: X509Certificate): Record<string, string> {
  const clean = (text: string) => text.replace(/[^ -~]/g, '?').slice(0, 300)
  return {
    presented: clean(certificate.subjectAltName ?? certificate.subject),
    issuer: clean(certificate.issuer),
    notAfter: certificate.validToDate.toISOString(),
  }
}

function fault(code: string, args: Verdict['reason']['arguments']): TlsResult {
  return { facts: null, fault: deferred('4.7.5', code, args) }
}

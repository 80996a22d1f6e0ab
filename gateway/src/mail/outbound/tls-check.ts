/**
 * Judges the certificate of a hop against the TLS policy, after every handshake and after every resumption: chain, dates,
 * names, fingerprints, and what DNS says of it (DANE). A fault means that not one octet of the mail is sent.
 */
import { createHash, type X509Certificate } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import { resolveMatch, type EffectiveTls } from '../../maps/tls-policy.ts'
import { checkDane, type DaneTarget } from './dane-check.ts'
import { matchName } from './tls-match.ts'
import { deferred, type Verdict } from './verdict.ts'

/** What was verified. */
export interface TlsFacts {
  readonly version: string
  readonly cipher: string
  /** Chain and names, or a fingerprint, were demanded and are good. */
  readonly verified: boolean
  /** The name in the certificate that satisfied the policy; null when none was demanded. */
  readonly name: string | null
  /** The TLSA record that vouches for the certificate; null without DANE. */
  readonly record: string | null
  /** What to remember with sessions to resume; null when the peer presented no certificate. */
  readonly peer: KnownPeer | null
}

/** The certificate of a peer. After a resumption the runtime no longer tells it, so it is kept with the session. */
export interface KnownPeer {
  readonly certificate: X509Certificate
  /** All that it presented, leaf first; at most 10. */
  readonly chain: readonly X509Certificate[]
  /** When the first certificate of the chain ends; milliseconds since 1970. */
  readonly goodUntil: number
}

/** Certificates of a peer that are looked at. */
const MAX_CHAIN = 10

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

/**
 * Checks the peer of a secured connection.
 * @param resumed - the peer that the offered session was made with; counts only if the session was indeed resumed
 * @param names - the next hop as written, for `nexthop`, and the host's name, for `hostname`
 * @param now - milliseconds since 1970
 * @param dane - what DNS says of the peer, which must hold beside the policy; null without DANE
 */
export function checkPeer(
  socket: TLSSocket,
  resumed: KnownPeer | null,
  policy: EffectiveTls,
  names: { readonly route: string; readonly hostname: string },
  now: number,
  dane: DaneTarget | null,
): TlsResult {
  const peer = socket.isSessionReused() ? resumed : presentedPeer(socket)
  const needed = policy.chain || policy.fingerprints.length > 0 || dane !== null
  if (needed && peer === null) return fault('tls-certificate-missing', {})
  let name: string | null = null
  let record: string | null = null
  if (peer !== null) {
    const { certificate } = peer
    const args = certificateArguments(certificate)
    const broken = policy.chain ? chainFault(socket, certificate, now) : null
    if (broken !== null) return fault(broken.code, { ...args, cause: broken.cause })
    for (const { match } of policy.demands) {
      if (match.length === 0) continue
      const found = matchName(certificate, resolveMatch(match, names.route, names.hostname))
      if (found === undefined) return fault('tls-name-mismatch', { ...args, expected: match.join(':') })
      name ??= found
    }
    if (
      policy.fingerprints.length > 0 &&
      !digests(certificate).some((digest) => policy.fingerprints.includes(digest))
    )
      return fault('tls-fingerprint-mismatch', { ...args, sha256: digests(certificate)[0] })
    if (dane !== null) {
      const vouched = checkDane(peer.chain, dane, now)
      const details = { ...args, base: dane.set.base, expected: dane.names.join(':') }
      if (vouched.fault === 'mismatch') return fault('tls-dane-mismatch', details)
      if (vouched.fault !== null) return fault('tls-dane-name-mismatch', details)
      record = vouched.record
      name ??= vouched.name
    }
  }
  const facts: TlsFacts = {
    version: socket.getProtocol() ?? 'unknown',
    cipher: socket.getCipher().name,
    verified: needed,
    name,
    record,
    peer,
  }
  return { facts, fault: null }
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

function presentedPeer(socket: TLSSocket): KnownPeer | null {
  const certificate = socket.getPeerX509Certificate()
  if (certificate === undefined) return null
  const chain = [certificate]
  let issuer = certificate.issuerCertificate
  for (; issuer !== undefined && chain.length < MAX_CHAIN; issuer = issuer.issuerCertificate)
    chain.push(issuer)
  const goodUntil = Math.min(...chain.map(({ validToDate }) => validToDate.getTime()))
  return { certificate, chain, goodUntil }
}

/** SHA-256 of the certificate and of its public key, lower-case hex. */
function digests(certificate: X509Certificate): [string, string] {
  const key = certificate.publicKey.export({ type: 'spki', format: 'der' })
  return [
    certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
    createHash('sha256').update(key).digest('hex'),
  ]
}

/** Whoever takes mail may present anything: names may be empty, for which the runtime has no text, and a date may be none. */
function certificateArguments(certificate: X509Certificate): Record<string, string> {
  const clean = (text: string | undefined) => (text ?? '').replace(/[^ -~]/g, '?').slice(0, 300)
  const { subject, subjectAltName, issuer, validTo, validToDate } = certificate as Partial<X509Certificate>
  const end = validToDate?.getTime() ?? NaN
  return {
    presented: clean(subjectAltName ?? subject),
    issuer: clean(issuer),
    notAfter: Number.isNaN(end) ? clean(validTo) : new Date(end).toISOString(),
  }
}

function fault(code: string, args: Verdict['reason']['arguments']): TlsResult {
  return { facts: null, fault: deferred('4.7.5', code, args) }
}

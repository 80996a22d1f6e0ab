/**
 * What DANE makes of a policy at one address of one host, as Postfix decides it: secure records make TLS and a certificate that
 * they vouch for mandatory; records that cannot be used make TLS mandatory; without secure records the level dane changes
 * nothing and dane-only sends nothing. A look-up that fails is no look-up: nothing is sent to that host.
 */
import { HostLookupError, type HostAddress } from '../../dns/hosts.ts'
import type { TlsaHost, TlsaLookup, TlsaSet } from '../../dns/tlsa.ts'
import type { EffectiveTls } from '../../maps/tls-policy.ts'
import type { Reason } from '../plan.ts'
import { recordText, type DaneTarget } from './dane-check.ts'
import type { Target } from './targets.ts'
import { deferred, DialogueFailed } from './verdict.ts'

/** A policy after DNS was asked. */
export interface HardenedTls {
  readonly policy: EffectiveTls
  /** What the certificate must be vouched for by; null: DNS says nothing of it. */
  readonly dane: DaneTarget | null
  /** What would be demanded if a policy that the domain only tests were in force; null for none. */
  readonly tested: EffectiveTls | null
  /** For the trace; empty where only map, floor or default decide. */
  readonly reasons: readonly Reason[]
}

/**
 * Asks DNS about a host that a policy wants DANE for.
 * @param tlsa - null: DNSSEC is not in use
 * @throws DialogueFailed, temporary, when nothing may be sent to the host
 */
export async function hardenByDane(
  policy: EffectiveTls,
  target: Target,
  { secure, name }: HostAddress,
  port: number,
  tlsa: TlsaLookup | null,
): Promise<HardenedTls> {
  if (policy.dane === null) return { policy, dane: null, tested: null, reasons: [] }
  const { host } = target
  const without = (cause: string): HardenedTls => {
    if (policy.dane === 'dane-only')
      throw new DialogueFailed(deferred('4.7.5', 'tls-dane-not-available', { host, cause }))
    const reason = { code: 'tls-without-dane', arguments: { host, cause } }
    return { policy, dane: null, tested: null, reasons: [reason] }
  }
  if (tlsa === null) return without('no-validating-resolver')
  // RFC 7672 2.2.1: who can forge the MX records chooses the host, and with it the certificate
  if (target.mxSecure === false) return without('mx-insecure')
  // RFC 7672 2.1.2: in a zone that is not signed nothing is asked; some such zones break when they are
  const set = await ask(tlsa, { asked: host, name, secure }, port)
  if (set === null) return without(secure ? 'no-records' : 'address-insecure')
  if (set.usable.length === 0) {
    if (policy.dane === 'dane-only') return without('records-unusable')
    // RFC 7672 2.2: TLS is due all the same
    const reason = { code: 'tls-dane-unusable', arguments: { host, count: set.count } }
    return { policy: { ...policy, required: true }, dane: null, tested: null, reasons: [reason] }
  }
  const records = set.usable.map(recordText).join(', ')
  return {
    // RFC 7672 3.2.1, RFC 7672 8.1: the server name is the base of the records, or the wrong certificate would be shown
    policy: { ...policy, required: true, servername: set.base },
    dane: { set, names: [...new Set([set.base, ...target.domains])] },
    tested: null,
    reasons: [{ code: 'tls-by-dane', arguments: { base: set.base, records } }],
  }
}

async function ask(tlsa: TlsaLookup, host: TlsaHost, port: number): Promise<TlsaSet | null> {
  try {
    return await tlsa(host, port)
  } catch (error) {
    if (!(error instanceof HostLookupError)) throw error
    throw new DialogueFailed(
      deferred('4.7.5', 'tls-tlsa-lookup-failed', { host: host.asked, cause: error.message }),
    )
  }
}

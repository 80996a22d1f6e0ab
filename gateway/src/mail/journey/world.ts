/**
 * Which recipients are delivered to in the world, past the tenant's own Office 365 endpoint. Only what a tenant sends out and
 * reports about TLS go there, and only where the tenant says so: inbound mail and notices never do.
 */
import { domainToASCII } from 'node:url'
import { nextHopFor, type TransportMap } from '../../maps/transport.ts'
import type { Direction } from '../message.ts'
import type { Outcome, OutcomeKind } from '../outcome.ts'
import type { Reason } from '../plan.ts'
import type { Tenant } from '../tenant.ts'

/** Where the map `transport` leads mail to the world. */
export type WorldHop =
  | { readonly kind: 'hop'; readonly route: string }
  /** The map refuses it, or its line is at fault and the mail waits. */
  | { readonly kind: 'none'; readonly outcome: Omit<Outcome, 'delivery'> }

/** The next hop of one recipient in the world; null: over the tenant's route, which no map moves. */
export function worldHop(
  tenant: Tenant,
  direction: Direction,
  address: string,
  transport: TransportMap,
): WorldHop | null {
  const domain = worldRoute(tenant, direction, address)
  if (domain === null) return null
  const hop = nextHopFor(transport, `${address.slice(0, address.lastIndexOf('@'))}@${domain}`, null)
  if (hop.kind === 'hop') return { kind: 'hop', route: hop.route }
  const [kind, status, reason]: [OutcomeKind, string, Reason] =
    hop.kind === 'wait'
      ? // RFC 3463 3.4: routing server failure
        ['deferred', '4.4.3', { code: 'transport-line-at-fault', arguments: { line: hop.line } }]
      : [
          hop.temporary ? 'deferred' : 'failed',
          hop.enhanced,
          { code: hop.temporary ? 'transport-defers' : 'transport-refuses', arguments: { text: hop.text } },
        ]
  return { kind: 'none', outcome: { kind, status, reason, reply: null, hop: null } }
}

/** The recipient's domain as a route; null: over the tenant's route. */
export function worldRoute(tenant: Tenant, direction: Direction, address: string): string | null {
  if (tenant.outboundDelivery !== 'direct' || (direction !== 'outbound' && direction !== 'report'))
    return null
  const at = address.lastIndexOf('@')
  if (at < 0) return null
  const domain = address.slice(at + 1).toLowerCase()
  // RFC 5321 4.1.3: an address literal is its own host
  if (domain.startsWith('[')) return domain
  const ascii = domainToASCII(domain)
  return ascii === '' || tenant.acceptedDomains.includes(ascii) ? null : ascii
}

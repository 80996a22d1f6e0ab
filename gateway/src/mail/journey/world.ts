/**
 * Which recipients are delivered to in the world, past the tenant's own Office 365 endpoint. Only what a tenant sends out goes
 * there, and only where the tenant says so: inbound mail and notices never do.
 */
import { domainToASCII } from 'node:url'
import type { Direction } from '../message.ts'
import type { Tenant } from '../tenant.ts'

/** The recipient's domain as a route; null: over the tenant's route. */
export function worldRoute(tenant: Tenant, direction: Direction, address: string): string | null {
  if (tenant.outboundDelivery !== 'direct' || direction !== 'outbound') return null
  const at = address.lastIndexOf('@')
  if (at < 0) return null
  const domain = address.slice(at + 1).toLowerCase()
  // RFC 5321 4.1.3: an address literal is its own host
  if (domain.startsWith('[')) return domain
  const ascii = domainToASCII(domain)
  return ascii === '' || tenant.acceptedDomains.includes(ascii) ? null : ascii
}

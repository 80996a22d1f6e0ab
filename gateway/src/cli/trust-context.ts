/**
 * A tenant's trust for a verb: with what is at hand, or, where a verb says so, with the network.
 */
import { createResolver } from '../dns/resolver.ts'
import { openStatus, tenantTrust } from '../trust/open-status.ts'
import type { StatusService } from '../trust/status-service.ts'
import type { Trust } from '../trust/trust.ts'
import type { AssistContext } from './exchange-tenant.ts'

/** The status service of a verb. */
export function statusOf(
  { store, start }: Pick<AssistContext, 'store' | 'start'>,
  now: () => number,
  network: boolean,
): StatusService {
  const resolve = network ? createResolver(start.dns).resolve : null
  return openStatus(start, resolve, store.revocationSources, null, now)
}

/** The tenant's trust as the gateway has it. */
export function trustOf({ settings, tenant }: AssistContext, status: StatusService): Trust {
  return tenantTrust(settings, tenant.id, status)
}

/** The tenant's trust with what is at hand; nothing is fetched. */
export function trustAtHand(context: AssistContext, now: number): Trust {
  return trustOf(
    context,
    statusOf(context, () => now, false),
  )
}

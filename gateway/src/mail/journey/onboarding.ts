/**
 * Onboarding mode: while a tenant's set-up is new, what the next hop refuses for good is tried again instead of returned, since the
 * refusal may be a fault of the set-up. Ends by itself at its time. What would be given up while it lasts is tried until a day after its
 * end, so that nothing is returned for a fault that was mended meanwhile.
 */
import type { Outcome } from '../outcome.ts'
import type { Tenant } from '../tenant.ts'
import type { Turn } from '../turn.ts'

/** How long after its end a refusal still raises the alarm that the mode has ended. */
const REMINDER_MS = 24 * 3_600_000

/** For how long after its end what would have been given up before is still tried. */
const GRACE_MS = 24 * 3_600_000

/** When a delivery is given up: at its time, but not while onboarding lasts and for a day after. Milliseconds since 1970. */
export function givenUpAt(
  { expiresAt }: { readonly expiresAt: number },
  { onboarding }: Pick<Tenant, 'onboarding'>,
): number {
  if (onboarding === null) return expiresAt
  const last = onboarding.endsAt + GRACE_MS
  return expiresAt >= onboarding.startedAt && expiresAt < last ? last : expiresAt
}

/** Where a tenant stands at a time. */
export function onboardingPhase(tenant: Pick<Tenant, 'onboarding'>, now: number): 'off' | 'on' | 'ended' {
  const { onboarding } = tenant
  if (onboarding === null || now < onboarding.startedAt) return 'off'
  if (now < onboarding.endsAt) return 'on'
  return now < onboarding.endsAt + REMINDER_MS ? 'ended' : 'off'
}

/**
 * The outcome as it counts: a refusal for good by the next hop becomes a deferral while the mode is on; trace and alarm say so.
 * @param now - milliseconds since 1970
 */
export function softened(turn: Turn, tenant: Tenant, outcome: Outcome, now: number): Outcome {
  const refused = outcome.kind === 'failed' && outcome.reply !== null && outcome.reply.code >= 500
  const { onboarding } = tenant
  if (!refused || onboarding === null) return outcome
  const phase = onboardingPhase(tenant, now)
  if (phase === 'off') return outcome
  const args = { until: new Date(onboarding.endsAt).toISOString() }
  if (phase === 'ended') {
    turn.alarm('onboarding-ended', tenant.name, args)
    return outcome
  }
  turn.alarm('onboarding-deferral', tenant.name, { ...args, status: outcome.status })
  turn.trace(now, 'onboarding-deferral', outcome.delivery, { ...args, status: outcome.status })
  // RFC 3463 3: the subject and detail stay, the class says that it will be tried again.
  return { ...outcome, kind: 'deferred', status: `4${outcome.status.slice(1)}` }
}

/**
 * Deliveries that wait: held until an operator or a later look ends it, given up when their time is over.
 * Changes states only; delivers and notifies nothing.
 */
import type { Reason } from '../plan.ts'
import type { Delivery } from '../queue/ports.ts'
import type { Tenant } from '../tenant.ts'
import { isFinal, type Turn } from '../turn.ts'
import { givenUpAt } from './onboarding.ts'
import type { JourneyOptions } from './ports.ts'

/** Deliveries whose time is over are given up, whatever they wait for; while onboarding lasts, and for a day after, none is. */
export function expire(options: JourneyOptions, turn: Turn, tenant: Pick<Tenant, 'onboarding'>): void {
  const now = options.now()
  for (const delivery of turn.deliveries) {
    if (isFinal(delivery.state) || givenUpAt(delivery, tenant) > now) continue
    const reason = delivery.lastReason ?? { code: 'expired', arguments: {} }
    turn.finish(delivery.number, 'bounced', reason, delivery.lastReply)
    turn.trace(now, 'expired', delivery.number, {
      reason: { code: reason.code, arguments: reason.arguments },
    })
  }
}

/** Holds every delivery that is not final. `probe`: look again after a while, since the cause may have been mended. */
export function holdAll(options: JourneyOptions, turn: Turn, reason: Reason, probe: boolean): void {
  for (const delivery of turn.deliveries)
    if (!isFinal(delivery.state)) hold(options, turn, delivery, reason, probe)
}

/** Holds one delivery; see {@link holdAll} for `probe`. */
export function hold(
  options: JourneyOptions,
  turn: Turn,
  delivery: Delivery,
  reason: Reason,
  probe: boolean,
): void {
  const now = options.now()
  const probeAt = now + options.lifetime.heldProbeMs
  const last = lastLook(options, turn, delivery)
  const dueAt = probe ? Math.min(probeAt, last) : last
  // Whoever has let it go has done so for good: waiting for something else does not make that undone.
  const released =
    delivery.state === 'waiting' && wasReleased(delivery) && !HELD_FOR_OPERATOR.has(reason.code)
  turn.change(delivery.number, {
    state: 'held',
    dueAt: nextLook(options, turn, delivery, dueAt),
    lastReason: released ? { ...reason, arguments: { ...reason.arguments, released } } : reason,
  })
  turn.trace(now, 'held', delivery.number, { reason: { code: reason.code, arguments: reason.arguments } })
}

/** When a held delivery is given up; what cannot be given up just now is looked at later, not at once again. */
function lastLook(options: JourneyOptions, turn: Turn, delivery: Delivery): number {
  const tenant = options.tenant(turn.queued.mail.tenantId)?.tenant ?? { onboarding: null }
  const at = givenUpAt(delivery, tenant)
  const now = options.now()
  return at > now ? at : now + options.lifetime.heldProbeMs
}

/** The earlier of the next attempt and the delay notice that is still to be written. */
export function nextLook(options: JourneyOptions, turn: Turn, delivery: Delivery, at: number): number {
  if (delivery.delayNoticed) return at
  const noticeAt = turn.queued.mail.receivedAt + options.lifetime.delayNoticeMs
  // One that is due is written in this turn, or by nobody: a mail must not be due for it again and again.
  return noticeAt > options.now() ? Math.min(at, noticeAt) : at
}

/** Held deliveries whose time has come are looked at again. */
export function resumeHeld(options: JourneyOptions, turn: Turn): void {
  const now = options.now()
  const together = turn.due('held', now).length + turn.due('waiting', now).length > 0
  const due = turn.deliveries.filter(
    ({ state, dueAt, lastReason, copy }) =>
      state === 'held' &&
      ((dueAt ?? Infinity) <= now ||
        (together && copy === null && lastReason !== null && AWAITED_TOGETHER.has(lastReason.code))),
  )
  for (const delivery of due) {
    if (delivery.lastReason !== null && HELD_FOR_OPERATOR.has(delivery.lastReason.code)) {
      turn.change(delivery.number, { dueAt: lastLook(options, turn, delivery) })
      continue
    }
    turn.change(delivery.number, { state: delivery.copy === null ? 'waiting' : 'queued', dueAt: now })
  }
}

/** Whether an operator has let a delivery go that waits again: its hold does not end in another way. */
export function wasReleased({ lastReason }: Delivery): boolean {
  if (lastReason === null) return false
  return HELD_FOR_OPERATOR.has(lastReason.code) || lastReason.arguments['released'] === true
}

/** Who waits for this is looked at whenever another recipient of the mail is: for all or nothing all must be there. */
const AWAITED_TOGETHER: ReadonlySet<string> = new Set(['all-or-nothing-awaited', 'encryption-awaited'])

/** Reasons that do not mend themselves: only an operator ends these holds before the mail expires. */
const HELD_FOR_OPERATOR: ReadonlySet<string> = new Set(['loop', 'body-damaged', 'held-by-rule'])

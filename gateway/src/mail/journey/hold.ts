/**
 * Deliveries that wait: held until an operator or a later look ends it, given up when their time is over.
 * Changes states only; delivers and notifies nothing.
 */
import type { Reason } from '../plan.ts'
import type { Delivery } from '../queue/ports.ts'
import { isFinal, type Turn } from '../turn.ts'
import type { JourneyOptions } from './ports.ts'

/** Deliveries whose time is over are given up, whatever they wait for. */
export function expire(options: JourneyOptions, turn: Turn): void {
  const now = options.now()
  for (const delivery of turn.deliveries) {
    if (isFinal(delivery.state) || delivery.expiresAt > now) continue
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
  const dueAt = probe ? Math.min(now + options.lifetime.heldProbeMs, delivery.expiresAt) : delivery.expiresAt
  turn.change(delivery.number, {
    state: 'held',
    dueAt: nextLook(options, turn, delivery, dueAt),
    lastReason: reason,
  })
  turn.trace(now, 'held', delivery.number, { reason: { code: reason.code, arguments: reason.arguments } })
}

/** The earlier of the next attempt and the delay notice that is still to be written. */
export function nextLook(options: JourneyOptions, turn: Turn, delivery: Delivery, at: number): number {
  if (delivery.delayNoticed) return at
  return Math.min(at, turn.queued.mail.receivedAt + options.lifetime.delayNoticeMs)
}

/** Held deliveries whose time has come are looked at again. */
export function resumeHeld(options: JourneyOptions, turn: Turn): void {
  const now = options.now()
  for (const delivery of turn.due('held', now)) {
    if (delivery.lastReason !== null && HELD_FOR_OPERATOR.has(delivery.lastReason.code)) {
      turn.change(delivery.number, { dueAt: delivery.expiresAt })
      continue
    }
    turn.change(delivery.number, { state: delivery.copy === null ? 'waiting' : 'queued', dueAt: now })
  }
}

/** Reasons that do not mend themselves: only an operator ends these holds before the mail expires. */
const HELD_FOR_OPERATOR: ReadonlySet<string> = new Set(['loop', 'body-damaged'])

/**
 * Hands due copies to outbound and turns each outcome into the delivery's next state: delivered, bounced, held, tried again;
 * and into the alarms that the operator must hear.
 */
import { BodyDamaged, copyBody } from '../body.ts'
import type { Outcome } from '../outcome.ts'
import { ALARMING_REASONS } from '../outbound/classify.ts'
import { retryAt } from '../outbound/retry.ts'
import type { Copy, Delivery } from '../queue/ports.ts'
import type { Tenant } from '../tenant.ts'
import type { TreatedCopy } from '../treatment/treat.ts'
import { outcomeArguments, type Turn } from '../turn.ts'
import { hold, nextLook } from './hold.ts'
import { givenUpAt, softened } from './onboarding.ts'
import { worldHop } from './world.ts'
import type { FreshCopies, JourneyOptions, TenantSurroundings } from './ports.ts'

/** What goes to one place in one go. */
interface Load {
  readonly number: number
  /** A domain or next hop of the world, as a route; null for the tenant's own endpoint. */
  readonly world: string | null
  readonly deliveries: Delivery[]
}

/** Tries every delivery that is due, copy by copy. */
export async function deliverDue(
  options: JourneyOptions,
  turn: Turn,
  surroundings: TenantSurroundings,
  fresh: FreshCopies,
): Promise<void> {
  const { tenant } = surroundings
  const { direction } = turn.queued.mail
  const loads = new Map<string, Load>()
  for (const delivery of turn.due('queued', options.now())) {
    if (delivery.copy === null) continue
    const hop = worldHop(tenant, direction, delivery.recipient.address, surroundings.transport)
    if (hop?.kind === 'none') {
      settleOutcome(options, turn, tenant, { delivery: delivery.number, ...hop.outcome }, true)
      continue
    }
    const world = hop?.route ?? null
    const key = `${delivery.copy}\n${world ?? ''}`
    const load = loads.get(key)
    if (load === undefined) loads.set(key, { number: delivery.copy, world, deliveries: [delivery] })
    else load.deliveries.push(delivery)
  }
  for (const { number, world, deliveries } of loads.values()) {
    const copy = turn.copy(number)
    if (copy === undefined) throw new BodyDamaged(`mail ${turn.id} has no copy ${number}`)
    const outcomes = await deliverCopy(
      options,
      turn,
      surroundings,
      { copy, world, deliveries },
      fresh.get(number),
    )
    // One clock for all: what is deferred together is offered together again, in one transaction and not one each.
    const [now, random] = [options.now(), options.random()]
    const together: JourneyOptions = { ...options, now: () => now, random: () => random }
    for (const outcome of outcomes)
      settleOutcome(together, turn, tenant, softened(turn, tenant, outcome, now), world !== null)
  }
}

function deliverCopy(
  options: JourneyOptions,
  turn: Turn,
  surroundings: TenantSurroundings,
  { copy, world, deliveries }: Pick<Load, 'world' | 'deliveries'> & { readonly copy: Copy },
  fresh: TreatedCopy | undefined,
): Promise<readonly Outcome[]> {
  const { mail } = turn.queued
  const { tenant } = surroundings
  const ref = copyBody(mail, copy)
  return options.outbound.deliver({
    tenant: world === null ? tenant : { id: tenant.id, fqdn: tenant.fqdn, route: world },
    direct: world !== null,
    report: mail.direction === 'report',
    envelope: {
      ...mail.envelope,
      // Decrypted content never comes back in a notice that somebody else writes (design 3).
      returnContent: copy.decrypted ? 'HDRS' : mail.envelope.returnContent,
    },
    recipients: deliveries.map(({ number, recipient }) => ({ delivery: number, recipient })),
    copy,
    body: () => fresh?.chunks ?? options.bodies.read(ref),
  })
}

/** Turns one outcome into the delivery's next state. */
function settleOutcome(
  options: JourneyOptions,
  turn: Turn,
  tenant: Tenant,
  outcome: Outcome,
  inWorld: boolean,
): void {
  const now = options.now()
  const { delivery: number, kind, reason, reply } = outcome
  const delivery = turn.deliveries.find((candidate) => candidate.number === number)
  if (delivery === undefined) throw new RangeError(`outcome for unknown delivery ${number}`)
  turn.change(number, { attempts: delivery.attempts + 1 })
  turn.triedAt(number, outcome.hop?.host ?? null)
  // What is wrong at some host of the world is nothing that our operator could mend.
  if (kind === 'held' || (!inWorld && ALARMING_REASONS.has(reason.code)))
    turn.alarm(reason.code, tenant.name, reason.arguments)
  switch (kind) {
    case 'delivered':
    case 'relayed':
      if (!inWorld) options.took?.(tenant)
      turn.finish(number, kind, null, reply)
      turn.trace(now, kind === 'relayed' ? 'relayed' : 'delivered', number, outcomeArguments(outcome))
      return
    case 'failed':
      // The notice says why: a verdict of ours has no reply to read its status from.
      turn.finish(
        number,
        'bounced',
        { ...reason, arguments: { ...reason.arguments, status: outcome.status } },
        reply,
      )
      turn.trace(now, 'bounced', number, outcomeArguments(outcome))
      return
    case 'held':
      hold(options, turn, delivery, reason, true)
      turn.change(number, { lastReply: reply })
      turn.trace(now, 'attempt-held', number, outcomeArguments(outcome))
      return
    case 'deferred': {
      const again = Math.min(
        retryAt(delivery.attempts + 1, now, options.random, options.retry),
        givenUpAt(delivery, tenant),
      )
      turn.change(number, {
        dueAt: nextLook(options, turn, delivery, again),
        lastReason: reason,
        lastReply: reply,
      })
      turn.trace(now, 'deferred', number, { ...outcomeArguments(outcome), retryAt: again })
      options.log.info('deferred', {
        mail: turn.id,
        delivery: number,
        reason: reason.code,
        attempts: delivery.attempts + 1,
      })
    }
  }
}

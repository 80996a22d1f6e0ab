/**
 * Plans and treats the deliveries that wait for it: one copy for each group of recipients with the same treatment. What cannot
 * be treated as planned is held, never sent in another form.
 */
import { EngineError } from '@siegel/engine'
import { shownBy } from '../../keyring/capabilities.ts'
import { KeyUnavailable } from '../../keyring/keyring.ts'
import type { Arrival } from '../authentication.ts'
import type { Reason, Treatment } from '../plan.ts'
import { copiesOf, decide } from '../policy/decide.ts'
import { gather } from '../policy/gather.ts'
import type { Delivery } from '../queue/ports.ts'
import { readOriginal, type Original } from '../treatment/original.ts'
import { treat, type TreatedCopy } from '../treatment/treat.ts'
import type { Turn } from '../turn.ts'
import { arrivalOf, mustWait, stamped } from './authenticate.ts'
import { hold, wasReleased } from './hold.ts'
import { holdFresh } from './keep.ts'
import { worldRoute } from './world.ts'
import type { FreshCopies, JourneyOptions, TenantSurroundings } from './ports.ts'

/** What Exchange Online and most hops take. */
const DEFAULT_SIZE_LIMIT = 157_286_400

/** Nobody has confirmed the edition of the rules that mail is protected by. */
const EDITION = 'edi-energy-edition-not-confirmed'

/** Makes the plan for every delivery that waits and is due, and the copies that it asks for. */
export async function planAndTreat(
  options: JourneyOptions,
  turn: Turn,
  surroundings: TenantSurroundings,
  fresh: FreshCopies,
): Promise<void> {
  const now = options.now()
  const waiting = turn.due('waiting', now)
  if (waiting.length === 0) return
  const { mail } = turn.queued
  const original = await readOriginal(options.bodies, mail, (error) => {
    options.log.info('message-not-understood', { mail: mail.id, reason: error.code })
  })
  const { tenant, settingsVersion, keyring, capabilities, levels, rules, groups } = surroundings
  const arrival = await arrivalOf(options, turn, tenant, original)
  if (arrival !== null && mustWait(options, turn, arrival, waiting)) return
  const deliveries = waiting.map((delivery) => ({
    ...delivery,
    released: wasReleased(delivery),
  }))
  const facts = await gather(mail, original, deliveries, {
    tenant,
    settingsVersion,
    keyring,
    capabilities: (address) => shownBy(capabilities?.find(address) ?? []),
    levels,
    rules,
    groups: groups ?? null,
    now,
    apart: apartFrom(turn, waiting),
    sizeLimit: options.outbound.lastCapabilities(tenant.id)?.size ?? DEFAULT_SIZE_LIMIT,
  })
  const plan = decide(facts)
  turn.planned(plan, facts)
  turn.trace(now, 'planned', null, {
    settings: settingsVersion,
    reasons: plan.reasons.map(({ code, arguments: args }) => ({ code, arguments: args })),
  })
  const unconfirmed = plan.recipients.flatMap(({ reasons }) => reasons).find(({ code }) => code === EDITION)
  if (unconfirmed !== undefined) turn.alarm(EDITION, tenant.name, unconfirmed.arguments)
  for (const { delivery, treatment, reasons, means } of plan.recipients)
    turn.trace(now, 'decided', delivery, {
      treatment: treatment.kind,
      reasons: reasons.map(({ code, arguments: args }) => ({ code, arguments: args })),
      means: means.map(({ means: name, chosen, reasons: why }) => ({
        means: name,
        chosen,
        reasons: why.map(({ code, arguments: args }) => ({ code, arguments: args })),
      })),
    })
  const byNumber = new Map(waiting.map((delivery) => [delivery.number, delivery]))
  for (const group of copiesOf(plan)) {
    const all = group.deliveries.flatMap((number) => byNumber.get(number) ?? [])
    const isToWorld = ({ recipient }: Delivery) =>
      worldRoute(tenant, mail.direction, recipient.address) !== null
    // What goes into the world has not the fields that are for the tenant's own servers: a copy of its own.
    for (const toWorld of [false, true]) {
      const deliveries = all.filter((delivery) => isToWorld(delivery) === toWorld)
      const { treatment } = group
      if (deliveries.length > 0)
        await treatGroup(
          options,
          turn,
          surroundings,
          original,
          { treatment, deliveries, toWorld },
          fresh,
          arrival,
        )
    }
  }
}

/** Recipients who are not planned in this turn and have no copy: what is asked for the mail as a whole depends on them too. */
function apartFrom(turn: Turn, planned: readonly Delivery[]): number {
  const numbers = new Set(planned.map(({ number }) => number))
  const WITHOUT: ReadonlySet<Delivery['state']> = new Set(['waiting', 'held', 'bounced'])
  return turn.deliveries.filter(
    ({ number, state, copy }) => !numbers.has(number) && copy === null && WITHOUT.has(state),
  ).length
}

/** What is planned to be returned to its sender is. */
function bounce(
  options: JourneyOptions,
  turn: Turn,
  { status, reason }: Extract<Treatment, { kind: 'bounce' }>,
  deliveries: readonly Delivery[],
): void {
  const { code } = reason
  for (const { number } of deliveries) {
    turn.finish(number, 'bounced', { code, arguments: { ...reason.arguments, status } }, null)
    turn.trace(options.now(), 'bounced', number, { status, reason: { code, arguments: reason.arguments } })
  }
}

/** Keeps the sender's certificate, where the signature is valid; the mail goes on whatever becomes of it. */
async function harvest(
  options: JourneyOptions,
  turn: Turn,
  { harvester }: TenantSurroundings,
  { verdict }: TreatedCopy,
): Promise<void> {
  if (verdict === null || harvester === undefined) return
  const { id, receivedAt } = turn.queued.mail
  for (const { code, arguments: args } of await harvester.take(verdict, { id, receivedAt }))
    turn.trace(options.now(), code, null, args)
}

/** One group of recipients with the same treatment: one copy, or a hold or bounce for all of them. */
export async function treatGroup(
  options: JourneyOptions,
  turn: Turn,
  surroundings: TenantSurroundings,
  original: Original,
  group: {
    readonly treatment: Treatment
    readonly deliveries: readonly Delivery[]
    readonly toWorld: boolean
  },
  fresh: FreshCopies,
  arrival: Arrival | null,
): Promise<void> {
  const { treatment, deliveries, toWorld } = group
  if (treatment.kind === 'hold') {
    for (const delivery of deliveries) hold(options, turn, delivery, treatment.reason, treatment.looksAgain)
    // What waits for a certificate is as it should be; what only an operator can end is not.
    if (!treatment.looksAgain)
      turn.alarm(treatment.reason.code, surroundings.tenant.name, treatment.reason.arguments)
    return
  }
  if (treatment.kind === 'bounce') {
    bounce(options, turn, treatment, deliveries)
    return
  }
  const { tenant, keyring, trust } = surroundings
  const recipients = deliveries.map((delivery) => delivery.recipient.address)
  try {
    const treated = await stamped(
      options,
      turn,
      { tenant, arrival, toWorld },
      await treat({
        mail: turn.queued.mail,
        original,
        tenant,
        treatment,
        recipients,
        toWorld,
        keyring,
        trust,
        now: options.now(),
        inspected: (mail) => options.inspected?.(tenant.id, turn.id, mail),
      }),
    )
    const { size, eightBit, eightBitHeader, bareLineEnds, longestLine, decrypted, trace } = treated
    const number = turn.nextCopyNumber()
    const measures = { size, eightBit, eightBitHeader, bareLineEnds, longestLine }
    const copy = { number, turn: turn.name, treatment, ...measures, decrypted }
    turn.addCopy(copy)
    turn.traceAll(trace)
    await harvest(options, turn, surroundings, treated)
    await holdFresh(options, turn, fresh, copy, treated)
    for (const delivery of deliveries)
      turn.change(delivery.number, { state: 'queued', copy: number, dueAt: options.now() })
    options.log.debug('treated', {
      mail: turn.id,
      copy: number,
      treatment: treatment.kind,
      size,
    })
  } catch (error) {
    if (!(error instanceof KeyUnavailable) && !(error instanceof EngineError)) throw error
    // Fail closed: what cannot be treated as planned does not leave in another form.
    const reason: Reason = (error instanceof KeyUnavailable ? error.reason : null) ?? {
      code: 'treatment-failed',
      arguments: { cause: error instanceof EngineError ? error.code : error.name },
    }
    options.log.warn('treatment-failed', { mail: turn.id, error: error.message })
    for (const delivery of deliveries) hold(options, turn, delivery, reason, true)
    turn.alarm(reason.code, surroundings.tenant.name, reason.arguments)
  }
}

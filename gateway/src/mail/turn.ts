/**
 * One worker's turn with one mail: collects what changes (deliveries, copies, trace, notices, alarms) until it is settled in
 * one transaction. Knows the rules of delivery states; knows no step, no store, no socket.
 */
import { randomBytes } from 'node:crypto'
import type { MailId } from './message.ts'
import type { Outcome, PeerReply } from './outcome.ts'
import type { Plan, Reason } from './plan.ts'
import type { Copy, Delivery, DeliveryState, NewMail, QueuedMail, Settlement } from './queue/ports.ts'
import type { TraceEvent, TraceValue } from './trace.ts'

const FINAL: ReadonlySet<DeliveryState> = new Set(['delivered', 'relayed', 'bounced', 'discarded'])

/** A state that nothing follows. */
export function isFinal(state: DeliveryState): boolean {
  return FINAL.has(state)
}

/** Collects one turn's changes. */
export class Turn {
  readonly queued: QueuedMail
  /** Names this turn's copies apart from those of any other turn with the mail: 12 hexadecimal digits. */
  readonly name = randomBytes(6).toString('hex')
  readonly #deliveries: Map<number, Delivery>
  readonly #changed = new Set<number>()
  readonly #copies: Map<number, Copy>
  readonly #newCopies: Copy[] = []
  readonly #trace: TraceEvent[] = []
  readonly #alarms: Settlement['alarms'][number][] = []
  readonly #notices: NewMail[] = []
  readonly #hosts = new Map<number, string | null>()
  readonly #spooled = new Set<number>()
  #planned: Settlement['planned'] = null

  /** @param queued - the mail as the queue gave it */
  constructor(queued: QueuedMail) {
    this.queued = queued
    this.#deliveries = new Map(queued.deliveries.map((delivery) => [delivery.number, delivery]))
    this.#copies = new Map(queued.copies.map((copy) => [copy.number, copy]))
  }

  /** The mail's id. */
  get id(): MailId {
    return this.queued.mail.id
  }

  /** Every delivery as it stands now. */
  get deliveries(): readonly Delivery[] {
    return [...this.#deliveries.values()]
  }

  /** Deliveries in a state that are due. */
  due(state: DeliveryState, now: number): Delivery[] {
    return this.deliveries.filter(
      (delivery) => delivery.state === state && (delivery.dueAt ?? Infinity) <= now,
    )
  }

  /** A copy by its number; undefined when there is none. */
  copy(number: number): Copy | undefined {
    return this.#copies.get(number)
  }

  /** The number for the next copy. */
  nextCopyNumber(): number {
    return Math.max(0, ...this.#copies.keys()) + 1
  }

  /** Adds a copy that this turn made. */
  addCopy(copy: Copy): void {
    this.#copies.set(copy.number, copy)
    this.#newCopies.push(copy)
  }

  /** Notes that the body of a copy made in this turn is in the spool, whatever becomes of its deliveries. */
  spooled(number: number): void {
    this.#spooled.add(number)
  }

  /** Notes the plan and its facts, to be kept. */
  planned(plan: Plan, facts: unknown): void {
    this.#planned = { plan, facts }
  }

  /** Changes a delivery. */
  change(number: number, change: Partial<Omit<Delivery, 'number' | 'recipient' | 'expiresAt'>>): void {
    const delivery = this.#deliveries.get(number)
    if (delivery === undefined) throw new RangeError(`mail ${this.id} has no delivery ${number}`)
    this.#deliveries.set(number, { ...delivery, ...change })
    this.#changed.add(number)
  }

  /** Ends a delivery. */
  finish(
    number: number,
    state: 'delivered' | 'relayed' | 'bounced',
    reason: Reason | null,
    reply: PeerReply | null,
  ): void {
    this.change(number, { state, dueAt: null, lastReason: reason, lastReply: reply })
  }

  /** Adds a trace event. */
  trace(
    at: number,
    code: string,
    delivery: number | null,
    args: { readonly [name: string]: TraceValue } = {},
  ): void {
    this.#trace.push({ at, code, delivery, arguments: args })
  }

  /** Adds events that a step made. */
  traceAll(events: readonly TraceEvent[]): void {
    this.#trace.push(...events)
  }

  /** Raises an alarm with the settlement. */
  alarm(code: string, subject: string, args: Reason['arguments'] = {}): void {
    if (!this.#alarms.some((known) => known.code === code && known.subject === subject))
      this.#alarms.push({ code, subject, arguments: args })
  }

  /** Notes the host that a delivery was tried at in this turn. */
  triedAt(number: number, host: string | null): void {
    this.#hosts.set(number, host)
  }

  /** The host that a delivery was tried at in this turn; null when none was reached. */
  hostOf(number: number): string | null {
    return this.#hosts.get(number) ?? null
  }

  /** The notices that were written in this turn. */
  get noticeIds(): readonly MailId[] {
    return this.#notices.map(({ mail }) => mail.id)
  }

  /** Adds a notice whose body is safe. */
  notice(notice: NewMail): void {
    this.#notices.push(notice)
  }

  /** Every delivery is final. */
  get finished(): boolean {
    return this.deliveries.every((delivery) => isFinal(delivery.state))
  }

  /** Copies made in this turn that a delivery still needs. */
  get copiesToKeep(): readonly Copy[] {
    const needed = new Set(
      this.deliveries.filter((delivery) => !isFinal(delivery.state)).map((delivery) => delivery.copy),
    )
    return this.#newCopies.filter((copy) => needed.has(copy.number))
  }

  /** Copies made in this turn whose bodies may be in the spool at its end. */
  get copiesWritten(): readonly Copy[] {
    const kept = new Set(this.copiesToKeep)
    return this.#newCopies.filter((copy) => kept.has(copy) || this.#spooled.has(copy.number))
  }

  /** Everything that changed, for one transaction. */
  settlement(owner: string): Settlement {
    return {
      mailId: this.id,
      tenantId: this.queued.mail.tenantId,
      owner,
      planned: this.#planned,
      newCopies: this.#newCopies,
      deliveries: [...this.#changed].map((number) => changeOf(this.#deliveries, number)),
      trace: this.#trace,
      notices: this.#notices,
      alarms: this.#alarms,
    }
  }
}

function changeOf(
  deliveries: ReadonlyMap<number, Delivery>,
  number: number,
): Settlement['deliveries'][number] {
  const delivery = deliveries.get(number)
  if (delivery === undefined) throw new RangeError(`no delivery ${number}`)
  const { state, copy, attempts, dueAt, delayNoticed, lastReason, lastReply } = delivery
  return { number, state, copy, attempts, dueAt, delayNoticed, lastReason, lastReply }
}

/** An outcome as trace arguments. */
export function outcomeArguments(outcome: Outcome): { readonly [name: string]: TraceValue } {
  return {
    status: outcome.status,
    reason: { code: outcome.reason.code, arguments: outcome.reason.arguments },
    reply:
      outcome.reply === null
        ? null
        : { code: outcome.reply.code, enhanced: outcome.reply.enhanced, text: outcome.reply.text },
    hop:
      outcome.hop === null
        ? null
        : {
            route: outcome.hop.route,
            host: outcome.hop.host,
            address: outcome.hop.address,
            port: outcome.hop.port,
            tls: outcome.hop.tls,
            ...(outcome.hop.why === undefined
              ? {}
              : { why: outcome.hop.why.map(({ code, arguments: args }) => ({ code, arguments: args })) }),
          },
  }
}

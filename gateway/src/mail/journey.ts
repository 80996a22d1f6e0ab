/**
 * The journey of a mail: safe, then planned, treated, delivered, settled. The only file that knows all steps.
 * One turn does whatever is due and writes it in one transaction; a turn that fails writes nothing and is done again.
 * What is lost if it fails: nothing that was answered 250; at worst a recipient gets a mail twice, as SMTP allows.
 */
import { EngineError } from '@siegel/engine'
import { KeyUnavailable, type Keyring } from '../keyring/keyring.ts'
import type { Log } from '../observe/log.ts'
import type { Trust } from '../trust/trust.ts'
import { BodyDamaged, type Bodies, type BodyRef } from './body.ts'
import type { MailId, ReceivedMail } from './message.ts'
import { noticeWanted, writeNotice, type NoticeKind, type NoticeRecipient } from './notices/notice.ts'
import type { Outcome } from './outcome.ts'
import { ALARMING_REASONS } from './outbound/classify.ts'
import type { Outbound } from './outbound/outbound.ts'
import { retryAt } from './outbound/retry.ts'
import type { Reason, Treatment } from './plan.ts'
import { copiesOf, decide } from './policy/decide.ts'
import { gather } from './policy/gather.ts'
import type { Copy, Delivery, QueuedMail, QueueStore } from './queue/ports.ts'
import type { Tenant } from './tenant.ts'
import { readOriginal, type Original } from './treatment/original.ts'
import { treat, type TreatedCopy } from './treatment/treat.ts'
import { isFinal, outcomeArguments, Turn } from './turn.ts'

/** What the journey needs; main.ts plugs the parts in. */
export interface JourneyOptions {
  readonly queue: QueueStore
  readonly bodies: Bodies
  readonly outbound: Outbound
  /** The current settings of a tenant; null when it no longer exists. */
  readonly tenant: (id: string) => TenantSurroundings | null
  /** Unique to this process run. */
  readonly owner: string
  /** How long a delivery is tried, and when a delay notice is written. Milliseconds. */
  readonly lifetime: {
    readonly expiryMs: number
    readonly delayNoticeMs: number
    readonly heldProbeMs: number
  }
  /** The retry clock: pause before the second attempt, and the longest pause. Milliseconds. */
  readonly retry: { readonly firstMs: number; readonly longestMs: number }
  readonly newId: () => MailId
  readonly now: () => number
  readonly random: () => number
  readonly log: Log
}

/** A tenant with the parts that work for it. */
export interface TenantSurroundings {
  readonly tenant: Tenant
  readonly settingsVersion: number
  readonly keyring: Keyring
  readonly trust: Trust
}

/** Holds places for fresh mail; the scheduler implements it. */
export interface Places {
  reserve(): string | null
  redeem(mail: QueuedMail | null): void
}

/** The journey's two entrances. */
export interface Journey {
  /** Resolves when the mail is safe. Rejects with StorageError. */
  safe(mail: ReceivedMail, places: Places): Promise<void>
  /** One turn with one mail. Resolves with the time it is due again; null when it is finished. */
  carry(mail: QueuedMail): Promise<number | null>
}

/** What Exchange Online and most hops take. */
const DEFAULT_SIZE_LIMIT = 157_286_400

/** Treated copies made in this turn, by copy number. */
type FreshCopies = Map<number, TreatedCopy>

/** Plugs the journey together. */
export function createJourney(options: JourneyOptions): Journey {
  return {
    safe: (mail, places) => safe(options, mail, places),
    carry: (mail) => carry(options, mail),
  }
}

async function safe(options: JourneyOptions, mail: ReceivedMail, places: Places): Promise<void> {
  const { expiryMs } = options.lifetime
  const expiresAt = mail.receivedAt + expiryMs
  const owner = places.reserve()
  let queued: QueuedMail | null = null
  try {
    await options.queue.accept({ mail, expiresAt, owner, trace: [receivedEvent(mail)] })
    if (owner !== null)
      queued = { mail, plan: null, copies: [], deliveries: freshDeliveries(mail, expiresAt), crashes: 0 }
  } finally {
    if (owner !== null) places.redeem(queued)
  }
}

function receivedEvent(mail: ReceivedMail) {
  const { attribution, peer, body } = mail
  return {
    at: mail.receivedAt,
    code: 'received',
    delivery: null,
    arguments: {
      direction: mail.direction,
      via: mail.via,
      size: body.size,
      peer:
        peer === null
          ? null
          : {
              address: peer.address,
              helo: peer.helo,
              tls: peer.tls === null ? null : `${peer.tls.version} ${peer.tls.cipher}`,
            },
      factors: [...(attribution?.factors ?? [])],
      removed: (attribution?.removedFields ?? []).map(({ name, reason }) => ({ name, reason })),
      earlierPasses: attribution?.earlierPasses ?? 0,
    },
  }
}

function freshDeliveries(mail: ReceivedMail, expiresAt: number): Delivery[] {
  return mail.envelope.recipients.map((recipient, number) => ({
    number,
    recipient,
    state: 'waiting',
    copy: null,
    attempts: 0,
    dueAt: mail.receivedAt,
    expiresAt,
    delayNoticed: false,
    lastReason: null,
    lastReply: null,
  }))
}

async function carry(options: JourneyOptions, queued: QueuedMail): Promise<number | null> {
  const fresh: FreshCopies = new Map()
  try {
    return await carryWith(options, queued, fresh)
  } finally {
    for (const copy of fresh.values()) await copy.release?.()
  }
}

async function carryWith(
  options: JourneyOptions,
  queued: QueuedMail,
  fresh: FreshCopies,
): Promise<number | null> {
  const turn = new Turn(queued)
  const surroundings = options.tenant(queued.mail.tenantId)
  if (surroundings === null) holdAll(options, turn, { code: 'tenant-missing', arguments: {} }, true)
  else {
    try {
      expire(options, turn)
      resumeHeld(options, turn)
      await planAndTreat(options, turn, surroundings, fresh)
      await deliverDue(options, turn, surroundings, fresh)
    } catch (error) {
      if (!(error instanceof BodyDamaged)) throw error
      turn.alarm('body-damaged', turn.id)
      holdAll(options, turn, { code: 'body-damaged', arguments: {} }, false)
    }
  }
  await keepCopies(options, turn, fresh)
  if (surroundings !== null) await writeNotices(options, turn, surroundings.tenant)
  await options.queue.settle(turn.settlement(options.owner))
  return afterSettlement(options, turn)
}

/** Bodies go only after the settlement is durable: a row that comes back must find its bytes. */
async function afterSettlement(options: JourneyOptions, turn: Turn): Promise<number | null> {
  const { tenantId } = turn.queued.mail
  if (turn.finished) {
    const copies = [
      0,
      ...turn.queued.copies.map((copy) => copy.number),
      ...turn.copiesToKeep.map((copy) => copy.number),
    ]
    await Promise.all(copies.map((copy) => options.bodies.remove({ tenantId, mailId: turn.id, copy })))
  }
  if (turn.hasNotices) return options.now()
  const due = turn.deliveries.flatMap((delivery) =>
    isFinal(delivery.state) || delivery.dueAt === null ? [] : [delivery.dueAt],
  )
  return due.length === 0 ? null : Math.min(...due)
}

/** Deliveries whose time is over are given up, whatever they wait for. */
function expire(options: JourneyOptions, turn: Turn): void {
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
function holdAll(options: JourneyOptions, turn: Turn, reason: Reason, probe: boolean): void {
  for (const delivery of turn.deliveries)
    if (!isFinal(delivery.state)) hold(options, turn, delivery, reason, probe)
}

function hold(options: JourneyOptions, turn: Turn, delivery: Delivery, reason: Reason, probe: boolean): void {
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
function nextLook(options: JourneyOptions, turn: Turn, delivery: Delivery, at: number): number {
  if (delivery.delayNoticed) return at
  return Math.min(at, turn.queued.mail.receivedAt + options.lifetime.delayNoticeMs)
}

/** Held deliveries whose time has come are looked at again. */
function resumeHeld(options: JourneyOptions, turn: Turn): void {
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

async function planAndTreat(
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
  const { tenant, settingsVersion, keyring } = surroundings
  const facts = await gather(mail, original, waiting, {
    tenant,
    settingsVersion,
    keyring,
    now,
    sizeLimit: options.outbound.lastCapabilities(tenant.id)?.size ?? DEFAULT_SIZE_LIMIT,
  })
  const plan = decide(facts)
  turn.planned(plan, facts)
  turn.trace(now, 'planned', null, {
    settings: settingsVersion,
    reasons: plan.reasons.map(({ code, arguments: args }) => ({ code, arguments: args })),
  })
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
    const deliveries = group.deliveries.flatMap((number) => byNumber.get(number) ?? [])
    await treatGroup(options, turn, surroundings, original, { treatment: group.treatment, deliveries }, fresh)
  }
}

/** One group of recipients with the same treatment: one copy, or a hold or bounce for all of them. */
async function treatGroup(
  options: JourneyOptions,
  turn: Turn,
  surroundings: TenantSurroundings,
  original: Original,
  group: { readonly treatment: Treatment; readonly deliveries: readonly Delivery[] },
  fresh: FreshCopies,
): Promise<void> {
  const { treatment, deliveries } = group
  if (treatment.kind === 'hold') {
    for (const delivery of deliveries) hold(options, turn, delivery, treatment.reason, false)
    turn.alarm(treatment.reason.code, surroundings.tenant.name, treatment.reason.arguments)
    return
  }
  if (treatment.kind === 'bounce') {
    for (const { number } of deliveries) {
      turn.finish(
        number,
        'bounced',
        {
          code: treatment.reason.code,
          arguments: { ...treatment.reason.arguments, status: treatment.status },
        },
        null,
      )
      turn.trace(options.now(), 'bounced', number, {
        status: treatment.status,
        reason: { code: treatment.reason.code, arguments: treatment.reason.arguments },
      })
    }
    return
  }
  const { tenant, keyring, trust } = surroundings
  const recipients = deliveries.map((delivery) => delivery.recipient.address)
  try {
    const treated = await treat({
      mail: turn.queued.mail,
      original,
      tenant,
      treatment,
      recipients,
      keyring,
      trust,
      now: options.now(),
    })
    const { size, eightBit, eightBitHeader, bareLineEnds, longestLine, decrypted, trace } = treated
    const number = turn.nextCopyNumber()
    const measures = { size, eightBit, eightBitHeader, bareLineEnds, longestLine }
    turn.addCopy({ number, treatment, ...measures, decrypted })
    turn.traceAll(trace)
    fresh.set(number, treated)
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
    const reason: Reason = {
      code: 'treatment-failed',
      arguments: { cause: error instanceof EngineError ? error.code : error.name },
    }
    options.log.warn('treatment-failed', { mail: turn.id, error: error.message })
    for (const delivery of deliveries) hold(options, turn, delivery, reason, true)
    turn.alarm('treatment-failed', surroundings.tenant.name, reason.arguments)
  }
}

/** Tries every delivery that is due, copy by copy. */
async function deliverDue(
  options: JourneyOptions,
  turn: Turn,
  surroundings: TenantSurroundings,
  fresh: FreshCopies,
): Promise<void> {
  const byCopy = new Map<number, Delivery[]>()
  for (const delivery of turn.due('queued', options.now())) {
    if (delivery.copy === null) continue
    byCopy.set(delivery.copy, [...(byCopy.get(delivery.copy) ?? []), delivery])
  }
  for (const [number, deliveries] of byCopy) {
    const copy = turn.copy(number)
    if (copy === undefined) throw new BodyDamaged(`mail ${turn.id} has no copy ${number}`)
    const outcomes = await deliverCopy(options, turn, surroundings, copy, deliveries, fresh.get(number))
    for (const outcome of outcomes) settleOutcome(options, turn, surroundings.tenant, outcome)
  }
}

function deliverCopy(
  options: JourneyOptions,
  turn: Turn,
  surroundings: TenantSurroundings,
  copy: Copy,
  deliveries: readonly Delivery[],
  fresh: TreatedCopy | undefined,
): Promise<readonly Outcome[]> {
  const { mail } = turn.queued
  const ref = { tenantId: mail.tenantId, mailId: mail.id, copy: copy.number }
  return options.outbound.deliver({
    tenant: surroundings.tenant,
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
function settleOutcome(options: JourneyOptions, turn: Turn, tenant: Tenant, outcome: Outcome): void {
  const now = options.now()
  const { delivery: number, kind, reason, reply } = outcome
  const delivery = turn.deliveries.find((candidate) => candidate.number === number)
  if (delivery === undefined) throw new RangeError(`outcome for unknown delivery ${number}`)
  turn.change(number, { attempts: delivery.attempts + 1 })
  turn.triedAt(number, outcome.hop?.host ?? null)
  if (kind === 'held' || ALARMING_REASONS.has(reason.code))
    turn.alarm(reason.code, tenant.name, reason.arguments)
  switch (kind) {
    case 'delivered':
    case 'relayed':
      turn.finish(number, kind, null, reply)
      turn.trace(now, kind, number, outcomeArguments(outcome))
      return
    case 'failed':
      turn.finish(number, 'bounced', reason, reply)
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
        delivery.expiresAt,
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

/** Copies that somebody still waits for are made safe before the settlement names them. */
async function keepCopies(options: JourneyOptions, turn: Turn, fresh: FreshCopies): Promise<void> {
  const { tenantId } = turn.queued.mail
  for (const { number } of turn.copiesToKeep) {
    const treated = fresh.get(number)
    if (treated === undefined) continue
    await writeBody(options.bodies, { tenantId, mailId: turn.id, copy: number }, treated.chunks)
  }
}

async function writeBody(bodies: Bodies, ref: BodyRef, chunks: TreatedCopy['chunks']): Promise<void> {
  const writer = bodies.create(ref)
  try {
    for await (const chunk of chunks) await writer.write(chunk)
    await writer.finish()
  } catch (error) {
    await writer.abort()
    throw error
  }
}

/** What the sender is told of this turn: failures, relays without DSN, and delays; one notice for all recipients. */
async function writeNotices(options: JourneyOptions, turn: Turn, tenant: Tenant): Promise<void> {
  const now = options.now()
  const { mail, deliveries: before } = turn.queued
  const told: NoticeRecipient[] = []
  for (const delivery of turn.deliveries) {
    const earlier = before.find((candidate) => candidate.number === delivery.number)
    const kind = noticeKind(options, mail, delivery, earlier?.state !== delivery.state, now)
    if (kind === null || !noticeWanted(mail, delivery.recipient, kind)) continue
    told.push({
      recipient: delivery.recipient,
      kind,
      status: statusOf(kind, delivery),
      reply: delivery.lastReply,
      remoteHost: turn.hostOf(delivery.number),
      lastAttemptAt: delivery.attempts > 0 ? now : null,
      willRetryUntil: kind === 'delayed' ? delivery.expiresAt : null,
      reason: delivery.lastReason ?? { code: kind, arguments: {} },
    })
    if (kind === 'delayed') turn.change(delivery.number, { delayNoticed: true })
  }
  if (told.length === 0) return
  const id = options.newId()
  const notice = writeNotice({
    mail,
    tenant,
    recipients: told,
    original: await returnedContent(options, mail),
    id,
    now,
  })
  await writeBody(options.bodies, { tenantId: mail.tenantId, mailId: id, copy: 0 }, notice.chunks)
  turn.notice({
    mail: notice.mail,
    expiresAt: now + options.lifetime.expiryMs,
    owner: null,
    trace: [
      {
        at: now,
        code: 'notice-written',
        delivery: null,
        arguments: { about: mail.id, kinds: [...new Set(told.map((one) => one.kind))] },
      },
    ],
  })
  turn.trace(now, 'notice-sent', null, { notice: id })
}

/** What there is to tell of a delivery after this turn; null for nothing. Delays are told to senders inside only. */
function noticeKind(
  options: JourneyOptions,
  mail: ReceivedMail,
  delivery: Delivery,
  changed: boolean,
  now: number,
): NoticeKind | null {
  if (changed && delivery.state === 'bounced') return 'failed'
  if (changed && delivery.state === 'relayed') return 'relayed'
  if (isFinal(delivery.state) || delivery.delayNoticed || mail.direction !== 'outbound') return null
  return now >= mail.receivedAt + options.lifetime.delayNoticeMs ? 'delayed' : null
}

/** RFC 3463 2: the peer's own status where it gave one of the right class, else what we know. */
function statusOf(kind: NoticeKind, delivery: Delivery): string {
  const wanted = kind === 'failed' ? '5' : kind === 'delayed' ? '4' : '2'
  const said = delivery.lastReply?.enhanced ?? null
  if (said?.startsWith(`${wanted}.`) === true) return said
  const planned = delivery.lastReason?.arguments['status']
  if (typeof planned === 'string' && planned.startsWith(`${wanted}.`)) return planned
  return { failed: '5.4.7', delayed: '4.4.7', relayed: '2.0.0' }[kind]
}

/** Larger mails come back as headers only. */
const LARGEST_RETURNED = 1024 * 1024

/** The mail as it was received, for a notice; null when it cannot be read any more. */
async function returnedContent(
  options: JourneyOptions,
  mail: ReceivedMail,
): Promise<{ header: Buffer; full: Buffer | null } | null> {
  try {
    const wanted = mail.body.size <= LARGEST_RETURNED ? mail.body.size : mail.body.headerSize
    const pieces: Buffer[] = []
    let size = 0
    for await (const piece of options.bodies.read({ tenantId: mail.tenantId, mailId: mail.id, copy: 0 })) {
      pieces.push(piece)
      size += piece.length
      if (size >= wanted && wanted < mail.body.size) break
    }
    const bytes = Buffer.concat(pieces)
    return { header: bytes.subarray(0, mail.body.headerSize), full: wanted === mail.body.size ? bytes : null }
  } catch (error) {
    if (!(error instanceof BodyDamaged)) throw error
    return null
  }
}

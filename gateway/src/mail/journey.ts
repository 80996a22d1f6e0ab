/**
 * The journey of a mail: safe, then planned, treated, delivered, settled. With its folder the only place that knows all steps.
 * One turn does whatever is due and writes it in one transaction; a turn that fails writes nothing and is done again.
 * What is lost if it fails: nothing that was answered 250; at worst a recipient gets a mail twice, as SMTP allows.
 */
import { LeaseLost } from '../observe/failures.ts'
import { BodyDamaged, copyBody } from './body.ts'
import { deliverDue } from './journey/hand-over.ts'
import { expire, holdAll, resumeHeld } from './journey/hold.ts'
import { safe } from './journey/intake.ts'
import { discardKept, keepCopies } from './journey/keep.ts'
import { writeNotices } from './journey/notify.ts'
import type { FreshCopies, Journey, JourneyOptions } from './journey/ports.ts'
import { planAndTreat } from './journey/prepare.ts'
import { renewStale } from './journey/renew.ts'
import type { QueuedMail } from './queue/ports.ts'
import { isFinal, Turn } from './turn.ts'

export { OnboardingClock } from './journey/onboarding-clock.ts'
export { Recovery } from './journey/recovery.ts'
export type { Journey, JourneyOptions, Places, TenantSurroundings } from './journey/ports.ts'

/** Plugs the journey together. */
export function createJourney(options: JourneyOptions): Journey {
  return {
    safe: (parts, places) => safe(options, parts, places),
    carry: (mail) => carry(options, mail),
  }
}

/** Turns that ended without a settlement, one after the other, after which a mail is set aside for a while. */
const MOST_CRASHES = 5

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
  else if (queued.crashes >= MOST_CRASHES) {
    const args = { crashes: queued.crashes }
    turn.alarm('too-many-crashes', turn.id, args)
    holdAll(options, turn, { code: 'too-many-crashes', arguments: args }, true)
  } else {
    try {
      expire(options, turn, surroundings.tenant)
      resumeHeld(options, turn)
      await renewStale(options, turn, surroundings, fresh)
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
  const settlement = turn.settlement(options.owner)
  try {
    await options.queue.settle(settlement)
  } catch (error) {
    if (error instanceof LeaseLost) await discardKept(options, turn)
    throw error
  }
  for (const { code, subject, arguments: args } of settlement.alarms)
    options.log.error('alarm', { code, subject, mail: turn.id, arguments: args })
  return afterSettlement(options, turn)
}

/** Bodies go only after the settlement is durable: a row that comes back must find its bytes. */
async function afterSettlement(options: JourneyOptions, turn: Turn): Promise<number | null> {
  if (turn.finished) {
    const { mail, copies } = turn.queued
    const bodies = [...copies, ...turn.copiesWritten].map((copy) => copyBody(mail, copy))
    bodies.push({ tenantId: mail.tenantId, mailId: turn.id, copy: 0 })
    await Promise.all(bodies.map((body) => options.bodies.remove(body)))
  }
  if (turn.noticeIds.length > 0) return options.now()
  const due = turn.deliveries.flatMap((delivery) =>
    isFinal(delivery.state) || delivery.dueAt === null ? [] : [delivery.dueAt],
  )
  return due.length === 0 ? null : Math.min(...due)
}

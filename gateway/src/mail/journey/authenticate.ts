/**
 * The journey's dealings with mail authentication: what a mail came with is looked at before anything is changed, the fields go on
 * after treatment. Only for tenants that have the keys, and only where somebody will judge by it.
 */
import type { Arrival } from '../authentication.ts'
import { VALIDATION_WINDOW, type ReceivedMail } from '../message.ts'
import type { Reason } from '../plan.ts'
import type { Delivery } from '../queue/ports.ts'
import type { Tenant } from '../tenant.ts'
import type { Original } from '../treatment/original.ts'
import type { TreatedCopy } from '../treatment/treat.ts'
import type { Turn } from '../turn.ts'
import { wasReleased } from './hold.ts'
import type { JourneyOptions } from './ports.ts'

/** How long a mail waits for a chain that DNS does not let us verify; then it goes on without a seal. Milliseconds. */
const MOST_PATIENCE = 900_000
/** Until the next attempt. Milliseconds. */
const PAUSE = 60_000

/** Office 365 under its names: it signs anew what it sends. */
const EXCHANGE_ROUTE = /\.(mail\.protection\.outlook\.com|mx\.microsoft)\]?(:\d+)?$/

/** Mail of our own, the test mail of connector validation, and what passes a second time go on as they are. */
function leftAlone({ direction, attribution }: ReceivedMail): boolean {
  return (
    direction === 'notice' ||
    direction === 'report' ||
    (attribution?.earlierPasses ?? 0) > 0 ||
    (attribution?.factors ?? []).includes(VALIDATION_WINDOW)
  )
}

/** Whether a copy is signed with DKIM: nobody behind us does it. */
function isSigned(mail: ReceivedMail, { dkimSigning, route }: Tenant, toWorld: boolean): boolean {
  const past = toWorld || !EXCHANGE_ROUTE.test(route.toLowerCase())
  return dkimSigning.length > 0 && mail.direction === 'outbound' && past
}

/** What a mail that will be sealed came with; null when it will not be. */
export async function arrivalOf(
  options: JourneyOptions,
  turn: Turn,
  tenant: Tenant,
  original: Original,
): Promise<Arrival | null> {
  const { mail } = turn.queued
  if (tenant.arcSealing === null || leftAlone(mail)) return null
  return options.authentication.examine({
    source: original.source,
    bytes: original.bytes,
    fields: original.fields,
    removed: new Set((mail.attribution?.removedFields ?? []).map(({ index }) => index)),
    longestLine: mail.body.longestLine,
  })
}

/** A chain that nobody could verify just now is neither continued nor called broken: the mail waits for a while. */
export function mustWait(
  options: JourneyOptions,
  turn: Turn,
  { chain }: Arrival,
  waiting: readonly Delivery[],
): boolean {
  const now = options.now()
  if (chain.state !== 'unknown' || now - turn.queued.mail.receivedAt >= MOST_PATIENCE) return false
  const retryAt = now + PAUSE
  turn.trace(now, 'seal-waits', null, { detail: chain.detail, retryAt })
  for (const delivery of waiting) {
    const released = wasReleased(delivery) ? { released: true } : {}
    const lastReason: Reason = {
      code: 'arc-keys-unanswered',
      arguments: { detail: chain.detail, ...released },
    }
    turn.change(delivery.number, { dueAt: retryAt, lastReason })
  }
  return true
}

/** Whose copy is stamped, and where it goes. */
export interface StampedFor {
  readonly tenant: Tenant
  /** What the mail came with; null when it is not sealed. */
  readonly arrival: Arrival | null
  /** It goes to the mail exchangers of the world and not to Office 365. */
  readonly toWorld: boolean
}

/** The copy with the fields on top that its tenant has keys for. */
export async function stamped(
  options: JourneyOptions,
  turn: Turn,
  { tenant, arrival, toWorld }: StampedFor,
  copy: TreatedCopy,
): Promise<TreatedCopy> {
  const { mail } = turn.queued
  const now = options.now()
  const sign = !leftAlone(mail) && isSigned(mail, tenant, toWorld) ? tenant.dkimSigning : []
  if (arrival === null && sign.length === 0) return copy
  if (copy.bareLineEnds) {
    turn.trace(now, 'not-stamped', null, {})
    return copy
  }
  const key = tenant.arcSealing
  const seal = arrival === null || key === null ? null : { key, authservId: tenant.fqdn, arrival }
  const { fields, sealedAs } = await options.authentication.stamp({ chunks: copy.chunks, seal, sign, now })
  if (sign.length > 0) turn.trace(now, 'dkim-signed', null, { domains: sign.map(({ domain }) => domain) })
  if (arrival !== null && key !== null) {
    const { state, detail } = arrival.chain
    if (sealedAs === null) turn.trace(now, 'not-sealed', null, { state, detail })
    else turn.trace(now, 'sealed', null, { instance: sealedAs, cv: state, domain: key.domain })
  }
  return withOnTop(copy, fields)
}

/** The fields are short lines of ASCII: of what the next hop must be able to carry only the size grows. */
function withOnTop(copy: TreatedCopy, fields: Buffer): TreatedCopy {
  const { chunks } = copy
  return {
    ...copy,
    size: copy.size + fields.length,
    chunks:
      Symbol.iterator in chunks
        ? [fields, ...chunks]
        : { [Symbol.asyncIterator]: () => prefixed(fields, chunks) },
  }
}

async function* prefixed(fields: Buffer, chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield fields
  yield* chunks
}

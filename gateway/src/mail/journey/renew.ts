/**
 * Copies of earlier turns that no longer fit the settings are made anew from the mail as received, as planned then: where the tenant's
 * words have changed, its rules might not know the old ones any more; where the route has changed, fields for the own servers would
 * go out into the world, or be missing. Plans nothing.
 */
import { EngineError, headerValue, scanHeader } from '@siegel/engine'
import { copyBody } from '../body.ts'
import { MARKER_FIELD } from '../marker.ts'
import type { Copy, Delivery } from '../queue/ports.ts'
import type { Tenant } from '../tenant.ts'
import { readOriginal } from '../treatment/original.ts'
import type { Turn } from '../turn.ts'
import { arrivalOf } from './authenticate.ts'
import type { FreshCopies, JourneyOptions, TenantSurroundings } from './ports.ts'
import { treatGroup } from './prepare.ts'
import { worldRoute } from './world.ts'

/** Our own fields are on top of a copy: within so many octets, seals and signatures above them included. */
const HEAD_OCTETS = 65_536

/** What the own fields of a copy say. */
interface Head {
  readonly marked: boolean
  /** Value of the processed field; null when there is none. */
  readonly words: string | null
}

async function headOf(options: JourneyOptions, turn: Turn, copy: Copy, tenant: Tenant): Promise<Head | null> {
  const pieces: Buffer[] = []
  const range = { start: 0, end: Math.min(HEAD_OCTETS, copy.size) }
  for await (const piece of options.bodies.read(copyBody(turn.queued.mail, copy), range))
    pieces.push(Buffer.from(piece))
  const head = Buffer.concat(pieces)
  try {
    const { fields } = scanHeader(head)
    const processed = fields.find(({ lower }) => lower === tenant.processedHeader.name.toLowerCase())
    return {
      marked: fields.some(({ lower }) => lower === MARKER_FIELD.toLowerCase()),
      words: processed === undefined ? null : headerValue(head, processed).trim(),
    }
  } catch (error) {
    if (error instanceof EngineError) return null
    throw error
  }
}

/** Whether a copy would be made with the same own fields now. */
function fits({ marked, words }: Head, wanted: readonly string[], toWorld: boolean): boolean {
  if (marked === toWorld) return false
  return wanted.length === 0 || words === (toWorld ? null : wanted.join(' '))
}

/** Looks at every copy that is due and made in an earlier turn. */
export async function renewStale(
  options: JourneyOptions,
  turn: Turn,
  surroundings: TenantSurroundings,
  fresh: FreshCopies,
): Promise<void> {
  const { tenant } = surroundings
  const { mail } = turn.queued
  const wanted = tenant.processedHeader[mail.direction === 'inbound' ? 'inbound' : 'outbound']
  const byCopy = Map.groupBy(turn.due('queued', options.now()), ({ copy }) => copy)
  for (const [number, due] of byCopy) {
    const copy = number === null ? undefined : turn.copy(number)
    if (copy === undefined) continue
    const head = await headOf(options, turn, copy, tenant)
    if (head === null) continue
    for (const toWorld of [false, true]) {
      const deliveries = due.filter(
        ({ recipient }) => (worldRoute(tenant, mail.direction, recipient.address) !== null) === toWorld,
      )
      if (deliveries.length > 0 && !fits(head, wanted, toWorld))
        await renew(options, turn, surroundings, { copy, deliveries, toWorld }, fresh)
    }
  }
}

async function renew(
  options: JourneyOptions,
  turn: Turn,
  surroundings: TenantSurroundings,
  { copy, deliveries, toWorld }: { copy: Copy; deliveries: readonly Delivery[]; toWorld: boolean },
  fresh: FreshCopies,
): Promise<void> {
  const { mail } = turn.queued
  const original = await readOriginal(options.bodies, mail, (error) => {
    options.log.info('message-not-understood', { mail: mail.id, reason: error.code })
  })
  const arrival = await arrivalOf(options, turn, surroundings.tenant, original)
  turn.trace(options.now(), 'copy-renewed', null, { copy: copy.number })
  await treatGroup(
    options,
    turn,
    surroundings,
    original,
    { treatment: copy.treatment, deliveries, toWorld },
    fresh,
    arrival,
  )
}

/**
 * The port to the alarms, and keeping a set of them true: what is the case is raised, what is no longer is cleared.
 */
import type { TraceValue } from '../mail/trace.ts'

/** An alarm. */
export interface IdentityAlarm {
  readonly tenantId: string
  readonly code: string
  readonly subject: string
  readonly arguments: Readonly<Record<string, TraceValue>>
}

/** Where alarms stand. */
export interface AlarmPort {
  raise(tenantId: string, alarm: Omit<IdentityAlarm, 'tenantId'>): Promise<void>
  clear(tenantId: string, code: string, subject: string): Promise<void>
  list(): readonly (IdentityAlarm & { readonly lastAt: number })[]
}

const DAY = 86_400_000

/** Makes an alarm. */
export function alarm(
  code: string,
  tenantId: string,
  subject: string,
  args: IdentityAlarm['arguments'],
): IdentityAlarm {
  return { tenantId, code, subject, arguments: args }
}

function nameOf({ tenantId, code, subject }: IdentityAlarm): string {
  return JSON.stringify([tenantId, code, subject])
}

/**
 * Brings the alarms of some codes to what is the case: new ones are raised, standing ones again when their arguments changed or a
 * day has passed, others cleared.
 * @param ours - whether a standing alarm is among those that are settled here
 * @param now - milliseconds since 1970
 * @returns those raised
 */
export async function settleAlarms(
  port: AlarmPort,
  ours: (alarm: IdentityAlarm) => boolean,
  wanted: readonly IdentityAlarm[],
  now: number,
): Promise<IdentityAlarm[]> {
  const standing = new Map(
    port
      .list()
      .filter(ours)
      .map((one) => [nameOf(one), one]),
  )
  const raised: IdentityAlarm[] = []
  for (const one of wanted) {
    const known = standing.get(nameOf(one))
    standing.delete(nameOf(one))
    const same = known !== undefined && JSON.stringify(known.arguments) === JSON.stringify(one.arguments)
    if (same && now - known.lastAt < DAY) continue
    const { tenantId, ...rest } = one
    await port.raise(tenantId, rest)
    raised.push(one)
  }
  for (const { tenantId, code, subject } of standing.values()) await port.clear(tenantId, code, subject)
  return raised
}

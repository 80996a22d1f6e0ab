/**
 * Alarms at rest: one row for each code and subject, raised again and again, cleared once. Who is told, and how, is decided
 * elsewhere.
 */
import type { Reason } from '../mail/plan.ts'
import type { Lookups } from './sqlite/lookups.ts'
import type { Step } from './sqlite/messages.ts'
import type { SqliteThread } from './sqlite/sqlite-thread.ts'

/** An alarm to raise. */
export interface NewAlarm {
  readonly code: string
  readonly subject: string
  readonly arguments: Reason['arguments']
}

/** An alarm that stands. */
export interface Alarm extends NewAlarm {
  /** Empty for the installation. */
  readonly tenantId: string
  readonly raisedAt: number
  readonly lastAt: number
  readonly count: number
}

const RAISE =
  'insert into alarm (tenant_id, code, subject, arguments, raised_at, last_at, count) values (?1, ?2, ?3, ?4, ?5, ?5, 1) ' +
  'on conflict (tenant_id, code, subject) do update set arguments = excluded.arguments, last_at = excluded.last_at, ' +
  'raised_at = case when cleared_at is null then raised_at else excluded.raised_at end, ' +
  'count = case when cleared_at is null then count + 1 else 1 end, cleared_at = null'

/** The step that raises an alarm. */
export function raiseAlarmStep(tenantId: string, alarm: NewAlarm, now: number): Step {
  return {
    sql: RAISE,
    parameters: [tenantId, alarm.code, alarm.subject, JSON.stringify(alarm.arguments), now],
  }
}

/** The alarms of all tenants and of the installation. */
export class Alarms {
  readonly #writer: SqliteThread
  readonly #lookups: Lookups
  readonly #now: () => number

  /** @param now - milliseconds since 1970 */
  constructor(writer: SqliteThread, lookups: Lookups, now: () => number) {
    this.#writer = writer
    this.#lookups = lookups
    this.#now = now
  }

  /** Raises an alarm; the same one, standing already, counts up. */
  async raise(tenantId: string, alarm: NewAlarm): Promise<void> {
    await this.#writer.run([raiseAlarmStep(tenantId, alarm, this.#now())])
  }

  /** The alarms that stand, newest first, at most 1000. */
  list(): Alarm[] {
    const sql =
      'select tenant_id, code, subject, arguments, raised_at, last_at, count from alarm where cleared_at is null order by last_at desc limit 1000'
    return this.#lookups.all({ sql, parameters: [] }).map((row) => ({
      tenantId: String(row['tenant_id']),
      code: String(row['code']),
      subject: String(row['subject']),
      arguments: JSON.parse(String(row['arguments'])) as Reason['arguments'],
      raisedAt: Number(row['raised_at']),
      lastAt: Number(row['last_at']),
      count: Number(row['count']),
    }))
  }

  /** Clears an alarm; one that does not stand is no error. */
  async clear(tenantId: string, code: string, subject: string): Promise<void> {
    const sql =
      'update alarm set cleared_at = ? where tenant_id = ? and code = ? and subject = ? and cleared_at is null'
    await this.#writer.run([{ sql, parameters: [this.#now(), tenantId, code, subject] }])
  }
}

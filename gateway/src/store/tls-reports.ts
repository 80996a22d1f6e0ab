/**
 * Counts of TLS sessions and the reports about them at rest. If they are lost, domains are told less than was; no mail depends on it.
 */
import type { ReportAddress } from '../dns/tls-reports.ts'
import type { SessionResult } from '../mail/outbound/sessions.ts'
import type { DayOfDomain, DueReport, ReportState, ReportStore, SessionCount } from '../tls-reports/ports.ts'
import type { Lookups } from './sqlite/lookups.ts'
import type { SqlRow } from './sqlite/messages.ts'
import type { SqliteThread } from './sqlite/sqlite-thread.ts'

/** Kinds of results of one domain and day that are kept. */
const MOST_KINDS = 100
/** Days for which counts and reports are kept. */
const KEPT_DAYS = 3
const DAY_MS = 86_400_000

const ADD =
  'insert into tls_session (day, domain, session, count) select ?1, ?2, ?3, ?4 ' +
  'where exists (select 1 from tls_session where day = ?1 and domain = ?2 and session = ?3) ' +
  `or (select count(*) from tls_session where day = ?1 and domain = ?2) < ${MOST_KINDS} ` +
  'on conflict (day, domain, session) do update set count = count + excluded.count'

/** The counts and reports of the installation. */
export class TlsReports implements ReportStore {
  readonly #writer: SqliteThread
  readonly #lookups: Lookups

  constructor(writer: SqliteThread, lookups: Lookups) {
    this.#writer = writer
    this.#lookups = lookups
  }

  async add(counts: readonly SessionCount[], now: number): Promise<void> {
    const oldest = now - (now % DAY_MS) - KEPT_DAYS * DAY_MS
    await this.#writer.run([
      { sql: 'delete from tls_session where day < ?', parameters: [oldest] },
      { sql: 'delete from tls_report where day < ?', parameters: [oldest] },
      ...counts.map(({ day, session, count }) => ({
        sql: ADD,
        parameters: [day, session.domain, JSON.stringify(session), count],
      })),
    ])
  }

  counts(day: number, domain: string): SessionCount[] {
    const sql = 'select session, count from tls_session where day = ? and domain = ? order by session'
    return this.#lookups.all({ sql, parameters: [day, domain] }).map((row) => ({
      day,
      session: JSON.parse(String(row['session'])) as SessionResult,
      count: Number(row['count']),
    }))
  }

  days(): DayOfDomain[] {
    const sql =
      'select s.day as day, s.domain as domain, sum(s.count) as count, max(r.state) as state from tls_session s ' +
      'left join tls_report r on r.day = s.day and r.domain = s.domain ' +
      'group by s.day, s.domain order by s.day desc, s.domain limit 10000'
    return this.#lookups.all({ sql, parameters: [] }).map((row) => ({
      day: Number(row['day']),
      domain: String(row['domain']),
      count: Number(row['count']),
      state: row['state'] === null ? null : (String(row['state']) as ReportState),
    }))
  }

  async begin(reports: readonly DueReport[]): Promise<void> {
    if (reports.length === 0) return
    const sql =
      'insert into tls_report (day, domain, id, state, due_at, until, addresses) values (?, ?, ?, ?, ?, ?, ?) ' +
      'on conflict (day, domain) do nothing'
    await this.#writer.run(
      reports.map(({ day, domain, id, state, dueAt, until, addresses }) => ({
        sql,
        parameters: [day, domain, id, state, dueAt, until, addressText(addresses)],
      })),
    )
  }

  due(now: number): DueReport[] {
    const sql =
      'select day, domain, id, state, due_at, until, addresses from tls_report ' +
      "where state = 'waiting' and due_at <= ? order by due_at limit 100"
    return this.#lookups.all({ sql, parameters: [now] }).map(reportOf)
  }

  async settle({ day, domain, state, dueAt, addresses }: DueReport): Promise<void> {
    const sql = 'update tls_report set state = ?, due_at = ?, addresses = ? where day = ? and domain = ?'
    await this.#writer.run([{ sql, parameters: [state, dueAt, addressText(addresses), day, domain] }])
  }

  async hasten(day: number, now: number): Promise<number> {
    const waiting = "day = ? and state = 'waiting'"
    await this.#writer.run([
      {
        sql: `update tls_report set due_at = ? where ${waiting} and due_at > ?`,
        parameters: [now, day, now],
      },
    ])
    const row = this.#lookups.get({
      sql: `select count(*) as count from tls_report where ${waiting}`,
      parameters: [day],
    })
    return Number(row?.['count'] ?? 0)
  }
}

function addressText(addresses: readonly ReportAddress[] | null): string | null {
  return addresses === null ? null : JSON.stringify(addresses)
}

function reportOf(row: SqlRow): DueReport {
  return {
    day: Number(row['day']),
    domain: String(row['domain']),
    id: String(row['id']),
    state: String(row['state']) as ReportState,
    dueAt: Number(row['due_at']),
    until: Number(row['until']),
    addresses: row['addresses'] === null ? null : (JSON.parse(String(row['addresses'])) as ReportAddress[]),
  }
}

/**
 * The port of the reports about TLS to their store, and its nouns. What is lost if an implementation fails: counts, or a report;
 * never mail. A report may then come twice, with the same id.
 */
import type { ReportAddress } from '../dns/tls-reports.ts'
import type { SessionResult } from '../mail/outbound/sessions.ts'

/** Sessions of one UTC day that came to the same. */
export interface SessionCount {
  /** The day's beginning, milliseconds since 1970. */
  readonly day: number
  /** Of a success neither host nor addresses are kept: they are empty. */
  readonly session: SessionResult
  readonly count: number
}

/**
 * waiting: to be sent at `dueAt`. sent: handed over to every address. unasked: the domain wants none. failed: given up; some addresses
 * may have got it.
 */
export type ReportState = 'waiting' | 'sent' | 'unasked' | 'failed'

/** The report that a domain gets of a day. */
export interface DueReport {
  readonly day: number
  readonly domain: string
  readonly id: string
  readonly state: ReportState
  /** Milliseconds since 1970. */
  readonly dueAt: number
  /** When it is given up. */
  readonly until: number
  /** Where it is still to be sent; null before DNS was asked. */
  readonly addresses: readonly ReportAddress[] | null
}

/** A day's sessions with one domain. */
export interface DayOfDomain {
  readonly day: number
  readonly domain: string
  readonly count: number
  /** Null: no report was begun. */
  readonly state: ReportState | null
}

/** The store. */
export interface ReportStore {
  /** Adds counts; of one domain and day only so many kinds are kept, what comes beyond is not counted. Drops what is too old. */
  add(counts: readonly SessionCount[], now: number): Promise<void>
  /** The counts of a domain's day. */
  counts(day: number, domain: string): SessionCount[]
  /** Days and domains with counts, newest day first; at most 10,000. */
  days(): DayOfDomain[]
  /** Begins reports; one that was begun already stays as it is. */
  begin(reports: readonly DueReport[]): Promise<void>
  /** Reports that wait and are due, at most 100. */
  due(now: number): DueReport[]
  /** Writes state, time and addresses of a report. */
  settle(report: DueReport): Promise<void>
  /** Makes the waiting reports of a day due now. Returns how many wait. */
  hasten(day: number, now: number): Promise<number>
}

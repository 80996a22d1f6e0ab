/**
 * The queue's store: accept, claim, settle and their kin, each one transaction; concurrent ones share a commit.
 * What is lost if it breaks its promises: mail that was answered 250. Nothing here resolves before the commit is on the disk.
 */
import { LeaseLost, StorageError } from '../observe/failures.ts'
import type { BodyRef } from '../mail/body.ts'
import type { MailId } from '../mail/message.ts'
import type { DeliveryChange, NewMail, QueuedMail, QueueStore, Settlement } from '../mail/queue/ports.ts'
import type { TraceEvent } from '../mail/trace.ts'
import { raiseAlarmStep } from './alarms.ts'
import { newCopyStep, newMailSteps, queuedMailOf } from './mail-rows.ts'
import type { Lookups } from './sqlite/lookups.ts'
import type { SqlRow, Step } from './sqlite/messages.ts'
import { Unmet, type SqliteThread } from './sqlite/sqlite-thread.ts'

/** The first lease of a mail that its acceptor goes on with. */
const FIRST_LEASE_MS = 30_000

const FINAL_STATES = "('delivered', 'relayed', 'bounced', 'discarded')"

/** No worker has it: it never had one, gave it back, or died. */
const FREE = '(lease_until is null or lease_until <= ?1)'
const DUE = `final_at is null and next_due_at <= ?1 and ${FREE}`
const ANY_DUE = `select 1 as due from mail where ${DUE} limit 1`
const CLAIM =
  'update mail set lease_owner = ?2, lease_until = ?3, crashes = crashes + (lease_owner is not null) where (tenant_id, id) in ' +
  `(select tenant_id, id from mail where ${DUE} order by next_due_at limit ?4) returning tenant_id, id, next_due_at`
const CHANGE_DELIVERY =
  'update delivery set state = ?, copy = ?, attempts = ?, due_at = ?, delay_noticed = ?, last_reason = ?, last_reply = ? ' +
  'where tenant_id = ? and mail_id = ? and number = ?'
const HOLDS_LEASE = 'select 1 as held from mail where tenant_id = ? and id = ? and lease_owner = ?'
const SETTLE_MAIL =
  'update mail set lease_owner = null, lease_until = null, crashes = 0, ' +
  'next_due_at = (select min(due_at) from delivery where tenant_id = ?1 and mail_id = ?2), ' +
  `final_at = case when exists (select 1 from delivery where tenant_id = ?1 and mail_id = ?2 and state not in ${FINAL_STATES}) ` +
  'then null else ?3 end where tenant_id = ?1 and id = ?2'
const KEEP_PLAN =
  'insert into plan (tenant_id, mail_id, settings_version, plan, facts) values (?, ?, ?, ?, ?) on conflict (tenant_id, mail_id) ' +
  'do update set settings_version = excluded.settings_version, plan = excluded.plan, facts = excluded.facts'
const ADD_TRACE =
  'insert into trace (tenant_id, mail_id, number, at, events) ' +
  'select ?1, ?2, coalesce(max(number), -1) + 1, ?3, ?4 from trace where tenant_id = ?1 and mail_id = ?2'
const RELEASE =
  "update delivery set state = case when state = 'held' then case when copy is null then 'waiting' else 'queued' end else state end, " +
  'due_at = ?1 where tenant_id = ?2 and mail_id = ?3 and ' +
  "(state = 'held' or (state in ('queued', 'waiting') and (due_at is null or due_at > ?1)))"
const RELEASED_MAIL =
  'update mail set next_due_at = (select min(due_at) from delivery where tenant_id = ?1 and mail_id = ?2) ' +
  'where tenant_id = ?1 and id = ?2'
const KEEPS_MAIL = 'select 1 as kept from mail where tenant_id = ? and id = ?'
const KEEPS_COPY =
  'select 1 as kept from copy where tenant_id = ? and mail_id = ? and number = ? and turn = ?'
const NEXT_DUE =
  `select next_due_at as due from mail where final_at is null and next_due_at is not null and ${FREE} ` +
  'order by next_due_at limit 1'

/** The queue on SQLite. */
export class SqliteQueue implements QueueStore {
  readonly #writer: SqliteThread
  readonly #lookups: Lookups
  readonly #now: () => number

  /**
   * @param writer - runs the transactions
   * @param lookups - reads by key
   * @param now - the database's clock: on SQLite that of this machine
   */
  constructor(writer: SqliteThread, lookups: Lookups, now: () => number) {
    this.#writer = writer
    this.#lookups = lookups
    this.#now = now
  }

  async accept(...mails: readonly NewMail[]): Promise<void> {
    const leaseUntil = this.#now() + FIRST_LEASE_MS
    await this.#writer.run(mails.flatMap((mail) => newMailSteps(mail, leaseUntil)))
  }

  async claim(owner: string, limit: number, leaseMs: number): Promise<QueuedMail[]> {
    const now = this.#now()
    // Looking costs less than taking the write lock, and mostly nothing is due.
    if (this.#lookups.get({ sql: ANY_DUE, parameters: [now] }) === undefined) return []
    const [rows = []] = await this.#writer.run([
      { sql: CLAIM, parameters: [now, owner, now + leaseMs, limit], query: 'rows' },
    ])
    return rows
      .toSorted((a, b) => Number(a['next_due_at']) - Number(b['next_due_at']))
      .flatMap((row) => this.#load(String(row['tenant_id']), String(row['id'])) ?? [])
  }

  async renew(owner: string, mailIds: readonly MailId[], leaseMs: number): Promise<MailId[]> {
    if (mailIds.length === 0) return []
    const ids = paddedList(mailIds)
    const sql =
      'update mail set lease_until = ? where lease_owner = ? and tenant_id in (select tenant_id from tenant) ' +
      `and id in (${ids.map(() => '?').join(', ')}) returning id`
    const [rows = []] = await this.#writer.run([
      { sql, parameters: [this.#now() + leaseMs, owner, ...ids], query: 'rows' },
    ])
    const kept = new Set(rows.map((row) => String(row['id'])))
    return mailIds.filter((id) => !kept.has(id))
  }

  async settle(settlement: Settlement): Promise<void> {
    try {
      await this.#writer.run(settleSteps(settlement, this.#now()))
    } catch (error) {
      if (!(error instanceof Unmet)) throw error
      if (error.expectation === 'lease')
        throw new LeaseLost(`the lease on mail ${settlement.mailId} is lost`, { cause: error })
      throw new StorageError('failed', `mail ${settlement.mailId} has no such delivery`, { cause: error })
    }
  }

  nextDue(): Promise<number | null> {
    const due = this.#lookups.get({ sql: NEXT_DUE, parameters: [this.#now()] })?.['due']
    return Promise.resolve(due === null || due === undefined ? null : Number(due))
  }

  find(tenantId: string, mailId: MailId): Promise<QueuedMail | null> {
    return Promise.resolve(this.#load(tenantId, mailId))
  }

  async release(
    tenantId: string,
    mailId: MailId,
    deliveries: readonly number[] | 'all',
    event: TraceEvent,
  ): Promise<number> {
    const now = this.#now()
    const narrowed = deliveries === 'all' ? '' : ` and number in (${deliveries.map(() => '?').join(', ')})`
    const numbers = deliveries === 'all' ? [] : deliveries
    try {
      const [rows = []] = await this.#writer.run([
        {
          sql: `${RELEASE}${narrowed} returning number`,
          parameters: [now, tenantId, mailId, ...numbers],
          query: 'rows',
          expect: 'nothing',
        },
        { sql: RELEASED_MAIL, parameters: [tenantId, mailId] },
        { sql: ADD_TRACE, parameters: [tenantId, mailId, now, JSON.stringify([event])] },
      ])
      return rows.length
    } catch (error) {
      if (error instanceof Unmet) return 0
      throw error
    }
  }

  /** Whether a body belongs to a row that has been committed: then nobody may put another in its place. */
  keeps({ tenantId, mailId, copy, turn = '' }: BodyRef): boolean {
    const row =
      copy === 0
        ? this.#lookups.get({ sql: KEEPS_MAIL, parameters: [tenantId, mailId] })
        : this.#lookups.get({ sql: KEEPS_COPY, parameters: [tenantId, mailId, copy, turn] })
    return row !== undefined
  }

  /** Ends every lease: for a server that has just found itself alone on this data. */
  async endLeases(): Promise<void> {
    await this.#writer.run([
      {
        sql: 'update mail set lease_until = 0 where final_at is null and lease_owner is not null',
        parameters: [],
      },
    ])
  }

  #load(tenantId: string, id: string): QueuedMail | null {
    const by = (sql: string) => ({ sql, parameters: [tenantId, id] })
    return this.#lookups.snapshot(() => {
      const mail = this.#lookups.get(by('select * from mail where tenant_id = ? and id = ?'))
      if (mail === undefined) return null
      const deliveries: SqlRow[] = this.#lookups.all(
        by('select * from delivery where tenant_id = ? and mail_id = ? order by number'),
      )
      const copies = this.#lookups.all(
        by('select * from copy where tenant_id = ? and mail_id = ? order by number'),
      )
      return queuedMailOf(
        mail,
        deliveries,
        copies,
        this.#lookups.get(by('select plan from plan where tenant_id = ? and mail_id = ?')),
      )
    })
  }
}

/** A list whose length is a power of two, so that few texts of statements serve all lengths. */
function paddedList(ids: readonly string[]): string[] {
  const length = 2 ** Math.ceil(Math.log2(ids.length))
  return [...ids, ...Array<string>(length - ids.length).fill(ids[0] ?? '')]
}

/** One turn's result as one transaction; the lease is tested first, before anything can clash with another turn's. */
function settleSteps(settlement: Settlement, now: number): Step[] {
  const { tenantId, mailId, owner, planned, newCopies, deliveries, trace, notices, alarms } = settlement
  const steps: Step[] = [
    { sql: HOLDS_LEASE, parameters: [tenantId, mailId, owner], query: 'test', expect: 'lease' },
    ...newCopies.map((copy) => newCopyStep(tenantId, mailId, copy)),
  ]
  for (const change of deliveries) steps.push(changeStep(tenantId, mailId, change))
  if (planned !== null)
    steps.push({
      sql: KEEP_PLAN,
      parameters: [
        tenantId,
        mailId,
        planned.plan.settingsVersion,
        JSON.stringify(planned.plan),
        JSON.stringify(planned.facts),
      ],
    })
  if (trace.length > 0)
    steps.push({ sql: ADD_TRACE, parameters: [tenantId, mailId, now, JSON.stringify(trace)] })
  for (const notice of notices) steps.push(...newMailSteps(notice, now + FIRST_LEASE_MS))
  for (const alarm of alarms) steps.push(raiseAlarmStep(tenantId, alarm, now))
  steps.push({ sql: SETTLE_MAIL, parameters: [tenantId, mailId, now] })
  return steps
}

function changeStep(tenantId: string, mailId: string, change: DeliveryChange): Step {
  const { state, copy, attempts, dueAt, delayNoticed, lastReason, lastReply, number } = change
  const json = (value: unknown) => (value === null ? null : JSON.stringify(value))
  return {
    sql: CHANGE_DELIVERY,
    parameters: [
      state,
      copy,
      attempts,
      dueAt,
      delayNoticed ? 1 : 0,
      json(lastReason),
      json(lastReply),
      tenantId,
      mailId,
      number,
    ],
    expect: 'delivery',
  }
}

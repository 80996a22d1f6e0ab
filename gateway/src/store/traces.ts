/**
 * Traces of one tenant: the message list by filter, newest first, and one mail with everything known of it. Reads only, on
 * a thread of its own, so that a long list holds up no mail.
 */
import { sql, type Kysely } from 'kysely'
import type { TraceEvent, TraceFilter, TraceStore, TraceSummary } from '../mail/trace.ts'
import { addressKey } from './mail-rows.ts'
import { idTimePrefix } from './row-id.ts'
import type { Tables } from './schema.ts'

const DEFAULT_LIMIT = 100
const LARGEST_LIMIT = 1000

/** States that only deliveries of an unfinished mail have: there the key of the queue finds them. */
const OPEN_STATES = new Set(['waiting', 'queued', 'held'])

/** How long before its receipt a mail may have been given its id (at MAIL): the longest transfer, and clocks. */
const TRANSFER_MS = 86_400_000

const SUMMARY = ['id', 'received_at', 'direction', 'sender', 'message_id', 'size', 'lease_until'] as const

type SummaryRow = Pick<Tables['mail'], (typeof SUMMARY)[number]>

/** The traces of one tenant. */
export class SqliteTraces implements TraceStore {
  readonly #tenantId: string
  readonly #db: Kysely<Tables>

  /** @param tenantId - row key; there is no way to ask for another */
  constructor(tenantId: string, db: Kysely<Tables>) {
    this.#tenantId = tenantId
    this.#db = db
  }

  async find(filter: TraceFilter): Promise<TraceSummary[]> {
    const mails = await matchingMails(this.#db, this.#tenantId, filter).execute()
    const deliveries = await this.#deliveries(mails.map((mail) => mail.id))
    return mails.map((mail) => summaryOf(mail, deliveries.get(mail.id) ?? []))
  }

  async firstBy(factor: string, direction: string, since: number): ReturnType<TraceStore['firstBy']> {
    const mail = await this.#db
      .selectFrom('mail')
      .select(['id', 'received_at'])
      .where('tenant_id', '=', this.#tenantId)
      // Ids go by time, so the look begins there and ends at the first.
      .where('id', '>=', idTimePrefix(Math.max(since - TRANSFER_MS, 0)))
      .where('received_at', '>=', since)
      .where('direction', '=', direction)
      .where(
        sql<boolean>`exists (select 1 from trace, json_each(trace.events, '$[0].arguments.factors') as factor
          where trace.tenant_id = mail.tenant_id and trace.mail_id = mail.id and factor.value = ${factor})`,
      )
      .orderBy('id')
      .executeTakeFirst()
    return mail === undefined ? null : { mailId: mail.id, receivedAt: mail.received_at }
  }

  async show(mailId: string): ReturnType<TraceStore['show']> {
    const tenantId = this.#tenantId
    const mail = await this.#db
      .selectFrom('mail')
      .select(SUMMARY)
      .where('tenant_id', '=', tenantId)
      .where('id', '=', mailId)
      .executeTakeFirst()
    if (mail === undefined) return null
    const turns = await this.#db
      .selectFrom('trace')
      .select('events')
      .where('tenant_id', '=', tenantId)
      .where('mail_id', '=', mailId)
      .orderBy('number')
      .execute()
    const plan = await this.#db
      .selectFrom('plan')
      .select(['plan', 'facts'])
      .where('tenant_id', '=', tenantId)
      .where('mail_id', '=', mailId)
      .executeTakeFirst()
    return {
      summary: summaryOf(mail, (await this.#deliveries([mailId])).get(mailId) ?? []),
      // What stands in these columns was written from the same types.
      events: turns.flatMap((turn) => JSON.parse(turn.events) as TraceEvent[]),
      plan: plan === undefined ? null : (JSON.parse(plan.plan) as unknown),
      facts: plan === undefined ? null : (JSON.parse(plan.facts) as unknown),
    }
  }

  async #deliveries(mailIds: readonly string[]): Promise<Map<string, TraceSummary['recipients'][number][]>> {
    const byMail = new Map<string, TraceSummary['recipients'][number][]>()
    if (mailIds.length === 0) return byMail
    const rows = await this.#db
      .selectFrom('delivery')
      .select(['mail_id', 'address', 'state'])
      .where('tenant_id', '=', this.#tenantId)
      .where('mail_id', 'in', mailIds)
      .orderBy('mail_id')
      .orderBy('number')
      .execute()
    for (const { mail_id: mailId, address, state } of rows) {
      const list = byMail.get(mailId)
      if (list === undefined) byMail.set(mailId, [{ address, state }])
      else list.push({ address, state })
    }
    return byMail
  }
}

/**
 * The query of a filter. What can find few of many stands in a subquery of its own: else SQLite walks through all mails of
 * the tenant, because that gives them in the right order.
 */
export function matchingMails(db: Kysely<Tables>, tenantId: string, filter: TraceFilter) {
  const { messageId, networkMessageId, from, to, since, state, before, limit = DEFAULT_LIMIT } = filter
  let query = db
    .selectFrom('mail')
    .select(SUMMARY)
    .where('tenant_id', '=', tenantId)
    .orderBy('id', 'desc')
    .limit(Math.min(Math.max(limit, 1), LARGEST_LIMIT))
  const ofTenant = () =>
    db.selectFrom('mail as named').select('named.id').where('named.tenant_id', '=', tenantId)
  if (messageId !== undefined) {
    const bare = messageId.replace(/^<|>$/g, '')
    query = query.where('id', 'in', ofTenant().where('named.message_id', 'in', [bare, `<${bare}>`]))
  }
  if (networkMessageId !== undefined)
    query = query.where('id', 'in', ofTenant().where('named.network_message_id', '=', networkMessageId))
  if (from !== undefined) query = query.where('sender_key', '=', addressKey(from))
  if (to !== undefined) {
    const deliveries = db.selectFrom('delivery').select('mail_id').where('tenant_id', '=', tenantId)
    query = query.where('id', 'in', deliveries.where('address_key', '=', addressKey(to)))
  }
  if (before !== undefined) query = query.where('id', '<', before)
  if (since !== undefined)
    query = query
      .where('received_at', '>=', since)
      .where('id', '>=', idTimePrefix(Math.max(since - TRANSFER_MS, 0)))
  if (state !== undefined) {
    // The key of the queue holds only unfinished mails, few of all, of all tenants.
    if (OPEN_STATES.has(state))
      query = query.where(
        'id',
        'in',
        db.selectFrom('mail as open').select('open.id').where('open.final_at', 'is', null),
      )
    query = query.where((mail) =>
      mail.exists(
        mail
          .selectFrom('delivery')
          .select('number')
          .where('tenant_id', '=', tenantId)
          .whereRef('mail_id', '=', 'mail.id')
          .where('state', '=', state),
      ),
    )
  }
  return query
}

function summaryOf(mail: SummaryRow, recipients: TraceSummary['recipients']): TraceSummary {
  return {
    mailId: mail.id,
    receivedAt: mail.received_at,
    direction: mail.direction,
    sender: mail.sender,
    recipients,
    messageId: mail.message_id,
    size: mail.size,
    leaseUntil: mail.lease_until,
  }
}

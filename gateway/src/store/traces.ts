/**
 * Traces of one tenant: the message list by filter, newest first, and one mail with everything known of it. Reads only.
 */
import type { TraceEvent, TraceFilter, TraceStore, TraceSummary } from '../mail/trace.ts'
import { addressKey } from './mail-rows.ts'
import { idTimePrefix } from './row-id.ts'
import type { SqlRow, SqlValue } from './sqlite/messages.ts'
import type { SqliteThread } from './sqlite/sqlite-thread.ts'

const DEFAULT_LIMIT = 100
const LARGEST_LIMIT = 1000

/** Reads on a thread of its own, so that a long list holds up no mail. */
export class SqliteTraces implements TraceStore {
  readonly #tenantId: string
  readonly #reader: SqliteThread

  /** @param tenantId - row key; there is no way to ask for another */
  constructor(tenantId: string, reader: SqliteThread) {
    this.#tenantId = tenantId
    this.#reader = reader
  }

  async find(filter: TraceFilter): Promise<TraceSummary[]> {
    const { where, parameters } = conditions(this.#tenantId, filter)
    const limit = Math.min(Math.max(filter.limit ?? DEFAULT_LIMIT, 1), LARGEST_LIMIT)
    const sql = `select m.id, m.received_at, m.direction, m.sender, m.message_id, m.size from mail m where ${where} order by m.id desc limit ${limit}`
    const mails = await this.#all(sql, parameters)
    return Promise.all(mails.map(async (mail) => summaryOf(mail, await this.#deliveries(String(mail['id'])))))
  }

  async show(mailId: string): ReturnType<TraceStore['show']> {
    const by: SqlValue[] = [this.#tenantId, mailId]
    const [mail] = await this.#all(
      'select id, received_at, direction, sender, message_id, size from mail where tenant_id = ? and id = ?',
      by,
    )
    if (mail === undefined) return null
    const turns = await this.#all(
      'select events from trace where tenant_id = ? and mail_id = ? order by number',
      by,
    )
    const [plan] = await this.#all('select plan, facts from plan where tenant_id = ? and mail_id = ?', by)
    return {
      summary: summaryOf(mail, await this.#deliveries(mailId)),
      events: turns.flatMap((turn) => JSON.parse(String(turn['events'])) as TraceEvent[]),
      plan: plan === undefined ? null : (JSON.parse(String(plan['plan'])) as unknown),
      facts: plan === undefined ? null : (JSON.parse(String(plan['facts'])) as unknown),
    }
  }

  #deliveries(mailId: string): Promise<readonly SqlRow[]> {
    return this.#all(
      'select address, state from delivery where tenant_id = ? and mail_id = ? order by number',
      [this.#tenantId, mailId],
    )
  }

  async #all(sql: string, parameters: readonly SqlValue[]): Promise<readonly SqlRow[]> {
    const [rows = []] = await this.#reader.run([{ sql, parameters, rows: true }])
    return rows
  }
}

function summaryOf(mail: SqlRow, deliveries: readonly SqlRow[]): TraceSummary {
  return {
    mailId: String(mail['id']),
    receivedAt: Number(mail['received_at']),
    direction: String(mail['direction']),
    sender: String(mail['sender']),
    recipients: deliveries.map((row) => ({ address: String(row['address']), state: String(row['state']) })),
    messageId: mail['message_id'] === null ? null : String(mail['message_id']),
    size: Number(mail['size']),
  }
}

/** The filter as conditions over `mail m`, every one with an index behind it. */
function conditions(tenantId: string, filter: TraceFilter): { where: string; parameters: SqlValue[] } {
  const parts = ['m.tenant_id = ?']
  const parameters: SqlValue[] = [tenantId]
  const add = (part: string, ...values: SqlValue[]): void => {
    parts.push(part)
    parameters.push(...values)
  }
  const delivery = (part: string) =>
    `m.id in (select mail_id from delivery where tenant_id = m.tenant_id and ${part})`
  if (filter.messageId !== undefined) {
    const bare = filter.messageId.replace(/^<|>$/g, '')
    add('m.message_id in (?, ?)', bare, `<${bare}>`)
  }
  if (filter.networkMessageId !== undefined) add('m.network_message_id = ?', filter.networkMessageId)
  if (filter.from !== undefined) add('m.sender_key = ?', addressKey(filter.from))
  if (filter.to !== undefined) add(delivery('address_key = ?'), addressKey(filter.to))
  if (filter.state !== undefined) add(delivery('state = ?'), filter.state)
  if (filter.since !== undefined) add('m.id >= ?', idTimePrefix(filter.since))
  if (filter.before !== undefined) add('m.id < ?', filter.before)
  return { where: parts.join(' and '), parameters }
}

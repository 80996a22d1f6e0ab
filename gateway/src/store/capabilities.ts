/**
 * What partners have shown to be able to read, at rest. If it is lost, mail to them goes by what their profile says of everybody, until
 * they write again.
 */
import type { CapabilityStore, LearnedCapability } from '../keyring/capabilities.ts'
import type { Lookups } from './sqlite/lookups.ts'
import type { SqlRow } from './sqlite/messages.ts'
import type { SqliteThread } from './sqlite/sqlite-thread.ts'

/** Who has not been heard of for so long may have another mail program. */
const KEPT_MS = 3 * 366 * 86_400_000
/** Rows that one write takes away at most. */
const MOST_AGED = 100

const LEARN =
  'insert into partner_capability (tenant_id, address, kind, signing_time, learned_at, mail_id, content) values (?, ?, ?, ?, ?, ?, ?) ' +
  'on conflict (tenant_id, address, kind) do update set signing_time = excluded.signing_time, learned_at = excluded.learned_at, ' +
  'mail_id = excluded.mail_id, content = excluded.content where excluded.signing_time > partner_capability.signing_time'
const AGE =
  'delete from partner_capability where (tenant_id, address, kind) in ' +
  `(select tenant_id, address, kind from partner_capability where learned_at < ? limit ${MOST_AGED})`

/** The learned capabilities of one tenant's partners. */
export class PartnerCapabilities implements CapabilityStore {
  readonly #tenantId: string
  readonly #writer: SqliteThread
  readonly #lookups: Lookups

  /** @param tenantId - row key; there is no way to ask for another */
  constructor(tenantId: string, writer: SqliteThread, lookups: Lookups) {
    this.#tenantId = tenantId
    this.#writer = writer
    this.#lookups = lookups
  }

  async learn(entries: readonly LearnedCapability[]): Promise<void> {
    const [first] = entries
    if (first === undefined) return
    await this.#writer.run([
      { sql: AGE, parameters: [first.learnedAt - KEPT_MS] },
      ...entries.map(({ address, kind, signingTime, learnedAt, mailId, ...content }) => ({
        sql: LEARN,
        parameters: [this.#tenantId, address, kind, signingTime, learnedAt, mailId, JSON.stringify(content)],
      })),
    ])
  }

  find(address: string): LearnedCapability[] {
    const sql = 'select * from partner_capability where tenant_id = ? and address = ? order by kind'
    return this.#lookups.all({ sql, parameters: [this.#tenantId, address] }).map(learnedOf)
  }

  list(after: string, limit: number): LearnedCapability[] {
    const sql =
      'select * from partner_capability where tenant_id = ?1 and address in (select distinct address from partner_capability ' +
      'where tenant_id = ?1 and address > ?2 order by address limit ?3) order by address, kind'
    return this.#lookups.all({ sql, parameters: [this.#tenantId, after, limit] }).map(learnedOf)
  }

  async forget(address: string): Promise<number> {
    const count = this.find(address).length
    const sql = 'delete from partner_capability where tenant_id = ? and address = ?'
    await this.#writer.run([{ sql, parameters: [this.#tenantId, address] }])
    return count
  }
}

function learnedOf(row: SqlRow): LearnedCapability {
  const content = JSON.parse(String(row['content'])) as Pick<LearnedCapability, 'ciphers' | 'oaep'>
  return {
    address: String(row['address']),
    kind: String(row['kind']) as LearnedCapability['kind'],
    signingTime: Number(row['signing_time']),
    learnedAt: Number(row['learned_at']),
    mailId: String(row['mail_id']),
    ciphers: content.ciphers,
    oaep: content.oaep,
  }
}

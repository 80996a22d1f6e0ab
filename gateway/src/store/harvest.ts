/**
 * What harvesting remembers at rest, and the word against a certificate. If it is lost, an old mail that is sent again may bring an old
 * certificate back.
 */
import type { Harvested, HarvestStore, Refusal } from '../keyring/harvest-ports.ts'
import type { Lookups } from './sqlite/lookups.ts'
import type { SqliteThread } from './sqlite/sqlite-thread.ts'

const MOST_OF_ADDRESS = 100
const MOST_COUNTED = 100_000

const REFUSAL =
  'select case ' +
  'when exists (select 1 from distrusted_certificate d where d.tenant_id = ?1 and d.fingerprint = ?2) ' +
  "or exists (select 1 from credential o where o.tenant_id = ?1 and o.fingerprint = ?2 and o.object_kind <> '' and o.distrusted = 1) " +
  "then 'distrusted' else (select c.state from credential c where c.tenant_id = ?1 and c.fingerprint = ?2 and c.owner = 'partner' " +
  "and c.object_kind = '' and c.state <> 'active' limit 1) end as refusal"
const HARVESTED =
  'select fingerprint, signed_at, at from harvested_certificate where tenant_id = ? and address = ? ' +
  `order by signed_at desc, fingerprint limit ${MOST_OF_ADDRESS}`
const COUNT =
  'select count(*) as count from (select 1 from harvested_certificate where tenant_id = ? and at >= ? ' +
  `limit ${MOST_COUNTED})`
const NOTE =
  'insert into harvested_certificate (tenant_id, address, fingerprint, signed_at, at) values (?, ?, ?, ?, ?) ' +
  'on conflict (tenant_id, address, fingerprint) do update set signed_at = max(signed_at, excluded.signed_at)'

/** What is kept of one tenant. */
export class SqliteHarvest implements HarvestStore {
  readonly #tenantId: string
  readonly #writer: SqliteThread
  readonly #lookups: Lookups

  /** @param tenantId - row key; there is no way to ask for another */
  constructor(tenantId: string, writer: SqliteThread, lookups: Lookups) {
    this.#tenantId = tenantId
    this.#writer = writer
    this.#lookups = lookups
  }

  refusal(fingerprint: string): Refusal | null {
    const row = this.#lookups.get({ sql: REFUSAL, parameters: [this.#tenantId, fingerprint] })
    const refusal = row?.['refusal'] ?? null
    return refusal === null ? null : (String(refusal) as Refusal)
  }

  harvested(address: string): readonly Harvested[] {
    return this.#lookups.all({ sql: HARVESTED, parameters: [this.#tenantId, address] }).map((row) => ({
      fingerprint: String(row['fingerprint']),
      signedAt: Number(row['signed_at']),
      at: Number(row['at']),
    }))
  }

  countSince(time: number): number {
    return Number(this.#lookups.get({ sql: COUNT, parameters: [this.#tenantId, time] })?.['count'] ?? 0)
  }

  async note(address: string, { fingerprint, signedAt, at }: Harvested): Promise<void> {
    await this.#writer.run([{ sql: NOTE, parameters: [this.#tenantId, address, fingerprint, signedAt, at] }])
  }
}

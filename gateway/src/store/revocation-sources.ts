/**
 * CRLs, OCSP answers and certificates of issuers at rest, bounded in number and octets: what was not used for the longest time goes
 * first. If they are lost they are fetched again; nothing is believed for standing here.
 */
import type { KeptSource, SourceKind, SourceStore, SourceSummary } from '../trust/ports.ts'
import type { Lookups } from './sqlite/lookups.ts'
import type { SqlRow } from './sqlite/messages.ts'
import type { SqliteThread } from './sqlite/sqlite-thread.ts'

const MAX_ROWS = 50_000
const MAX_OCTETS = 512 * 1024 * 1024
/** The bounds are looked after once in so many times: it reads all rows. */
const TRIM_EVERY = 64

const TRIM = {
  sql:
    'delete from revocation_source where source_key in (select source_key from (select source_key, ' +
    'row_number() over newest as place, sum(octets) over newest as octets from revocation_source ' +
    'window newest as (order by used_at desc, source_key)) where place > ? or octets > ?)',
  parameters: [MAX_ROWS, MAX_OCTETS],
}

function summaryOf(row: SqlRow): SourceSummary {
  return {
    key: String(row['source_key']),
    kind: String(row['kind']) as SourceKind,
    url: String(row['url']),
    octets: Number(row['octets']),
    fetchedAt: Number(row['fetched_at']),
    refreshAt: Number(row['refresh_at']),
    expiresAt: Number(row['expires_at']),
  }
}

/** The sources of the installation. */
export class RevocationSources implements SourceStore {
  readonly #writer: SqliteThread
  readonly #lookups: Lookups
  #kept = 0

  constructor(writer: SqliteThread, lookups: Lookups) {
    this.#writer = writer
    this.#lookups = lookups
  }

  find(key: string, now: number): KeptSource | null {
    const sql = 'select * from revocation_source where source_key = ? and expires_at > ?'
    const row = this.#lookups.get({ sql, parameters: [key, now] })
    if (row === undefined) return null
    const { octets, ...rest } = summaryOf(row)
    const content = Buffer.from(row['content'] as Uint8Array).subarray(0, octets)
    return { ...rest, content, chain: Buffer.from(row['chain'] as Uint8Array) }
  }

  fetchedAt(key: string): number | null {
    const sql = 'select fetched_at from revocation_source where source_key = ?'
    const row = this.#lookups.get({ sql, parameters: [key] })
    return row === undefined ? null : Number(row['fetched_at'])
  }

  due(time: number, usedSince: number): string[] {
    const sql =
      'select source_key from revocation_source where refresh_at < ? and used_at >= ? order by refresh_at limit 1000'
    return this.#lookups.all({ sql, parameters: [time, usedSince] }).map((row) => String(row['source_key']))
  }

  list(): SourceSummary[] {
    const sql =
      'select source_key, kind, url, octets, fetched_at, refresh_at, expires_at from revocation_source ' +
      'order by fetched_at desc limit 1000'
    return this.#lookups.all({ sql, parameters: [] }).map(summaryOf)
  }

  async touch(key: string, at: number): Promise<void> {
    const sql = 'update revocation_source set used_at = ? where source_key = ? and used_at < ?'
    await this.#writer.run([{ sql, parameters: [at, key, at] }])
  }

  async keep(source: KeptSource): Promise<void> {
    const { key, kind, url, content, chain, fetchedAt, refreshAt, expiresAt } = source
    await this.#writer.run([
      { sql: 'delete from revocation_source where expires_at <= ?', parameters: [fetchedAt] },
      {
        sql:
          'insert into revocation_source (source_key, kind, url, content, chain, octets, fetched_at, refresh_at, expires_at, used_at) ' +
          'values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) on conflict (source_key) do update set content = excluded.content, ' +
          'chain = excluded.chain, octets = excluded.octets, fetched_at = excluded.fetched_at, refresh_at = excluded.refresh_at, ' +
          'expires_at = excluded.expires_at',
        parameters: [
          key,
          kind,
          url,
          content,
          chain,
          content.length,
          fetchedAt,
          refreshAt,
          expiresAt,
          fetchedAt,
        ],
      },
      ...(this.#kept++ % TRIM_EVERY === 0 ? [TRIM] : []),
    ])
  }
}

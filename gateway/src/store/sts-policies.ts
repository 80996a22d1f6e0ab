/**
 * MTA-STS policies at rest, one for each domain, until their time is over. If they are lost, whoever can suppress answers could
 * switch a domain's policy off until it is fetched again.
 */
import type { KeptStsPolicy, StsStore } from '../dns/sts.ts'
import type { Lookups } from './sqlite/lookups.ts'
import type { SqliteThread } from './sqlite/sqlite-thread.ts'

/** The policies of the installation. */
export class StsPolicies implements StsStore {
  readonly #writer: SqliteThread
  readonly #lookups: Lookups

  constructor(writer: SqliteThread, lookups: Lookups) {
    this.#writer = writer
    this.#lookups = lookups
  }

  find(domain: string): KeptStsPolicy | null {
    const sql = 'select policy_id, policy, fetched_at from sts_policy where domain = ?'
    const [row] = this.#lookups.all({ sql, parameters: [domain] })
    if (row === undefined) return null
    return {
      id: String(row['policy_id']),
      policy: JSON.parse(String(row['policy'])) as KeptStsPolicy['policy'],
      fetchedAt: Number(row['fetched_at']),
    }
  }

  fetchedBefore(time: number): string[] {
    const sql = 'select domain from sts_policy where fetched_at < ? order by expires_at, domain limit 10000'
    return this.#lookups.all({ sql, parameters: [time] }).map((row) => String(row['domain']))
  }

  async keep(domain: string, { id, policy, fetchedAt }: KeptStsPolicy): Promise<void> {
    const expiresAt = fetchedAt + policy.maxAge * 1000
    await this.#writer.run([
      { sql: 'delete from sts_policy where expires_at <= ?', parameters: [fetchedAt] },
      {
        sql:
          'insert into sts_policy (domain, policy_id, policy, fetched_at, expires_at) values (?, ?, ?, ?, ?) ' +
          'on conflict (domain) do update set policy_id = excluded.policy_id, policy = excluded.policy, ' +
          'fetched_at = excluded.fetched_at, expires_at = excluded.expires_at',
        parameters: [domain, id, JSON.stringify(policy), fetchedAt, expiresAt],
      },
    ])
  }
}

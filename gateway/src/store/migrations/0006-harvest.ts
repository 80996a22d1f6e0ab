/**
 * Migration 6: what was harvested from mail: which certificate of an address was seen in mail signed when. It outlives the entry in the
 * keyring, so that an old mail that is sent again brings no old certificate back. Append-only.
 */
import type { Migration } from './migration.ts'

/** The sixth migration. */
export const harvest: Migration = {
  number: 6,
  name: 'harvest',
  statements: ({ integer, clustered }) => [
    // signed_at: what the signer said, never later than the mail came. at: when it was taken.
    `create table harvested_certificate (
      tenant_id text not null references tenant (tenant_id),
      address text not null,
      fingerprint text not null,
      signed_at ${integer} not null,
      at ${integer} not null,
      primary key (tenant_id, address, fingerprint)
    ) ${clustered}`,
    `create index harvested_at on harvested_certificate (tenant_id, at)`,
  ],
}

/**
 * What partners have shown to be able to read, by address and by how it was shown.
 */
import type { Migration } from './migration.ts'

/** The eighth migration. */
export const partnerCapabilities: Migration = {
  number: 8,
  name: 'partner-capabilities',
  statements: ({ integer, clustered }) => [
    `create table partner_capability (
      tenant_id text not null,
      address text not null,
      kind text not null,
      signing_time ${integer} not null,
      learned_at ${integer} not null,
      mail_id text not null,
      content text not null,
      primary key (tenant_id, address, kind)
    ) ${clustered}`,
    'create index partner_capability_age on partner_capability (learned_at)',
  ],
}

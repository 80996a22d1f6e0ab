/**
 * What was fetched to judge certificates: CRLs, OCSP answers, certificates of issuers. Public data with signatures of their own, of the
 * installation, no tenant's.
 */
import type { Migration } from './migration.ts'

/** The seventh migration. */
export const revocationSources: Migration = {
  number: 7,
  name: 'revocation-sources',
  statements: ({ integer, blob, table }) => [
    `create table revocation_source (
      source_key text not null primary key,
      kind text not null,
      url text not null,
      content ${blob} not null,
      chain ${blob} not null,
      octets ${integer} not null,
      fetched_at ${integer} not null,
      refresh_at ${integer} not null,
      expires_at ${integer} not null,
      used_at ${integer} not null
    ) ${table}`,
    'create index revocation_source_refresh on revocation_source (refresh_at)',
    'create index revocation_source_used on revocation_source (used_at)',
  ],
}

/**
 * MTA-STS policies of the domains that mail is delivered to directly: of the installation, no tenant's.
 */
import type { Migration } from './migration.ts'

/** The second migration. */
export const stsPolicies: Migration = {
  number: 3,
  name: 'sts-policies',
  statements: ({ integer, clustered }) => [
    `create table sts_policy (
      domain text not null primary key,
      policy_id text not null,
      policy text not null,
      fetched_at ${integer} not null,
      expires_at ${integer} not null
    ) ${clustered}`,
  ],
}

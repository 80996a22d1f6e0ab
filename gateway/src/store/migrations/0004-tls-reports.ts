/**
 * What sessions of direct delivery came to, counted by UTC day and domain, and the reports about them: of the installation, no tenant's.
 */
import type { Migration } from './migration.ts'

/** The fourth migration. */
export const tlsReports: Migration = {
  number: 4,
  name: 'tls-reports',
  statements: ({ integer, clustered }) => [
    `create table tls_session (
      day ${integer} not null,
      domain text not null,
      session text not null,
      count ${integer} not null,
      primary key (day, domain, session)
    ) ${clustered}`,
    `create table tls_report (
      day ${integer} not null,
      domain text not null,
      id text not null,
      state text not null,
      due_at ${integer} not null,
      until ${integer} not null,
      addresses text,
      primary key (day, domain)
    ) ${clustered}`,
  ],
}

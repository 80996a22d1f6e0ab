/**
 * Migration 2: TLS identities of tenants, which of them is in force for what, and what is remembered of ACME. Append-only.
 */
import type { Migration } from './migration.ts'

export const tlsIdentities: Migration = {
  number: 2,
  name: 'tls-identities',
  statements: ({ integer, blob, table, clustered }) => [
    // chain is null while a requested certificate is awaited.
    `create table tls_certificate (
      tenant_id text not null references tenant (tenant_id),
      id text not null,
      origin text not null,
      created_at ${integer} not null,
      names text not null,
      key_kind text not null,
      csr text,
      chain text,
      not_before ${integer},
      not_after ${integer},
      fingerprint text,
      private_key ${blob} not null,
      primary key (tenant_id, id)
    ) ${table}`,
    // usage: server or client. next_at is null when the next one waits for a command.
    `create table tls_slot (
      tenant_id text not null references tenant (tenant_id),
      usage text not null,
      active text,
      former text,
      next text,
      next_at ${integer},
      primary key (tenant_id, usage)
    ) ${clustered}`,
    // One account with each ACME server, of the installation.
    `create table acme_account (
      directory text not null primary key,
      url text,
      private_key ${blob} not null,
      created_at ${integer} not null
    ) ${table}`,
    `create table acme_order (
      tenant_id text not null primary key references tenant (tenant_id),
      directory text not null,
      url text,
      certificate_id text,
      next_at ${integer} not null,
      failures ${integer} not null,
      problem text
    ) ${table}`,
  ],
}

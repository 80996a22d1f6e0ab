/**
 * Migration 5: the keyring beyond configuration objects: where an entry comes from, distrust and pins by certificate, a version per
 * tenant, imports that can be resumed, keys that await their certificate, and the small authority for pilots. Append-only.
 */
import type { Migration } from './migration.ts'

/** The fifth migration. */
export const keyring: Migration = {
  number: 5,
  name: 'keyring',
  statements: ({ integer, blob, table, clustered }) => [
    // An entry of no object has an empty object_kind. state: active, awaiting-approval or removed.
    `alter table credential add column origin text not null default 'configured'`,
    `alter table credential add column state text not null default 'active'`,
    `alter table credential add column added_at ${integer} not null default 0`,
    `alter table credential add column removed_at ${integer}`,
    `alter table credential add column source text not null default ''`,
    `drop index credential_object`,
    `create index credential_object on credential (tenant_id, object_kind, object_name) where object_kind <> ''`,
    `create unique index credential_kept on credential (tenant_id, owner, fingerprint) where object_kind = ''`,
    `create index credential_fingerprint on credential (tenant_id, fingerprint)`,
    `create index credential_removed on credential (removed_at) where removed_at is not null`,
    // Both outlive the entry: a certificate that comes again is still distrusted or pinned.
    `create table distrusted_certificate (
      tenant_id text not null references tenant (tenant_id),
      fingerprint text not null,
      at ${integer} not null,
      reason text not null,
      primary key (tenant_id, fingerprint)
    ) ${clustered}`,
    `create table pinned_certificate (
      tenant_id text not null references tenant (tenant_id),
      owner text not null,
      address text not null,
      fingerprint text not null,
      at ${integer} not null,
      primary key (tenant_id, owner, address, fingerprint)
    ) ${clustered}`,
    // Moves with every change of the tenant's entries, pins and distrust that is not made by configuration objects.
    `create table keyring_version (
      tenant_id text not null primary key references tenant (tenant_id),
      version ${integer} not null
    ) ${table}`,
    ...imports(integer, clustered),
    ...ownIssuing(integer, blob, table),
  ],
}

/** digest: SHA-256 of the file; entries: how many were worked through. */
function imports(integer: string, clustered: string): string[] {
  return [
    `create table keyring_import (
      tenant_id text not null references tenant (tenant_id),
      digest text not null,
      name text not null,
      entries ${integer} not null,
      added ${integer} not null,
      known ${integer} not null,
      refused ${integer} not null,
      started_at ${integer} not null,
      finished_at ${integer},
      primary key (tenant_id, digest)
    ) ${clustered}`,
    `create table keyring_import_finding (
      tenant_id text not null,
      digest text not null,
      entry ${integer} not null,
      place text not null,
      code text not null,
      detail text not null,
      primary key (tenant_id, digest, entry),
      foreign key (tenant_id, digest) references keyring_import (tenant_id, digest)
    ) ${clustered}`,
  ]
}

function ownIssuing(integer: string, blob: string, table: string): string[] {
  return [
    // A key whose certificate is awaited.
    `create table key_request (
      tenant_id text not null references tenant (tenant_id),
      id text not null,
      addresses text not null,
      key_kind text not null,
      csr text not null,
      created_at ${integer} not null,
      private_key ${blob} not null,
      primary key (tenant_id, id)
    ) ${table}`,
    `create table pilot_authority (
      tenant_id text not null references tenant (tenant_id),
      id text not null,
      certificate ${blob} not null,
      crl_number ${integer} not null,
      created_at ${integer} not null,
      private_key ${blob} not null,
      primary key (tenant_id, id)
    ) ${table}`,
    `create table issued_certificate (
      tenant_id text not null,
      authority_id text not null,
      serial text not null,
      fingerprint text not null,
      addresses text not null,
      issued_at ${integer} not null,
      not_after ${integer} not null,
      revoked_at ${integer},
      reason text,
      primary key (tenant_id, authority_id, serial),
      foreign key (tenant_id, authority_id) references pilot_authority (tenant_id, id)
    ) ${table}`,
  ]
}

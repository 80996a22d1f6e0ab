/**
 * Migration 1: everything that is dear to change later. Append-only from here on: a released migration is never edited.
 * Every row that is not of the installation has tenant_id, first in every key; '' stands for the installation where one
 * table holds both. Times are milliseconds since 1970, structures are JSON as text, flags are 0 and 1.
 * Only `types` differs between databases. Mail ids sort by time, so mail, delivery, copy, plan and trace can be
 * partitioned by them; trace has no foreign key, so that its parts can be dropped alone.
 */
import type { Migration } from './migration.ts'

export const first: Migration = {
  number: 1,
  name: 'first',
  statements: (types) => [...installation(types), ...configuration(types), ...mail(types), ...traces(types)],
}

type Types = Parameters<Migration['statements']>[0]

function installation({ integer, blob, table, clustered }: Types): string[] {
  return [
    // The version moves with every change of the configuration; one row.
    `create table settings (
      id ${integer} not null primary key check (id = 1),
      version ${integer} not null
    ) ${table}`,
    `insert into settings (id, version) values (1, 0)`,
    // Data keys wrapped by the master key. The installation's own is the check value of the master key.
    `create table sealing_key (
      tenant_id text not null,
      id text not null,
      kek_id text not null,
      wrapped ${blob} not null,
      created_at ${integer} not null,
      retired_at ${integer},
      primary key (tenant_id, id)
    ) ${clustered}`,
    `create table alarm (
      tenant_id text not null,
      code text not null,
      subject text not null,
      arguments text not null,
      raised_at ${integer} not null,
      last_at ${integer} not null,
      count ${integer} not null,
      notified_at ${integer},
      cleared_at ${integer},
      primary key (tenant_id, code, subject)
    ) ${clustered}`,
    // Each entry holds the hash of the one before. It outlives what it tells of and has a term of its own.
    `create table audit_log (
      number ${integer} not null primary key,
      at ${integer} not null,
      actor text not null,
      action text not null,
      tenant_id text not null,
      detail text not null,
      previous_hash text not null,
      hash text not null
    ) ${table}`,
  ]
}

function configuration({ integer, blob, table, clustered }: Types): string[] {
  return [
    `create table tenant (
      tenant_id text not null primary key,
      name text not null unique,
      marker_key ${blob} not null,
      created_at ${integer} not null
    ) ${table}`,
    `create table configuration (
      tenant_id text not null,
      kind text not null,
      name text not null,
      spec text not null,
      changed_at ${integer} not null,
      primary key (tenant_id, kind, name)
    ) ${table}`,
    `create table secret (
      tenant_id text not null,
      kind text not null,
      name text not null,
      pointer text not null,
      sealed ${blob} not null,
      primary key (tenant_id, kind, name, pointer)
    ) ${table}`,
    // One entry of the keyring; object_kind and object_name say which configuration object brought it.
    `create table credential (
      tenant_id text not null references tenant (tenant_id),
      id text not null,
      object_kind text not null,
      object_name text not null,
      kind text not null,
      owner text not null,
      for_signing ${integer} not null,
      for_encryption ${integer} not null,
      not_before ${integer} not null,
      not_after ${integer} not null,
      fingerprint text not null,
      addresses text not null,
      certificate ${blob} not null,
      chain text not null,
      distrusted ${integer} not null,
      private_key ${blob},
      primary key (tenant_id, id)
    ) ${table}`,
    `create index credential_object on credential (tenant_id, object_kind, object_name)`,
    `create table credential_address (
      tenant_id text not null,
      owner text not null,
      address text not null,
      credential_id text not null,
      primary key (tenant_id, owner, address, credential_id),
      foreign key (tenant_id, credential_id) references credential (tenant_id, id)
    ) ${clustered}`,
    `create index credential_address_entry on credential_address (tenant_id, credential_id)`,
  ]
}

function mail({ integer, blob, table, clustered }: Types): string[] {
  return [
    // node: the node whose spool holds the bodies; null when every node can read them.
    // subject: sealed, and only if the tenant has switched it on. next_due_at and final_at are derived from the deliveries.
    `create table mail (
      tenant_id text not null references tenant (tenant_id),
      id text not null,
      direction text not null,
      sender text not null,
      sender_key text not null,
      received_at ${integer} not null,
      size ${integer} not null,
      message_id text,
      network_message_id text,
      detail text not null,
      subject ${blob},
      node text,
      crashes ${integer} not null,
      lease_owner text,
      lease_until ${integer},
      next_due_at ${integer},
      final_at ${integer},
      primary key (tenant_id, id)
    ) ${table}`,
    // The queue: claimed across all tenants, so this one key does not begin with the tenant.
    `create index mail_open on mail (next_due_at) where final_at is null`,
    `create index mail_sender on mail (tenant_id, sender_key, id)`,
    `create index mail_message_id on mail (tenant_id, message_id) where message_id is not null`,
    `create index mail_network_message_id on mail (tenant_id, network_message_id)
      where network_message_id is not null`,
    `create table delivery (
      tenant_id text not null,
      mail_id text not null,
      number ${integer} not null,
      address text not null,
      address_key text not null,
      notify text,
      original_recipient text,
      state text not null,
      copy ${integer},
      attempts ${integer} not null,
      due_at ${integer},
      expires_at ${integer} not null,
      delay_noticed ${integer} not null,
      last_reason text,
      last_reply text,
      primary key (tenant_id, mail_id, number),
      foreign key (tenant_id, mail_id) references mail (tenant_id, id)
    ) ${clustered}`,
    `create index delivery_address on delivery (tenant_id, address_key, mail_id)`,
    `create table copy (
      tenant_id text not null,
      mail_id text not null,
      number ${integer} not null,
      turn text not null,
      size ${integer} not null,
      decrypted ${integer} not null,
      treatment text not null,
      content text not null,
      primary key (tenant_id, mail_id, number),
      foreign key (tenant_id, mail_id) references mail (tenant_id, id)
    ) ${clustered}`,
    `create table plan (
      tenant_id text not null,
      mail_id text not null,
      settings_version ${integer} not null,
      plan text not null,
      facts text not null,
      primary key (tenant_id, mail_id),
      foreign key (tenant_id, mail_id) references mail (tenant_id, id)
    ) ${table}`,
  ]
}

function traces({ integer, table }: Types): string[] {
  return [
    // One row per turn of a worker: the events of that turn, in order, as a JSON list.
    `create table trace (
      tenant_id text not null,
      mail_id text not null,
      number ${integer} not null,
      at ${integer} not null,
      events text not null,
      primary key (tenant_id, mail_id, number)
    ) ${table}`,
  ]
}

/**
 * Migration 9: the directory of a tenant: users with their addresses, groups with their members, each in generations of which one is in
 * use. Append-only.
 */
import type { Migration } from './migration.ts'

/** The ninth migration. */
export const directory: Migration = {
  number: 9,
  name: 'directory',
  statements: ({ integer, table, clustered }) => [
    // part: users or groups. entries: users or groups. addresses: of users, or members of groups.
    `create table directory_part (
      tenant_id text not null references tenant (tenant_id),
      part text not null,
      generation text not null,
      synced_at ${integer} not null,
      source text not null,
      entries ${integer} not null,
      addresses ${integer} not null,
      refused ${integer} not null,
      primary key (tenant_id, part)
    ) ${table}`,
    `create table directory_address (
      tenant_id text not null references tenant (tenant_id),
      generation text not null,
      address text not null,
      user_number ${integer} not null,
      is_primary ${integer} not null,
      primary key (tenant_id, generation, address, user_number)
    ) ${clustered}`,
    'create index directory_address_user on directory_address (tenant_id, generation, user_number)',
    `create table directory_group (
      tenant_id text not null references tenant (tenant_id),
      generation text not null,
      number ${integer} not null,
      address text,
      name text not null,
      complete ${integer} not null,
      primary key (tenant_id, generation, number)
    ) ${clustered}`,
    // A group by its address and by its name, in one case and normal form.
    `create table directory_group_key (
      tenant_id text not null references tenant (tenant_id),
      generation text not null,
      group_key text not null,
      number ${integer} not null,
      primary key (tenant_id, generation, group_key, number)
    ) ${clustered}`,
    // Nested groups are flattened: addresses only.
    `create table directory_member (
      tenant_id text not null references tenant (tenant_id),
      generation text not null,
      address text not null,
      number ${integer} not null,
      primary key (tenant_id, generation, address, number)
    ) ${clustered}`,
    'create index directory_member_group on directory_member (tenant_id, generation, number)',
  ],
}

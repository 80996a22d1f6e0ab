/**
 * The directory of one tenant at rest. A new generation is written beside the one in use and seen by nobody until one transaction
 * switches to it; a row that is missing then is noticed. What is lost if it fails: the new generation; the one in use stays.
 */
import { randomBytes } from 'node:crypto'
import type {
  DirectoryPart,
  DirectoryStore,
  Group,
  NewGroup,
  NewPart,
  NewUser,
  PartState,
  UserAddress,
  Widening,
} from '../directory/ports.ts'
import { StoreRefused } from '../observe/failures.ts'
import { bumpStep } from './keyring-addition.ts'
import type { KeyringParts } from './keyring.ts'
import type { SqlRow, SqlValue, Step } from './sqlite/messages.ts'
import { Unmet } from './sqlite/sqlite-thread.ts'

/** Addresses of one user that a look-up gives. */
const MOST_ADDRESSES = 1000
/** Groups of one address. */
const MOST_GROUPS = 10_000
/** Addresses that one entry of the audit log names. */
const WIDENED_AT_ONCE = 500
/** Old rows that go in one transaction. */
const CLEANED_AT_ONCE = 5000

/** Digits of the number that a generation begins with. */
const GENERATION_DIGITS = 12

const STATE =
  'select generation, synced_at, source, entries, addresses, refused from directory_part where tenant_id = ? and part = ?'
/** Whether several users of a generation claim the address of a row `a`. */
const sharedIn = (a: string): string =>
  `exists (select 1 from directory_address o where o.tenant_id = ${a}.tenant_id and o.generation = ${a}.generation and ` +
  `o.address = ${a}.address and o.user_number <> ${a}.user_number)`
const USER_WITH =
  `select a.address, a.is_primary, a.user_number, ${sharedIn('a')} as shared from directory_address f join directory_address a ` +
  'on a.tenant_id = f.tenant_id and a.generation = f.generation and a.user_number = f.user_number ' +
  `where f.tenant_id = ? and f.generation = ? and f.address = ? order by a.is_primary desc, a.address limit ${MOST_ADDRESSES}`
const CALLED =
  'select g.number, g.address, g.name, g.complete from directory_group_key k join directory_group g on g.tenant_id = k.tenant_id and ' +
  'g.generation = k.generation and g.number = k.number where k.tenant_id = ? and k.generation = ? and k.group_key = ? limit 2'
const GROUPS_WITH = `select number from directory_member where tenant_id = ? and generation = ? and address = ? limit ${MOST_GROUPS + 1}`
const GROUP_OF =
  'select number, address, name, complete from directory_group where tenant_id = ? and generation = ? and number = ?'
const MEMBERS =
  'select address from directory_member where tenant_id = ? and generation = ? and number = ? order by address limit ?'
const SHARED =
  'select address from directory_address where tenant_id = ? and generation = ? group by address having count(*) > 1 limit ?'
const KEYS_OF =
  'select distinct c.fingerprint from credential_address a join credential c on c.tenant_id = a.tenant_id and c.id = a.credential_id ' +
  "where a.tenant_id = ? and a.owner = 'own' and a.address = ? and c.for_encryption = 1 and c.state <> 'removed' limit 100"
/** Addresses that own keys serve by a generation alone. Cross joins keep this order: keys are few beside addresses. */
const widenedBy = (generation: string): string =>
  'select b.address as address, c.fingerprint as fingerprint from credential_address k cross join credential c cross join ' +
  'directory_address a cross join directory_address b ' +
  "where k.tenant_id = ?1 and k.owner = 'own' and c.tenant_id = k.tenant_id and c.id = k.credential_id and c.for_encryption = 1 and " +
  `c.state <> 'removed' and a.tenant_id = k.tenant_id and a.generation = ${generation} and a.address = k.address and ` +
  'b.tenant_id = a.tenant_id and b.generation = a.generation and b.user_number = a.user_number and b.address <> a.address and ' +
  `not ${sharedIn('a')} and not ${sharedIn('b')} and not exists (select 1 from credential_address x where ` +
  "x.tenant_id = c.tenant_id and x.credential_id = c.id and x.owner = 'own' and x.address = b.address)"
const WIDENED = `${widenedBy('?2')} except ${widenedBy('?3')} order by 1, 2`
const SETTINGS_MOVE = 'update settings set version = version + 1 where id = 1'

/** The tables of a part with the key of their rows. */
const TABLES: Readonly<Record<DirectoryPart, readonly (readonly [string, string])[]>> = {
  users: [['directory_address', 'tenant_id, generation, address, user_number']],
  groups: [
    ['directory_member', 'tenant_id, generation, address, number'],
    ['directory_group_key', 'tenant_id, generation, group_key, number'],
    ['directory_group', 'tenant_id, generation, number'],
  ],
}

function groupOf(row: SqlRow): Group {
  return {
    number: Number(row['number']),
    address: row['address'] === null ? null : String(row['address']),
    name: String(row['name']),
    complete: row['complete'] === 1,
  }
}

/** The directory of one tenant. */
export class SqliteDirectory implements DirectoryStore {
  readonly #tenantId: string
  readonly #parts: KeyringParts

  /** @param tenantId - row key */
  constructor(tenantId: string, parts: KeyringParts) {
    this.#tenantId = tenantId
    this.#parts = parts
  }

  state(part: DirectoryPart): PartState | null {
    const row = this.#parts.lookups.get({ sql: STATE, parameters: [this.#tenantId, part] })
    if (row === undefined) return null
    return {
      generation: String(row['generation']),
      syncedAt: Number(row['synced_at']),
      source: String(row['source']),
      entries: Number(row['entries']),
      addresses: Number(row['addresses']),
      refused: Number(row['refused']),
    }
  }

  userWith(generation: string, address: string): readonly UserAddress[] | null {
    const rows = this.#all(USER_WITH, generation, address)
    if (new Set(rows.map((row) => row['user_number'])).size > 1) return null
    return rows.map((row) => ({
      address: String(row['address']),
      primary: row['is_primary'] === 1,
      shared: row['shared'] === 1,
    }))
  }

  groupsCalled(generation: string, key: string): readonly Group[] {
    return this.#all(CALLED, generation, key).map(groupOf)
  }

  groupsWith(generation: string, address: string): readonly number[] | null {
    const rows = this.#all(GROUPS_WITH, generation, address)
    return rows.length > MOST_GROUPS ? null : rows.map((row) => Number(row['number']))
  }

  groups(generation: string, numbers: readonly number[]): readonly Group[] {
    return numbers.flatMap((number) => this.#all(GROUP_OF, generation, number).map(groupOf))
  }

  keysOf(addresses: readonly string[]): readonly string[] {
    const found = addresses.flatMap((address) => this.#all(KEYS_OF, address))
    return [...new Set(found.map((row) => String(row['fingerprint'])))]
  }

  async members(generation: string, group: number, limit: number): Promise<readonly string[]> {
    const rows = await this.#read(MEMBERS, [this.#tenantId, generation, group, limit])
    return rows.map((row) => String(row['address']))
  }

  newGeneration(part: DirectoryPart): string {
    // Not by the clock: one that was wrong once must not stop later imports.
    const number = Number(this.state(part)?.generation.slice(0, GENERATION_DIGITS) ?? 0) + 1
    return `${String(number).padStart(GENERATION_DIGITS, '0')}-${randomBytes(8).toString('hex')}`
  }

  async keepUsers(generation: string, users: readonly NewUser[]): Promise<void> {
    const sql =
      'insert into directory_address (tenant_id, generation, address, user_number, is_primary) values (?, ?, ?, ?, ?)'
    await this.#parts.writer.run(
      users.flatMap(({ number, addresses }) =>
        addresses.map((address, index): Step => ({
          sql,
          parameters: [this.#tenantId, generation, address, number, index === 0 ? 1 : 0],
        })),
      ),
    )
  }

  async keepGroups(generation: string, groups: readonly NewGroup[]): Promise<void> {
    const [tenant, insert] = [this.#tenantId, 'insert into']
    const steps = groups.flatMap(({ number, address, name, complete, keys, members }): Step[] => [
      {
        sql: `${insert} directory_group (tenant_id, generation, number, address, name, complete) values (?, ?, ?, ?, ?, ?)`,
        parameters: [tenant, generation, number, address, name, complete ? 1 : 0],
      },
      ...keys.map((key): Step => ({
        sql: `${insert} directory_group_key (tenant_id, generation, group_key, number) values (?, ?, ?, ?)`,
        parameters: [tenant, generation, key, number],
      })),
      ...members.map((member): Step => ({
        sql: `${insert} directory_member (tenant_id, generation, address, number) values (?, ?, ?, ?)`,
        parameters: [tenant, generation, member, number],
      })),
    ])
    for (let at = 0; at < steps.length; at += CLEANED_AT_ONCE)
      await this.#parts.writer.run(steps.slice(at, at + CLEANED_AT_ONCE))
  }

  async shared(generation: string, limit: number): Promise<readonly string[]> {
    const rows = await this.#read(SHARED, [this.#tenantId, generation, limit])
    return rows.map((row) => String(row['address']))
  }

  async switchTo(made: NewPart): Promise<number> {
    const { part, generation, syncedAt, source, entries, addresses, refused, actor, digest } = made
    const before = this.state(part)
    const widened = part === 'users' ? await this.#widened(generation, before?.generation ?? '') : []
    for (let at = 0; at < widened.length; at += WIDENED_AT_ONCE)
      await this.#audit(actor, 'directory-widens', {
        ...{ generation, digest },
        served: widened
          .slice(at, at + WIDENED_AT_ONCE)
          .map(({ address, fingerprint }) => `${address} ${fingerprint}`),
      })
    const detail = { part, generation, source, digest, entries, addresses, refused, widened: widened.length }
    try {
      await this.#parts.writes.write(() => ({
        steps: [
          ...this.#complete(made),
          {
            sql:
              'insert into directory_part (tenant_id, part, generation, synced_at, source, entries, addresses, refused) values ' +
              '(?, ?, ?, ?, ?, ?, ?, ?) on conflict (tenant_id, part) do update set generation = excluded.generation, synced_at = ' +
              'excluded.synced_at, source = excluded.source, entries = excluded.entries, addresses = excluded.addresses, refused = excluded.refused',
            parameters: [this.#tenantId, part, generation, syncedAt, source, entries, addresses, refused],
          },
          // What waits is planned anew, and keys are looked up anew.
          bumpStep(this.#tenantId),
          { sql: SETTINGS_MOVE, parameters: [] },
        ],
        entry: { actor, action: 'directory-imported', tenantId: this.#tenantId, detail },
        result: null,
      }))
    } catch (error) {
      if (!(error instanceof Unmet) || error.expectation !== 'incomplete') throw error
      throw new StoreRefused(
        'directory-incomplete',
        'another import of the directory has run meanwhile: import again',
      )
    }
    if (before !== null) await this.#forgetBefore(part, before.generation)
    return widened.length
  }

  /** Everything that was written is there, and what is in use is not later. */
  #complete({ part, generation, entries, addresses }: NewPart): Step[] {
    const there = (table: string, count: number): Step => ({
      sql: `select 1 where (select count(*) from ${table} where tenant_id = ? and generation = ?) = ?`,
      parameters: [this.#tenantId, generation, count],
      query: 'test',
      expect: 'incomplete',
    })
    const rows =
      part === 'users'
        ? [there('directory_address', addresses)]
        : [there('directory_group', entries), there('directory_member', addresses)]
    const latest =
      'select 1 where not exists (select 1 from directory_part where tenant_id = ? and part = ? and generation > ?)'
    const parameters = [this.#tenantId, part, generation]
    return [...rows, { sql: latest, parameters, query: 'test', expect: 'incomplete' }]
  }

  async #widened(generation: string, before: string): Promise<Widening[]> {
    const rows = await this.#read(WIDENED, [this.#tenantId, generation, before])
    return rows.map((row) => ({ address: String(row['address']), fingerprint: String(row['fingerprint']) }))
  }

  /** The one before stays: a mail that is looked at now may still ask it. */
  async #forgetBefore(part: DirectoryPart, generation: string): Promise<void> {
    for (const [table, key] of TABLES[part]) {
      const parameters = [this.#tenantId, generation]
      const old = `select ${key} from ${table} where tenant_id = ? and generation < ? limit ${CLEANED_AT_ONCE}`
      for (;;) {
        const [left = []] = await this.#parts.writer.run([
          { sql: old.replace(key, '1'), parameters, query: 'rows' },
          { sql: `delete from ${table} where (${key}) in (${old})`, parameters },
        ])
        if (left.length < CLEANED_AT_ONCE) break
      }
    }
  }

  async #audit(actor: string, action: string, detail: Readonly<Record<string, unknown>>): Promise<void> {
    const entry = { actor, action, tenantId: this.#tenantId, detail }
    await this.#parts.writes.write(() => ({ steps: [], entry, result: null }))
  }

  async #read(sql: string, parameters: readonly SqlValue[]): Promise<readonly SqlRow[]> {
    const [rows] = await this.#parts.reader().run([{ sql, parameters, query: 'rows' }])
    return rows ?? []
  }

  #all(sql: string, ...parameters: readonly SqlValue[]): SqlRow[] {
    return this.#parts.lookups.all({ sql, parameters: [this.#tenantId, ...parameters] })
  }
}

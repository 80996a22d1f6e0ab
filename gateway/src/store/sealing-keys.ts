/**
 * The data keys of the tenants and of the installation, unwrapped and kept in memory. The installation's key is made at the
 * first start and is the check value of the master key: if it does not open, the store does not. No key is ever made for
 * data that already has one. What is lost with a key: every secret and every mail sealed with it.
 */
import { createSecretKey, randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import { StoreRefused } from '../observe/failures.ts'
import { newRowId } from './row-id.ts'
import { INSTALLATION } from './schema.ts'
import {
  KEY_LENGTH,
  seal,
  sealedWith,
  unseal,
  unwrapKey,
  wrapKey,
  type MasterKey,
  type Place,
  type SealingKey,
} from './sealing.ts'
import { compiler, stepOf } from './sqlite/dialect.ts'
import type { Lookups } from './sqlite/lookups.ts'
import type { SqlRow, Step } from './sqlite/messages.ts'
import { bufferOf, type SqliteThread } from './sqlite/sqlite-thread.ts'
import { statement } from './sqlite/statement.ts'

const currentKey = statement<{ tenantId: string }>((db, value) =>
  db
    .selectFrom('sealing_key')
    .select(['tenant_id', 'id', 'wrapped'])
    .where('tenant_id', '=', value('tenantId'))
    .where('retired_at', 'is', null)
    .orderBy('id', 'desc')
    .limit(1),
)

const keyById = statement<{ tenantId: string; id: string }>((db, value) =>
  db
    .selectFrom('sealing_key')
    .select(['tenant_id', 'id', 'wrapped'])
    .where('tenant_id', '=', value('tenantId'))
    .where('id', '=', value('id')),
)

const anythingKept = statement<object>((db) =>
  db
    .selectFrom('tenant')
    .select('tenant_id as found')
    .unionAll(db.selectFrom('configuration').select('name as found'))
    .unionAll(db.selectFrom('sealing_key').select('id as found'))
    .limit(1),
)

/** The word of failure when the master key was changed while this process was running. */
export const MASTER_KEY_ROTATED = 'master-key-rotated'

/** Seals and unseals with the keys of the tenants. */
export class SealingKeys {
  readonly #master: MasterKey
  readonly #lookups: Lookups
  readonly #current = new Map<string, SealingKey>()
  readonly #byId = new Map<string, SealingKey>()

  /**
   * @param master - the master key
   * @param lookups - where the wrapped keys are read
   */
  constructor(master: MasterKey, lookups: Lookups) {
    this.#master = master
    this.#lookups = lookups
  }

  /**
   * Checks the master key against the data, or, in a store that holds nothing yet, makes the installation's key.
   * @throws StoreRefused `master-key-wrong`, `data-incomplete`
   */
  async check(writer: SqliteThread, now: number): Promise<void> {
    if (
      this.#lookups.get({ sql: currentKey.sql, parameters: currentKey.bind({ tenantId: INSTALLATION }) }) ===
      undefined
    ) {
      if (this.#lookups.get({ sql: anythingKept.sql, parameters: anythingKept.bind({}) }) !== undefined)
        throw new StoreRefused(
          'data-incomplete',
          'the database holds data but not the key of the installation',
        )
      await writer.run([this.#firstKey(now)])
    }
    this.current(INSTALLATION)
  }

  /** Makes a key for a new tenant and the step that keeps it. */
  make(tenantId: string, now: number): { readonly key: SealingKey; readonly step: Step } {
    const id = newRowId(now)
    const bytes = randomBytes(KEY_LENGTH)
    const wrapped = wrapKey(this.#master, tenantId, id, bytes)
    const query = sql`insert into sealing_key (tenant_id, id, kek_id, wrapped, created_at)
      select ${tenantId}, ${id}, ${this.#master.id}, ${wrapped}, ${now}
      where exists (select 1 from sealing_key where tenant_id = ${INSTALLATION} and kek_id = ${this.#master.id})`
    return {
      key: { id, key: createSecretKey(bytes) },
      step: { ...stepOf({ compile: () => query.compile(compiler) }), expect: MASTER_KEY_ROTATED },
    }
  }

  /** The installation's key, unless another process that starts at the same time was quicker. */
  #firstKey(now: number): Step {
    const id = newRowId(now)
    const wrapped = wrapKey(this.#master, INSTALLATION, id, randomBytes(KEY_LENGTH))
    const query = sql`insert into sealing_key (tenant_id, id, kek_id, wrapped, created_at)
      select ${INSTALLATION}, ${id}, ${this.#master.id}, ${wrapped}, ${now}
      where not exists (select 1 from sealing_key where tenant_id = ${INSTALLATION})`
    return stepOf({ compile: () => query.compile(compiler) })
  }

  /**
   * The key that new values of a tenant are sealed with.
   * @throws StoreRefused `tenant-unknown`
   */
  current(tenantId: string): SealingKey {
    const known = this.#current.get(tenantId)
    if (known !== undefined) return known
    const row = this.#lookups.get({ sql: currentKey.sql, parameters: currentKey.bind({ tenantId }) })
    if (row === undefined) throw new StoreRefused('tenant-unknown', `tenant ${tenantId} has no sealing key`)
    const key = this.#keep(row)
    this.#current.set(tenantId, key)
    return key
  }

  /** The key of a tenant by its id; null when it has none of that id. */
  find(tenantId: string, id: string): SealingKey | null {
    const known = this.#byId.get(`${tenantId} ${id}`)
    if (known !== undefined) return known
    const row = this.#lookups.get({ sql: keyById.sql, parameters: keyById.bind({ tenantId, id }) })
    return row === undefined ? null : this.#keep(row)
  }

  /** Drops what is kept of a removed tenant. */
  forget(tenantId: string): void {
    this.#current.delete(tenantId)
    for (const name of this.#byId.keys()) if (name.startsWith(`${tenantId} `)) this.#byId.delete(name)
  }

  /** Seals a value with the tenant's current key. */
  seal(place: Place, value: Buffer): Buffer {
    return seal(this.current(place.tenantId), place, value)
  }

  /**
   * Opens a sealed value.
   * @throws StoreRefused `secret-damaged`
   */
  unseal(place: Place, sealed: Buffer): Buffer {
    const id = sealedWith(sealed)
    const key = id === null ? null : this.find(place.tenantId, id)
    if (key === null)
      throw new StoreRefused(
        'secret-damaged',
        `${place.table}.${place.column} of "${place.row}" is not sealed with a key of its tenant`,
      )
    return unseal(key, place, sealed)
  }

  #keep(row: SqlRow): SealingKey {
    const { tenant_id: tenantId, id, wrapped } = row
    const key = unwrapKey(this.#master, String(tenantId), String(id), bufferOf(wrapped))
    this.#byId.set(`${String(tenantId)} ${key.id}`, key)
    return key
  }
}

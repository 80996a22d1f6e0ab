/**
 * Configuration objects at rest: read as a whole, changed as a whole in one transaction with secrets, keyring entries, the
 * version and an audit entry. Secrets lie beside the objects, sealed for their place. Judges no object: that is the contract's.
 */
import { randomBytes } from 'node:crypto'
import { StorageError, StoreRefused } from '../observe/failures.ts'
import type { ConfigChange, ConfigObject, ConfigStore } from '../config/ports.ts'
import { auditSteps } from './audit-log.ts'
import { addCredentialSteps, removeCredentialSteps } from './credentials.ts'
import { activeIdentities } from './identities.ts'
import { newRowId } from './row-id.ts'
import { INSTALLATION } from './schema.ts'
import { seal, type SealingKey } from './sealing.ts'
import { MASTER_KEY_ROTATED, type SealingKeys } from './sealing-keys.ts'
import type { Lookups } from './sqlite/lookups.ts'
import type { Step } from './sqlite/messages.ts'
import { bufferOf, Unmet, type SqliteThread } from './sqlite/sqlite-thread.ts'

const PUT =
  'insert into configuration (tenant_id, kind, name, spec, changed_at) values (?, ?, ?, ?, ?) on conflict (tenant_id, kind, name) ' +
  'do update set spec = excluded.spec, changed_at = excluded.changed_at'
const PUT_SECRET = 'insert into secret (tenant_id, kind, name, pointer, sealed) values (?, ?, ?, ?, ?)'
const OF_OBJECT = 'where tenant_id = ? and kind = ? and name = ?'
const NO_OPEN_MAIL = 'select 1 as free where ? not in (select tenant_id from mail where final_at is null)'
/** What goes with a tenant, in an order that keeps references whole. */
const TABLES_OF_TENANT = [
  ...['credential_address', 'credential', 'distrusted_certificate', 'pinned_certificate', 'keyring_version'],
  ...['keyring_import_finding', 'keyring_import', 'key_request', 'issued_certificate', 'pilot_authority'],
  ...['secret', 'configuration'],
  ...['acme_order', 'tls_slot', 'tls_certificate'],
]
const MARKER_KEY_OCTETS = 32

/** Another process has changed something between reading and writing. */
const MOVED = 'moved'
const MOST_ATTEMPTS = 10

interface TenantRow {
  readonly id: string
  readonly markerKey: Buffer
}

function secretPlace(tenantId: string, object: { kind: string; name: string }, pointer: string) {
  return {
    tenantId,
    table: 'secret',
    row: JSON.stringify([object.kind, object.name, pointer]),
    column: 'sealed',
  }
}

/** The configuration on SQLite. */
export class SqliteConfig implements ConfigStore {
  readonly #writer: SqliteThread
  readonly #lookups: Lookups
  readonly #keys: SealingKeys
  readonly #now: () => number
  #last: Promise<unknown> = Promise.resolve()

  /** @param now - milliseconds since 1970 */
  constructor(writer: SqliteThread, lookups: Lookups, keys: SealingKeys, now: () => number) {
    this.#writer = writer
    this.#lookups = lookups
    this.#keys = keys
    this.#now = now
  }

  read(): ReturnType<ConfigStore['read']> {
    return Promise.resolve(
      this.#lookups.snapshot(() => {
        const tenants = this.#tenants()
        const names = new Map([...tenants].map(([name, { id }]) => [id, name]))
        const secrets = this.#secrets()
        const rows = this.#lookups.all({
          sql: 'select tenant_id, kind, name, spec from configuration order by tenant_id, kind, name',
          parameters: [],
        })
        const objects = rows.map((row): ConfigObject => {
          const [tenantId, kind, name] = [String(row['tenant_id']), String(row['kind']), String(row['name'])]
          return {
            kind,
            tenant: kind === 'Tenant' ? null : (names.get(tenantId) ?? null),
            name,
            spec: JSON.parse(String(row['spec'])) as unknown,
            secrets: secrets.get(JSON.stringify([tenantId, kind, name])) ?? {},
          }
        })
        return {
          version: this.#version(),
          objects,
          tenants,
          identities: activeIdentities(this.#lookups, this.#keys),
        }
      }),
    )
  }

  version(): Promise<number> {
    return Promise.resolve(this.#version())
  }

  change(change: ConfigChange): Promise<number> {
    // One at a time in this process: each is made from what it reads, and only the first would find that unchanged.
    const changed = this.#last.then(() => this.#change(change))
    this.#last = changed.catch(() => undefined)
    return changed
  }

  async #change(change: ConfigChange): Promise<number> {
    for (let attempt = 1; ; attempt += 1)
      try {
        return await this.#tryChange(change)
      } catch (error) {
        if (!(error instanceof Unmet)) throw error
        if (error.expectation === MASTER_KEY_ROTATED)
          throw new StoreRefused(
            'master-key-wrong',
            'the master key was changed meanwhile: set it and try again',
          )
        if (error.expectation !== MOVED)
          throw new StoreRefused(
            'tenant-has-mail',
            'the tenant still has mail that is not delivered: drain it first',
          )
        if (attempt === MOST_ATTEMPTS)
          throw new StorageError('failed', 'others change the configuration all the time: try again')
      }
  }

  /** Rejects with Unmet when another process has changed something since it was read here. */
  async #tryChange(change: ConfigChange): Promise<number> {
    const version = this.#version()
    if (change.from !== undefined && change.from !== version)
      throw new StoreRefused(
        'configuration-moved',
        `the configuration was changed meanwhile (version ${change.from} became ${version})`,
      )
    const now = this.#now()
    const changing = new Changing(this.#tenants(), this.#keys, now)
    for (const object of change.remove) changing.remove(object)
    // Tenants first: the objects that belong to them need their rows.
    const puts = change.put.toSorted(
      (a, b) => Number(b.object.kind === 'Tenant') - Number(a.object.kind === 'Tenant'),
    )
    for (const { object, credentials } of puts) changing.put(object, credentials)
    const entry = {
      at: now,
      actor: 'command line',
      action: 'configuration-changed',
      tenantId: INSTALLATION,
      detail: { put: change.put.map(({ object }) => nameOf(object)), remove: change.remove.map(nameOf) },
    }
    await this.#writer.run([
      {
        sql: 'update settings set version = version + 1 where id = 1 and version = ?',
        parameters: [version],
        expect: MOVED,
      },
      ...changing.steps,
      ...auditSteps(this.#lookups, entry, MOVED),
    ])
    return version + 1
  }

  #version(): number {
    return Number(
      this.#lookups.get({ sql: 'select version from settings where id = 1', parameters: [] })?.['version'],
    )
  }

  #tenants(): Map<string, TenantRow> {
    const rows = this.#lookups.all({ sql: 'select tenant_id, name, marker_key from tenant', parameters: [] })
    return new Map(
      rows.map((row) => {
        const id = String(row['tenant_id'])
        const markerKey = this.#keys.unseal(markerPlace(id), bufferOf(row['marker_key']))
        return [String(row['name']), { id, markerKey }]
      }),
    )
  }

  #secrets(): Map<string, Record<string, string>> {
    const secrets = new Map<string, Record<string, string>>()
    for (const row of this.#lookups.all({
      sql: 'select tenant_id, kind, name, pointer, sealed from secret',
      parameters: [],
    })) {
      const [tenantId, kind, name, pointer] = [
        row['tenant_id'],
        row['kind'],
        row['name'],
        row['pointer'],
      ].map(String)
      if (tenantId === undefined || kind === undefined || name === undefined || pointer === undefined)
        continue
      const key = JSON.stringify([tenantId, kind, name])
      const values = secrets.get(key) ?? {}
      values[pointer] = this.#keys
        .unseal(secretPlace(tenantId, { kind, name }, pointer), bufferOf(row['sealed']))
        .toString()
      secrets.set(key, values)
    }
    return secrets
  }
}

/** What names an object, for the audit log. */
function nameOf({ kind, tenant, name }: { kind: string; tenant: string | null; name: string }) {
  return { kind, tenant, name }
}

function markerPlace(tenantId: string) {
  return { tenantId, table: 'tenant', row: tenantId, column: 'marker_key' }
}

/** Collects the steps of one change. */
class Changing {
  readonly steps: Step[] = []
  readonly #tenants: Map<string, { readonly id: string; readonly key: SealingKey | null }>
  readonly #keys: SealingKeys
  readonly #now: number

  constructor(tenants: ReadonlyMap<string, TenantRow>, keys: SealingKeys, now: number) {
    this.#tenants = new Map([...tenants].map(([name, { id }]) => [name, { id, key: null }]))
    this.#keys = keys
    this.#now = now
  }

  remove(object: { readonly kind: string; readonly tenant: string | null; readonly name: string }): void {
    const { id } = this.#owner(object)
    if (object.kind === 'Tenant') {
      this.#removeTenant(id)
      return
    }
    this.steps.push(
      ...removeCredentialSteps(id, object),
      { sql: `delete from secret ${OF_OBJECT}`, parameters: [id, object.kind, object.name] },
      { sql: `delete from configuration ${OF_OBJECT}`, parameters: [id, object.kind, object.name] },
    )
  }

  /**
   * Everything that makes the tenant work goes, its keys for signing and decrypting too. The row and the sealing key stay
   * with the traces; a tenant of that name that comes back finds them again.
   */
  #removeTenant(id: string): void {
    this.steps.push({ sql: NO_OPEN_MAIL, parameters: [id], query: 'test', expect: 'tenant-has-mail' })
    for (const table of TABLES_OF_TENANT)
      this.steps.push({ sql: `delete from ${table} where tenant_id = ?`, parameters: [id] })
  }

  put(object: ConfigObject, credentials: ConfigChange['put'][number]['credentials']): void {
    if (object.kind === 'Tenant' && !this.#tenants.has(object.name)) this.#addTenant(object.name)
    const owner = this.#owner(object)
    const key = owner.key ?? this.#keys.current(owner.id)
    this.steps.push(...removeCredentialSteps(owner.id, object), ...this.#removeSecrets(owner.id, object))
    this.steps.push({
      sql: PUT,
      parameters: [owner.id, object.kind, object.name, JSON.stringify(object.spec), this.#now],
    })
    for (const [pointer, value] of Object.entries(object.secrets)) {
      const sealed = seal(key, secretPlace(owner.id, object, pointer), Buffer.from(value))
      this.steps.push({
        sql: PUT_SECRET,
        parameters: [owner.id, object.kind, object.name, pointer, new Uint8Array(sealed)],
      })
    }
    for (const entry of credentials) this.steps.push(...addCredentialSteps(owner.id, object, entry, key))
  }

  #removeSecrets(id: string, { kind, name }: { kind: string; name: string }): Step[] {
    return [{ sql: `delete from secret ${OF_OBJECT}`, parameters: [id, kind, name] }]
  }

  #addTenant(name: string): void {
    const id = newRowId(this.#now)
    const { key, step } = this.#keys.make(id, this.#now)
    const markerKey = seal(key, markerPlace(id), randomBytes(MARKER_KEY_OCTETS))
    this.steps.push(step, {
      sql: 'insert into tenant (tenant_id, name, marker_key, created_at) values (?, ?, ?, ?)',
      parameters: [id, name, new Uint8Array(markerKey), this.#now],
    })
    this.#tenants.set(name, { id, key })
  }

  /** Under whom an object's rows stand: a Tenant under itself, what names no tenant under the installation. */
  #owner(object: { readonly kind: string; readonly tenant: string | null; readonly name: string }): {
    id: string
    key: SealingKey | null
  } {
    const name = object.kind === 'Tenant' ? object.name : object.tenant
    if (name === null) return { id: INSTALLATION, key: null }
    const tenant = this.#tenants.get(name)
    if (tenant === undefined) throw new StoreRefused('tenant-unknown', `there is no tenant ${name}`)
    return tenant
  }
}

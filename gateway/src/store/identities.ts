/**
 * TLS identities at rest: rows, keys sealed for their place, and slots that move with the version of the settings, so that every
 * process follows. Judges no certificate. What is lost if it fails: keys that no authority gives back; so nothing is overwritten
 * but a certificate that was awaited.
 */
import type {
  Deed,
  IdentityState,
  IdentityStore,
  KeptAccount,
  KeptCertificate,
  KeptOrder,
  Origin,
  Slot,
  Use,
} from '../identity/ports.ts'
import type { ActiveIdentity } from '../config/ports.ts'
import { StorageError, StoreRefused } from '../observe/failures.ts'
import { auditSteps } from './audit-log.ts'
import { INSTALLATION } from './schema.ts'
import type { SealingKeys } from './sealing-keys.ts'
import type { Lookups } from './sqlite/lookups.ts'
import type { SqlRow, Step } from './sqlite/messages.ts'
import { bufferOf, Unmet, type SqliteThread } from './sqlite/sqlite-thread.ts'

const MOVED = 'moved'
/** The audit log grew meanwhile. */
const LOG_MOVED = 'log-moved'
const MOST_ATTEMPTS = 10

const COLUMNS =
  'tenant_id, id, origin, created_at, names, key_kind, csr, chain, not_before, not_after, fingerprint'
const KEEP = `insert into tls_certificate (${COLUMNS}, private_key) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
const COMPLETE =
  'update tls_certificate set names = ?, chain = ?, not_before = ?, not_after = ?, fingerprint = ? where tenant_id = ? and id = ? and chain is null'
const SET_SLOT =
  'insert into tls_slot (tenant_id, usage, active, former, next, next_at) values (?, ?, ?, ?, ?, ?) on conflict (tenant_id, usage) ' +
  'do update set active = excluded.active, former = excluded.former, next = excluded.next, next_at = excluded.next_at'
const KEEP_ACCOUNT =
  'insert into acme_account (directory, url, private_key, created_at) values (?, ?, ?, ?) on conflict (directory) ' +
  'do update set url = excluded.url, private_key = excluded.private_key'
const KEEP_ORDER =
  'insert into acme_order (tenant_id, directory, url, certificate_id, next_at, failures, problem) values (?, ?, ?, ?, ?, ?, ?) ' +
  'on conflict (tenant_id) do update set directory = excluded.directory, url = excluded.url, certificate_id = excluded.certificate_id, ' +
  'next_at = excluded.next_at, failures = excluded.failures, problem = excluded.problem'
const ACTIVE =
  'select s.tenant_id, s.usage, c.id, c.chain, c.private_key from tls_slot s join tls_certificate c on c.tenant_id = s.tenant_id and c.id = s.active ' +
  'where c.chain is not null order by s.tenant_id, s.usage'

function keyPlace(tenantId: string, id: string) {
  return { tenantId, table: 'tls_certificate', row: id, column: 'private_key' }
}

function accountPlace(directory: string) {
  return { tenantId: INSTALLATION, table: 'acme_account', row: directory, column: 'private_key' }
}

function textOrNull(row: SqlRow, name: string): string | null {
  const value = row[name]
  return value === null || value === undefined ? null : String(value)
}

function numberOrNull(row: SqlRow, name: string): number | null {
  const value = row[name]
  return value === null || value === undefined ? null : Number(value)
}

/** The identities in force, keys unsealed; for the settings. */
export function activeIdentities(lookups: Lookups, keys: SealingKeys): ActiveIdentity[] {
  return lookups.all({ sql: ACTIVE, parameters: [] }).map((row) => {
    const tenantId = String(row['tenant_id'])
    return {
      tenantId,
      use: String(row['usage']) as Use,
      chain: String(row['chain']),
      key: keys.unseal(keyPlace(tenantId, String(row['id'])), bufferOf(row['private_key'])).toString(),
    }
  })
}

/** The identities on SQLite. */
export class SqliteIdentities implements IdentityStore {
  readonly #writer: SqliteThread
  readonly #lookups: Lookups
  readonly #keys: SealingKeys
  readonly #now: () => number

  /** @param now - milliseconds since 1970 */
  constructor(writer: SqliteThread, lookups: Lookups, keys: SealingKeys, now: () => number) {
    this.#writer = writer
    this.#lookups = lookups
    this.#keys = keys
    this.#now = now
  }

  state(): IdentityState {
    return this.#lookups.snapshot(() => ({
      version: this.#version(),
      certificates: this.#lookups
        .all({ sql: `select ${COLUMNS} from tls_certificate order by tenant_id, id`, parameters: [] })
        .map(certificateOf),
      slots: this.#lookups
        .all({ sql: 'select * from tls_slot order by tenant_id, usage desc', parameters: [] })
        .map(slotOf),
    }))
  }

  privateKey(tenantId: string, id: string): string | null {
    const sealed = this.#lookups.get({
      sql: 'select private_key from tls_certificate where tenant_id = ? and id = ?',
      parameters: [tenantId, id],
    })?.['private_key']
    return sealed === undefined
      ? null
      : this.#keys.unseal(keyPlace(tenantId, id), bufferOf(sealed)).toString()
  }

  async keep(certificate: KeptCertificate, privateKey: string | null, deed: Deed): Promise<void> {
    const { tenantId, id, chain, notBefore, notAfter, fingerprint } = certificate
    const names = JSON.stringify(certificate.names)
    const step: Step =
      privateKey === null
        ? {
            sql: COMPLETE,
            parameters: [names, chain, notBefore, notAfter, fingerprint, tenantId, id],
            expect: MOVED,
          }
        : {
            sql: KEEP,
            parameters: [
              ...[tenantId, id, certificate.origin, certificate.createdAt, names, certificate.keyKind],
              ...[certificate.csr, chain, notBefore, notAfter, fingerprint],
              new Uint8Array(this.#keys.seal(keyPlace(tenantId, id), Buffer.from(privateKey))),
            ],
          }
    await this.#write([step], deed)
  }

  async keepChain(tenantId: string, id: string, chain: string): Promise<void> {
    const sql = 'update tls_certificate set chain = ? where tenant_id = ? and id = ? and chain is not null'
    await this.#writer.run([{ sql, parameters: [chain, tenantId, id] }])
  }

  async setSlots(version: number, slots: readonly Slot[], deed: Deed): Promise<void> {
    await this.#write([bump(version), ...slots.map(slotStep)], deed)
  }

  async remove(version: number, tenantId: string, id: string, deed: Deed): Promise<void> {
    const without = ['active', 'former', 'next'].map((column): Step => ({
      sql: `update tls_slot set ${column} = null where tenant_id = ? and ${column} = ?`,
      parameters: [tenantId, id],
    }))
    const removal: Step = {
      sql: 'delete from tls_certificate where tenant_id = ? and id = ?',
      parameters: [tenantId, id],
      expect: MOVED,
    }
    await this.#write([bump(version), ...without, removal], deed)
  }

  account(directory: string): KeptAccount | null {
    const row = this.#lookups.get({
      sql: 'select url, private_key from acme_account where directory = ?',
      parameters: [directory],
    })
    if (row === undefined) return null
    const privateKey = this.#keys.unseal(accountPlace(directory), bufferOf(row['private_key'])).toString()
    return { directory, url: textOrNull(row, 'url'), privateKey }
  }

  async keepAccount({ directory, url, privateKey }: KeptAccount): Promise<void> {
    const sealed = this.#keys.seal(accountPlace(directory), Buffer.from(privateKey))
    await this.#writer.run([
      { sql: KEEP_ACCOUNT, parameters: [directory, url, new Uint8Array(sealed), this.#now()] },
    ])
  }

  orders(): KeptOrder[] {
    return this.#lookups
      .all({ sql: 'select * from acme_order order by tenant_id', parameters: [] })
      .map(orderOf)
  }

  async keepOrder(order: KeptOrder): Promise<void> {
    const { tenantId, directory, url, certificateId, nextAt, failures, problem } = order
    await this.#writer.run([
      { sql: KEEP_ORDER, parameters: [tenantId, directory, url, certificateId, nextAt, failures, problem] },
    ])
  }

  async forgetOrder(tenantId: string): Promise<void> {
    await this.#writer.run([{ sql: 'delete from acme_order where tenant_id = ?', parameters: [tenantId] }])
  }

  #version(): number {
    return Number(
      this.#lookups.get({ sql: 'select version from settings where id = 1', parameters: [] })?.['version'],
    )
  }

  /** Writes with an entry of the audit log; tries again when only the log has grown meanwhile. */
  async #write(steps: readonly Step[], deed: Deed): Promise<void> {
    for (let attempt = 1; ; attempt += 1)
      try {
        const entry = { at: this.#now(), ...deed }
        await this.#writer.run([...steps, ...auditSteps(this.#lookups, entry, LOG_MOVED)])
        return
      } catch (error) {
        if (!(error instanceof Unmet)) throw error
        if (error.expectation === MOVED)
          throw new StoreRefused('configuration-moved', 'the settings were changed meanwhile: try again')
        if (attempt === MOST_ATTEMPTS)
          throw new StorageError('failed', 'others write to the audit log all the time: try again')
      }
  }
}

/** Only slots change what is in force, so only they move the version. */
function bump(version: number): Step {
  return {
    sql: 'update settings set version = version + 1 where id = 1 and version = ?',
    parameters: [version],
    expect: MOVED,
  }
}

function slotStep({ tenantId, use, active, former, next, nextAt }: Slot): Step {
  return { sql: SET_SLOT, parameters: [tenantId, use, active, former, next, nextAt] }
}

function certificateOf(row: SqlRow): KeptCertificate {
  return {
    id: String(row['id']),
    tenantId: String(row['tenant_id']),
    origin: String(row['origin']) as Origin,
    createdAt: Number(row['created_at']),
    names: JSON.parse(String(row['names'])) as string[],
    keyKind: String(row['key_kind']),
    csr: textOrNull(row, 'csr'),
    chain: textOrNull(row, 'chain'),
    notBefore: numberOrNull(row, 'not_before'),
    notAfter: numberOrNull(row, 'not_after'),
    fingerprint: textOrNull(row, 'fingerprint'),
  }
}

function slotOf(row: SqlRow): Slot {
  return {
    tenantId: String(row['tenant_id']),
    use: String(row['usage']) as Use,
    active: textOrNull(row, 'active'),
    former: textOrNull(row, 'former'),
    next: textOrNull(row, 'next'),
    nextAt: numberOrNull(row, 'next_at'),
  }
}

function orderOf(row: SqlRow): KeptOrder {
  return {
    tenantId: String(row['tenant_id']),
    directory: String(row['directory']),
    url: textOrNull(row, 'url'),
    certificateId: textOrNull(row, 'certificate_id'),
    nextAt: Number(row['next_at']),
    failures: Number(row['failures']),
    problem: textOrNull(row, 'problem'),
  }
}

/**
 * The door of the store: opens a data folder (database, sealed spool, keys) and hands out its parts. Reached per tenant by
 * `forTenant`, except by the queue, whose workers carry the mail of all. What is lost if it fails: everything that was kept;
 * so it refuses to open rather than open half.
 */
import { join } from 'node:path'
import type { Kysely } from 'kysely'
import type { ConfigStore } from '../config/ports.ts'
import type { DirectoryStore } from '../directory/ports.ts'
import type { OwnCredential } from '../identity/expiry.ts'
import type { IdentityStore } from '../identity/ports.ts'
import type { CapabilityStore } from '../keyring/capabilities.ts'
import type { HarvestStore } from '../keyring/harvest-ports.ts'
import type { IssuingStore } from '../keyring/issuing-ports.ts'
import type { CredentialStore, KeyringStore } from '../keyring/ports.ts'
import type { Bodies } from '../mail/body.ts'
import type { QueueStore } from '../mail/queue/ports.ts'
import type { TraceStore } from '../mail/trace.ts'
import type { Log } from '../observe/log.ts'
import type { ReportStore } from '../tls-reports/ports.ts'
import { AddressRanges } from './address-ranges.ts'
import { AuditedWrites } from './audited-writes.ts'
import { Alarms } from './alarms.ts'
import { TlsReports } from './tls-reports.ts'
import { RevocationSources } from './revocation-sources.ts'
import { StsPolicies } from './sts-policies.ts'
import { PartnerCapabilities } from './capabilities.ts'
import { SqliteConfig } from './config-store.ts'
import { ownCredentials, SqliteCredentials } from './credentials.ts'
import { DATABASE, SPOOL, prepareDataFolder } from './data-folder.ts'
import { SqliteDirectory } from './directory.ts'
import { SqliteHarvest } from './harvest.ts'
import { SqliteIdentities } from './identities.ts'
import { checkIntegrity, type Problem } from './integrity.ts'
import { SqliteIssuing } from './issuing.ts'
import { purgeSteps, SqliteKeyring } from './keyring.ts'
import { rotateMasterKey } from './master-key-rotation.ts'
import { prepareMigrations, SQLITE_TYPES } from './migrations/list.ts'
import { SqliteQueue } from './queue.ts'
import type { Tables } from './schema.ts'
import { SealingKeys } from './sealing-keys.ts'
import { takeMasterKey, type MasterKey } from './sealing.ts'
import { takeServerLock, type ServerLock } from './server-lock.ts'
import { Spool } from './spool/spool.ts'
import { readingKysely } from './sqlite/dialect.ts'
import { Lookups } from './sqlite/lookups.ts'
import { SqliteThread } from './sqlite/sqlite-thread.ts'
import { sweepBodies, sweepTraces } from './sweep.ts'
import { SqliteTraces } from './traces.ts'

/** How a store is opened. */
export interface StoreOptions {
  readonly dataFolder: string
  /** 32 octets. */
  readonly masterKey: Buffer
  /** The clock, in milliseconds since 1970. */
  readonly now?: () => number
  readonly log?: Log
  /** How long the rows of finished mails are kept for the trace; default 90. */
  readonly traceDays?: number
}

/** What is kept of one tenant. */
export interface TenantStore {
  readonly credentials: CredentialStore
  /** Changes of the keyring that no configuration object makes. */
  readonly keyring: KeyringStore
  /** What was harvested from mail, and what speaks against a certificate. */
  readonly harvest: HarvestStore
  /** Keys that await their certificate, and the tenant's own authority. */
  readonly issuing: IssuingStore
  /** What its partners have shown to be able to read. */
  readonly capabilities: CapabilityStore
  /** Its people: users and groups. */
  readonly directory: DirectoryStore
  readonly traces: TraceStore
}

/** An open store. */
export interface Store {
  readonly queue: QueueStore
  readonly bodies: Bodies
  readonly config: ConfigStore
  readonly alarms: Alarms
  readonly addressRanges: AddressRanges
  /** TLS certificates of the tenants, of the installation as a whole: it is the installation that presents them. */
  readonly identities: IdentityStore
  /**
   * The own S/MIME keys of all tenants that end before a time (milliseconds since 1970), with those that may take their place.
   * Rejects with StorageError.
   */
  ownCredentials(before: number): Promise<readonly OwnCredential[]>
  readonly stsPolicies: StsPolicies
  readonly revocationSources: RevocationSources
  /** Counts of TLS sessions of direct delivery, and the reports about them. */
  readonly tlsReports: ReportStore
  /** The part of one tenant, by its row key. */
  forTenant(id: string): TenantStore
  /**
   * Makes this process the one server of the data folder, and ends the leases of the one before.
   * Throws StoreRefused `server-running`.
   */
  lockServer(): Promise<void>
  /**
   * Changes the master key of a store that no server runs on; this store is closed afterwards.
   * @param masterKey - the new one, 32 octets
   * @returns how many data keys were wrapped anew
   */
  rotateMasterKey(masterKey: Buffer): Promise<number>
  /** Removes bodies that nothing needs, returns how many, and the rows of mails whose trace is over its term. */
  sweep(): Promise<number>
  /** Reads everything and says what is not whole; empty when all is well. */
  integrity(): Promise<readonly Problem[]>
  /** Ends what is under way and closes everything. */
  close(): Promise<void>
}

const BUSY_TIMEOUT_MS = 10_000
const TRACE_DAYS = 90
const DAY_MS = 86_400_000

/**
 * Opens the store of a data folder; an empty folder gets a new one.
 * Rejects with StoreRefused (an operator must act) or StorageError.
 */
export async function openStore(options: StoreOptions): Promise<Store> {
  const { dataFolder, now = Date.now, log, traceDays = TRACE_DAYS } = options
  const master = takeMasterKey(options.masterKey)
  await prepareDataFolder(dataFolder)
  const path = join(dataFolder, DATABASE)
  const writer = new SqliteThread({
    path,
    mode: 'write',
    migrations: prepareMigrations(SQLITE_TYPES),
    busyTimeout: BUSY_TIMEOUT_MS,
  })
  await writer.opened()
  const lookups = new Lookups(path, BUSY_TIMEOUT_MS)
  const keys = new SealingKeys(master, lookups)
  try {
    await keys.check(writer, now())
  } catch (error) {
    lookups.close()
    await writer.close()
    throw error
  }
  return new SqliteStore({
    path,
    dataFolder,
    writer,
    lookups,
    keys,
    master,
    now,
    log,
    traceMs: traceDays * DAY_MS,
  })
}

interface Parts {
  readonly path: string
  readonly dataFolder: string
  readonly writer: SqliteThread
  readonly lookups: Lookups
  readonly keys: SealingKeys
  readonly master: MasterKey
  readonly now: () => number
  readonly log: Log | undefined
  readonly traceMs: number
}

class SqliteStore implements Store {
  readonly queue: SqliteQueue
  readonly bodies: Spool
  readonly config: ConfigStore
  readonly alarms: Alarms
  readonly addressRanges: AddressRanges
  readonly identities: IdentityStore
  readonly stsPolicies: StsPolicies
  readonly revocationSources: RevocationSources
  readonly tlsReports: TlsReports
  readonly #parts: Parts
  readonly #writes: AuditedWrites
  readonly #tenants = new Map<string, TenantStore>()
  #reader: { readonly thread: SqliteThread; readonly db: Kysely<Tables> } | null = null
  #lock: ServerLock | null = null

  constructor(parts: Parts) {
    const { writer, lookups, keys, now } = parts
    this.#parts = parts
    this.#writes = new AuditedWrites(writer, lookups, now)
    this.queue = new SqliteQueue(writer, lookups, now)
    this.bodies = new Spool(join(parts.dataFolder, SPOOL), {
      current: (tenantId) => keys.current(tenantId),
      find: (tenantId, keyId) => keys.find(tenantId, keyId),
      isKept: (ref) => this.queue.keeps(ref),
    })
    this.config = new SqliteConfig(writer, lookups, keys, now)
    this.alarms = new Alarms(writer, lookups, now)
    this.addressRanges = new AddressRanges(parts.dataFolder)
    this.identities = new SqliteIdentities(writer, lookups, keys, now)
    this.stsPolicies = new StsPolicies(writer, lookups)
    this.revocationSources = new RevocationSources(writer, lookups)
    this.tlsReports = new TlsReports(writer, lookups)
  }

  forTenant(id: string): TenantStore {
    let tenant = this.#tenants.get(id)
    if (tenant === undefined) {
      const { writer, lookups, keys, now } = this.#parts
      const db = (): Kysely<Tables> => this.#reading().db
      const parts = {
        writes: this.#writes,
        ...{ writer, lookups, keys, now },
        reader: () => this.#reading().thread,
      }
      tenant = {
        credentials: new SqliteCredentials(id, lookups, keys),
        keyring: new SqliteKeyring(id, parts),
        issuing: new SqliteIssuing(id, parts),
        directory: new SqliteDirectory(id, parts),
        harvest: new SqliteHarvest(id, writer, lookups),
        capabilities: new PartnerCapabilities(id, writer, lookups),
        get traces() {
          return new SqliteTraces(id, db())
        },
      }
      this.#tenants.set(id, tenant)
    }
    return tenant
  }

  ownCredentials(before: number): Promise<OwnCredential[]> {
    return ownCredentials(this.#reading().thread, before)
  }

  async lockServer(): Promise<void> {
    this.#lock ??= takeServerLock(this.#parts.dataFolder)
    await this.queue.endLeases()
  }

  async rotateMasterKey(masterKey: Buffer): Promise<number> {
    this.#lock ??= takeServerLock(this.#parts.dataFolder)
    const { lookups, master } = this.#parts
    return rotateMasterKey(lookups, this.#writes, master, takeMasterKey(masterKey))
  }

  async sweep(): Promise<number> {
    const { writer, now, traceMs, log } = this.#parts
    const bodies = await sweepBodies(this.bodies, this.#reading().db, now())
    const traces = await sweepTraces(this.#reading().db, writer, now() - traceMs)
    await writer.run(purgeSteps(now()))
    log?.info('swept', { bodies, traces })
    return bodies
  }

  integrity(): Promise<readonly Problem[]> {
    return checkIntegrity(this.#reading().db, this.bodies, this.#parts.keys)
  }

  async close(): Promise<void> {
    await this.#reader?.thread.close()
    await this.#parts.writer.close()
    this.#parts.lookups.close()
    await this.bodies.close()
    this.#lock?.release()
  }

  /** Only lists need it; most commands never do. */
  #reading(): { readonly thread: SqliteThread; readonly db: Kysely<Tables> } {
    if (this.#reader === null) {
      const thread = new SqliteThread({
        path: this.#parts.path,
        mode: 'read',
        migrations: [],
        busyTimeout: BUSY_TIMEOUT_MS,
      })
      this.#reader = { thread, db: readingKysely(thread) }
    }
    return this.#reader
  }
}

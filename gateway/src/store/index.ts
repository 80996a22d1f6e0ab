/**
 * The door of the store: opens a data folder (database, sealed spool, keys) and hands out its parts. Reached per tenant by
 * `forTenant`, except by the queue, whose workers carry the mail of all. What is lost if it fails: everything that was kept;
 * so it refuses to open rather than open half.
 */
import { mkdirSync, readdirSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { ConfigStore } from '../config/ports.ts'
import type { CredentialStore } from '../keyring/ports.ts'
import type { Bodies } from '../mail/body.ts'
import type { QueueStore } from '../mail/queue/ports.ts'
import type { TraceStore } from '../mail/trace.ts'
import { StoreRefused } from '../observe/failures.ts'
import type { Log } from '../observe/log.ts'
import { Alarms } from './alarms.ts'
import { SqliteConfig } from './config-store.ts'
import { SqliteCredentials } from './credentials.ts'
import { prepareMigrations, SQLITE_TYPES } from './migrations/list.ts'
import { SqliteQueue } from './queue.ts'
import { SealingKeys } from './sealing-keys.ts'
import { takeMasterKey } from './sealing.ts'
import { takeServerLock, type ServerLock } from './server-lock.ts'
import { Spool } from './spool/spool.ts'
import { Lookups } from './sqlite/lookups.ts'
import { SqliteThread } from './sqlite/sqlite-thread.ts'
import { sweep } from './sweep.ts'
import { SqliteTraces } from './traces.ts'

/** How a store is opened. */
export interface StoreOptions {
  readonly dataFolder: string
  /** 32 octets. */
  readonly masterKey: Buffer
  /** The clock, in milliseconds since 1970. */
  readonly now?: () => number
  readonly log?: Log
}

/** What is kept of one tenant. */
export interface TenantStore {
  readonly credentials: CredentialStore
  readonly traces: TraceStore
}

/** An open store. */
export interface Store {
  readonly queue: QueueStore
  readonly bodies: Bodies
  readonly config: ConfigStore
  readonly alarms: Alarms
  /** The part of one tenant, by its row key. */
  forTenant(id: string): TenantStore
  /**
   * Makes this process the one server of the data folder, and ends the leases of the one before.
   * Throws StoreRefused `server-running`.
   */
  lockServer(): Promise<void>
  /** Removes bodies that nothing needs; returns how many. */
  sweep(): Promise<number>
  /** Ends what is under way and closes everything. */
  close(): Promise<void>
}

const DATABASE = 'siegel.sqlite'
const SPOOL = 'spool'
const BUSY_TIMEOUT_MS = 10_000

/**
 * Opens the store of a data folder; an empty folder gets a new one.
 * Rejects with StoreRefused (an operator must act) or StorageError.
 */
export async function openStore(options: StoreOptions): Promise<Store> {
  const { dataFolder, now = Date.now } = options
  const master = takeMasterKey(options.masterKey)
  await prepareFolders(dataFolder)
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
  return new SqliteStore({ path, dataFolder, writer, lookups, keys, now })
}

/** Makes the folders and waits until their entries are on the disk. A spool beside no database is old mail without its rows. */
async function prepareFolders(dataFolder: string): Promise<void> {
  const spool = join(dataFolder, SPOOL)
  mkdirSync(spool, { recursive: true, mode: 0o700 })
  const entries = readdirSync(dataFolder)
  if (!entries.includes(DATABASE) && readdirSync(spool).length > 0)
    throw new StoreRefused('data-incomplete', `${spool} holds mail, but ${DATABASE} is gone`)
  for (const folder of [dataFolder, dirname(dataFolder)]) {
    const handle = await open(folder, 'r')
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  }
}

interface Parts {
  readonly path: string
  readonly dataFolder: string
  readonly writer: SqliteThread
  readonly lookups: Lookups
  readonly keys: SealingKeys
  readonly now: () => number
}

class SqliteStore implements Store {
  readonly queue: SqliteQueue
  readonly bodies: Spool
  readonly config: ConfigStore
  readonly alarms: Alarms
  readonly #parts: Parts
  readonly #tenants = new Map<string, TenantStore>()
  #reader: SqliteThread | null = null
  #lock: ServerLock | null = null

  constructor(parts: Parts) {
    const { writer, lookups, keys, now } = parts
    this.#parts = parts
    this.queue = new SqliteQueue(writer, lookups, now)
    this.bodies = new Spool(join(parts.dataFolder, SPOOL), keys)
    this.config = new SqliteConfig(writer, lookups, keys, now)
    this.alarms = new Alarms(writer, lookups, now)
  }

  forTenant(id: string): TenantStore {
    let tenant = this.#tenants.get(id)
    if (tenant === undefined) {
      const { lookups, keys } = this.#parts
      const reader = (): SqliteThread => this.#readingThread()
      tenant = {
        credentials: new SqliteCredentials(id, lookups, keys),
        get traces() {
          return new SqliteTraces(id, reader())
        },
      }
      this.#tenants.set(id, tenant)
    }
    return tenant
  }

  async lockServer(): Promise<void> {
    this.#lock ??= takeServerLock(this.#parts.dataFolder)
    await this.queue.endLeases()
  }

  sweep(): Promise<number> {
    return sweep(this.bodies, this.#parts.lookups, this.#parts.now())
  }

  async close(): Promise<void> {
    await this.#reader?.close()
    this.#parts.lookups.close()
    await this.#parts.writer.close()
    await this.bodies.close()
    this.#lock?.release()
  }

  /** Only lists need it; most commands never do. */
  #readingThread(): SqliteThread {
    this.#reader ??= new SqliteThread({
      path: this.#parts.path,
      mode: 'read',
      migrations: [],
      busyTimeout: BUSY_TIMEOUT_MS,
    })
    return this.#reader
  }
}

/**
 * Real stores in temporary folders for tests: opened, filled and removed again; and the mails they are filled with.
 */
import { randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ConfigChange, ConfigObject } from '../../config/ports.ts'
import type { BodyRef } from '../../mail/body.ts'
import type { ReceivedMail } from '../../mail/message.ts'
import type { DeliveryChange, NewMail, Settlement } from '../../mail/queue/ports.ts'
import type { TraceEvent } from '../../mail/trace.ts'
import { openStore, type Store, type StoreOptions } from '../index.ts'
import { newRowId } from '../row-id.ts'

/** An object of a kind. */
export function objectOf(
  kind: string,
  name: string,
  rest: Partial<Omit<ConfigObject, 'kind' | 'name'>> = {},
): ConfigObject {
  return { kind, name, tenant: null, spec: {}, secrets: {}, ...rest }
}

/** A change that puts objects without keyring entries. */
export function putting(...objects: ConfigObject[]): ConfigChange {
  return { put: objects.map((object) => ({ object, credentials: [] })), remove: [] }
}

/** A folder with one store, two tenants and a clock that stands until it is moved. */
export class Fixture {
  readonly folder = mkdtempSync(join(tmpdir(), 'siegel-store-'))
  readonly masterKey = randomBytes(32)
  now = Date.now()
  readonly #open = new Set<Store>()

  /** Opens the folder; several times is like several processes. */
  async open(options: Partial<StoreOptions> = {}): Promise<Store> {
    const { masterKey } = this
    const store = await openStore({ dataFolder: this.folder, masterKey, now: () => this.now, ...options })
    this.#open.add(store)
    return store
  }

  /** Opens the folder and makes the tenants contoso and fabrikam. */
  async openWithTenants(): Promise<{ store: Store; contoso: string; fabrikam: string }> {
    const store = await this.open()
    await store.config.change(putting(objectOf('Tenant', 'contoso'), objectOf('Tenant', 'fabrikam')))
    const { tenants } = await store.config.read()
    return {
      store,
      contoso: tenants.get('contoso')?.id ?? '',
      fabrikam: tenants.get('fabrikam')?.id ?? '',
    }
  }

  /** Closes one store. */
  async close(store: Store): Promise<void> {
    this.#open.delete(store)
    await store.close()
  }

  /** Closes what is open and removes the folder. */
  async end(): Promise<void> {
    await Promise.all([...this.#open].map((store) => store.close()))
    rmSync(this.folder, { recursive: true, force: true })
  }

  /** Whether a file of the data folder is there. */
  has(...path: string[]): boolean {
    return existsSync(join(this.folder, ...path))
  }

  /** Where the spool keeps a body. */
  bodyPath({ mailId, copy, turn }: BodyRef): string {
    const name = `${mailId}.${copy}${turn === undefined ? '' : `-${turn}`}`
    return join(this.folder, 'spool', mailId.slice(4, 6), name)
  }

  /** Commits in the write-ahead log since it was begun. */
  commits(): number {
    return commitsIn(join(this.folder, 'siegel.sqlite-wal'))
  }
}

/** Counts the commits in a write-ahead log: frames that say how large the database is behind them. */
export function commitsIn(path: string): number {
  const wal = readFileSync(path)
  const frame = 24 + wal.readUInt32BE(8)
  const salt = wal.subarray(16, 24)
  let commits = 0
  for (let at = 32; at + frame <= wal.length && wal.subarray(at + 8, at + 16).equals(salt); at += frame)
    if (wal.readUInt32BE(at + 4) !== 0) commits += 1
  return commits
}

/** An event. */
export function eventOf(code: string, at: number): TraceEvent {
  return { at, code, delivery: null, arguments: { why: code } }
}

/** A mail with everything set. */
export function mailOf(
  tenantId: string,
  now: number,
  rest: Partial<ReceivedMail> & { sender?: string; recipients?: readonly string[] } = {},
): ReceivedMail {
  const { sender = 'Alice@contoso.com', recipients = ['Bob@partner.example'], ...fields } = rest
  return {
    id: newRowId(now),
    tenantId,
    direction: 'outbound',
    envelope: {
      sender,
      smtpUtf8: true,
      body: '8BITMIME',
      returnContent: 'HDRS',
      envelopeId: 'QQ314159',
      recipients: recipients.map((address) => ({
        address,
        notify: ['FAILURE', 'DELAY'],
        originalRecipient: `rfc822;${address}`,
      })),
    },
    receivedAt: now,
    receivedField: 'Received: from exo by smime.contoso.com\r\n',
    peer: { address: '40.107.22.1', port: 25001, helo: 'exo.example', tls: null },
    body: {
      size: 1234,
      headerSize: 234,
      eightBit: true,
      eightBitHeader: false,
      bareLineEnds: false,
      nul: false,
      longestLine: 78,
    },
    attribution: {
      tenantId,
      direction: 'outbound',
      factors: ['address-range', 'secret-header'],
      removedFields: [{ index: 2, name: 'X-Siegel-Secret', reason: 'secret-header' }],
      earlierPasses: 1,
    },
    messageId: '<1@contoso.com>',
    networkMessageId: null,
    via: 'BDAT',
    ...fields,
  }
}

/** A mail to accept. */
export function newMail(mail: ReceivedMail, owner: string | null = null): NewMail {
  const { receivedAt } = mail
  return { mail, expiresAt: receivedAt + 432_000_000, owner, trace: [eventOf('received', receivedAt)] }
}

/** A changed delivery. */
export function changeOf(
  number: number,
  state: DeliveryChange['state'],
  rest: Partial<DeliveryChange> = {},
): DeliveryChange {
  return {
    number,
    state,
    copy: null,
    attempts: 1,
    dueAt: null,
    delayNoticed: false,
    lastReason: { code: state, arguments: { host: 'mx.example' } },
    lastReply: { code: 250, enhanced: '2.0.0', text: 'ok' },
    ...rest,
  }
}

/** A settlement that changes deliveries and nothing else. */
export function settlementOf(
  mail: ReceivedMail,
  owner: string,
  deliveries: readonly DeliveryChange[],
  rest: Partial<Settlement> = {},
): Settlement {
  return {
    mailId: mail.id,
    tenantId: mail.tenantId,
    owner,
    planned: null,
    newCopies: [],
    deliveries,
    trace: [],
    notices: [],
    alarms: [],
    ...rest,
  }
}

/** The turn that the copies of tests were made in. */
export const TURN = '0123456789ab'

/** Writes a body in one go. */
export async function writeBody(store: Store, ref: BodyRef, bytes: Buffer): Promise<void> {
  const writer = store.bodies.create(ref)
  await writer.write(bytes)
  await writer.finish()
}

/** Reads a body as a whole. */
export async function readBody(store: Store, ref: BodyRef): Promise<Buffer> {
  const pieces: Buffer[] = []
  for await (const piece of store.bodies.read(ref)) pieces.push(piece)
  return Buffer.concat(pieces)
}

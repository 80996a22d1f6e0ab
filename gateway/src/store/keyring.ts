/**
 * Entries of the keyring that no configuration object brings: added, listed, pinned, distrusted, removed and restored, each change
 * with its entry in the audit log. Never touches an entry of an object. What is lost if it fails: certificates that were learned;
 * so what an operator takes out is kept for a time.
 */
import { createHash } from 'node:crypto'
import type {
  CredentialFilter,
  CredentialOwner,
  CredentialPage,
  ImportFinding,
  ImportState,
  ImportStep,
  Kept,
  KeyringDeed,
  KeyringStore,
  ListedCredential,
  NewCredential,
} from '../keyring/ports.ts'
import type { AuditedWrites } from './audited-writes.ts'
import { addition, bumpStep, type Known } from './keyring-addition.ts'
import { beginSteps, endStep, FINDINGS, findingOf, progressSteps, stateOf, STATE } from './keyring-imports.ts'
import { listed, listQuery } from './keyring-list.ts'
import { newRowId } from './row-id.ts'
import type { SealingKeys } from './sealing-keys.ts'
import type { Lookups } from './sqlite/lookups.ts'
import type { SqlRow, Step } from './sqlite/messages.ts'
import type { SqliteThread } from './sqlite/sqlite-thread.ts'

/** How long removed entries can be restored. */
const KEPT_MS = 90 * 86_400_000

const KNOWN =
  "select id, addresses, state, chain from credential where tenant_id = ? and owner = ? and fingerprint = ? and object_kind = ''"
const SETTINGS_MOVE = 'update settings set version = version + 1 where id = 1'
/** Fingerprints that an entry of the audit log names one by one; of more it has a digest. */
const MOST_NAMED = 20

/** What the parts of a store that it needs are. */
export interface KeyringParts {
  readonly writes: AuditedWrites
  readonly writer: SqliteThread
  readonly lookups: Lookups
  /** The reading thread, for lists. */
  readonly reader: () => SqliteThread
  readonly keys: SealingKeys
  readonly now: () => number
}

/** The keyring of one tenant as it is changed. */
export class SqliteKeyring implements KeyringStore {
  readonly #tenantId: string
  readonly #parts: KeyringParts

  /** @param tenantId - row key */
  constructor(tenantId: string, parts: KeyringParts) {
    this.#tenantId = tenantId
    this.#parts = parts
  }

  async add(entries: readonly NewCredential[], deed: KeyringDeed, step?: ImportStep): Promise<Kept[]> {
    const result = await this.#parts.writes.write(() => {
      const now = this.#parts.now()
      const batch = new Map<string, Known>()
      const steps: Step[] = []
      const kept = entries.map((entry): Kept => {
        const key = `${entry.owner} ${entry.fingerprint}`
        const { id, outcome, known, ...made } = addition({
          tenantId: this.#tenantId,
          entry,
          known: batch.get(key) ?? this.#known(entry),
          now,
          newId: () => newRowId(now),
          seal: (place, value) => this.#parts.keys.seal(place, value),
        })
        batch.set(key, known)
        steps.push(...made.steps)
        return { id, outcome }
      })
      const changed = steps.length > 0
      if (changed) steps.push(bumpStep(this.#tenantId))
      if (step !== undefined) steps.push(...progressSteps(this.#tenantId, step, kept))
      const done = entries.filter((_, index) => changing(kept[index]))
      return {
        steps,
        entry: changed ? this.#entry(deed, { count: done.length, ...named(done) }) : null,
        result: kept,
      }
    })
    return result ?? []
  }

  async list(filter: CredentialFilter, after: string | null, limit: number): Promise<CredentialPage> {
    const rows = await this.#rows(listQuery(this.#tenantId, filter, after, limit + 1))
    const entries = rows.slice(0, limit).map(listed)
    return { entries, next: rows.length > limit ? (entries.at(-1)?.id ?? null) : null }
  }

  async get(id: string): Promise<ListedCredential | null> {
    const [row] = await this.#rows(listQuery(this.#tenantId, {}, null, 1, id))
    return row === undefined ? null : listed(row)
  }

  distrust(fingerprint: string, reason: string, deed: KeyringDeed): Promise<boolean> {
    const sql =
      'insert into distrusted_certificate (tenant_id, fingerprint, at, reason) values (?, ?, ?, ?) on conflict (tenant_id, fingerprint) ' +
      'do update set reason = excluded.reason'
    return this.#change(
      { sql, parameters: [this.#tenantId, fingerprint, this.#parts.now(), reason] },
      {
        ...deed,
        detail: { ...deed.detail, fingerprint, reason },
      },
    )
  }

  trust(fingerprint: string, deed: KeyringDeed): Promise<boolean> {
    const sql = 'delete from distrusted_certificate where tenant_id = ? and fingerprint = ?'
    return this.#change(
      { sql, parameters: [this.#tenantId, fingerprint] },
      { ...deed, detail: { ...deed.detail, fingerprint } },
    )
  }

  pin(owner: CredentialOwner, address: string, fingerprint: string, deed: KeyringDeed): Promise<boolean> {
    const sql =
      'insert into pinned_certificate (tenant_id, owner, address, fingerprint, at) select ?1, ?2, ?3, ?4, ?5 where exists (select 1 from ' +
      'credential where tenant_id = ?1 and owner = ?2 and fingerprint = ?4) on conflict (tenant_id, owner, address, fingerprint) do update set at = excluded.at'
    return this.#change(
      { sql, parameters: [this.#tenantId, owner, address, fingerprint, this.#parts.now()] },
      { ...deed, detail: { ...deed.detail, owner, address, fingerprint } },
    )
  }

  unpin(owner: CredentialOwner, address: string, fingerprint: string, deed: KeyringDeed): Promise<boolean> {
    const sql =
      'delete from pinned_certificate where tenant_id = ? and owner = ? and address = ? and fingerprint = ?'
    return this.#change(
      { sql, parameters: [this.#tenantId, owner, address, fingerprint] },
      { ...deed, detail: { ...deed.detail, owner, address, fingerprint } },
    )
  }

  remove(id: string, deed: KeyringDeed): Promise<boolean> {
    return this.#setState(id, "state <> 'removed'", 'removed', deed)
  }

  restore(id: string, deed: KeyringDeed): Promise<boolean> {
    return this.#setState(id, "state = 'removed'", 'active', deed)
  }

  approve(id: string, deed: KeyringDeed): Promise<boolean> {
    return this.#setState(id, "state = 'awaiting-approval'", 'active', deed)
  }

  importState(digest: string): ImportState | null {
    const row = this.#parts.lookups.get({ sql: STATE, parameters: [this.#tenantId, digest] })
    return row === undefined ? null : stateOf(row)
  }

  async beginImport(digest: string, name: string): Promise<void> {
    await this.#parts.writer.run(beginSteps(this.#tenantId, digest, name, this.#parts.now()))
  }

  async endImport(digest: string, deed: KeyringDeed): Promise<void> {
    await this.#parts.writes.write(() => ({
      steps: [endStep(this.#tenantId, digest, this.#parts.now())],
      entry: this.#entry(deed, {}),
      result: null,
    }))
  }

  async importFindings(digest: string, afterEntry: number, limit: number): Promise<ImportFinding[]> {
    const rows = await this.#rows({
      sql: FINDINGS,
      parameters: [this.#tenantId, digest, afterEntry, limit],
    })
    return rows.map(findingOf)
  }

  async #rows(step: Step): Promise<readonly SqlRow[]> {
    const [rows] = await this.#parts.reader().run([{ ...step, query: 'rows' }])
    return rows ?? []
  }

  #known({ owner, fingerprint }: NewCredential): Known | null {
    const row = this.#parts.lookups.get({ sql: KNOWN, parameters: [this.#tenantId, owner, fingerprint] })
    if (row === undefined) return null
    return {
      id: String(row['id']),
      addresses: JSON.parse(String(row['addresses'])) as string[],
      state: String(row['state']) as Known['state'],
      hasChain: row['chain'] !== '[]',
    }
  }

  #entry({ actor, action, detail }: KeyringDeed, further: Readonly<Record<string, unknown>>) {
    return { actor, action, tenantId: this.#tenantId, detail: { ...detail, ...further } }
  }

  /** False when the step finds nothing to change. Moves the settings too: mail that waits is planned anew. */
  async #change(step: Step, deed: KeyringDeed): Promise<boolean> {
    try {
      await this.#parts.writes.write(() => ({
        steps: [
          { ...step, expect: 'nothing' },
          bumpStep(this.#tenantId),
          { sql: SETTINGS_MOVE, parameters: [] },
        ],
        entry: this.#entry(deed, {}),
        result: null,
      }))
      return true
    } catch (error) {
      if (isNothing(error)) return false
      throw error
    }
  }

  #setState(id: string, from: string, to: ListedCredential['state'], deed: KeyringDeed): Promise<boolean> {
    const sql = `update credential set state = ?, removed_at = ? where tenant_id = ? and id = ? and object_kind = '' and ${from}`
    const removedAt = to === 'removed' ? this.#parts.now() : null
    return this.#change(
      { sql, parameters: [to, removedAt, this.#tenantId, id] },
      { ...deed, detail: { ...deed.detail, id } },
    )
  }
}

/** The steps that forget for good what was removed long ago. */
export function purgeSteps(now: number): Step[] {
  const parameters = [now - KEPT_MS]
  const old = "object_kind = '' and state = 'removed' and removed_at < ?1"
  return [
    {
      sql: `delete from credential_address where (tenant_id, credential_id) in (select tenant_id, id from credential where ${old})`,
      parameters,
    },
    { sql: `delete from credential where ${old}`, parameters },
  ]
}

function isNothing(error: unknown): boolean {
  return error instanceof Error && 'expectation' in error && error.expectation === 'nothing'
}

function changing(kept: Kept | undefined): boolean {
  return kept !== undefined && kept.outcome !== 'known' && kept.outcome !== 'removed-before'
}

/** What the audit log says of the certificates of one change. */
function named(entries: readonly NewCredential[]): Readonly<Record<string, unknown>> {
  const fingerprints = entries.map(({ fingerprint }) => fingerprint)
  if (fingerprints.length <= MOST_NAMED) return { fingerprints }
  const sha256 = createHash('sha256').update(fingerprints.join('\n')).digest('hex')
  return { first: fingerprints[0], last: fingerprints.at(-1), sha256 }
}

/**
 * The audit log: who changed what, each entry with the hash of the one before, so that an entry that was changed or taken
 * out of the middle shows. It outlives what it tells of. Entries are only added; nothing here removes one.
 */
import { createHash } from 'node:crypto'
import type { Lookups } from './sqlite/lookups.ts'
import type { SqlRow, Step } from './sqlite/messages.ts'

/** What an entry says. */
export interface AuditEntry {
  /** Milliseconds since 1970. */
  readonly at: number
  readonly actor: string
  /** Stable code in lower case with hyphens. */
  readonly action: string
  /** Empty for the installation. */
  readonly tenantId: string
  /** Without secrets. */
  readonly detail: unknown
}

const LAST = 'select number, hash from audit_log order by number desc limit 1'
const NOBODY_ELSE = 'select 1 as same where (select coalesce(max(number), 0) from audit_log) = ?'
const INSERT =
  'insert into audit_log (number, at, actor, action, tenant_id, detail, previous_hash, hash) values (?, ?, ?, ?, ?, ?, ?, ?)'

function hashOf(fields: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(fields)).digest('hex')
}

/**
 * The steps that add an entry.
 * @param moved - the word of failure when another process has added one meanwhile
 */
export function auditSteps(lookups: Lookups, entry: AuditEntry, moved: string): Step[] {
  const last = lookups.get({ sql: LAST, parameters: [] })
  const before = Number(last?.['number'] ?? 0)
  const previousHash = String(last?.['hash'] ?? '')
  const { at, actor, action, tenantId } = entry
  const fields = [
    before + 1,
    at,
    actor,
    action,
    tenantId,
    JSON.stringify(entry.detail),
    previousHash,
  ] as const
  return [
    { sql: NOBODY_ELSE, parameters: [before], query: 'test', expect: moved },
    { sql: INSERT, parameters: [...fields, hashOf(fields)] },
  ]
}

/** Checks the chain of some entries, oldest first; says at which number it breaks, null when it holds. */
export function brokenAt(rows: readonly SqlRow[], previousHash: string): number | null {
  let before = previousHash
  for (const row of rows) {
    const { number, at, actor, action, tenant_id: tenantId, detail, previous_hash: previous, hash } = row
    if (previous !== before || hash !== hashOf([number, at, actor, action, tenantId, detail, previous]))
      return Number(number)
    before = hash
  }
  return null
}

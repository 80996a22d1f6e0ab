/**
 * The journal of imports: how far each file has come and what was found in it, written in the transaction of the entries, so that
 * an import that was killed goes on exactly where it was. Knows nothing of files.
 */
import type { ImportFinding, ImportState, ImportStep, Kept } from '../keyring/ports.ts'
import type { SqlRow, Step } from './sqlite/messages.ts'

/** Asks for the state of one import. */
export const STATE =
  'select digest, name, entries, added, known, refused, started_at, finished_at from keyring_import where tenant_id = ? and digest = ?'
/** Asks for findings of one import. */
export const FINDINGS =
  'select entry, place, code, detail from keyring_import_finding where tenant_id = ? and digest = ? and entry > ? order by entry limit ?'
const FORGET_FINDINGS = 'delete from keyring_import_finding where tenant_id = ? and digest = ?'
const BEGIN =
  'insert into keyring_import (tenant_id, digest, name, entries, added, known, refused, started_at) values (?, ?, ?, 0, 0, 0, 0, ?) ' +
  'on conflict (tenant_id, digest) do update set name = excluded.name, entries = 0, added = 0, known = 0, refused = 0, ' +
  'started_at = excluded.started_at, finished_at = null'
const PROGRESS =
  'update keyring_import set entries = entries + ?, added = added + ?, known = known + ?, refused = refused + ? where tenant_id = ? and digest = ?'
const FIND =
  'insert into keyring_import_finding (tenant_id, digest, entry, place, code, detail) values (?, ?, ?, ?, ?, ?) ' +
  'on conflict (tenant_id, digest, entry) do nothing'
const END = 'update keyring_import set finished_at = ? where tenant_id = ? and digest = ?'

/** The steps that begin an import anew. */
export function beginSteps(tenantId: string, digest: string, name: string, now: number): Step[] {
  return [
    { sql: FORGET_FINDINGS, parameters: [tenantId, digest] },
    { sql: BEGIN, parameters: [tenantId, digest, name, now] },
  ]
}

/** The step that marks an import as complete. */
export function endStep(tenantId: string, digest: string, now: number): Step {
  return { sql: END, parameters: [now, tenantId, digest] }
}

/** The steps that remember what a piece of an import came to. */
export function progressSteps(tenantId: string, step: ImportStep, kept: readonly Kept[]): Step[] {
  const findings = [...step.refused]
  let added = 0
  kept.forEach(({ id, outcome }, index) => {
    if (outcome === 'added') added += 1
    const where = step.places[index]
    if (outcome !== 'added' && where !== undefined)
      findings.push({ ...where, code: `certificate-${outcome}`, detail: id })
  })
  return [
    ...findings.map(({ entry, place, code, detail }): Step => ({
      sql: FIND,
      parameters: [tenantId, step.digest, entry, place, code, detail],
    })),
    {
      sql: PROGRESS,
      parameters: [
        ...[step.entries, added, kept.length - added, step.refused.length],
        ...[tenantId, step.digest],
      ],
    },
  ]
}

/** The state of an import, of its row. */
export function stateOf(row: SqlRow): ImportState {
  return {
    digest: String(row['digest']),
    name: String(row['name']),
    entries: Number(row['entries']),
    added: Number(row['added']),
    known: Number(row['known']),
    refused: Number(row['refused']),
    startedAt: Number(row['started_at']),
    finishedAt: row['finished_at'] === null ? null : Number(row['finished_at']),
  }
}

/** A finding, of its row. */
export function findingOf(row: SqlRow): ImportFinding {
  return {
    entry: Number(row['entry']),
    place: String(row['place']),
    code: String(row['code']),
    detail: String(row['detail']),
  }
}

/**
 * Findings that the maps share: faults of the table's form, and what a right-hand side of access(5) has wrong. Pure.
 */
import { readAccessAction } from './access-action.ts'
import type { MapFinding } from './finding.ts'
import { placeOfValue, type Table, type TableEntry } from './table.ts'

/** Faults by which a line loses nothing that another line does not say. */
const HARMLESS = new Set(['duplicate-key', 'alias-format'])

/**
 * The faults of a table's form.
 * @param severity - of those by which a line has no effect
 */
export function tableFindings({ faults }: Table, severity: MapFinding['severity']): MapFinding[] {
  return faults.map(({ code, line, column, detail }) => ({
    code,
    severity: HARMLESS.has(code) ? 'warning' : severity,
    line,
    column,
    detail,
  }))
}

/** What is wrong with an action. */
export function actionFindings(value: string, entry: TableEntry): MapFinding[] {
  return findingsOfAction(value, placeOfValue(entry, 0))
}

/** What is wrong with an action that stands at a place. */
export function findingsOfAction(
  value: string,
  place: { readonly line: number; readonly column: number },
): MapFinding[] {
  const { fault, says } = readAccessAction(value)
  const { line, column } = place
  if (fault !== null) return [{ code: fault.code, severity: 'error', line, column, detail: fault.detail }]
  if (says !== 'ok') return []
  const detail = 'OK means DUNNO: a map never grants relay, treatment or a tenant'
  return [{ code: 'grants-nothing', severity: 'warning', line, column, detail }]
}

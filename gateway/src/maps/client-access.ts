/**
 * The map `client-access`: a cidr_table(5) of the addresses of peers with the actions of access(5). Pure. It is asked beside the
 * address ranges, and only ever takes peers away from them.
 */
import { readAccessAction } from './access-action.ts'
import { parseCidrTable } from './cidr-table.ts'
import type { MapFinding } from './finding.ts'
import { findingsOfAction } from './line-findings.ts'
import type { AccessAnswer } from './recipient-access.ts'

/**
 * Reads the map.
 * @throws TableTooLarge
 */
export function parseClientAccess(text: string): {
  /** The line for an address; null when there is none. */
  readonly find: (address: string) => AccessAnswer | null
  readonly findings: readonly MapFinding[]
} {
  const table = parseCidrTable(text)
  return {
    find: (address) => {
      const entry = table.find(address)
      if (entry === null) return null
      const { line, pattern, value } = entry
      return { line, key: pattern, value, action: readAccessAction(value).action }
    },
    findings: [
      ...table.findings,
      ...table.entries.flatMap(({ value, valueAt }) => findingsOfAction(value, valueAt)),
    ],
  }
}

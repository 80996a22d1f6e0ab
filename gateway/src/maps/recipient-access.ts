/**
 * The map `recipient-access`: access(5) for the addresses of RCPT. The look-up goes from the whole address over the domain and
 * its parents (as `domain` or `.domain`) to `user@`. Pure. It refuses recipients and grants nothing.
 */
import { isHostname } from './route.ts'
import type { MapFinding } from './finding.ts'
import { readAccessAction, type AccessAction } from './access-action.ts'
import { actionFindings, tableFindings } from './line-findings.ts'
import { addressParts, parentDomains } from './mail-address.ts'
import { parseTable, type Table, type TableEntry } from './table.ts'

/** The keys under which a recipient is looked up, in order. */
export function recipientKeys(address: string): string[] {
  const { local, domain } = addressParts(address)
  if (domain === '') return [local, `${local}@`]
  const parents = parentDomains(domain).flatMap((parent) => [`.${parent}`, parent])
  return [`${local}@${domain}`, domain, ...parents, `${local}@`]
}

/** What a map of access(5) answers. */
export interface AccessAnswer {
  /** The line, from 1. */
  readonly line: number
  /** The key or pattern as written. */
  readonly key: string
  /** The right-hand side as written; null when the line has none. */
  readonly value: string | null
  /** null: the line is at fault, and nobody knows what it wants. */
  readonly action: AccessAction | null
}

/**
 * Reads the map.
 * @throws TableTooLarge
 */
export function parseRecipientAccess(text: string): {
  /** The line for a recipient; null when there is none. */
  readonly find: (address: string) => AccessAnswer | null
  readonly findings: readonly MapFinding[]
} {
  const table = parseTable(text)
  return {
    find: (address) => {
      const key = recipientKeys(address).find((candidate) => table.entries.has(candidate))
      const entry = key === undefined ? undefined : table.entries.get(key)
      return entry === undefined ? null : answerOf(entry)
    },
    findings: findingsOf(table),
  }
}

function answerOf({ line, key, value }: TableEntry): AccessAnswer {
  return { line, key, value, action: value === null ? null : readAccessAction(value).action }
}

function findingsOf(table: Table): MapFinding[] {
  const findings = tableFindings(table, 'error')
  for (const entry of table.entries.values()) {
    if (entry.value !== null) findings.push(...actionFindings(entry.value, entry))
    if (!isKey(entry.key)) {
      const detail = 'expected: user@domain, domain, .domain or user@'
      findings.push({ code: 'never-matches', severity: 'warning', line: entry.line, column: 1, detail })
    }
  }
  return findings
}

/** Whether any address could be looked up under a key. */
function isKey(key: string): boolean {
  const at = key.lastIndexOf('@')
  const domain = (at < 0 ? key : key.slice(at + 1)).toLowerCase()
  if (at >= 0) return at > 0 && (domain === '' || isDomain(domain))
  return isDomain(domain.startsWith('.') ? domain.slice(1) : domain)
}

/** A host name, or an address literal. RFC 5321 4.1.3 */
function isDomain(text: string): boolean {
  return isHostname(text) || /^\[[^\]\s]+\]$/.test(text)
}

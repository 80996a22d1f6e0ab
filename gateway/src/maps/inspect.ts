/**
 * Looks a map through as a whole and says what an operator should know of its lines: what is wrong, what is weak, what no
 * look-up ever reaches. Pure. It decides nothing: look-ups are made elsewhere.
 */
import { parseClientAccess } from './client-access.ts'
import type { MapFinding } from './finding.ts'
import { tableFindings } from './line-findings.ts'
import { addressParts } from './mail-address.ts'
import { parseRecipientAccess } from './recipient-access.ts'
import { isHostname, parseRoute, RouteError } from './route.ts'
import { foldKey, parseTable, placeOfValue, type TableEntry } from './table.ts'
import { isTlsFault, parseTlsPolicy } from './tls-line.ts'
import { isOffice365, unusedLines } from './tls-policy.ts'
import { parseTransport } from './transport.ts'

/** The maps that exist. */
export type MapName = 'tls-policy' | 'transport' | 'client-access' | 'recipient-access'

/** What the rest of the configuration says; without it a map is looked through alone. */
export interface Surroundings {
  /** The next hops that are looked up in `tls-policy`, as written. */
  readonly routes: readonly string[]
  /** Mail may also go to the MX of any domain: lines of domains are then looked up. */
  readonly direct: boolean
  /** Domains whose mail goes to their tenant's endpoint, in lower case. */
  readonly endpointDomains: ReadonlySet<string>
}

/**
 * Looks a map through.
 * @returns findings in the order of the lines
 * @throws TableTooLarge
 */
export function inspectMap(name: MapName, text: string, surroundings: Surroundings | null): MapFinding[] {
  return findingsOf(name, text, surroundings).toSorted((a, b) => a.line - b.line || a.column - b.column)
}

function findingsOf(name: MapName, text: string, surroundings: Surroundings | null): MapFinding[] {
  switch (name) {
    case 'tls-policy':
      return inspectTlsPolicy(text, surroundings)
    case 'transport':
      return [...parseTransport(text).findings, ...endpointLines(text, surroundings)]
    case 'client-access':
      return [...parseClientAccess(text).findings]
    case 'recipient-access':
      return [...parseRecipientAccess(text).findings]
  }
}

/** Levels that leave something open, with what. */
const WEAK: Readonly<Record<string, string>> = {
  none: 'mail goes out in clear',
  may: 'mail may go out in clear',
  encrypt: 'whoever stands between can present any certificate',
}

/** A line at fault closes and never opens: mail waits, or the floor holds. So no fault here is an error. */
function inspectTlsPolicy(text: string, surroundings: Surroundings | null): MapFinding[] {
  const table = parseTable(text)
  const findings = tableFindings(table, 'warning')
  const warn = (entry: TableEntry, code: MapFinding['code'], offset: number | null, detail: string): void => {
    const place = offset === null ? { line: entry.line, column: 1 } : placeOfValue(entry, offset)
    findings.push({ code, severity: 'warning', ...place, detail })
  }
  const reachable = new Set<number>()
  for (const entry of table.entries.values()) {
    if (isDestination(entry.key)) reachable.add(entry.line)
    else warn(entry, 'never-matches', null, 'expected: [host]:port, host:port, [host], domain or .domain')
    if (entry.value === null) continue
    const policy = parseTlsPolicy(entry.value)
    if (isTlsFault(policy)) warn(entry, 'policy-invalid', policy.offset, `${policy.code}: ${policy.detail}`)
    else if (Object.hasOwn(WEAK, policy.level)) {
      const why = isFloored(entry.key)
        ? 'weaker than the floor of Office 365, which applies'
        : WEAK[policy.level]
      warn(entry, 'weak-level', 0, `${policy.level}: ${why ?? ''}`)
    }
  }
  if (surroundings === null) return findings
  const { routes, direct } = surroundings
  for (const { line, key } of unusedLines(table, routes)) {
    const entry = table.entries.get(foldKey(key))
    if (entry === undefined || !reachable.has(line) || (direct && isDomainKey(key))) continue
    warn(entry, 'never-used', null, `no route uses ${key}`)
  }
  return findings
}

function isDomainKey(key: string): boolean {
  return isHostname(key.startsWith('.') ? key.slice(1) : key)
}

function isDestination(key: string): boolean {
  return isDomainKey(key) || hostOf(key) !== null
}

function isFloored(key: string): boolean {
  return isOffice365(hostOf(key) ?? '')
}

/** The host of a next hop; null when the key is none. */
function hostOf(key: string): string | null {
  try {
    return parseRoute(key).host
  } catch (error) {
    if (error instanceof RouteError) return null
    throw error
  }
}

/** Lines of `transport` for domains of tenants: mail to them goes to their endpoint, whatever stands here. */
function endpointLines(text: string, surroundings: Surroundings | null): MapFinding[] {
  if (surroundings === null) return []
  return [...parseTable(text).entries.values()].flatMap(({ key, line }): MapFinding[] => {
    const domain = key.includes('@') ? addressParts(key).domain : key.toLowerCase()
    if (!surroundings.endpointDomains.has(domain)) return []
    const detail = `mail to ${domain} goes to the Office 365 endpoint of its tenant, and this line does not move it`
    return [{ code: 'endpoint-not-moved', severity: 'warning', line, column: 1, detail }]
  })
}

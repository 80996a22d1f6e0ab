/**
 * The map `transport`, as transport(5) describes it: the next hop of mail to an address or a domain. Pure. It speaks of mail that
 * goes to the world; the endpoint of a tenant at Office 365 is in no map, so no line moves it. It never drops a mail.
 */
import type { MapFinding } from './finding.ts'
import { tableFindings } from './line-findings.ts'
import { addressParts, parentDomains } from './mail-address.ts'
import { isHostname, parseRoute, RouteError } from './route.ts'
import { parseTable, placeOfValue, type TableEntry } from './table.ts'

/** What a line says. */
export type TransportAction =
  /** `:` changes nothing. */
  | { readonly kind: 'default' }
  /** `smtp:` without a next hop: the domain of the recipient. */
  | { readonly kind: 'domain' }
  /** The next hop as written: it is also the key into the map `tls-policy`. */
  | { readonly kind: 'next-hop'; readonly nextHop: string }
  /** `error:` refuses, `retry:` defers. */
  | { readonly kind: 'refuse'; readonly temporary: boolean; readonly enhanced: string; readonly text: string }

/** Why a line cannot be used. */
export interface TransportFault {
  readonly code: 'transport-unknown' | 'never-discarded' | 'bad-next-hop'
  readonly detail: string
  /** Where in the value, from 0. */
  readonly offset: number
}

/** The answer to a look-up. */
export interface TransportAnswer {
  /** The line, from 1. */
  readonly line: number
  /** The key as written. */
  readonly key: string
  /** The right-hand side as written; null when the line has none. */
  readonly value: string | null
  /** null: the line is at fault, and mail to this recipient must wait. */
  readonly action: TransportAction | null
}

/** The map. */
export interface TransportMap {
  /** The line for a recipient; null when there is none. */
  readonly find: (address: string) => TransportAnswer | null
  /** All next hops that it names, as written. */
  readonly nextHops: readonly string[]
  readonly findings: readonly MapFinding[]
}

const DEFAULT_TEXT = 'Address is undeliverable'
const OTHERS = new Set(['lmtp', 'local', 'virtual', 'pipe', 'uucp', 'smtps', 'ifmail', 'maildrop', 'cyrus'])

/** The keys under which a recipient is looked up, in order. */
export function transportKeys(address: string): string[] {
  const { local, domain } = addressParts(address)
  if (domain === '') return [local, '*']
  return [`${local}@${domain}`, domain, ...parentDomains(domain).map((parent) => `.${parent}`), '*']
}

/** Reads the right-hand side of a line. */
export function readTransport(value: string): TransportAction | TransportFault {
  const colon = value.indexOf(':')
  const name = (colon < 0 ? value : value.slice(0, colon)).trim()
  const rest = colon < 0 ? '' : value.slice(colon + 1)
  const nextHop = rest.trim()
  const fault = (code: TransportFault['code'], detail: string, offset = 0): TransportFault => ({
    code,
    detail,
    offset,
  })
  switch (name.toLowerCase()) {
    case 'error':
      return readRefusal(nextHop, false)
    case 'retry':
      return readRefusal(nextHop, true)
    case 'discard':
      return fault('never-discarded', 'a mail that was accepted is never dropped: write error: to return it')
    case '':
      return nextHop === '' ? { kind: 'default' } : readNextHop(nextHop, value.indexOf(nextHop))
    case 'smtp':
    case 'relay':
      return nextHop === '' ? { kind: 'domain' } : readNextHop(nextHop, value.indexOf(nextHop, colon + 1))
    default:
      return fault(
        'transport-unknown',
        OTHERS.has(name.toLowerCase())
          ? `${name}: mail leaves by SMTP only`
          : `${name.slice(0, 100)}: expected smtp:, error:, retry: or :next-hop`,
      )
  }
}

/** Tells the two results of {@link readTransport} apart. */
export function isTransportFault(result: TransportAction | TransportFault): result is TransportFault {
  return 'code' in result
}

function readNextHop(text: string, offset: number): TransportAction | TransportFault {
  if (/[,\s]/.test(text)) return { code: 'bad-next-hop', detail: 'one next hop, not a list', offset }
  try {
    parseRoute(text)
    return { kind: 'next-hop', nextHop: text }
  } catch (error) {
    if (!(error instanceof RouteError)) throw error
    return { code: 'bad-next-hop', detail: error.message, offset }
  }
}

/** An enhanced status code may stand before the text; of a wrong class it is part of the text. RFC 3463 2 */
function readRefusal(rest: string, temporary: boolean): TransportAction {
  const digit = temporary ? '4' : '5'
  const [, status, text] = /^([45]\.\d{1,3}\.\d{1,3})(?:\s+(.*))?$/s.exec(rest) ?? []
  const fits = status?.startsWith(digit) === true
  const shown = (fits ? (text ?? '') : rest).replaceAll(/\s+/g, ' ').trim().slice(0, 400)
  return {
    kind: 'refuse',
    temporary,
    enhanced: fits ? status : `${digit}.0.0`,
    text: shown === '' ? DEFAULT_TEXT : shown,
  }
}

/**
 * Reads the map.
 * @throws TableTooLarge
 */
export function parseTransport(text: string): TransportMap {
  const table = parseTable(text)
  const findings = tableFindings(table, 'error')
  const nextHops: string[] = []
  const actions = new Map<TableEntry, TransportAction | null>()
  for (const entry of table.entries.values()) {
    const { key, value, line } = entry
    const read = value === null ? null : readTransport(value)
    if (read !== null && isTransportFault(read)) {
      const { code, detail, offset } = read
      findings.push({ code, severity: 'error', ...placeOfValue(entry, offset), detail })
    } else if (read?.kind === 'next-hop') nextHops.push(read.nextHop)
    actions.set(entry, read === null || isTransportFault(read) ? null : read)
    if (!isKey(key)) {
      const detail = 'expected: user@domain, domain, .domain or *'
      findings.push({ code: 'never-matches', severity: 'warning', line, column: 1, detail })
    }
  }
  return {
    nextHops,
    findings,
    find: (address) => {
      const found = transportKeys(address).find((candidate) => table.entries.has(candidate))
      const entry = found === undefined ? undefined : table.entries.get(found)
      if (entry === undefined) return null
      const { line, key, value } = entry
      return { line, key, value, action: actions.get(entry) ?? null }
    },
  }
}

/** Where a recipient's mail goes. */
export type NextHop =
  /** `endpoint`: the route of the tenant to Office 365, with its floor. */
  | { readonly kind: 'hop'; readonly route: string; readonly endpoint: boolean }
  | Extract<TransportAction, { kind: 'refuse' }>
  /** The line is at fault: the mail waits until it is mended. */
  | { readonly kind: 'wait'; readonly line: number }

/**
 * The next hop of one recipient.
 * @param map - null: there is none
 * @param recipient - its domain in A-labels
 * @param endpoint - the route to the tenant's Office 365, for mail that goes back there; then the map is not asked. null for
 *   mail that goes to the world
 */
export function nextHopFor(map: TransportMap | null, recipient: string, endpoint: string | null): NextHop {
  if (endpoint !== null) return { kind: 'hop', route: endpoint, endpoint: true }
  const domain: NextHop = { kind: 'hop', route: addressParts(recipient).domain, endpoint: false }
  const answer = map?.find(recipient) ?? null
  if (answer === null) return domain
  switch (answer.action?.kind) {
    case undefined:
      return { kind: 'wait', line: answer.line }
    case 'default':
    case 'domain':
      return domain
    case 'next-hop':
      return { kind: 'hop', route: answer.action.nextHop, endpoint: false }
    case 'refuse':
      return answer.action
  }
}

/** Whether any address could be looked up under a key. */
function isKey(key: string): boolean {
  if (key === '*' || key.toLowerCase() === 'postmaster') return true
  const at = key.lastIndexOf('@')
  const domain = (at < 0 ? key : key.slice(at + 1)).toLowerCase()
  if (at === 0) return false
  const isLiteral = /^\[[^\]\s]+\]$/.test(domain)
  return isLiteral || isHostname(at < 0 && domain.startsWith('.') ? domain.slice(1) : domain)
}

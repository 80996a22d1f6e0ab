/**
 * Finds the TLS policy of a next hop in a table with the semantics of smtp_tls_policy_maps, and holds it against a floor:
 * a line may tighten the floor, never weaken it, because both must be satisfied. A broken line or an unreadable map leaves
 * the floor; where there is no floor it leaves no policy at all, and the mail waits. Pure: reads no file, opens no socket.
 */
import { foldKey, placeOfValue, type Table, type TableEntry } from './table.ts'
import { isHostname, parseRoute } from './route.ts'
import {
  isTlsFault,
  parseTlsPolicy,
  TLS_LEVELS,
  type TlsFault,
  type TlsLevel,
  type TlsPolicy,
} from './tls-line.ts'

const NO_TLS_POLICY: TlsPolicy = {
  level: 'may',
  match: [],
  fingerprints: [],
  protocols: null,
  ciphers: null,
  exclude: [],
  tafiles: [],
  servername: null,
  connectionReuse: null,
}

/** What delivery to Office 365 always demands: `verify match=mail.protection.outlook.com`. */
export const OFFICE_365_FLOOR: TlsPolicy = {
  ...NO_TLS_POLICY,
  level: 'verify',
  match: ['mail.protection.outlook.com'],
}

/** Names under which Exchange Online takes mail: delivery there has the floor. */
const OFFICE_365 = /\.(?:mail\.protection\.outlook\.com|mx\.microsoft)$/

/** Whether a host (lower case) is an endpoint of Exchange Online. */
export function isOffice365(host: string): boolean {
  return OFFICE_365.test(host)
}

/** The policy that a bare level stands for; only for levels that need no attribute. */
export function bareLevel(level: 'may' | 'encrypt' | 'dane' | 'dane-only'): TlsPolicy {
  return { ...NO_TLS_POLICY, level }
}

/** Stable codes of what an operator should know about a look-up. */
export type TlsFindingCode =
  'map-unreadable' | 'line-broken' | 'policy-invalid' | 'line-weaker-than-floor' | 'line-and-floor-both-apply'

/** Something an operator should know. */
export interface TlsFinding {
  readonly code: TlsFindingCode
  readonly line: number | null
  /** Where in that line, from 1; null when it is the line as a whole, or none. */
  readonly column: number | null
  readonly detail: string
}

/** One demand: at least this level, and one of these names. */
export interface TlsDemand {
  readonly level: TlsLevel
  /** The certificate must carry one of these; strategies as in {@link TlsPolicy}. Empty: no name is checked. */
  readonly match: readonly string[]
}

/** What a connection to the route must satisfy. */
export interface EffectiveTls {
  /** The strictest level that is demanded. */
  readonly level: TlsLevel
  /** Every one must be satisfied; the map's line first. */
  readonly demands: readonly TlsDemand[]
  /** SHA-256 digests of which one must be the certificate's or its key's; empty: none demanded. */
  readonly fingerprints: readonly string[]
  /** TLS or no delivery. */
  readonly required: boolean
  /** The chain must end in a trusted anchor. */
  readonly chain: boolean
  /**
   * What DNS says of the hop's certificate must hold too. dane: where it says something; dane-only: nothing is sent where it does
   * not. null: it is not asked.
   */
  readonly dane: 'dane' | 'dane-only' | null
  /** The floor takes part: anchors of `tafiles` count only if they are trusted anyway. */
  readonly floor: boolean
  readonly protocols: TlsPolicy['protocols']
  readonly ciphers: TlsPolicy['ciphers']
  readonly exclude: readonly string[]
  readonly tafiles: readonly string[]
  readonly servername: string | null
  readonly connectionReuse: boolean
}

/** The result of a look-up. */
export interface TlsLookup {
  /** null: no connection may be made, the mail waits; the findings say why. */
  readonly policy: EffectiveTls | null
  /** The key that was found; null when none was. */
  readonly key: string | null
  /** The line that was found, from 1; null when none was. */
  readonly line: number | null
  /** What the line says; null when none was found or it is broken. */
  readonly written: TlsPolicy | null
  readonly findings: readonly TlsFinding[]
}

/**
 * The keys under which a route is looked up, in order: the next hop as written; for a domain without brackets and port its
 * parent domains as `.parent` too.
 */
export function lookupKeys(route: string): string[] {
  const key = foldKey(route)
  if (!isHostname(key)) return [key]
  const keys = [key]
  for (let dot = key.indexOf('.'); dot >= 0; dot = key.indexOf('.', dot + 1)) keys.push(key.slice(dot))
  return keys
}

/**
 * The TLS policy for a route.
 * @param map - null: the map cannot be read
 * @param route - the next hop as it is written in the configuration
 * @param floor - what must hold whatever the map says; null for none
 * @param fallback - what holds where the map has no line and there is no floor
 */
export function tlsPolicyFor(
  map: Table | null,
  route: string,
  floor: TlsPolicy | null,
  fallback: TlsPolicy = NO_TLS_POLICY,
): TlsLookup {
  if (map === null) {
    const finding: TlsFinding = {
      code: 'map-unreadable',
      line: null,
      column: null,
      detail: 'the map cannot be read',
    }
    return {
      policy: floor === null ? null : floorOnly(floor),
      key: null,
      line: null,
      written: null,
      findings: [finding],
    }
  }
  const key = lookupKeys(route).find((candidate) => map.entries.has(candidate)) ?? null
  const entry = key === null ? undefined : map.entries.get(key)
  if (entry === undefined)
    return {
      policy: floorOnly(floor ?? fallback, floor !== null),
      key: null,
      line: null,
      written: null,
      findings: [],
    }
  const { line } = entry
  const broken = (finding: TlsFinding): TlsLookup => ({
    policy: floor === null ? null : floorOnly(floor),
    key,
    line,
    written: null,
    findings: [finding],
  })
  if (entry.value === null) {
    const fault = map.faults.find((candidate) => candidate.key === key)
    const place = { line: fault?.line ?? line, column: fault?.column ?? null }
    return broken({ code: 'line-broken', ...place, detail: fault?.code ?? 'broken' })
  }
  const written = parseTlsPolicy(entry.value)
  if (isTlsFault(written)) return broken(invalidPolicy(entry, written))
  const findings = findingsOf(written, floor, line)
  return { policy: combine(written, floor), key, line, written, findings }
}

/** The lines that none of the routes would ever find: mistyped keys, routes that are gone. */
export function unusedLines(
  map: Table,
  routes: readonly string[],
): { readonly line: number; readonly key: string }[] {
  const used = new Set(routes.map((route) => lookupKeys(route).find((key) => map.entries.has(key))))
  return [...map.entries].flatMap(([key, entry]) =>
    used.has(key) ? [] : [{ line: entry.line, key: entry.key }],
  )
}

/** What `nexthop`, `dot-nexthop` and `hostname` stand for on one connection. */
export function resolveMatch(match: readonly string[], route: string, hostname: string): string[] {
  const { host: nexthop } = parseRoute(route)
  return match.map((name) => {
    if (name === 'nexthop') return nexthop
    if (name === 'dot-nexthop') return `.${nexthop}`
    return name === 'hostname' ? hostname : name
  })
}

/** The finding about a line whose policy is invalid. */
function invalidPolicy(entry: TableEntry, { code, detail, offset }: TlsFault): TlsFinding {
  return { code: 'policy-invalid', ...placeOfValue(entry, offset), detail: `${code}: ${detail}` }
}

function daneOf(level: TlsLevel): EffectiveTls['dane'] {
  return level === 'dane' || level === 'dane-only' ? level : null
}

/** The level asks for a chain to a trusted anchor and a name. */
function isVerified(level: TlsLevel): boolean {
  return level === 'verify' || level === 'secure'
}

function stricter(a: TlsLevel, b: TlsLevel): TlsLevel {
  return TLS_LEVELS.indexOf(a) >= TLS_LEVELS.indexOf(b) ? a : b
}

function findingsOf(written: TlsPolicy, floor: TlsPolicy | null, line: number): TlsFinding[] {
  if (floor === null) return []
  if (!isVerified(written.level) && written.level !== 'fingerprint' && daneOf(written.level) === null)
    return [
      {
        code: 'line-weaker-than-floor',
        line,
        column: null,
        detail: `${written.level} is weaker than ${floor.level}, which applies`,
      },
    ]
  const same = written.match.every((name) => floor.match.includes(name))
  if (isVerified(written.level) && same) return []
  return [
    {
      code: 'line-and-floor-both-apply',
      line,
      column: null,
      detail: `the certificate must also satisfy ${floor.level} match=${floor.match.join(':')}`,
    },
  ]
}

function floorOnly(floor: TlsPolicy, isFloor = true): EffectiveTls {
  const { protocols, ciphers, exclude, tafiles, servername, fingerprints } = floor
  const attributes = { protocols, ciphers, exclude, tafiles, servername, fingerprints }
  return {
    ...attributes,
    level: floor.level,
    demands: [{ level: floor.level, match: floor.match }],
    // Without records of its certificate a hop of the level dane is as one of the level may, as in Postfix.
    required: floor.level !== 'none' && floor.level !== 'may' && floor.level !== 'dane',
    chain: isVerified(floor.level),
    dane: daneOf(floor.level),
    floor: isFloor,
    connectionReuse: floor.connectionReuse ?? true,
  }
}

/** Both at once. */
function combine(written: TlsPolicy, floor: TlsPolicy | null): EffectiveTls {
  const own = floorOnly(written, false)
  if (floor === null) return own
  return {
    ...own,
    level: stricter(written.level, floor.level),
    demands: [...own.demands, { level: floor.level, match: floor.match }],
    required: own.required || floor.level !== 'may',
    chain: own.chain || isVerified(floor.level),
    dane: own.dane ?? daneOf(floor.level),
    floor: true,
  }
}

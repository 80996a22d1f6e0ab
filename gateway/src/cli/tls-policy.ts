/**
 * `siegel tls-policy check --map FILE DESTINATION`: which line of a TLS policy map applies to a next hop, and what follows.
 * Reads one file, connects to nothing. Exit 0 when a valid line applies, 1 when none does or it is broken.
 */
import type { MapFinding } from '../maps/finding.ts'
import { inspectMap } from '../maps/inspect.ts'
import { parseRoute, RouteError, type Route } from '../maps/route.ts'
import { parseTable, TableTooLarge, type Table } from '../maps/table.ts'
import { isOffice365, OFFICE_365_FLOOR, tlsPolicyFor, type TlsLookup } from '../maps/tls-policy.ts'
import { readInput, UsageError, type Command, type ExitCode, type Io } from './io.ts'
import { findingLine } from './map.ts'

const USAGE = 'usage: siegel tls-policy check --map FILE DESTINATION [--json]'

/** The command `siegel tls-policy`. */
export const tlsPolicy: Command = async (args, io) => {
  const { map, destination, json } = readArguments(args)
  const route = readRoute(destination)
  const text = (await readInput(map, io)).toString('utf8')
  const table = readTable(text)
  const floor = isOffice365(route.host) ? OFFICE_365_FLOOR : null
  const lookup = tlsPolicyFor(table, destination, floor)
  const result = { destination, ...resultOf(lookup), faults: table.faults }
  const warnings = inspectMap('tls-policy', text, null)
  if (json) io.out(JSON.stringify({ ...result, warnings }))
  else print(io, result, warnings)
  return (result.status === 'found' ? 0 : 1) satisfies ExitCode
}

/** The machine-readable result; `level` and `match` are those of the line, `effective` is what a connection must satisfy. */
function resultOf(lookup: TlsLookup) {
  const { key, line, written, policy, findings } = lookup
  return {
    status:
      key === null ? ('not-found' as const) : written === null ? ('invalid' as const) : ('found' as const),
    key,
    line,
    level: written?.level ?? null,
    match: written === null ? [] : written.level === 'fingerprint' ? written.fingerprints : written.match,
    policy: written,
    effective: policy,
    findings,
  }
}

function print(
  io: Io,
  result: ReturnType<typeof resultOf> & { destination: string },
  warnings: readonly MapFinding[],
): void {
  const { status, key, line, effective } = result
  io.out(`${result.destination}: ${status}${line === null ? '' : ` in line ${line} (${key ?? ''})`}`)
  io.out(effective === null ? 'effective: no delivery, mail waits' : `effective: ${effective.level}`)
  for (const demand of effective?.demands ?? [])
    io.out(`  ${demand.level}${demand.match.length === 0 ? '' : ` match=${demand.match.join(':')}`}`)
  for (const finding of result.findings)
    io.err(`${finding.line === null ? '' : `line ${finding.line}: `}${finding.code}: ${finding.detail}`)
  for (const warning of warnings) io.err(findingLine(warning))
}

function readArguments(args: readonly string[]): { map: string; destination: string; json: boolean } {
  if (args[0] !== 'check') throw new UsageError(USAGE)
  let map: string | undefined
  let json = false
  const rest: string[] = []
  for (let i = 1; i < args.length; i++) {
    const arg = args[i] ?? ''
    if (arg === '--json') json = true
    else if (arg === '--map') map = args[++i]
    else if (arg.startsWith('--map=')) map = arg.slice(6)
    else if (arg.startsWith('--')) throw new UsageError(`unknown option ${arg}\n${USAGE}`)
    else rest.push(arg)
  }
  const [destination, ...more] = rest
  if (map === undefined || destination === undefined || more.length > 0) throw new UsageError(USAGE)
  return { map, destination, json }
}

function readRoute(text: string): Route {
  try {
    return parseRoute(text)
  } catch (error) {
    if (error instanceof RouteError) throw new UsageError(error.message)
    throw error
  }
}

function readTable(text: string): Table {
  try {
    return parseTable(text)
  } catch (error) {
    if (error instanceof TableTooLarge) throw new UsageError(`the map is too large: ${error.message}`)
    throw error
  }
}

/**
 * The list of addresses from which Exchange Online sends mail: the one that is shipped, how the endpoint service's answer is
 * read, and which list is believed. Pure. Unsure means no: the list in use stays.
 */
import { contains, readNetwork, type Network } from '../../maps/ip-network.ts'

/** A list of address ranges. */
export interface RangeList {
  /** Of the endpoint service, such as `2026081400`: year, month, day, number. */
  readonly version: string
  /** When the service last said that this is the newest list; for the shipped one when it was made. ms since 1970. */
  readonly confirmedAt: number
  /** CIDR, IPv4 and IPv6. */
  readonly ranges: readonly string[]
}

/** The list that comes with this release: endpoint set 10, `*.mail.protection.outlook.com` and `*.mx.microsoft` on port 25. */
export const SHIPPED_LIST: RangeList = {
  version: '2026081400',
  confirmedAt: Date.UTC(2026, 7, 14),
  ranges: [
    '40.92.0.0/15',
    '40.107.0.0/16',
    '52.100.0.0/14',
    '104.47.0.0/17',
    '2a01:111:f400::/48',
    '2a01:111:f403::/48',
  ],
}

/** Why a list is not believed. */
export class RangeListRefused extends Error {
  override readonly name = 'RangeListRefused'
}

const MOST_RANGES = 1000
const LEAST_RANGES = 3
/** The widest range that is believed, as the length of its prefix. */
const WIDEST = { 32: 8, 128: 19 } as const
/** Addresses that nobody reaches us from over the Internet. RFC 6890 2.2.2, 2.2.3 */
const NOT_PUBLIC = [
  ...[
    '0.0.0.0/8',
    '10.0.0.0/8',
    '100.64.0.0/10',
    '127.0.0.0/8',
    '169.254.0.0/16',
    '172.16.0.0/12',
    '192.168.0.0/16',
  ],
  ...['224.0.0.0/3', '::/16', 'fc00::/7', 'fe80::/10', 'ff00::/8'],
].map(network)

function network(text: string): Network {
  const read = readNetwork(text)
  if ('fault' in read) throw new RangeListRefused(`${text}: ${read.detail}`)
  return read
}

/**
 * Reads the answer of `/version`: the newest version of the worldwide instance.
 * @throws RangeListRefused
 */
export function readVersion(answer: unknown): string {
  const instances: unknown[] = Array.isArray(answer) ? answer : [answer]
  for (const instance of instances)
    if (isRecord(instance) && instance['instance'] === 'Worldwide' && typeof instance['latest'] === 'string')
      return checkedVersion(instance['latest'])
  throw new RangeListRefused('the answer names no version of the worldwide instance')
}

function checkedVersion(text: string): string {
  if (/^20\d{8}$/.test(text)) return text
  throw new RangeListRefused(`not a version: ${JSON.stringify(text.slice(0, 40))}`)
}

/**
 * Reads the answer of `/endpoints/Worldwide`: the addresses of the sets of Exchange that speak on TCP port 25.
 * @throws RangeListRefused
 */
export function readEndpoints(answer: unknown): string[] {
  if (!Array.isArray(answer)) throw new RangeListRefused('the answer is no list of endpoint sets')
  const ranges = (answer as unknown[]).flatMap((set) => {
    if (!isRecord(set) || set['serviceArea'] !== 'Exchange') return []
    const { ips, tcpPorts } = set
    const ports = typeof tcpPorts === 'string' ? tcpPorts.split(',').map((port) => port.trim()) : []
    if (!ports.includes('25') || ips === undefined) return []
    if (!Array.isArray(ips) || !ips.every((ip) => typeof ip === 'string'))
      throw new RangeListRefused('the addresses of an endpoint set are no texts')
    return ips
  })
  return [...new Set(ranges)].sort()
}

/** Checks a list for itself. Throws RangeListRefused. */
function judge(ranges: readonly string[]): void {
  if (ranges.length < LEAST_RANGES || ranges.length > MOST_RANGES)
    throw new RangeListRefused(
      `${ranges.length} ranges, where ${LEAST_RANGES} to ${MOST_RANGES} are believed`,
    )
  for (const text of ranges) {
    const range = network(text)
    if (range.prefix < WIDEST[range.bits])
      throw new RangeListRefused(`${text} is wider than /${WIDEST[range.bits]}`)
    if (NOT_PUBLIC.some((reserved) => contains(reserved, range) || contains(range, reserved)))
      throw new RangeListRefused(`${text} is not a public range`)
  }
  if (!ranges.some((text) => network(text).bits === 32)) throw new RangeListRefused('no IPv4 range')
}

/** How many addresses a list covers, each range for itself; of IPv6 networks of 64 bits. */
function sizes(ranges: readonly string[]): Record<32 | 128, number> {
  const sum = { 32: 0, 128: 0 }
  for (const { bits, prefix } of ranges.map(network)) sum[bits] += 2 ** ((bits === 32 ? 32 : 64) - prefix)
  return sum
}

/**
 * Decides whether a list takes the place of the one in use.
 * @param acceptSmaller - an operator has looked at it: also when more than half of the addresses go
 * @throws RangeListRefused with the reason
 */
export function checkSuccessor(next: RangeList, current: RangeList, acceptSmaller: boolean): void {
  judge(next.ranges)
  if (next.version < current.version)
    throw new RangeListRefused(`version ${next.version} is older than ${current.version}, which is in use`)
  if (acceptSmaller) return
  const [now, then] = [sizes(current.ranges), sizes(next.ranges)]
  for (const bits of [32, 128] as const)
    if (then[bits] * 2 < now[bits])
      throw new RangeListRefused(`more than half of the ${bits === 32 ? 'IPv4' : 'IPv6'} addresses are gone`)
}

/**
 * Reads a kept list again.
 * @returns null when it is none, or not to be believed
 */
export function readKept(value: unknown): RangeList | null {
  if (!isRecord(value)) return null
  const { version, confirmedAt, ranges } = value
  if (typeof version !== 'string' || typeof confirmedAt !== 'number' || !Number.isFinite(confirmedAt))
    return null
  if (!Array.isArray(ranges) || !ranges.every((range) => typeof range === 'string')) return null
  try {
    judge(ranges)
    return { version: checkedVersion(version), confirmedAt, ranges }
  } catch (error) {
    if (error instanceof RangeListRefused) return null
    throw error
  }
}

/** The list in use: the kept one unless the shipped one is newer. */
export function newerOf(kept: RangeList | null): {
  readonly list: RangeList
  readonly source: 'shipped' | 'refreshed'
} {
  return kept === null || kept.version < SHIPPED_LIST.version
    ? { list: SHIPPED_LIST, source: 'shipped' }
    : { list: kept, source: 'refreshed' }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

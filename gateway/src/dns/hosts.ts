/**
 * Finds the addresses of a host: first in a static table from the configuration, then by DNS (A before AAAA), with a cache
 * that obeys the records' time to live. Knows no MX records and makes no connection to the host.
 */
import { Resolver } from 'node:dns/promises'
import { isIP } from 'node:net'

/** One address of a host. */
export interface HostAddress {
  /** IPv4 or IPv6. */
  readonly address: string
  /** A port that the static table puts in place of the route's; null for the route's own. */
  readonly port: number | null
}

/** Why a host has no addresses. Both are temporary: names come back. */
export class HostLookupError extends Error {
  override readonly name = 'HostLookupError'
  /** not-found: the name does not exist or has no address. unavailable: nobody could say. */
  readonly kind: 'not-found' | 'unavailable'

  /**
   * @param kind - not-found or unavailable
   * @param message - for the operator
   */
  constructor(kind: 'not-found' | 'unavailable', message: string) {
    super(message)
    this.kind = kind
  }
}

/**
 * Resolves a host name (lower case) or an address literal, IPv4 first.
 * Rejects with HostLookupError; never resolves with an empty list.
 */
export type HostLookup = (host: string) => Promise<readonly HostAddress[]>

/** Settings of a host lookup. */
export interface HostLookupOptions {
  /**
   * Static table: host name in lower case to `address`, `address:port` or `[IPv6]:port`. A name that stands here is never
   * asked of DNS.
   */
  readonly table?: ReadonlyMap<string, readonly string[]>
  /** Name servers as `address` or `address:port`; without it those of the system. */
  readonly servers?: readonly string[]
  /** The clock, in milliseconds. */
  readonly now?: () => number
  /** How long one question waits for its answer, in milliseconds. */
  readonly timeoutMs?: number
}

/** Bounds of the time an answer is kept, in seconds. */
const MIN_TTL = 5
const MAX_TTL = 300
const MAX_ADDRESSES = 32
const MAX_CACHED = 10_000
const NOT_FOUND: ReadonlySet<string> = new Set(['ENOTFOUND', 'ENODATA'])

interface Answer {
  readonly addresses: readonly string[]
  readonly ttl: number
  readonly code: string | null
}

/**
 * Makes a host lookup.
 * @throws RangeError for an entry of the static table that is no address
 */
export function createHostLookup(options: HostLookupOptions = {}): HostLookup {
  const { timeoutMs = 5000, now = () => performance.now() } = options
  const table = readTable(options.table ?? new Map<string, readonly string[]>())
  const resolver = new Resolver({ timeout: timeoutMs, tries: 2 })
  if (options.servers !== undefined) resolver.setServers(options.servers)
  const cache = new Map<string, { readonly until: number; readonly found: readonly HostAddress[] }>()
  const asking = new Map<string, Promise<readonly HostAddress[]>>()

  const ask = async (host: string): Promise<readonly HostAddress[]> => {
    try {
      const { found, ttl } = await resolve(resolver, host)
      if (cache.size >= MAX_CACHED) cache.clear()
      cache.set(host, { until: now() + Math.min(Math.max(ttl, MIN_TTL), MAX_TTL) * 1000, found })
      return found
    } finally {
      asking.delete(host)
    }
  }
  return async (host) => {
    const fixed = table.get(host)
    if (fixed !== undefined) return fixed
    if (isIP(host) !== 0) return [{ address: host, port: null }]
    const cached = cache.get(host)
    if (cached !== undefined && cached.until > now()) return cached.found
    let question = asking.get(host)
    if (question === undefined) asking.set(host, (question = ask(host)))
    return question
  }
}

async function resolve(resolver: Resolver, host: string): Promise<{ found: HostAddress[]; ttl: number }> {
  const settle = (question: Promise<{ address: string; ttl: number }[]>): Promise<Answer> =>
    question.then(
      (records) => ({
        addresses: records.map(({ address }) => address),
        ttl: Math.min(...records.map(({ ttl }) => ttl)),
        code: null,
      }),
      (error: unknown) => ({
        addresses: [],
        ttl: MAX_TTL,
        code: (error as NodeJS.ErrnoException).code ?? 'unknown',
      }),
    )
  const answers = await Promise.all([
    settle(resolver.resolve4(host, { ttl: true })),
    settle(resolver.resolve6(host, { ttl: true })),
  ])
  const found = answers.flatMap(({ addresses }) => addresses).slice(0, MAX_ADDRESSES)
  if (found.length > 0)
    return {
      found: found.map((address) => ({ address, port: null })),
      ttl: Math.min(...answers.map(({ ttl }) => ttl)),
    }
  const codes = answers.map(({ code }) => code ?? 'ENODATA')
  if (codes.every((code) => NOT_FOUND.has(code)))
    throw new HostLookupError('not-found', `${host} has no address`)
  throw new HostLookupError('unavailable', `cannot resolve ${host}: ${codes.join(', ')}`)
}

function readTable(table: ReadonlyMap<string, readonly string[]>): Map<string, readonly HostAddress[]> {
  return new Map([...table].map(([host, entries]) => [host.toLowerCase(), entries.map(readEntry)]))
}

function readEntry(text: string): HostAddress {
  if (isIP(text) !== 0) return { address: text, port: null }
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text) ?? []
  const address = bracketed ?? plain ?? ''
  const port = Number(digits)
  if (isIP(address) === 0 || !(port >= 1 && port <= 65_535))
    throw new RangeError(`not an address: ${JSON.stringify(text)}`)
  return { address, port }
}

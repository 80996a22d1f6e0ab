/**
 * Finds the addresses of a host: first in a static table from the configuration, then by DNS (A before AAAA). Knows no MX
 * records and makes no connection to the host.
 */
import { isIP } from 'node:net'
import { createResolver, LookupFailed, parseServer, type Resolve } from './resolver.ts'

/** One address of a host. */
export interface HostAddress {
  /** IPv4 or IPv6. */
  readonly address: string
  /** A port that the static table puts in place of the route's; null for the route's own. */
  readonly port: number | null
  /** The answer was validated, aliases included; never for what the static table says. RFC 7672 2.2.2 */
  readonly secure: boolean
  /** The name behind all aliases of the host. */
  readonly name: string
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
  /** Who is asked; without it the servers, or those of the system. */
  readonly resolve?: Resolve
  /** Name servers as `address` or `address:port`. */
  readonly servers?: readonly string[]
  /** The clock, in milliseconds. */
  readonly now?: () => number
  /** How long one question waits for its answer, in milliseconds. */
  readonly timeoutMs?: number
}

const MAX_ADDRESSES = 32

/**
 * Makes a host lookup.
 * @throws RangeError for an entry of the static table that is no address
 */
export function createHostLookup(options: HostLookupOptions = {}): HostLookup {
  const table = readTable(options.table ?? new Map<string, readonly string[]>())
  const resolve = options.resolve ?? resolverOf(options)
  return async (host) => {
    const fixed = table.get(host)
    if (fixed !== undefined) return fixed
    if (isIP(host) !== 0) return [{ address: host, port: null, secure: false, name: host }]
    return ask(resolve, host)
  }
}

function resolverOf({ servers, now, timeoutMs }: HostLookupOptions): Resolve {
  return createResolver({
    ...(servers === undefined ? {} : { servers: servers.flatMap((text) => parseServer(text) ?? []) }),
    ...(now === undefined ? {} : { now }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  }).resolve
}

/** What one type of address came to. */
type Half = { readonly addresses: HostAddress[]; readonly failure: LookupFailed | null }

async function half(resolve: Resolve, host: string, type: 'A' | 'AAAA'): Promise<Half> {
  try {
    const { records, secure, name } = await resolve(host, type)
    return {
      addresses: records.map((address) => ({ address, port: null, secure, name })),
      failure: null,
    }
  } catch (error) {
    if (!(error instanceof LookupFailed)) throw error
    return { addresses: [], failure: error }
  }
}

async function ask(resolve: Resolve, host: string): Promise<readonly HostAddress[]> {
  const halves = await Promise.all([half(resolve, host, 'A'), half(resolve, host, 'AAAA')])
  const found = halves.flatMap(({ addresses }) => addresses).slice(0, MAX_ADDRESSES)
  if (found.length > 0) return found
  const failure = halves.map((each) => each.failure).find((each) => each !== null)
  if (failure === undefined) throw new HostLookupError('not-found', `${host} has no address`)
  throw new HostLookupError('unavailable', failure.message)
}

function readTable(table: ReadonlyMap<string, readonly string[]>): Map<string, readonly HostAddress[]> {
  return new Map(
    [...table].map(([host, entries]) => {
      const name = host.toLowerCase()
      return [name, entries.map((text) => readEntry(name, text))]
    }),
  )
}

function readEntry(name: string, text: string): HostAddress {
  if (isIP(text) !== 0) return { address: text, port: null, secure: false, name }
  const target = parseServer(text)
  if (target === null) throw new RangeError(`not an address: ${JSON.stringify(text)}`)
  return { ...target, secure: false, name }
}

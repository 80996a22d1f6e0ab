/**
 * Finds the MTA-STS policy of a domain: by its TXT record and over HTTPS, and keeps it for its time, also over a restart, because
 * who can suppress an answer could otherwise switch the policy off. Follows no redirect and connects to no address that is not
 * public, but for hosts of the static table.
 */
import { request } from 'node:https'
import { BlockList, isIPv6 } from 'node:net'
import { HostLookupError, type HostAddress, type HostLookup } from './hosts.ts'
import { LookupFailed, type Resolve } from './resolver.ts'
import { parseStsPolicy, stsId, type StsPolicy } from './sts-policy.ts'

/** A policy as it is kept. */
export interface KeptStsPolicy {
  readonly id: string
  readonly policy: StsPolicy
  /** Milliseconds since 1970. */
  readonly fetchedAt: number
}

/** Keeps policies over a restart. */
export interface StsStore {
  /** The policy of a domain; null when none is kept. */
  find(domain: string): KeptStsPolicy | null
  keep(domain: string, kept: KeptStsPolicy): Promise<void>
  /** The domains whose policy was fetched before a time, in milliseconds since 1970; what ends first comes first. */
  fetchedBefore(time: number): string[]
}

/** The policy that holds for a domain, lower case; null for none. Never rejects for what DNS or the web server says. */
export type StsLookup = (domain: string) => Promise<KeptStsPolicy | null>

/** What a look-up is made from. */
export interface StsOptions {
  readonly resolve: Resolve
  readonly hosts: HostLookup
  readonly store: StsStore
  /** Anchors for the web servers, PEM, asked for at each fetch. */
  readonly anchors: () => readonly string[]
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Told of a policy that could not be had. */
  readonly failed: (domain: string, cause: string) => void
}

/** RFC 8461 3.3: a bound of size and of time, and no redirects */
const LARGEST = 65_536
const TIMEOUT_MS = 15_000
/** A policy is fetched again after this time, in case the record was forgotten. RFC 8461 3.3, 5.1 */
export const REFRESH_MS = 86_400_000
/** After a failed fetch the web server is left alone for this time. RFC 8461 3.3 */
const PAUSE_MS = 300_000
const MAX_PAUSED = 10_000
const HTTPS_PORT = 443

/** Addresses that are not of the public Internet. RFC 6890 2.2 */
const PRIVATE = new BlockList()
for (const [network, prefix] of [
  ...([
    ['0.0.0.0', 8],
    ['10.0.0.0', 8],
    ['100.64.0.0', 10],
    ['127.0.0.0', 8],
    ['169.254.0.0', 16],
  ] as const),
  ...([
    ['172.16.0.0', 12],
    ['192.0.0.0', 24],
    ['192.0.2.0', 24],
    ['192.168.0.0', 16],
  ] as const),
  ...([
    ['198.18.0.0', 15],
    ['198.51.100.0', 24],
    ['203.0.113.0', 24],
    ['224.0.0.0', 3],
  ] as const),
] as const)
  PRIVATE.addSubnet(network, prefix, 'ipv4')
for (const [network, prefix] of [
  ...([
    ['::', 96],
    ['64:ff9b::', 96],
    ['64:ff9b:1::', 48],
    ['100::', 64],
    ['2001::', 23],
  ] as const),
  ...([
    ['2001:db8::', 32],
    ['2002::', 16],
    ['fc00::', 7],
    ['fe80::', 10],
    ['ff00::', 8],
  ] as const),
] as const)
  PRIVATE.addSubnet(network, prefix, 'ipv6')

/** Makes a look-up. */
export function createStsLookup(options: StsOptions): StsLookup {
  const { store, now } = options
  const paused = new Map<string, number>()
  const asking = new Map<string, Promise<KeptStsPolicy | null>>()

  const ask = async (domain: string): Promise<KeptStsPolicy | null> => {
    const found = store.find(domain)
    const kept = found !== null && found.fetchedAt + found.policy.maxAge * 1000 > now() ? found : null
    const id = await currentId(options.resolve, domain)
    // RFC 8461 5.1: without a record a policy that is kept still holds, and a new one is not looked for
    if (id === null) return kept
    if (kept?.id === id && kept.fetchedAt + REFRESH_MS > now()) return kept
    if ((paused.get(domain) ?? 0) > now()) return kept
    try {
      const policy = parseStsPolicy(await fetchPolicy(domain, options))
      if (policy === null) throw new Error('the policy breaks a rule')
      const fresh = { id, policy, fetchedAt: now() }
      await store.keep(domain, fresh)
      return fresh
    } catch (error) {
      if (paused.size >= MAX_PAUSED) paused.clear()
      paused.set(domain, now() + PAUSE_MS)
      options.failed(domain, error instanceof Error ? error.message : 'failed')
      return kept
    }
  }
  return (domain) => {
    let question = asking.get(domain)
    if (question === undefined)
      asking.set(
        domain,
        (question = ask(domain).finally(() => {
          asking.delete(domain)
        })),
      )
    return question
  }
}

async function currentId(resolve: Resolve, domain: string): Promise<string | null> {
  try {
    return stsId((await resolve(`_mta-sts.${domain}`, 'TXT')).records)
  } catch (error) {
    if (error instanceof LookupFailed) return null
    throw error
  }
}

async function fetchPolicy(domain: string, { hosts, anchors }: StsOptions): Promise<string> {
  const host = `mta-sts.${domain}`
  const target = (await addressesOf(hosts, host)).find(isAllowed)
  if (target === undefined) throw new Error(`${host} has no public address`)
  return get(host, target, anchors())
}

async function addressesOf(hosts: HostLookup, host: string): Promise<readonly HostAddress[]> {
  try {
    return await hosts(host)
  } catch (error) {
    if (error instanceof HostLookupError) throw new Error(error.message, { cause: error })
    throw error
  }
}

/** A port of its own stands in the static table only: the operator wrote it. */
function isAllowed({ address, port }: HostAddress): boolean {
  return port !== null || !PRIVATE.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
}

/** RFC 8461 3.3: the certificate must be good for the name; anything but 200 is no policy */
function get(host: string, { address, port }: HostAddress, anchors: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request({
      ...{ host: address, port: port ?? HTTPS_PORT, path: '/.well-known/mta-sts.txt', method: 'GET' },
      ...{ headers: { host, accept: 'text/plain' }, servername: host, agent: false },
      ca: [...anchors],
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    const fail = (cause: string): void => {
      asked.destroy(new Error(cause))
    }
    asked.once('error', reject)
    asked.once('response', (answer) => {
      if (answer.statusCode !== 200) {
        fail(`HTTP ${answer.statusCode ?? 0}`)
        return
      }
      const pieces: Buffer[] = []
      let size = 0
      answer.on('data', (piece: Buffer) => {
        pieces.push(piece)
        size += piece.length
        if (size > LARGEST) fail('the policy is too large')
      })
      answer.once('end', () => {
        resolve(Buffer.concat(pieces).toString('utf8'))
      })
      answer.once('error', reject)
    })
    asked.end()
  })
}

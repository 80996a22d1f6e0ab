/**
 * Brings a connection to the point where mail may be given: greeting, EHLO, STARTTLS as the policy demands, the check of the
 * peer, EHLO again. Tries the addresses of a host in order; one that fails with a resumed TLS session is tried again without.
 * Until it returns, not one octet of a mail is sent.
 */
import type { TlsIdentity } from '../../config/ports.ts'
import { HostLookupError, type HostAddress, type HostLookup } from '../../dns/hosts.ts'
import type { EffectiveTls } from '../../maps/tls-policy.ts'
import type { Route } from '../../maps/route.ts'
import type { Hop } from '../outcome.ts'
import type { Reply } from '../../smtp/reply.ts'
import { NO_CAPABILITIES, readCapabilities, type Capabilities } from './capabilities.ts'
import { classify, type Stage } from './classify.ts'
import { Connection } from './connection.ts'
import { checkPeer, type KnownPeer } from './tls-check.ts'
import type { TlsMaterial } from './tls-material.ts'
import type { Timeouts, Watch } from './timeouts.ts'
import { deferred, DialogueFailed, type Verdict } from './verdict.ts'

/** Where to connect and what must hold there. */
export interface Destination {
  readonly tenantId: string
  /** EHLO argument. */
  readonly fqdn: string
  readonly route: Route
  readonly policy: EffectiveTls
  readonly identity: TlsIdentity | null
  readonly anchors: readonly string[]
  /** Prefix of the key of TLS sessions: tenant, host, certificate, anchors. */
  readonly sessionKey: string
}

/** What opening needs. */
export interface SessionParts {
  readonly hosts: HostLookup
  readonly material: TlsMaterial
  readonly timeouts: Timeouts
  readonly watch: Watch
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** An open connection that a mail may be given to. */
export interface Session {
  readonly connection: Connection
  readonly capabilities: Capabilities
  readonly hop: Hop
  /** Monotonic milliseconds. */
  readonly openedAt: number
  /** Transactions begun. */
  mails: number
}

/** The result of opening: a session, or why no address gave one. */
export type Opened =
  | { readonly session: Session; readonly verdict: null; readonly hop: Hop }
  | { readonly session: null; readonly verdict: Verdict; readonly hop: Hop | null }

/** Addresses of one host that are tried for one mail. */
const MAX_ADDRESSES = 5

/** Opens a session with the first address that gives one. Never rejects for what the hop or the network does. */
export async function openSession(destination: Destination, parts: SessionParts): Promise<Opened> {
  const { route } = destination
  let addresses: readonly HostAddress[]
  try {
    addresses = await parts.hosts(route.host)
  } catch (error) {
    if (!(error instanceof HostLookupError)) throw error
    const code = error.kind === 'not-found' ? 'host-not-found' : 'host-lookup-failed'
    return {
      session: null,
      hop: null,
      verdict: deferred('4.4.3', code, { host: route.host, cause: error.message }),
    }
  }
  let worst: { verdict: Verdict; hop: Hop } | null = null
  for (const { address, port } of addresses.slice(0, MAX_ADDRESSES)) {
    const hop: Hop = { route: route.text, host: route.host, address, port: port ?? route.port, tls: null }
    try {
      const session = await openWithFallback(destination, hop, parts)
      return { session, verdict: null, hop: session.hop }
    } catch (error) {
      if (!(error instanceof DialogueFailed)) throw error
      if (worst === null || weight(error.verdict) >= weight(worst.verdict))
        worst = { verdict: error.verdict, hop }
    }
  }
  return {
    session: null,
    ...(worst ?? { verdict: deferred('4.4.3', 'host-not-found', { host: route.host }), hop: null }),
  }
}

/** Which of several addresses' failures is told: what an operator must mend before what passes. */
function weight({ kind, reason }: Verdict): number {
  if (kind === 'held') return 3
  return /^(?:tls-|starttls-)/.test(reason.code) ? 2 : reason.code === 'connection-refused' ? 0 : 1
}

/** How TLS is used for one connection. `fresh`: no earlier session is offered. */
type TlsUse = 'resuming' | 'fresh' | 'none'

/** A hop that was offered an earlier session failed handshake or check: the session may be at fault, not the hop. */
class ResumptionFailed extends DialogueFailed {}

/** TLS was promised and did not come about: STARTTLS refused, or the handshake failed, was cut off or never ended. */
function isTlsFailure({ reason }: Verdict): boolean {
  const { code, arguments: args } = reason
  return (
    code === 'tls-handshake-failed' ||
    code === 'starttls-refused' ||
    ((code === 'connection-lost' || code === 'reply-timeout') && args['stage'] === 'tls')
  )
}

/** Where TLS is not required such a failure leads to a connection without it, as in Postfix. */
async function openWithFallback(destination: Destination, hop: Hop, parts: SessionParts): Promise<Session> {
  const { policy } = destination
  if (policy.level === 'none') return open(destination, hop, parts, 'none')
  try {
    return await openWithTls(destination, hop, parts)
  } catch (error) {
    if (policy.required || !(error instanceof DialogueFailed) || !isTlsFailure(error.verdict)) throw error
    return open(destination, hop, parts, 'none')
  }
}

/** A failure with an earlier session costs no retry pause: once more without one, at the same address. */
async function openWithTls(destination: Destination, hop: Hop, parts: SessionParts): Promise<Session> {
  try {
    return await open(destination, hop, parts, 'resuming')
  } catch (error) {
    if (!(error instanceof ResumptionFailed)) throw error
    return open(destination, hop, parts, 'fresh')
  }
}

async function open(
  destination: Destination,
  hop: Hop,
  parts: SessionParts,
  tlsUse: TlsUse,
): Promise<Session> {
  const { timeouts, watch } = parts
  const connection = await Connection.open(hop.address, hop.port, timeouts.connect, watch)
  try {
    expect(await connection.next(timeouts.greeting, 'greeting'), 220, 'greeting')
    let capabilities = await ehlo(connection, destination, timeouts)
    let tls: Hop['tls'] = null
    if (tlsUse !== 'none' && capabilities.starttls) {
      tls = await startTls(connection, destination, hop, parts, tlsUse === 'resuming')
      // RFC 3207 4.2: what was learned before TLS is forgotten
      capabilities = await ehlo(connection, destination, timeouts)
    } else if (destination.policy.required)
      throw new DialogueFailed(deferred('4.7.4', 'starttls-not-offered', { host: hop.host }))
    return { connection, capabilities, hop: { ...hop, tls }, openedAt: performance.now(), mails: 0 }
  } catch (error) {
    connection.quit(timeouts.reset)
    throw error
  }
}

async function ehlo(
  connection: Connection,
  { fqdn, policy }: Destination,
  timeouts: Timeouts,
): Promise<Capabilities> {
  // What was said before it was asked would be taken for the answer.
  if (connection.hasReply) throw refused(await connection.next(timeouts.ehlo, 'ehlo'), 'greeting')
  connection.send([`EHLO ${fqdn}\r\n`])
  const reply = await connection.next(timeouts.ehlo, 'ehlo')
  if (reply.code === 250) return readCapabilities(reply)
  // RFC 5321 3.2: a server of old knows HELO only; it has no STARTTLS either
  if (policy.required || (reply.code !== 500 && reply.code !== 502)) throw refused(reply, 'ehlo')
  connection.send([`HELO ${fqdn}\r\n`])
  expect(await connection.next(timeouts.ehlo, 'ehlo'), 250, 'ehlo')
  return NO_CAPABILITIES
}

async function startTls(
  connection: Connection,
  destination: Destination,
  hop: Hop,
  parts: SessionParts,
  resume: boolean,
): Promise<Hop['tls']> {
  const { timeouts, material } = parts
  const { policy, identity, anchors, route } = destination
  const secureContext = await material.context(policy, identity, anchors)
  connection.send(['STARTTLS\r\n'])
  const reply = await connection.next(timeouts.ehlo, 'starttls')
  if (reply.code !== 220) {
    const { verdict } = refused(reply, 'starttls')
    throw new DialogueFailed({
      ...verdict,
      kind: 'deferred',
      status: '4.7.4',
      reason: { code: 'starttls-refused', arguments: { code: reply.code } },
    })
  }
  const servername = serverName(policy, route)
  const sessionKey = `${destination.sessionKey}\n${policy.chain}\n${hop.address}\n${hop.port}\n${servername ?? ''}`
  const earlier = resume ? material.takeSession(sessionKey, parts.now()) : null
  const resumption = new Resumption(material, sessionKey, parts.now)
  try {
    const socket = await connection.startTls(
      {
        secureContext,
        servername,
        session: earlier?.bytes ?? null,
        onSession: (session) => {
          resumption.offer(session)
        },
      },
      timeouts.tls,
    )
    const { facts, fault } = checkPeer(
      socket,
      earlier?.peer ?? null,
      policy,
      { route: route.text, hostname: route.host },
      parts.now(),
    )
    if (fault !== null) throw new DialogueFailed(fault)
    if (facts.peer !== null) resumption.trust(facts.peer)
    const { version, cipher, verified, name } = facts
    return { version, cipher, verified, name }
  } catch (error) {
    if (earlier === null || !(error instanceof DialogueFailed)) throw error
    // The others are of the same making.
    material.forgetSessions(sessionKey)
    throw new ResumptionFailed(error.verdict)
  }
}

/** Keeps the sessions that a hop offers, but only once the hop has passed the check. */
class Resumption {
  readonly #material: TlsMaterial
  readonly #key: string
  readonly #now: () => number
  #waiting: Buffer | null = null
  #peer: KnownPeer | null = null

  constructor(material: TlsMaterial, key: string, now: () => number) {
    this.#material = material
    this.#key = key
    this.#now = now
  }

  offer(session: Buffer): void {
    if (this.#peer === null) this.#waiting = session
    else this.#material.keepSession(this.#key, session, this.#peer, this.#now())
  }

  trust(peer: KnownPeer): void {
    this.#peer = peer
    if (this.#waiting !== null) this.offer(this.#waiting)
  }
}

/** RFC 6066 3: a name, never an address */
function serverName(policy: EffectiveTls, route: Route): string | null {
  if (policy.servername !== null && policy.servername !== 'hostname' && policy.servername !== 'nexthop')
    return policy.servername
  return route.literal ? null : route.host
}

function expect(reply: Reply, code: number, stage: Stage): void {
  if (reply.code !== code) throw refused(reply, stage)
}

function refused(reply: Reply, stage: Stage): DialogueFailed {
  return new DialogueFailed(classify(reply, stage))
}

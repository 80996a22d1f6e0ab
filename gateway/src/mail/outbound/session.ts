/**
 * Brings a connection to the point where mail may be given: greeting, EHLO, STARTTLS as the policy demands, the check of the
 * peer, EHLO again. Tries the hosts of a destination and their addresses in order; one that fails with a resumed TLS session is tried again without.
 * Until it returns, not one octet of a mail is sent. Says of a kept connection whether it would still be opened so.
 */
import { isIP } from 'node:net'
import type { TlsIdentity } from '../../config/ports.ts'
import { HostLookupError, type HostAddress, type HostLookup } from '../../dns/hosts.ts'
import type { MxLookup } from '../../dns/mail-exchangers.ts'
import type { KeptStsPolicy, StsFound, StsLookup } from '../../dns/sts.ts'
import { tlsaText, type TlsaLookup } from '../../dns/tlsa.ts'
import type { EffectiveTls } from '../../maps/tls-policy.ts'
import type { Route } from '../../maps/route.ts'
import type { Hop } from '../outcome.ts'
import type { Reply } from '../../smtp/reply.ts'
import { NO_CAPABILITIES, readCapabilities, type Capabilities } from './capabilities.ts'
import { classify, type Stage } from './classify.ts'
import { Connection } from './connection.ts'
import type { DaneTarget } from './dane-check.ts'
import { hardenByDane, type HardenedTls } from './dane-policy.ts'
import {
  appliedPolicy,
  faultOf,
  policyBefore,
  unlistedFault,
  type SessionFault,
  type SessionNotes,
} from './sessions.ts'
import { hardenBySts } from './sts-policy.ts'
import { targetsOf, type Target } from './targets.ts'
import { checkPeer, type KnownPeer } from './tls-check.ts'
import type { TlsMaterial } from './tls-material.ts'
import type { Timeouts, Watch } from './timeouts.ts'
import { deferred, DialogueFailed, failed, type Verdict } from './verdict.ts'

/** Where to connect and what must hold there. */
export interface Destination {
  readonly tenantId: string
  /** EHLO argument. */
  readonly fqdn: string
  readonly route: Route
  readonly policy: EffectiveTls
  readonly identity: TlsIdentity | null
  readonly anchors: readonly string[]
  /** Prefix of the key of TLS sessions: tenant, route's host, certificate, anchors. */
  readonly sessionKey: string
  /** A domain of the world: its mail exchangers are asked for. Never true of a tenant's own endpoint. */
  readonly direct: boolean
  /** The domain's own policy (MTA-STS) counts. */
  readonly sts: boolean
  /** What becomes of its sessions is told for reports about TLS. */
  readonly noted: boolean
}

/** A destination at one address, after DNS was asked about it. */
interface Approach extends Destination {
  readonly hop: Hop
  readonly dane: DaneTarget | null
  readonly basis: string
  /** What would be demanded if a policy that is only tested were in force; null for none. */
  readonly tested: EffectiveTls | null
  readonly trail: Trail
}

/** What is learned while a session is opened, also when it fails. */
interface Trail {
  /** Our end of the last connection. */
  localAddress: string | null
  /** Why there is no TLS as the policy wants it, where mail may be sent all the same. */
  fault: SessionFault | null
}

/** What opening needs. */
export interface SessionParts {
  readonly hosts: HostLookup
  /** Finds the exchangers of a domain; null: a domain is its own host. */
  readonly mx: MxLookup | null
  /** Finds TLSA records; null: DNSSEC is not in use. */
  readonly tlsa: TlsaLookup | null
  /** Finds the policy of a domain; null: MTA-STS is not in use. */
  readonly sts: StsLookup | null
  /** Told of every session that is not with a tenant's own endpoint; null: nobody wants to know. */
  readonly notes: SessionNotes | null
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
  /** What map, DNS and the domain demanded when it was opened; compared as a whole. */
  readonly basis: string
  /** Monotonic milliseconds. */
  readonly openedAt: number
  /** Transactions begun. */
  mails: number
}

/** The result of opening: a session, or why no address gave one. */
export type Opened =
  | { readonly session: Session; readonly verdict: null; readonly hop: Hop }
  | { readonly session: null; readonly verdict: Verdict; readonly hop: Hop | null }

/** Addresses that are tried for one mail. RFC 5321 5.1 */
const MAX_ADDRESSES = 5

/** Opens a session with the first address that gives one. Never rejects for what the hop or the network does. */
export async function openSession(destination: Destination, parts: SessionParts): Promise<Opened> {
  const { route, direct, fqdn } = destination
  const { targets, verdict } = await targetsOf(route, direct ? parts.mx : null, fqdn)
  if (targets === null) return { session: null, verdict, hop: null }
  const sts = await stsOf(destination, parts)
  const failures: Failure[] = []
  let left = MAX_ADDRESSES
  for (const target of targets) {
    if (left === 0) break
    const { addresses, failure } = await addressesOf(target, direct, parts)
    if (failure !== null) failures.push({ verdict: failure, hop: null })
    for (const address of addresses.slice(0, left)) {
      left--
      const tried = await tryAddress(destination, target, address, sts, parts)
      if (tried.session !== null) return { ...tried, hop: tried.session.hop }
      failures.push(tried)
    }
  }
  return { session: null, ...worstOf(failures, route) }
}

/**
 * Whether a session that was kept would be opened in the same way today: its host is still one of the destination, and what is
 * demanded of it is what its peer was judged by. No when nobody can say: a new connection then finds out, or is not made.
 */
export async function stillHolds(
  session: Session,
  destination: Destination,
  parts: SessionParts,
): Promise<boolean> {
  const { route, direct, fqdn, policy } = destination
  // All else stands in the key under which it was kept.
  if (policy.dane === null && !destination.sts) return true
  const { host, address, port } = session.hop
  const { targets } = await targetsOf(route, direct ? parts.mx : null, fqdn)
  const target = targets?.find((candidate) => candidate.host === host)
  if (target === undefined) return false
  const { addresses } = await addressesOf(target, direct, parts)
  const known = addresses.find((each) => each.address === address && (each.port ?? route.port) === port)
  if (known === undefined) return false
  const { kept: sts } = await stsOf(destination, parts)
  try {
    return basisOf(await demandsOf(destination, target, known, sts, parts)) === session.basis
  } catch (error) {
    if (!(error instanceof DialogueFailed)) throw error
    return false
  }
}

function stsOf({ sts, route }: Destination, parts: SessionParts): Promise<StsFound> {
  return sts && parts.sts !== null ? parts.sts(route.host) : Promise.resolve({ kept: null, fault: null })
}

/** What map, DNS and the domain demand at one address. Throws DialogueFailed when nothing may be sent to it. */
async function demandsOf(
  { route, policy }: Destination,
  target: Target,
  address: HostAddress,
  sts: KeptStsPolicy | null,
  { tlsa }: SessionParts,
): Promise<HardenedTls> {
  const byDane = await hardenByDane(policy, target, address, address.port ?? route.port, tlsa)
  return hardenBySts(byDane, sts, target.host)
}

/** The demands in a form that can be compared; the order of the records means nothing. */
function basisOf({ policy, dane }: HardenedTls): string {
  const records = dane?.set.usable.map((record) => tlsaText(record))
  return JSON.stringify([policy, records?.sort() ?? null, dane?.names ?? null])
}

interface Failure {
  readonly verdict: Verdict
  readonly hop: Hop | null
}

async function addressesOf(
  { host }: Target,
  direct: boolean,
  parts: SessionParts,
): Promise<{ readonly addresses: readonly HostAddress[]; readonly failure: Verdict | null }> {
  try {
    return { addresses: await parts.hosts(host), failure: null }
  } catch (error) {
    if (!(error instanceof HostLookupError)) throw error
    const args = { host, cause: error.message }
    if (error.kind === 'unavailable')
      return { addresses: [], failure: deferred('4.4.3', 'host-lookup-failed', args) }
    // RFC 5321 5.1: of the world's hosts that is for good; a route of ours may be mended
    return {
      addresses: [],
      failure: direct ? failed('5.4.4', 'host-not-found', args) : deferred('4.4.3', 'host-not-found', args),
    }
  }
}

async function tryAddress(
  destination: Destination,
  target: Target,
  address: HostAddress,
  sts: StsFound,
  parts: SessionParts,
): Promise<{ readonly session: Session; readonly verdict: null } | ({ readonly session: null } & Failure)> {
  const { route } = destination
  const port = address.port ?? route.port
  let hop: Hop = { route: route.text, host: target.host, address: address.address, port, tls: null }
  const trail: Trail = { localAddress: null, fault: null }
  let demands: HardenedTls | null = null
  try {
    demands = await demandsOf(destination, target, address, sts.kept, parts)
    const { policy, dane, reasons } = demands
    const basis = basisOf(demands)
    if (reasons.length > 0) hop = { ...hop, why: reasons }
    const { tested } = demands
    const session = await openWithFallback({ ...destination, policy, dane, hop, basis, tested, trail }, parts)
    noteSession(destination, parts, { hop, trail, demands, sts, fault: trail.fault })
    return { session, verdict: null }
  } catch (error) {
    if (!(error instanceof DialogueFailed)) throw error
    const fault = faultOf(error.verdict) ?? trail.fault
    if (fault !== null) noteSession(destination, parts, { hop, trail, demands, sts, fault })
    return { session: null, verdict: error.verdict, hop }
  }
}

/** Tells of one session. */
function noteSession(
  { noted, route }: Destination,
  { notes }: SessionParts,
  {
    hop,
    trail,
    demands,
    sts,
    fault,
  }: {
    readonly hop: Hop
    readonly trail: Trail
    /** Null: nothing may be sent there. */
    readonly demands: HardenedTls | null
    readonly sts: StsFound
    readonly fault: SessionFault | null
  },
): void {
  if (!noted || notes === null) return
  let told = fault
  let policy = demands === null ? null : appliedPolicy(demands, sts.kept)
  if (policy === null) {
    if (fault === null) return
    policy = policyBefore(fault, sts.kept)
  } else if (policy.type === 'no-policy-found' && sts.fault !== null) {
    // RFC 8460 4.3.2.2: the domain has a policy, but it could not be had
    policy = { type: 'sts', strings: [], mxHosts: [] }
    told ??= { result: sts.fault, reason: null }
  } else if (policy.type === 'tlsa' && demands?.dane === null) {
    told ??= { result: 'tlsa-invalid', reason: 'tls-dane-unusable' }
  } else if (policy.type === 'sts') told ??= unlistedFault(sts.kept, hop.host)
  notes.note({
    ...{ domain: route.host, policy, mx: hop.host, address: hop.address },
    localAddress: trail.localAddress,
    result: told?.result ?? null,
    reason: told?.reason ?? null,
  })
}

function worstOf(failures: readonly Failure[], route: Route): Failure {
  let worst: Failure | null = null
  for (const failure of failures)
    if (worst === null || weight(failure.verdict) >= weight(worst.verdict)) worst = failure
  return worst ?? { verdict: deferred('4.4.3', 'host-not-found', { host: route.host }), hop: null }
}

/**
 * Which of several failures is told: what an operator must mend before what passes; what is for good only where nothing may
 * still come about.
 */
function weight({ kind, reason }: Verdict): number {
  if (kind === 'failed') return -1
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
async function openWithFallback(approach: Approach, parts: SessionParts): Promise<Session> {
  const { policy } = approach
  if (policy.level === 'none') return open(approach, parts, 'none')
  try {
    return await openWithTls(approach, parts)
  } catch (error) {
    if (policy.required || !(error instanceof DialogueFailed) || !isTlsFailure(error.verdict)) throw error
    approach.trail.fault = faultOf(error.verdict)
    return open(approach, parts, 'none')
  }
}

/** A failure with an earlier session costs no retry pause: once more without one, at the same address. */
async function openWithTls(approach: Approach, parts: SessionParts): Promise<Session> {
  try {
    return await open(approach, parts, 'resuming')
  } catch (error) {
    if (!(error instanceof ResumptionFailed)) throw error
    return open(approach, parts, 'fresh')
  }
}

async function open(approach: Approach, parts: SessionParts, tlsUse: TlsUse): Promise<Session> {
  const { timeouts, watch } = parts
  const { hop } = approach
  const connection = await Connection.open(hop.address, hop.port, timeouts.connect, watch)
  approach.trail.localAddress = connection.localAddress
  try {
    expect(await connection.next(timeouts.greeting, 'greeting'), 220, 'greeting')
    let capabilities = await ehlo(connection, approach, timeouts)
    let tls: Hop['tls'] = null
    if (tlsUse !== 'none' && capabilities.starttls) {
      tls = await startTls(connection, approach, parts, tlsUse === 'resuming')
      // RFC 3207 4.2: what was learned before TLS is forgotten
      capabilities = await ehlo(connection, approach, timeouts)
    } else if (tlsUse !== 'none') {
      const missing = deferred('4.7.4', 'starttls-not-offered', { host: hop.host })
      if (approach.policy.required) throw new DialogueFailed(missing)
      approach.trail.fault = faultOf(missing)
    }
    const { basis } = approach
    return { connection, capabilities, hop: { ...hop, tls }, basis, openedAt: performance.now(), mails: 0 }
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
  approach: Approach,
  parts: SessionParts,
  resume: boolean,
): Promise<Hop['tls']> {
  const { timeouts, material } = parts
  const { policy, identity, anchors, route, hop, dane } = approach
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
  const servername = serverName(policy, hop.host)
  const sessionKey = [
    ...[approach.sessionKey, policy.chain, dane !== null],
    ...[hop.host, hop.address, hop.port, servername ?? ''],
  ].join('\n')
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
    const names = { route: route.text, hostname: hop.host }
    const { facts, fault } = checkPeer(socket, earlier?.peer ?? null, policy, names, parts.now(), dane)
    if (fault !== null) throw new DialogueFailed(fault)
    if (approach.tested !== null) {
      // RFC 8461 5: what a policy that is only tested would have refused is reported, and the mail sent
      const tried = checkPeer(socket, earlier?.peer ?? null, approach.tested, names, parts.now(), null)
      if (tried.fault !== null) approach.trail.fault = faultOf(tried.fault)
    }
    if (facts.peer !== null) resumption.trust(facts.peer)
    const { version, cipher, verified, name, record } = facts
    return { version, cipher, verified, name, ...(record === null ? {} : { record }) }
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
function serverName(policy: EffectiveTls, host: string): string | null {
  if (policy.servername !== null && policy.servername !== 'hostname' && policy.servername !== 'nexthop')
    return policy.servername
  return isIP(host) === 0 ? host : null
}

function expect(reply: Reply, code: number, stage: Stage): void {
  if (reply.code !== code) throw refused(reply, stage)
}

function refused(reply: Reply, stage: Stage): DialogueFailed {
  return new DialogueFailed(classify(reply, stage))
}

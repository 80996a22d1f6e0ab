/**
 * Delivers one copy of a mail to its recipients over the tenant's route and gives one outcome per recipient. In charge of the
 * TLS policy, kept connections, limits per destination and what a hop was last seen to offer. Refuses to send anything where
 * the policy is not met; knows no queue: whoever calls decides when to try again.
 */
import type { TlsIdentity } from '../../config/ports.ts'
import type { HostLookup } from '../../dns/hosts.ts'
import type { MxLookup } from '../../dns/mail-exchangers.ts'
import type { StsLookup } from '../../dns/sts.ts'
import type { TlsaLookup } from '../../dns/tlsa.ts'
import { parseRoute, RouteError } from '../../maps/route.ts'
import { parseTable, TableTooLarge, type Table } from '../../maps/table.ts'
import type { TlsPolicy } from '../../maps/tls-line.ts'
import { OFFICE_365_FLOOR, tlsPolicyFor, type TlsLookup } from '../../maps/tls-policy.ts'
import { isMailbox } from '../../smtp/address.ts'
import type { Envelope } from '../envelope.ts'
import type { Hop, Outcome } from '../outcome.ts'
import type { BodySource } from './body-reader.ts'
import type { Capabilities, CopyFacts } from './capabilities.ts'
import { Gate } from './gate.ts'
import { DEFAULT_KEEP, Pool, type KeepLimits } from './pool.ts'
import { openSession, stillHolds, type Destination, type Session, type SessionParts } from './session.ts'
import { DEFAULT_TIMEOUTS, Watch, type Timeouts } from './timeouts.ts'
import { anchorsId, identityId, TlsMaterial, type ReadAnchorFile } from './tls-material.ts'
import { transact, type NumberedRecipient, type TransactionResult } from './transaction.ts'
import { deferred, failed, held, type Verdict } from './verdict.ts'

/** The settings that outbound acts on; one immutable value per version. */
export interface OutboundSettings {
  /** Text of the maps by name; `tls-policy` is read. */
  readonly maps: ReadonlyMap<string, string>
  /** Client certificate by tenant row key. */
  readonly clientIdentities: ReadonlyMap<string, TlsIdentity>
  /** Anchors beside the runtime's own, PEM. */
  readonly tlsAnchors: readonly string[]
}

/** What outbound is made from. */
export interface OutboundOptions {
  readonly hosts: HostLookup
  /** Finds the exchangers of a domain; without it a domain is its own host. */
  readonly mx?: MxLookup
  /** Finds TLSA records; without it there is no DANE. */
  readonly tlsa?: TlsaLookup
  /** Finds the policy of a domain (MTA-STS), which counts in direct delivery where the map has no line. */
  readonly sts?: StsLookup
  /** The TLS policy of direct delivery where the map has no line. Default: TLS where it is offered. */
  readonly directTls?: TlsPolicy
  /** The current settings; asked for every mail. */
  readonly settings: () => OutboundSettings
  /** Reads a file named by `tafile` in the map; without it such a line cannot be satisfied. */
  readonly readAnchorFile?: ReadAnchorFile
  /** The clock, in milliseconds since 1970. */
  readonly now?: () => number
  readonly timeouts?: Partial<Timeouts>
  readonly keep?: Partial<KeepLimits>
  /** Connections of one tenant to one route at a time. */
  readonly connections?: number
}

/** One copy to deliver. */
export interface DeliveryRequest {
  readonly tenant: {
    /** Row key. */
    readonly id: string
    /** EHLO argument. */
    readonly fqdn: string
    /** The next hop, and the key into the TLS policy map. */
    readonly route: string
  }
  readonly envelope: Omit<Envelope, 'recipients'>
  readonly recipients: readonly NumberedRecipient[]
  readonly copy: CopyFacts
  /** Gives the content from its beginning; called once per transaction. */
  readonly body: BodySource
  /** What holds whatever the map says; without it that of Office 365. null: nothing (never for a tenant's connector). */
  readonly floor?: TlsPolicy | null
  /** The route is a domain of the world: to its mail exchangers, without the tenant's certificate and without a floor. */
  readonly direct?: boolean
}

/** The outbound step. */
export interface Outbound {
  /**
   * One attempt. Resolves with one outcome per recipient, in their order.
   * Rejects only with what the content's source throws; then nothing of that transaction was completed.
   */
  deliver(request: DeliveryRequest): Promise<Outcome[]>
  /** What the hop of a tenant's route last offered under TLS; null before the first connection. */
  lastCapabilities(tenantId: string): Capabilities | null
  /** Ends idle connections; those at work end after their mail. */
  close(): void
  /** Ends all connections at once, those at work too: what they carry is deferred, and may be with the hop already. */
  giveUp(): void
}

/** Recipients of one transaction. RFC 5321 4.5.3.1.8 */
const MAX_RECIPIENTS = 100
const DEFAULT_CONNECTIONS = 20
/** Routes whose policy is remembered. */
const MAX_LANES = 10_000
/** The name of the TLS policy map in the settings. */
const TLS_POLICY_MAP = 'tls-policy'

/** A route of a tenant under certain settings. */
interface Lane {
  readonly from: LaneSource
  readonly lookup: TlsLookup
  /** null: the lookup gave no policy. */
  readonly destination: Destination | null
  readonly poolKey: string
  readonly gateKey: string
}

/** What a lane is made from; while it is the same, so is the lane. */
interface LaneSource {
  readonly fqdn: string
  readonly map: string | undefined
  readonly identity: TlsIdentity | null
  readonly anchors: readonly string[]
  readonly floor: TlsPolicy | null
  readonly direct: boolean
}

/** A verdict and where it was reached. */
interface Told {
  readonly verdict: Verdict
  readonly hop: Hop | null
}

/** Makes the outbound step. */
export function createOutbound(options: OutboundOptions): Outbound {
  return new OutboundStep(options)
}

class OutboundStep implements Outbound {
  readonly #options: OutboundOptions
  readonly #timeouts: Timeouts
  readonly #now: () => number
  readonly #watch: Watch
  readonly #material: TlsMaterial
  readonly #pool: Pool
  readonly #gates = new Map<string, Gate>()
  readonly #lanes = new Map<string, Lane>()
  readonly #capabilities = new Map<string, Capabilities>()
  #table: { readonly text: string | undefined; readonly table: Table | null } = {
    text: undefined,
    table: parseTable(''),
  }

  constructor(options: OutboundOptions) {
    this.#options = options
    this.#timeouts = { ...DEFAULT_TIMEOUTS, ...options.timeouts }
    this.#now = options.now ?? Date.now
    this.#watch = new Watch(this.#timeouts)
    this.#material = new TlsMaterial(
      options.readAnchorFile ?? (() => Promise.reject(new Error('no files here'))),
    )
    this.#pool = new Pool({ ...DEFAULT_KEEP, ...options.keep }, this.#timeouts)
  }

  async deliver(request: DeliveryRequest): Promise<Outcome[]> {
    const told = new Map<number, Told>()
    const sound = this.#refuseUnsound(request, told)
    if (sound.length > 0) {
      let lane: Lane | null = null
      try {
        lane = this.#lane(request)
      } catch (error) {
        if (!(error instanceof RouteError)) throw error
        tellAll(told, sound, held('4.3.5', 'route-invalid', { cause: error.message }), null)
      }
      if (lane !== null) await this.#deliverThrough(lane, request, sound, told)
    }
    return request.recipients.map(({ delivery }) => outcomeOf(delivery, told.get(delivery)))
  }

  lastCapabilities(tenantId: string): Capabilities | null {
    return this.#capabilities.get(tenantId) ?? null
  }

  close(): void {
    this.#pool.close()
  }

  giveUp(): void {
    this.#pool.close()
    this.#watch.giveUpAll()
  }

  /** Addresses that must not be written into a command are refused here; inbound lets none in. */
  #refuseUnsound(request: DeliveryRequest, told: Map<number, Told>): NumberedRecipient[] {
    const { envelope, recipients } = request
    if (!isSendable(envelope.sender) || !isParameter(envelope.envelopeId)) {
      tellAll(told, recipients, failed('5.1.7', 'sender-not-sendable'), null)
      return []
    }
    return recipients.filter((candidate) => {
      const { address, originalRecipient } = candidate.recipient
      const sendable = address !== '' && isSendable(address) && isParameter(originalRecipient)
      if (!sendable) tellAll(told, [candidate], failed('5.1.3', 'recipient-not-sendable'), null)
      return sendable
    })
  }

  async #deliverThrough(
    lane: Lane,
    request: DeliveryRequest,
    recipients: readonly NumberedRecipient[],
    told: Map<number, Told>,
  ): Promise<void> {
    const { destination, lookup } = lane
    if (destination === null) {
      tellAll(told, recipients, withoutPolicy(lookup), null)
      return
    }
    const gate = this.#gate(lane.gateKey)
    await gate.enter()
    try {
      await this.#transactions(lane, destination, gate, { ...request, recipients }, told)
    } finally {
      gate.leave()
      if (gate.empty) this.#gates.delete(lane.gateKey)
    }
  }

  /** As many transactions as the recipients need. */
  async #transactions(
    lane: Lane,
    destination: Destination,
    gate: Gate,
    request: DeliveryRequest,
    told: Map<number, Told>,
  ): Promise<void> {
    let left = [...request.recipients]
    while (left.length > 0) {
      const batch = left.splice(0, MAX_RECIPIENTS)
      const { verdicts, hop, opened } = await this.#transaction(lane, destination, {
        ...request,
        recipients: batch,
      })
      for (const { delivery } of batch) {
        const verdict = verdicts.get(delivery)
        if (verdict !== undefined) told.set(delivery, { verdict, hop })
      }
      for (const verdict of new Set(verdicts.values())) noteVerdict(gate, verdict)
      if (!opened) {
        const first = batch[0] === undefined ? undefined : verdicts.get(batch[0].delivery)
        if (first !== undefined) tellAll(told, left, first, hop)
        return
      }
      // RFC 5321 4.5.3.1.10: the recipients that were too many go into the next transaction
      const isTooMany = ({ delivery }: NumberedRecipient) =>
        told.get(delivery)?.verdict.reason.code === 'too-many-recipients'
      if (batch.some(({ delivery }) => isTaken(verdicts.get(delivery))))
        left = [...batch.filter(isTooMany), ...left]
    }
  }

  /** One transaction, on a kept session if there is one; a stale one is replaced once. */
  async #transaction(
    lane: Lane,
    destination: Destination,
    request: DeliveryRequest,
  ): Promise<{ verdicts: TransactionResult['verdicts']; hop: Hop | null; opened: boolean }> {
    const parts = this.#sessionParts()
    const kept = await this.#kept(lane, destination, parts)
    if (kept !== null) {
      const { verdicts, stale } = await this.#run(lane, kept, request)
      if (!stale) return { verdicts, hop: kept.hop, opened: true }
    }
    const { session, verdict, hop } = await openSession(destination, parts)
    if (session === null)
      return {
        verdicts: new Map(request.recipients.map(({ delivery }) => [delivery, verdict])),
        hop,
        opened: false,
      }
    // What one host of the world can do says nothing of the tenant's own endpoint.
    if (!destination.direct) this.#capabilities.set(destination.tenantId, session.capabilities)
    const { verdicts } = await this.#run(lane, session, request)
    return { verdicts, hop, opened: true }
  }

  /** A kept session whose peer was judged by what holds today; what was judged otherwise ends. */
  async #kept(lane: Lane, destination: Destination, parts: SessionParts): Promise<Session | null> {
    for (;;) {
      const session = this.#pool.take(lane.poolKey)
      if (session === null || (await stillHolds(session, destination, parts))) return session
      session.connection.quit(this.#timeouts.reset)
    }
  }

  #sessionParts(): SessionParts {
    const { hosts, mx = null, tlsa = null, sts = null } = this.#options
    const [material, timeouts, watch, now] = [this.#material, this.#timeouts, this.#watch, this.#now]
    return { hosts, mx, tlsa, sts, material, timeouts, watch, now }
  }

  async #run(lane: Lane, session: Session, request: DeliveryRequest): Promise<TransactionResult> {
    const result = await transact(session, request, this.#timeouts)
    if (result.state === 'dead') return result
    // A lane that is no longer current must not leave connections behind.
    const current = this.#lanes.get(lane.gateKey)?.poolKey === lane.poolKey
    if (current && lane.destination?.policy.connectionReuse === true)
      this.#pool.give(lane.poolKey, session, result.state)
    else session.connection.quit(this.#timeouts.reset)
    return result
  }

  #gate(key: string): Gate {
    let gate = this.#gates.get(key)
    if (gate === undefined)
      this.#gates.set(key, (gate = new Gate(this.#options.connections ?? DEFAULT_CONNECTIONS)))
    return gate
  }

  /**
   * The lane of a request, remembered until tenant or settings change.
   * @throws RouteError when the tenant's route is none
   */
  #lane({ tenant, direct = false, floor = direct ? null : OFFICE_365_FLOOR }: DeliveryRequest): Lane {
    const { maps, clientIdentities, tlsAnchors: anchors } = this.#options.settings()
    const from: LaneSource = {
      fqdn: tenant.fqdn,
      map: maps.get(TLS_POLICY_MAP),
      identity: direct ? null : (clientIdentities.get(tenant.id) ?? null),
      anchors,
      floor,
      direct,
    }
    const gateKey = `${tenant.id}\n${tenant.route}\n${direct}`
    const known = this.#lanes.get(gateKey)
    if (known !== undefined && isSameSource(known.from, from)) return known
    const fallback = direct ? this.#options.directTls : undefined
    const lane = newLane(tenant, from, this.#tlsPolicyMap(from.map), gateKey, fallback)
    // The domains of the world are many.
    if (this.#lanes.size >= MAX_LANES) this.#lanes.clear()
    this.#lanes.set(gateKey, lane)
    return lane
  }

  #tlsPolicyMap(text: string | undefined): Table | null {
    if (text !== this.#table.text) this.#table = { text, table: readTable(text) }
    return this.#table.table
  }
}

function isSameSource(a: LaneSource, b: LaneSource): boolean {
  return (
    a.fqdn === b.fqdn &&
    a.map === b.map &&
    a.identity === b.identity &&
    a.anchors === b.anchors &&
    a.floor === b.floor &&
    a.direct === b.direct
  )
}

function newLane(
  tenant: DeliveryRequest['tenant'],
  from: LaneSource,
  map: Table | null,
  gateKey: string,
  fallback: TlsPolicy | undefined,
): Lane {
  const route = parseRoute(tenant.route)
  const lookup = tlsPolicyFor(map, tenant.route, from.floor, fallback)
  const { policy } = lookup
  if (policy === null) return { from, lookup, gateKey, destination: null, poolKey: '' }
  const { fqdn, identity, anchors, direct } = from
  const sessionKey = `${tenant.id}\n${route.host}\n${identityId(identity)}\n${anchorsId(anchors)}`
  const destination: Destination = {
    ...{ tenantId: tenant.id, fqdn, route, policy, identity, anchors, sessionKey, direct },
    // A line of the operator stands above what the domain says of itself.
    sts: direct && lookup.key === null && !route.exact,
  }
  return {
    from,
    lookup,
    gateKey,
    destination,
    poolKey: `${sessionKey}\n${route.text}\n${fqdn}\n${direct}\n${JSON.stringify(policy)}`,
  }
}

function readTable(text: string | undefined): Table | null {
  try {
    return parseTable(text ?? '')
  } catch (error) {
    if (error instanceof TableTooLarge) return null
    throw error
  }
}

/** Why no connection may be made. */
function withoutPolicy({ findings, line }: TlsLookup): Verdict {
  const [finding] = findings
  return deferred('4.7.5', 'tls-policy-unusable', {
    line: line ?? 0,
    cause: finding === undefined ? 'unknown' : `${finding.code}: ${finding.detail}`,
  })
}

function noteVerdict(gate: Gate, verdict: Verdict): void {
  if (isTaken(verdict)) gate.succeed()
  else if (verdict.reason.code === 'too-many-connections') gate.narrow()
}

function isTaken(verdict: Verdict | undefined): boolean {
  return verdict?.kind === 'delivered' || verdict?.kind === 'relayed'
}

/** The null sender, a mailbox, or `postmaster` alone. RFC 5321 4.1.1.3 */
function isSendable(mailbox: string): boolean {
  return mailbox === '' || isMailbox(mailbox) || mailbox.toLowerCase() === 'postmaster'
}

/** A parameter value in the form that inbound accepted: esmtp-value. RFC 5321 4.1.2, RFC 6533 5 */
function isParameter(value: string | null): boolean {
  return value === null || /^[!-<>-~\u00a0-\u{10ffff}]+$/u.test(value)
}

function tellAll(
  told: Map<number, Told>,
  recipients: readonly NumberedRecipient[],
  verdict: Verdict,
  hop: Hop | null,
): void {
  for (const { delivery } of recipients) told.set(delivery, { verdict, hop })
}

function outcomeOf(delivery: number, told: Told | undefined): Outcome {
  const { kind, status, reason, reply } = told?.verdict ?? deferred('4.3.0', 'no-verdict')
  return { delivery, kind, status, reason, reply, hop: told?.hop ?? null }
}

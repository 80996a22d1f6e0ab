/**
 * `siegel serve`: plugs the gateway together, in the order a mail meets things, runs it and ends it. Wiring only: every
 * decision is made in the part that is plugged in. Refuses to run as root unless told so, and beside another server on the
 * same data folder.
 */
import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { rootCertificates } from 'node:tls'
import { createMailAuthentication } from './authentication/index.ts'
import { createTxtLookup, HttpResponder } from './acme/challenges.ts'
import { createDnsCommand } from './acme/dns-command.ts'
import { UsageError, type Command } from './cli/io.ts'
import { readOptions } from './cli/options.ts'
import { loadStartConfig, type StartConfig } from './config/file.ts'
import type { Settings } from './config/ports.ts'
import { watchSettings, type SettingsWatch } from './config/watch.ts'
import { createFreshTexts } from './dns/fresh-texts.ts'
import { createHostLookup } from './dns/hosts.ts'
import { createRecordLookup } from './dns/records.ts'
import { createMxLookup } from './dns/mail-exchangers.ts'
import { createResolver, type Resolver } from './dns/resolver.ts'
import { StsRefresher } from './dns/sts-refresh.ts'
import { createStsLookup, type StsLookup } from './dns/sts.ts'
import { createTlsaLookup } from './dns/tlsa.ts'
import { createEndpointService } from './exchange/endpoints/endpoint-service.ts'
import { Refresher } from './exchange/endpoints/refresher.ts'
import { certificatesAtHand, Identities } from './identity/identities.ts'
import { Keeper } from './identity/keeper.ts'
import { Renewal } from './identity/renewal.ts'
import { CapabilityLearner } from './keyring/capabilities.ts'
import { bareLevel } from './maps/tls-policy.ts'
import { newMailId } from './mail/id.ts'
import { createListener, type Listener } from './mail/inbound/listener.ts'
import type { InboundPorts, Refusal } from './mail/inbound/ports.ts'
import {
  createJourney,
  OnboardingClock,
  Recovery,
  type Journey,
  type JourneyOptions,
} from './mail/journey.ts'
import { createOutbound, type Outbound, type OutboundOptions } from './mail/outbound/outbound.ts'
import { Scheduler } from './mail/queue/scheduler.ts'
import { createLog, type Log } from './observe/log.ts'
import { Parts } from './parts.ts'
import { openStore, type Store } from './store/index.ts'
import { INSTALLATION } from './store/schema.ts'
import { SessionCounter } from './tls-reports/counter.ts'
import { Reporter, type ReporterPorts } from './tls-reports/reporter.ts'
import { postReport } from './tls-reports/web.ts'
import { keepStatus, openStatus } from './trust/open-status.ts'
import { ownAnchors, publicRoots } from './trust/tls-anchors.ts'

/** Mails carried at once, and the octets they may have together. */
const MAILS_AT_ONCE = 64
const OCTETS_AT_ONCE = 256 * 1024 * 1024
/** Fresh mails kept in hand; what comes beyond waits in the store. */
const FRESH_MAILS = 1000
/** What ACME servers are told. RFC 8555 6.1 */
const USER_AGENT = 'siegel'
const LEASE_MS = 30_000
const DRAIN_MS = 30_000

/** The verb `serve`. */
export const serve: Command = async (args, io) => {
  const options = readOptions(args, { config: { type: 'string' }, 'allow-root': { type: 'boolean' } }, 0)
  if (typeof process.getuid === 'function' && process.getuid() === 0 && !options.has('allow-root'))
    throw new UsageError(
      'serve does not run as root: use an account of its own (see deploy/siegel.service), or --allow-root',
    )
  const start = await loadStartConfig({
    file: options.text('config') ?? null,
    environment: process.env,
    workingFolder: process.cwd(),
  })
  const log = createLog({
    level: start.logLevel,
    write: (line) => {
      io.out(line)
    },
  })
  for (const warning of start.warnings) log.warn('setting-doubtful', { warning })
  const store = await openStore({ dataFolder: start.dataFolder, masterKey: start.masterKey, log })
  try {
    await store.lockServer()
    await run(start, store, log)
  } finally {
    await store.close()
  }
  return 0
}

/** Runs until a signal ends it. What was opened is closed in the reverse order, also when the start fails half-way. */
async function run(start: StartConfig, store: Store, log: Log): Promise<void> {
  const opened = new AsyncDisposableStack()
  const ended = endSignal()
  try {
    await open(start, store, log, opened)
    log.info('ending', { signal: await ended })
  } finally {
    await opened.disposeAsync()
  }
}

/** Opens everything; `opened` learns how each part is closed. */
async function open(start: StartConfig, store: Store, log: Log, opened: AsyncDisposableStack): Promise<void> {
  const resolver = openResolver(start, log)
  const status = openStatus(start, resolver.resolve, store.revocationSources, log)
  const parts = new Parts(status, {
    capabilities: (id) => store.forTenant(id).capabilities,
    stores: (id) => store.forTenant(id),
    directory: (id) => store.forTenant(id).directory,
    hosts: createHostLookup({ table: start.hosts, resolve: resolver.resolve }),
    anchors: () => [...rootCertificates, ...watch.current().tlsAnchors],
    ...{ resolver, now: Date.now, log },
  })
  const authentication = createMailAuthentication(createRecordLookup(resolver.resolve))
  const watch = await watchSettings(
    store.config,
    (settings) => {
      parts.adopt(settings)
    },
    log,
  )
  opened.defer(() => {
    watch.stop()
  })
  const ranges = createRefresher(start, store, log, parts, watch)
  opened.defer(() => {
    ranges.stop()
  })
  await ranges.start()
  const names = openNames(resolver, start, store, log, () => watch.current().tlsAnchors)
  opened.defer(keepPolicies(names.sts, store, log))
  const counter = countSessions(start, store, log)
  opened.defer(() => counter?.stop())
  const outbound = createOutbound({
    ...names,
    ...(counter === null ? {} : { sessions: counter }),
    directTls: bareLevel(start.direct.tls),
    settings: () => watch.current(),
    readAnchorFile: (path) => readFile(path, 'utf8'),
  })
  opened.defer(() => {
    outbound.close()
  })
  const owner = randomUUID()
  const recovery = openRecovery(store, log, opened)
  const learner = new CapabilityLearner((id) => store.forTenant(id).capabilities, Date.now, log)
  opened.defer(() => learner.settled())
  const journey = openJourney(start, store, log, owner, {
    outbound,
    authentication,
    tenant: (id) => parts.surroundings(id),
    inspected: (tenantId, mailId, mail) => {
      learner.learn(tenantId, mailId, mail)
    },
    took: (tenant) => {
      recovery.took(tenant)
    },
  })
  const scheduler = createScheduler(store, owner, journey, log)
  const listeners = openListeners(start, store, log, parts, {
    prove: (request) => authentication.prove(request),
    safe: (mails) => journey.safe(mails, scheduler),
  })
  scheduler.start()
  opened.defer(() => stopPatiently(scheduler, outbound, log))
  opened.defer(sendReports(start, counter, { store, authentication, resolver, names, scheduler, watch, log }))
  opened.defer(() => closeAll(listeners))
  await listenAll(start, listeners)
  opened.defer(sweepHourly(store, log))
  const responder = await openResponder(start, log)
  opened.defer(() => responder.close())
  const keeper = openKeeper(start, store, log, responder, () => watch.current())
  opened.defer(() => keeper.stop())
  keeper.start()
  opened.defer(watchOnboarding(store, log, () => watch.current()))
  opened.defer(keepStatus(status, store.alarms, () => watch.current(), log))
  log.info('listening', {
    listeners: listeners.map((listener) => listener.address),
    challenges: responder.addresses,
  })
}

/** What carries the mails. */
function openJourney(
  start: StartConfig,
  store: Store,
  log: Log,
  owner: string,
  parts: Pick<JourneyOptions, 'outbound' | 'authentication' | 'tenant' | 'inspected' | 'took'>,
): Journey {
  const { lifetime, delayNoticeAfter, heldProbe, retryFirst, retryLongest } = start.queue
  return createJourney({
    ...parts,
    queue: store.queue,
    bodies: store.bodies,
    owner,
    lifetime: { expiryMs: lifetime, delayNoticeMs: delayNoticeAfter, heldProbeMs: heldProbe },
    retry: { firstMs: retryFirst, longestMs: retryLongest },
    newId: () => newMailId(Date.now()),
    now: Date.now,
    random: Math.random,
    log,
  })
}

/** Counts what becomes of TLS in direct delivery; null: nobody wants to know. */
function countSessions({ tlsReports }: StartConfig, store: Store, log: Log): SessionCounter | null {
  if (tlsReports === undefined) return null
  const counter = new SessionCounter({ store: store.tlsReports, now: Date.now, log })
  counter.start()
  return counter
}

/** What the reports about TLS are sent with. */
interface ReportParts {
  readonly store: Store
  readonly authentication: ReporterPorts['authentication']
  readonly resolver: Resolver
  readonly names: Pick<OutboundOptions, 'hosts'>
  readonly scheduler: Scheduler
  readonly watch: SettingsWatch
  readonly log: Log
}

/** Sends the reports about TLS, where something is counted. Returns what ends it. */
function sendReports(
  { tlsReports }: StartConfig,
  counter: SessionCounter | null,
  { store, authentication, resolver, names: { hosts }, scheduler, watch, log }: ReportParts,
): () => Promise<void> {
  if (tlsReports === undefined || counter === null) return () => Promise.resolve()
  const anchors = () => [...rootCertificates, ...watch.current().tlsAnchors]
  const reporter = new Reporter({
    ...{ store: store.tlsReports, queue: store.queue, bodies: store.bodies, authentication, log },
    settings: tlsReports,
    flush: () => counter.flush(),
    tenants: () => watch.current().tenants.values(),
    resolve: resolver.resolve,
    post: (url, report) => postReport(url, report, { hosts, anchors }),
    wake: () => {
      scheduler.wake()
    },
    newId: () => newMailId(Date.now()),
    now: Date.now,
    random: Math.random,
  })
  reporter.start()
  return () => reporter.stop()
}

/** What gives the mails to the journey. */
function createScheduler(store: Store, owner: string, journey: Journey, log: Log): Scheduler {
  return new Scheduler({
    store: store.queue,
    owner,
    carry: (mail) => journey.carry(mail),
    concurrency: MAILS_AT_ONCE,
    octetsAtOnce: OCTETS_AT_ONCE,
    backlog: FRESH_MAILS,
    leaseMs: LEASE_MS,
    pollMs: 5000,
    now: Date.now,
    log,
  })
}

async function closeAll(listeners: readonly Listener[]): Promise<void> {
  await Promise.all(listeners.map((listener) => listener.close({ graceMs: DRAIN_MS })))
}

/** A hop that keeps us waiting for its last word must not keep us from ending: its mail is due again after the start. */
async function stopPatiently(scheduler: Scheduler, outbound: Outbound, log: Log): Promise<void> {
  const patience = setTimeout(() => {
    log.warn('hops-given-up', { afterMs: DRAIN_MS })
    outbound.giveUp()
  }, DRAIN_MS)
  await scheduler.stop()
  clearTimeout(patience)
}

/** @returns ends it */
function sweepHourly(store: Store, log: Log): () => void {
  const sweep = () =>
    void store.sweep().catch((error: unknown) => {
      log.error('sweep-failed', { error: String(error) })
    })
  const timer = setInterval(sweep, 3_600_000)
  return () => {
    clearInterval(timer)
  }
}

/** Clears the alarms about delivery when it works again. */
function openRecovery(store: Store, log: Log, opened: AsyncDisposableStack): Recovery {
  const recovery = new Recovery({ alarms: store.alarms, now: Date.now, log })
  recovery.start()
  opened.defer(() => recovery.stop())
  return recovery
}

/** @returns ends it */
function watchOnboarding(store: Store, log: Log, settings: () => Settings): () => Promise<void> {
  const clock = new OnboardingClock({
    tenants: () => settings().tenants.values(),
    alarms: store.alarms,
    now: Date.now,
    log,
  })
  clock.start()
  return () => clock.stop()
}

/** Answers HTTP-01 challenges. Mail goes on without it; what needs it says so by an alarm. */
async function openResponder(start: StartConfig, log: Log): Promise<HttpResponder> {
  const responder = new HttpResponder()
  await responder.listen(start.acme.httpListeners).catch((error: unknown) => {
    log.error('challenge-listener-failed', { error: String(error) })
  })
  return responder
}

/** What keeps the addresses of Office 365 current. */
function createRefresher(
  start: StartConfig,
  store: Store,
  log: Log,
  parts: Parts,
  watch: SettingsWatch,
): Refresher {
  const { refresh, service: base } = start.exchange.addressRanges
  return new Refresher({
    keeper: store.addressRanges,
    service: refresh ? createEndpointService({ base, anchors: () => watch.current().tlsAnchors }) : null,
    alarms: {
      raise: async (code, args) => {
        log.error('alarm', { code, subject: 'office365', arguments: args })
        await store.alarms.raise(INSTALLATION, { code, subject: 'office365', arguments: args })
      },
      clear: (code) => store.alarms.clear(INSTALLATION, code, 'office365'),
    },
    inUse: () => watch.current().office365Ranges,
    changed: ({ ranges }) => {
      parts.adoptRanges(ranges)
    },
    now: Date.now,
    log,
  })
}

/** Who is asked for names. */
function openResolver(start: StartConfig, log: Log): Resolver {
  const resolver = createResolver(start.dns)
  if (!resolver.validates)
    log.warn('dns-not-trusted', { warning: 'no name server is trusted to validate: no DANE' })
  return resolver
}

/** Where outbound finds hosts, and what is known of them. */
function openNames(
  { resolve, validates }: Resolver,
  start: StartConfig,
  store: Store,
  log: Log,
  tlsAnchors: () => readonly string[],
): Pick<OutboundOptions, 'hosts' | 'mx' | 'tlsa' | 'sts'> {
  const hosts = createHostLookup({ table: start.hosts, resolve })
  const sts = createStsLookup({
    resolve,
    hosts,
    store: store.stsPolicies,
    anchors: () => [...rootCertificates, ...tlsAnchors()],
    now: Date.now,
    failed: (domain, cause) => {
      log.warn('sts-policy-not-fetched', { domain, cause })
    },
  })
  return {
    hosts,
    mx: createMxLookup(resolve, Math.random, start.hosts),
    ...(validates ? { tlsa: createTlsaLookup(resolve) } : {}),
    ...(start.direct.mtaSts === 'on' ? { sts } : {}),
  }
}

/** Keeps the policies of domains fresh, where they count. Returns what ends it. */
function keepPolicies(lookup: StsLookup | undefined, store: Store, log: Log): () => void {
  if (lookup === undefined) return () => undefined
  const refresher = new StsRefresher({
    store: store.stsPolicies,
    lookup,
    now: Date.now,
    failed: (cause) => {
      log.error('sts-policies-not-refreshed', { cause })
    },
  })
  refresher.start()
  return () => {
    refresher.stop()
  }
}

/** A refused mail leaves no trace; whoever makes a round trip must learn of it. */
function tellRefusedMark({ marked, reason, detail }: Refusal, store: Store, log: Log): void {
  if (marked === undefined) return
  const alarm = { code: 'round-trip-refused', subject: marked.leg, arguments: { reason, detail } }
  void store.alarms.raise(marked.tenantId, alarm).catch((error: unknown) => {
    log.error('alarm-not-raised', { code: alarm.code, error: String(error) })
  })
}

/** The listeners, each plugged into attribution, spool and journey. */
function openListeners(
  start: StartConfig,
  store: Store,
  log: Log,
  parts: Parts,
  further: Pick<InboundPorts, 'prove' | 'safe'>,
): Listener[] {
  const ports: InboundPorts = {
    // The map can only refuse: whoever it does not name must still be in a range.
    screen: (address) => parts.attributor.screen(address) ?? parts.access.client(address),
    recipient: (address) => parts.access.recipient(address),
    attribute: (peer, envelope, headerSection) => {
      const result = parts.attributor.attribute(peer, envelope, headerSection, Date.now())
      if (result.kind === 'refused') tellRefusedMark(result.refusal, store, log)
      return result
    },
    createBody: (ref) => store.bodies.create(ref),
    ...further,
    newId: () => newMailId(Date.now()),
    now: Date.now,
  }
  return start.listeners.map(({ address, port }) =>
    createListener(
      {
        address,
        port,
        fqdn: start.fqdn,
        secureContext: (name) => parts.serverContext(name),
        log,
        limits: {
          messageSize: start.limits.messageSize,
          headerSection: start.limits.headerSize,
          headerLine: start.limits.headerLine,
          recipients: start.limits.recipients,
          connections: start.limits.connections,
          connectionsPerAddress: start.limits.connectionsPerAddress,
        },
      },
      ports,
    ),
  )
}

/** The caretaker of TLS certificates with its way to ACME servers. */
function openKeeper(
  start: StartConfig,
  store: Store,
  log: Log,
  responder: HttpResponder,
  settings: () => Settings,
): Keeper {
  const { identities: kept, alarms } = store
  const now = Date.now
  const identities = new Identities({
    store: kept,
    newId: () => newMailId(now()),
    now,
    anchors: () => ({ publicRoots: publicRoots(), own: ownAnchors(settings().tlsAnchors) }),
    atHand: () => certificatesAtHand(settings(), kept.state()),
    actor: 'gateway',
  })
  const { dnsCommand, nameServers } = start.acme
  const [program, ...fixed] = dnsCommand
  const renewal = new Renewal({
    ...{ identities, store: kept, alarms, log },
    solvers: {
      http: responder.addresses.length === 0 ? null : responder,
      dnsCommand: program === undefined ? null : createDnsCommand([program, ...fixed]),
      txtLookup: createTxtLookup(createFreshTexts(nameServers)),
    },
    clock: { now, sleep },
    tlsAnchors: () => [...rootCertificates, ...settings().tlsAnchors],
    presentedToOffice: (id) => settings().clientIdentities.get(id)?.chain ?? null,
    userAgent: USER_AGENT,
  })
  const credentials = (before: number) => store.ownCredentials(before)
  return new Keeper({ settings, identities, renewal, alarms, credentials, now, log })
}

/** Does not keep the process from ending. */
function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref()
  })
}

/** @throws UsageError when an address cannot be had: nothing was taken yet, and an operator must act */
async function listenAll(start: StartConfig, listeners: readonly Listener[]): Promise<void> {
  for (const [at, listener] of listeners.entries())
    try {
      await listener.listen()
    } catch (error) {
      const { address = '', port = 0 } = start.listeners[at] ?? {}
      const code = (error as NodeJS.ErrnoException).code ?? String(error)
      throw new UsageError(`cannot listen on ${address} port ${port}: ${LISTEN_FAULTS[code] ?? code}`)
    }
}

/** Why an address cannot be listened on, and what to do. */
const LISTEN_FAULTS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program listens there (EADDRINUSE): end it, or name another port under listeners',
  EACCES:
    'this account may not (EACCES): ports below 1024 need CAP_NET_BIND_SERVICE, as in deploy/siegel.service',
  EADDRNOTAVAIL: 'this machine has no such address (EADDRNOTAVAIL)',
}

/** The first signal ends the process in good order; a second one ends it at once. */
function endSignal(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const)
      process.once(signal, () => {
        resolve(signal)
        process.once(signal, () => process.exit(1))
      })
  })
}

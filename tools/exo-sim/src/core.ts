// The parts of Exchange Online put together: front end, transport, mailboxes, queue, and what they share.
// This file wires; attribution, rules, headers and SMTP are done elsewhere. All state is in memory.
import { randomUUID } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import type { AuthenticationConfig, ExchangeConfig, Endpoint, TenantConfig } from './config.ts'
import { Log } from './events.ts'
import { FrontEnd } from './front-end.ts'
import type { Taken } from './front-end.ts'
import { compose } from './message/compose.ts'
import type { MessageSource } from './message/compose.ts'
import { mailDate } from './message/dates.ts'
import { field, Message } from './message/message.ts'
import { ExternalRecipients } from './limits.ts'
import { judge, signed } from './mail-authentication.ts'
import type { Judgement } from './mail-authentication.ts'
import { nonDeliveryReport, reportable } from './ndr.ts'
import type { Undelivered } from './ndr.ts'
import { judgeSmartHost } from './outbound/led.ts'
import { Queue } from './outbound/queue.ts'
import type { QueueReport, Route, Target } from './outbound/queue.ts'
import type { Envelope, EnvelopeRecipient } from './smtp/envelope.ts'
import { SmtpServer } from './smtp/server.ts'
import type { SessionInfo } from './smtp/service.ts'
import { firewallOnLeaving } from './stamps.ts'
import type { Arrival } from './stamps.ts'
import { Tenant } from './tenant.ts'
import { readBundle } from './tls/chain.ts'
import { readRevocationLists } from './tls/revocation.ts'
import { domainOf } from './tls/names.ts'
import { transport } from './transport.ts'
import type { DryRun, ForkDecision } from './transport.ts'
import { validationMail } from './validation-mail.ts'

/** Extended key usage clientAuth (RFC 5280 4.2.1.12). */
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2'

/** A message where it has come to rest. */
export interface StoredMessage {
  /** Tenant it belongs to. */
  tenant: string
  /** MAIL FROM. */
  sender: string
  /** The recipient. */
  recipient: string
  /** The message. */
  message: Message
  /** When it came. */
  at: Date
}

/** Everything that happens in the simulator. `messageId` is the Message-ID field's value. */
export type ExchangeEvent =
  | { type: 'submitted'; tenant: string; messageId: string; pass: number; sender: string }
  | {
      type: 'accepted'
      tenant: string
      messageId: string
      pass: number
      directionality: 'Originating' | 'Incoming'
      connector: string | undefined
      via: 'DATA' | 'BDAT'
      sender: string
      recipients: string[]
      /** Names of the client's certificate; empty without one. */
      certificateNames: string[]
      /** Whether the TLS session was resumed. */
      resumed: boolean
    }
  | { type: 'refused'; sender: string; recipient: string | undefined; reply: string }
  | ({ type: 'decided'; tenant: string; messageId: string } & ForkDecision)
  | { type: 'delivered'; tenant: string; messageId: string; recipient: string }
  | { type: 'outside'; tenant: string; messageId: string; recipient: string }
  | {
      type: 'reported'
      tenant: string
      messageId: string
      sender: string
      recipients: string[]
      reply: string
    }
  | QueueReport

/** A message on the wire between Exchange Online and a smart host, or whoever sends to the front end. Not kept. */
export interface WireMessage {
  /** `out`: offered to the next hop, at each attempt. `in`: taken by the front end, before anything is done to it. */
  direction: 'out' | 'in'
  /** Name of the connector that it leaves by, or came by. */
  connector: string | undefined
  /** Value of the Message-ID field; empty when there is none. */
  messageId: string
  /** MAIL FROM. */
  sender: string
  /** RCPT TO. */
  recipients: string[]
  /** The octets. */
  raw: Buffer
  /** The session that it came through, with the client's TLS and EHLO name; absent for what leaves. */
  session: SessionInfo | undefined
}

/** What a mailbox user sends. */
export type Submission = MessageSource & {
  /** The tenant's id. */
  tenant: string
  /** MAIL FROM; the null sender is the empty text. */
  from: string
  /** Recipients, Bcc among them, with DSN parameters if wanted. */
  to: string | readonly (string | EnvelopeRecipient)[]
  /** Parameters of the envelope. */
  envelope?: Pick<Envelope, 'ret' | 'envid' | 'smtpUtf8'>
}

/** The parts and what they share; {@link Exchange} in exchange.ts is the handle on it. */
export class Core {
  readonly config: ExchangeConfig
  readonly log: Log<ExchangeEvent>
  readonly outside: Log<StoredMessage>
  readonly mailboxes = new Map<string, Log<StoredMessage>>()
  readonly passes = new Map<string, number>()
  readonly taps = new Set<(message: WireMessage) => void>()
  readonly hosts: Map<string, Endpoint>
  readonly server: SmtpServer
  readonly queue: Queue
  internet: Endpoint | undefined
  address: Endpoint = { host: '127.0.0.1', port: 0 }
  readonly #servers: { frontEnd: string; backEnd: string }
  readonly #anchors
  readonly #lists
  readonly #clientContext
  readonly #external = new ExternalRecipients()
  /** Tenants as they are configured; {@link Core.#tenants} are as they are in effect. */
  readonly #configured = new Map<string, TenantConfig>()
  readonly #timers = new Set<NodeJS.Timeout>()
  /** Number of the next change of a tenant, and of the change that is in effect. */
  #changes = 0
  readonly #inEffect = new Map<string, number>()
  #tenants: readonly Tenant[]

  constructor(config: ExchangeConfig) {
    this.config = config
    this.#tenants = config.tenants.map((tenant) => new Tenant(tenant))
    for (const tenant of config.tenants) this.#configured.set(tenant.id, tenant)
    this.#anchors = readBundle(config.ca)
    this.#lists = readRevocationLists(config.crls ?? [])
    this.#clientContext = createSecureContext({
      ...(config.client ? { cert: config.client.cert, key: config.client.key } : {}),
      ca: [],
      minVersion: 'TLSv1.2',
    })
    this.hosts = new Map(
      Object.entries(config.hosts ?? {}).map(([name, where]) => [name.toLowerCase(), where]),
    )
    this.internet = config.internet
    this.log = new Log(config.retention?.events ?? 10_000)
    this.outside = new Log(config.retention?.messages)
    const frontEnd = config.hostname ?? 'AMS0EPF0000019A.mail.protection.outlook.com'
    this.#servers = { frontEnd, backEnd: 'AM9PR04MB8234.eurprd04.prod.outlook.com' }
    this.queue = new Queue({
      resolve: (target) => this.#route(target),
      report: (report) => {
        this.log.add(report)
      },
      undelivered: (tenant, envelope, message, failed) => {
        this.#bounce(this.tenant(tenant), envelope, message, failed)
      },
      leaves: ({ connector, messageId }, envelope, message) => {
        this.#tap({ direction: 'out', connector, messageId, envelope, raw: () => message.raw })
      },
      retryDelay: config.retryDelay ?? 60_000,
      expiry: config.expiry ?? 86_400_000,
      outbound: config.outbound ?? {},
    })
    this.server = this.#makeServer()
  }

  tenant(id: string): Tenant {
    const found = this.#tenants.find((tenant) => tenant.config.id === id)
    if (!found) throw new Error(`There is no tenant ${id}`)
    return found
  }

  /** The configuration of a tenant as its administrator sees it; it may not be in effect yet. */
  configured(id: string): TenantConfig {
    const found = this.#configured.get(id)
    if (!found) throw new Error(`There is no tenant ${id}`)
    return found
  }

  /** Changes a tenant as an administrator does: it takes effect after the propagation delay. */
  change(config: TenantConfig): void {
    const delay = this.config.propagationDelay ?? 0
    if (delay === 0) {
      this.setTenant(config)
      return
    }
    // What is wrong with it is said at once.
    const made = new Tenant(config)
    this.#configured.set(config.id, config)
    const number = this.#changes++
    this.#later(delay, () => {
      // What was set at once since then stays.
      if ((this.#inEffect.get(config.id) ?? -1) < number) this.#put(made, number)
    })
  }

  /** What administrators have changed takes effect now. */
  propagate(): void {
    for (const config of this.#configured.values()) this.#put(new Tenant(config))
  }

  setTenant(config: TenantConfig): void {
    this.#put(new Tenant(config))
    this.#configured.set(config.id, config)
  }

  #put(made: Tenant, number = this.#changes++): void {
    this.#inEffect.set(made.config.id, number)
    const others = this.#tenants.filter((tenant) => tenant.config.id !== made.config.id)
    this.#tenants = [...others, made]
  }

  /** Ends everything. */
  async close(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer)
    this.queue.close()
    await this.server.close()
  }

  #later(milliseconds: number, action: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      action()
    }, milliseconds)
    timer.unref()
    this.#timers.add(timer)
  }

  /** External recipients of a tenant in the last 24 hours. */
  externalRecipients(tenant: string): number {
    return this.#external.used(tenant, new Date())
  }

  /** Sends the connector's validation mail; gives its Message-ID. No rule sees it. */
  sendValidationMail(tenant: Tenant, connector: string, recipients: readonly string[]): string {
    const domain = tenant.domains.find((one) => one.name !== tenant.config.moera)?.name ?? tenant.config.moera
    const { sender, message } = validationMail(domain, recipients, new Date())
    const messageId = message.value('Message-ID') ?? ''
    const envelope: Envelope = { sender, recipients: recipients.map((address) => ({ address })) }
    this.queue.add({ kind: 'connector', tenant: tenant.config.id, name: connector }, tenant.config.id, messageId, envelope, message) // prettier-ignore
    return messageId
  }

  /** Whether some tenant has the domain. */
  hosted(domain: string): boolean {
    return this.#tenants.some((tenant) => tenant.accepts(domain))
  }

  /** Puts a report into a mailbox, past transport. */
  deliverReport(tenant: string, to: string, message: Message): void {
    this.#deliver(this.tenant(tenant), to, '', message)
  }

  /** What the rules in effect would do with a message from a mailbox, or from outside if the sender is outside. */
  dryRun(id: string, run: DryRun): ForkDecision[] {
    const tenant = this.tenant(id)
    const decisions: ForkDecision[] = []
    const message = Message.parse(
      Buffer.from(run.message ?? `From: <${run.sender}>\r\nSubject: test\r\n\r\n`),
    )
    const inside = tenant.isInside(run.sender)
    const envelope: Envelope = {
      sender: run.sender,
      recipients: run.recipients.map((address) => ({ address })),
    }
    const nothing = (): void => undefined
    transport(
      message,
      envelope,
      {
        tenant,
        directionality: inside ? 'Originating' : 'Incoming',
        origin: inside ? 'mailbox' : 'front-end',
        promote: false,
        at: new Date(),
        server: this.#servers.backEnd,
        sender: run.sender,
        networkMessageId: randomUUID(),
        clientAddress: '203.0.113.7',
        reception: inside ? undefined : { ehlo: 'test.invalid', tls: '' },
        internal: inside,
      },
      {
        servers: this.#servers,
        assumptions: this.config.assumptions ?? {},
        destinations: {
          queue: nothing,
          deliver: nothing,
          hosted: (domain) => this.hosted(domain),
          decided: (_tenant, _messageId, decision) => decisions.push(decision),
          reject: nothing,
          incident: nothing,
          defer: nothing,
          mayLeave: () => undefined,
        },
      },
    )
    return decisions
  }

  mailbox(address: string): Log<StoredMessage> {
    const key = address.toLowerCase()
    let mailbox = this.mailboxes.get(key)
    if (!mailbox) this.mailboxes.set(key, (mailbox = new Log(this.config.retention?.messages)))
    return mailbox
  }

  submit(submission: Submission): string {
    const tenant = this.tenant(submission.tenant)
    const message = Message.parse(compose(submission))
    message.remove((one) => one.key === 'bcc')
    const at = new Date()
    if (message.value('Date') === undefined) message.append([field('Date', mailDate(at))])
    let messageId = message.value('Message-ID')
    if (messageId === undefined) {
      messageId = `<${randomUUID()}@${this.#servers.backEnd}>`
      message.append([field('Message-ID', messageId)])
    }
    const to = typeof submission.to === 'string' ? [submission.to] : submission.to
    const recipients = to.map((one) => (typeof one === 'string' ? { address: one } : one))
    const envelope: Envelope = { ...submission.envelope, sender: submission.from, recipients }
    this.log.add({ type: 'submitted', tenant: tenant.config.id, messageId, pass: this.#count(messageId), sender: submission.from }) // prettier-ignore
    this.#transport(message, envelope, {
      tenant,
      directionality: 'Originating',
      origin: 'mailbox',
      promote: false,
      at,
      server: this.#servers.backEnd,
      sender: submission.from,
      networkMessageId: randomUUID(),
      clientAddress: '203.0.113.7',
      reception: undefined,
      internal: true,
    })
    return messageId
  }

  #take({ attribution, session, envelope, message, via, authentication }: Taken): void {
    const { tenant, connector, directionality } = attribution
    let messageId = message.value('Message-ID')
    this.#tap({ direction: 'in', connector: connector?.name, messageId: messageId ?? '', envelope, raw: () => message.raw, session }) // prettier-ignore
    if (messageId === undefined) {
      messageId = `<${randomUUID()}@${this.#servers.frontEnd}>`
      message.append([field('Message-ID', messageId)])
    }
    this.log.add({
      type: 'accepted',
      tenant: tenant.config.id,
      messageId,
      pass: this.#count(messageId),
      directionality,
      connector: connector?.name,
      via,
      sender: envelope.sender,
      recipients: envelope.recipients.map(({ address }) => address),
      certificateNames: session.tls?.names ?? [],
      resumed: session.tls?.resumed ?? false,
    })
    const originating = directionality === 'Originating'
    this.#transport(message, envelope, {
      authentication,
      tenant,
      directionality,
      origin: 'front-end',
      promote: originating && connector?.cloudServicesMailEnabled === true,
      at: new Date(),
      server: originating ? this.#servers.backEnd : this.#servers.frontEnd,
      sender: envelope.sender,
      networkMessageId: randomUUID(),
      clientAddress: session.remoteAddress,
      reception: { ehlo: session.ehlo, tls: tlsText(session.tls) },
      internal: originating && connector?.treatMessagesAsInternal === true,
    })
  }

  #tap(
    seen: Pick<WireMessage, 'direction' | 'connector' | 'messageId'> & {
      envelope: Envelope
      raw: () => Buffer
      session?: SessionInfo
    },
  ): void {
    // prettier-ignore
    if (this.taps.size === 0) return
    const { direction, connector, messageId, envelope } = seen
    const message: WireMessage = {
      direction,
      connector,
      messageId,
      sender: envelope.sender,
      recipients: envelope.recipients.map(({ address }) => address),
      raw: seen.raw(),
      session: seen.session,
    }
    for (const listener of this.taps) listener(message)
  }

  #transport(message: Message, envelope: Envelope, arrival: Arrival): void {
    transport(message, envelope, arrival, {
      servers: this.#servers,
      assumptions: this.config.assumptions ?? {},
      destinations: {
        queue: (target, tenant, messageId, leaving, copy, domains) => {
          if (target.kind === 'internet' && !this.internet) this.#keep(tenant, messageId, leaving, copy)
          else
            this.queue.add(
              target,
              tenant.config.id,
              messageId,
              leaving,
              copy,
              this.#signer(copy, domains, arrival),
            )
        },
        deliver: (tenant, recipient, sender, copy) => {
          this.#deliver(tenant, recipient, sender, copy)
        },
        hosted: (domain) => this.hosted(domain),
        decided: (tenant, messageId, decision) => {
          this.log.add({ type: 'decided', tenant: tenant.config.id, messageId, ...decision })
        },
        reject: (tenant, rejected, leaving, reply) => {
          this.#bounce(tenant, leaving, rejected, leaving.recipients.map((recipient) => ({ recipient, reply }))) // prettier-ignore
        },
        defer: (tenant, again, expired) => {
          const end = arrival.at.getTime() + (this.config.expiry ?? 86_400_000)
          if (Date.now() >= end) expired()
          else this.#later(this.config.retryDelay ?? 60_000, () => { again(this.tenant(tenant.config.id)) }) // prettier-ignore
        },
        incident: (tenant, to, rule, messageId) => {
          const report = Message.parse(Buffer.from(`From: Microsoft Outlook\r\nTo: ${to}\r\nSubject: Rule detected\r\n\r\nRule: ${rule}\r\nMessage: ${messageId}\r\n`)) // prettier-ignore
          this.#deliver(tenant, to, '', report)
        },
        mayLeave: (tenant, sender) => this.#external.count(tenant.config, sender, new Date()),
      },
    })
  }

  /** Tells the sender who was not reached, past all rules. A null sender is told nothing. */
  #bounce(tenant: Tenant, envelope: Envelope, message: Message, failed: readonly Undelivered[]): void {
    const undelivered = reportable(failed)
    const [first] = undelivered
    if (this.config.nonDeliveryReports === false || envelope.sender === '' || !first) return
    const { sender } = envelope
    const inside = tenant.isInside(sender)
    const returned = message.fork()
    firewallOnLeaving(returned, false, this.#servers.backEnd)
    const { moera, id } = tenant.config
    const report = nonDeliveryReport({ domain: moera, server: this.#servers.backEnd, message: returned, envelope, undelivered, at: new Date() }) // prettier-ignore
    const messageId = report.value('Message-ID') ?? ''
    const recipients = undelivered.map(({ recipient }) => recipient.address)
    this.log.add({ type: 'reported', tenant: id, messageId, sender, recipients, reply: first.reply })
    if (inside) {
      this.#deliver(tenant, sender, '', report)
      return
    }
    const leaving: Envelope = { sender: '', recipients: [{ address: sender }] }
    const hosted = this.hosted(domainOf(sender))
    if (!hosted && !this.internet) this.#keep(tenant, messageId, leaving, report)
    else this.queue.add({ kind: hosted ? 'hosted' : 'internet' }, id, messageId, leaving, report)
  }

  /** What signs a message before it leaves, if anything does. */
  #signer(
    message: Message,
    domains: readonly string[],
    arrival: Arrival,
  ): (() => Promise<Message>) | undefined {
    const { authentication } = this.config
    if (!authentication) return undefined
    const how = { ip: arrival.clientAddress, helo: arrival.reception?.ehlo ?? '', sender: arrival.sender, mta: 'mx.microsoft.com' } // prettier-ignore
    return () => signed(authentication, message, domains, how)
  }

  #judge(taken: Taken, config: AuthenticationConfig): Promise<Judgement | undefined> {
    const { attribution, session, envelope, message } = taken
    if (attribution.directionality !== 'Incoming') return Promise.resolve(undefined)
    const how = {
      ip: session.remoteAddress,
      helo: session.ehlo,
      sender: envelope.sender,
      mta: this.#servers.frontEnd,
    }
    return judge(config, message, how, attribution.tenant.config.organization ?? {})
  }

  #deliver(tenant: Tenant, recipient: string, sender: string, message: Message): void {
    this.mailbox(recipient).add({ tenant: tenant.config.id, sender, recipient, message, at: new Date() })
    const messageId = message.value('Message-ID') ?? ''
    this.log.add({ type: 'delivered', tenant: tenant.config.id, messageId, recipient })
  }

  #keep(tenant: Tenant, messageId: string, envelope: Envelope, message: Message): void {
    for (const { address } of envelope.recipients) {
      const at = new Date()
      this.outside.add({ tenant: tenant.config.id, sender: envelope.sender, recipient: address, message, at })
      this.log.add({ type: 'outside', tenant: tenant.config.id, messageId, recipient: address })
    }
  }

  #count(messageId: string): number {
    const pass = (this.passes.get(messageId) ?? 0) + 1
    this.passes.set(messageId, pass)
    return pass
  }

  #makeServer(): SmtpServer {
    const { config } = this
    const service = new FrontEnd({
      hostname: this.#servers.frontEnd,
      backEnd: this.#servers.backEnd,
      hopLimit: config.hopLimit ?? 60,
      throttle: config.throttle,
      tenants: () => this.#tenants,
      judge: config.authentication && ((taken) => this.#judge(taken, config.authentication ?? { dns: {} })),
      take: (taken) => {
        this.#take(taken)
      },
      refused: (_session, envelope, recipient, reply) => {
        this.log.add({ type: 'refused', sender: envelope.sender, recipient, reply })
      },
    })
    return new SmtpServer(service, {
      bind: config.bind ?? '127.0.0.1',
      port: config.port ?? 0,
      credentials: config.server,
      anchors: this.#anchors,
      clientUsage: config.assumptions?.requireClientAuthEku ? CLIENT_AUTH : undefined,
      maxMessageSize: config.maxMessageSize ?? 157_286_400,
      maxRecipients: config.maxRecipients ?? 200,
      requireTls: config.requireTls ?? false,
      sessionLifetime: config.sessionLifetime ?? 20 * 60_000,
      maxConnections: config.maxConnections,
      refuseBareLf: false,
    })
  }

  #route(target: Target): Route {
    const common = {
      ehloName: this.config.ehloName ?? 'DEU01-FR2-obe.outbound.protection.outlook.com',
      secureContext: this.#clientContext,
      timeout: this.config.outbound?.timeout ?? 60_000,
    }
    if (target.kind !== 'connector') {
      const endpoint = target.kind === 'hosted' ? this.address : this.internet
      return {
        key: `${target.kind} ${JSON.stringify(endpoint)}`,
        name: target.kind === 'hosted' ? this.#servers.frontEnd : 'mx.internet',
        endpoint,
        connection: (where) => ({ ...common, endpoint: where, tls: 'opportunistic' }),
      }
    }
    const connector = this.#tenants
      .find((tenant) => tenant.config.id === target.tenant)
      ?.outboundConnector(target.name)
    if (!connector) {
      return {
        key: JSON.stringify(target),
        name: target.name,
        endpoint: undefined,
        connection: (where) => ({ ...common, endpoint: where, tls: 'required' }),
      }
    }
    const byMx = connector.useMXRecord === true
    const endpoint = byMx ? this.internet : this.hosts.get(connector.smartHost.toLowerCase())
    return {
      key: JSON.stringify([target, connector, endpoint]),
      name: byMx ? 'mx.internet' : connector.smartHost,
      endpoint,
      connection: (where) => ({
        ...common,
        endpoint: where,
        tls: connector.tlsSettings === undefined && !target.requireTls ? 'opportunistic' : 'required',
        servername: connector.smartHost,
        judge: (chain) => judgeSmartHost(connector, chain, this.#anchors, new Date(), this.#lists),
      }),
    }
  }
}

function tlsText(tls: { version: string; cipher: string } | undefined): string {
  return tls ? `version=${tls.version.replace('TLSv1.', 'TLS1_')}, cipher=${tls.cipher}` : ''
}

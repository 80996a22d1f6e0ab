// The world outside of Exchange Online: an MX that receives what leaves, and a client that sends in.
// It keeps what it receives octet by octet; it knows no tenants and no S/MIME.
import { randomUUID } from 'node:crypto'
import type { X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import type { Endpoint, WorldConfig } from './config.ts'
import { Log } from './events.ts'
import { compose } from './message/compose.ts'
import type { MessageSource } from './message/compose.ts'
import { mailDate } from './message/dates.ts'
import { field, Message } from './message/message.ts'
import { hasBareLineEnding } from './message/line-endings.ts'
import type { ConnectionOptions } from './smtp/connection.ts'
import { NextHop } from './outbound/next-hop.ts'
import type { Outcome } from './outbound/next-hop.ts'
import type { Envelope, EnvelopeRecipient } from './smtp/envelope.ts'
import type { Faults } from './smtp/faults.ts'
import { replyText } from './smtp/reply.ts'
import { SmtpServer } from './smtp/server.ts'
import type { ConnectionRecord, MailService, PeerTls, ReceivedData, SessionInfo } from './smtp/service.ts'
import type { RecipientResult } from './smtp/transaction.ts'
import { domainOf } from './tls/names.ts'
import { readBundle } from './tls/chain.ts'

/** A message that has arrived in the world. */
export interface WorldMessage {
  /** Number of the message, from 1. */
  number: number
  /** Sender, recipients and parameters as they were given. */
  envelope: Envelope
  /** Addresses of the recipients. */
  recipients: string[]
  /** The octets as they arrived, without any Received line of ours. */
  raw: Buffer
  /** The same, cut into fields and body. */
  message: Message
  /** How it came. */
  via: 'DATA' | 'BDAT'
  /** Number of BDAT chunks. */
  chunks: number
  /** Whether a bare CR or LF is in it. */
  bareLineEnding: boolean
  /** TLS of the connection; absent in clear text. */
  tls: PeerTls | undefined
  /** EHLO name of the client. */
  ehlo: string
  /** Id of the session. */
  session: string
  /** When it arrived. */
  at: Date
}

/** What the world sends. */
export type WorldMail = MessageSource & {
  /** MAIL FROM; the null sender is the empty text. */
  from: string
  /** Recipients, with DSN parameters if wanted. */
  to: string | readonly (string | EnvelopeRecipient)[]
  /** Parameters of the envelope. */
  envelope?: Pick<Envelope, 'ret' | 'envid' | 'smtpUtf8'>
  /** Where to. Default: the configured front end of Exchange. */
  endpoint?: Endpoint
  /** Default `required`. */
  tls?: 'required' | 'opportunistic' | 'none'
  /** EHLO name. Default: the world's host name. */
  ehlo?: string
}

/** What became of a mail that the world sent. */
export interface SendResult {
  /** Message-ID of the mail. */
  messageId: string
  /** Addresses that were accepted. */
  accepted: string[]
  /** Addresses that were refused, with the reply. */
  refused: { recipient: string; reply: string; stage: RecipientResult['stage'] }[]
  /** The reply that settled the message, or the last refusal. */
  reply: string
}

/** A running world. */
export class World implements AsyncDisposable {
  /** Address of the MX. */
  readonly address: Endpoint
  readonly #config: WorldConfig
  readonly #server: SmtpServer
  readonly #log: Log<WorldMessage>
  readonly #hops = new Map<string, NextHop>()
  readonly #context
  #exchange: Endpoint | undefined

  constructor(config: WorldConfig, server: SmtpServer, address: Endpoint, log: Log<WorldMessage>) {
    this.address = address
    this.#config = config
    this.#server = server
    this.#log = log
    this.#exchange = config.exchange
    this.#context = createSecureContext({
      ...(config.client ? { cert: config.client.cert, key: config.client.key } : {}),
      ca: [],
      minVersion: 'TLSv1.2',
    })
  }

  /** Messages that have arrived, oldest first. */
  received(): WorldMessage[] {
    return this.#log.all()
  }

  /** Those of them for one address. */
  receivedFor(address: string): WorldMessage[] {
    const wanted = address.toLowerCase()
    return this.#log.all().filter(({ recipients }) => recipients.some((one) => one.toLowerCase() === wanted))
  }

  /** Forgets the messages that have arrived. */
  clear(): void {
    this.#log.clear()
  }

  /** Calls `listener` for each message that arrives; the result ends it. */
  on(listener: (message: WorldMessage) => void): () => void {
    return this.#log.on(listener)
  }

  /** The first message, here or coming, that fits. Rejects with WaitTimeout after `milliseconds` (default 10000). */
  waitFor(fits: (message: WorldMessage) => boolean, milliseconds?: number): Promise<WorldMessage> {
    return this.#log.waitFor(fits, milliseconds)
  }

  /** Sends a mail in. Rejects with ConnectionFailure if the server cannot be reached; refusals are in the result. */
  async send(mail: WorldMail): Promise<SendResult> {
    const endpoint = mail.endpoint ?? this.#exchange
    if (!endpoint) throw new Error('The world does not know where to send: give it `exchange` or `endpoint`')
    const message = Message.parse(compose(mail))
    let messageId = message.value('Message-ID')
    if (messageId === undefined) {
      messageId = `<${randomUUID()}@${this.#config.hostname ?? HOSTNAME}>`
      message.append([field('Message-ID', messageId)])
    }
    if (message.value('Date') === undefined) message.append([field('Date', mailDate(new Date()))])
    const to = typeof mail.to === 'string' ? [mail.to] : mail.to
    const recipients = to.map((one) => (typeof one === 'string' ? { address: one } : one))
    const envelope: Envelope = { ...mail.envelope, sender: mail.from, recipients }
    const outcome = await new Promise<Outcome>((done) => {
      this.#hop(endpoint, mail).push({ envelope, message, done })
    })
    if (outcome.kind === 'unreachable') throw outcome.failure
    return summarise(messageId, outcome.results)
  }

  /** Says where the front end of Exchange is. */
  setExchange(endpoint: Endpoint): void {
    this.#exchange = endpoint
  }

  /** Replaces all faults of the MX; the empty object heals it. */
  setFaults(faults: Faults): void {
    this.#server.faults.set(faults)
  }

  /** Ends all connections to the MX, kept ones too; clients that come anew meet the faults now in force. */
  dropConnections(): void {
    this.#server.dropConnections()
  }

  /** The last connections to the MX. */
  connections(): readonly ConnectionRecord[] {
    return this.#server.connections()
  }

  /** All that clients have sent to the MX in clear text. */
  clearBytes(): Buffer {
    return this.#server.clearBytes()
  }

  /** Ends everything. */
  async close(): Promise<void> {
    for (const hop of this.#hops.values()) hop.close()
    await this.#server.close()
  }

  /** The same, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #hop(endpoint: Endpoint, mail: WorldMail): NextHop {
    const ehloName = mail.ehlo ?? this.#config.hostname ?? HOSTNAME
    const tls = mail.tls ?? 'required'
    const key = JSON.stringify([endpoint, ehloName, tls])
    let hop = this.#hops.get(key)
    if (!hop) {
      const timeout = this.#config.outbound?.timeout ?? 60_000
      const open = (): ConnectionOptions => ({
        endpoint,
        ehloName,
        tls,
        secureContext: this.#context,
        timeout,
        localAddress: this.#config.sendFrom,
      })
      hop = new NextHop(open, this.#config.outbound ?? {})
      this.#hops.set(key, hop)
    }
    return hop
  }
}

const HOSTNAME = 'mx.world.example'

/** Starts the world. */
export async function startWorld(config: WorldConfig): Promise<World> {
  const log = new Log<WorldMessage>(config.retention?.messages)
  const anchors: X509Certificate[] = config.ca === undefined ? [] : readBundle(config.ca)
  const server = new SmtpServer(new MailExchanger(config, log), {
    bind: config.bind ?? '127.0.0.1',
    port: config.port ?? 0,
    credentials: config.server,
    anchors,
    maxMessageSize: config.maxMessageSize ?? 157_286_400,
    maxRecipients: 1000,
    requireTls: false,
    refuseBareLf: config.acceptBareLf !== true,
  })
  const address = await server.listen()
  return new World(config, server, address, log)
}

/** The MX: takes everything for its domains. */
class MailExchanger implements MailService {
  readonly hostname: string
  readonly #domains: ReadonlySet<string> | undefined
  readonly #log: Log<WorldMessage>
  #number = 0

  constructor(config: WorldConfig, log: Log<WorldMessage>) {
    this.hostname = config.hostname ?? HOSTNAME
    this.#domains = config.domains && new Set(config.domains.map((domain) => domain.toLowerCase()))
    this.#log = log
  }

  banner(): string {
    return 'ESMTP'
  }

  hello(session: SessionInfo): string {
    return `${this.hostname} greets [${session.remoteAddress}]`
  }

  checkHello(_session: SessionInfo, name: string): string | undefined {
    return name === '' ? '501 5.5.4 Name needed' : undefined
  }

  checkSender(): undefined {
    return undefined
  }

  checkRecipient(
    _session: SessionInfo,
    _envelope: Envelope,
    recipient: EnvelopeRecipient,
  ): string | undefined {
    const known = this.#domains?.has(domainOf(recipient.address)) ?? true
    return known ? undefined : '550 5.7.1 Relaying denied'
  }

  receive(session: SessionInfo, envelope: Envelope, data: ReceivedData): string {
    const number = ++this.#number
    this.#log.add({
      number,
      envelope,
      recipients: envelope.recipients.map(({ address }) => address),
      raw: data.raw,
      message: Message.parse(data.raw),
      via: data.via,
      chunks: data.chunks,
      bareLineEnding: hasBareLineEnding(data.raw),
      tls: session.tls,
      ehlo: session.ehlo,
      session: session.id,
      at: new Date(),
    })
    return `250 2.0.0 Message ${number} accepted`
  }
}

function summarise(messageId: string, results: RecipientResult[]): SendResult {
  const accepted = results.filter(({ reply }) => reply.code < 300)
  const refused = results.filter(({ reply }) => reply.code >= 300)
  const last = accepted[0] ?? refused[refused.length - 1]
  return {
    messageId,
    accepted: accepted.map(({ recipient }) => recipient.address),
    refused: refused.map(({ recipient, reply, stage }) => ({
      recipient: recipient.address,
      reply: replyText(reply),
      stage,
    })),
    reply: last ? replyText(last.reply) : '',
  }
}

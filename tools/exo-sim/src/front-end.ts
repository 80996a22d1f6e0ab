// The front end of Exchange Online as an SMTP service: its words, its refusals, attribution at RCPT, the hop limit.
// What it accepts it hands on; the protocol itself is the server's.
import { attributeRecipient, attributeSender } from './attribution.ts'
import type { Attribution, Peer } from './attribution.ts'
import { mailDate } from './message/dates.ts'
import { Message } from './message/message.ts'
import type { HeaderField } from './message/message.ts'
import type { Envelope, EnvelopeRecipient } from './smtp/envelope.ts'
import type { MailService, ReceivedData, SessionInfo } from './smtp/service.ts'
import type { Tenant } from './tenant.ts'
import { Throttle } from './throttle.ts'
import type { ThrottleLimit } from './throttle.ts'

/** A message that the front end has taken. */
export interface Taken {
  /** To whom it belongs. */
  attribution: Attribution
  /** The session it came through. */
  session: SessionInfo
  /** Sender, recipients. */
  envelope: Envelope
  /** The message. */
  message: Message
  /** How it came. */
  via: 'DATA' | 'BDAT'
  /** The verdict of authentication, if there was one. */
  authentication?: HeaderField | undefined
}

/** What the front end needs to know. */
export interface FrontEndOptions {
  /** Name of the server. */
  hostname: string
  /** Name of the server in the suffix of refusals. */
  backEnd: string
  /** Received lines that are too many. */
  hopLimit: number
  /** How much strangers may send. */
  throttle?: ThrottleLimit | undefined
  /** The tenants now. */
  tenants(): readonly Tenant[]
  /** Judges a message: the verdict's field, and a reply if it is not to be taken. */
  judge?:
    ((taken: Taken) => Promise<{ field: HeaderField; refusal: string | undefined } | undefined>) | undefined
  /** Takes a message over. */
  take(taken: Taken): void
  /** Told of every refusal. */
  refused(session: SessionInfo, envelope: Envelope, recipient: string | undefined, reply: string): void
}

/** The service behind the front end's listener. */
export class FrontEnd implements MailService {
  readonly hostname: string
  readonly #options: FrontEndOptions
  readonly #throttle: Throttle
  readonly #attributions = new WeakMap<Envelope, Attribution>()
  #internalId = 12_345_678_900_000

  constructor(options: FrontEndOptions) {
    this.#options = options
    this.#throttle = new Throttle(options.throttle)
    this.hostname = options.hostname
  }

  banner(session: SessionInfo): string {
    return `Microsoft ESMTP MAIL Service ready at ${mailDate(new Date())} [${session.id}]`
  }

  hello(session: SessionInfo): string {
    return `${this.hostname} Hello [${session.remoteAddress}]`
  }

  checkHello(_session: SessionInfo, name: string): string | undefined {
    if (!isHelloName(name)) return '501 5.5.4 Invalid domain name'
    if (name.toLowerCase() === this.hostname.toLowerCase()) return '550 5.7.506 Access Denied, Bad HELO'
    return undefined
  }

  complete(session: SessionInfo, reply: string): string {
    return reply.replace('{suffix}', this.#suffix(session)).replace('{ip}', session.remoteAddress)
  }

  checkSender(): undefined {
    return undefined
  }

  checkRecipient(session: SessionInfo, envelope: Envelope, recipient: EnvelopeRecipient): string | undefined {
    const tenants = this.#options.tenants()
    const peer = peerOf(session)
    const sofar = this.#attributions.get(envelope)
    if (sofar?.directionality === 'Originating') return undefined
    const attribution =
      (sofar ? undefined : attributeSender(tenants, peer, envelope.sender)) ??
      attributeRecipient(tenants, peer, envelope.sender, recipient.address, sofar)
    if ('refusal' in attribution) {
      const reply = attribution.refusal.startsWith('452')
        ? attribution.refusal
        : `${attribution.refusal} ${this.#suffix(session)}`
      this.#options.refused(session, envelope, recipient.address, reply)
      return reply
    }
    if (!sofar && !attribution.connector && !this.#throttle.admit(session.remoteAddress, Date.now())) {
      const reply = this.complete(
        session,
        '451 4.7.500 Server busy. Please try again later from [{ip}]. (AS761) {suffix}',
      )
      this.#options.refused(session, envelope, recipient.address, reply)
      return reply
    }
    if (!sofar) this.#attributions.set(envelope, attribution)
    return undefined
  }

  receive(session: SessionInfo, envelope: Envelope, data: ReceivedData): string | Promise<string> {
    const attribution = this.#attributions.get(envelope)
    if (!attribution) throw new Error('a message without attribution')
    const message = Message.parse(data.raw)
    const hops = message.fields.filter((field) => field.key === 'received').length
    if (hops > this.#options.hopLimit) {
      const reply = `554 5.4.14 Hop count exceeded - possible mail loop ATTR34 ${this.#suffix(session)}`
      this.#options.refused(session, envelope, undefined, reply)
      return reply
    }
    const taken: Taken = { attribution, session, envelope, message, via: data.via }
    return this.#options.judge ? this.#judged(taken, data) : this.#accept(taken, data)
  }

  async #judged(taken: Taken, data: ReceivedData): Promise<string> {
    const judgement = await this.#options.judge?.(taken)
    if (judgement?.refusal !== undefined) {
      const reply = this.complete(taken.session, judgement.refusal)
      this.#options.refused(taken.session, taken.envelope, undefined, reply)
      return reply
    }
    return this.#accept({ ...taken, authentication: judgement?.field }, data)
  }

  #accept(taken: Taken, data: ReceivedData): string {
    const { message, session } = taken
    this.#options.take(taken)
    const id = message.value('Message-ID') ?? `<${session.id}@${this.#options.backEnd}>`
    this.#internalId += 17
    return (
      `250 2.6.0 ${printable(id)} [InternalId=${this.#internalId}, Hostname=${this.#options.backEnd}] ` +
      `${data.raw.length} bytes in 0.100, ${(data.raw.length / 102.4).toFixed(3)} KB/sec Queued mail for delivery`
    )
  }

  #suffix(session: SessionInfo): string {
    return `[${this.#options.backEnd} ${new Date().toISOString()} ${session.id}]`
  }
}

function peerOf(session: SessionInfo): Peer {
  return {
    address: session.remoteAddress,
    names: session.tls?.names ?? [],
    certified: session.tls?.certificate !== undefined,
    trusted: session.tls?.verdict?.trusted === true,
  }
}

/** A fully qualified name, or an address literal (RFC 5321 4.1.3). */
function isHelloName(name: string): boolean {
  if (/^\[(IPv6:)?[0-9A-Fa-f:.]+\]$/.test(name)) return true
  return (
    name.length <= 255 &&
    /^([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)+[A-Za-z0-9-]{2,63}\.?$/.test(name)
  )
}

/** A Message-ID goes into a reply only without what could break the line. */
function printable(text: string): string {
  return text.replace(/[^\x21-\x7e]/g, '').slice(0, 250)
}

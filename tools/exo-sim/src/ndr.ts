// Non-delivery reports as Exchange Online writes them (RFC 3464, in the multipart/report of RFC 6522).
// It writes; whether one is sent and where it goes is the core's business.
import { randomUUID } from 'node:crypto'
import { mailDate } from './message/dates.ts'
import { Message } from './message/message.ts'
import type { Envelope, EnvelopeRecipient } from './smtp/envelope.ts'

/** A recipient who was not reached. */
export interface Undelivered {
  recipient: EnvelopeRecipient
  /** The reply that was final: `550 5.1.1 …`. */
  reply: string
  /** Who gave it; absent: Exchange itself. */
  remote?: string | undefined
}

/** What a report is about. */
export interface ReportOptions {
  /** The domain that the report comes from: the tenant's MOERA. */
  domain: string
  /** Server that writes it. */
  server: string
  /** The message. */
  message: Message
  /** Its envelope. */
  envelope: Envelope
  /** Who was not reached. */
  undelivered: readonly Undelivered[]
  /** The time. */
  at: Date
}

/** Those who want to know: `NOTIFY=NEVER` and a `NOTIFY` without `FAILURE` do not (RFC 3461 4.1). */
export function reportable(undelivered: readonly Undelivered[]): Undelivered[] {
  return undelivered.filter(({ recipient }) => {
    const notify = recipient.notify
    return notify === undefined || notify.toUpperCase().split(',').includes('FAILURE')
  })
}

/** The report, to be sent to the sender with a null sender. */
export function nonDeliveryReport(options: ReportOptions): Message {
  const { domain, server, message, envelope, undelivered, at } = options
  const boundary = randomUUID()
  const subject = (message.value('Subject') ?? '').replace(/[^\x20-\x7e]/g, '?')
  const head = [
    `From: Microsoft Outlook <MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@${domain}>`,
    `To: <${envelope.sender}>`,
    `Date: ${mailDate(at)}`,
    `Message-ID: <${randomUUID()}@${server}>`,
    ...(message.value('Message-ID') === undefined
      ? []
      : [`In-Reply-To: ${message.value('Message-ID') ?? ''}`]),
    `Subject: Undeliverable: ${subject}`,
    'MIME-Version: 1.0',
    `Content-Type: multipart/report; report-type=delivery-status;\r\n boundary="${boundary}"`,
    'Content-Language: en-US',
    'Auto-Submitted: auto-replied',
    'X-MS-Exchange-Message-Is-Ndr: ',
    'X-Auto-Response-Suppress: All',
  ]
  const text = undelivered.map(({ recipient, reply }) => `${recipient.address}\r\n${reply}\r\n`).join('\r\n')
  const headersOnly = envelope.ret?.toUpperCase() === 'HDRS'
  const [header, body] = message.parts()
  const whole = Buffer.concat(headersOnly ? [header ?? Buffer.alloc(0)] : [header ?? Buffer.alloc(0), body ?? Buffer.alloc(0)]) // prettier-ignore
  const parts = [
    part('text/plain; charset=us-ascii', Buffer.from(`Your message couldn't be delivered.\r\n\r\n${text}`)),
    part('message/delivery-status', Buffer.from(status(options))),
    part(headersOnly ? 'text/rfc822-headers' : 'message/rfc822', whole),
  ]
  const pieces = parts.flatMap((piece) => [Buffer.from(`--${boundary}\r\n`), piece, Buffer.from('\r\n')])
  return Message.parse(
    Buffer.concat([
      Buffer.from(`${head.join('\r\n')}\r\n\r\n`),
      ...pieces,
      Buffer.from(`--${boundary}--\r\n`),
    ]),
  )
}

function part(type: string, content: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`Content-Type: ${type}\r\n\r\n`), content])
}

/** The groups of fields of RFC 3464 2.2 and 2.3. */
function status({ server, envelope, undelivered, at }: ReportOptions): string {
  const perMessage = [
    `Reporting-MTA: dns;${server}`,
    ...(envelope.envid === undefined ? [] : [`Original-Envelope-Id: ${envelope.envid}`]),
    `Arrival-Date: ${mailDate(at)}`,
  ]
  const perRecipient = undelivered.map(({ recipient, reply, remote }) =>
    [
      ...(recipient.orcpt === undefined ? [] : [`Original-Recipient: ${recipient.orcpt}`]),
      `Final-Recipient: rfc822;${recipient.address}`,
      'Action: failed',
      `Status: ${/\b([245]\.\d{1,3}\.\d{1,3})\b/.exec(reply)?.[1] ?? '5.0.0'}`,
      `Diagnostic-Code: smtp;${reply.replace(/[^\x20-\x7e]/g, ' ')}`,
      ...(remote === undefined ? [] : [`Remote-MTA: dns;${remote}`]),
    ].join('\r\n'),
  )
  return `${[perMessage.join('\r\n'), ...perRecipient].join('\r\n\r\n')}\r\n`
}

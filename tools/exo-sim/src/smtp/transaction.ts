// Sends one message over an open connection: MAIL, RCPT, BDAT or DATA, with what the peer offers and no more.
// A bare CR or LF goes by BDAT only. Nothing is re-encoded: what the peer cannot take is refused here.
import type { Message } from '../message/message.ts'
import { writeAndDrain } from './byte-stream.ts'
import type { Connection } from './connection.ts'
import { stuffDots } from './dot-stuffing.ts'
import { isAsciiText } from './envelope.ts'
import type { Envelope, EnvelopeRecipient } from './envelope.ts'
import { readReply } from './reply.ts'
import type { Reply } from './reply.ts'

/** What became of one recipient. */
export interface RecipientResult {
  /** The recipient. */
  recipient: EnvelopeRecipient
  /** The reply that settled it. */
  reply: Reply
  /** Where that reply came, or `local` if we did not even try. */
  stage: 'local' | 'MAIL' | 'RCPT' | 'DATA'
}

/** The transaction broke before the peer's final word. */
export class TransactionBroken extends Error {
  override readonly name = 'TransactionBroken'
  /** Whether no reply at all was read in this transaction: a kept connection that the peer had closed. */
  readonly untouched: boolean

  constructor(cause: Error, untouched: boolean) {
    super(cause.message, { cause })
    this.untouched = untouched
  }
}

/** How a transaction is carried out. */
export interface TransactionOptions {
  /** Octets of a BDAT chunk. */
  chunkSize?: number | undefined
  /** Whether to use PIPELINING. Default true. */
  pipelining?: boolean | undefined
}

const SMALL = 128 * 1024
const SLICE = 256 * 1024

/** Sends the message. Throws {@link TransactionBroken} when the connection fails. */
export async function sendMessage(
  connection: Connection,
  envelope: Envelope,
  message: Message,
  options: TransactionOptions = {},
): Promise<RecipientResult[]> {
  const parts = message.parts()
  const size = parts.reduce((sum, part) => sum + part.length, 0)
  const offer = new Offer(connection.extensions)
  const impossible = offer.refuses(envelope, message, size)
  if (impossible)
    return envelope.recipients.map((recipient) => ({ recipient, reply: impossible, stage: 'local' }))
  const transaction = new Transaction(connection, options)
  try {
    connection.sent++
    return await transaction.run(envelope, offer, offer.mail(envelope, message, size), parts)
  } catch (error) {
    connection.destroy()
    if (error instanceof Error) throw new TransactionBroken(error, transaction.replies === 0)
    throw error
  }
}

/** What the peer offers, and the commands that follow from it. */
class Offer {
  readonly #extensions: ReadonlyMap<string, string>

  constructor(extensions: ReadonlyMap<string, string>) {
    this.#extensions = extensions
  }

  has(keyword: string): boolean {
    return this.#extensions.has(keyword)
  }

  /** The reply that says why this message cannot go to this peer. */
  refuses(envelope: Envelope, message: Message, size: number): Reply | undefined {
    const limit = Number(this.#extensions.get('SIZE') ?? 0)
    if (limit > 0 && size > limit) return local(552, '5.3.4 Message size exceeds fixed maximum message size')
    if (!this.has('CHUNKING') && message.bareLineEnding) {
      return local(
        550,
        '5.6.11 SMTPSEND.BareLinefeedsAreIllegal; message contains bare linefeeds, which cannot be sent via DATA',
      )
    }
    if (!this.has('8BITMIME') && message.eightBitBody) {
      return local(
        550,
        '5.6.3 SMTPSEND.EightBitContent; message has 8-bit content, and the next hop lacks 8BITMIME',
      )
    }
    if (!this.has('SMTPUTF8') && needsUtf8(envelope)) {
      return local(550, '5.6.7 SMTPSEND.Utf8Address; UTF-8 addresses are not supported by the next hop')
    }
    return undefined
  }

  mail(envelope: Envelope, message: Message, size: number): string {
    const eightBitHeader = message.eightBitHeader
    let line = `MAIL FROM:<${envelope.sender}>`
    if (this.has('SIZE')) line += ` SIZE=${size}`
    if (this.has('8BITMIME')) {
      line += message.eightBitBody || eightBitHeader ? ' BODY=8BITMIME' : ' BODY=7BIT'
    }
    if (this.has('SMTPUTF8') && (envelope.smtpUtf8 || eightBitHeader || needsUtf8(envelope)))
      line += ' SMTPUTF8'
    if (this.has('DSN')) {
      if (envelope.ret !== undefined) line += ` RET=${envelope.ret}`
      if (envelope.envid !== undefined) line += ` ENVID=${envelope.envid}`
    }
    return line
  }

  rcpt(recipient: EnvelopeRecipient): string {
    let line = `RCPT TO:<${recipient.address}>`
    if (this.has('DSN')) {
      if (recipient.notify !== undefined) line += ` NOTIFY=${recipient.notify}`
      if (recipient.orcpt !== undefined) line += ` ORCPT=${recipient.orcpt}`
    }
    return line
  }
}

function needsUtf8(envelope: Envelope): boolean {
  return !isAsciiText(envelope.sender) || envelope.recipients.some(({ address }) => !isAsciiText(address))
}

class Transaction {
  readonly #connection: Connection
  readonly #options: TransactionOptions
  /** Replies read so far. */
  replies = 0

  constructor(connection: Connection, options: TransactionOptions) {
    this.#connection = connection
    this.#options = options
  }

  async run(envelope: Envelope, offer: Offer, mail: string, parts: Buffer[]): Promise<RecipientResult[]> {
    const { recipients } = envelope
    const pipelined = this.#options.pipelining !== false && offer.has('PIPELINING')
    const rcpts = recipients.map((recipient) => offer.rcpt(recipient))
    const envelopeReplies = pipelined
      ? await this.#together([mail, ...rcpts])
      : await this.#oneByOne(mail, rcpts)
    const [mailReply, ...rcptReplies] = envelopeReplies
    if (!mailReply || mailReply.code >= 300) {
      const reply = mailReply ?? local(421, '4.4.2 No reply')
      if (pipelined) await this.#abort()
      return recipients.map((recipient) => ({ recipient, reply, stage: 'MAIL' }))
    }
    const results: RecipientResult[] = []
    const accepted: EnvelopeRecipient[] = []
    for (const [i, recipient] of recipients.entries()) {
      const reply = rcptReplies[i] ?? local(421, '4.4.2 No reply')
      if (reply.code < 300) accepted.push(recipient)
      else results.push({ recipient, reply, stage: 'RCPT' })
    }
    if (accepted.length === 0) {
      await this.#abort()
      return results
    }
    const final = offer.has('CHUNKING') ? await this.#chunks(parts) : await this.#dotted(parts)
    for (const recipient of accepted) results.push({ recipient, reply: final, stage: 'DATA' })
    return results
  }

  async #together(lines: string[]): Promise<Reply[]> {
    this.#connection.socket.write(`${lines.join('\r\n')}\r\n`)
    const replies: Reply[] = []
    while (replies.length < lines.length) {
      const reply = await this.#reply()
      replies.push(reply)
      // What follows a 421 will not be answered any more; the 421 stands for it.
      while (reply.code === 421 && replies.length < lines.length) replies.push(reply)
    }
    return replies
  }

  async #oneByOne(mail: string, rcpts: string[]): Promise<Reply[]> {
    const replies = [await this.#command(mail)]
    if ((replies[0]?.code ?? 500) >= 300) return replies
    for (const rcpt of rcpts) replies.push(await this.#command(rcpt))
    return replies
  }

  async #chunks(parts: Buffer[]): Promise<Reply> {
    const size = parts.reduce((sum, part) => sum + part.length, 0)
    const chunkSize = this.#options.chunkSize
    if (chunkSize === undefined || size <= chunkSize) {
      await this.#write([Buffer.from(`BDAT ${size} LAST\r\n`), ...parts])
      return this.#reply()
    }
    const whole = Buffer.concat(parts)
    for (let at = 0; ; at += chunkSize) {
      const chunk = whole.subarray(at, at + chunkSize)
      const last = at + chunkSize >= size
      await this.#write([Buffer.from(`BDAT ${chunk.length}${last ? ' LAST' : ''}\r\n`), chunk])
      const reply = await this.#reply()
      if (last) return reply
      if (reply.code >= 300) {
        await this.#abort()
        return reply
      }
    }
  }

  async #dotted(parts: Buffer[]): Promise<Reply> {
    const go = await this.#command('DATA')
    if (go.code !== 354) return go
    await this.#write(stuffDots(parts))
    return this.#reply()
  }

  /** Small messages go in one write; large ones in slices, as the peer takes them. */
  async #write(parts: Buffer[]): Promise<void> {
    const { socket } = this.#connection
    let gathered: Buffer[] = []
    let size = 0
    for (const part of parts) {
      for (let at = 0; at < part.length; at += SLICE) {
        const slice = part.subarray(at, at + SLICE)
        gathered.push(slice)
        size += slice.length
        if (size < SMALL) continue
        // A peer that has closed may have said why: whoever calls reads the reply next, and fails if there is none.
        if (!(await writeAndDrain(socket, Buffer.concat(gathered)))) return
        gathered = []
        size = 0
      }
    }
    if (size > 0) socket.write(Buffer.concat(gathered))
  }

  async #abort(): Promise<void> {
    if (this.#connection.usable) await this.#command('RSET')
  }

  async #command(line: string): Promise<Reply> {
    this.#connection.socket.write(`${line}\r\n`)
    return this.#reply()
  }

  async #reply(): Promise<Reply> {
    const reply = await readReply(this.#connection.stream)
    this.replies++
    // RFC 5321 3.8: after 421 the peer closes.
    if (reply.code === 421) this.#connection.destroy()
    return reply
  }
}

function local(code: number, text: string): Reply {
  return { code, lines: [text] }
}

/**
 * One SMTP transaction: MAIL, RCPT for each recipient, the content by BDAT or DATA, and what the replies mean for each
 * recipient. Commands are pipelined where the hop allows it. Decides nothing about connections: it says in what state it
 * leaves this one.
 */
import { formatPath } from '../../smtp/address.ts'
import { DotEncoder } from '../../smtp/dot.ts'
import type { Reply } from '../../smtp/reply.ts'
import type { Envelope, Recipient } from '../envelope.ts'
import { BodyReader, type BodySource, type Part } from './body-reader.ts'
import { missingFor, needsSmtpUtf8, type Capabilities, type CopyFacts } from './capabilities.ts'
import { classify } from './classify.ts'
import type { Session } from './session.ts'
import type { Timeouts } from './timeouts.ts'
import { DialogueFailed, failed, peerReply, type Verdict } from './verdict.ts'

/** A recipient with the number of its delivery. */
export interface NumberedRecipient {
  readonly delivery: number
  readonly recipient: Recipient
}

/** One mail for one transaction. */
export interface Mail {
  readonly envelope: Omit<Envelope, 'recipients'>
  readonly recipients: readonly NumberedRecipient[]
  readonly copy: CopyFacts
  readonly body: BodySource
}

/** What became of a transaction. */
export interface TransactionResult {
  /** A verdict for every recipient, by delivery. */
  readonly verdicts: ReadonlyMap<number, Verdict>
  /** clean: ready for the next MAIL. reset: RSET first. dead: of no more use. */
  readonly state: 'clean' | 'reset' | 'dead'
  /** The connection died before the hop did anything for this mail: a kept connection that had gone stale. */
  readonly stale: boolean
}

/** Octets of one BDAT chunk. RFC 3030 2 */
const CHUNK = 1_048_576
/** Content up to this size goes out together with MAIL and RCPT, before the hop has answered them. RFC 2920 3.1, RFC 3030 4.2 */
const PIPELINED_CONTENT = 262_144
/** Octets of DATA that are written at once. */
const DATA_PIECE = 65_536

/**
 * Runs a transaction.
 * Rejects only with what the content's source throws; the connection is then ended without completing the content.
 */
export async function transact(session: Session, mail: Mail, timeouts: Timeouts): Promise<TransactionResult> {
  const { connection, capabilities } = session
  const lacking = missingFor(
    capabilities,
    mail.envelope,
    mail.recipients.map(({ recipient }) => recipient),
    mail.copy,
  )
  if (lacking !== null) return { verdicts: forAll(mail.recipients, lacking), state: 'clean', stale: false }
  const transaction = new Transaction(session, mail, timeouts)
  const before = connection.received
  session.mails++
  try {
    // What was said before it was asked would be taken for the answer, and every later answer for that to another command.
    if (connection.hasReply)
      throw new DialogueFailed(classify(await connection.next(timeouts.mail, 'mail'), 'greeting'))
    const state = await transaction.run()
    return { verdicts: transaction.verdicts, state, stale: transaction.goodBye }
  } catch (error) {
    connection.destroy()
    if (!(error instanceof DialogueFailed)) throw error
    transaction.settleRest(transaction.complete ? unknownOutcome(error.verdict) : error.verdict)
    return {
      verdicts: transaction.verdicts,
      state: 'dead',
      stale: connection.received === before || transaction.goodBye,
    }
  } finally {
    transaction.close()
  }
}

class Transaction {
  readonly verdicts = new Map<number, Verdict>()
  /** MAIL was answered with 421: the hop was about to close. RFC 5321 3.8 */
  goodBye = false
  /** The whole content is on its way and was not answered: without the reply nobody knows whether the hop has taken it. */
  complete = false
  readonly #session: Session
  readonly #mail: Mail
  readonly #timeouts: Timeouts
  readonly #reader: BodyReader
  #accepted: NumberedRecipient[] = []
  #clean = true

  constructor(session: Session, mail: Mail, timeouts: Timeouts) {
    this.#session = session
    this.#mail = mail
    this.#timeouts = timeouts
    this.#reader = new BodyReader(mail.body)
  }

  close(): void {
    this.#reader.close()
  }

  async run(): Promise<'clean' | 'reset'> {
    const { capabilities } = this.#session
    const chunk = await (capabilities.pipelining ? this.#sendTogether() : this.#sendOneByOne())
    if (chunk !== null) await this.#afterFirstChunk(chunk)
    else if (this.#accepted.length > 0)
      this.#settleAccepted(await (capabilities.chunking ? this.#sendChunks() : this.#sendData()))
    return this.#clean ? 'clean' : 'reset'
  }

  /** Gives every recipient without a verdict this one. */
  settleRest(verdict: Verdict): void {
    for (const { delivery } of this.#mail.recipients)
      if (!this.verdicts.has(delivery)) this.verdicts.set(delivery, verdict)
  }

  /** MAIL, all RCPT and, when it is small, the content in one write. Returns the chunk that was sent. RFC 2920 3.1 */
  async #sendTogether(): Promise<Part | null> {
    const { connection, capabilities } = this.#session
    const { copy } = this.#mail
    const commands = this.#commands().join('')
    const chunk =
      capabilities.chunking && copy.size <= PIPELINED_CONTENT ? await this.#reader.take(CHUNK) : null
    connection.send(chunk === null ? [commands] : [commands + bdat(chunk), ...chunk.pieces])
    this.complete = chunk?.last === true
    const mailReply = await connection.next(this.#timeouts.mail, 'mail')
    this.#takeMail(mailReply)
    for (const recipient of this.#mail.recipients) {
      const reply = await connection.next(this.#timeouts.rcpt, 'rcpt')
      this.#takeRecipient(recipient, reply)
    }
    return chunk
  }

  async #sendOneByOne(): Promise<null> {
    const { connection } = this.#session
    const [mail = '', ...recipients] = this.#commands()
    connection.send([mail])
    this.#takeMail(await connection.next(this.#timeouts.mail, 'mail'))
    if (this.verdicts.size > 0) return null
    for (const [index, command] of recipients.entries()) {
      const recipient = this.#mail.recipients[index]
      if (recipient === undefined) break
      connection.send([command])
      const reply = await connection.next(this.#timeouts.rcpt, 'rcpt')
      this.#takeRecipient(recipient, reply)
      if (reply.code === 421) break
    }
    return null
  }

  #takeMail(reply: Reply): void {
    if (isPositive(reply)) return
    this.#clean = false
    this.goodBye = reply.code === 421
    this.settleRest(classify(reply, 'mail'))
  }

  #takeRecipient(recipient: NumberedRecipient, reply: Reply): void {
    // After a refused MAIL every further refusal only repeats it.
    if (this.verdicts.has(recipient.delivery)) return
    if (isPositive(reply)) this.#accepted.push(recipient)
    else {
      this.#clean = false
      const verdict = classify(reply, 'rcpt')
      // RFC 5321 3.8: with 421 the hop gives up the connection, and with it whatever it accepted
      if (reply.code === 421) {
        this.#accepted = []
        this.settleRest(verdict)
      } else this.verdicts.set(recipient.delivery, verdict)
    }
  }

  /** The small content is on its way already; its reply counts for those who were accepted. */
  async #afterFirstChunk(chunk: Part): Promise<void> {
    const { connection } = this.#session
    const reply = await connection.next(this.#timeouts.final, 'content')
    if (this.#accepted.length === 0) this.#clean = false
    else if (chunk.last || !isPositive(reply)) this.#settleAccepted(reply)
    else this.#settleAccepted(await this.#sendChunks())
  }

  #settleAccepted(reply: Reply): void {
    const positive = isPositive(reply)
    if (!positive) this.#clean = false
    const refusal = positive ? null : classify(reply, 'content')
    for (const { delivery, recipient } of this.#accepted)
      this.verdicts.set(delivery, refusal ?? taken(reply, this.#session.capabilities, recipient))
  }

  /** Sends the content in chunks, one ahead of the replies when pipelining. Returns the reply that decides. RFC 3030 2 */
  async #sendChunks(): Promise<Reply> {
    const { connection, capabilities } = this.#session
    const ahead = capabilities.pipelining ? 1 : 0
    let outstanding = 0
    let reply: Reply | null = null
    for (let last = false; !last;) {
      const chunk = await this.#reader.take(CHUNK)
      last = chunk.last
      if (!connection.send([bdat(chunk), ...chunk.pieces])) await connection.drained(this.#timeouts.block)
      this.complete = last
      outstanding++
      while (outstanding > (last ? 0 : ahead)) {
        reply = await connection.next(this.#timeouts.final, 'content')
        outstanding--
        if (isPositive(reply)) continue
        // The replies to what was already on its way say nothing more.
        for (; outstanding > 0; outstanding--) await connection.next(this.#timeouts.final, 'content')
        this.#clean = false
        return reply
      }
    }
    if (reply === null) throw new RangeError('content without a chunk')
    return reply
  }

  /** Sends the content with dots doubled. RFC 5321 4.5.2 */
  async #sendData(): Promise<Reply> {
    const { connection } = this.#session
    connection.send(['DATA\r\n'])
    const go = await connection.next(this.#timeouts.data, 'data')
    if (go.code !== 354) {
      this.#clean = false
      // A success in place of 354 leaves the dialogue out of step.
      if (go.code < 400) throw new DialogueFailed(classify(go, 'data'))
      return go
    }
    const encoder = new DotEncoder()
    for (let last = false; !last;) {
      const part = await this.#reader.take(DATA_PIECE)
      last = part.last
      if (this.#mail.copy.nul === undefined && part.pieces.some((piece) => piece.includes(0)))
        throw new DialogueFailed(failed('5.6.11', 'nul-needs-chunking'))
      const pieces = part.pieces.map((piece) => encoder.encode(piece))
      this.complete = last
      if (!connection.send(last ? [...pieces, encoder.end()] : pieces))
        await connection.drained(this.#timeouts.block)
      // A refusal in the middle of the content: the rest would be taken for commands.
      if (!last && connection.hasReply)
        throw new DialogueFailed(classify(await connection.next(this.#timeouts.final, 'content'), 'content'))
    }
    return connection.next(this.#timeouts.final, 'content')
  }

  #commands(): string[] {
    const { capabilities } = this.#session
    const recipients = this.#mail.recipients.map(({ recipient }) => rcptCommand(capabilities, recipient))
    return [mailCommand(capabilities, this.#mail), ...recipients]
  }
}

function bdat({ size, last }: Part): string {
  return last ? `BDAT ${size} LAST\r\n` : `BDAT ${size}\r\n`
}

/** RFC 5321 4.1.1.2, RFC 1870 4, RFC 6152 2, RFC 6531 3.4, RFC 3461 4 */
function mailCommand(hop: Capabilities, { envelope, recipients, copy }: Mail): string {
  let command = `MAIL FROM:${formatPath(envelope.sender)}`
  if (hop.sizeDeclared) command += ` SIZE=${copy.size}`
  if (hop.eightBitMime && (copy.eightBit || copy.eightBitHeader || envelope.body === '8BITMIME'))
    command += ' BODY=8BITMIME'
  if (
    hop.smtpUtf8 &&
    (envelope.smtpUtf8 ||
      needsSmtpUtf8(
        envelope,
        recipients.map(({ recipient }) => recipient),
        copy,
      ))
  )
    command += ' SMTPUTF8'
  if (hop.dsn && envelope.returnContent !== null) command += ` RET=${envelope.returnContent}`
  if (hop.dsn && envelope.envelopeId !== null) command += ` ENVID=${envelope.envelopeId}`
  return `${command}\r\n`
}

function rcptCommand(hop: Capabilities, { address, notify, originalRecipient }: Recipient): string {
  let command = `RCPT TO:${formatPath(address)}`
  if (hop.dsn && notify !== null) command += ` NOTIFY=${notify.join(',')}`
  if (hop.dsn && originalRecipient !== null)
    command += ` ORCPT=${hop.smtpUtf8 ? originalRecipient : asciiOnly(originalRecipient)}`
  return `${command}\r\n`
}

/** utf-8-addr-xtext for a hop without SMTPUTF8. RFC 6533 3 */
function asciiOnly(value: string): string {
  return value.replace(
    /[\u0080-\u{10ffff}]/gu,
    (character) => `\\x{${(character.codePointAt(0) ?? 0).toString(16).toUpperCase()}}`,
  )
}

/**
 * The connection ended between the end of the content and its reply: the mail is sent again, so that it is not lost, and may then
 * arrive twice. A refusal that came says more. RFC 5321 4.5.3.2.6
 */
function unknownOutcome(verdict: Verdict): Verdict {
  const { code, arguments: args } = verdict.reason
  return verdict.reply === null
    ? { ...verdict, reason: { code, arguments: { ...args, mayHaveArrived: true } } }
    : verdict
}

function isPositive(reply: Reply): boolean {
  return reply.code < 300
}

/** RFC 3461 5.2.2: a hop without DSN will not send the notice that was asked for */
function taken(reply: Reply, hop: Capabilities, recipient: Recipient): Verdict {
  const asked = recipient.notify !== null && !recipient.notify.includes('NEVER')
  const status = reply.enhanced?.startsWith('2') === true ? reply.enhanced : '2.0.0'
  const kind = asked && !hop.dsn ? 'relayed' : 'delivered'
  return { kind, status, reason: { code: 'accepted', arguments: {} }, reply: peerReply(reply) }
}

function forAll(recipients: readonly NumberedRecipient[], verdict: Verdict): Map<number, Verdict> {
  return new Map(recipients.map(({ delivery }) => [delivery, verdict]))
}

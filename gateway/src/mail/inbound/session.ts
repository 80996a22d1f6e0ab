/**
 * One SMTP session: a state machine over the octets of a connection. It reads commands, hands them to their verbs, feeds mail to its
 * reception, counts mistakes and watches the clock. Grammar, storing and attribution are done elsewhere.
 */
import type { Socket } from 'node:net'

import type { Peer } from '../message.ts'
import { CommandReader } from './command-reader.ts'
import { Connection } from './connection.ts'
import type { ConnectionHandler } from './connection.ts'
import type { Conversation } from './conversation.ts'
import type { ResolvedOptions } from './options.ts'
import type { InboundPorts } from './ports.ts'
import { Reception } from './reception.ts'
import * as REPLIES from './replies.ts'
import type { Transaction } from './transaction.ts'
import { VERBS } from './verbs/index.ts'

/**
 * What the next octet of the peer is. command: of a command line. invited: too early, 354 was not said yet. data: of a mail up to the dot. chunk: of a mail as announced.
 * handshake: TLS business. storing: waits, a mail is being made safe. over: nobody's; the last reply was given.
 */
type Stage = 'command' | 'invited' | 'data' | 'chunk' | 'handshake' | 'storing' | 'over'

/** Octets of a mail for each of which a chunk is no flood. RFC 3030 sets no bound */
const FAIR_CHUNK = 512

/** The replies that do not change while a listener runs. */
export interface FixedReplies {
  readonly greeting: string
  readonly ehloInClear: string
  readonly ehloUnderTls: string
}

/** What a session needs of its listener. */
export interface SessionHost {
  readonly options: ResolvedOptions
  readonly ports: InboundPorts
  readonly replies: FixedReplies
  /** The session is gone. */
  closed(session: Session): void
}

/** One session. */
export class Session implements Conversation, ConnectionHandler {
  readonly options: ResolvedOptions
  readonly ports: InboundPorts
  greeting: 'HELO' | 'EHLO' | null = null
  transaction: Transaction | null = null
  hasMoreInput = false

  readonly #host: SessionHost
  readonly #connection: Connection
  readonly #reader: CommandReader
  readonly #openedAt = performance.now()
  #stage: Stage = 'command'
  #deadline = 0
  #helo = ''
  #reception: Reception | null = null
  /** Octets of the current chunk still to come, whether it is the last, and the reply that refuses it. */
  #chunk: { left: number; last: boolean; refusal: string | null } = { left: 0, last: false, refusal: null }
  /** Octets thrown away since MAIL. */
  #swallowed = 0
  #transactions = 0
  /** Chunks since MAIL. */
  #chunks = 0
  #badCommands = 0
  #idleCommands = 0
  #draining = false

  /**
   * @param socket - just accepted
   * @param host - the listener
   */
  constructor(socket: Socket, host: SessionHost) {
    this.#host = host
    this.options = host.options
    this.ports = host.ports
    this.#reader = new CommandReader(host.options.limits.commandLine)
    this.#connection = new Connection(socket, this)
  }

  /** The peer's address. */
  get address(): string {
    return this.#connection.address
  }

  get secure(): boolean {
    return this.#connection.tls !== null
  }

  get ehloReply(): string {
    return this.secure ? this.#host.replies.ehloUnderTls : this.#host.replies.ehloInClear
  }

  /** Greets the peer. RFC 5321 3.1 */
  open(): void {
    this.#wait(this.options.timeouts.command)
    this.#connection.write(this.#host.replies.greeting)
    this.#connection.flush()
  }

  /** No new mail any more; the one under way may come to its end. RFC 5321 3.8 */
  drain(): void {
    this.#draining = true
    this.#settle()
  }

  /** Ends at once, with a word. */
  stop(): void {
    if (this.#stage === 'handshake') this.#connection.destroy()
    else this.farewell(REPLIES.SHUTTING_DOWN)
  }

  /** Cuts the connection without a word. */
  destroy(): void {
    this.#connection.destroy()
  }

  /**
   * Ends the session if its time is up; called again and again.
   * @param now - milliseconds of the monotonic clock
   */
  checkClock(now: number): void {
    if (now < this.#deadline) this.#checkAge(now)
    else if (this.#stage === 'over' || this.#stage === 'handshake') this.#connection.destroy()
    else {
      const ours = this.#stage === 'storing' || this.#reception?.pending !== undefined
      if (ours) this.options.log.error('storing-timed-out', { address: this.address })
      this.farewell(ours ? REPLIES.NOT_IN_TIME : REPLIES.TIMED_OUT)
    }
  }

  reply(text: string): void {
    this.#connection.write(text)
  }

  fault(text: string): void {
    if (++this.#badCommands > this.options.limits.badCommands) this.farewell(REPLIES.TOO_MANY_ERRORS)
    else this.reply(text)
  }

  idle(text: string): void {
    if (++this.#idleCommands > this.options.limits.idleCommands) this.farewell(REPLIES.TOO_MANY_COMMANDS)
    else this.reply(text)
  }

  farewell(text: string): void {
    if (this.#stage === 'over') return
    // A mail that is being made safe goes on: it has come whole.
    if (this.#stage !== 'storing') this.reset()
    this.#stage = 'over'
    this.#connection.write(text)
    this.#wait(this.options.timeouts.linger)
    this.#connection.end()
  }

  introduce(greeting: 'HELO' | 'EHLO', name: string): void {
    this.reset()
    this.greeting = greeting
    this.#helo = name
  }

  begin(transaction: Transaction): void {
    if (++this.#transactions > this.options.limits.transactions) {
      this.farewell(REPLIES.TOO_MANY_TRANSACTIONS)
      return
    }
    this.#swallowed = 0
    this.#chunks = 0
    this.transaction = transaction
    this.reply(REPLIES.SENDER_OK)
  }

  reset(): void {
    this.#reception?.abort()
    this.#reception = null
    this.transaction = null
  }

  startTls(): void {
    let initial
    try {
      initial = this.options.secureContext(null)
    } catch (error) {
      this.options.log.error('tls-not-available', {
        error: error instanceof Error ? error.message : String(error),
      })
      this.reply(REPLIES.TLS_UNAVAILABLE)
      return
    }
    this.#stage = 'handshake'
    this.#wait(this.options.timeouts.handshake)
    this.reply(REPLIES.READY_FOR_TLS)
    // RFC 3207 4.2: what was learned in clear is forgotten
    this.reset()
    this.greeting = null
    this.#connection.startTls(
      initial,
      (serverName) => this.options.secureContext(serverName),
      () => {
        this.#stage = 'command'
        this.#wait(this.options.timeouts.command)
        this.#settle()
      },
    )
  }

  startData(): void {
    this.#receive('DATA')
    this.#stage = 'invited'
    // What the peer sent in a TLS record of its own, without waiting, is seen before the next turn of the event loop.
    setImmediate(() => {
      if (this.#stage !== 'invited') return
      this.#stage = 'data'
      this.reply(REPLIES.GO_AHEAD)
      this.#connection.flush()
    })
  }

  startChunk(size: number, last: boolean, refusal: string | null): void {
    this.#chunk = { left: size, last, refusal }
    this.#stage = 'chunk'
    if (refusal === null) {
      const reception = this.#receive('BDAT')
      if (++this.#chunks > this.options.limits.smallChunks + reception.size / FAIR_CHUNK) {
        this.farewell(REPLIES.TOO_MANY_CHUNKS)
        return
      }
      if (reception.size + size > this.options.limits.messageSize) {
        reception.refuse(REPLIES.TOO_LARGE, 'message-too-large')
      }
    }
    if (size === 0) this.#chunkDone()
  }

  octets(chunk: Buffer): void {
    // RFC 2920 3.1
    if (this.#stage === 'invited') this.farewell(REPLIES.NOT_LAST)
    let at = 0
    let progress = false
    while (at < chunk.length && (this.#reception?.pending === undefined || this.#stage === 'over')) {
      if (this.#stage === 'command') {
        at = this.#reader.read(chunk, at)
        if (this.#reader.verdict === null) break
        progress = true
        this.hasMoreInput = at < chunk.length || this.#connection.hasUnread
        this.#command()
      } else if (this.#stage === 'data' || this.#stage === 'chunk') {
        progress = true
        at = this.#content(chunk, at)
      } else break
    }
    if (at < chunk.length && this.#stage !== 'over') this.#connection.unread(chunk.subarray(at))
    if (progress) this.#keepWaiting()
    this.#settle()
    // The 354 leaves together with the replies to its group. RFC 2920 3.2
    if (this.#stage !== 'invited') this.#connection.flush()
  }

  peerEnded(): void {
    this.reset()
    this.#stage = 'over'
    this.#wait(this.options.timeouts.linger)
    this.#connection.end()
  }

  closed(reason: string | null): void {
    // A mail that is being made safe goes on, though nobody hears the reply.
    if (this.#stage !== 'storing') this.reset()
    this.options.log.debug('connection-closed', { address: this.address, stage: this.#stage, reason })
    this.#stage = 'over'
    this.#deadline = Infinity
    this.#host.closed(this)
  }

  #wait(milliseconds: number): void {
    this.#deadline = performance.now() + milliseconds
  }

  #keepWaiting(): void {
    const { command, data, final } = this.options.timeouts
    if (this.#stage === 'command') this.#wait(command)
    else if (this.#stage === 'storing' || this.#reception?.pending !== undefined) this.#wait(final)
    else if (this.#stage === 'invited' || this.#stage === 'data' || this.#stage === 'chunk') this.#wait(data)
  }

  /** A mail under way is given as much time again. */
  #checkAge(now: number): void {
    const age = now - this.#openedAt
    const { connection } = this.options.timeouts
    if (age < connection || this.#stage === 'storing' || this.#stage === 'over') return
    if (this.#stage === 'handshake') this.#connection.destroy()
    else if (this.transaction === null || age >= 2 * connection) this.farewell(REPLIES.TOO_LONG_CONNECTED)
  }

  /** Between two mails is the place to stop. */
  #settle(): void {
    if (this.#draining && this.#stage === 'command' && this.transaction === null) {
      this.farewell(REPLIES.SHUTTING_DOWN)
    }
  }

  #command(): void {
    const { verdict, text } = this.#reader
    if (verdict === 'bare-lf') {
      this.farewell(REPLIES.BARE_LINE_FEED)
      return
    }
    if (verdict !== 'good') {
      this.fault(verdict === 'too-long' ? REPLIES.LINE_TOO_LONG : REPLIES.BAD_LINE)
      return
    }
    const space = text.indexOf(' ')
    const verb = VERBS.get((space < 0 ? text : text.slice(0, space)).toUpperCase())
    if (verb === undefined) this.fault(REPLIES.NOT_RECOGNISED)
    // RFC 5321 4.1.1: white space at the end is tolerated
    else verb(this, space < 0 ? '' : text.slice(space + 1).trim())
  }

  #receive(via: 'DATA' | 'BDAT'): Reception {
    const transaction = this.transaction
    if (transaction === null) throw new Error('no transaction')
    if (transaction.reception !== null) return transaction.reception
    const { smtpUtf8, body, returnContent, envelopeId } = transaction.parameters
    const { id, sender, recipients } = transaction
    const subject = {
      id,
      via,
      peer: this.#peer(),
      extended: this.greeting === 'EHLO',
      envelope: { sender, smtpUtf8, body, returnContent, envelopeId, recipients },
    }
    this.#reception = new Reception(subject, this.options, this.ports)
    transaction.reception = this.#reception
    return this.#reception
  }

  #peer(): Peer {
    const { address, port, tls } = this.#connection
    return { address, port, helo: this.#helo, tls }
  }

  /** Octets of a mail. Returns the index of the first octet that is not. */
  #content(chunk: Buffer, at: number): number {
    const inChunk = this.#stage === 'chunk'
    const to = inChunk ? Math.min(chunk.length, at + this.#chunk.left) : chunk.length
    const reception = inChunk && this.#chunk.refusal !== null ? null : this.#reception
    const next = reception === null ? to : reception.take(chunk, at, to)
    if (inChunk) this.#chunk.left -= next - at
    if (reception === null || reception.refusal !== null) {
      this.#swallowed += next - at
      // A peer that sends this much after a refusal will not hear the reply otherwise.
      if (this.#swallowed > 2 * this.options.limits.messageSize) {
        this.farewell(reception?.refusal ?? REPLIES.TOO_LARGE)
        return next
      }
    }
    if (reception?.pending === undefined) this.#advance()
    else {
      this.#connection.hold()
      void reception.pending.then(() => {
        reception.pending = undefined
        if (this.#stage === 'over') return
        this.#advance()
        this.#keepWaiting()
        this.#settle()
        if (this.#stage !== 'storing') this.#connection.release()
        this.#connection.flush()
      })
    }
    return next
  }

  /** After a piece of a mail: has its chunk or the whole mail come to an end? */
  #advance(): void {
    if (this.#stage === 'chunk') {
      if (this.#chunk.left === 0) this.#chunkDone()
    } else if (this.#reception?.hasEnded() === true) this.#mailDone(this.#reception)
  }

  #chunkDone(): void {
    const { last, refusal } = this.#chunk
    const reception = this.#reception
    this.#stage = 'command'
    if (refusal !== null || reception === null) this.fault(refusal ?? REPLIES.MAIL_FIRST)
    else if (last) this.#mailDone(reception)
    // RFC 3030 2: a chunk after a refused one is thrown away and refused as the first was
    else this.reply(reception.refusal ?? REPLIES.OK)
  }

  #mailDone(reception: Reception): void {
    const reply = reception.finish()
    if (typeof reply === 'string') {
      this.#answer(reply)
      return
    }
    this.#stage = 'storing'
    this.#wait(this.options.timeouts.final)
    this.#connection.hold()
    void reply.then((text) => {
      if (this.#stage === 'over') return
      this.#answer(text)
      this.#keepWaiting()
      this.#settle()
      this.#connection.release()
      this.#connection.flush()
    })
  }

  /** The final reply to a mail; the transaction is over either way. RFC 5321 4.1.1.4 */
  #answer(reply: string): void {
    this.transaction = null
    this.#reception = null
    this.#stage = 'command'
    if (reply.startsWith('250')) this.#idleCommands = 0
    this.reply(reply)
  }
}

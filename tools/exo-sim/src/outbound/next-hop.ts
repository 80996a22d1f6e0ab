// One next hop: a line of messages and a few connections that work it off, kept and reused within limits.
// It reports what became of each message and forgets it; retrying is the queue's business.
import type { Message } from '../message/message.ts'
import type { OutboundOptions } from '../config.ts'
import { ConnectionFailure, openConnection } from '../smtp/connection.ts'
import type { Connection, ConnectionOptions } from '../smtp/connection.ts'
import type { Envelope } from '../smtp/envelope.ts'
import { sendMessage, TransactionBroken } from '../smtp/transaction.ts'
import type { RecipientResult } from '../smtp/transaction.ts'

/** Something to send. */
export interface Consignment {
  /** The envelope. */
  envelope: Envelope
  /** The message as it leaves. */
  message: Message
  /** Told once: what became of the recipients, or why nobody was reached. */
  done(outcome: Outcome): void
}

/** What became of a consignment. */
export type Outcome =
  | { kind: 'answered'; results: RecipientResult[]; secured: boolean }
  | { kind: 'unreachable'; failure: ConnectionFailure }

const DEFAULTS = { connections: 4, messagesPerConnection: 199, idle: 2000 }

/** A next hop with its connections. */
export class NextHop {
  readonly #open: () => ConnectionOptions
  readonly #options: OutboundOptions
  #line: Consignment[] = []
  #head = 0
  #workers = 0
  #closed = false
  readonly #connections = new Set<Connection>()
  readonly #idlers: ((more: boolean) => void)[] = []

  /** `open` is asked anew for each connection. */
  constructor(open: () => ConnectionOptions, options: OutboundOptions) {
    this.#open = open
    this.#options = options
  }

  /** Whether nothing waits and nobody works. */
  get unused(): boolean {
    return this.#workers === 0 && this.#head >= this.#line.length
  }

  /** Puts a consignment into the line. */
  push(consignment: Consignment): void {
    this.#line.push(consignment)
    const idler = this.#idlers.pop()
    if (idler) idler(true)
    else if (this.#workers < (this.#options.connections ?? DEFAULTS.connections)) void this.#work()
  }

  /** Breaks off everything. */
  close(): void {
    this.#closed = true
    this.#line = []
    this.#head = 0
    for (const connection of this.#connections) connection.destroy()
    for (const idler of this.#idlers.splice(0)) idler(false)
  }

  #take(): Consignment | undefined {
    const next = this.#line[this.#head]
    if (!next) {
      this.#line = []
      this.#head = 0
      return undefined
    }
    this.#head++
    return next
  }

  async #work(): Promise<void> {
    this.#workers++
    let connection: Connection | undefined
    try {
      for (let item = this.#take(); item; item = this.#take() ?? (await this.#waitForMore(connection))) {
        connection = await this.#send(item, connection)
      }
    } finally {
      this.#workers--
      if (connection) this.#release(connection)
      // Something may have come between the last look at the line and this point.
      if (!this.#closed && this.#head < this.#line.length) void this.#work()
    }
  }

  /** Sends one consignment; gives the connection back if it can be used again. */
  async #send(item: Consignment, kept: Connection | undefined): Promise<Connection | undefined> {
    let connection = kept?.usable ? kept : undefined
    for (;;) {
      const reused = connection !== undefined
      try {
        connection ??= await this.#connect()
        const results = await sendMessage(connection, item.envelope, item.message, this.#options)
        item.done({ kind: 'answered', results, secured: connection.secured })
        return this.#keep(connection)
      } catch (error) {
        if (connection) this.#connections.delete(connection)
        connection = undefined
        // The peer may close a kept connection at any time; only then the message is tried again at once.
        if (reused && error instanceof TransactionBroken && error.untouched && !this.#closed) continue
        this.#report(item, error)
        return undefined
      }
    }
  }

  #report(item: Consignment, error: unknown): void {
    const failure =
      error instanceof ConnectionFailure
        ? error
        : new ConnectionFailure({
            kind: 'dropped',
            detail: error instanceof Error ? error.message : String(error),
          })
    item.done({ kind: 'unreachable', failure })
    // Who cannot be reached for one message cannot be reached for those behind it either.
    if (error instanceof ConnectionFailure) {
      for (let other = this.#take(); other; other = this.#take()) other.done({ kind: 'unreachable', failure })
    }
  }

  async #connect(): Promise<Connection> {
    const connection = await openConnection(this.#open())
    if (this.#closed) {
      connection.destroy()
      throw new ConnectionFailure({ kind: 'dropped', detail: 'shut down' })
    }
    this.#connections.add(connection)
    return connection
  }

  #keep(connection: Connection): Connection | undefined {
    const most = this.#options.messagesPerConnection ?? DEFAULTS.messagesPerConnection
    if (connection.usable && this.#options.reuse !== false && connection.sent < most) return connection
    this.#release(connection)
    return undefined
  }

  #release(connection: Connection): void {
    this.#connections.delete(connection)
    connection.quit()
  }

  #waitForMore(connection: Connection | undefined): Promise<Consignment | undefined> {
    if (!connection?.usable || this.#closed) return Promise.resolve(undefined)
    return new Promise((resolve) => {
      const idler = (more: boolean): void => {
        clearTimeout(timer)
        resolve(more ? this.#take() : undefined)
      }
      const timer = setTimeout(() => {
        const at = this.#idlers.indexOf(idler)
        if (at >= 0) this.#idlers.splice(at, 1)
        resolve(undefined)
      }, this.#options.idle ?? DEFAULTS.idle)
      this.#idlers.push(idler)
    })
  }
}

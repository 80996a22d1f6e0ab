// Mail on its way out of Exchange: one entry per message and next hop, retried until it is gone, refused or expired.
// It lives in memory: what is in it is lost when the process ends, which is fine for a simulator.
import { replyText } from '../smtp/reply.ts'
import type { Message } from '../message/message.ts'
import type { Endpoint, OutboundOptions } from '../config.ts'
import type { ConnectionOptions } from '../smtp/connection.ts'
import type { Envelope, EnvelopeRecipient } from '../smtp/envelope.ts'
import { EXPIRED, lastError } from './led.ts'
import type { Undelivered } from '../ndr.ts'
import { NextHop } from './next-hop.ts'
import type { Outcome } from './next-hop.ts'

/** Where an entry goes; it is resolved anew at each attempt. */
export type Target =
  | { kind: 'connector'; tenant: string; name: string; requireTls?: boolean }
  | { kind: 'internet' }
  | { kind: 'hosted' }

/** How a target is reached just now. */
export interface Route {
  /** Connections are shared by entries with the same key only. */
  key: string
  /** Name of the next hop. */
  name: string
  /** Its address; absent if the name is not in the table. */
  endpoint: Endpoint | undefined
  /** How a connection is made. */
  connection(endpoint: Endpoint): ConnectionOptions
}

/** An entry as it is shown. */
export interface QueueEntry {
  /** Number of the entry. */
  id: number
  /** Tenant that sends. */
  tenant: string
  /** Name of the next hop. */
  nextHop: string
  /** Name of the connector, if it goes through one. */
  connector: string | undefined
  /** Message-ID. */
  messageId: string
  /** MAIL FROM. */
  sender: string
  /** Recipients that are still to be reached. */
  recipients: string[]
  /** `active` while it is under way or about to be. */
  state: 'active' | 'deferred'
  /** Attempts so far. */
  attempts: number
  /** Why the last attempt failed. */
  lastError: string | undefined
  /** When the next attempt is due. */
  nextAttempt: Date | undefined
}

/** What happened to an entry. */
export type QueueReport =
  | { type: 'sent'; entry: QueueEntry; recipients: string[]; reply: string; secured: boolean }
  | { type: 'deferred'; entry: QueueEntry; recipients: string[]; reason: string }
  | { type: 'failed'; entry: QueueEntry; recipients: string[]; reason: string }

/** What the queue is made with. */
export interface QueueOptions {
  /** Finds the way. */
  resolve(target: Target): Route
  /** Told of everything that happens. */
  report(report: QueueReport): void
  /** Told of recipients who will not be reached, with the message. */
  undelivered(tenant: string, envelope: Envelope, message: Message, failed: readonly Undelivered[]): void
  /** Told of each message that is offered to a next hop, at each attempt. */
  leaves(entry: QueueEntry, envelope: Envelope, message: Message): void
  /** Milliseconds between attempts. */
  retryDelay: number
  /** Milliseconds until an entry expires. */
  expiry: number
  /** Connections. */
  outbound: OutboundOptions
}

interface Item {
  entry: QueueEntry
  target: Target
  envelope: Envelope
  message: Message
  /** Makes the message that leaves, once. */
  prepare: (() => Promise<Message>) | undefined
  born: number
  timer: NodeJS.Timeout | undefined
}

/** The queue. */
export class Queue {
  readonly #options: QueueOptions
  readonly #items = new Set<Item>()
  readonly #hops = new Map<string, NextHop>()
  #active = 0
  #next = 1
  #closed = false

  constructor(options: QueueOptions) {
    this.#options = options
  }

  /** Entries under way. */
  get active(): number {
    return this.#active
  }

  /** All entries. */
  get size(): number {
    return this.#items.size
  }

  /** Takes a message over and sends it at once. */
  add(
    target: Target,
    tenant: string,
    messageId: string,
    envelope: Envelope,
    message: Message,
    prepare?: () => Promise<Message>,
  ): void {
    const item: Item = {
      entry: {
        id: this.#next++,
        tenant,
        nextHop: '',
        connector: target.kind === 'connector' ? target.name : undefined,
        messageId,
        sender: envelope.sender,
        recipients: envelope.recipients.map(({ address }) => address),
        state: 'active',
        attempts: 0,
        lastError: undefined,
        nextAttempt: undefined,
      },
      target,
      envelope,
      message,
      prepare,
      born: Date.now(),
      timer: undefined,
    }
    this.#items.add(item)
    this.#attempt(item)
  }

  /** A copy of all entries. */
  entries(): QueueEntry[] {
    return [...this.#items].map(({ entry }) => ({ ...entry, recipients: [...entry.recipients] }))
  }

  /** Forgets deferred entries of a message. */
  drop(messageId: string): void {
    for (const item of this.#items) {
      if (item.entry.messageId !== messageId || item.entry.state !== 'deferred') continue
      clearTimeout(item.timer)
      this.#items.delete(item)
    }
  }

  /** Does not wait for the next attempts any longer. */
  retryNow(): void {
    for (const item of this.#items) {
      if (item.entry.state !== 'deferred') continue
      clearTimeout(item.timer)
      this.#attempt(item)
    }
  }

  /** Gives everything up. */
  close(): void {
    this.#closed = true
    for (const item of this.#items) clearTimeout(item.timer)
    for (const hop of this.#hops.values()) hop.close()
    this.#items.clear()
  }

  #attempt(item: Item): void {
    if (this.#closed) return
    const { entry } = item
    const route = this.#options.resolve(item.target)
    entry.nextHop = route.name
    entry.state = 'active'
    entry.nextAttempt = undefined
    entry.attempts++
    this.#active++
    const { endpoint } = route
    if (!endpoint) {
      const text = `450 4.4.312 DNS query failed [Message=InfoDomainNonexistent] [LastAttemptedServerName=${route.name}]`
      setImmediate(() => {
        this.#settle(item, { failed: [], deferred: item.envelope.recipients, reason: text })
      })
      return
    }
    if (item.prepare) void this.#prepared(item, item.prepare, route, endpoint)
    else this.#push(item, route, endpoint)
  }

  async #prepared(
    item: Item,
    prepare: () => Promise<Message>,
    route: Route,
    endpoint: Endpoint,
  ): Promise<void> {
    try {
      item.message = await prepare()
      item.prepare = undefined
    } catch (error) {
      const reason = `451 4.7.0 ${error instanceof Error ? error.message : String(error)}`
      this.#settle(item, { failed: [], deferred: item.envelope.recipients, reason })
      return
    }
    if (!this.#closed) this.#push(item, route, endpoint)
  }

  #push(item: Item, route: Route, endpoint: Endpoint): void {
    this.#options.leaves(item.entry, item.envelope, item.message)
    this.#hop(route, endpoint).push({
      envelope: item.envelope,
      message: item.message,
      done: (outcome) => {
        if (!this.#closed) this.#done(item, route, endpoint, outcome)
      },
    })
  }

  #hop(route: Route, endpoint: Endpoint): NextHop {
    const known = this.#hops.get(route.key)
    if (known) return known
    for (const [key, hop] of this.#hops) if (hop.unused) this.#hops.delete(key)
    const made = new NextHop(() => route.connection(endpoint), this.#options.outbound)
    this.#hops.set(route.key, made)
    return made
  }

  #done(item: Item, route: Route, endpoint: Endpoint, outcome: Outcome): void {
    if (outcome.kind === 'unreachable') {
      const reason = lastError(outcome.failure.problem, route.name, endpoint)
      this.#settle(item, { failed: [], deferred: item.envelope.recipients, reason })
      return
    }
    const { entry } = item
    const sent = outcome.results.filter(({ reply }) => reply.code < 300)
    const failed = outcome.results.filter(({ reply }) => reply.code >= 500)
    const deferred = outcome.results.filter(({ reply }) => reply.code >= 300 && reply.code < 500)
    const first = sent[0]
    if (first) {
      const recipients = sent.map(({ recipient }) => recipient.address)
      this.#options.report({
        type: 'sent',
        entry: { ...entry },
        recipients,
        reply: replyText(first.reply),
        secured: outcome.secured,
      })
    }
    const worst = deferred[0]
    this.#settle(item, {
      failed: failed.map(({ recipient, reply }) => ({ recipient, reason: replyText(reply) })),
      deferred: deferred.map(({ recipient }) => recipient),
      reason: worst ? `${replyText(worst.reply)} [LastAttemptedServerName=${route.name}] [LastAttemptedIP=${endpoint.host}:${endpoint.port}]` : '', // prettier-ignore
    })
  }

  /** Ends an attempt: reports failures, keeps what is to be tried again. */
  #settle(
    item: Item,
    end: {
      failed: { recipient: EnvelopeRecipient; reason: string }[]
      deferred: EnvelopeRecipient[]
      reason: string
    },
  ): void {
    if (this.#closed) return
    this.#active--
    const { entry } = item
    for (const { recipient, reason } of end.failed) this.#fail(entry, [recipient.address], reason)
    if (end.failed.length > 0) {
      const failed = end.failed.map(({ recipient, reason }) => ({
        recipient,
        reply: reason,
        remote: entry.nextHop,
      }))
      this.#options.undelivered(entry.tenant, item.envelope, item.message, failed)
    }
    const left = end.deferred.map(({ address }) => address)
    if (left.length === 0) {
      this.#items.delete(item)
      return
    }
    item.envelope = { ...item.envelope, recipients: end.deferred }
    entry.recipients = left
    entry.lastError = end.reason
    if (Date.now() - item.born >= this.#options.expiry) {
      this.#items.delete(item)
      this.#fail(entry, left, `${EXPIRED} (${end.reason})`)
      const failed = end.deferred.map((recipient) => ({ recipient, reply: `${EXPIRED} (${end.reason})` }))
      this.#options.undelivered(entry.tenant, item.envelope, item.message, failed)
      return
    }
    entry.state = 'deferred'
    entry.nextAttempt = new Date(Date.now() + this.#options.retryDelay)
    item.timer = setTimeout(() => {
      this.#attempt(item)
    }, this.#options.retryDelay)
    item.timer.unref()
    this.#options.report({ type: 'deferred', entry: { ...entry }, recipients: left, reason: end.reason })
  }

  #fail(entry: QueueEntry, recipients: string[], reason: string): void {
    this.#options.report({ type: 'failed', entry: { ...entry }, recipients, reason })
  }
}

/**
 * Accepts connections, within the limits in total and per address, and keeps one clock for all sessions. What happens on a connection
 * is the session's business.
 */
import { createServer } from 'node:net'
import type { Server, Socket } from 'node:net'

import { plainAddress } from '../../smtp/ip.ts'
import { formatReply } from '../../smtp/reply.ts'
import { resolveOptions } from './options.ts'
import type { ListenerOptions, ResolvedOptions } from './options.ts'
import type { InboundPorts } from './ports.ts'
import * as REPLIES from './replies.ts'
import { Session } from './session.ts'
import type { FixedReplies, SessionHost } from './session.ts'

/** An SMTP server on one address and port. */
export interface Listener {
  /** Begins to accept connections. Rejects when the address cannot be had. */
  listen(): Promise<void>
  /** Where it listens, after `listen`. */
  readonly address: { readonly address: string; readonly port: number }
  /** Connections at the moment. */
  readonly connections: number
  /**
   * Accepts no more connections, lets running transactions come to their end, and answers 421. RFC 5321 3.8
   * @param options - after `graceMs` milliseconds what still runs is ended
   * @returns resolves when no connection is left
   */
  close(options: { readonly graceMs: number }): Promise<void>
}

/** Refused connections that wait for their peer to close, at most. */
const REFUSED_MAX = 100

/**
 * Makes a listener.
 *
 * @param options - where to listen, under which names and limits
 * @param ports - attribution, store, clock
 */
export function createListener(options: ListenerOptions, ports: InboundPorts): Listener {
  return new SmtpListener(resolveOptions(options), ports)
}

/** RFC 1870, 2920, 6152, 6531, 3461, 2034, 3030, 3207 */
function fixedReplies(options: ResolvedOptions): FixedReplies {
  const keywords = [
    options.fqdn,
    `SIZE ${options.limits.messageSize}`,
    'PIPELINING',
    '8BITMIME',
    'SMTPUTF8',
    'DSN',
    'ENHANCEDSTATUSCODES',
    'CHUNKING',
  ]
  return {
    greeting: formatReply(220, null, [`${options.fqdn} ESMTP`]),
    // RFC 3207 4.2: not offered again under TLS
    ehloInClear: formatReply(250, null, [...keywords, 'STARTTLS']),
    ehloUnderTls: formatReply(250, null, keywords),
  }
}

/** How often the clock looks at the sessions: often enough for the shortest time-out. */
function tickOf(options: ResolvedOptions): number {
  const shortest = Math.min(...Object.values<number>({ ...options.timeouts }))
  return Math.max(10, Math.min(1000, shortest / 4))
}

class SmtpListener implements Listener, SessionHost {
  readonly options: ResolvedOptions
  readonly ports: InboundPorts
  readonly replies: FixedReplies

  readonly #server: Server
  readonly #sessions = new Set<Session>()
  readonly #perAddress = new Map<string, number>()
  readonly #refused = new Set<Socket>()
  readonly #tick: number
  #clock: NodeJS.Timeout | null = null
  #emptied: (() => void) | null = null

  constructor(options: ResolvedOptions, ports: InboundPorts) {
    this.options = options
    this.ports = ports
    this.replies = fixedReplies(options)
    this.#tick = tickOf(options)
    // A peer that ends its side early still hears the reply to its mail.
    this.#server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
      this.#accept(socket)
    })
  }

  get address(): { readonly address: string; readonly port: number } {
    const bound = this.#server.address()
    if (bound === null || typeof bound === 'string') throw new Error('not listening')
    return { address: bound.address, port: bound.port }
  }

  get connections(): number {
    return this.#sessions.size
  }

  async listen(): Promise<void> {
    const { address, port, log } = this.options
    const { promise, resolve, reject } = Promise.withResolvers<undefined>()
    this.#server.once('error', reject)
    this.#server.listen({ host: address, port }, () => {
      this.#server.off('error', reject)
      this.#server.on('error', (error) => {
        log.error('listener-failed', { error: error.message })
      })
      resolve(undefined)
    })
    await promise
  }

  async close(options: { readonly graceMs: number }): Promise<void> {
    this.#server.close()
    for (const socket of this.#refused) socket.destroy()
    for (const session of [...this.#sessions]) session.drain()
    if (this.#sessions.size === 0) return
    const { promise, resolve } = Promise.withResolvers<undefined>()
    this.#emptied = () => {
      resolve(undefined)
    }
    const last = setTimeout(() => {
      for (const session of [...this.#sessions]) session.stop()
    }, options.graceMs)
    const cut = setTimeout(() => {
      for (const session of [...this.#sessions]) session.destroy()
    }, options.graceMs + this.options.timeouts.linger)
    await promise
    clearTimeout(last)
    clearTimeout(cut)
  }

  closed(session: Session): void {
    if (!this.#sessions.delete(session)) return
    const count = (this.#perAddress.get(session.address) ?? 1) - 1
    if (count === 0) this.#perAddress.delete(session.address)
    else this.#perAddress.set(session.address, count)
    if (this.#sessions.size > 0) return
    if (this.#clock !== null) clearInterval(this.#clock)
    this.#clock = null
    this.#emptied?.()
  }

  #accept(socket: Socket): void {
    const address = plainAddress(socket.remoteAddress ?? '')
    const count = this.#perAddress.get(address) ?? 0
    const { limits, log } = this.options
    if (this.#sessions.size >= limits.connections || count >= limits.connectionsPerAddress) {
      log.warn('connection-refused', { address, reason: 'too-many-connections', count })
      this.#refuse(socket, REPLIES.TOO_MANY_CONNECTIONS)
      return
    }
    const refusal = this.ports.screen(address)
    if (refusal !== null) {
      log.info('connection-refused', { address, reason: refusal.reason, detail: refusal.detail })
      this.#refuse(socket, formatReply(refusal.code, refusal.enhanced, [refusal.text]))
      return
    }
    log.debug('connection-opened', { address })
    const session = new Session(socket, this)
    this.#sessions.add(session)
    this.#perAddress.set(address, count + 1)
    this.#clock ??= setInterval(() => {
      const now = performance.now()
      for (const each of [...this.#sessions]) each.checkClock(now)
    }, this.#tick)
    session.open()
  }

  /** One reply, then the end; the connection takes no session's place. */
  #refuse(socket: Socket, reply: string): void {
    socket.on('error', () => {
      socket.destroy()
    })
    if (this.#refused.size >= REFUSED_MAX) {
      socket.destroy()
      return
    }
    this.#refused.add(socket)
    const cut = setTimeout(() => {
      socket.destroy()
    }, this.options.timeouts.linger)
    socket.on('close', () => {
      clearTimeout(cut)
      this.#refused.delete(socket)
    })
    socket.end(reply, 'latin1')
    socket.resume()
  }
}

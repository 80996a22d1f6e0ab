/**
 * The socket under a session, in clear and then under TLS: gathers replies into one write, holds input back while somebody behind
 * it is not ready, and ends without losing the last reply. Knows no SMTP.
 */
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { SecureContext } from 'node:tls'

import { plainAddress } from '../../smtp/ip.ts'
import type { PeerTls } from '../message.ts'
import { peerTls } from './peer-tls.ts'

/** Who is told what happens. */
export interface ConnectionHandler {
  /** Octets have come, in order. What is not wanted yet goes back with `unread`. */
  octets(chunk: Buffer): void
  /** The peer will send no more; everything before was handed on. */
  peerEnded(): void
  /** The connection is gone. Comes once, last. */
  closed(reason: string | null): void
}

/** One connection. */
export class Connection {
  /** An IPv4-mapped address is written as IPv4. */
  readonly address: string
  readonly port: number
  /** The TLS session; null in clear. */
  tls: PeerTls | null = null

  readonly #handler: ConnectionHandler
  #socket: Socket
  #out = ''
  #held = false
  #choked = false
  #ending = false
  #peerEnded = false
  #unread: Buffer | null = null
  #error: string | null = null

  /**
   * @param socket - just accepted
   * @param handler - gets no call before this returned
   */
  constructor(socket: Socket, handler: ConnectionHandler) {
    this.#socket = socket
    this.#handler = handler
    this.address = plainAddress(socket.remoteAddress ?? '')
    this.port = socket.remotePort ?? 0
    socket.on('error', this.#onError)
    socket.on('close', this.#onClose)
    this.#listen()
  }

  /** Octets of the peer wait to be handed on again. */
  get hasUnread(): boolean {
    return this.#unread !== null || this.#socket.readableLength > 0
  }

  /** Puts text aside for the next `flush`. */
  write(text: string): void {
    this.#out += text
  }

  /** Sends what was put aside, in one write. Input is held back while the peer does not read. */
  flush(): void {
    if (this.#out === '' || !this.#socket.writable) return
    const out = this.#out
    this.#out = ''
    if (!this.#socket.write(out, 'latin1')) this.#choked = true
  }

  /** Input waits until `release`. */
  hold(): void {
    this.#held = true
  }

  /** Gives back octets that were handed on; the input is held and they come again, first of all. */
  unread(rest: Buffer): void {
    this.#unread = this.#unread === null ? rest : Buffer.concat([rest, this.#unread])
  }

  /** Lets input come again. */
  release(): void {
    this.#held = false
    this.#go()
  }

  /** Sends the rest, ends our side, and throws away what still comes. The peer ends its side, or somebody calls `destroy`. */
  end(): void {
    if (this.#ending) return
    this.flush()
    this.#ending = true
    this.#unread = null
    this.#socket.end()
    this.#socket.resume()
  }

  /** Ends at once. */
  destroy(): void {
    this.#socket.destroy()
  }

  /**
   * Goes on under TLS; what was put aside goes out in clear before. A failed handshake ends the connection.
   * @param initial - the context when the client names no server
   * @param choose - the context for a server name; may throw
   * @param ready - the handshake is done
   */
  startTls(initial: SecureContext, choose: (serverName: string) => SecureContext, ready: () => void): void {
    this.flush()
    const raw = this.#socket
    raw
      .off('data', this.#onData)
      .off('end', this.#onEnd)
      .off('drain', this.#onDrain)
      .off('close', this.#onClose)
    let serverName: string | null = null
    const socket = new TLSSocket(raw, {
      isServer: true,
      secureContext: initial,
      // Asked for, not required: attribution decides what its absence means. RFC 8446 4.3.2
      requestCert: true,
      rejectUnauthorized: false,
      SNICallback: (name, done) => {
        serverName = name
        try {
          done(null, choose(name))
        } catch (error) {
          done(error instanceof Error ? error : new Error(String(error)))
        }
      },
    })
    this.#socket = socket
    this.#choked = false
    socket.on('error', this.#onError)
    socket.on('close', this.#onClose)
    socket.once('secure', () => {
      this.tls = peerTls(socket, serverName)
      this.#listen()
      ready()
    })
  }

  #listen(): void {
    this.#socket.on('data', this.#onData).on('end', this.#onEnd).on('drain', this.#onDrain)
  }

  /** Hands on what waits, as long as it is wanted. */
  #go(): void {
    while (this.#unread !== null && !this.#held && !this.#choked) {
      const chunk = this.#unread
      this.#unread = null
      this.#handler.octets(chunk)
    }
    if (this.#held || this.#choked || this.#unread !== null) return
    if (this.#socket.isPaused()) this.#socket.resume()
    if (this.#peerEnded && !this.#ending) this.#handler.peerEnded()
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#ending) return
    if (!this.#held && !this.#choked) this.#handler.octets(chunk)
    else {
      this.#unread = this.#unread === null ? chunk : Buffer.concat([this.#unread, chunk])
      this.#socket.pause()
    }
  }

  readonly #onDrain = (): void => {
    this.#choked = false
    this.#go()
  }

  readonly #onEnd = (): void => {
    this.#peerEnded = true
    if (!this.#held && !this.#choked && !this.#ending) this.#handler.peerEnded()
  }

  readonly #onError = (error: NodeJS.ErrnoException): void => {
    this.#error ??= error.code ?? error.message
  }

  readonly #onClose = (): void => {
    this.#handler.closed(this.#error)
  }
}

// Listens and opens a session for each connection; keeps the record of what every connection said in clear text.
// What the replies mean is the service's business: the front end of Exchange or the MX of the world.
import { createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { createSecureContext } from 'node:tls'
import type { SecureContext } from 'node:tls'
import { randomBytes } from 'node:crypto'
import type { X509Certificate } from 'node:crypto'
import type { Credentials, Endpoint } from '../config.ts'
import { FaultMenu } from './faults.ts'
import type { ConnectionRecord, MailService, ServerOptions, SessionHost } from './service.ts'
import { SmtpSession } from './session.ts'

const KEPT_CONNECTIONS = 500
const MOST_CLEAR_BYTES = 16 * 1024 * 1024
const KEPT_CHAINS = 1000
const TOO_MANY_CONNECTIONS =
  '421 4.3.2 The maximum number of concurrent connections has exceeded a limit, closing transmission channel'

/** An SMTP server with STARTTLS, faults and a memory. */
export class SmtpServer implements SessionHost {
  readonly faults = new FaultMenu()
  readonly service: MailService
  readonly options: ServerOptions
  /** Chains by leaf: a resumed TLS session brings the leaf only. */
  readonly #chains = new Map<string, X509Certificate[]>()
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #contexts = new Map<Credentials, SecureContext>()
  readonly #records: ConnectionRecord[] = []
  #clearBytes = 0

  constructor(service: MailService, options: ServerOptions) {
    this.service = service
    this.options = options
    this.#server = createServer({ noDelay: true }, (socket) => {
      this.#accept(socket)
    })
  }

  /** Starts to listen; gives the address. */
  async listen(): Promise<Endpoint> {
    this.secureContext()
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(this.options.port, this.options.bind, 1024, () => {
        this.#server.off('error', reject)
        resolve()
      })
    })
    const address = this.#server.address() as AddressInfo // a TCP listener has no other kind of address
    return { host: address.address, port: address.port }
  }

  /** Ends all connections and stops listening. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => { resolve() })) // prettier-ignore
    this.dropConnections()
    await closed
  }

  /** Ends all connections, but goes on listening: clients must come anew, and meet the faults now in force. */
  dropConnections(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  /** TLS context of the certificate now in force. */
  secureContext(): SecureContext {
    const credentials = this.faults.current.credentials ?? this.options.credentials
    let context = this.#contexts.get(credentials)
    if (!context) {
      context = createSecureContext({
        cert: credentials.cert,
        key: credentials.key,
        ca: this.options.anchors.map((anchor) => anchor.toString()),
        minVersion: 'TLSv1.2',
        sessionIdContext: 'exo-sim',
      })
      this.#contexts.set(credentials, context)
    }
    return context
  }

  /** The last connections, oldest first. */
  connections(): readonly ConnectionRecord[] {
    return this.#records
  }

  /** All that clients sent in clear text, connection after connection. */
  clearBytes(): Buffer {
    return Buffer.concat(this.#records.flatMap((record) => record.clear))
  }

  /** Completes the chain of a resumed session, remembers that of a new one. */
  wholeChain(chain: X509Certificate[], resumed: boolean): X509Certificate[] {
    const leaf = chain[0]
    if (!leaf) return chain
    if (resumed) return this.#chains.get(leaf.fingerprint256) ?? chain
    if (this.#chains.size >= KEPT_CHAINS) this.#chains.clear()
    this.#chains.set(leaf.fingerprint256, chain)
    return chain
  }

  #accept(socket: Socket): void {
    const record: ConnectionRecord = {
      id: `08D${randomBytes(7).toString('hex').toUpperCase().slice(0, 13)}`,
      remoteAddress: (socket.remoteAddress ?? '').replace(/^::ffff:/, ''),
      ehlo: '',
      tls: undefined,
      clear: [],
      transcript: [],
    }
    const { maxConnections, sessionLifetime } = this.options
    const others = [...this.#sockets].filter((one) => one.remoteAddress === socket.remoteAddress).length
    if (maxConnections !== undefined && others >= maxConnections) {
      socket.on('error', () => undefined)
      socket.end(`${TOO_MANY_CONNECTIONS}\r\n`)
      return
    }
    if (sessionLifetime !== undefined) {
      const timer = setTimeout(() => socket.resetAndDestroy(), sessionLifetime)
      timer.unref()
      socket.on('close', () => {
        clearTimeout(timer)
      })
    }
    this.#records.push(record)
    if (this.#records.length > KEPT_CONNECTIONS) this.#records.shift()
    this.#sockets.add(socket)
    socket.on('close', () => this.#sockets.delete(socket))
    const tap = (chunk: Buffer): void => {
      if (record.tls || this.#clearBytes >= MOST_CLEAR_BYTES) return
      this.#clearBytes += chunk.length
      record.clear.push(chunk)
    }
    new SmtpSession(this, socket, record, tap).run().catch(() => {
      // The session says what it can to the peer itself; what is left is a connection that broke.
      socket.destroy()
    })
  }
}

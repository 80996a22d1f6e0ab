// A client's connection: opening it, greeting, STARTTLS, EHLO. It sends no mail itself (transaction.ts does).
// A connection that demands TLS says nothing but EHLO, STARTTLS and QUIT in clear text.
import { connect as connectTcp } from 'node:net'
import type { Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { SecureContext, TLSSocket } from 'node:tls'
import type { X509Certificate } from 'node:crypto'
import type { Endpoint } from '../config.ts'
import { presentedChain } from '../tls/chain.ts'
import { ByteStream } from './byte-stream.ts'
import { NoReply, readReply, replyText } from './reply.ts'
import type { Reply } from './reply.ts'

/** What went wrong before any mail was sent. */
export type ConnectionProblem =
  | { kind: 'refused'; detail: string }
  | { kind: 'timeout' }
  | { kind: 'dropped'; detail: string }
  | { kind: 'reply'; reply: Reply }
  | { kind: 'no-starttls' }
  | { kind: 'certificate'; detail: string }

/** The connection could not be made, or broke. */
export class ConnectionFailure extends Error {
  override readonly name = 'ConnectionFailure'
  readonly problem: ConnectionProblem

  constructor(problem: ConnectionProblem) {
    super(
      problem.kind === 'reply'
        ? replyText(problem.reply)
        : 'detail' in problem
          ? problem.detail
          : problem.kind,
    )
    this.problem = problem
  }
}

/** How a connection is made. */
export interface ConnectionOptions {
  /** Where to. */
  endpoint: Endpoint
  /** Argument of EHLO. */
  ehloName: string
  /** `required`: no mail without TLS. `opportunistic`: TLS if offered. `none`: never. */
  tls: 'required' | 'opportunistic' | 'none'
  /** Server name for SNI. */
  servername?: string | undefined
  /** Context with the client certificate. */
  secureContext: SecureContext
  /** Judges the server's chain after the handshake; a text refuses it. */
  judge?: ((chain: X509Certificate[]) => string | undefined) | undefined
  /** Longest wait for the peer, in milliseconds. */
  timeout: number
  /** Address to connect from. Default: the kernel's choice. */
  localAddress?: string | undefined
}

/** An open connection after EHLO. */
export class Connection {
  readonly socket: Socket
  readonly stream: ByteStream
  /** Keywords of the EHLO reply with their arguments. */
  readonly extensions: ReadonlyMap<string, string>
  /** Whether TLS is on. */
  readonly secured: boolean
  /** Messages sent over it. */
  sent = 0

  constructor(socket: Socket, stream: ByteStream, extensions: ReadonlyMap<string, string>, secured: boolean) {
    this.socket = socket
    this.stream = stream
    this.extensions = extensions
    this.secured = secured
  }

  /** Whether it can still be used. */
  get usable(): boolean {
    return !this.socket.destroyed && !this.stream.ended
  }

  /** Sends a command and reads its reply. */
  async command(line: string): Promise<Reply> {
    this.socket.write(`${line}\r\n`)
    return readReply(this.stream)
  }

  /** Says QUIT and closes without waiting long. */
  quit(): void {
    if (this.socket.destroyed) return
    this.socket.end('QUIT\r\n')
    const timer = setTimeout(() => this.socket.destroy(), 1000)
    this.socket.once('close', () => {
      clearTimeout(timer)
    })
  }

  /** Closes at once. */
  destroy(): void {
    this.socket.destroy()
  }
}

/** Opens a connection. Throws {@link ConnectionFailure}. */
export async function openConnection(options: ConnectionOptions): Promise<Connection> {
  const socket = await dial(options)
  let secure: TLSSocket | undefined
  try {
    const stream = new ByteStream(socket)
    expect(await readReply(stream), 220)
    let extensions = await greet(socket, stream, options.ehloName)
    if (options.tls === 'none' || (options.tls === 'opportunistic' && !extensions.has('STARTTLS'))) {
      return new Connection(socket, stream, extensions, false)
    }
    if (!extensions.has('STARTTLS')) throw new ConnectionFailure({ kind: 'no-starttls' })
    socket.write('STARTTLS\r\n')
    const reply = await readReply(stream)
    if (reply.code !== 220) throw new ConnectionFailure({ kind: 'no-starttls' })
    // RFC 3207 5: anything a server says between 220 and the handshake is an injection.
    if (stream.detach().length > 0) {
      throw new ConnectionFailure({ kind: 'dropped', detail: 'octets in clear text after STARTTLS' })
    }
    secure = await upgrade(socket, options)
    const problem = options.judge?.(presentedChain(secure))
    if (problem !== undefined) throw new ConnectionFailure({ kind: 'certificate', detail: problem })
    const inner = new ByteStream(secure)
    extensions = await greet(secure, inner, options.ehloName)
    return new Connection(secure, inner, extensions, true)
  } catch (error) {
    ;(secure ?? socket).destroy()
    throw asFailure(error, socket)
  }
}

function dial(options: ConnectionOptions): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connectTcp({
      host: options.endpoint.host,
      port: options.endpoint.port,
      noDelay: true,
      ...(options.localAddress === undefined ? {} : { localAddress: options.localAddress }),
    })
    const fail = (error: Error): void => {
      const late = timedOut.has(socket)
      reject(new ConnectionFailure(late ? { kind: 'timeout' } : { kind: 'refused', detail: error.message }))
    }
    socket.once('error', fail)
    socket.setTimeout(options.timeout, () => {
      timedOut.add(socket)
      socket.destroy(new Error('timeout'))
    })
    socket.once('connect', () => {
      socket.off('error', fail)
      resolve(socket)
    })
  })
}

const timedOut = new WeakSet<Socket>()

function asFailure(error: unknown, socket: Socket): ConnectionFailure {
  if (timedOut.has(socket)) return new ConnectionFailure({ kind: 'timeout' })
  if (error instanceof ConnectionFailure) return error
  if (error instanceof NoReply || error instanceof Error) {
    return new ConnectionFailure({ kind: 'dropped', detail: error.message })
  }
  throw error
}

function upgrade(socket: Socket, options: ConnectionOptions): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const secure = connectTls({
      socket,
      secureContext: options.secureContext,
      // The chain is judged by our own rules right after the handshake.
      rejectUnauthorized: false,
      ...(options.servername === undefined ? {} : { servername: options.servername }),
    })
    secure.setTimeout(options.timeout, () => {
      timedOut.add(socket)
      secure.destroy(new Error('timeout'))
    })
    secure.once('secureConnect', () => {
      resolve(secure)
    })
    secure.once('error', reject)
    secure.once('close', () => {
      reject(new Error('the connection was closed during the TLS handshake'))
    })
  })
}

async function greet(socket: Socket, stream: ByteStream, name: string): Promise<Map<string, string>> {
  socket.write(`EHLO ${name}\r\n`)
  const reply = await readReply(stream)
  expect(reply, 250)
  const extensions = new Map<string, string>()
  for (const line of reply.lines.slice(1)) {
    const [keyword = '', ...rest] = line.split(' ')
    extensions.set(keyword.toUpperCase(), rest.join(' '))
  }
  return extensions
}

function expect(reply: Reply, code: number): void {
  if (reply.code !== code) throw new ConnectionFailure({ kind: 'reply', reply })
}

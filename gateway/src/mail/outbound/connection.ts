/**
 * One TCP connection to a hop: writes with back-pressure, replies in order, one deadline, the switch to TLS. Knows nothing of
 * what is said; a connection that failed stays failed and says why. Replies that came before the failure are still given out.
 */
import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls, type SecureContext, type TLSSocket } from 'node:tls'
import { ReplyError, ReplyReader, type Reply } from '../../smtp/reply.ts'
import type { Watch, Watched } from './timeouts.ts'
import { deferred, DialogueFailed, type Verdict } from './verdict.ts'

/** Replies that may wait unasked, and the characters of all of them; a hop that sends more is broken. */
const MAX_WAITING_REPLIES = 2500
const MAX_WAITING_TEXT = 1_048_576
/** How long an idle connection may take to end after QUIT, in milliseconds. */
const QUIT_MS = 5000

interface Waiter<T> {
  resolve(value: T): void
  reject(error: DialogueFailed): void
}

/** How the switch to TLS is made. */
export interface TlsStart {
  readonly secureContext: SecureContext
  /** Server name; null when the host is an address. RFC 6066 3 */
  readonly servername: string | null
  /** An earlier session to resume; null for none. */
  readonly session: Buffer | null
  /** Called for every session that the server offers for later. */
  onSession(session: Buffer): void
}

/** A connection. */
export class Connection implements Watched {
  /** Milliseconds on the monotonic clock. */
  deadline = Infinity
  /** Replies received so far; tells whether a hop said anything at all since a moment. */
  received = 0
  readonly #watch: Watch
  #socket: Socket
  #reader = new ReplyReader()
  #replies: Reply[] = []
  /** Characters of the replies that wait. */
  #waitingText = 0
  #reply: Waiter<Reply> | null = null
  #drain: Waiter<undefined> | null = null
  #failure: Verdict | null = null
  #stage = 'connect'
  #onEnd: (() => void) | null = null
  #localAddress: string | null = null

  private constructor(socket: Socket, watch: Watch) {
    this.#socket = socket
    this.#watch = watch
    watch.add(this)
  }

  /**
   * Connects.
   * @throws DialogueFailed with a temporary verdict
   */
  static async open(address: string, port: number, timeoutMs: number, watch: Watch): Promise<Connection> {
    const socket = connectTcp({ host: address, port, noDelay: true, autoSelectFamily: false })
    const connection = new Connection(socket, watch)
    connection.deadline = performance.now() + timeoutMs
    const connected = new Promise<undefined>((resolve, reject) => {
      connection.#drain = { resolve, reject }
    })
    socket.once('connect', () => {
      connection.#drained()
    })
    connection.#attach(socket)
    await connected
    connection.#localAddress = socket.localAddress ?? null
    connection.deadline = Infinity
    return connection
  }

  /** The address that we connected from; null when the system did not say. */
  get localAddress(): string | null {
    return this.#localAddress
  }

  /** The connection can be written to and nothing unasked has come. */
  get usable(): boolean {
    return (
      this.#failure === null && this.#replies.length === 0 && !this.#reader.pending && this.#socket.writable
    )
  }

  /** Nothing more can be read or written. */
  get failed(): boolean {
    return this.#failure !== null
  }

  /** The hop has said something that nobody has asked for yet. */
  get hasReply(): boolean {
    return this.#replies.length > 0
  }

  /** Writes pieces as one. Returns false when {@link drained} should be awaited before more is written. */
  send(pieces: readonly (Buffer | string)[]): boolean {
    // The failure is told by whoever waits next.
    if (this.#failure !== null) return true
    const socket = this.#socket
    const [first] = pieces
    if (pieces.length === 1 && first !== undefined) return socket.write(first)
    let more = true
    socket.cork()
    for (const piece of pieces) more = socket.write(piece)
    socket.uncork()
    return more
  }

  /**
   * Resolves when the socket has taken what was written.
   * @throws DialogueFailed when it does not within the time, or fails
   */
  drained(timeoutMs: number): Promise<undefined> {
    if (this.#failure !== null) return Promise.reject(new DialogueFailed(this.#failure))
    if (!this.#socket.writableNeedDrain) return Promise.resolve(undefined)
    this.deadline = performance.now() + timeoutMs
    return new Promise((resolve, reject) => {
      this.#drain = { resolve, reject }
    })
  }

  /**
   * The next reply.
   * @param timeoutMs - how long to wait
   * @param stage - for the reason when it does not come
   * @throws DialogueFailed when the connection fails before it is whole
   */
  next(timeoutMs: number, stage: string): Promise<Reply> {
    this.#stage = stage
    const waiting = this.#replies.shift()
    if (waiting !== undefined) {
      this.#waitingText -= textLength(waiting)
      return Promise.resolve(waiting)
    }
    if (this.#failure !== null) return Promise.reject(new DialogueFailed(this.#failure))
    this.deadline = performance.now() + timeoutMs
    return new Promise((resolve, reject) => {
      this.#reply = { resolve, reject }
    })
  }

  /**
   * Switches to TLS. The caller checks the peer.
   * @throws DialogueFailed when the handshake fails or the hop has sent anything after its 220
   */
  async startTls(start: TlsStart, timeoutMs: number): Promise<TLSSocket> {
    // RFC 3207 4.2: what was sent before TLS must not be taken for said under it
    if (!this.usable)
      throw new DialogueFailed(this.#failure ?? deferred('4.7.5', 'starttls-plaintext-injected'))
    this.#stage = 'tls'
    const plain = this.#socket
    this.#detach()
    const socket = connectTls({
      socket: plain,
      secureContext: start.secureContext,
      // The verdict is ours, after connecting, so that resumed sessions get it too.
      rejectUnauthorized: false,
      checkServerIdentity: () => undefined,
      ...(start.servername === null ? {} : { servername: start.servername }),
      ...(start.session === null ? {} : { session: start.session }),
    })
    this.#socket = socket
    this.#reader = new ReplyReader()
    this.deadline = performance.now() + timeoutMs
    const secured = new Promise<undefined>((resolve, reject) => {
      this.#drain = { resolve, reject }
    })
    socket.once('secureConnect', () => {
      this.#drained()
    })
    socket.on('session', (session) => {
      start.onSession(session)
    })
    this.#attach(socket)
    await secured
    this.deadline = Infinity
    return socket
  }

  /** Marks the connection as idle: until the deadline it may be taken up again; when it ends, `onEnd` is called. */
  rest(timeoutMs: number, onEnd: () => void): void {
    this.#stage = 'idle'
    this.deadline = performance.now() + timeoutMs
    this.#onEnd = onEnd
  }

  /** Takes an idle connection up again. */
  wake(): void {
    this.deadline = Infinity
    this.#onEnd = null
  }

  /** Says QUIT and ends; does not wait for the answer. RFC 5321 4.1.1.10 */
  quit(timeoutMs: number): void {
    if (this.#failure !== null) return
    this.#stage = 'quit'
    this.#onEnd = null
    this.deadline = performance.now() + timeoutMs
    this.#socket.end('QUIT\r\n')
  }

  /** Ends at once. */
  destroy(): void {
    this.#fail(deferred('4.4.2', 'connection-given-up'))
  }

  /** Called when the process ends. */
  giveUp(): void {
    if (this.#onEnd === null) this.destroy()
    else this.expire()
  }

  /** Called by the clock. */
  expire(): void {
    const onEnd = this.#onEnd
    if (onEnd !== null) {
      this.quit(QUIT_MS)
      onEnd()
      return
    }
    const code = this.#stage === 'connect' ? 'connect-timeout' : 'reply-timeout'
    this.#fail(deferred(code === 'connect-timeout' ? '4.4.1' : '4.4.2', code, { stage: this.#stage }))
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#read(chunk)
  }
  readonly #onDrain = (): void => {
    this.#drained()
  }
  readonly #onError = (error: NodeJS.ErrnoException): void => {
    this.#fail(socketVerdict(error, this.#stage))
  }
  readonly #onClose = (): void => {
    this.#fail(deferred('4.4.2', 'connection-lost', { stage: this.#stage }))
  }

  #attach(socket: Socket): void {
    socket.on('data', this.#onData).on('drain', this.#onDrain).on('error', this.#onError)
    socket.on('end', this.#onClose).on('close', this.#onClose)
  }

  /** The plain socket's events are no longer ours once TLS has its handle; an error of it comes through TLS. */
  #detach(): void {
    const socket = this.#socket
    socket.off('data', this.#onData).off('drain', this.#onDrain).off('error', this.#onError)
    socket.off('end', this.#onClose).off('close', this.#onClose)
    socket.on('error', () => undefined)
  }

  #read(chunk: Buffer): void {
    if (this.#failure !== null) return
    let replies: Reply[]
    try {
      replies = this.#reader.push(chunk)
    } catch (error) {
      if (!(error instanceof ReplyError)) throw error
      this.#fail(deferred('4.5.0', error.code, { stage: this.#stage }))
      return
    }
    for (const reply of replies) {
      this.received++
      const waiter = this.#reply
      if (waiter === null) {
        this.#replies.push(reply)
        this.#waitingText += textLength(reply)
      } else {
        this.#reply = null
        this.deadline = Infinity
        waiter.resolve(reply)
      }
    }
    if (this.#replies.length > MAX_WAITING_REPLIES || this.#waitingText > MAX_WAITING_TEXT)
      this.#fail(deferred('4.5.0', 'too-many-replies'))
    // Whatever an idle hop says, it is a good-bye.
    else if (this.#onEnd !== null) this.#fail(deferred('4.4.2', 'connection-lost', { stage: 'idle' }))
  }

  #drained(): void {
    const waiter = this.#drain
    if (waiter === null) return
    this.#drain = null
    this.deadline = Infinity
    waiter.resolve(undefined)
  }

  #fail(verdict: Verdict): void {
    if (this.#failure !== null) return
    this.#failure = verdict
    this.#watch.remove(this)
    this.#socket.destroy()
    const error = new DialogueFailed(verdict)
    const [reply, drain, onEnd] = [this.#reply, this.#drain, this.#onEnd]
    this.#reply = this.#drain = this.#onEnd = null
    reply?.reject(error)
    drain?.reject(error)
    onEnd?.()
  }
}

function textLength(reply: Reply): number {
  return reply.lines.reduce((sum, line) => sum + line.length, 0)
}

/** What a socket error means. TLS alerts that come after the handshake are the peer's verdict on our certificate. */
function socketVerdict(error: NodeJS.ErrnoException, stage: string): Verdict {
  const cause = error.code ?? error.message.slice(0, 200)
  if (
    /ALERT_(?:CERTIFICATE|BAD_CERTIFICATE|UNKNOWN_CA|UNSUPPORTED_CERTIFICATE)|BAD_CERTIFICATE|CERTIFICATE_REQUIRED/.test(
      cause,
    )
  )
    return deferred('4.7.5', 'tls-client-certificate-refused', { cause })
  if (stage === 'tls') return deferred('4.7.5', 'tls-handshake-failed', { cause })
  if (stage === 'connect') return deferred('4.4.1', 'connection-refused', { cause })
  return deferred('4.4.2', 'connection-lost', { stage, cause })
}

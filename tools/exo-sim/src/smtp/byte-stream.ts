// Reads a socket as lines or as counted pieces, with back-pressure; both the server and the client stand on it.
// It understands no SMTP. At most HIGH_WATER octets wait here; beyond that the socket is paused.
import type { Socket } from 'node:net'

const HIGH_WATER = 512 * 1024
const LF = 0x0a
const CR = 0x0d

/** Thrown when a line is longer than allowed; the connection cannot be trusted to be in step after it. */
export class LineTooLong extends Error {
  override readonly name = 'LineTooLong'
}

/** One line as it was read. */
export interface Line {
  /** The octets before the line ending. */
  bytes: Buffer
  /** Whether it ended in a bare LF (RFC 5321 2.3.8 knows only CRLF). */
  bareLf: boolean
}

/** Buffered reader over a socket. */
export class ByteStream {
  readonly #socket: Socket
  readonly #tap: ((chunk: Buffer) => void) | undefined
  #chunks: Buffer[] = []
  #buffered = 0
  #ended = false
  #wake: (() => void) | undefined
  /** Why the socket failed, if it did. */
  failure: Error | undefined

  constructor(socket: Socket, tap?: (chunk: Buffer) => void) {
    this.#socket = socket
    this.#tap = tap
    socket.on('data', this.#onData)
    socket.on('end', this.#onEnd)
    socket.on('close', this.#onEnd)
    socket.on('error', this.#onError)
  }

  /** Whether nothing more will arrive and nothing is buffered. */
  get exhausted(): boolean {
    return this.#ended && this.#buffered === 0
  }

  /** Whether the peer has closed or the socket has failed. */
  get ended(): boolean {
    return this.#ended
  }

  /** Stops reading and gives back what was read but not used; the socket may then be wrapped in TLS. */
  detach(): Buffer {
    this.#socket.off('data', this.#onData)
    this.#socket.off('end', this.#onEnd)
    this.#socket.off('close', this.#onEnd)
    // The error listener stays: a raw socket may still fail below TLS, and that must not end the process.
    const rest = Buffer.concat(this.#chunks)
    this.#chunks = []
    this.#buffered = 0
    return rest
  }

  /** A line if one is complete already. Throws {@link LineTooLong} beyond `limit` octets. */
  tryLine(limit: number): Line | undefined {
    let before = 0
    for (let i = 0; i < this.#chunks.length; i++) {
      const chunk = this.#chunks[i] ?? Buffer.alloc(0)
      const at = chunk.indexOf(LF)
      if (at >= 0) {
        if (before + at > limit) throw new LineTooLong()
        const last = chunk.subarray(0, at + 1)
        const whole = i === 0 ? last : Buffer.concat([...this.#chunks.slice(0, i), last])
        this.#drop(i, chunk, at + 1, whole.length)
        const crlf = whole.length > 1 && whole[whole.length - 2] === CR
        return { bytes: whole.subarray(0, whole.length - (crlf ? 2 : 1)), bareLf: !crlf }
      }
      before += chunk.length
      if (before > limit) throw new LineTooLong()
    }
    return undefined
  }

  /** The next line, or undefined when the stream ends first. */
  async line(limit: number): Promise<Line | undefined> {
    for (;;) {
      const line = this.tryLine(limit)
      if (line) return line
      if (this.#ended) return undefined
      await this.#more()
    }
  }

  /** Between 1 and `max` octets, or undefined when the stream has ended. */
  async take(max: number): Promise<Buffer | undefined> {
    for (;;) {
      const chunk = this.#chunks[0]
      if (chunk) {
        const piece = chunk.length <= max ? chunk : chunk.subarray(0, max)
        this.#drop(0, chunk, piece.length, piece.length)
        return piece
      }
      if (this.#ended) return undefined
      await this.#more()
    }
  }

  /** Puts octets back in front. */
  unread(bytes: Buffer): void {
    if (bytes.length === 0) return
    this.#chunks.unshift(bytes)
    this.#buffered += bytes.length
  }

  #drop(index: number, chunk: Buffer, used: number, total: number): void {
    if (used === chunk.length) this.#chunks.splice(0, index + 1)
    else this.#chunks.splice(0, index + 1, chunk.subarray(used))
    this.#buffered -= total
    if (this.#buffered < HIGH_WATER && this.#socket.isPaused()) this.#socket.resume()
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }

  #woken(): void {
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#tap?.(chunk)
    this.#chunks.push(chunk)
    this.#buffered += chunk.length
    if (this.#buffered >= HIGH_WATER) this.#socket.pause()
    this.#woken()
  }

  readonly #onEnd = (): void => {
    this.#ended = true
    this.#woken()
  }

  readonly #onError = (error: Error): void => {
    this.failure = error
    this.#ended = true
    this.#woken()
  }
}

/** Writes and waits until the socket wants more; false when the socket is gone. */
export function writeAndDrain(socket: Socket, bytes: Buffer): Promise<boolean> {
  if (socket.destroyed) return Promise.resolve(false)
  if (socket.write(bytes)) return Promise.resolve(true)
  return new Promise((resolve) => {
    const settle = (): void => {
      socket.off('drain', settle)
      socket.off('close', settle)
      resolve(!socket.destroyed)
    }
    socket.on('drain', settle)
    socket.on('close', settle)
  })
}

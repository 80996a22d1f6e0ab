/**
 * A plain SMTP peer for tests: sends exactly the octets it is given, and reads replies with a reader of its own.
 */
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { ConnectionOptions } from 'node:tls'

/** One connection to the listener under test. */
export class TestPeer {
  socket: Socket
  /** Chunks that came, each as it was read: shows what left in one write. */
  readonly chunks: string[] = []
  #text = ''
  #ended = false
  #wake: (() => void) | null = null

  private constructor(socket: Socket) {
    this.socket = socket
    this.#listen(socket)
  }

  /** Connects and reads the greeting. */
  static async connect(port: number): Promise<TestPeer> {
    const peer = TestPeer.open(port)
    await peer.reply()
    return peer
  }

  /** Connects and reads nothing. */
  static open(port: number): TestPeer {
    return new TestPeer(connect({ port, host: '127.0.0.1', noDelay: true }))
  }

  /** Connects, and goes up to the EHLO under TLS. */
  static async secure(port: number, options: ConnectionOptions = {}): Promise<TestPeer> {
    const peer = await TestPeer.connect(port)
    await peer.say('EHLO client.example')
    await peer.startTls(options)
    await peer.say('EHLO client.example')
    return peer
  }

  /** STARTTLS and the handshake. */
  async startTls(options: ConnectionOptions = {}): Promise<void> {
    const reply = await this.say('STARTTLS')
    if (!reply.startsWith('220')) throw new Error(reply)
    await this.handshake(options)
  }

  /** The TLS handshake alone. */
  async handshake(options: ConnectionOptions = {}): Promise<void> {
    const raw = this.socket
    raw.removeAllListeners()
    const socket = connectTls({ socket: raw, rejectUnauthorized: false, ...options })
    await new Promise<void>((resolve, reject) => {
      socket.once('secureConnect', resolve)
      socket.once('error', reject)
      socket.once('close', () => {
        reject(new Error('closed'))
      })
    })
    socket.removeAllListeners('error')
    this.socket = socket
    this.#listen(socket)
  }

  /** Sends octets as they are. */
  send(text: string | Buffer): void {
    this.socket.write(typeof text === 'string' ? Buffer.from(text, 'utf8') : text)
  }

  /** Sends every octet in a segment (and TLS record) of its own. */
  async drip(text: string | Buffer): Promise<void> {
    for (const octet of Buffer.from(text)) {
      await new Promise<void>((resolve) => {
        this.socket.write(Buffer.from([octet]), () => {
          resolve()
        })
      })
    }
  }

  /** Sends a line and reads the reply. */
  async say(line: string): Promise<string> {
    this.send(`${line}\r\n`)
    return this.reply()
  }

  /** Sends an envelope, DATA and, once all was answered, the content; gives all replies, the last to the content. */
  async mail(envelope: string, content: string | Buffer): Promise<string[]> {
    this.send(`${envelope}DATA\r\n`)
    const replies = await this.replies(envelope.split('\r\n').length)
    if (replies.at(-1)?.startsWith('354') !== true) throw new Error(replies.join())
    this.send(content)
    return [...replies, await this.reply()]
  }

  /** The next whole reply without its last CRLF; empty when the connection has ended. */
  async reply(): Promise<string> {
    for (;;) {
      const match = /^(?:\d{3}-[^\r]*\r\n)*\d{3} [^\r]*\r\n/.exec(this.#text)
      if (match !== null) {
        this.#text = this.#text.slice(match[0].length)
        return match[0].trimEnd()
      }
      if (this.#ended) return this.#text
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  /** Several replies. */
  async replies(count: number): Promise<string[]> {
    const all: string[] = []
    while (all.length < count) all.push(await this.reply())
    return all
  }

  /** Resolves when the listener has closed its side; throws when it says anything more. */
  async closed(): Promise<void> {
    const rest = await this.reply()
    if (rest !== '') throw new Error(`unexpected: ${rest}`)
  }

  /** Whether the listener has ended its side. */
  get ended(): boolean {
    return this.#ended
  }

  /** Ends politely. */
  async quit(): Promise<void> {
    await this.say('QUIT')
    this.destroy()
  }

  /** Cuts the connection. */
  destroy(): void {
    this.socket.destroy()
  }

  #listen(socket: Socket): void {
    socket.on('data', (chunk: Buffer) => {
      this.chunks.push(chunk.toString('utf8'))
      this.#text += chunk.toString('utf8')
      this.#wake?.()
    })
    const end = (): void => {
      this.#ended = true
      this.#wake?.()
    }
    socket.on('error', end)
    socket.on('end', end)
    socket.on('close', end)
  }
}

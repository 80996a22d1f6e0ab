// A bare SMTP dialogue for tests: says lines, gives back the reply lines. It knows no more than line endings.
import { once } from 'node:events'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Credentials, Endpoint } from '../config.ts'

/** An open dialogue. */
export class Dialogue {
  #socket: Socket
  #text = ''
  #ended = false
  #wake: (() => void) | undefined

  private constructor(socket: Socket) {
    this.#socket = socket
    this.#listen()
  }

  /** Connects and gives the banner too. */
  static async open(endpoint: Endpoint): Promise<{ dialogue: Dialogue; banner: string }> {
    const socket = connect(endpoint.port, endpoint.host)
    await once(socket, 'connect')
    const dialogue = new Dialogue(socket)
    return { dialogue, banner: (await dialogue.reply()).join('\n') }
  }

  /** Whether the server has closed. */
  async ended(): Promise<boolean> {
    for (let i = 0; i < 100 && !this.#ended; i++) await this.#more(20)
    return this.#ended
  }

  /** Sends octets as they are. */
  write(bytes: string | Buffer): void {
    this.#socket.write(bytes)
  }

  /** Says a line and reads one reply. */
  async say(line: string): Promise<string> {
    this.write(`${line}\r\n`)
    return (await this.reply()).join('\n')
  }

  /** Reads one reply, its lines as they came. */
  async reply(): Promise<string[]> {
    const end = Date.now() + 5000
    for (;;) {
      const match = /^(?:\d{3}-[^\r\n]*\r\n)*\d{3}(?: [^\r\n]*)?\r\n/.exec(this.#text)
      if (match) {
        this.#text = this.#text.slice(match[0].length)
        return match[0].trimEnd().split('\r\n')
      }
      if (this.#ended || Date.now() > end) throw new Error(`no reply; so far: ${JSON.stringify(this.#text)}`)
      await this.#more(100)
    }
  }

  /** TLS session tickets that came. */
  readonly tickets: Buffer[] = []

  /** EHLO, STARTTLS, EHLO; `ticket` resumes a TLS session. */
  async startTls(client?: Credentials, ticket?: Buffer): Promise<string> {
    await this.say('EHLO client.example.net')
    const reply = await this.say('STARTTLS')
    if (!reply.startsWith('220')) throw new Error(reply)
    this.#socket.removeAllListeners('data')
    const secure = connectTls({
      socket: this.#socket,
      rejectUnauthorized: false,
      ...(client ? { cert: client.cert, key: client.key } : {}),
      ...(ticket ? { session: ticket } : {}),
    })
    secure.on('session', (session: Buffer) => this.tickets.push(session))
    await once(secure, 'secureConnect')
    this.#socket = secure
    this.#listen()
    return this.say('EHLO client.example.net')
  }

  /** Closes. */
  close(): void {
    this.#socket.destroy()
  }

  #listen(): void {
    this.#socket.on('data', (chunk: Buffer) => {
      this.#text += chunk.toString('utf8')
      this.#wake?.()
    })
    this.#socket.on('close', () => {
      this.#ended = true
      this.#wake?.()
    })
    this.#socket.on('error', () => {
      this.#ended = true
      this.#wake?.()
    })
  }

  #more(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds)
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}

/**
 * A next hop for tests: an SMTP server on loopback that does what a test tells it to, and notes all it hears. Written apart
 * from the gateway's own server, and simple: one line or one content at a time.
 */
import { once } from 'node:events'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { createSecureContext, TLSSocket, type SecureContext, type SecureVersion } from 'node:tls'
import type { TlsIdentity } from '../../../config/ports.ts'

/** What Exchange Online offers, less STARTTLS. */
export const OFFERS = [
  'SIZE 157286400',
  'PIPELINING',
  'DSN',
  'ENHANCEDSTATUSCODES',
  '8BITMIME',
  'CHUNKING',
  'SMTPUTF8',
]

/** One transaction as the hop heard it. */
export interface Heard {
  readonly mail: string
  readonly rcpt: readonly string[]
  readonly content: Buffer
  /** DATA or the BDAT commands. */
  readonly by: readonly string[]
  /** Number of the connection, from 0. */
  readonly connection: number
}

/** How the hop behaves. Everything may be changed while it runs. */
export interface HopScript {
  offers: readonly string[]
  /** null: STARTTLS is not offered. */
  identity: TlsIdentity | null
  /** Anchors for client certificates; null asks for none. */
  clientAnchors: string | null
  /** null: with client certificates OpenSSL then fails every handshake in which an earlier session is offered. */
  sessionIdContext: string | null
  greeting: string
  /** Answers a command in place of the hop; null drops the connection, undefined leaves it to the hop. */
  answer: (command: string, connection: HopConnection) => string | null | undefined
  /** Answers the whole content; null drops the connection. */
  final: (heard: Heard) => string | null
  /** TLS versions. */
  maxVersion: SecureVersion
  minVersion: SecureVersion
  /** OpenSSL cipher list; null for the runtime's. */
  ciphers: string | null
}

/** A running hop. */
export interface Hop {
  readonly script: HopScript
  readonly port: number
  readonly heard: Heard[]
  readonly connections: HopConnection[]
  close(): Promise<void>
}

/** Starts a hop; without an address and a port on any free port of 127.0.0.1. */
export async function startHop(
  script: Partial<HopScript> = {},
  { address = '127.0.0.1', port = 0 } = {},
): Promise<Hop> {
  const full: HopScript = {
    offers: OFFERS,
    identity: null,
    clientAnchors: null,
    sessionIdContext: 'hop',
    greeting: '220 hop.example ESMTP\r\n',
    answer: () => undefined,
    final: () => '250 2.6.0 Queued mail for delivery\r\n',
    maxVersion: 'TLSv1.3',
    minVersion: 'TLSv1.2',
    ciphers: null,
    ...script,
  }
  const heard: Heard[] = []
  const connections: HopConnection[] = []
  const contexts = new Map<string, SecureContext>()
  const server: Server = createServer((socket) => {
    connections.push(new HopConnection(socket, full, heard, connections.length, contexts))
  })
  server.listen(port, address)
  await once(server, 'listening')
  return {
    script: full,
    port: (server.address() as AddressInfo).port,
    heard,
    connections,
    close: async () => {
      for (const connection of connections) connection.socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

/** One connection to a hop. */
export class HopConnection {
  socket: Socket
  readonly number: number
  /** Commands in order, without line ends. */
  readonly commands: string[] = []
  /** All octets that came before TLS. */
  plain = Buffer.alloc(0)
  /** Number of reads that brought commands: tells what came together. */
  reads = 0
  closed = false
  secured: TLSSocket | null = null
  /** The TLS session was resumed; null before the handshake is done. */
  resumed: boolean | null = null
  readonly #script: HopScript
  readonly #heard: Heard[]
  readonly #contexts: Map<string, SecureContext>
  #input: Buffer = Buffer.alloc(0)
  #mode: 'line' | 'data' | 'chunk' = 'line'
  #want = 0
  #last = false
  #mail = ''
  #rcpt: string[] = []
  #by: string[] = []
  #content: Buffer[] = []

  constructor(
    socket: Socket,
    script: HopScript,
    heard: Heard[],
    number: number,
    contexts: Map<string, SecureContext>,
  ) {
    this.socket = socket
    this.#script = script
    this.#heard = heard
    this.#contexts = contexts
    this.number = number
    this.#listen(socket)
    this.say(script.greeting)
  }

  /** Writes to the client as it is. */
  say(text: string): void {
    if (!this.socket.destroyed) this.socket.write(text)
  }

  #listen(socket: Socket): void {
    socket.on('data', (chunk: Buffer) => {
      this.reads++
      if (this.secured === null) this.plain = Buffer.concat([this.plain, chunk])
      this.#input = this.#input.length === 0 ? chunk : Buffer.concat([this.#input, chunk])
      this.#advance()
    })
    socket.on('error', () => undefined)
    socket.on('close', () => {
      this.closed = true
    })
  }

  #advance(): void {
    while (!this.socket.destroyed && this.#step());
  }

  #step(): boolean {
    if (this.#mode === 'chunk') return this.#takeChunk()
    if (this.#mode === 'data') return this.#takeData()
    const end = this.#input.indexOf('\r\n')
    if (end < 0) return false
    const command = this.#input.toString('utf8', 0, end)
    this.#input = this.#input.subarray(end + 2)
    this.commands.push(command)
    this.#command(command)
    return true
  }

  #command(command: string): void {
    const verb = command.slice(0, 4).toUpperCase()
    const own = this.#script.answer(command, this)
    const size = /^BDAT (\d+)( LAST)?$/i.exec(command)
    if (size !== null) {
      this.#mode = 'chunk'
      this.#want = Number(size[1])
      this.#last = size[2] !== undefined
      this.#by.push(command)
      if (own !== undefined && own !== null) this.#by = ['refused', own]
    }
    if (own === null) this.socket.destroy()
    else if (size !== null) return
    else if (own !== undefined) {
      if (verb === 'MAIL' && own.startsWith('2')) this.#begin(command)
      if (verb === 'RCPT' && own.startsWith('2')) this.#rcpt.push(command)
      this.say(own)
    } else this.#ordinary(verb, command)
  }

  #ordinary(verb: string, command: string): void {
    switch (verb) {
      case 'EHLO':
        this.#begin('')
        this.say(
          ['hop.example Hello', ...this.#offers()]
            .map((line, i, all) => `250${i < all.length - 1 ? '-' : ' '}${line}\r\n`)
            .join(''),
        )
        return
      case 'STAR':
        this.#startTls()
        return
      case 'MAIL':
        this.#begin(command)
        this.say('250 2.1.0 Sender OK\r\n')
        return
      case 'RCPT':
        this.#rcpt.push(command)
        this.say('250 2.1.5 Recipient OK\r\n')
        return
      case 'DATA':
        if (this.#rcpt.length === 0) this.say('503 5.5.1 no recipients\r\n')
        else {
          this.#mode = 'data'
          this.#by = ['DATA']
          this.say('354 Start mail input; end with <CRLF>.<CRLF>\r\n')
        }
        return
      case 'RSET':
        this.#begin('')
        this.say('250 2.0.0 Resetting\r\n')
        return
      case 'QUIT':
        this.socket.end('221 2.0.0 Service closing transmission channel\r\n')
        return
      default:
        this.say(verb === 'HELO' ? '250 hop.example\r\n' : '500 5.5.2 unknown\r\n')
    }
  }

  #offers(): readonly string[] {
    const { offers, identity } = this.#script
    return identity === null || this.secured !== null ? offers : [...offers, 'STARTTLS']
  }

  #begin(mail: string): void {
    this.#mail = mail
    this.#rcpt = []
    this.#by = []
    this.#content = []
  }

  #takeChunk(): boolean {
    const piece = this.#input.subarray(0, this.#want)
    this.#input = this.#input.subarray(piece.length)
    this.#content.push(piece)
    this.#want -= piece.length
    if (this.#want > 0) return false
    this.#mode = 'line'
    if (this.#by[0] === 'refused') this.say(this.#by[1] ?? '')
    else if (this.#rcpt.length === 0) this.say('503 5.5.1 no recipients\r\n')
    else if (!this.#last) this.say('250 2.0.0 chunk taken\r\n')
    else this.#finish()
    return true
  }

  #takeData(): boolean {
    const whole = Buffer.concat([Buffer.from('\r\n'), this.#input])
    const end = whole.indexOf('\r\n.\r\n')
    if (end < 0) return false
    this.#input = whole.subarray(end + 5)
    this.#mode = 'line'
    const text = whole.subarray(2, Math.max(2, end + 2)).toString('latin1')
    this.#content.push(Buffer.from(text.replace(/(^|\r\n)\.\./g, '$1.'), 'latin1'))
    this.#finish()
    return true
  }

  #finish(): void {
    const heard: Heard = {
      mail: this.#mail,
      rcpt: this.#rcpt,
      content: Buffer.concat(this.#content),
      by: this.#by,
      connection: this.number,
    }
    const reply = this.#script.final(heard)
    if (reply?.startsWith('2') === true) this.#heard.push(heard)
    this.#begin('')
    if (reply === null) this.socket.destroy()
    else this.say(reply)
  }

  #startTls(): void {
    const { identity, clientAnchors, maxVersion, minVersion, ciphers, sessionIdContext } = this.#script
    if (identity === null) {
      this.say('454 4.7.0 TLS not available\r\n')
      return
    }
    this.say('220 2.0.0 SMTP server ready\r\n')
    const key = `${identity.chain}${clientAnchors ?? ''}${maxVersion}${minVersion}${ciphers ?? ''}${sessionIdContext ?? ''}`
    let secureContext = this.#contexts.get(key)
    if (secureContext === undefined) {
      secureContext = createSecureContext({
        cert: identity.chain,
        key: identity.key,
        maxVersion,
        minVersion,
        ...(ciphers === null ? {} : { ciphers }),
        ...(sessionIdContext === null ? {} : { sessionIdContext }),
        ...(clientAnchors === null ? {} : { ca: clientAnchors }),
      })
      this.#contexts.set(key, secureContext)
    }
    this.socket.removeAllListeners('data')
    this.secured = new TLSSocket(this.socket, {
      isServer: true,
      secureContext,
      requestCert: clientAnchors !== null,
      rejectUnauthorized: false,
    })
    this.socket = this.secured
    this.secured.on('secure', () => {
      this.resumed = this.secured?.isSessionReused() ?? null
    })
    this.#listen(this.secured)
  }
}

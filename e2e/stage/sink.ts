/**
 * A sink: an SMTP server with STARTTLS that takes mail as fast as it can and remembers only what proves that each
 * mail arrived once and in the expected form. It checks nothing else: its cost must not hide the gateway's.
 */
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { createSecureContext, TLSSocket, type SecureContext } from 'node:tls'
import type { IssuedCertificate } from '@siegel/exo-sim'

/** How one mail arrived. */
export type ArrivedAs = 'plain' | 'clear-signed' | 'encrypted'

const EHLO_START =
  '250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-DSN\r\n250-ENHANCEDSTATUSCODES\r\n'
/** What Exchange Online takes, in octets. */
const SIZE = 157_286_400

/** Receives and counts. */
export class Sink {
  readonly #server: Server
  readonly #context: SecureContext
  readonly #sockets = new Set<Socket>()
  /** Message-ID (without brackets) → how it arrived; a second arrival is counted apart. */
  readonly arrived = new Map<string, ArrivedAs>()
  /** Message-ID → when it first arrived: CLOCK_MONOTONIC, nanoseconds. */
  readonly firstAt = new Map<string, bigint>()
  /** Message-ID → SHA-256 fingerprint of the certificate that brought it, or null. */
  readonly presented = new Map<string, string | null>()
  doubled = 0
  /** Text to look for in every mail, and how many had it. */
  witness: string | null = null
  witnessed = 0
  /** The first mail of each form, whole. */
  readonly samples = new Map<ArrivedAs, Buffer>()
  /** Says which mails are deferred (451) at their end; by default none. */
  defers: (messageId: string) => boolean = () => false
  readonly #ehlo: string
  #waiting: { count: number; resolve: () => void } | null = null

  /**
   * @param identity - the certificate it presents
   * @param size - octets that it says it takes
   */
  constructor(identity: IssuedCertificate, size: number = SIZE) {
    this.#ehlo = `${EHLO_START}250-SIZE ${size}\r\n250 CHUNKING\r\n`
    this.#context = createSecureContext({
      cert: identity.cert,
      key: identity.key,
      // Without it OpenSSL refuses to resume sessions of clients that were asked for a certificate.
      sessionIdContext: 'sink',
    })
    this.#server = createServer({ noDelay: true }, (socket) => {
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket))
      this.#greet(socket)
    })
  }

  /** Listens on a port that the kernel picks. */
  async listen(): Promise<number> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    const address = this.#server.address()
    if (address === null || typeof address === 'string') throw new Error('the sink has no port')
    return address.port
  }

  /** Forgets what arrived. */
  clear(): void {
    this.arrived.clear()
    this.firstAt.clear()
    this.presented.clear()
    this.samples.clear()
    this.doubled = 0
  }

  /** Resolves when so many different mails have arrived. */
  received(count: number): Promise<void> {
    if (this.arrived.size >= count) return Promise.resolve()
    return new Promise((resolve) => {
      this.#waiting = { count, resolve }
    })
  }

  /** Ends everything. */
  close(): void {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
  }

  #greet(socket: Socket): void {
    socket.on('error', () => socket.destroy())
    socket.write('220 sink ESMTP\r\n')
    let text = ''
    const onData = (chunk: Buffer) => {
      text += chunk.toString('latin1')
      if (/^EHLO .*\r\n$/i.test(text)) {
        text = ''
        socket.write(this.#ehlo.replace('250 CHUNKING', '250-STARTTLS\r\n250 CHUNKING'))
      } else if (/^STARTTLS\r\n$/i.test(text)) {
        socket.off('data', onData)
        socket.write('220 go\r\n')
        const secure = new TLSSocket(socket, {
          isServer: true,
          secureContext: this.#context,
          requestCert: true,
          rejectUnauthorized: false,
        })
        secure.on('error', () => secure.destroy())
        this.#talk(secure)
      }
    }
    socket.on('data', onData)
  }

  #talk(socket: TLSSocket): void {
    let client: string | null | undefined
    const taken = (mail: Buffer): string => {
      client ??= socket.getPeerX509Certificate()?.fingerprint256 ?? null
      return this.#take(mail, client)
    }
    let rest: Buffer = Buffer.alloc(0)
    let chunks: Buffer[] = []
    let missing = 0
    let last = false
    socket.on('data', (data: Buffer) => {
      let input = rest.length === 0 ? data : Buffer.concat([rest, data])
      let replies = ''
      while (input.length > 0) {
        if (missing > 0) {
          const piece = input.subarray(0, missing)
          chunks.push(piece)
          missing -= piece.length
          input = input.subarray(piece.length)
          if (missing === 0) {
            replies += last ? taken(Buffer.concat(chunks)) : '250 2.0.0 ok\r\n'
            if (last) chunks = []
          }
          continue
        }
        const end = input.indexOf('\r\n')
        if (end < 0) break
        const line = input.toString('latin1', 0, end)
        input = input.subarray(end + 2)
        const bdat = /^BDAT ([0-9]+)( LAST)?$/i.exec(line)
        if (bdat !== null) {
          missing = Number(bdat[1])
          last = bdat[2] !== undefined
          if (missing === 0) {
            replies += last ? taken(Buffer.concat(chunks)) : '250 2.0.0 ok\r\n'
            chunks = []
          }
        } else if (/^EHLO/i.test(line)) replies += this.#ehlo
        else if (/^QUIT/i.test(line)) replies += '221 2.0.0 bye\r\n'
        else replies += '250 2.1.0 ok\r\n'
      }
      rest = input
      if (replies !== '') socket.write(replies)
    })
  }

  #take(mail: Buffer, client: string | null): string {
    const head = mail.toString('latin1', 0, Math.min(mail.indexOf('\r\n\r\n') + 2, 16_384))
    const id = /^Message-ID: <([^>]+)>/im.exec(head)?.[1] ?? ''
    const type = /^Content-Type: ([^\s;]+)/im.exec(head)?.[1]?.toLowerCase() ?? ''
    const form: ArrivedAs =
      type === 'multipart/signed' ? 'clear-signed' : type === 'application/pkcs7-mime' ? 'encrypted' : 'plain'
    if (this.defers(id)) return '451 4.3.0 later\r\n'
    if (this.arrived.has(id)) this.doubled++
    else this.firstAt.set(id, process.hrtime.bigint())
    this.arrived.set(id, form)
    this.presented.set(id, client)
    if (this.witness !== null && mail.includes(this.witness)) this.witnessed++
    if (!this.samples.has(form)) this.samples.set(form, mail)
    if (this.#waiting !== null && this.arrived.size >= this.#waiting.count) {
      this.#waiting.resolve()
      this.#waiting = null
    }
    return '250 2.0.0 ok\r\n'
  }
}

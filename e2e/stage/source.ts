/**
 * A source: keeps a number of TLS connections open and sends mails over them, one after the other on each, as
 * Exchange Online does (MAIL, RCPT and BDAT in one write). Counts replies; anything but 250 ends the run.
 */
import { once } from 'node:events'
import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import type { IssuedCertificate } from '@siegel/exo-sim'

/** Where to, and as whom. */
export interface SourceOptions {
  readonly port: number
  readonly connections: number
  readonly client: IssuedCertificate
}

/** One mail to send. */
export interface SourceMail {
  readonly from: string
  readonly to: string
  readonly data: Buffer
  /** How the data goes; default BDAT. By DATA it must be stuffed already and not end with its end. */
  readonly via?: 'BDAT' | 'DATA'
}

/** Reads replies: resolves with the last line of the n-th reply from now. */
class Replies {
  #buffer = ''
  #wanted = 0
  #resolve: ((line: string) => void) | null = null
  #reject: ((error: Error) => void) | null = null
  #gone: Error | null = null

  attach(socket: Socket): void {
    this.#buffer = ''
    socket.on('data', (chunk: Buffer) => {
      this.#buffer += chunk.toString('latin1')
      this.#look()
    })
    const gone = (error: Error) => {
      this.#gone ??= error
      this.#reject?.(error)
    }
    socket.on('error', gone)
    socket.on('close', () => {
      gone(new Error('the gateway closed the connection'))
    })
  }

  next(count: number): Promise<string> {
    if (this.#gone !== null) return Promise.reject(this.#gone)
    this.#wanted = count
    return new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
      this.#look()
    })
  }

  #look(): void {
    for (;;) {
      if (this.#resolve === null) return
      const end = this.#buffer.indexOf('\r\n')
      if (end < 0) return
      const line = this.#buffer.slice(0, end)
      this.#buffer = this.#buffer.slice(end + 2)
      if (line[3] === '-') continue
      if (!/^[23]/.test(line)) {
        this.#reject?.(new Error(`the gateway said: ${line}`))
        this.#resolve = null
        return
      }
      if (--this.#wanted > 0) continue
      const resolve = this.#resolve
      this.#resolve = null
      this.#reject = null
      resolve(line)
    }
  }
}

/** One kept connection: sends mails one after the other. Rejects when the gateway refuses or goes away. */
export class Line {
  readonly #socket: TLSSocket
  readonly #replies: Replies

  private constructor(socket: TLSSocket, replies: Replies) {
    this.#socket = socket
    this.#replies = replies
  }

  /** Connects, secures and greets. */
  static async open(options: Pick<SourceOptions, 'port' | 'client'>): Promise<Line> {
    const plain = connectTcp({ port: options.port, host: '127.0.0.1', noDelay: true })
    const before = new Replies()
    before.attach(plain)
    await before.next(1)
    plain.write('EHLO bench.outbound.protection.outlook.com\r\n')
    await before.next(1)
    plain.write('STARTTLS\r\n')
    await before.next(1)
    plain.removeAllListeners('data')
    if (plain.destroyed) throw new Error('the gateway closed the connection')
    const socket = connectTls({
      socket: plain,
      cert: options.client.cert,
      key: options.client.key,
      rejectUnauthorized: false,
    })
    const closed = once(socket, 'close').then(() => {
      throw new Error('the gateway closed the connection')
    })
    await Promise.race([once(socket, 'secureConnect'), closed])
    const replies = new Replies()
    replies.attach(socket)
    socket.write('EHLO bench.outbound.protection.outlook.com\r\n')
    await replies.next(1)
    return new Line(socket, replies)
  }

  /** Resolves when the mail was answered 250. */
  async send(mail: SourceMail): Promise<void> {
    if (mail.via === 'DATA') return this.#sendData(mail)
    this.#socket.cork()
    this.#socket.write(
      `MAIL FROM:<${mail.from}> SIZE=${mail.data.length}\r\nRCPT TO:<${mail.to}>\r\nBDAT ${mail.data.length} LAST\r\n`,
    )
    this.#socket.write(mail.data)
    this.#socket.uncork()
    await this.#replies.next(3)
  }

  async #sendData({ from, to, data }: SourceMail): Promise<void> {
    this.#socket.write(`MAIL FROM:<${from}>\r\nRCPT TO:<${to}>\r\nDATA\r\n`)
    await this.#replies.next(3)
    this.#socket.cork()
    this.#socket.write(data)
    this.#socket.write('.\r\n')
    this.#socket.uncork()
    await this.#replies.next(1)
  }

  /** Drops the connection. */
  close(): void {
    this.#socket.destroy()
  }
}

/** Opens the connections and gives a function that sends a number of mails over them. */
export async function openSource(
  options: SourceOptions,
): Promise<{ send(count: number, make: (index: number) => SourceMail): Promise<void>; close(): void }> {
  const lines = await Promise.all(Array.from({ length: options.connections }, () => Line.open(options)))
  return {
    async send(count, make) {
      let next = 0
      await Promise.all(
        lines.map(async (line) => {
          while (next < count) await line.send(make(next++))
        }),
      )
    },
    close() {
      for (const line of lines) line.close()
    },
  }
}

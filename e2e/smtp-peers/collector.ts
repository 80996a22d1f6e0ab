/**
 * Stands behind a foreign next hop and writes down what it passes on: each transaction with its commands as they came and its
 * content octet for octet. Speaks in clear, offers every extension, refuses nothing.
 */
import { once } from 'node:events'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'

/** One transaction. */
export interface Collected {
  /** The MAIL command. */
  readonly mail: string
  /** The RCPT commands. */
  readonly rcpt: readonly string[]
  readonly content: Buffer
}

const OFFERS =
  '250-collector\r\n250-SIZE 0\r\n250-8BITMIME\r\n250-PIPELINING\r\n250-DSN\r\n250-SMTPUTF8\r\n250 CHUNKING\r\n'

/** Takes mail until it is closed. */
export class Collector {
  readonly collected: Collected[] = []
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #wake: (() => void)[] = []

  private constructor() {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket)
      socket.on('error', () => socket.destroy())
      socket.on('close', () => this.#sockets.delete(socket))
      this.#talk(socket)
    })
  }

  /** Listens on a loopback port. */
  static async start(): Promise<Collector> {
    const collector = new Collector()
    collector.#server.listen(0, '127.0.0.1')
    await once(collector.#server, 'listening')
    return collector
  }

  /** The port it listens on. */
  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Notes a transaction that another server took. */
  add(collected: Collected): void {
    this.collected.push(collected)
    const waiting = this.#wake
    this.#wake = []
    for (const wake of waiting) wake()
  }

  /** Waits for a transaction that fits; throws when none comes. */
  async waitFor(fits: (collected: Collected) => boolean, milliseconds = 30_000): Promise<Collected> {
    const until = Date.now() + milliseconds
    for (;;) {
      const found = this.collected.find(fits)
      if (found !== undefined) return found
      const left = until - Date.now()
      if (left <= 0) throw new Error('nothing that fits came')
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left)
        this.#wake.push(() => {
          clearTimeout(timer)
          resolve()
        })
      })
    }
  }

  /** Ends everything. */
  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #talk(socket: Socket): void {
    let input: Buffer = Buffer.alloc(0)
    let mail = ''
    let rcpt: string[] = []
    let chunks: Buffer[] = []
    let state: 'line' | 'data' | { left: number; last: boolean } = 'line'
    const finish = (): string => {
      this.add({ mail, rcpt, content: Buffer.concat(chunks) })
      chunks = []
      state = 'line'
      return '250 2.0.0 collected\r\n'
    }
    /** Takes one step; null when more input is needed. */
    const step = (): string | null => {
      if (state === 'data') {
        const end = input.indexOf('\r\n.\r\n')
        if (end < 0) return null
        chunks = [Buffer.from(input.toString('latin1', 2, end + 2).replace(/^\./gm, ''), 'latin1')]
        input = input.subarray(end + 5)
        return finish()
      }
      if (state !== 'line') {
        if (input.length < state.left) return null
        chunks.push(input.subarray(0, state.left))
        input = input.subarray(state.left)
        if (state.last) return finish()
        state = 'line'
        return '250 2.0.0 chunk\r\n'
      }
      const end = input.indexOf('\r\n')
      if (end < 0) return null
      const line = input.toString('utf8', 0, end)
      input = input.subarray(end + 2)
      const bdat = /^BDAT (\d+)( LAST)?$/i.exec(line)
      if (bdat !== null) {
        state = { left: Number(bdat[1]), last: bdat[2] !== undefined }
        return ''
      }
      switch (line.slice(0, 4).toUpperCase()) {
        case 'EHLO':
          return OFFERS
        case 'MAIL':
          mail = line
          rcpt = []
          chunks = []
          return '250 2.1.0 ok\r\n'
        case 'RCPT':
          rcpt.push(line)
          return '250 2.1.5 ok\r\n'
        case 'DATA':
          state = 'data'
          // So that a dot on the first line is at a line start like any other.
          input = Buffer.concat([Buffer.from('\r\n'), input])
          return '354 go\r\n'
        case 'QUIT':
          socket.end('221 2.0.0 bye\r\n')
          return null
        default:
          return '250 2.0.0 ok\r\n'
      }
    }
    socket.write('220 collector ESMTP\r\n')
    socket.on('data', (chunk: Buffer) => {
      input = input.length === 0 ? chunk : Buffer.concat([input, chunk])
      for (let reply = step(); reply !== null; reply = step()) if (reply !== '') socket.write(reply)
    })
  }
}

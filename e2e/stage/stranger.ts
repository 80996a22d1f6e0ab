/**
 * A stranger who speaks to the gateway's listener: sends one mail over STARTTLS with any client certificate, from any loopback
 * address, or stays in clear, and notes every reply. Written for being refused.
 */
import type { X509Certificate } from 'node:crypto'
import { createConnection, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import type { IssuedCertificate } from '@siegel/exo-sim'

/** Who calls and how. */
export interface Call {
  readonly port: number
  /** The client certificate; null for none. */
  readonly client: IssuedCertificate | null
  /** The address that it calls from. Default 127.0.0.1. */
  readonly from?: string
  /** Default true. */
  readonly secure?: boolean
  /** Versions of TLS that are offered. Default 1.2 and 1.3. */
  readonly version?: 'TLSv1.2' | 'TLSv1.3'
  /** Server name; none unless given. */
  readonly serverName?: string
  readonly ehlo?: string
  /** The root that the gateway's chain must lead to, for `serverName`, PEM; without it nothing is checked. */
  readonly root?: string
}

/** An envelope and the octets. */
export interface Letter {
  readonly sender: string
  readonly recipients: readonly string[]
  readonly raw: Buffer
}

/** What was heard. */
export interface Answer {
  /** Every reply in order, its lines joined by CRLF. */
  readonly replies: readonly string[]
  readonly last: string
  /** The TLS session; null when it did not come to one. */
  readonly tls: TlsFacts | null
}

/** What a TLS session was. */
export interface TlsFacts {
  readonly version: string | null
  /** The gateway's certificate. */
  readonly leaf: X509Certificate | undefined
}

/** Reads replies one by one; the end of the connection is the empty text. */
class Replies {
  readonly all: string[] = []
  #text = ''
  #ended = false
  #look: () => void = () => undefined

  listen(socket: Socket): void {
    this.#ended = false
    socket.on('data', (chunk: Buffer) => {
      this.#text += chunk.toString('latin1')
      this.#look()
    })
    const end = () => {
      this.#ended = true
      this.#look()
    }
    socket.on('close', end)
    socket.on('error', end)
  }

  async next(): Promise<string> {
    for (;;) {
      const reply = /^(?:\d{3}-[^\n]*\n)*\d{3}(?: [^\n]*)?\n/.exec(this.#text)?.[0]
      if (reply !== undefined) {
        this.#text = this.#text.slice(reply.length)
        this.all.push(reply.trimEnd())
        return reply.trimEnd()
      }
      if (this.#ended) return ''
      await new Promise<void>((resolve) => {
        this.#look = resolve
      })
    }
  }
}

function handshake(socket: Socket, call: Call): Promise<TLSSocket | null> {
  return new Promise((resolve) => {
    socket.removeAllListeners('data')
    const tls = connectTls({
      socket,
      rejectUnauthorized: call.root !== undefined,
      ...(call.root === undefined ? {} : { ca: call.root }),
      ...(call.client === null ? {} : { cert: call.client.cert, key: call.client.key }),
      ...(call.version === undefined ? {} : { minVersion: call.version, maxVersion: call.version }),
      ...(call.serverName === undefined ? {} : { servername: call.serverName }),
    })
    tls.once('secureConnect', () => {
      resolve(tls)
    })
    tls.once('error', () => {
      resolve(null)
    })
    tls.once('close', () => {
      resolve(null)
    })
  })
}

/** Calls, says what is to be said until something is refused, and hangs up. Rejects when nobody answers. */
export async function callGateway(call: Call, letter: Letter | null = null): Promise<Answer> {
  const plain = createConnection({
    port: call.port,
    host: '127.0.0.1',
    localAddress: call.from ?? '127.0.0.1',
  })
  await new Promise<void>((resolve, reject) => {
    plain.once('connect', resolve)
    plain.once('error', reject)
  })
  plain.setTimeout(15_000, () => plain.destroy())
  const replies = new Replies()
  let socket: Socket = plain
  let tls: TlsFacts | null = null
  const say = async (text: string | Buffer): Promise<boolean> => {
    if (text.length > 0) socket.write(text)
    return /^[23]/.test(await replies.next())
  }
  const ehlo = `EHLO ${call.ehlo ?? 'DEU01-FR2-obe.outbound.protection.outlook.com'}\r\n`
  const talk = async (): Promise<void> => {
    replies.listen(plain)
    if (!(await say('')) || !(await say(ehlo))) return
    if (call.secure !== false) {
      if (!(await say('STARTTLS\r\n'))) return
      const secured = await handshake(plain, call)
      if (secured === null) return
      tls = { version: secured.getProtocol(), leaf: secured.getPeerX509Certificate() }
      socket = secured
      replies.listen(secured)
      if (!(await say(ehlo))) return
    }
    if (letter === null) return
    if (!(await say(`MAIL FROM:<${letter.sender}>\r\n`))) return
    for (const recipient of letter.recipients) if (!(await say(`RCPT TO:<${recipient}>\r\n`))) return
    await say(Buffer.concat([Buffer.from(`BDAT ${letter.raw.length} LAST\r\n`), letter.raw]))
  }
  await talk()
  const answer = { replies: [...replies.all], last: replies.all.at(-1) ?? '', tls }
  socket.end('QUIT\r\n')
  socket.on('error', () => undefined)
  return answer
}

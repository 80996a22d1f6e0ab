/**
 * Looks at one SMTP server: greeting, what EHLO offers, STARTTLS, its certificate, whether it would relay. Sends no mail, judges nothing, and has its own
 * few lines of SMTP so that what it sees is not seen through the code that delivers.
 */
import type { X509Certificate } from 'node:crypto'
import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'

/** Where and as whom to look. */
export interface ProbeRequest {
  readonly address: string
  readonly port: number
  /** For SNI. */
  readonly serverName: string
  /** EHLO argument. */
  readonly clientName: string
  /** Trusted roots as PEM. */
  readonly roots: readonly string[]
  /** Presented if asked for. */
  readonly identity: { readonly chain: string; readonly key: string } | null
  /** Asked for with a null sender in RCPT, and no further: would the server relay for us? null: not asked. */
  readonly relayTo: string | null
  readonly timeoutMs: number
}

/** What was seen. */
export type ProbeResult =
  | { readonly kind: 'unreachable' | 'tls-failed'; readonly cause: string }
  | { readonly kind: 'refused'; readonly greeting: string }
  | { readonly kind: 'no-starttls' }
  | {
      readonly kind: 'secured'
      readonly protocol: string
      readonly certificate: X509Certificate
      /** Why the chain is not trusted; null when it is. */
      readonly untrusted: string | null
      /** Keywords of EHLO after STARTTLS, upper case. */
      readonly offers: readonly string[]
      /** The reply to RCPT, or to MAIL where that was refused; null when it was not asked, or the chain is not trusted. */
      readonly relay: string | null
    }

const LONGEST_REPLY = 65_536
/** Of a reply that is shown. */
const LONGEST_TOLD = 300

class Fault extends Error {}

function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown'
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message
}

/** Replies of a connection, one by one. */
class Replies {
  #text = ''
  readonly #socket: Socket
  constructor(socket: Socket) {
    this.#socket = socket
  }

  /** RFC 5321 4.2.1: the lines of one reply. */
  async next(): Promise<string[]> {
    for (;;) {
      const end = /^\d{3}(?: [^\r\n]*)?\r?\n/m.exec(this.#text)
      if (end !== null) {
        const whole = this.#text.slice(0, end.index + end[0].length)
        this.#text = this.#text.slice(whole.length)
        return whole.split(/\r?\n/).filter((line) => line !== '')
      }
      if (this.#text.length > LONGEST_REPLY) throw new Fault('the reply is too long')
      this.#text += await this.#more()
    }
  }

  #more(): Promise<string> {
    const socket = this.#socket
    return new Promise((resolve, reject) => {
      const done = (): void => {
        socket.off('data', onData).off('error', onError).off('close', onClose)
        socket.pause()
      }
      const onData = (bytes: Buffer): void => {
        done()
        resolve(bytes.toString('latin1'))
      }
      const onError = (error: Error): void => {
        done()
        reject(error)
      }
      const onClose = (): void => {
        done()
        reject(new Fault('the connection was closed'))
      }
      socket.on('data', onData).on('error', onError).on('close', onClose)
      socket.resume()
    })
  }

  async ask(command: string): Promise<string[]> {
    this.#socket.write(`${command}\r\n`)
    return this.next()
  }
}

function opened(socket: Socket, event: 'connect' | 'secureConnect'): Promise<void> {
  return new Promise((resolve, reject) => {
    const onClose = (): void => {
      reject(new Fault('the connection was closed'))
    }
    socket.once('error', reject).once('close', onClose)
    socket.once(event, () => {
      socket.off('error', reject).off('close', onClose)
      resolve()
    })
  })
}

async function secure(plain: Socket, request: ProbeRequest): Promise<TLSSocket> {
  const tls = connectTls({
    socket: plain,
    servername: request.serverName,
    ca: [...request.roots],
    // The verdict is part of the result.
    rejectUnauthorized: false,
    checkServerIdentity: () => undefined,
    minVersion: 'TLSv1.2',
    ...(request.identity === null ? {} : { cert: request.identity.chain, key: request.identity.key }),
  })
  await opened(tls, 'secureConnect')
  // A later error shows as the end of the replies.
  tls.on('error', () => undefined)
  return tls
}

async function dialogue(plain: Socket, request: ProbeRequest): Promise<ProbeResult> {
  await opened(plain, 'connect')
  const replies = new Replies(plain)
  const greeting = await replies.next()
  if (!(greeting[0] ?? '').startsWith('220')) return { kind: 'refused', greeting: greeting[0] ?? '' }
  const first = await replies.ask(`EHLO ${request.clientName}`)
  if (!first.some((line) => /^250[ -]STARTTLS\s*$/i.test(line))) return { kind: 'no-starttls' }
  const ready = await replies.ask('STARTTLS')
  if (!(ready[0] ?? '').startsWith('220')) return { kind: 'no-starttls' }
  let tls: TLSSocket
  try {
    tls = await secure(plain, request)
  } catch (error) {
    return { kind: 'tls-failed', cause: causeOf(error) }
  }
  const certificate = tls.getPeerX509Certificate()
  if (certificate === undefined) return { kind: 'tls-failed', cause: 'no certificate' }
  const secured = new Replies(tls)
  const offers = (await secured.ask(`EHLO ${request.clientName}`)).flatMap((line) => {
    const keyword = /^250[ -](\S+)/.exec(line)?.[1]
    return keyword === undefined ? [] : [keyword.toUpperCase()]
  })
  const relay = request.relayTo !== null && tls.authorized ? await wouldRelay(secured, request.relayTo) : null
  tls.write('QUIT\r\n')
  return {
    kind: 'secured',
    protocol: tls.getProtocol() ?? 'unknown',
    certificate,
    // The type says Error, the runtime gives a code.
    untrusted: tls.authorized ? null : String(tls.authorizationError),
    offers,
    relay,
  }
}

/** RFC 5321 3.3: MAIL and RCPT without DATA; nothing is sent to anybody. */
async function wouldRelay(replies: Replies, recipient: string): Promise<string> {
  let reply = await replies.ask('MAIL FROM:<>')
  if ((reply[0] ?? '').startsWith('2')) {
    reply = await replies.ask(`RCPT TO:<${recipient}>`)
    await replies.ask('RSET')
  }
  return reply.join(' ').slice(0, LONGEST_TOLD)
}

/** Looks at a server. Never rejects. */
export async function probe(request: ProbeRequest): Promise<ProbeResult> {
  const socket = connectTcp({ host: request.address, port: request.port })
  const timer = setTimeout(() => socket.destroy(new Fault('no answer in time')), request.timeoutMs)
  // What comes after the dialogue has its result is nobody's business.
  socket.on('error', () => undefined)
  try {
    return await dialogue(socket, request)
  } catch (error) {
    return { kind: 'unreachable', cause: causeOf(error) }
  } finally {
    clearTimeout(timer)
    socket.destroy()
  }
}

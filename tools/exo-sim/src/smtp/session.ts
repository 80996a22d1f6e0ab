// One SMTP session on the server's side: the order of commands, STARTTLS, extensions, faults.
// It decides nothing about mail; that is the service's part. The message itself is read in receive.ts.
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { hasBareLineEnding } from '../message/line-endings.ts'
import { judgeChain, presentedChain } from '../tls/chain.ts'
import { certificateNames } from '../tls/names.ts'
import { ByteStream, LineTooLong } from './byte-stream.ts'
import type { Line } from './byte-stream.ts'
import { readMail, readRecipient } from './envelope.ts'
import type { Envelope, OfferedExtensions } from './envelope.ts'
import type { FaultPoint } from './faults.ts'
import { Incoming } from './receive.ts'
import type { ConnectionRecord, PeerTls, ReceivedData, SessionHost } from './service.ts'

const LONGEST_COMMAND = 64 * 1024
const LONGEST_TRANSCRIPT = 400
const IDLE_TIMEOUT = 300_000

type Next = 'go-on' | 'close'

/** A session; {@link SmtpSession.run} returns when the connection is over. */
export class SmtpSession {
  readonly #server: SessionHost
  readonly #record: ConnectionRecord
  #socket: Socket
  #stream: ByteStream
  #output = ''
  #greeted = false
  #envelope: Envelope | undefined
  /** The message that is under way by BDAT. */
  #incoming: Incoming | undefined

  constructor(server: SessionHost, socket: Socket, record: ConnectionRecord, tap: (chunk: Buffer) => void) {
    this.#server = server
    this.#record = record
    this.#socket = socket
    this.#stream = new ByteStream(socket, tap)
    socket.setTimeout(IDLE_TIMEOUT, () => socket.destroy())
  }

  /** Speaks until the end. */
  async run(): Promise<void> {
    const service = this.#server.service
    let next = await this.#struck('CONNECT', this.#record.remoteAddress)
    if (!next) this.#say(`220 ${service.hostname} ${service.banner(this.#record)}`)
    next ??= 'go-on'
    while (next === 'go-on') {
      const line = await this.#nextLine()
      if (!line) break
      next = await this.#command(line)
    }
    this.#flush()
    this.#socket.destroySoon()
  }

  async #nextLine(): Promise<Line | undefined> {
    try {
      const ready = this.#stream.tryLine(LONGEST_COMMAND)
      if (ready) return ready
      // Replies to pipelined commands leave together (RFC 2920 3.2).
      this.#flush()
      return await this.#stream.line(LONGEST_COMMAND)
    } catch (error) {
      if (!(error instanceof LineTooLong)) throw error
      this.#say('500 5.5.2 Command line too long')
      return undefined
    }
  }

  async #command(line: Line): Promise<Next> {
    const text = line.bytes.toString('utf8')
    this.#note(`C: ${text}`)
    if (line.bareLf || text.includes('\r') || text.includes('\0')) return this.#say('500 5.5.2 Syntax error')
    const space = text.indexOf(' ')
    const verb = (space < 0 ? text : text.slice(0, space)).toUpperCase()
    const argument = space < 0 ? '' : text.slice(space + 1)
    if (verb === 'BDAT') return this.#bdat(argument)
    if (isFaultPoint(verb)) {
      const struck = await this.#struck(verb, argument)
      if (struck) return struck
    }
    switch (verb) {
      case 'EHLO':
      case 'HELO':
        return this.#hello(verb, argument)
      case 'STARTTLS':
        return this.#startTls(argument)
      case 'MAIL':
        return this.#mail(argument)
      case 'RCPT':
        return this.#rcpt(argument)
      case 'DATA':
        return this.#data(argument)
      case 'RSET':
        this.#reset()
        return this.#say('250 2.0.0 Resetting')
      case 'NOOP':
        return this.#say('250 2.0.0 OK')
      case 'VRFY':
        return this.#say('252 2.1.5 Cannot VRFY user')
      case 'QUIT':
        this.#say('221 2.0.0 Service closing transmission channel')
        return 'close'
      default:
        return this.#say('500 5.3.3 Unrecognized command')
    }
  }

  #hello(verb: 'EHLO' | 'HELO', name: string): Next {
    const refusal = this.#server.service.checkHello(this.#record, name)
    if (refusal) return this.#say(refusal)
    this.#record.ehlo = name
    this.#greeted = true
    this.#reset()
    const greeting = this.#server.service.hello(this.#record)
    if (verb === 'HELO') return this.#say(`250 ${greeting}`)
    const lines = [greeting, ...this.#extensions()]
    for (const [i, line] of lines.entries()) this.#say(`250${i < lines.length - 1 ? '-' : ' '}${line}`)
    return 'go-on'
  }

  /** Keywords in the order in which Exchange Online says them. */
  #extensions(): string[] {
    const faults = this.#server.faults.current
    const offered = this.#offered()
    const keywords = [`SIZE ${this.#sizeLimit()}`]
    if (!faults.noPipelining) keywords.push('PIPELINING')
    if (offered.dsn) keywords.push('DSN')
    keywords.push('ENHANCEDSTATUSCODES')
    if (!faults.noStartTls && !this.#record.tls) keywords.push('STARTTLS')
    if (offered.eightBitMime) keywords.push('8BITMIME')
    if (offered.binaryMime) keywords.push('BINARYMIME')
    if (!faults.noChunking) keywords.push('CHUNKING')
    if (offered.smtpUtf8) keywords.push('SMTPUTF8')
    return keywords
  }

  #offered(): OfferedExtensions {
    const faults = this.#server.faults.current
    return {
      eightBitMime: !faults.no8BitMime,
      binaryMime: !faults.no8BitMime && !faults.noChunking,
      smtpUtf8: !faults.noSmtpUtf8,
      dsn: !faults.noDsn,
    }
  }

  #sizeLimit(): number {
    return this.#server.faults.current.size ?? this.#server.options.maxMessageSize
  }

  async #startTls(argument: string): Promise<Next> {
    const faults = this.#server.faults.current
    if (argument !== '') return this.#say('501 5.5.4 Invalid arguments')
    if (faults.noStartTls) return this.#say('500 5.3.3 Unrecognized command')
    if (this.#record.tls) return this.#say('503 5.5.1 Bad sequence of commands')
    this.#say('220 2.0.0 SMTP server ready')
    this.#flush()
    // RFC 3207 4.2: what the client said before the handshake counts for nothing, not even what it pipelined.
    this.#stream.detach()
    if (faults.breakHandshake) return 'close'
    const secure = new TLSSocket(this.#socket, {
      isServer: true,
      secureContext: this.#server.secureContext(),
      requestCert: true,
      rejectUnauthorized: false,
    })
    if (!(await handshake(secure))) {
      secure.destroy()
      return 'close'
    }
    secure.on('_tlsError', () => secure.destroy())
    this.#record.tls = this.#peerTls(secure)
    this.#record.ehlo = ''
    this.#greeted = false
    this.#reset()
    this.#socket = secure
    this.#stream = new ByteStream(secure)
    secure.setTimeout(IDLE_TIMEOUT, () => secure.destroy())
    return 'go-on'
  }

  #peerTls(secure: TLSSocket): PeerTls {
    const chain = this.#server.wholeChain(presentedChain(secure), secure.isSessionReused())
    const leaf = chain[0]
    const { anchors, clientUsage } = this.#server.options
    return {
      version: secure.getProtocol() ?? '',
      cipher: secure.getCipher().standardName,
      servername: typeof secure.servername === 'string' ? secure.servername : undefined,
      resumed: secure.isSessionReused(),
      certificate: leaf,
      names: leaf ? certificateNames(leaf) : [],
      verdict: leaf ? judgeChain(chain, { anchors, at: new Date(), usage: clientUsage }) : undefined,
    }
  }

  #mail(argument: string): Next {
    if (!this.#greeted) return this.#say('503 5.5.2 Send hello first')
    if (this.#envelope) return this.#say('503 5.5.2 Sender already specified')
    if (this.#server.options.requireTls && !this.#record.tls)
      return this.#say('451 5.7.3 STARTTLS is required')
    const envelope = readMail(argument, this.#offered())
    if ('refusal' in envelope) return this.#say(envelope.refusal)
    if ((envelope.size ?? 0) > this.#sizeLimit()) return this.#say(TOO_LARGE)
    const refusal = this.#server.service.checkSender(this.#record, envelope)
    if (refusal) return this.#say(refusal)
    this.#envelope = envelope
    return this.#say('250 2.1.0 Sender OK')
  }

  #rcpt(argument: string): Next {
    const envelope = this.#envelope
    if (!envelope || this.#incoming) return this.#say('503 5.5.2 Need mail command')
    const recipient = readRecipient(argument, envelope, this.#offered())
    if ('refusal' in recipient) return this.#say(recipient.refusal)
    if (envelope.recipients.length >= this.#server.options.maxRecipients) {
      return this.#say('452 4.5.3 Too many recipients')
    }
    const refusal = this.#server.service.checkRecipient(this.#record, envelope, recipient)
    if (refusal) return this.#say(refusal)
    envelope.recipients.push(recipient)
    return this.#say('250 2.1.5 Recipient OK')
  }

  async #data(argument: string): Promise<Next> {
    const envelope = this.#envelope
    if (argument !== '') return this.#say('501 5.5.4 Invalid arguments')
    if (!envelope || this.#incoming) return this.#say('503 5.5.1 Bad sequence of commands')
    if (envelope.recipients.length === 0) return this.#say('503 5.5.2 Need rcpt command')
    // RFC 3030 3: a binary message may not come by DATA.
    if (envelope.body === 'BINARYMIME') return this.#say('503 5.5.1 Bad sequence of commands')
    this.#say('354 Start mail input; end with <CRLF>.<CRLF>')
    this.#flush()
    const incoming = new Incoming(this.#sizeLimit(), this.#server.faults.current.closeAfterDataBytes)
    const end = await incoming.readDotted(this.#stream)
    if (end !== 'complete') return 'close'
    return this.#finish(envelope, incoming, 'DATA')
  }

  async #bdat(argument: string): Promise<Next> {
    const match = /^(\d{1,15})( LAST)?$/i.exec(argument)
    if (!match) {
      this.#say('501 5.5.4 Invalid arguments')
      return 'close'
    }
    const envelope = this.#envelope
    const noChunking = this.#server.faults.current.noChunking === true
    const wrong = noChunking || !envelope || envelope.recipients.length === 0
    const incoming =
      this.#incoming ?? new Incoming(this.#sizeLimit(), this.#server.faults.current.closeAfterDataBytes)
    // RFC 3030 2: the octets follow the command whatever the answer will be.
    const end = await incoming.readCounted(this.#stream, Number(match[1]), wrong)
    if (end !== 'complete') return 'close'
    const struck = await this.#struck('BDAT', argument)
    if (struck) {
      this.#reset()
      return struck
    }
    if (noChunking) return this.#say('500 5.3.3 Unrecognized command')
    if (wrong) return this.#say('503 5.5.1 Bad sequence of commands')
    this.#incoming = incoming
    if (match[2] !== undefined) return this.#finish(envelope, incoming, 'BDAT')
    return this.#say(incoming.tooLarge ? TOO_LARGE : '250 2.6.0 CHUNK received OK')
  }

  async #finish(envelope: Envelope, incoming: Incoming, via: 'DATA' | 'BDAT'): Promise<Next> {
    const faults = this.#server.faults.current
    this.#reset()
    const struck = await this.#struck(
      'END',
      [envelope.sender, ...envelope.recipients.map((r) => r.address)].join(' '),
    )
    if (struck) return struck
    let reply: string
    if (incoming.tooLarge) reply = TOO_LARGE
    else {
      const data: ReceivedData = { raw: incoming.message(), via, chunks: incoming.chunks }
      const refused = via === 'DATA' && this.#server.options.refuseBareLf && hasBareLineEnding(data.raw)
      reply = refused
        ? '550 5.6.11 Bare line feeds are not allowed in DATA'
        : await this.#server.service.receive(this.#record, envelope, data)
    }
    if (faults.finalReplyDelay !== undefined) await sleep(faults.finalReplyDelay)
    return this.#say(reply)
  }

  async #struck(at: FaultPoint, argument: string): Promise<Next | undefined> {
    const override = this.#server.faults.take(at, argument)
    if (!override) return undefined
    if (override.delay !== undefined) await sleep(override.delay)
    if (override.reply !== undefined) {
      this.#say(this.#server.service.complete?.(this.#record, override.reply) ?? override.reply)
    }
    if (override.close) return 'close'
    return override.reply === undefined && override.delay !== undefined ? undefined : 'go-on'
  }

  #reset(): void {
    this.#envelope = undefined
    this.#incoming = undefined
  }

  #say(reply: string): 'go-on' {
    this.#note(`S: ${reply}`)
    this.#output += `${reply}\r\n`
    return 'go-on'
  }

  #flush(): void {
    if (this.#output === '') return
    if (!this.#socket.destroyed) this.#socket.write(this.#output)
    this.#output = ''
  }

  #note(line: string): void {
    if (this.#record.transcript.length < LONGEST_TRANSCRIPT) this.#record.transcript.push(line.slice(0, 1000))
  }
}

const TOO_LARGE = '552 5.3.4 Message size exceeds fixed maximum message size'

function isFaultPoint(verb: string): verb is FaultPoint {
  return ['EHLO', 'HELO', 'STARTTLS', 'MAIL', 'RCPT', 'DATA', 'RSET', 'NOOP', 'VRFY', 'QUIT'].includes(verb)
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}

function handshake(secure: TLSSocket): Promise<boolean> {
  return new Promise((resolve) => {
    secure.once('secure', () => { resolve(true) }) // prettier-ignore
    secure.once('error', () => { resolve(false) }) // prettier-ignore
    secure.once('close', () => { resolve(false) }) // prettier-ignore
  })
}

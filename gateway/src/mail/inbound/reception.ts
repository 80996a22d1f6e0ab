/**
 * Receives one mail: holds the header section, asks whose mail it is before a byte is stored, streams the body into the sealed
 * bodies of all parts, and makes it safe. A refusal is kept until the peer has sent everything it announced. Knows no commands
 * and no socket. What is lost if it fails: nothing that was answered 250, because that reply is made from the result of `safe`.
 */
import { ContentReader } from '../../smtp/content.ts'
import { formatReply } from '../../smtp/reply.ts'
import { StorageError } from '../body.ts'
import type { TenantProof } from '../authentication.ts'
import type { Envelope } from '../envelope.ts'
import type { MailId, Peer, ReceivedMail } from '../message.ts'
import { BodySink } from './body-sink.ts'
import { findIdentifiers, HeaderCollector } from './header-section.ts'
import type { Identifiers } from './header-section.ts'
import type { ResolvedOptions } from './options.ts'
import type { AttributedPart, AttributionResult, InboundPorts } from './ports.ts'
import { receivedField } from './received-field.ts'
import * as REPLIES from './replies.ts'

/** What a reception is about. */
export interface ReceptionSubject {
  /** Given at MAIL. */
  readonly id: MailId
  readonly via: 'DATA' | 'BDAT'
  readonly peer: Peer
  /** The peer said EHLO. */
  readonly extended: boolean
  readonly envelope: Envelope
}

/** One mail on its way in. */
export class Reception {
  /** The reply that refuses the mail, once there is one. The rest of the mail is then only counted. */
  refusal: string | null = null
  /** After `take`: when set, nothing more may be taken before it resolves. It never rejects. */
  pending: Promise<void> | undefined

  readonly #subject: ReceptionSubject
  readonly #options: ResolvedOptions
  readonly #ports: InboundPorts
  readonly #reader: ContentReader
  #collector: HeaderCollector | null = null
  #identifiers: Identifiers = { messageId: null, networkMessageId: null }
  #parts: readonly AttributedPart[] = []
  #ids: readonly MailId[] = []
  /** null until attribution let the mail in, and again when it was given up. */
  #sink: BodySink | null = null
  /** The proof that the attribution waits for; null when it stands already. */
  #proof: TenantProof | null = null

  /**
   * @param subject - who sends what to whom
   * @param options - for the limits and the log
   * @param ports - attribution, store and clock
   */
  constructor(subject: ReceptionSubject, options: ResolvedOptions, ports: InboundPorts) {
    this.#subject = subject
    this.#options = options
    this.#ports = ports
    this.#reader = new ContentReader(subject.via === 'DATA')
  }

  /** Octets of content so far. */
  get size(): number {
    return this.#reader.size
  }

  /** Whether the end of the data has come; only DATA has one. */
  hasEnded(): boolean {
    return this.#reader.hasEnded()
  }

  /**
   * Takes the octets `[from, to)` of a chunk, which are changed in place.
   * @returns the index of the first octet that was not taken
   */
  take(chunk: Buffer, from: number, to: number): number {
    const reader = this.#reader
    const next = reader.read(chunk, from, to)
    if (this.refusal === null) this.#check()
    if (this.refusal === null && reader.pieceEnd > reader.pieceStart) {
      if (this.#sink === null) this.#takeHeader(chunk.subarray(reader.pieceStart, reader.pieceEnd))
      else this.#body(chunk.subarray(reader.pieceStart, reader.pieceEnd))
    }
    return next
  }

  /** Refuses the mail with a reply and gives up what was stored. The first refusal stays. */
  refuse(reply: string, reason: string, detail = ''): void {
    if (this.refusal !== null) return
    this.refusal = reply
    this.abort()
    this.#options.log.info('mail-refused', {
      mail: this.#subject.id,
      address: this.#subject.peer.address,
      reply: reply.trimEnd(),
      reason,
      detail,
    })
  }

  /** Gives up what was stored; for a connection that drops or a reset. */
  abort(): void {
    this.#sink?.abort()
    this.#sink = null
    this.#proof?.abort()
    this.#proof = null
    this.#collector = null
  }

  /**
   * The mail is complete: makes it safe.
   * @returns the reply, or the promise of it, which never rejects
   */
  finish(): string | Promise<string> {
    this.#reader.finish()
    if (this.refusal === null) this.#check()
    // RFC 5322 2.1: a mail may end with its header section
    if (this.refusal === null && this.#sink === null) this.#open(this.#collector?.section ?? Buffer.alloc(0))
    if (this.refusal !== null) return this.refusal
    return this.#store()
  }

  #check(): void {
    const reader = this.#reader
    const { limits } = this.#options
    if (reader.size > limits.messageSize) this.refuse(REPLIES.TOO_LARGE, 'message-too-large')
    // RFC 5321 2.3.8: only BDAT carries a CR or LF that is no line end
    else if (reader.bareLineEnds && this.#subject.via === 'DATA') {
      this.refuse(REPLIES.BARE_LINE_END, 'bare-line-end')
    } else if (reader.longestHeaderLine > limits.headerLine) {
      this.refuse(REPLIES.HEADER_LINE_TOO_LONG, 'header-line-too-long')
    } else if (reader.bareLineEnds && this.#proof !== null) {
      // RFC 6376 5.3: what is signed has CRLF only; readers differ about the rest
      this.refuse(REPLIES.NOT_PROVED, 'dkim-bare-line-end')
    }
  }

  /** A piece has come and the header section is not complete yet. */
  #takeHeader(piece: Buffer): void {
    const { headerEnd, pieceStart } = this.#reader
    const end = headerEnd < 0 ? piece.length : headerEnd - pieceStart
    if ((this.#collector?.length ?? 0) + end > this.#options.limits.headerSection) {
      this.refuse(REPLIES.HEADER_TOO_LARGE, 'header-section-too-large')
      return
    }
    if (headerEnd < 0) {
      this.#collector ??= new HeaderCollector()
      this.#collector.add(piece)
      return
    }
    if (this.#collector === null) {
      this.#open(piece.subarray(0, end), piece)
      return
    }
    this.#collector.add(piece.subarray(0, end))
    const { section } = this.#collector
    this.#collector = null
    this.#open(section)
    this.#body(piece.subarray(end))
  }

  /**
   * The header section is complete: asks whose mail it is, and begins the bodies.
   * @param first - what to store first: the section, or the piece that begins with it
   */
  #open(section: Buffer, first: Buffer = section): void {
    const { envelope, id, peer } = this.#subject
    let result: AttributionResult
    try {
      result = this.#ports.attribute(peer, envelope, section)
      if (result.kind !== 'refused') requirePartition(result.parts, envelope.recipients.length)
    } catch (error) {
      this.#fail('attribution-failed', error)
      return
    }
    if (result.kind === 'refused') {
      const { code, enhanced, text, reason, detail } = result.refusal
      this.refuse(formatReply(code, enhanced, [text]), reason, detail)
      return
    }
    this.#parts = result.parts
    this.#ids = result.parts.map((_, index) => (index === 0 ? id : this.#ports.newId()))
    this.#identifiers = findIdentifiers(section)
    try {
      if (result.kind === 'proof-needed') this.#proof = this.#ports.prove(result.proof)
      this.#sink = new BodySink(
        result.parts.map((part, index) =>
          this.#ports.createBody({
            tenantId: part.attribution.tenantId,
            mailId: this.#ids[index] ?? id,
            copy: 0,
          }),
        ),
      )
    } catch (error) {
      this.#fail('body-not-begun', error)
      return
    }
    this.#write(first)
    // The proof has the header section already.
    this.#show(first.subarray(section.length))
  }

  /** A piece of the body that is not stored only. */
  #body(piece: Buffer): void {
    this.#write(piece)
    this.#show(piece)
  }

  /** Shows a piece of the body to the proof, if there is one. */
  #show(piece: Buffer): void {
    const seen = this.#proof?.write(piece)
    if (seen === undefined) return
    const { pending } = this
    this.pending = pending === undefined ? seen : pending.then(() => seen)
  }

  #write(piece: Buffer): void {
    if (this.#sink === null) return
    try {
      this.pending = this.#chain(this.#sink, piece)?.then(
        () => undefined,
        (error: unknown) => {
          this.#fail('body-not-written', error)
        },
      )
    } catch (error) {
      this.#fail('body-not-written', error)
    }
  }

  /** The header section and the first of the body are two writes of one piece: the second waits for the first. */
  #chain(sink: BodySink, piece: Buffer): Promise<void> | undefined {
    const earlier = this.pending
    return earlier === undefined ? sink.write(piece) : earlier.then(() => this.#sink?.write(piece))
  }

  async #store(): Promise<string> {
    try {
      await this.pending
      await this.#judge()
      const sink = this.#sink
      if (sink === null) return this.refusal ?? REPLIES.STORAGE_FAILED
      this.#sink = null
      await sink.finish()
      await this.#ports.safe(this.#mails())
      this.#options.log.info('mail-received', {
        mail: this.#subject.id,
        parts: this.#ids,
        address: this.#subject.peer.address,
        size: this.#reader.size,
        recipients: this.#subject.envelope.recipients.length,
      })
      return REPLIES.queued(this.#subject.id)
    } catch (error) {
      this.#fail('mail-not-safe', error)
      return this.refusal ?? REPLIES.STORAGE_FAILED
    }
  }

  /** Waits for the proof, where one is needed: what it does not prove is refused, as anything else that nobody can be told of. */
  async #judge(): Promise<void> {
    const proof = this.#proof
    if (proof === null) return
    this.#proof = null
    const verdict = await proof.finish()
    if (verdict.kind === 'unknown') this.refuse(REPLIES.NOT_PROVED_YET, 'dkim-key-unknown', verdict.detail)
    else if (verdict.kind === 'failed') this.refuse(REPLIES.NOT_PROVED, verdict.reason, verdict.detail)
  }

  /** Something of ours failed: temporary, the peer tries again. RFC 5321 4.2.5 */
  #fail(event: string, error: unknown): void {
    const full = error instanceof StorageError && error.kind === 'full'
    this.#options.log.error(event, {
      mail: this.#subject.id,
      error: error instanceof Error ? error.message : String(error),
    })
    this.refuse(full ? REPLIES.STORAGE_FULL : REPLIES.STORAGE_FAILED, event)
  }

  #mails(): ReceivedMail[] {
    const { envelope, extended, id, peer, via } = this.#subject
    const { smtpUtf8 } = envelope
    const receivedAt = this.#ports.now()
    const body = this.#reader.facts
    return this.#parts.map((part, index) => {
      const mailId = this.#ids[index] ?? id
      return {
        id: mailId,
        tenantId: part.attribution.tenantId,
        direction: part.attribution.direction,
        envelope: this.#parts.length === 1 ? envelope : narrow(envelope, part.recipients),
        receivedAt,
        receivedField: receivedField({
          peer,
          fqdn: part.fqdn,
          extended,
          smtpUtf8,
          id: mailId,
          receivedAt,
        }),
        peer,
        body,
        attribution: part.attribution,
        ...this.#identifiers,
        via,
      }
    })
  }
}

/** Each recipient belongs to exactly one part: no mail is answered for that goes nowhere, none goes twice. */
function requirePartition(parts: readonly AttributedPart[], recipients: number): void {
  const seen = new Set(parts.flatMap((part) => part.recipients))
  const count = parts.reduce((sum, part) => sum + part.recipients.length, 0)
  const inRange = [...seen].every((index) => Number.isInteger(index) && index >= 0 && index < recipients)
  if (seen.size !== recipients || count !== recipients || !inRange) {
    throw new Error('attribution does not cover each recipient exactly once')
  }
}

function narrow(envelope: Envelope, recipients: readonly number[]): Envelope {
  return { ...envelope, recipients: envelope.recipients.filter((_, index) => recipients.includes(index)) }
}

/**
 * What inbound needs from the rest of the gateway. main.ts plugs the parts in; inbound knows none of them.
 */
import type { ProofRequest, TenantProof } from '../authentication.ts'
import type { Envelope } from '../envelope.ts'
import type { Attribution, MailId, Peer, ReceivedMail } from '../message.ts'
import type { BodyRef, BodyWriter } from '../body.ts'

/** A refusal: what the peer hears (dull and exact) and what the operator reads. */
export interface Refusal {
  /** 4xx or 5xx. */
  readonly code: number
  readonly enhanced: string
  /** Goes to the peer. */
  readonly text: string
  /** Goes to the log and the trace: a stable code, and details without secrets. */
  readonly reason: string
  readonly detail: string
  /** The subject holds the mark of a tenant's open round trip: its operator is told what was refused; absent otherwise. */
  readonly marked?: { readonly tenantId: string; readonly leg: 'outbound' | 'inbound' }
}

/** A mail that comes of a transaction: for whom, with which attribution. */
export interface AttributedPart {
  readonly attribution: Attribution
  readonly fqdn: string
  readonly recipients: readonly number[]
}

/**
 * What attribution says of one transaction. Mail for several directions is split into several mails with one body. With
 * `proof-needed` it is so only if the proof holds, which needs the body: nothing may be called safe before.
 */
export type AttributionResult =
  | { readonly kind: 'attributed'; readonly parts: readonly AttributedPart[] }
  | { readonly kind: 'proof-needed'; readonly parts: readonly AttributedPart[]; readonly proof: ProofRequest }
  | { readonly kind: 'refused'; readonly refusal: Refusal }

/** The ports of inbound. */
export interface InboundPorts {
  /** Asked when a connection opens; null lets it in. */
  screen(address: string): Refusal | null
  /**
   * Asked for each recipient at RCPT, before anybody knows whose mail it is; null lets it pass on to attribution. Replies 421
   * and 521 end the connection.
   */
  recipient(address: string): Refusal | null
  /**
   * Whose mail is this? Asked once per transaction, when the header section is complete and before any byte is stored.
   * Pure and synchronous: the time it takes does not depend on how near a wrong secret is to the right one.
   */
  attribute(peer: Peer, envelope: Envelope, headerSection: Buffer): AttributionResult
  /** Begins the proof that attribution asks for; it sees the body as it comes. */
  prove(request: ProofRequest): TenantProof
  /** Begins the sealed body of one part. */
  createBody(ref: BodyRef): BodyWriter
  /**
   * Resolves when all parts of a mail are safe (design: disk, or the next hop's final reply): all of them or none, since after
   * anything but 250 the peer repeats the whole. Their bodies are finished before; from this call on they are the
   * implementer's, also when it rejects. Rejects with StorageError.
   */
  safe(parts: readonly ReceivedMail[]): Promise<void>
  /** A new mail id. */
  newId(): MailId
  /** The clock, in milliseconds since 1970. */
  now(): number
}

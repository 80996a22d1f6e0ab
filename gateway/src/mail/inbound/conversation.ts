/**
 * What a verb may see and do of the connection it came on. The session implements it; the verbs know nothing else, no socket least.
 */
import type { ResolvedOptions } from './options.ts'
import type { InboundPorts } from './ports.ts'
import type { Transaction } from './transaction.ts'

/** The connection as verbs see it. */
export interface Conversation {
  readonly options: ResolvedOptions
  readonly ports: InboundPorts
  /** The peer's address. */
  readonly address: string
  /** TLS is active. */
  readonly secure: boolean
  /** How the peer introduced itself since the connection began or TLS became active; null when it did not yet. */
  readonly greeting: 'HELO' | 'EHLO' | null
  readonly transaction: Transaction | null
  /** Octets of the peer stand behind this command and were not read yet. */
  readonly hasMoreInput: boolean
  /** The reply to EHLO as things stand. */
  readonly ehloReply: string

  /** Answers. Replies of commands that came together leave together. RFC 2920 3.2 */
  reply(text: string): void
  /** Answers a command that was wrong in form or order; too many of them end the connection. */
  fault(text: string): void
  /** Answers a command that brings no mail forward; too many of them end the connection. */
  idle(text: string): void
  /** Answers and closes the connection. */
  farewell(text: string): void
  /** The peer introduced itself; ends a transaction. RFC 5321 4.1.4 */
  introduce(greeting: 'HELO' | 'EHLO', name: string): void
  /** A transaction begins; ends the connection instead if it had enough of them. */
  begin(transaction: Transaction): void
  /** The transaction, if there is one, never was. RFC 5321 4.1.1.5 */
  reset(): void
  /** Answers and lets the TLS handshake begin. RFC 3207 4 */
  startTls(): void
  /** Answers and reads the mail up to the line with the dot. RFC 5321 4.1.1.4 */
  startData(): void
  /**
   * Reads `size` octets of the mail. RFC 3030 2
   * @param refusal - when not null, the octets are thrown away and this is the answer
   */
  startChunk(size: number, last: boolean, refusal: string | null): void
}

/**
 * Carries out one command.
 * @param argument - what stands behind the verb, without the space between and without spaces at its end
 */
export type Verb = (conversation: Conversation, argument: string) => void

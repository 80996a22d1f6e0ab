/**
 * What became of one attempt to deliver to one recipient, in the words every step shares.
 * A failure says temporary or permanent, what the peer said, and whose fault it is; unknown means temporary.
 */
import type { Reason } from './plan.ts'

/** A reply of the peer as far as we keep it. RFC 5321 4.2, RFC 3463 */
export interface PeerReply {
  /** 200 to 599. */
  readonly code: number
  /** `class.subject.detail`; null when the peer gave none. */
  readonly enhanced: string | null
  /** All lines joined by LF, at most 2000 characters, control characters replaced. */
  readonly text: string
}

/** The host that was tried. */
export interface Hop {
  /** The route as it is written in the configuration: the look-up key of the TLS policy map. */
  readonly route: string
  readonly host: string
  readonly address: string
  readonly port: number
  /** TLS version, cipher and verified name, or null when the session had no TLS. */
  readonly tls: {
    readonly version: string
    readonly cipher: string
    readonly verified: boolean
    readonly name: string | null
    /** The TLSA record that vouches for the certificate; absent without DANE. */
    readonly record?: string
  } | null
  /** How it came to what TLS had to be here: DANE, MTA-STS; absent where only map, floor or default decided. */
  readonly why?: readonly Reason[]
}

/**
 * delivered: the next hop took it. relayed: it took it but promises no DSN (RFC 3461 5.2.2).
 * deferred: try again. failed: permanent, to be bounced. held: ours or the tenant's configuration is at fault, an operator must act.
 */
export type OutcomeKind = 'delivered' | 'relayed' | 'deferred' | 'failed' | 'held'

/** The outcome of one attempt for one delivery. */
export interface Outcome {
  /** The delivery's number within its mail. */
  readonly delivery: number
  readonly kind: OutcomeKind
  /** Enhanced status code for the DSN. RFC 3463 */
  readonly status: string
  readonly reason: Reason
  readonly reply: PeerReply | null
  readonly hop: Hop | null
}

/**
 * Mail authentication as the path of a mail needs it: the port and its nouns. Proof of a tenant by DKIM while a mail comes in, the
 * state of a mail's ARC chain before anything is changed, the fields that go on a treated copy. Types only; the implementation
 * stands in `gateway/src/authentication` and is asked only where an answer decides something: it is dear.
 */
import type { KeyObject } from 'node:crypto'
import type { ByteSource, ByteView, HeaderField } from '@siegel/engine'

/** A key that a domain publishes in DNS under a selector. RFC 6376 3.1 */
export interface DomainKey {
  /** Lower case, A-labels. */
  readonly domain: string
  readonly selector: string
  /** RSA or Ed25519. */
  readonly key: KeyObject
}

/** A mail whose tenant is only known when one of its signatures verifies. */
export interface ProofRequest {
  /** The header section with its empty line, reduced to the signatures that may prove something. */
  readonly header: Buffer
  /** The signing domains that prove it, lower case. */
  readonly domains: readonly string[]
}

/** What a proof came to. */
export type ProofVerdict =
  | { readonly kind: 'proved'; readonly domain: string }
  /** For good: `reason` is a stable code, `detail` is for the operator. */
  | { readonly kind: 'failed'; readonly reason: string; readonly detail: string }
  /** Nobody could say: the same mail may be proved later. */
  | { readonly kind: 'unknown'; readonly detail: string }

/** A proof in the making. Exactly one of `finish` and `abort` ends it. */
export interface TenantProof {
  /** Takes a piece of the body, which may be reused at once. @returns a promise when more may only come after it; it never rejects */
  write(piece: Buffer): Promise<void> | undefined
  /** The body is complete. Never rejects. */
  finish(): Promise<ProofVerdict>
  /** Gives it up. */
  abort(): void
}

/** The received mail, as it is asked about before anything of it is changed. */
export interface ExaminedMail {
  readonly source: ByteSource
  /** Holds the header section at least. */
  readonly bytes: ByteView
  readonly fields: readonly HeaderField[]
  /** Indices of fields that do not go on: nothing is believed of them. */
  readonly removed: ReadonlySet<number>
  readonly longestLine: number
}

/**
 * The ARC chain that a mail came with. none: there is none. pass, fail: verified, or found wrong. closed: nothing may be added, it
 * says itself that it has failed, or is full. unknown: nobody could say, DNS did not answer. unread: beyond a limit.
 */
export interface ArcChain {
  readonly state: 'none' | 'pass' | 'fail' | 'closed' | 'unknown' | 'unread'
  /** The highest instance; 0 without a chain. */
  readonly instance: number
  /** With `pass`: results, message signature and seal of each set, oldest first, as they stand in the header. */
  readonly sets: readonly Buffer[]
  /** For the trace. */
  readonly detail: string
}

/** What a mail says of itself when it arrives. */
export interface Arrival {
  readonly chain: ArcChain
  /** What Exchange Online stamped on entry, as resinfo list; null when it stamped nothing. */
  readonly results: string | null
}

/** A treated copy that gets fields on top. */
export interface StampRequest {
  readonly chunks: Iterable<Buffer> | AsyncIterable<Buffer>
  /** Seal it, under this name, with what was known at arrival. */
  readonly seal: { readonly key: DomainKey; readonly authservId: string; readonly arrival: Arrival } | null
  /** Sign it with each of these. */
  readonly sign: readonly DomainKey[]
  /** Milliseconds since 1970. */
  readonly now: number
}

/** What goes on top of a copy. */
export interface Stamp {
  /** Complete fields with their line ends; empty when there is nothing to add. */
  readonly fields: Buffer
  /** The instance of the seal; null when it was not sealed. */
  readonly sealedAs: number | null
}

/** The port. */
export interface MailAuthentication {
  /** Begins a proof. */
  prove(request: ProofRequest): TenantProof
  /** Looks at what a mail came with. Rejects with what the source rejects with. */
  examine(mail: ExaminedMail): Promise<Arrival>
  /** Makes the fields for the top of a copy. Rejects with what the chunks reject with. */
  stamp(request: StampRequest): Promise<Stamp>
}

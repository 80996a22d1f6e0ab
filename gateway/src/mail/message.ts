/**
 * A mail as it was received and as it is kept: who brought it, for which tenant, its envelope, and where its bytes are.
 * Nouns only. The bytes themselves are never held here, they lie sealed in the spool (body.ts).
 */
import type { Envelope } from './envelope.ts'

/** UUIDv7 as 26 Crockford base32 characters; given at MAIL; the same in the reply, Received, logs, API and notices. */
export type MailId = string

/** outbound: tenant to world; inbound: world to tenant; notice, report (about TLS, to the world): written by Siegel itself. */
export type Direction = 'outbound' | 'inbound' | 'notice' | 'report'

/** What inbound counted while the body passed by. Decides which extensions the next hop must have. */
export interface BodyFacts {
  /** Octets as received, after removing dot-stuffing. */
  readonly size: number
  /** Octets of the header section, with the empty line. */
  readonly headerSize: number
  /** An octet above 127 occurs in the body. */
  readonly eightBit: boolean
  /** An octet above 127 occurs in the header section. RFC 6532 */
  readonly eightBitHeader: boolean
  /** A CR or LF that is not part of a CRLF occurs; only BDAT can carry it. */
  readonly bareLineEnds: boolean
  /** A NUL octet occurs. */
  readonly nul: boolean
  /** The longest line in octets, without its line end. */
  readonly longestLine: number
}

/** What is known of the connection that brought a mail; kept in the trace. */
export interface Peer {
  /** IPv4 or IPv6 address in text; an IPv4-mapped IPv6 address is written as IPv4. */
  readonly address: string
  readonly port: number
  /** The EHLO or HELO argument. */
  readonly helo: string
  /** null before STARTTLS. */
  readonly tls: PeerTls | null
}

/** The TLS session of a peer. */
export interface PeerTls {
  /** `TLSv1.2` or `TLSv1.3`. */
  readonly version: string
  readonly cipher: string
  /** The server name the client asked for; null when it sent none. RFC 6066 3 */
  readonly serverName: string | null
  /** The client certificate; null when none was presented. */
  readonly certificate: PeerCertificateFacts | null
}

/** What attribution needs of a client certificate. */
export interface PeerCertificateFacts {
  /** Common names of the subject. */
  readonly commonNames: readonly string[]
  /** dNSName entries of subjectAltName. */
  readonly dnsNames: readonly string[]
  /** The chain ends in an anchor that the listener trusts for client certificates. */
  readonly trusted: boolean
  /** Node's code of why it is not trusted; null when it is. */
  readonly trustError: string | null
  /** SHA-256 over the DER certificate, lower-case hex. */
  readonly fingerprint: string
}

/** The factor that lets the test mail of connector validation in: it is passed on and nothing else. */
export const VALIDATION_WINDOW = 'validation-window'

/** The factor that tells mail with the secret that the rules should stamp, while secrets are being changed. */
export const NEW_SECRET = 'new-secret'

/** Proof of whose mail this is. Made by attribution, before a byte of the body is stored. */
export interface Attribution {
  readonly tenantId: string
  /** Never `notice`; `mixed` is split by the caller before it gets here. */
  readonly direction: 'outbound' | 'inbound'
  /** Which factors proved it, as stable codes in the order they were checked. */
  readonly factors: readonly string[]
  /** The indices of header fields that must not go on (secret header, forged own headers), with the code of the reason. */
  readonly removedFields: readonly {
    readonly index: number
    readonly name: string
    readonly reason: string
  }[]
  /** How often this mail passed this gateway before in this direction, by our own authenticated marker. */
  readonly earlierPasses: number
  /** Its subject holds the mark of the tenant's open round trip; absent otherwise. */
  readonly roundTripMark?: true
}

/** A mail that inbound has received and the queue is to keep. */
export interface ReceivedMail {
  readonly id: MailId
  readonly tenantId: string
  readonly direction: Direction
  readonly envelope: Envelope
  /** Milliseconds since 1970. */
  readonly receivedAt: number
  /** The complete `Received` field that goes on top, with CRLF; empty for notices. RFC 5321 4.4 */
  readonly receivedField: string
  readonly peer: Peer | null
  readonly body: BodyFacts
  readonly attribution: Attribution | null
  /** Message-ID as in the header, for the trace only; null when absent or longer than 998 octets. RFC 5322 3.6.4 */
  readonly messageId: string | null
  /** X-MS-Exchange-Organization-Network-Message-Id or its CrossTenant twin, for the trace only. */
  readonly networkMessageId: string | null
  /** The listener took it by DATA or BDAT, for the trace. */
  readonly via: 'DATA' | 'BDAT' | 'local'
}

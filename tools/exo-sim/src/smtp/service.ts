// The shapes between a server, its sessions and the service behind them. Types only.
import type { X509Certificate } from 'node:crypto'
import type { SecureContext } from 'node:tls'
import type { Credentials } from '../config.ts'
import type { ChainVerdict } from '../tls/chain.ts'
import type { Envelope, EnvelopeRecipient } from './envelope.ts'
import type { FaultMenu } from './faults.ts'

/** What is known of the TLS layer of a session. */
export interface PeerTls {
  /** For example `TLSv1.3`. */
  version: string
  /** OpenSSL's name of the cipher suite. */
  cipher: string
  /** SNI sent by the client. */
  servername: string | undefined
  /** Whether the session was resumed. */
  resumed: boolean
  /** The client's certificate, if it presented one. */
  certificate: X509Certificate | undefined
  /** Names of that certificate. */
  names: string[]
  /** Verdict on its chain; absent without a certificate. */
  verdict: ChainVerdict | undefined
}

/** One connection to a server. */
export interface SessionInfo {
  /** Sixteen hexadecimal digits. */
  readonly id: string
  /** Address of the client. */
  readonly remoteAddress: string
  /** Argument of the last EHLO or HELO. */
  ehlo: string
  /** There once STARTTLS has succeeded. */
  tls: PeerTls | undefined
}

/** A connection as it is remembered. */
export interface ConnectionRecord extends SessionInfo {
  /** Everything the client sent before TLS, in clear text (the ClientHello is not in it). */
  clear: Buffer[]
  /** Commands (`C: `) and replies (`S: `), capped. */
  transcript: string[]
}

/** A message as it was received. */
export interface ReceivedData {
  /** The octets of the message. */
  raw: Buffer
  /** How it came. */
  via: 'DATA' | 'BDAT'
  /** Number of BDAT chunks, or 1. */
  chunks: number
}

/** What a server does with mail. Each check returns a refusal (a reply line) or undefined. */
export interface MailService {
  /** Name in the banner. */
  readonly hostname: string
  /** Text after the name in the banner. */
  banner(session: SessionInfo): string
  /** First line of the EHLO reply without the code. */
  hello(session: SessionInfo): string
  /** Fills in what a reply of the fault menu leaves open. */
  complete?(session: SessionInfo, reply: string): string
  /** Judges the EHLO argument. */
  checkHello(session: SessionInfo, name: string): string | undefined
  /** Judges MAIL. */
  checkSender(session: SessionInfo, envelope: Envelope): string | undefined
  /** Judges RCPT; the recipient is not in the envelope yet. */
  checkRecipient(session: SessionInfo, envelope: Envelope, recipient: EnvelopeRecipient): string | undefined
  /** Takes the message over and gives the final reply. */
  receive(session: SessionInfo, envelope: Envelope, data: ReceivedData): string | Promise<string>
}

/** How a server is set up. */
export interface ServerOptions {
  /** Address to listen on. */
  bind: string
  /** Port, 0 for the kernel's choice. */
  port: number
  /** Certificate and key. */
  credentials: Credentials
  /** Roots for client certificates. */
  anchors: readonly X509Certificate[]
  /** Usage that client certificates must carry, an OID. */
  clientUsage?: string | undefined
  /** Octets. */
  maxMessageSize: number
  /** Recipients of one transaction. */
  maxRecipients: number
  /** Refuse MAIL before STARTTLS. */
  requireTls: boolean
  /** Milliseconds until a connection is cut. */
  sessionLifetime?: number | undefined
  /** Connections of one address; one more hears `421 4.3.2`. */
  maxConnections?: number | undefined
  /** Refuse a message with a bare CR or LF that came by DATA. */
  refuseBareLf: boolean
}

/** What a session needs of the server that opened it. */
export interface SessionHost {
  readonly service: MailService
  readonly options: ServerOptions
  readonly faults: FaultMenu
  /** TLS context of the certificate now in force. */
  secureContext(): SecureContext
  /** Completes the chain of a resumed TLS session, which brings the leaf only. */
  wholeChain(chain: X509Certificate[], resumed: boolean): X509Certificate[]
}

/**
 * What a listener is given: where it listens, its names, its certificates, its limits and its patience. Values only; what may
 * change at run time (certificates) is a function. Reads no configuration by itself.
 */
import type { SecureContext } from 'node:tls'

import type { Log } from '../../observe/log.ts'

/** How much one listener, one connection and one mail may take. */
export interface ListenerLimits {
  /** Octets of a mail; the SIZE keyword. RFC 1870 */
  readonly messageSize: number
  /** Octets of the header section. */
  readonly headerSection: number
  /** Octets of one line of the header section. */
  readonly headerLine: number
  /** Recipients of one mail. RFC 5321 4.5.3.1.8 */
  readonly recipients: number
  /** Octets of a command line with its CRLF. RFC 5321 4.5.3.1.4 */
  readonly commandLine: number
  /** Connections at the same time. */
  readonly connections: number
  /** Connections at the same time from one address. */
  readonly connectionsPerAddress: number
  /** Mails offered on one connection. */
  readonly transactions: number
  /** Commands refused for their form or order before the connection is closed. */
  readonly badCommands: number
  /** Commands that bring no mail forward (NOOP, RSET, VRFY, EHLO) between two accepted mails. */
  readonly idleCommands: number
  /** Chunks of a mail beyond one for every 512 octets of it: each costs a command and a reply, however small it is. */
  readonly smallChunks: number
}

/** How long a peer is waited for, in milliseconds. */
export interface ListenerTimeouts {
  /** For the next whole command. RFC 5321 4.5.3.2.7 */
  readonly command: number
  /** Between two pieces of a mail. RFC 5321 4.5.3.2.5 */
  readonly data: number
  /** For the end of the TLS handshake. */
  readonly handshake: number
  /** For storing a mail after its end; the peer waits 10 minutes for our reply. RFC 5321 4.5.3.2.6 */
  readonly final: number
  /** For the whole connection; a mail on its way may take as long again. */
  readonly connection: number
  /** For the peer to close after our last reply. */
  readonly linger: number
}

/** The options of a listener. */
export interface ListenerOptions {
  /** The address to listen on. */
  readonly address: string
  /** The port to listen on; 0 lets the kernel pick one. */
  readonly port: number
  /** The name in the greeting and the EHLO reply. RFC 5321 4.2 */
  readonly fqdn: string
  /**
   * The certificates to present and the anchors to judge client certificates by, made with `createServerContext`; asked at every
   * handshake, so that they may change at any time.
   *
   * @param serverName - the name the client asked for, as it came (RFC 6066 3); null when it sent none
   */
  secureContext(serverName: string | null): SecureContext
  readonly log: Log
  readonly limits?: Partial<ListenerLimits>
  readonly timeouts?: Partial<ListenerTimeouts>
}

/** The options with nothing left out. */
export interface ResolvedOptions extends ListenerOptions {
  readonly limits: ListenerLimits
  readonly timeouts: ListenerTimeouts
}

const DEFAULT_LIMITS: ListenerLimits = {
  messageSize: 157_286_400,
  headerSection: 1_048_576,
  headerLine: 65_536,
  recipients: 1000,
  commandLine: 2048,
  connections: 1000,
  connectionsPerAddress: 100,
  transactions: 10_000,
  badCommands: 20,
  idleCommands: 1000,
  smallChunks: 1000,
}

const MINUTE = 60_000

const DEFAULT_TIMEOUTS: ListenerTimeouts = {
  command: 5 * MINUTE,
  data: 3 * MINUTE,
  handshake: MINUTE,
  final: 9 * MINUTE,
  connection: 120 * MINUTE,
  linger: 2000,
}

/** Fills in the defaults. */
export function resolveOptions(options: ListenerOptions): ResolvedOptions {
  return {
    ...options,
    limits: { ...DEFAULT_LIMITS, ...options.limits },
    timeouts: { ...DEFAULT_TIMEOUTS, ...options.timeouts },
    secureContext: (serverName) => options.secureContext(serverName),
  }
}

// Faults that a test can switch on at any server of the simulator while it runs.
// They only describe; the session obeys them.
import type { Credentials } from '../config.ts'

/** Where in the dialogue an {@link Override} strikes. `END` is the reply to the whole message. */
export type FaultPoint =
  | 'CONNECT'
  | 'EHLO'
  | 'HELO'
  | 'STARTTLS'
  | 'MAIL'
  | 'RCPT'
  | 'DATA'
  | 'BDAT'
  | 'END'
  | 'RSET'
  | 'NOOP'
  | 'VRFY'
  | 'QUIT'

/** Another reply than the right one, or none at all. */
export interface Override {
  /** The point it strikes at. */
  at: FaultPoint
  /**
   * Only if the argument contains this text, or matches. The argument is what follows the verb; for `END` it is
   * sender and recipients, separated by spaces.
   */
  match?: string | RegExp
  /** The reply, one line, for example `451 4.3.0 Try later`. Without it nothing is said. */
  reply?: string
  /** Close the connection then. */
  close?: boolean
  /** Wait so many milliseconds first; without `reply` and `close` the right answer follows the wait. */
  delay?: number
  /** Strike only so many times. Default: always. */
  times?: number
}

/** What is wrong with a server. The empty object is a healthy one. */
export interface Faults {
  /** STARTTLS is neither offered nor taken. */
  noStartTls?: boolean
  /** Another certificate for connections from now on (wrong name, expired, self-signed, untrusted …). */
  credentials?: Credentials
  /** Close the TLS handshake by ending the connection after 220. */
  breakHandshake?: boolean
  /** Overrides; the first that fits and has strikes left is used. */
  overrides?: Override[]
  /** Close the connection after so many octets of message data in one transaction. */
  closeAfterDataBytes?: number
  /** Wait before the final reply, in milliseconds. */
  finalReplyDelay?: number
  /** Do not offer CHUNKING (nor BINARYMIME), and do not understand BDAT. */
  noChunking?: boolean
  /** Do not offer 8BITMIME (nor BINARYMIME). */
  no8BitMime?: boolean
  /** Do not offer SMTPUTF8. */
  noSmtpUtf8?: boolean
  /** Do not offer DSN. */
  noDsn?: boolean
  /** Do not offer PIPELINING. */
  noPipelining?: boolean
  /** Offer and enforce this SIZE, in octets. */
  size?: number
}

/** The faults of one server with the strikes that are left. */
export class FaultMenu {
  #faults: Faults = {}
  #left = new Map<Override, number>()

  /** The faults now in force. */
  get current(): Faults {
    return this.#faults
  }

  /** Replaces all faults. */
  set(faults: Faults): void {
    this.#faults = faults
    this.#left = new Map()
    for (const override of faults.overrides ?? []) this.#left.set(override, override.times ?? Infinity)
  }

  /** The override that strikes here, if any; its strike is used up. */
  take(at: FaultPoint, argument: string): Override | undefined {
    if (this.#left.size === 0) return undefined
    for (const [override, left] of this.#left) {
      if (override.at !== at || left <= 0 || !fits(override, argument)) continue
      this.#left.set(override, left - 1)
      return override
    }
    return undefined
  }
}

function fits(override: Override, argument: string): boolean {
  if (override.match === undefined) return true
  if (typeof override.match === 'string') return argument.includes(override.match)
  override.match.lastIndex = 0
  return override.match.test(argument)
}

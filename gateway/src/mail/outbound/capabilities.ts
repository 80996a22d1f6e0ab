/**
 * What a hop says it can do (its EHLO reply), and whether a copy needs something of it that it lacks. Pure.
 */
import { isAscii } from '../../smtp/address.ts'
import type { Reply } from '../../smtp/reply.ts'
import type { Envelope, Recipient } from '../envelope.ts'
import { failed, type Verdict } from './verdict.ts'

/** The extensions that matter to us. */
export interface Capabilities {
  readonly starttls: boolean
  /** RFC 2920 */
  readonly pipelining: boolean
  /** RFC 3030 */
  readonly chunking: boolean
  /** RFC 6152 */
  readonly eightBitMime: boolean
  /** RFC 6531 */
  readonly smtpUtf8: boolean
  /** RFC 3461 */
  readonly dsn: boolean
  /** The SIZE extension is offered. RFC 1870 */
  readonly sizeDeclared: boolean
  /** Its limit in octets; null when none is known. */
  readonly size: number | null
}

/** What outbound must know of a copy's bytes. */
export interface CopyFacts {
  /** Octets. */
  readonly size: number
  /** An octet above 127 occurs in the body. */
  readonly eightBit: boolean
  /** An octet above 127 occurs in the header section. */
  readonly eightBitHeader: boolean
  /** A CR or LF that is not part of a CRLF occurs. */
  readonly bareLineEnds: boolean
  /** A NUL octet occurs; when it is not known, outbound looks while it sends by DATA. */
  readonly nul?: boolean
  /** The longest line in octets; not acted upon, long lines pass. */
  readonly longestLine: number
}

/** A hop that answered HELO only. */
export const NO_CAPABILITIES: Capabilities = {
  starttls: false,
  pipelining: false,
  chunking: false,
  eightBitMime: false,
  smtpUtf8: false,
  dsn: false,
  sizeDeclared: false,
  size: null,
}

/** Reads an EHLO reply: the first line is the greeting, each further one a keyword with parameters. RFC 5321 4.1.1.1 */
export function readCapabilities(reply: Reply): Capabilities {
  const offered = new Map<string, string>()
  for (const line of reply.lines.slice(1)) {
    const space = line.indexOf(' ')
    const keyword = (space < 0 ? line : line.slice(0, space)).trim().toUpperCase()
    offered.set(keyword, space < 0 ? '' : line.slice(space + 1).trim())
  }
  const size = offered.get('SIZE')
  // RFC 1870 3: 0 means no limit
  const limit = size !== undefined && /^[1-9]\d{0,14}$/.test(size) ? Number(size) : null
  return {
    starttls: offered.has('STARTTLS'),
    pipelining: offered.has('PIPELINING'),
    chunking: offered.has('CHUNKING'),
    eightBitMime: offered.has('8BITMIME'),
    smtpUtf8: offered.has('SMTPUTF8'),
    dsn: offered.has('DSN'),
    sizeDeclared: size !== undefined,
    size: limit,
  }
}

/** True when the mail cannot be told to a hop without SMTPUTF8. RFC 6531 3.2 */
export function needsSmtpUtf8(
  envelope: Omit<Envelope, 'recipients'>,
  recipients: readonly Recipient[],
  copy: CopyFacts,
): boolean {
  if (envelope.smtpUtf8 && copy.eightBitHeader) return true
  return !isAscii(envelope.sender) || recipients.some(({ address }) => !isAscii(address))
}

/** What the hop lacks for this copy, as a permanent failure; null when it lacks nothing. */
export function missingFor(
  hop: Capabilities,
  envelope: Omit<Envelope, 'recipients'>,
  recipients: readonly Recipient[],
  copy: CopyFacts,
): Verdict | null {
  if (hop.size !== null && copy.size > hop.size)
    return failed('5.3.4', 'too-large-for-hop', { size: copy.size, limit: hop.size })
  if (copy.bareLineEnds && !hop.chunking) return failed('5.6.11', 'bare-line-ends-need-chunking')
  if (copy.nul === true && !hop.chunking) return failed('5.6.11', 'nul-needs-chunking')
  if (needsSmtpUtf8(envelope, recipients, copy) && !hop.smtpUtf8)
    return failed('5.6.7', 'smtputf8-not-offered')
  if ((copy.eightBit || copy.eightBitHeader) && !hop.eightBitMime)
    return failed('5.6.3', 'eight-bit-needs-8bitmime')
  return null
}

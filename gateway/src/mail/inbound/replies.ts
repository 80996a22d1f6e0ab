/**
 * Everything this server says of its own accord, in one list: dull, exact, and the same for every cause that a peer has no
 * business to tell apart. Refusals of attribution come from their port.
 */
import { formatReply } from '../../smtp/reply.ts'

function reply(code: number, enhanced: string, text: string): string {
  return formatReply(code, enhanced, [text])
}

// RFC 5321 4.2.2, RFC 3463, RFC 5248
export const OK = reply(250, '2.0.0', 'OK')
export const SENDER_OK = reply(250, '2.1.0', 'Sender OK')
export const RECIPIENT_OK = reply(250, '2.1.5', 'Recipient OK')
export const CANNOT_VERIFY = reply(252, '2.5.0', 'Cannot verify; mail may be sent')
export const BYE = reply(221, '2.0.0', 'Bye')
// RFC 2034 4: no enhanced code in a 3xx reply
export const GO_AHEAD = formatReply(354, null, ['Start mail input; end with <CRLF>.<CRLF>'])
export const READY_FOR_TLS = reply(220, '2.0.0', 'Ready to start TLS')

export const TLS_REQUIRED = reply(530, '5.7.0', 'Must issue a STARTTLS command first')
export const TLS_ACTIVE = reply(503, '5.5.1', 'TLS is already active')
export const STARTTLS_NOT_LAST = reply(503, '5.5.1', 'STARTTLS must be the last command of a group')
/** Whoever does not wait for an answer where one must be awaited may be no SMTP client, or speak through one. RFC 2920 3.1 */
export const NOT_LAST = reply(554, '5.5.1', 'Improper command pipelining')
export const TLS_UNAVAILABLE = reply(454, '4.7.0', 'TLS not available for now')

export const NOT_RECOGNISED = reply(500, '5.5.1', 'Command not recognised')
export const BAD_LINE = reply(500, '5.5.2', 'Syntax error')
export const LINE_TOO_LONG = reply(500, '5.5.2', 'Line too long')
export const BAD_ARGUMENT = reply(501, '5.5.4', 'Syntax error in arguments')
export const HELLO_FIRST = reply(503, '5.5.1', 'Say EHLO first')
export const MAIL_FIRST = reply(503, '5.5.1', 'Need MAIL first')
export const MAIL_TWICE = reply(503, '5.5.1', 'Nested MAIL command')
export const RCPT_TOO_LATE = reply(503, '5.5.1', 'The mail has begun')
export const MIXED_DATA = reply(503, '5.5.1', 'DATA and BDAT may not be mixed')
export const NO_RECIPIENTS = reply(554, '5.5.1', 'No valid recipients')

export const BAD_SENDER = reply(501, '5.1.7', 'Bad sender address syntax')
export const BAD_RECIPIENT = reply(501, '5.1.3', 'Bad recipient address syntax')
// RFC 6531 3.5
export const NEEDS_SMTPUTF8 = reply(553, '5.6.7', 'Address needs SMTPUTF8')
export const TOO_MANY_RECIPIENTS = reply(452, '4.5.3', 'Too many recipients')
export const TOO_LARGE = reply(552, '5.3.4', 'Message too large')
export const HEADER_TOO_LARGE = reply(552, '5.6.0', 'Header section too large')
export const HEADER_LINE_TOO_LONG = reply(554, '5.6.0', 'Header line too long')
export const BARE_LINE_END = reply(550, '5.6.0', 'Bare CR or LF in message data')

/** The same words as attribution's refusal: nobody learns which factor was missing. */
export const NOT_PROVED = reply(550, '5.7.1', 'Not authorized')
// RFC 6376 6.1.2: the key may be there later
export const NOT_PROVED_YET = reply(451, '4.7.5', 'Not authorized yet')

export const STORAGE_FULL = reply(452, '4.3.1', 'Insufficient system storage')
export const STORAGE_FAILED = reply(451, '4.3.0', 'Temporary local problem')

export const TOO_MANY_CONNECTIONS = reply(421, '4.7.0', 'Too many connections')
/** RFC 5321 2.3.8: whoever sends this is broken, or another speaks through it. */
export const BARE_LINE_FEED = reply(521, '5.5.2', 'A line ended with a bare line feed')
/** Whoever speaks HTTP was led here. */
export const NOT_SMTP = reply(521, '5.5.1', 'This is SMTP')
export const TOO_MANY_ERRORS = reply(421, '4.7.0', 'Too many errors')
export const TOO_MANY_COMMANDS = reply(421, '4.7.0', 'Too many commands without mail')
export const TOO_MANY_CHUNKS = reply(421, '4.7.0', 'Too many small chunks')
export const TOO_MANY_TRANSACTIONS = reply(421, '4.7.0', 'Too many transactions on this connection')
export const TOO_LONG_CONNECTED = reply(421, '4.7.0', 'Connection open for too long')
export const TIMED_OUT = reply(421, '4.4.2', 'Timed out')
export const SHUTTING_DOWN = reply(421, '4.3.2', 'Shutting down')
export const NOT_IN_TIME = reply(421, '4.3.0', 'Temporary local problem')

/** The reply to a mail that is safe. */
export function queued(id: string): string {
  return reply(250, '2.6.0', `${id} queued`)
}

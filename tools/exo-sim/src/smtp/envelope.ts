// The SMTP envelope: reading and writing of MAIL and RCPT arguments with their ESMTP parameters.
// It checks grammar only; who may send to whom is decided elsewhere.

/** One recipient with its DSN parameters (RFC 3461 4.1, 4.2), as they stood on the wire. */
export interface EnvelopeRecipient {
  /** The address without angle brackets. */
  address: string
  /** Value of NOTIFY. */
  notify?: string | undefined
  /** Value of ORCPT, xtext undecoded. */
  orcpt?: string | undefined
}

/** Value of the BODY parameter (RFC 6152, RFC 3030). */
export type BodyType = '7BIT' | '8BITMIME' | 'BINARYMIME'

/** Sender, recipients and parameters of one transaction. */
export interface Envelope {
  /** The reverse-path without angle brackets; empty for the null sender. */
  sender: string
  /** At least one. */
  recipients: EnvelopeRecipient[]
  /** Value of BODY. */
  body?: BodyType | undefined
  /** Whether SMTPUTF8 was given (RFC 6531 3.4). */
  smtpUtf8?: boolean | undefined
  /** Value of SIZE, in octets. */
  size?: number | undefined
  /** Value of RET. */
  ret?: string | undefined
  /** Value of ENVID, xtext undecoded. */
  envid?: string | undefined
}

/** What a server offers just now; a parameter of an extension that is not offered is refused. */
export interface OfferedExtensions {
  /** RFC 6152. */
  eightBitMime: boolean
  /** RFC 3030. */
  binaryMime: boolean
  /** RFC 6531. */
  smtpUtf8: boolean
  /** RFC 3461. */
  dsn: boolean
}

/** A refusal: the whole reply line. */
export interface Refusal {
  /** Reply line without CRLF. */
  refusal: string
}

const BAD_ARGUMENTS: Refusal = { refusal: '501 5.5.4 Invalid arguments' }
const BAD_SENDER: Refusal = { refusal: '501 5.1.7 Invalid address' }
const BAD_RECIPIENT: Refusal = { refusal: '501 5.1.3 Invalid address' }

/** Reads the argument of MAIL (RFC 5321 4.1.1.2). */
export function readMail(argument: string, offered: OfferedExtensions): Envelope | Refusal {
  const path = readPath(argument, 'FROM:')
  if (!path) return BAD_SENDER
  const envelope: Envelope = { sender: path.address, recipients: [] }
  for (const [keyword, value] of path.parameters) {
    if (!readMailParameter(envelope, keyword, value, offered)) return BAD_ARGUMENTS
  }
  if (path.address === '') return envelope
  return isAddress(path.address, envelope.smtpUtf8 === true) ? envelope : BAD_SENDER
}

function readMailParameter(
  envelope: Envelope,
  keyword: string,
  value: string | undefined,
  offered: OfferedExtensions,
): boolean {
  switch (keyword) {
    case 'SIZE':
      if (value === undefined || !/^\d{1,20}$/.test(value)) return false
      envelope.size = Number(value)
      return true
    case 'BODY': {
      const body = bodyType(value)
      if (!body || (body === 'BINARYMIME' ? !offered.binaryMime : !offered.eightBitMime)) return false
      envelope.body = body
      return true
    }
    case 'SMTPUTF8':
      envelope.smtpUtf8 = true
      return offered.smtpUtf8 && value === undefined
    case 'RET':
      envelope.ret = value?.toUpperCase()
      return offered.dsn && (envelope.ret === 'FULL' || envelope.ret === 'HDRS')
    case 'ENVID':
      envelope.envid = value
      return offered.dsn && value !== undefined && isXtext(value)
    default:
      return false
  }
}

function bodyType(value: string | undefined): BodyType | undefined {
  const upper = value?.toUpperCase()
  return upper === '7BIT' || upper === '8BITMIME' || upper === 'BINARYMIME' ? upper : undefined
}

/** Reads the argument of RCPT (RFC 5321 4.1.1.3). */
export function readRecipient(
  argument: string,
  envelope: Envelope,
  offered: OfferedExtensions,
): EnvelopeRecipient | Refusal {
  const path = readPath(argument, 'TO:')
  if (!path || !isAddress(path.address, envelope.smtpUtf8 === true)) return BAD_RECIPIENT
  const recipient: EnvelopeRecipient = { address: path.address }
  for (const [keyword, value] of path.parameters) {
    if (!offered.dsn || value === undefined) return BAD_ARGUMENTS
    if (keyword === 'NOTIFY' && /^(NEVER|(SUCCESS|FAILURE|DELAY)(,(SUCCESS|FAILURE|DELAY))*)$/i.test(value)) {
      recipient.notify = value
    } else if (keyword === 'ORCPT' && /^[A-Za-z0-9-]+;./.test(value)) {
      recipient.orcpt = value
    } else return BAD_ARGUMENTS
  }
  return recipient
}

interface Path {
  address: string
  parameters: Map<string, string | undefined>
}

function readPath(argument: string, keyword: 'FROM:' | 'TO:'): Path | undefined {
  if (argument.slice(0, keyword.length).toUpperCase() !== keyword) return undefined
  if (argument[keyword.length] !== '<') return undefined
  let quoted = false
  let end = -1
  for (let i = keyword.length + 1; i < argument.length && end < 0; i++) {
    const character = argument[i]
    if (quoted && character === '\\') i++
    else if (character === '"') quoted = !quoted
    else if (character === '>' && !quoted) end = i
  }
  if (end < 0) return undefined
  const rest = argument.slice(end + 1)
  if (rest !== '' && !rest.startsWith(' ')) return undefined
  const parameters = new Map<string, string | undefined>()
  for (const item of rest.split(' ')) {
    if (item === '') continue
    const equals = item.indexOf('=')
    const name = (equals < 0 ? item : item.slice(0, equals)).toUpperCase()
    if (parameters.has(name)) return undefined
    parameters.set(name, equals < 0 ? undefined : item.slice(equals + 1))
  }
  return { address: argument.slice(keyword.length + 1, end), parameters }
}

const ATOM = /^[\p{L}\p{M}\p{N}!#$%&'*+/=?^_`{|}~-]+(\.[\p{L}\p{M}\p{N}!#$%&'*+/=?^_`{|}~-]+)*$/u
// RFC 5321 4.1.2: quoted-string with qtextSMTP and quoted pairs; the second form lets RFC 6531's characters in.
const QUOTED = /^"([ !#-[\]-~]|\\[ -~]|[^\p{ASCII}])*"$/u
const DOMAIN =
  /^[\p{L}\p{M}\p{N}]([\p{L}\p{M}\p{N}-]*[\p{L}\p{M}\p{N}])?(\.[\p{L}\p{M}\p{N}]([\p{L}\p{M}\p{N}-]*[\p{L}\p{M}\p{N}])?)*$/u
const LITERAL = /^\[[A-Za-z0-9:.-]+\]$/

/** Whether the text is a mailbox (RFC 5321 4.1.2), with characters beyond ASCII only if `utf8`. */
function isAddress(text: string, utf8: boolean): boolean {
  if (text.length > 1000 || (!utf8 && !isAsciiText(text))) return false
  const at = text.lastIndexOf('@')
  if (at < 1) return false
  const local = text.slice(0, at)
  const domain = text.slice(at + 1)
  return (ATOM.test(local) || QUOTED.test(local)) && (DOMAIN.test(domain) || LITERAL.test(domain))
}

/** Whether a text has only ASCII characters. */
export function isAsciiText(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false
  return true
}

function isXtext(value: string): boolean {
  return /^([!-*,-<>-~]|\+[0-9A-F]{2})*$/.test(value)
}

/**
 * The grammar of SMTP paths and mailboxes, strict: what passes here may be written into a command or a header field.
 * Both ends use it. Decides nothing about who may send to whom, looks nothing up, and repairs nothing.
 */
import { domainToASCII } from 'node:url'

import { isIPv4, isIPv6 } from './ip.ts'

/** Why a path was not accepted. */
export type PathFault = 'syntax' | 'local-part-too-long' | 'domain-too-long' | 'path-too-long'

/** A path that was accepted. */
export interface ParsedPath {
  /** The mailbox without brackets and without source route, as given; empty for the null path. */
  readonly mailbox: string
  /** The text after the closing bracket, with its leading space. */
  readonly rest: string
}

/** Octets, with quotes. RFC 5321 4.5.3.1.1 */
const LOCAL_PART_MAX = 64
/** Octets. RFC 5321 4.5.3.1.2 */
const DOMAIN_MAX = 255
/** Octets, with the brackets. RFC 5321 4.5.3.1.3 */
const PATH_MAX = 256
const LABEL_MAX = 63

const ATEXT = tableOf("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-/=?^_`{|}~")
const LET_DIG = tableOf('abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789')

const QUOTE = 0x22
const DOT = 0x2e
const AT = 0x40
const BACKSLASH = 0x5c

function tableOf(characters: string): Uint8Array {
  const table = new Uint8Array(128)
  for (let i = 0; i < characters.length; i++) table[characters.charCodeAt(i)] = 1
  return table
}

/** A character of UTF8-non-ascii that is no C1 control. RFC 6531 3.3 */
function isWide(code: number): boolean {
  return code > 0x9f
}

function isAtext(code: number): boolean {
  return code < 128 ? ATEXT[code] === 1 : isWide(code)
}

function isLetDig(code: number): boolean {
  return code < 128 ? LET_DIG[code] === 1 : isWide(code)
}

/** Index after the local part, or -1. RFC 5321 4.1.2: Local-part */
function skipLocalPart(text: string, start: number): number {
  if (text.charCodeAt(start) === QUOTE) return skipQuotedString(text, start)
  let i = start
  for (;;) {
    const atom = i
    while (i < text.length && isAtext(text.charCodeAt(i))) i++
    if (i === atom) return -1
    if (text.charCodeAt(i) !== DOT) return i
    i++
  }
}

/** Index after the closing quote, or -1. RFC 5321 4.1.2: Quoted-string; CR, LF, NUL and other controls never pass. */
function skipQuotedString(text: string, start: number): number {
  for (let i = start + 1; i < text.length; i++) {
    let code = text.charCodeAt(i)
    if (code === QUOTE) return i + 1
    if (code === BACKSLASH) {
      code = text.charCodeAt(++i)
      if (!(code >= 0x20 && code <= 0x7e)) return -1
    } else if (code < 0x20 || (code > 0x7e && !isWide(code))) return -1
  }
  return -1
}

/** Index after the domain, or -1. RFC 5321 4.1.2: Domain; labels may be U-labels. RFC 6531 3.3 */
function skipDomain(text: string, start: number): number {
  let i = start
  for (;;) {
    const label = i
    while (i < text.length) {
      const code = text.charCodeAt(i)
      if (!isLetDig(code) && code !== 0x2d) break
      i++
    }
    if (i === label || i - label > LABEL_MAX) return -1
    if (text.charCodeAt(label) === 0x2d || text.charCodeAt(i - 1) === 0x2d) return -1
    if (text.charCodeAt(i) !== DOT) break
    i++
  }
  const domain = text.slice(start, i)
  return isAscii(domain) || isLdhDomain(domainToASCII(domain)) ? i : -1
}

/** The A-label form has letters, digits and hyphens only: nothing was smuggled in by a compatibility mapping. RFC 5891 5 */
function isLdhDomain(domain: string): boolean {
  return domain !== '' && isAscii(domain) && skipDomain(domain, 0) === domain.length
}

/** Index after the closing bracket, or -1. RFC 5321 4.1.3 */
function skipAddressLiteral(text: string, start: number): number {
  const close = text.indexOf(']', start)
  if (close < 0) return -1
  const inner = text.slice(start + 1, close)
  const colon = inner.indexOf(':')
  if (colon < 0) return isIPv4(inner) ? close + 1 : -1
  if (inner.slice(0, colon).toLowerCase() === 'ipv6') return isIPv6(inner.slice(colon + 1)) ? close + 1 : -1
  // RFC 5321 4.1.3: General-address-literal = Standardized-tag ":" 1*dcontent
  if (!/^[A-Za-z0-9-]*[A-Za-z0-9]:[!-Z^-~]+$/.test(inner)) return -1
  return close + 1
}

/** Index after the host part of a mailbox or of a source route, or -1. */
function skipHost(text: string, start: number): number {
  return text.charCodeAt(start) === 0x5b ? skipAddressLiteral(text, start) : skipDomain(text, start)
}

/** Index after the colon of a source route; `start` when there is none; -1 when it is broken. RFC 5321 4.1.2: A-d-l */
function skipSourceRoute(text: string, start: number): number {
  if (text.charCodeAt(start) !== AT) return start
  let i = start
  for (;;) {
    if (text.charCodeAt(i) !== AT) return -1
    i = skipDomain(text, i + 1)
    if (i < 0) return -1
    const code = text.charCodeAt(i++)
    if (code === 0x3a) return i
    if (code !== 0x2c) return -1
  }
}

/**
 * Parses `"<" Path ">"` at the start of a MAIL or RCPT argument (after the colon). A source route is read and thrown away
 * (RFC 5321 appendix C). UTF-8 is let through: the caller compares with SMTPUTF8, which stands behind the path.
 *
 * @param text - the argument, decoded from UTF-8
 * @param kind - `reverse` allows the null path (RFC 5321 4.5.5), `forward` allows `postmaster` without a domain (RFC 5321 4.5.1)
 */
export function parsePath(text: string, kind: 'reverse' | 'forward'): ParsedPath | PathFault {
  if (text.charCodeAt(0) !== 0x3c) return 'syntax'
  if (text.charCodeAt(1) === 0x3e) {
    return kind === 'reverse' && endsWell(text, 2) ? { mailbox: '', rest: text.slice(2) } : 'syntax'
  }
  const start = skipSourceRoute(text, 1)
  if (start < 0) return 'syntax'
  const at = skipLocalPart(text, start)
  if (at < 0) return 'syntax'
  let end = at
  if (text.charCodeAt(at) === AT) {
    end = skipHost(text, at + 1)
    if (end < 0) return 'syntax'
  } else if (kind === 'reverse' || text.slice(start, at).toLowerCase() !== 'postmaster') return 'syntax'
  if (text.charCodeAt(end) !== 0x3e || !endsWell(text, end + 1)) return 'syntax'
  const mailbox = text.slice(start, end)
  return lengthFault(mailbox, at - start) ?? { mailbox, rest: text.slice(end + 1) }
}

/** After the bracket comes the end or a space: parameters are never glued to the path. RFC 5321 4.1.1.2 */
function endsWell(text: string, index: number): boolean {
  return index === text.length || text.charCodeAt(index) === 0x20
}

function lengthFault(mailbox: string, at: number): PathFault | null {
  const total = Buffer.byteLength(mailbox)
  const local = at === mailbox.length ? total : Buffer.byteLength(mailbox.slice(0, at))
  if (local > LOCAL_PART_MAX) return 'local-part-too-long'
  if (total - local - 1 > DOMAIN_MAX) return 'domain-too-long'
  return total + 2 > PATH_MAX ? 'path-too-long' : null
}

/** Whether a text is a mailbox as RFC 5321 4.1.2 has it (with RFC 6531's UTF-8), within the length limits. */
export function isMailbox(text: string): boolean {
  const at = skipLocalPart(text, 0)
  if (at < 0 || text.charCodeAt(at) !== AT || !text.isWellFormed()) return false
  return skipHost(text, at + 1) === text.length && lengthFault(text, at) === null
}

/** Whether a text may stand as the EHLO argument: a Domain or an address literal. RFC 5321 4.1.1.1 */
export function isHostName(text: string): boolean {
  return text.length <= DOMAIN_MAX && skipHost(text, 0) === text.length
}

/**
 * Writes a path for MAIL, RCPT or a header field.
 *
 * @param mailbox - a checked mailbox, empty for the null path
 * @throws RangeError when a control character or an unquoted bracket is in it: nothing unchecked reaches the wire
 */
export function formatPath(mailbox: string): string {
  if (mailbox !== '' && !isMailbox(mailbox) && mailbox.toLowerCase() !== 'postmaster') {
    throw new RangeError('not a mailbox')
  }
  return `<${mailbox}>`
}

/**
 * The domain of a checked mailbox in lower case and A-labels, as domains are compared; an address literal as it stands, in lower
 * case; empty for the null sender and for `postmaster` alone. RFC 5321 2.4, RFC 5890 2.3.2.1
 */
export function domainOf(mailbox: string): string {
  const at = mailbox.lastIndexOf('@')
  if (at < 0) return ''
  const domain = mailbox.slice(at + 1)
  return (isAscii(domain) ? domain : domainToASCII(domain)).toLowerCase()
}

/** Whether a text has no character above U+007F. */
export function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false
  return true
}

/**
 * The parameters of MAIL and RCPT that we offer: SIZE, BODY, SMTPUTF8, RET, ENVID, NOTIFY, ORCPT. Reads and checks them, knows
 * the reply to each mistake. Applies none of them and knows no limits but those of the grammar.
 */
import { isAscii } from './address.ts'
import { decodeXtext, isUtf8Xtext } from './xtext.ts'

/** A condition of RFC 3461 4.1. */
export type NotifyCondition = 'NEVER' | 'SUCCESS' | 'FAILURE' | 'DELAY'

/** What a peer hears about a mistake. */
export interface ParameterFault {
  readonly code: 501 | 555
  readonly enhanced: '5.5.4'
  readonly text: string
}

/** The parameters of MAIL. */
export interface MailParameters {
  /** Octets as declared; null when not given; not above 2^53. RFC 1870 6 */
  readonly size: number | null
  /** RFC 6152 */
  readonly body: '7BIT' | '8BITMIME' | null
  /** RFC 6531 3.4 */
  readonly smtpUtf8: boolean
  /** RFC 3461 4.3 */
  readonly returnContent: 'FULL' | 'HDRS' | null
  /** As given, xtext. RFC 3461 4.4 */
  readonly envelopeId: string | null
}

/** The parameters of RCPT. */
export interface RecipientParameters {
  /** RFC 3461 4.1 */
  readonly notify: readonly NotifyCondition[] | null
  /** As given, with its address type. RFC 3461 4.2, RFC 6533 3 */
  readonly originalRecipient: string | null
}

/** The fault of a parameter that is known but wrong. */
const BAD_VALUE: ParameterFault = { code: 501, enhanced: '5.5.4', text: 'Invalid parameter value' }
const BAD_SYNTAX: ParameterFault = { code: 501, enhanced: '5.5.4', text: 'Invalid parameter syntax' }
const DUPLICATE: ParameterFault = { code: 501, enhanced: '5.5.4', text: 'Duplicate parameter' }
/** RFC 5321 4.1.1.11: 555 for a parameter not recognised or not implemented. */
const UNKNOWN: ParameterFault = { code: 555, enhanced: '5.5.4', text: 'Parameter not recognised' }

const NO_MAIL_PARAMETERS: MailParameters = {
  size: null,
  body: null,
  smtpUtf8: false,
  returnContent: null,
  envelopeId: null,
}
const NO_RECIPIENT_PARAMETERS: RecipientParameters = { notify: null, originalRecipient: null }

/** Whether a parse gave a fault. */
export function isFault(result: object): result is ParameterFault {
  return 'code' in result
}

/** RFC 5321 4.1.2: esmtp-param; RFC 6531 3.3 adds UTF-8 to the value. C0, DEL and C1 never pass. */
const PARAMETER = /^([A-Za-z0-9][A-Za-z0-9-]*)(?:=([!-<>-~\u00a0-\u{10ffff}]+))?$/u

/**
 * Splits a parameter list and hands each one to `take`.
 *
 * @param rest - the text behind the path: empty, or each parameter after one or more spaces
 */
function eachParameter(
  rest: string,
  take: (keyword: string, value: string | null) => ParameterFault | null,
): ParameterFault | null {
  let seen = ' '
  for (const word of rest.split(' ')) {
    if (word === '') continue
    const match = PARAMETER.exec(word)
    if (match === null) return BAD_SYNTAX
    const keyword = (match[1] ?? '').toUpperCase()
    if (seen.includes(` ${keyword} `)) return DUPLICATE
    seen += `${keyword} `
    const fault = take(keyword, match[2] ?? null)
    if (fault !== null) return fault
  }
  return null
}

/**
 * Reads the parameters of MAIL.
 *
 * @param rest - the text behind the reverse path
 */
export function parseMailParameters(rest: string): MailParameters | ParameterFault {
  if (rest === '') return NO_MAIL_PARAMETERS
  const result: { -readonly [K in keyof MailParameters]: MailParameters[K] } = { ...NO_MAIL_PARAMETERS }
  const fault = eachParameter(rest, (keyword, value) => {
    switch (keyword) {
      case 'SIZE':
        // RFC 1870 6: size-value ::= 1*20DIGIT
        if (value === null || !/^[0-9]{1,20}$/.test(value)) return BAD_VALUE
        result.size = Math.min(Number(value), Number.MAX_SAFE_INTEGER)
        return null
      case 'BODY': {
        const body = value?.toUpperCase()
        if (body !== '7BIT' && body !== '8BITMIME') return BAD_VALUE
        result.body = body
        return null
      }
      case 'SMTPUTF8':
        // RFC 6531 3.4: the parameter takes no value
        if (value !== null) return BAD_VALUE
        result.smtpUtf8 = true
        return null
      case 'RET': {
        const content = value?.toUpperCase()
        if (content !== 'FULL' && content !== 'HDRS') return BAD_VALUE
        result.returnContent = content
        return null
      }
      case 'ENVID':
        // RFC 3461 4.4: at most 100 characters, and printable when decoded
        if (value === null || value.length > 100 || decodeXtext(value) === null) return BAD_VALUE
        result.envelopeId = value
        return null
      default:
        return UNKNOWN
    }
  })
  return fault ?? result
}

/**
 * Reads the parameters of RCPT.
 *
 * @param rest - the text behind the forward path
 * @param smtpUtf8 - the transaction has SMTPUTF8, so an ORCPT of type utf-8 may hold UTF-8. RFC 6533 3
 */
export function parseRecipientParameters(
  rest: string,
  smtpUtf8: boolean,
): RecipientParameters | ParameterFault {
  if (rest === '') return NO_RECIPIENT_PARAMETERS
  const result: { -readonly [K in keyof RecipientParameters]: RecipientParameters[K] } = {
    ...NO_RECIPIENT_PARAMETERS,
  }
  const fault = eachParameter(rest, (keyword, value) => {
    switch (keyword) {
      case 'NOTIFY':
        result.notify = value === null ? null : parseNotify(value)
        return result.notify === null ? BAD_VALUE : null
      case 'ORCPT':
        if (value === null || !isOriginalRecipient(value, smtpUtf8)) return BAD_VALUE
        result.originalRecipient = value
        return null
      default:
        return UNKNOWN
    }
  })
  return fault ?? result
}

/** RFC 3461 4.1: NEVER alone, or a list of the others. */
function parseNotify(value: string): NotifyCondition[] | null {
  const conditions: NotifyCondition[] = []
  for (const word of value.toUpperCase().split(',')) {
    if (word !== 'NEVER' && word !== 'SUCCESS' && word !== 'FAILURE' && word !== 'DELAY') return null
    if (conditions.includes(word)) return null
    conditions.push(word)
  }
  return conditions.includes('NEVER') && conditions.length > 1 ? null : conditions
}

/** RFC 6533 3: utf-8-addr-xtext and utf-8-addr-unitext; `\x{HEX}` stands for one character. */
const UTF8_ADDRESS = /^(?:[!-*,-<>-[\]-~\u00a0-\u{10ffff}]|\\x\{([0-9A-F]{2,6})\})+$/u
/** RFC 3461 4.2: addr-type is an atom. */
const ADDRESS_TYPE = /^[!#-'*+\-/-9=?A-Z^-~]+$/i

/** RFC 3461 4.2: original-recipient-address, at most 500 characters. */
function isOriginalRecipient(value: string, smtpUtf8: boolean): boolean {
  const semicolon = value.indexOf(';')
  const type = value.slice(0, semicolon)
  const address = value.slice(semicolon + 1)
  if (semicolon <= 0 || address === '' || value.length > 500 || !ADDRESS_TYPE.test(type)) return false
  if (type.toLowerCase() !== 'utf-8')
    return decodeXtext(address) !== null || (smtpUtf8 && isUtf8Xtext(address))
  if (!smtpUtf8 && !isAscii(address)) return false
  return UTF8_ADDRESS.test(address) && !hidesControl(address)
}

/** An embedded character may not be a control, nor beyond Unicode. RFC 6533 3 */
function hidesControl(address: string): boolean {
  for (const match of address.matchAll(/\\x\{([0-9A-F]+)\}/g)) {
    const code = parseInt(match[1] ?? '', 16)
    if (
      code < 0x20 ||
      (code >= 0x7f && code < 0xa0) ||
      (code >= 0xd800 && code < 0xe000) ||
      code > 0x10ffff
    ) {
      return true
    }
  }
  return false
}

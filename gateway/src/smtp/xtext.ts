/**
 * The xtext coding of DSN parameters (RFC 3461 4). What decodes here is printable, so that it may stand in a notice's header
 * field. Leaves the meaning of the text to the caller.
 */

import { isUtf8 } from 'node:buffer'

const HEX = '0123456789ABCDEF'
/** `!` to `~` without `+` and `=`. */
const XTEXT = /^(?:[!-*,-<>-~]|\+[0-9A-F]{2})*$/

/**
 * Decodes xtext.
 *
 * @returns the text in printable US-ASCII, or null when it is no xtext or hides a control or an 8-bit character
 */
export function decodeXtext(text: string): string | null {
  if (!XTEXT.test(text)) return null
  const decoded = text.replace(/\+(..)/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)))
  return /^[ -~]*$/.test(decoded) ? decoded : null
}

/**
 * Whether xtext stands for UTF-8 without control characters: RFC 3461 has no such original recipient, but Postfix writes an
 * internationalised one of type rfc822 so. A notice cannot show it; it may be passed on as it is.
 */
export function isUtf8Xtext(text: string): boolean {
  if (!XTEXT.test(text)) return false
  const octets = text.replace(/\+(..)/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)))
  const bytes = Buffer.from(octets, 'latin1')
  return isUtf8(bytes) && !/\p{Cc}/u.test(bytes.toString('utf8'))
}

/** Encodes a text in printable US-ASCII as xtext: space, `+` and `=` become `+XX`. RFC 3461 4 */
export function encodeXtext(text: string): string {
  return text.replace(/[^!-*,-<>-~]/g, (character) => {
    const code = character.charCodeAt(0)
    return `+${HEX.charAt((code >> 4) & 15)}${HEX.charAt(code & 15)}`
  })
}

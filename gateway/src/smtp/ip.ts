/**
 * IP addresses in text as SMTP writes them in address literals (RFC 5321 4.1.3) and in trace fields. Pure: opens no socket.
 */

const SNUM = /^(?:0|[1-9][0-9]{0,2})$/
const HEX = /^[0-9A-Fa-f]{1,4}$/

/** Whether a text is an IPv4 address of four decimal numbers without leading zeros. */
export function isIPv4(text: string): boolean {
  if (text.length > 15) return false
  const parts = text.split('.')
  return parts.length === 4 && parts.every((part) => SNUM.test(part) && Number(part) <= 255)
}

/** Whether a text is an IPv6 address without zone, in any of the forms of RFC 4291 2.2. */
export function isIPv6(text: string): boolean {
  if (text.length > 45) return false
  const halves = text.split('::')
  if (halves.length > 2) return false
  const groups = halves.map((half) => (half === '' ? [] : half.split(':')))
  const flat = groups.flat()
  let width = flat.length
  const last = flat.at(-1)
  if (last?.includes('.') === true) {
    // An IPv4 tail stands at the very end and takes the place of two groups. RFC 4291 2.2
    if (text.endsWith('::') || !isIPv4(last)) return false
    flat.pop()
    width++
  }
  if (!flat.every((group) => HEX.test(group))) return false
  return halves.length === 2 ? width < 8 : width === 8
}

/** The address as a literal with brackets: `[192.0.2.1]` or `[IPv6:2001:db8::1]`. RFC 5321 4.1.3 */
export function addressLiteral(address: string): string {
  return address.includes(':') ? `[IPv6:${address}]` : `[${address}]`
}

/** Writes an IPv4-mapped IPv6 address as IPv4, so that one peer has one name; drops a zone. RFC 4291 2.5.5.2 */
export function plainAddress(address: string): string {
  if (address.startsWith('::ffff:') && address.includes('.')) return address.slice(7)
  const zone = address.indexOf('%')
  return zone < 0 ? address : address.slice(0, zone)
}

/**
 * Routes in Postfix syntax and address ranges (CIDR): syntax checks without a socket or a look-up.
 */
import { z } from 'zod'
import { toDomain } from './host-name.ts'

const IPV4 = /^(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(\.(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){3}$/

/** An IPv4 or IPv6 address as a number and its length in bits. */
interface Address {
  readonly value: bigint
  readonly bits: 32 | 128
}

/**
 * Reads an IPv4 or IPv6 address without zone. RFC 4291 2.2
 * @returns null when the text is none
 */
function parseAddress(text: string): Address | null {
  if (IPV4.test(text)) {
    const value = text.split('.').reduce((sum, part) => (sum << 8n) | BigInt(part), 0n)
    return { value, bits: 32 }
  }
  if (!/^[0-9a-fA-F:.]*:[0-9a-fA-F:.]*$/.test(text)) return null
  const host = URL.parse(`http://[${text}]/`)?.hostname
  if (host === undefined) return null
  const [head = '', tail] = host.slice(1, -1).split('::')
  const groups = (half: string | undefined) => (half === undefined || half === '' ? [] : half.split(':'))
  const zeros = 8 - groups(head).length - groups(tail).length
  const all = [...groups(head), ...Array.from({ length: zeros }, () => '0'), ...groups(tail)]
  return { value: all.reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n), bits: 128 }
}

/** Whether a text is an IPv4 or IPv6 address. */
export function isAddress(text: string): boolean {
  return parseAddress(text) !== null
}

/**
 * Says what is wrong with an address range; null when nothing is. A single address is a range of one.
 * RFC 4632 3.1
 */
export function rangeFlaw(text: string): string | null {
  const [base = '', length, ...rest] = text.split('/')
  const address = parseAddress(base)
  if (address === null || rest.length > 0 || (length !== undefined && !/^[0-9]{1,3}$/.test(length)))
    return 'must be an address range such as 40.92.0.0/15 or 2a01:111:f400::/48'
  const prefix = length === undefined ? address.bits : Number(length)
  if (prefix > address.bits) return `the prefix length may be at most ${address.bits}`
  const host = (1n << BigInt(address.bits - prefix)) - 1n
  return (address.value & host) === 0n ? null : 'has bits set behind the prefix: is it a single address?'
}

/** Whether a text is a port number, 1 to 65535, without leading zeros. */
function isPort(text: string): boolean {
  return /^[1-9][0-9]{0,4}$/.test(text) && Number(text) <= 65535
}

/**
 * Whether a text is a next hop in Postfix syntax: `[host]:port`, `[host]`, `[address]:port`, `domain:port` or `domain`.
 * Brackets mean: no MX look-up.
 */
export function isRoute(text: string): boolean {
  const [, bracketed, plain, port] = /^(?:\[([^[\]]+)\]|([^[\]:]+))(?::([0-9]+))?$/.exec(text) ?? []
  if (port !== undefined && !isPort(port)) return false
  if (plain !== undefined) return toDomain(plain) !== null
  if (bracketed === undefined) return false
  return isAddress(bracketed.replace(/^ipv6:/i, '')) || toDomain(bracketed) !== null
}

/** A field for a next hop. The text is kept as it is written: it is the look-up key of the TLS policy map. */
export function routeField(description: string) {
  return z
    .string()
    .max(300)
    .refine(isRoute, 'must be a next hop such as [contoso.mail.protection.outlook.com]:25')
    .meta({ description, examples: ['[contoso.mail.protection.outlook.com]:25'] })
}

/** A field for an address range. */
export function rangeField(description: string) {
  return z
    .string()
    .superRefine((text, context) => {
      const message = rangeFlaw(text)
      if (message !== null) context.addIssue({ code: 'custom', message })
    })
    .meta({ description, examples: ['40.92.0.0/15'] })
}

/**
 * Addresses and networks as patterns of a table, read as Postfix reads them: `192.0.2.0/24`, `2001:db8::/32`, `[::1]`. An
 * IPv4-mapped IPv6 address is an IPv6 address. Pure.
 */

/** A network; an address is one of full length. */
export interface Network {
  readonly value: bigint
  readonly bits: 32 | 128
  readonly prefix: number
}

/** Why a pattern is none. */
export interface NetworkFault {
  readonly fault: 'bad-pattern' | 'bits-behind-prefix'
  readonly detail: string
}

const IPV4 = /^(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){3}$/

/** Reads an address; null when it is none. RFC 4291 2.2 */
export function parseIp(text: string): Network | null {
  if (IPV4.test(text)) return { value: parseIpv4(text), bits: 32, prefix: 32 }
  const value = parseIpv6(text)
  return value === null ? null : { value, bits: 128, prefix: 128 }
}

function parseIpv4(text: string): bigint {
  return text.split('.').reduce((sum, part) => (sum << 8n) | BigInt(part), 0n)
}

function parseIpv6(text: string): bigint | null {
  if (text.length > 45) return null
  const halves = text.split('::').map((half) => (half === '' ? [] : half.split(':')))
  if (halves.length > 2) return null
  const tail = halves.at(-1) ?? []
  const last = tail.at(-1)
  if (last?.includes('.') === true) {
    if (!IPV4.test(last)) return null
    const v4 = parseIpv4(last)
    tail.splice(-1, 1, (v4 >> 16n).toString(16), (v4 & 0xffffn).toString(16))
  }
  const [head = [], rest = []] = halves
  const missing = 8 - head.length - (halves.length === 2 ? rest.length : 0)
  if (halves.length === 2 ? missing < 1 : missing !== 0) return null
  const groups = [
    ...head,
    ...Array.from({ length: halves.length === 2 ? missing : 0 }, () => '0'),
    ...(halves.length === 2 ? rest : []),
  ]
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return null
  return groups.reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n)
}

/** Reads a pattern of an address, or of a network and the length of its prefix; brackets may stand around. */
export function readNetwork(pattern: string): Network | NetworkFault {
  const inner = /^\[([^\]]*)\](\/.*)?$/s.exec(pattern)
  const text = inner === null ? pattern : `${inner[1] ?? ''}${inner[2] ?? ''}`
  const slash = text.indexOf('/')
  const address = parseIp(slash < 0 ? text : text.slice(0, slash))
  const length = slash < 0 ? null : text.slice(slash + 1)
  const bad = (detail: string): NetworkFault => ({ fault: 'bad-pattern', detail })
  if (length !== null && !/^\d+$/.test(length)) return bad(`not a prefix length: ${length.slice(0, 50)}`)
  if (address === null) return bad(`not an address: ${text.slice(0, 100)}`)
  const { value, bits } = address
  const prefix = length === null ? bits : Number(length)
  if (prefix > bits) return bad(`a prefix has at most ${bits} bits`)
  const behind = BigInt(bits - prefix)
  if ((value >> behind) << behind === value) return { value, bits, prefix }
  return { fault: 'bits-behind-prefix', detail: `bits are set behind the prefix of ${text.slice(0, 100)}` }
}

/** Whether all addresses of a network lie in another. */
export function contains(outer: Network, inner: Network): boolean {
  const shift = BigInt(outer.bits - outer.prefix)
  return (
    outer.bits === inner.bits && outer.prefix <= inner.prefix && outer.value >> shift === inner.value >> shift
  )
}

/** Whether two networks have no address in common. */
export function isApart(a: Network, b: Network): boolean {
  return !contains(a, b) && !contains(b, a)
}

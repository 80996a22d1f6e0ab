/**
 * Address ranges of peers (CIDR), IPv4 and IPv6, as a compiled test. Knows nothing of connectors or tenants.
 * A text that is no address matches nothing: fail closed.
 */

/** A parsed address: its bits and its length in bits. */
interface Address {
  readonly value: bigint
  readonly bits: 32 | 128
}

function parseV4(text: string): bigint | null {
  const parts = text.split('.')
  if (parts.length !== 4) return null
  let value = 0n
  for (const part of parts) {
    if (!/^(0|[1-9][0-9]{0,2})$/.test(part) || Number(part) > 255) return null
    value = (value << 8n) | BigInt(part)
  }
  return value
}

/** RFC 4291 2.2: eight groups, one run of zeros may be left out, the last 32 bits may be written as IPv4. */
function parseV6(text: string): bigint | null {
  const halves = text.split('::')
  if (halves.length > 2) return null
  const groupsOf = (half: string): string[] | null => {
    if (half === '') return []
    const groups = half.split(':')
    const last = groups.at(-1) ?? ''
    if (!last.includes('.')) return groups
    const v4 = parseV4(last)
    if (v4 === null) return null
    return [...groups.slice(0, -1), (v4 >> 16n).toString(16), (v4 & 0xffffn).toString(16)]
  }
  const head = groupsOf(halves[0] ?? '')
  const tail = groupsOf(halves[1] ?? '')
  if (head === null || tail === null) return null
  const missing = 8 - head.length - tail.length
  if (halves.length === 1 ? missing !== 0 : missing < 1) return null
  const groups = [...head, ...Array.from({ length: missing }, () => '0'), ...tail]
  let value = 0n
  for (const group of groups) {
    if (!/^[0-9a-fA-F]{1,4}$/.test(group)) return null
    value = (value << 16n) | BigInt(`0x${group}`)
  }
  return value
}

function parseAddress(text: string): Address | null {
  const v4 = parseV4(text)
  if (v4 !== null) return { value: v4, bits: 32 }
  const v6 = parseV6(text)
  if (v6 === null) return null
  // RFC 4291 2.5.5.2: an IPv4-mapped address is the IPv4 address.
  return v6 >> 32n === 0xffffn ? { value: v6 & 0xffffffffn, bits: 32 } : { value: v6, bits: 128 }
}

/**
 * Compiles a list of CIDR texts. Texts that are no range are left out and returned, so that the caller can say so.
 * @returns `contains(address)` and the texts that were refused
 */
export function compileRanges(texts: readonly string[]): {
  readonly contains: (address: string) => boolean
  readonly refused: readonly string[]
} {
  const ranges: { network: bigint; shift: bigint; bits: number }[] = []
  const refused: string[] = []
  for (const text of texts) {
    const [base = '', length] = text.split('/')
    const address = parseAddress(base)
    const prefix =
      length === undefined ? address?.bits : /^[0-9]{1,3}$/.test(length) ? Number(length) : undefined
    if (address === null || prefix === undefined || prefix > address.bits || text.split('/').length > 2) {
      refused.push(text)
      continue
    }
    const shift = BigInt(address.bits - prefix)
    ranges.push({ network: address.value >> shift, shift, bits: address.bits })
  }
  return {
    contains(text) {
      const address = parseAddress(text)
      if (address === null) return false
      return ranges.some(
        (range) => range.bits === address.bits && address.value >> range.shift === range.network,
      )
    },
    refused,
  }
}

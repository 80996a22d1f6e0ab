// IPv4 addresses and ranges as the cmdlets take them: single, CIDR, `a-b`. Pure.

/** Whether an address is in a range like `192.0.2.0/24` or `192.0.2.1-192.0.2.9`, or equals it. */
export function inRange(address: string, range: string): boolean {
  if (address === range) return true
  const a = ipv4(address)
  const bounds = rangeOf(range)
  return a !== undefined && bounds !== undefined && a >= bounds.first && a <= bounds.last
}

/** First and last address of a range as numbers; undefined if it is none. */
export function rangeOf(text: string): { first: number; last: number; bits: number | undefined } | undefined {
  const [from = '', to] = text.split('-')
  if (to !== undefined) {
    const [first, last] = [ipv4(from.trim()), ipv4(to.trim())]
    return first === undefined || last === undefined || first > last
      ? undefined
      : { first, last, bits: undefined }
  }
  const [base = '', width] = text.split('/')
  const address = ipv4(base)
  if (address === undefined || (width !== undefined && !/^\d{1,2}$/.test(width))) return undefined
  const bits = width === undefined ? 32 : Number(width)
  if (bits > 32) return undefined
  const size = 2 ** (32 - bits)
  const first = Math.floor(address / size) * size
  return { first, last: first + size - 1, bits }
}

function ipv4(text: string): number | undefined {
  const parts = text.split('.')
  if (parts.length !== 4 || parts.some((part) => !/^\d{1,3}$/.test(part) || Number(part) > 255))
    return undefined
  return parts.reduce((sum, part) => sum * 256 + Number(part), 0)
}

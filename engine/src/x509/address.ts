/**
 * Mail addresses, host names and IP addresses as certificates name them: a strict reading and exact comparison.
 * It refuses everything that another program might read differently: white space, quotes, comments, control characters.
 */

/** The two halves of an address. */
export interface AddrSpec {
  /** A dot-atom, as it stands. */
  readonly local: string
  /** The domain in lower case, non-ASCII labels in their A-label form. */
  readonly domain: string
}

const ATOM = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
const DOT_ATOM = new RegExp(`^${ATOM}(?:\\.${ATOM})*$`)
const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/

/**
 * Reads an addr-spec as a certificate or a header field names it. Only the form local-part, one `@`, domain is taken, with
 * a dot-atom on the left and a host name on the right. Quoted local parts and address literals are legal in RFC 5321, but no
 * one issues them and programs differ in reading them: they are refused, as are blanks and control characters.
 * @returns null for anything that is no such address
 */
export function parseAddrSpec(text: string): AddrSpec | null {
  const at = text.indexOf('@')
  if (at < 1 || at !== text.lastIndexOf('@') || text.length > 320) return null
  const local = text.slice(0, at)
  const domain = toAsciiDomain(text.slice(at + 1))
  // RFC 5321 4.5.3.1.1 and 4.5.3.1.2
  if (domain === null || Buffer.byteLength(local, 'utf8') > 64) return null
  if (!DOT_ATOM.test(local) && !isUtf8DotAtom(local)) return null
  return { local, domain }
}

/** RFC 6531 3.3: a dot-atom with UTF-8; only letters, marks and numbers are taken, in normal form C. */
function isUtf8DotAtom(local: string): boolean {
  if (!local.isWellFormed() || local.normalize('NFC') !== local) return false
  return DOT_ATOM.test(local.replace(/(?![\0-\x7f])[\p{L}\p{M}\p{N}]/gu, 'x'))
}

/** Whether the text has characters outside ASCII. */
export function hasNonAscii(text: string): boolean {
  return /[^\x00-\x7f]/.test(text)
}

/**
 * A host name in lower case with A-labels. Labels that are not letters, digits and hyphens, or a non-ASCII label that is
 * not in lower case and normal form C, make it null: nothing is mapped, so that no look-alike becomes equal.
 */
export function toAsciiDomain(domain: string): string | null {
  if (domain.length === 0 || domain.length > 253) return null
  const labels = domain.split('.').map((label) => {
    if (!hasNonAscii(label)) return lowerAscii(label)
    const settled = label.isWellFormed() && label === label.normalize('NFKC').toLowerCase()
    return settled && /^[\p{L}\p{M}\p{N}-]+$/u.test(label) ? `xn--${punycode(label)}` : ''
  })
  const ascii = labels.join('.')
  return ascii.length <= 253 && labels.every((label) => LABEL.test(label)) ? ascii : null
}

/** Lower case for A to Z only. */
export function lowerAscii(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase())
}

/**
 * Whether two texts are the same mail address. Both must be strict addr-specs, else they are never the same.
 *
 * The domain is compared without regard to ASCII case. So is the local part: RFC 5321 2.4 leaves its case to the receiving
 * host, but Exchange and in practice every other system ignore it, CAs issue `Jane.Doe` for people who write as `jane.doe`,
 * and no organisation gives two people addresses that differ in case alone. Nothing else is folded: no dots, no plus tags,
 * no Unicode case or normalisation (RFC 9598 5).
 */
export function sameAddress(a: string, b: string): boolean {
  const left = parseAddrSpec(a)
  const right = parseAddrSpec(b)
  if (left === null || right === null) return false
  return left.domain === right.domain && lowerAscii(left.local) === lowerAscii(right.local)
}

/**
 * Whether a certificate's DNS name stands for the host. A wildcard is the whole left-most label, matches exactly one label,
 * and needs two labels behind it (RFC 9525 6.3).
 */
export function dnsNameMatches(pattern: string, host: string): boolean {
  const wanted = toAsciiDomain(host.endsWith('.') ? host.slice(0, -1) : host)
  if (wanted === null || isIpv4(wanted)) return false
  const name = lowerAscii(pattern)
  if (!name.startsWith('*.')) return toAsciiDomain(name) === wanted
  const base = toAsciiDomain(name.slice(2))
  const dot = wanted.indexOf('.')
  return base?.includes('.') === true && dot > 0 && wanted.slice(dot + 1) === base
}

function isIpv4(text: string): boolean {
  return /^\d{1,3}(?:\.\d{1,3}){3}$/.test(text)
}

/** The octets of an IPv4 or IPv6 address text (RFC 4291 2.2); null if it is none. */
export function ipBytes(text: string): Buffer | null {
  if (isIpv4(text)) {
    const octets = text.split('.').map(Number)
    const plain = text.split('.').every((part) => part === '0' || !part.startsWith('0'))
    return plain && octets.every((octet) => octet <= 255) ? Buffer.from(octets) : null
  }
  const halves = text.split('::')
  if (halves.length > 2 || !text.includes(':')) return null
  const [head, tail] = halves.map(groups)
  if (head === null || head === undefined || tail === null) return null
  if (tail === undefined) return head.length === 16 ? Buffer.from(head) : null
  const gap = 16 - head.length - tail.length
  return gap >= 2 ? Buffer.from([...head, ...new Array<number>(gap).fill(0), ...tail]) : null
}

function groups(text: string, index: number, halves: readonly string[]): number[] | null {
  if (text === '') return halves.length === 2 ? [] : null
  const parts = text.split(':')
  const octets: number[] = []
  for (const [position, part] of parts.entries()) {
    const last = position === parts.length - 1 && index === halves.length - 1
    const v4 = last && isIpv4(part) ? ipBytes(part) : null
    if (v4 !== null) octets.push(...v4)
    else if (/^[0-9a-fA-F]{1,4}$/.test(part)) octets.push(parseInt(part, 16) >> 8, parseInt(part, 16) & 0xff)
    else return null
  }
  return octets
}

/** An address as text: dotted for 4 octets, groups of hexadecimal for 16, else hexadecimal. */
export function ipText(bytes: Buffer): string {
  if (bytes.length === 4) return [...bytes].join('.')
  if (bytes.length !== 16) return bytes.toString('hex')
  return Array.from({ length: 8 }, (_, group) => bytes.readUInt16BE(group * 2).toString(16)).join(':')
}

/** Punycode without the prefix (RFC 3492 6.3); at most 253 characters come in. */
function punycode(label: string): string {
  const points = Array.from(label, (character) => character.codePointAt(0) ?? 0)
  let out = String.fromCharCode(...points.filter((point) => point < 0x80))
  const basic = out.length
  let handled = basic
  if (basic > 0) out += '-'
  let n = 0x80
  let delta = 0
  let bias = 72
  while (handled < points.length) {
    const next = Math.min(...points.filter((point) => point >= n))
    delta += (next - n) * (handled + 1)
    n = next
    for (const point of points) {
      if (point < n) delta++
      if (point !== n) continue
      out += deltaDigits(delta, bias)
      bias = adapt(delta, handled + 1, handled === basic)
      delta = 0
      handled++
    }
    delta++
    n++
  }
  return out
}

function deltaDigits(delta: number, bias: number): string {
  let out = ''
  let q = delta
  for (let k = 36; ; k += 36) {
    const t = Math.min(26, Math.max(1, k - bias))
    if (q < t) return out + digit(q)
    out += digit(t + ((q - t) % (36 - t)))
    q = Math.floor((q - t) / (36 - t))
  }
}

function digit(value: number): string {
  return String.fromCharCode(value < 26 ? 0x61 + value : 0x30 + value - 26)
}

function adapt(first: number, points: number, initial: boolean): number {
  let delta = initial ? Math.floor(first / 700) : first >> 1
  delta += Math.floor(delta / points)
  let k = 0
  for (; delta > 455; k += 36) delta = Math.floor(delta / 35)
  return k + Math.floor((36 * delta) / (delta + 38))
}

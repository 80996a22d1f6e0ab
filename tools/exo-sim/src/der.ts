// DER writer, just enough to build X.509 certificates for tests (ITU-T X.690).
// It writes definite lengths only and reads nothing: reading certificates is node:crypto's business.

/** One DER element: tag octet, definite length, content. */
function element(tag: number, ...content: Buffer[]): Buffer {
  const body = content.length === 1 && content[0] ? content[0] : Buffer.concat(content)
  return Buffer.concat([Buffer.from([tag]), length(body.length), body])
}

function length(value: number): Buffer {
  if (value < 0x80) return Buffer.from([value])
  const octets: number[] = []
  for (let rest = value; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256)
  return Buffer.from([0x80 | octets.length, ...octets])
}

/** SEQUENCE of the given elements. */
export function sequence(...content: Buffer[]): Buffer {
  return element(0x30, ...content)
}

/** SET of one element (a relative distinguished name has one attribute here, so no sorting is needed). */
export function setOf(content: Buffer): Buffer {
  return element(0x31, content)
}

/** INTEGER from unsigned big-endian octets. */
export function integer(octets: Buffer): Buffer {
  let start = 0
  while (start < octets.length - 1 && octets[start] === 0) start++
  const trimmed = octets.subarray(start)
  const first = trimmed[0] ?? 0
  return element(0x02, first & 0x80 ? Buffer.concat([Buffer.from([0]), trimmed]) : trimmed)
}

/** OBJECT IDENTIFIER from its dotted form. */
export function objectIdentifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  const octets: number[] = []
  for (const arc of [first * 40 + second, ...rest]) {
    const groups = [arc & 0x7f]
    for (let value = Math.floor(arc / 128); value > 0; value = Math.floor(value / 128)) {
      groups.unshift((value & 0x7f) | 0x80)
    }
    octets.push(...groups)
  }
  return element(0x06, Buffer.from(octets))
}

/** UTF8String. */
export function utf8String(text: string): Buffer {
  return element(0x0c, Buffer.from(text, 'utf8'))
}

/** BOOLEAN TRUE. */
export const TRUE = element(0x01, Buffer.from([0xff]))

/** NULL. */
export const NULL = element(0x05, Buffer.alloc(0))

/** OCTET STRING. */
export function octetString(content: Buffer): Buffer {
  return element(0x04, content)
}

/** BIT STRING with the given number of unused bits in its last octet. */
export function bitString(content: Buffer, unused = 0): Buffer {
  return element(0x03, Buffer.from([unused]), content)
}

/** Constructed context-specific element `[n]`. */
export function explicit(n: number, ...content: Buffer[]): Buffer {
  return element(0xa0 | n, ...content)
}

/** Primitive context-specific element `[n]`. */
export function implicit(n: number, content: Buffer): Buffer {
  return element(0x80 | n, content)
}

/** Time as RFC 5280 4.1.2.5 wants it: UTCTime up to 2049, GeneralizedTime from 2050. */
export function time(at: Date): Buffer {
  const digits = at.toISOString().replace(/[-:T]/g, '').slice(0, 14)
  return at.getUTCFullYear() < 2050
    ? element(0x17, Buffer.from(`${digits.slice(2)}Z`, 'latin1'))
    : element(0x18, Buffer.from(`${digits}Z`, 'latin1'))
}

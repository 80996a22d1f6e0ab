// Builds the octets of a message from headers and a body, for senders who have no message ready.
// It encodes nothing: what it is given stands in the message, line endings of headers apart.

/** A message by its parts. */
export interface Composition {
  /** Header fields in order; values may be folded with CRLF and a blank. */
  headers: Readonly<Record<string, string | readonly string[]>> | readonly (readonly [string, string])[]
  /** The body, used as it is. */
  body: string | Buffer
}

/** A message ready made, or by its parts. */
export type MessageSource = { raw: string | Buffer } | Composition

/** The octets of a message. */
export function compose(source: MessageSource): Buffer {
  if ('raw' in source) return typeof source.raw === 'string' ? Buffer.from(source.raw, 'utf8') : source.raw
  const lines: string[] = []
  for (const [name, value] of isPairs(source.headers) ? source.headers : Object.entries(source.headers)) {
    for (const one of typeof value === 'string' ? [value] : value) lines.push(`${name}: ${one}\r\n`)
  }
  const body = typeof source.body === 'string' ? Buffer.from(source.body, 'utf8') : source.body
  return Buffer.concat([Buffer.from(`${lines.join('')}\r\n`, 'utf8'), body])
}

function isPairs(headers: Composition['headers']): headers is readonly (readonly [string, string])[] {
  return Array.isArray(headers)
}

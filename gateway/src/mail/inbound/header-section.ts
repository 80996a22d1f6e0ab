/**
 * Holds the header section of a mail while it comes, within its limit, and finds the two identifiers that the trace shows.
 * Judges nothing: whose mail it is, is said by attribution.
 */

const LF = 0x0a
const FIRST_SIZE = 8192
/** Octets of a Message-ID beyond which it is not kept. RFC 5322 2.1.1 */
const IDENTIFIER_MAX = 998
const NO_OCTETS = Buffer.alloc(0)

/** Collects the header section when it comes in more than one piece. */
export class HeaderCollector {
  #buffer: Buffer = NO_OCTETS
  #length = 0

  /** Octets held. */
  get length(): number {
    return this.#length
  }

  /** Copies a piece in; the room doubles, so that a mail that comes octet by octet is copied twice at most. */
  add(piece: Buffer): void {
    const needed = this.#length + piece.length
    if (needed > this.#buffer.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(FIRST_SIZE, needed, this.#buffer.length * 2))
      this.#buffer.copy(grown, 0, 0, this.#length)
      this.#buffer = grown
    }
    piece.copy(this.#buffer, this.#length)
    this.#length = needed
  }

  /** What was collected. */
  get section(): Buffer {
    return this.#buffer.subarray(0, this.#length)
  }
}

/** The identifiers of a mail, for the trace only. */
export interface Identifiers {
  readonly messageId: string | null
  readonly networkMessageId: string | null
}

const MESSAGE_ID = 'message-id'
const NETWORK_MESSAGE_ID = [
  'x-ms-exchange-organization-network-message-id',
  'x-ms-exchange-crosstenant-network-message-id',
]

/** Finds Message-ID and Exchange's network message id; the first field of a name counts. RFC 5322 3.6.4 */
export function findIdentifiers(section: Buffer): Identifiers {
  let messageId: string | null = null
  const network: (string | null)[] = [null, null]
  let start = 0
  while (start < section.length) {
    const lf = section.indexOf(LF, start)
    const end = lf < 0 ? section.length : lf
    const first = (section[start] ?? 0) | 0x20
    if (first === 0x6d && messageId === null) messageId = fieldValue(section, start, end, MESSAGE_ID)
    else if (first === 0x78) {
      for (const [i, name] of NETWORK_MESSAGE_ID.entries()) {
        network[i] ??= fieldValue(section, start, end, name)
      }
    }
    start = end + 1
  }
  return { messageId, networkMessageId: network[0] ?? network[1] ?? null }
}

/** The unfolded value of the field that begins at `start`, or null when it has another name or is too long to be shown. */
function fieldValue(section: Buffer, start: number, end: number, name: string): string | null {
  const colon = start + name.length
  if (colon >= end || section.toString('latin1', start, colon).toLowerCase() !== name) return null
  let i = colon
  while (section[i] === 0x20 || section[i] === 0x09) i++
  if (section[i] !== 0x3a) return null
  let last = end
  // RFC 5322 2.2.3: a line that begins with white space goes on with the field
  while (section[last + 1] === 0x20 || section[last + 1] === 0x09) {
    const lf = section.indexOf(LF, last + 1)
    last = lf < 0 ? section.length : lf
  }
  if (last - i > 2 * IDENTIFIER_MAX) return null
  const value = section
    .toString('utf8', i + 1, last)
    .replace(/\r?\n/g, '')
    .replace(/\p{Cc}/gu, ' ')
    .trim()
  return value === '' || Buffer.byteLength(value) > IDENTIFIER_MAX ? null : value
}

/**
 * The hash of a body in relaxed canonical form, piece by piece in constant memory, at the speed of the hash where there is nothing
 * to change. Expects CRLF line ends: a lone CR or LF counts as text. Signs nothing.
 */
import { createHash, type Hash } from 'node:crypto'

const SPACE = 0x20
const TAB = 0x09
const CR = 0x0d
const LF = 0x0a
const CRLFS = Buffer.from('\r\n'.repeat(4096))

/** Takes a body and gives its hash. RFC 6376 3.4.4 */
export class RelaxedBodyHash {
  readonly #hash: Hash = createHash('sha256')
  /** What of the end cannot be judged yet: a blank, a CR, or both. */
  #carry: '' | ' ' | '\r' | ' \r' = ''
  /** Empty lines that are dropped if nothing follows. */
  #lineEnds = 0
  #empty = true

  /** Takes the next octets. */
  update(chunk: Buffer): void {
    if (chunk.length === 0) return
    if (this.#carry === '' && !chunk.includes(SPACE) && !chunk.includes(TAB)) this.#plain(chunk)
    else this.#blanks(this.#carry + chunk.toString('latin1'))
  }

  /** Ends it: the hash in base64. */
  digest(): string {
    if (this.#carry.endsWith('\r')) this.#write(Buffer.from(this.#carry))
    // RFC 6376 3.4.3: an empty body stays empty, any other ends with one CRLF
    if (!this.#empty) this.#hash.update('\r\n')
    return this.#hash.digest('base64')
  }

  /** There is no blank in it. */
  #plain(chunk: Buffer): void {
    let end = chunk.length
    if (chunk[end - 1] === CR) {
      this.#carry = '\r'
      end--
    }
    let content = end
    while (content >= 2 && chunk[content - 1] === LF && chunk[content - 2] === CR) content -= 2
    if (content > 0) this.#write(chunk.subarray(0, content))
    this.#lineEnds += (end - content) / 2
  }

  #blanks(text: string): void {
    let end = text.length
    const cr = text.charCodeAt(end - 1) === CR
    if (cr) end--
    const beforeBlanks = backOverBlanks(text, end)
    const blank = beforeBlanks < end
    this.#carry = blank ? (cr ? ' \r' : ' ') : cr ? '\r' : ''
    // RFC 6376 3.4.4: blanks become one, and none stands at the end of a line
    const canonical = text
      .slice(0, beforeBlanks)
      .replaceAll(/[ \t]+/g, ' ')
      .replaceAll(' \r\n', '\r\n')
    let content = canonical.length
    while (
      content >= 2 &&
      canonical.charCodeAt(content - 1) === LF &&
      canonical.charCodeAt(content - 2) === CR
    )
      content -= 2
    if (content > 0) this.#write(Buffer.from(canonical.slice(0, content), 'latin1'))
    this.#lineEnds += (canonical.length - content) / 2
  }

  #write(content: Buffer): void {
    this.#empty = false
    for (; this.#lineEnds > 0; this.#lineEnds -= Math.min(this.#lineEnds, 4096))
      this.#hash.update(CRLFS.subarray(0, 2 * Math.min(this.#lineEnds, 4096)))
    this.#hash.update(content)
  }
}

function backOverBlanks(text: string, end: number): number {
  let at = end
  while (at > 0 && (text.charCodeAt(at - 1) === SPACE || text.charCodeAt(at - 1) === TAB)) at--
  return at
}

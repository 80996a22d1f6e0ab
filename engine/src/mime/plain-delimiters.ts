/**
 * A strict look at the delimiters of one multipart, beside the scanner, which is as tolerant as mail programs are: tells
 * whether every reader cuts its parts at the same places. It builds no tree.
 */

/** Octets behind a delimiter within which its line must end. */
const PADDING = 128
const LF = 0x0a
/** What may follow the boundary on its line (RFC 2046 5.1.1), and nothing else. */
const REST = /^(--)?[ \t]*\r?(?:\n|$)/

/**
 * Looks for a boundary all over a multipart/signed: it must stand in two delimiters and, behind them, a close delimiter that
 * may be missing, and nowhere else. RFC 2046 5.1.1 lets readers take any line for a delimiter that begins like one, and some
 * go on behind the close delimiter.
 */
export class PlainDelimiters {
  /** RFC 2046 5.1.1 allows 70 characters; of longer boundaries the beginning is looked for. */
  readonly #needle: Buffer
  readonly #delimiter: Buffer
  #held: Buffer = Buffer.alloc(0)
  /** Offset in `#held` from which to look on. */
  #from = 0
  #found = ''
  #start = true

  /** @param delimiter - two dashes and the boundary */
  constructor(delimiter: Buffer) {
    this.#delimiter = delimiter
    this.#needle = delimiter.subarray(0, 72)
  }

  /** Takes the next octets of the body; false when it is known already that they are not plain. */
  add(chunk: Buffer): boolean {
    return this.#look(chunk, false)
  }

  /** Whether all of it was plain. */
  end(): boolean {
    return this.#look(Buffer.alloc(0), true) && (this.#found === 'oo' || this.#found === 'ooc')
  }

  #look(chunk: Buffer, last: boolean): boolean {
    const bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk])
    const reach = this.#delimiter.length + PADDING
    const settled = last ? bytes.length : bytes.length - reach
    let at = bytes.indexOf(this.#needle, this.#from)
    for (; at !== -1 && at < settled; at = bytes.indexOf(this.#needle, at + 1)) {
      const before = at === 0 ? this.#start : bytes[at - 1] === LF
      if (!before || !this.#take(bytes.subarray(at, at + reach))) return false
    }
    // What is looked at again, and the octet before it.
    const next = at !== -1 ? at : Math.max(bytes.length - this.#needle.length + 1, this.#from, 0)
    const keep = Math.max(next - 1, 0)
    this.#start &&= keep === 0
    this.#held = Buffer.from(bytes.subarray(keep))
    this.#from = next - keep
    return true
  }

  #take(line: Buffer): boolean {
    const { length } = this.#delimiter
    if (!line.subarray(0, length).equals(this.#delimiter)) return false
    const rest = REST.exec(line.toString('latin1', length))
    // Where the line goes on out of sight it is no padding that any mailer adds.
    if (rest === null || (rest[0].length === PADDING && !rest[0].endsWith('\n'))) return false
    this.#found += rest[1] === undefined ? 'o' : 'c'
    return this.#found.length < 3 || this.#found === 'ooc'
  }
}

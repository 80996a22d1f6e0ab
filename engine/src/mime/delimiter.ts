/**
 * The delimiter lines of all multiparts that are open at one moment: finds the next one in time linear to the bytes
 * passed over, however many multiparts are open and however many lines look alike.
 * A line counts if it begins with the boundary and goes on with white space or ends there (RFC 2046 5.1.1 and its note to
 * implementors), so that a boundary that begins with another one is not mistaken for it.
 */

const LF = 0x0a
const CR = 0x0d
const DASH = 0x2d
const SPACE = 0x20
const TAB = 0x09
const START = '\n--'
const NEEDLE = Buffer.from(START)
/** Bytes looked at one by one before the native search starts: it is the faster one for dense candidates. */
const NEAR = 48

/** A delimiter line. */
export interface Delimiter {
  /** The number that `add` was given for its multipart. */
  readonly owner: number
  /** True for the close delimiter. */
  readonly close: boolean
}

/** The boundaries of the open multiparts, innermost last. */
export class Delimiters {
  /** What is looked through: offsets count from its start. */
  bytes: Buffer
  /** Owners by boundary, innermost last. */
  readonly #owners = new Map<string, number[]>()
  /** How many open boundaries start with this byte. */
  readonly #firsts = new Map<number, number>()
  /** Lengths of the open boundaries, ascending, each once, with their number in `#counts`. */
  #lengths: number[] = []
  readonly #counts = new Map<number, number>()
  /** How many open boundaries hold white space. */
  #withBlanks = 0
  /** What is searched for: with only one boundary open, the whole of its delimiter. */
  #needle = NEEDLE
  /** Comparisons that were made; what tests bound instead of time. */
  examined = 0

  /** @param bytes - what is looked through first */
  constructor(bytes: Buffer) {
    this.bytes = bytes
  }

  /** No multipart is open. */
  get none(): boolean {
    return this.#owners.size === 0
  }

  /** Octets from the start of a line within which it is decided whether it is a delimiter. */
  get reach(): number {
    return (this.#lengths.at(-1) ?? 0) + 2 + 4
  }

  /** Octets at the end of the view with which a delimiter may begin that is not seen in full. */
  get overlap(): number {
    return this.#needle.length - 1
  }

  /**
   * Opens a multipart.
   * @param boundary - one character per byte, not empty
   * @returns true if an enclosing multipart has the same boundary
   */
  add(boundary: string, owner: number): boolean {
    const owners = this.#owners.get(boundary)
    if (owners === undefined) this.#owners.set(boundary, [owner])
    else owners.push(owner)
    this.#count(boundary, 1)
    return owners !== undefined
  }

  /** Closes the innermost multipart with this boundary. */
  remove(boundary: string): void {
    const owners = this.#owners.get(boundary)
    if (owners === undefined) return
    owners.pop()
    if (owners.length === 0) this.#owners.delete(boundary)
    this.#count(boundary, -1)
  }

  #count(boundary: string, change: 1 | -1): void {
    const { length } = boundary
    const first = boundary.charCodeAt(0)
    this.#firsts.set(first, (this.#firsts.get(first) ?? 0) + change)
    const count = (this.#counts.get(length) ?? 0) + change
    if (count === 0) this.#counts.delete(length)
    else this.#counts.set(length, count)
    this.#lengths = [...this.#counts.keys()].sort((a, b) => a - b)
    if (/[ \t]/.test(boundary)) this.#withBlanks += change
    const [only] = this.#owners.keys()
    this.#needle =
      only !== undefined && this.#owners.size === 1 ? Buffer.from(START + only, 'latin1') : NEEDLE
  }

  /** Offset of the next line feed behind which a delimiter may stand, or -1. */
  candidate(from: number): number {
    const { bytes } = this
    const near = Math.min(from + NEAR, bytes.length)
    for (let i = from; i < near; i++) {
      if (bytes[i] === LF && bytes[i + 1] === DASH && bytes[i + 2] === DASH) return i
    }
    return bytes.indexOf(this.#needle, near)
  }

  /** What the line that starts at this offset delimits, or null if it is no delimiter line. */
  at(start: number): Delimiter | null {
    const { bytes } = this
    if (bytes[start] !== DASH || bytes[start + 1] !== DASH) return null
    if ((this.#firsts.get(bytes[start + 2] ?? 0) ?? 0) === 0) return null
    let found: Delimiter | null = null
    let i = start + 2
    for (const length of this.#lengths) {
      const after = start + 2 + length
      for (; i < after; i++) {
        const byte = bytes[i]
        if (byte === undefined || byte === LF) return found
        if ((byte === SPACE || byte === TAB) && this.#withBlanks === 0) return found
      }
      // RFC 2046 5.1.1: behind the boundary only "--" and white space (transport-padding) may stand
      const close = bytes[after] === DASH && bytes[after + 1] === DASH && this.#isGap(after + 2)
      if (!close && !this.#isGap(after)) continue
      this.examined++
      const owner = this.#owners.get(bytes.toString('latin1', start + 2, after))?.at(-1)
      // The longest boundary that fits is meant.
      if (owner !== undefined) found = { owner, close }
    }
    return found
  }

  /** True if a line ends here or white space follows. */
  #isGap(at: number): boolean {
    const byte = this.bytes[at]
    if (byte === undefined || byte === LF || byte === SPACE || byte === TAB) return true
    return byte === CR && (at + 1 >= this.bytes.length || this.bytes[at + 1] === LF)
  }
}

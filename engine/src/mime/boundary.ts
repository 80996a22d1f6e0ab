/**
 * Chooses the boundary of a new multipart. Randomness comes from the caller; here it is made sure that the boundary
 * stands nowhere in the content, chance and malice included.
 */

/** RFC 2046 5.1.1: at most 70 characters. */
const MAX_SEED = 60

/**
 * A boundary that does not occur in the content. Begins with `=_`, which neither base64 nor quoted-printable text holds
 * (RFC 2045 6.7), so it has to be quoted in a Content-Type field.
 * @param seed - random letters and digits, new for each message; at least 16 are wanted
 * @param content - everything that will stand between the delimiters
 */
export function chooseBoundary(seed: string, content: readonly Buffer[]): string {
  for (let n = 0; ; n++) {
    const boundary = boundaryCandidate(seed, n)
    const search = new BoundarySearch(boundary)
    if (!content.some((chunk) => search.found(chunk))) return boundary
  }
}

/** The boundary of a seed that is tried after `n` others. */
export function boundaryCandidate(seed: string, n: number): string {
  const base = `=_${seed.replace(/[^0-9A-Za-z]/g, '').slice(0, MAX_SEED)}`
  return n === 0 ? base : `${base}_${n.toString(36)}`
}

/** Looks for a boundary in content that comes in chunks, and over the seams between them. */
export class BoundarySearch {
  readonly #needle: Buffer
  #tail: Buffer = Buffer.alloc(0)

  constructor(boundary: string) {
    this.#needle = Buffer.from(boundary)
  }

  /** Whether the next chunk completes it. */
  found(chunk: Buffer): boolean {
    const needle = this.#needle
    if (chunk.includes(needle)) return true
    const seam = Buffer.concat([this.#tail, chunk.subarray(0, needle.length - 1)])
    if (seam.includes(needle)) return true
    const joined = chunk.length < needle.length ? Buffer.concat([this.#tail, chunk]) : chunk
    this.#tail = Buffer.from(joined.subarray(Math.max(0, joined.length - needle.length + 1)))
    return false
  }
}

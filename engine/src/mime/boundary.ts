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
  const base = `=_${seed.replace(/[^0-9A-Za-z]/g, '').slice(0, MAX_SEED)}`
  for (let n = 0; ; n++) {
    const boundary = n === 0 ? base : `${base}_${n.toString(36)}`
    if (!occurs(Buffer.from(boundary), content)) return boundary
  }
}

/** Looks into each chunk and over the seams between them. */
function occurs(needle: Buffer, content: readonly Buffer[]): boolean {
  let tail = Buffer.alloc(0)
  for (const chunk of content) {
    if (chunk.includes(needle)) return true
    const seam = Buffer.concat([tail, chunk.subarray(0, needle.length - 1)])
    if (seam.includes(needle)) return true
    const joined = chunk.length < needle.length ? Buffer.concat([tail, chunk]) : chunk
    tail = Buffer.from(joined.subarray(Math.max(0, joined.length - needle.length + 1)))
  }
  return false
}

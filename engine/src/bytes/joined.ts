/** Pieces of octets as one buffer. */

/** All pieces in order; a view, not a copy, when there is only one. */
export function joined(pieces: readonly Buffer[]): Buffer {
  const [first] = pieces
  return first !== undefined && pieces.length === 1 ? first : Buffer.concat(pieces)
}

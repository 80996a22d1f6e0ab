// Transparency of DATA (RFC 5321 4.5.2): removes the dots on the way in and adds them on the way out.
// Only CRLF . CRLF ends the data: neither LF . LF nor any mixture does.

const CRLF_DOT = Buffer.from('\r\n.')
const CR = 0x0d
const LF = 0x0a

/** Takes chunks of DATA and gives out the message; says when the end has come. */
export class DotDecoder {
  /** Octets that may yet be the beginning of CRLF . CRLF. It starts as if a line had just ended. */
  #held: Buffer = Buffer.from('\r\n')
  #first = true

  /**
   * Feeds one chunk.
   * `pieces` go to the message in order; `rest` is there once the end was seen: the octets that follow it.
   */
  feed(chunk: Buffer): { pieces: Buffer[]; rest?: Buffer } {
    const data = this.#held.length > 0 ? Buffer.concat([this.#held, chunk]) : chunk
    const pieces: Buffer[] = []
    let from = 0
    for (;;) {
      const at = data.indexOf(CRLF_DOT, from)
      if (at < 0) break
      const after = at + 3
      if (after >= data.length || (data[after] === CR && after + 1 >= data.length)) {
        this.#give(pieces, data.subarray(from, at))
        this.#held = data.subarray(at)
        return { pieces }
      }
      this.#give(pieces, data.subarray(from, at + 2))
      if (data[after] === CR && data[after + 1] === LF) return { pieces, rest: data.subarray(after + 2) }
      from = after
    }
    // Hold back a CR or CRLF at the end: a dot may follow.
    let end = data.length
    if (end - from >= 2 && data[end - 2] === CR && data[end - 1] === LF) end -= 2
    else if (end > from && data[end - 1] === CR) end -= 1
    this.#give(pieces, data.subarray(from, end))
    this.#held = data.subarray(end)
    return { pieces }
  }

  #give(pieces: Buffer[], piece: Buffer): void {
    if (piece.length === 0) return
    const own = this.#first ? piece.subarray(2) : piece
    this.#first = false
    if (own.length > 0) pieces.push(own)
  }
}

/** The message as it must stand after 354, with the final dot; the message is cut, not copied. */
export function stuffDots(parts: readonly Buffer[]): Buffer[] {
  const out: Buffer[] = []
  let tail: Buffer = Buffer.from('\r\n')
  for (const part of parts) {
    // The last two octets of what came before decide whether a dot at the start of this part is at a line's start.
    if (part.length > 0 && part[0] === 0x2e && tail[0] === CR && tail[1] === LF) out.push(Buffer.from('.'))
    else if (part.length > 1 && part[0] === LF && part[1] === 0x2e && tail[1] === CR) {
      out.push(part.subarray(0, 1), Buffer.from('.'))
      cut(out, part.subarray(1))
      tail = lastTwo(tail, part)
      continue
    }
    cut(out, part)
    tail = lastTwo(tail, part)
  }
  out.push(Buffer.from(tail[0] === CR && tail[1] === LF ? '.\r\n' : '\r\n.\r\n'))
  return out
}

function cut(out: Buffer[], part: Buffer): void {
  let from = 0
  for (;;) {
    const at = part.indexOf(CRLF_DOT, from)
    if (at < 0) break
    out.push(part.subarray(from, at + 3), Buffer.from('.'))
    from = at + 3
  }
  if (from < part.length) out.push(part.subarray(from))
}

function lastTwo(before: Buffer, part: Buffer): Buffer {
  if (part.length >= 2) return part.subarray(part.length - 2)
  return part.length === 1 ? Buffer.concat([before.subarray(1), part]) : before
}

/**
 * The canonical form of text for signing: every line break is CRLF (RFC 8551 3.1.1). Knows only bytes: what must stay
 * binary has to be encoded before.
 */
const LF = 0x0a
const CR = 0x0d
const CRLF = Buffer.from('\r\n')

/** True if every line feed follows a carriage return and the reverse. Sixteen bytes are tested at a time. */
export function isCanonical(bytes: Buffer): boolean {
  const skew = Math.min((4 - (bytes.byteOffset & 3)) & 3, bytes.length)
  const count = (bytes.length - skew) >> 4
  if (!areCanonical(bytes, 0, skew)) return false
  if (count > 0) {
    const words = new Int32Array(bytes.buffer, bytes.byteOffset + skew, count * 4)
    for (let w = 0; w < count * 4; w += 4) {
      const a = words[w] ?? 0
      const b = words[w + 1] ?? 0
      const c = words[w + 2] ?? 0
      const d = words[w + 3] ?? 0
      if (((control(a) | control(b) | control(c) | control(d)) & 0x80808080) === 0) continue
      if (!areCanonical(bytes, skew + w * 4, skew + w * 4 + 16)) return false
    }
  }
  return areCanonical(bytes, skew + count * 16, bytes.length)
}

/** The top bit of a byte is set if any byte is less than 0x0e, which all but line breaks and tabs are not. */
function control(word: number): number {
  return (word - 0x0e0e0e0e) & ~word
}

/** The same for the line breaks that stand in a range; what goes before and follows is looked at. */
function areCanonical(bytes: Buffer, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    const byte = bytes[i]
    if (byte === LF ? bytes[i - 1] !== CR : byte === CR && bytes[i + 1] !== LF) return false
  }
  return true
}

/** Runs of octets up to this length are copied one by one: a call for each would take seconds where lines are empty. */
const SHORT = 64

/** Copies `bytes[from, to)` to `out` at `at`; returns the end of what was written. */
function copyRun(bytes: Buffer, from: number, to: number, out: Buffer, at: number): number {
  if (to - from > SHORT) return at + bytes.copy(out, at, from, to)
  let end = at
  for (let i = from; i < to; i++) out[end++] = bytes[i] ?? 0
  return end
}

/** Every bare LF and every bare CR becomes CRLF. Returns the input itself, not a copy, if there is none. */
export function canonicalise(bytes: Buffer): Buffer {
  if (isCanonical(bytes)) return bytes
  const out = Buffer.allocUnsafe(bytes.length + bareBreaks(bytes))
  let from = 0
  let at = 0
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]
    if (byte !== LF && byte !== CR) continue
    at = copyRun(bytes, from, i, out, at)
    out[at++] = CR
    out[at++] = LF
    if (byte === CR && bytes[i + 1] === LF) i++
    from = i + 1
  }
  return out.subarray(0, copyRun(bytes, from, bytes.length, out, at))
}

/**
 * Every bare LF becomes CRLF; a bare CR stays, which some readers take for a line break and others do not. Returns the input
 * itself, not a copy, if there is nothing to change.
 */
export function withCarriageReturns(bytes: Buffer): Buffer {
  if (isCanonical(bytes)) return bytes
  const bare = bareLineFeeds(bytes)
  if (bare === 0) return bytes
  const out = Buffer.allocUnsafe(bytes.length + bare)
  let from = 0
  let at = 0
  for (let i = 0; i < bytes.length; i++) {
    if (bytes[i] !== LF || bytes[i - 1] === CR) continue
    at = copyRun(bytes, from, i, out, at)
    out[at++] = CR
    from = i
  }
  return out.subarray(0, copyRun(bytes, from, bytes.length, out, at))
}

function bareLineFeeds(bytes: Buffer): number {
  let count = 0
  for (let i = 0; i < bytes.length; i++) if (bytes[i] === LF && bytes[i - 1] !== CR) count++
  return count
}

/** How many line breaks are a bare LF or a bare CR. */
export function bareBreaks(bytes: Buffer): number {
  let count = 0
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]
    if (byte === LF) count++
    else if (byte === CR) {
      if (bytes[i + 1] === LF) i++
      else count++
    }
  }
  return count
}

/**
 * The canonical text with LF for each CRLF; a CR or LF alone stays.
 * @param out - room for as many octets, of which the result is a view
 */
export function withLineFeeds(bytes: Buffer, out: Buffer = Buffer.allocUnsafe(bytes.length)): Buffer {
  let at = 0
  let from = 0
  for (let cr = nextCrlf(bytes, 0); cr !== -1; cr = nextCrlf(bytes, cr + 2)) {
    at = copyRun(bytes, from, cr, out, at)
    from = cr + 1
  }
  return out.subarray(0, copyRun(bytes, from, bytes.length, out, at))
}

/** As `indexOf`, and as fast where lines are short. */
function nextCrlf(bytes: Buffer, from: number): number {
  const near = Math.min(from + SHORT, bytes.length)
  for (let i = from; i < near; i++) if (bytes[i] === CR && bytes[i + 1] === LF) return i
  return near < bytes.length ? bytes.indexOf(CRLF, near) : -1
}

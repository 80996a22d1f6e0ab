/**
 * The canonical form of text for signing: every line break is CRLF (RFC 8551 3.1.1). Knows only bytes: what must stay
 * binary has to be encoded before.
 */
const LF = 0x0a
const CR = 0x0d
const CRLF = Buffer.from('\r\n')

/** True if every line feed follows a carriage return and the reverse. Four bytes are tested at a time. */
export function isCanonical(bytes: Buffer): boolean {
  const skew = Math.min((4 - (bytes.byteOffset & 3)) & 3, bytes.length)
  const count = (bytes.length - skew) >> 2
  if (!areCanonical(bytes, 0, skew)) return false
  if (count > 0) {
    const words = new Int32Array(bytes.buffer, bytes.byteOffset + skew, count)
    for (let w = 0; w < count; w++) {
      const word = words[w] ?? 0
      const lf = word ^ 0x0a0a0a0a
      const cr = word ^ 0x0d0d0d0d
      // The classic test for a zero byte in a word; it may only err towards looking closer.
      if (((((lf - 0x01010101) & ~lf) | ((cr - 0x01010101) & ~cr)) & 0x80808080) === 0) continue
      if (!areCanonical(bytes, skew + w * 4, skew + w * 4 + 4)) return false
    }
  }
  return areCanonical(bytes, skew + count * 4, bytes.length)
}

/** The same for the line breaks that stand in a range; what goes before and follows is looked at. */
function areCanonical(bytes: Buffer, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    const byte = bytes[i]
    if (byte === LF ? bytes[i - 1] !== CR : byte === CR && bytes[i + 1] !== LF) return false
  }
  return true
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
    at += bytes.copy(out, at, from, i)
    out[at++] = CR
    out[at++] = LF
    if (byte === CR && bytes[i + 1] === LF) i++
    from = i + 1
  }
  bytes.copy(out, at, from)
  return out
}

/**
 * Every bare LF becomes CRLF; a bare CR stays, which some readers take for a line break and others do not. Returns the input
 * itself, not a copy, if there is nothing to change.
 */
export function withCarriageReturns(bytes: Buffer): Buffer {
  if (isCanonical(bytes)) return bytes
  let bare = 0
  for (let at = bytes.indexOf(LF); at !== -1; at = bytes.indexOf(LF, at + 1)) if (bytes[at - 1] !== CR) bare++
  if (bare === 0) return bytes
  const out = Buffer.allocUnsafe(bytes.length + bare)
  let from = 0
  let to = 0
  for (let at = bytes.indexOf(LF); at !== -1; at = bytes.indexOf(LF, at + 1)) {
    if (bytes[at - 1] === CR) continue
    to += bytes.copy(out, to, from, at)
    out[to++] = CR
    from = at
  }
  bytes.copy(out, to, from)
  return out
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
  for (let cr = bytes.indexOf(CRLF); cr !== -1; cr = bytes.indexOf(CRLF, cr + 2)) {
    at += bytes.copy(out, at, from, cr)
    from = cr + 1
  }
  at += bytes.copy(out, at, from)
  return out.subarray(0, at)
}

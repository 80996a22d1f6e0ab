// Looks for line endings that are not CRLF. They may travel by BDAT only (RFC 3030), never by DATA.

const CR = 0x0d
const LF = 0x0a

/** Whether a CR stands without its LF, or an LF without its CR. */
export function hasBareLineEnding(bytes: Buffer): boolean {
  for (let at = bytes.indexOf(LF); at >= 0; at = bytes.indexOf(LF, at + 1)) {
    if (at === 0 || bytes[at - 1] !== CR) return true
  }
  for (let at = bytes.indexOf(CR); at >= 0; at = bytes.indexOf(CR, at + 1)) {
    if (bytes[at + 1] !== LF) return true
  }
  return false
}

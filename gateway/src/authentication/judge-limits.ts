/**
 * What of a header the judge (mailauth) may be shown. Some of its steps take time by the square of what they read, and while it
 * computes nothing else in the process goes on. Beyond these limits it is not asked: fail closed. Pure; judges no signature.
 */
import { scanHeader } from '@siegel/engine'

/** Octets of a header section. Exchange Online takes 256 KB. */
export const LARGEST_HEADER = 262_144
/** Unfolding compares each line with the others of its field. */
const MOST_LINES = 4000
/** Octets of blanks and line ends without anything between: trimming a tag looks for its end from each of them. */
const LONGEST_BLANK = 256
/** Names in `h=`, by their colons: for each name all fields are gone through, for each signature. */
const MOST_COLONS = 2000
/** Octets of fields that are parsed as addresses or parameters. */
const LARGEST_PARSED = 16_384

const SIGNATURES: ReadonlySet<string> = new Set(['dkim-signature', 'arc-message-signature'])
const PARSED: ReadonlySet<string> = new Set(['from', 'return-path', 'content-type'])
const COLON = 0x3a
const [TAB, LF, CR, SPACE] = [0x09, 0x0a, 0x0d, 0x20]

/**
 * Why a header must not be shown to the judge; null when it may.
 * @param header - the header section, with or without the empty line
 */
export function beyondJudge(header: Buffer): string | null {
  if (header.length > LARGEST_HEADER) return `a header of ${header.length} octets`
  const { lines, blank } = shapeOf(header)
  if (lines > MOST_LINES) return `a header of ${lines} lines`
  if (blank > LONGEST_BLANK) return `a header with ${blank} blanks in a row`
  let colons = 0
  let parsed = 0
  for (const { lower, start, end } of scanHeader(header).fields) {
    if (PARSED.has(lower)) parsed += end - start
    if (SIGNATURES.has(lower)) colons += countOf(header.subarray(start, end), COLON)
  }
  if (parsed > LARGEST_PARSED) return `${parsed} octets of addresses and parameters`
  return colons > MOST_COLONS ? `signatures over ${colons} names` : null
}

function shapeOf(header: Buffer): { readonly lines: number; readonly blank: number } {
  let lines = 0
  let blank = 0
  let run = 0
  for (const octet of header) {
    if (octet === LF) lines++
    if (octet === SPACE || octet === TAB || octet === CR || octet === LF) {
      if (++run > blank) blank = run
    } else run = 0
  }
  return { lines, blank }
}

function countOf(octets: Buffer, wanted: number): number {
  let count = 0
  for (const octet of octets) if (octet === wanted) count++
  return count
}

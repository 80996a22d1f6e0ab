// Words in header values: decoding of encoded words, and the whole-word search of mail-flow rules.
// Only charsets that the runtime's TextDecoder knows are decoded; others stay as they are written.

/** Decodes encoded words (RFC 2047 2); what cannot be decoded is left as it is. */
export function decodeWords(text: string): string {
  if (!text.includes('=?')) return text
  const joined = text.replace(/(\?=)[ \t]+(?==\?)/g, '$1')
  return joined.replace(ENCODED_WORD, (whole: string, charset: string, kind: string, encoded: string) => {
    const bytes = kind.toUpperCase() === 'B' ? Buffer.from(encoded, 'base64') : decodeQ(encoded)
    try {
      return new TextDecoder(charset).decode(bytes)
    } catch {
      // An unknown charset: the rule engine then sees the encoded form, as it would any other text.
      return whole
    }
  })
}

const ENCODED_WORD = /=\?([^?*\s]+)(?:\*[^?\s]*)?\?([BbQq])\?([^?\s]*)\?=/g

function decodeQ(text: string): Buffer {
  const latin1 = text
    .replaceAll('_', ' ')
    .replace(/=([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)))
  return Buffer.from(latin1, 'latin1')
}

const WORD_CHARACTER = /[\p{L}\p{N}_]/u

/**
 * Whether `text` contains `word` as a whole word, case-insensitively: at both sides stands the text's end, a blank
 * or punctuation. `contoso` is in `mx.contoso.com` but not in `Acontoso`. There are no wildcards.
 */
export function containsWord(text: string, word: string): boolean {
  const where = text.toLowerCase()
  const what = word.toLowerCase().trim()
  if (what === '') return false
  for (let at = where.indexOf(what); at >= 0; at = where.indexOf(what, at + 1)) {
    if (!isWordCharacterBefore(where, at) && !isWordCharacterAt(where, at + what.length)) return true
  }
  return false
}

function isWordCharacterAt(text: string, at: number): boolean {
  const codePoint = text.codePointAt(at)
  return codePoint !== undefined && WORD_CHARACTER.test(String.fromCodePoint(codePoint))
}

function isWordCharacterBefore(text: string, at: number): boolean {
  if (at === 0) return false
  const low = text.charCodeAt(at - 1)
  return low >= 0xdc00 && low <= 0xdfff && at >= 2
    ? isWordCharacterAt(text, at - 2)
    : isWordCharacterAt(text, at - 1)
}

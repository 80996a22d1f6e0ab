/**
 * The lexical half of addresses (RFC 5322 3.2, RFC 6532 3.2): atoms, quoted strings, comments, domain literals, specials.
 * Linear in the length; refuses control characters and everything that is left open.
 */

/** One token; `text` is the content without quotes, escapes and parentheses. */
export interface Token {
  readonly kind: 'atom' | 'quoted' | 'comment' | 'literal' | 'dot' | 'special'
  readonly text: string
  /** White space stands before it. */
  readonly spaced: boolean
}

/** Control characters (RFC 5322 obsoletes them, RFC 6532 forbids the second range) and what ends a line in Unicode. */
const CONTROL = /[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]/
const SPECIALS = '<>@,;:'
const ATOM = /[^\s()<>[\]:;@\\,."]+/uy

/** The tokens of a value; null if it holds control characters, or a quote, comment or literal that is not closed. */
export function readTokens(value: string): readonly Token[] | null {
  if (CONTROL.test(value)) return null
  const tokens: Token[] = []
  let spaced = false
  let i = 0
  while (i < value.length) {
    const c = value[i] ?? ''
    if (c === ' ' || c === '\t') {
      spaced = true
      i++
      continue
    }
    if (c === '.') {
      tokens.push({ kind: 'dot', text: c, spaced })
      i++
    } else if (SPECIALS.includes(c)) {
      tokens.push({ kind: 'special', text: c, spaced })
      i++
    } else if (c === '"' || c === '(' || c === '[') {
      const closed = c === '(' ? readComment(value, i) : readUntil(value, i, c === '"' ? '"' : ']')
      if (closed === null) return null
      const kind = c === '"' ? 'quoted' : c === '(' ? 'comment' : 'literal'
      tokens.push({ kind, text: kind === 'literal' ? `[${closed.text}]` : closed.text, spaced })
      i = closed.next
    } else {
      ATOM.lastIndex = i
      const atom = ATOM.exec(value)?.[0]
      // A stray bracket, backslash or exotic white space.
      if (atom === undefined) return null
      tokens.push({ kind: 'atom', text: atom, spaced })
      i += atom.length
    }
    spaced = false
  }
  return tokens
}

/** A quoted string or domain literal. RFC 5322 3.2.4, 3.4.1 */
function readUntil(value: string, from: number, end: string): { text: string; next: number } | null {
  const literal = end === ']'
  let text = ''
  for (let i = from + 1; i < value.length; i++) {
    let c = value[i] ?? ''
    if (c === end) return { text, next: i + 1 }
    // RFC 5321 4.1.3: an address literal has neither escapes, brackets nor white space
    if (literal && /[[\\\s@<>,;"()]/.test(c)) return null
    if (c === '\\') c = value[++i] ?? ''
    text += c
  }
  return null
}

/** A comment, which may hold comments. RFC 5322 3.2.2 */
function readComment(value: string, from: number): { text: string; next: number } | null {
  let depth = 0
  let text = ''
  for (let i = from; i < value.length; i++) {
    let c = value[i] ?? ''
    if (c === '(' && depth++ === 0) continue
    if (c === ')' && --depth === 0) return { text, next: i + 1 }
    if (c === '\\') c = value[++i] ?? ''
    text += c
  }
  return null
}

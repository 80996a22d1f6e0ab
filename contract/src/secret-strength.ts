/**
 * How strong a random secret can be at most, judged by its text. It cannot prove randomness; it refuses what is too short,
 * too uniform or made of characters that a header value or a mail-flow rule would change. Makes no secrets.
 */

/** The least strength of a secret, in bits. */
const LEAST_BITS = 128

/** Alphabets from small to large; the smallest that holds all characters counts. */
const ALPHABETS: readonly { readonly pattern: RegExp; readonly size: number }[] = [
  { pattern: /^[0-9]+$/, size: 10 },
  { pattern: /^[0-9a-f]+$/, size: 16 },
  { pattern: /^[0-9A-F]+$/, size: 16 },
  { pattern: /^[a-z2-7]+$/, size: 32 },
  { pattern: /^[A-Z2-7]+$/, size: 32 },
  { pattern: /^[0-9a-z]+$/, size: 36 },
  { pattern: /^[0-9A-Z]+$/, size: 36 },
  { pattern: /^[0-9A-Za-z]+$/, size: 62 },
  { pattern: /^[0-9A-Za-z+/=_-]+$/, size: 64 },
]

/** The strength that a random text of this form can have at most, in whole bits; 0 for characters that are not allowed. */
export function secretBits(text: string): number {
  const alphabet = ALPHABETS.find(({ pattern }) => pattern.test(text))
  return alphabet === undefined ? 0 : Math.floor(text.replace(/=+$/, '').length * Math.log2(alphabet.size))
}

/** Whether the text is one piece repeated; such a text is as weak as the piece. */
function isPeriodic(text: string): boolean {
  return `${text}${text}`.indexOf(text, 1) < text.length
}

/**
 * Says why a secret is not acceptable.
 * @param example - what would be strong enough, in the alphabet of the field
 * @returns null when it is; the text never quotes the secret
 */
export function secretWeakness(text: string, example = '32 hexadecimal digits'): string | null {
  if (!/^[0-9A-Za-z+/=_-]+$/.test(text)) return 'may hold only letters, digits and + / = _ -'
  const bits = secretBits(text)
  if (bits < LEAST_BITS)
    return `is too weak: at most ${bits} bits, ${LEAST_BITS} are needed (for example ${example})`
  if (new Set(text).size < 8 || isPeriodic(text)) return 'is too weak: it does not look random'
  return null
}

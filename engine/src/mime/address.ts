/**
 * The one reader of addresses: From, To, Cc and single mailboxes, for every decision about keys, signers and tenants.
 * Strict RFC 5322 3.4 with RFC 6532; obsolete forms are recognised. Whatever another reader could take for a different
 * address, and whatever is no address list, is reported as ambiguous instead of being guessed at. Encoded words are not
 * decoded; several From fields are the caller's business.
 */
import { readTokens } from './address-token.ts'
import type { Token } from './address-token.ts'

/** One mailbox. */
export interface Mailbox {
  /** Display name without quotes, encoded words not decoded; the comment behind the address if that is all there is. */
  readonly displayName: string | null
  /** `local@domain`; the local part is quoted only where it must be, the domain is in lower case. */
  readonly address: string
  /** The local part without quotes, as written. */
  readonly local: string
  /** The domain in lower case, or an address literal in brackets. */
  readonly domain: string
  /** Display name of the group that it stands in; null outside groups. */
  readonly group: string | null
}

/** What a header field with addresses says. */
export interface AddressList {
  /** The mailboxes in order, groups opened. If `ambiguous`, only what was read up to the doubt: to be shown, not to be used. */
  readonly mailboxes: readonly Mailbox[]
  /** True if other readers could see other addresses, or the value is no address list. Decide nothing on it. */
  readonly ambiguous: boolean
}

/**
 * Reads a list of mailboxes and groups.
 * @param value - the unfolded field value, as `headerValue` gives it; a value with control characters is refused
 */
export function parseAddresses(value: string): AddressList {
  const tokens = readTokens(value)
  return tokens === null ? { mailboxes: [], ambiguous: true } : new ListReader(tokens).read()
}

/**
 * Reads exactly one mailbox, `Name <local@domain>` or a bare address.
 * @returns null if it is ambiguous, a group, a list, or no address
 */
export function parseMailbox(value: string): Mailbox | null {
  const { mailboxes, ambiguous } = parseAddresses(value)
  const [mailbox, second] = mailboxes
  return mailbox === undefined || second !== undefined || ambiguous || mailbox.group !== null ? null : mailbox
}

/** What stands on the way to a mailbox: words, and what was seen between them. */
interface Words {
  /** The words as a phrase. */
  readonly phrase: string
  /** The words as a local part; null if they are none. */
  readonly local: string | null
  /** As a local part they are such that other readers may take less or more. */
  readonly doubtful: boolean
  readonly count: number
}

class ListReader {
  readonly #tokens: readonly Token[]
  readonly #mailboxes: Mailbox[] = []
  #at = 0
  #ambiguous: boolean

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens
    // Readers that do not know comments see an address there.
    this.#ambiguous = tokens.some(({ kind, text }) => kind === 'comment' && /[@<>]/.test(text))
  }

  read(): AddressList {
    const whole = this.#readList()
    return { mailboxes: this.#mailboxes, ambiguous: this.#ambiguous || !whole }
  }

  /** Returns false where the syntax ends before the value does. */
  #readList(): boolean {
    let group: string | null = null
    for (;;) {
      this.#takeComments()
      const token = this.#peek()
      if (token === undefined) return group === null
      // RFC 5322 4.4: obs-addr-list has empty elements
      if (this.#isSpecial(',')) {
        this.#at++
        continue
      }
      if (group !== null && this.#isSpecial(';')) {
        this.#at++
        group = null
        if (!this.#atSeparator(null)) return false
        continue
      }
      const words = this.#readWords()
      if (this.#isSpecial(':') && words.count > 0 && group === null) {
        this.#at++
        group = words.phrase
        continue
      }
      if (!this.#readMailbox(words, group)) return false
    }
  }

  #readMailbox(words: Words, group: string | null): boolean {
    const angle = this.#isSpecial('<')
    const spec = angle ? this.#readAngle() : this.#readSpec(words)
    if (spec === null) return false
    const comment = this.#takeComments()
    const name = angle && words.count > 0 ? words.phrase : comment
    const mailbox = { displayName: name, ...spec, group }
    if (angle && namesAnother(words.phrase, mailbox.address)) this.#ambiguous = true
    this.#mailboxes.push(mailbox)
    return this.#atSeparator(group)
  }

  /** RFC 5322 3.4: angle-addr; 4.4: with a route, which others may take for the address. */
  #readAngle(): Omit<Mailbox, 'displayName' | 'group'> | null {
    this.#at++
    if (this.#isSpecial('@') || this.#isSpecial(',')) {
      this.#ambiguous = true
      while (!this.#isSpecial(':')) {
        if (this.#peek() === undefined) return null
        this.#at++
      }
      this.#at++
    }
    if (this.#takeComments() !== null) this.#ambiguous = true
    const spec = this.#readSpec(this.#readWords())
    if (spec === null) return null
    if (this.#takeComments() !== null) this.#ambiguous = true
    if (!this.#isSpecial('>')) return null
    this.#at++
    return spec
  }

  /** Words and dots up to a special character. RFC 5322 3.2.5 and 4.1: a phrase may hold dots. */
  #readWords(): Words {
    const first = this.#at
    let phrase = ''
    let local: string | null = ''
    let wantsWord = true
    let doubtful = false
    let count = 0
    for (;;) {
      const token = this.#peek()
      if (token === undefined || token.kind === 'special') break
      this.#at++
      if (token.kind === 'comment') continue
      const spaced = this.#at - 1 > first && this.#isApart(this.#at - 1)
      phrase += spaced ? ` ${token.text}` : token.text
      count++
      const isDot = token.kind === 'dot'
      if (isDot === wantsWord) local = null
      else if (local !== null) local += token.text
      wantsWord = isDot
      if (token.kind === 'quoted' && isRiskyLocal(token.text)) doubtful = true
    }
    if (wantsWord) local = null
    // RFC 5322 4.4: obs-local-part has white space and comments between its words; others read only the last word
    if (this.#hasGaps(first, this.#at)) doubtful = true
    return { phrase, local, doubtful, count }
  }

  #readSpec({ local, doubtful }: Words): Omit<Mailbox, 'displayName' | 'group'> | null {
    if (local === null || !this.#isSpecial('@')) return null
    if (doubtful || this.#isApart(this.#at)) this.#ambiguous = true
    this.#at++
    const first = this.#at
    let domain = ''
    for (;;) {
      const token = this.#peek()
      if (token === undefined || token.kind === 'special' || token.kind === 'quoted') break
      if (token.kind === 'comment') {
        // All comments of a run at once: a look ahead for each of them would cost the square of their number.
        const after = this.#afterComments()
        if (!this.#goesOnAt(after)) break
        this.#at = after
        continue
      }
      this.#at++
      domain += token.text
      if (token.kind === 'literal') break
    }
    if (this.#at > first && (this.#isApart(first) || this.#hasGaps(first, this.#at))) this.#ambiguous = true
    if (!isDomain(domain)) return null
    if (looksDifferent(local) || looksDifferent(domain)) this.#ambiguous = true
    const written = isDotAtom(local) ? local : `"${local.replace(/["\\]/g, '\\$&')}"`
    domain = domain.toLowerCase()
    return { address: `${written}@${domain}`, local, domain }
  }

  /** Index of the first token behind the comments that stand here. */
  #afterComments(): number {
    let i = this.#at
    while (this.#tokens[i]?.kind === 'comment') i++
    return i
  }

  /** True if the domain goes on behind the comments that stand here: only then do they stand inside. */
  #goesOnAt(after: number): boolean {
    const before = this.#tokens[this.#at - 1]
    return this.#tokens[after]?.kind === 'dot' || before?.kind === 'dot' || before?.text === '@'
  }

  /** True if white space or a comment stands between two of these tokens. */
  #hasGaps(first: number, after: number): boolean {
    for (let i = first; i < after; i++) {
      if (this.#tokens[i]?.kind === 'comment' || (i > first && this.#isApart(i))) return true
    }
    return false
  }

  /** True if white space or a comment stands before this token. */
  #isApart(index: number): boolean {
    return this.#tokens[index]?.spaced === true || this.#tokens[index - 1]?.kind === 'comment'
  }

  /** Passes over comments; returns the text of the last, null if there was none. */
  #takeComments(): string | null {
    let text: string | null = null
    for (let token = this.#peek(); token?.kind === 'comment'; token = this.#peek()) {
      text = token.text
      this.#at++
    }
    return text
  }

  /** True at the end of an element. */
  #atSeparator(group: string | null): boolean {
    this.#takeComments()
    return this.#peek() === undefined
      ? group === null
      : this.#isSpecial(',') || (group !== null && this.#isSpecial(';'))
  }

  #peek(): Token | undefined {
    return this.#tokens[this.#at]
  }

  #isSpecial(text: string): boolean {
    const token = this.#peek()
    return token?.kind === 'special' && token.text === text
  }
}

/** RFC 5322 3.2.3: atext and single dots. */
function isDotAtom(local: string): boolean {
  return /^[^\s.()<>[\]:;@\\,"]+(?:\.[^\s.()<>[\]:;@\\,"]+)*$/.test(local)
}

/** Characters in a quoted local part at which other readers cut. */
function isRiskyLocal(text: string): boolean {
  return /[@<>,;:()\\"]/.test(text)
}

/** RFC 5321 2.3.5: labels of letters, digits and hyphens (and the underscores of real mail); or a literal, RFC 5321 4.1.3. */
function isDomain(domain: string): boolean {
  if (domain.startsWith('[')) return true
  return domain.split('.').every((label) => /^[0-9A-Za-z_\u00a0-\u{10ffff}-]+$/u.test(label))
}

/** True for text that turns into other text when it is normalised or decoded: full-width signs, invisible characters. */
function looksDifferent(text: string): boolean {
  if (text.includes('=?')) return true
  if (/^[\x00-\x7f]*$/.test(text)) return false
  return (
    text.normalize('NFKC') !== text.normalize('NFC') ||
    /[\p{Cf}\p{Z}\p{Co}\p{Cn}\p{Cs}]|[\u212a\u3002\ufffd]/u.test(text)
  )
}

/**
 * True if a display name holds another address in angle brackets, which careless readers take for the address. Some decode
 * encoded words before they look for addresses; what then ends a line or a string is as bad.
 */
function namesAnother(phrase: string, address: string): boolean {
  const decoded = phrase.includes('=?') ? withoutEncodedWords(phrase) : phrase
  if (/[\0\r\n]/.test(decoded)) return true
  if (!decoded.includes('<')) return false
  for (const [, inner = ''] of decoded.matchAll(/<([^<>]*)>/g)) {
    if (inner.includes('@') && inner.trim().toLowerCase() !== address.toLowerCase()) return true
  }
  return false
}

/** RFC 2047: the octets of encoded words in their place, one character each; enough to see the signs of addresses. */
function withoutEncodedWords(phrase: string): string {
  const joined = phrase.replaceAll(/(\?=) +(?==\?)/g, '$1')
  return joined.replaceAll(/=\?[^?]*\?([bq])\?([^?]*)\?=/gi, (_, how: string, text: string) =>
    how.toLowerCase() === 'b'
      ? Buffer.from(text, 'base64').toString('latin1')
      : text.replaceAll(/=([0-9a-f]{2})/gi, (__, hex: string) => String.fromCharCode(parseInt(hex, 16))),
  )
}

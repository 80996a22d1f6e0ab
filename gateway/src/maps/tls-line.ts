/**
 * Reads the right-hand side of a line of smtp_tls_policy_maps: a security level and its attributes, with Postfix's rules of
 * what may stand how often at which level. Pure. A line that Postfix would call invalid is invalid as a whole.
 * Where Siegel is narrower: TLS before 1.2 is never spoken, the grade `null` is refused, fingerprints are SHA-256.
 */
import { isHostname, isIpv4 } from './route.ts'

/** Postfix's levels, from the weakest to the strictest. */
export const TLS_LEVELS = [
  'none',
  'may',
  'encrypt',
  'fingerprint',
  'dane',
  'dane-only',
  'verify',
  'secure',
] as const

/** A security level. */
export type TlsLevel = (typeof TLS_LEVELS)[number]

/** A protocol version that Siegel speaks. */
export type TlsVersion = 'TLSv1.2' | 'TLSv1.3'

/** One line's policy. */
export interface TlsPolicy {
  readonly level: TlsLevel
  /**
   * `nexthop`, `dot-nexthop`, `hostname`, a name, `.suffix` or an IPv4 address, in lower case; empty unless level is verify
   * or secure.
   */
  readonly match: readonly string[]
  /** SHA-256 of the certificate or of its public key, lower-case hex; empty unless level is fingerprint. */
  readonly fingerprints: readonly string[]
  /** null: the default. Never empty. */
  readonly protocols: readonly TlsVersion[] | null
  /** null: the default, which is medium. */
  readonly ciphers: 'medium' | 'high' | null
  /** OpenSSL names of ciphers or of kinds of ciphers. */
  readonly exclude: readonly string[]
  /** Files of the only trust anchors that count; empty: all that are trusted. */
  readonly tafiles: readonly string[]
  /** Server name to send; `hostname` and `nexthop` are strategies. null: the host's name. RFC 6066 3 */
  readonly servername: string | null
  /** Keep the connection for further mails; null: the default, which is yes. */
  readonly connectionReuse: boolean | null
}

/** Stable codes of what is wrong with a policy. */
export type TlsFaultCode =
  | 'empty-policy'
  | 'unknown-level'
  | 'malformed-attribute'
  | 'unknown-attribute'
  | 'empty-attribute'
  | 'repeated-attribute'
  | 'attribute-at-wrong-level'
  | 'bad-value'
  | 'no-fingerprint'

/** Why a line is invalid. */
export interface TlsFault {
  readonly code: TlsFaultCode
  readonly detail: string
  /** Where in the value the part begins that is wrong, from 0. */
  readonly offset: number
}

/** The names Postfix checks when the line has none: verify the host's name, secure the next hop's. */
const DEFAULT_MATCH = { verify: ['hostname'], secure: ['nexthop', 'dot-nexthop'] } as const
const VERSIONS = ['sslv2', 'sslv3', 'tlsv1', 'tlsv1.1', 'tlsv1.2', 'tlsv1.3'] as const
const SPOKEN: ReadonlyMap<string, TlsVersion> = new Map([
  ['tlsv1.2', 'TLSv1.2'],
  ['tlsv1.3', 'TLSv1.3'],
])
const SHA256 = /^(?:[0-9a-f]{2}:){31}[0-9a-f]{2}$|^[0-9a-f]{64}$/
/** Bounds of one line, so that checking a certificate against it stays cheap. */
const MAX_VALUES = 100

type Draft = { -readonly [K in keyof TlsPolicy]: TlsPolicy[K] } & {
  match: string[]
  fingerprints: string[]
  tafiles: string[]
}

class Invalid extends Error {
  readonly code: TlsFaultCode
  readonly detail: string
  constructor(code: TlsFaultCode, detail: string) {
    super(code)
    this.code = code
    this.detail = detail
  }
}

/** Reads a policy; the fault when it is invalid. */
export function parseTlsPolicy(value: string): TlsPolicy | TlsFault {
  // What is being read: a fault is a fault of it.
  const at = { offset: 0 }
  try {
    return read(value, at)
  } catch (error) {
    if (!(error instanceof Invalid)) throw error
    return { code: error.code, detail: error.detail, offset: at.offset }
  }
}

/** Tells the two results of {@link parseTlsPolicy} apart. */
export function isTlsFault(result: TlsPolicy | TlsFault): result is TlsFault {
  return 'code' in result
}

function read(value: string, at: { offset: number }): TlsPolicy {
  const [first, ...tokens] = value.matchAll(/[^,\s]+/g)
  if (first === undefined) throw new Invalid('empty-policy', 'no security level')
  const [levelToken] = first
  at.offset = first.index
  const level = TLS_LEVELS.find((name) => name === levelToken.toLowerCase())
  if (level === undefined) throw new Invalid('unknown-level', levelToken)
  const draft: Draft = {
    level,
    match: [],
    fingerprints: [],
    protocols: null,
    ciphers: null,
    exclude: [],
    tafiles: [],
    servername: null,
    connectionReuse: null,
  }
  // As in Postfix: with TLS switched off the attributes have no effect and are not read.
  if (level === 'none') return draft
  const seen = new Set<string>()
  for (const { 0: token, index } of tokens) {
    at.offset = index
    readAttribute(draft, token, seen)
  }
  at.offset = first.index
  if (level === 'fingerprint' && draft.fingerprints.length === 0)
    throw new Invalid('no-fingerprint', 'the level needs match=digest')
  if ((level === 'verify' || level === 'secure') && draft.match.length === 0)
    draft.match = [...DEFAULT_MATCH[level]]
  return draft
}

function readAttribute(draft: Draft, token: string, seen: Set<string>): void {
  const equals = token.indexOf('=')
  if (equals < 1) throw new Invalid('malformed-attribute', token)
  const name = token.slice(0, equals).toLowerCase()
  const value = token.slice(equals + 1)
  const reader = Object.hasOwn(READERS, name) ? READERS[name as keyof typeof READERS] : undefined
  if (reader === undefined) throw new Invalid('unknown-attribute', name)
  // An empty list of protocols or exclusions restricts nothing, as in Postfix.
  if (value === '' && name !== 'protocols' && name !== 'exclude') throw new Invalid('empty-attribute', name)
  if (seen.has(name) && !REPEATABLE.has(name)) throw new Invalid('repeated-attribute', name)
  seen.add(name)
  reader(draft, value)
}

/** match and tafile add up; of connection_reuse the last one counts. */
const REPEATABLE = new Set(['match', 'tafile', 'connection_reuse'])

const READERS = {
  match: readMatch,
  protocols: (draft: Draft, value: string) => {
    draft.protocols = readProtocols(value)
  },
  ciphers: (draft: Draft, value: string) => {
    draft.ciphers = readGrade(value)
  },
  exclude: (draft: Draft, value: string) => {
    draft.exclude = readExclusions(value)
  },
  servername: (draft: Draft, value: string) => {
    if (!isHostname(value)) throw new Invalid('bad-value', `servername=${value}`)
    draft.servername = value.toLowerCase()
  },
  tafile: (draft: Draft, value: string) => {
    if (draft.level !== 'verify' && draft.level !== 'secure')
      throw new Invalid('attribute-at-wrong-level', `tafile at ${draft.level}`)
    draft.tafiles.push(value)
    if (draft.tafiles.length > MAX_VALUES) throw new Invalid('bad-value', `over ${MAX_VALUES} files`)
  },
  connection_reuse: (draft: Draft, value: string) => {
    const answer = value.toLowerCase()
    if (answer !== 'yes' && answer !== 'no') throw new Invalid('bad-value', `connection_reuse=${value}`)
    draft.connectionReuse = answer === 'yes'
  },
}

function readMatch(draft: Draft, value: string): void {
  if (draft.level === 'fingerprint') {
    for (const digest of pieces(value, '|')) {
      if (!SHA256.test(digest))
        throw new Invalid('bad-value', `not a SHA-256 digest in hex: ${digest.slice(0, 100)}`)
      draft.fingerprints.push(digest.replaceAll(':', ''))
    }
  } else if (draft.level === 'verify' || draft.level === 'secure') {
    for (const name of pieces(value, ':')) {
      if (!isHostname(name.startsWith('.') ? name.slice(1) : name) && !isIpv4(name))
        throw new Invalid('bad-value', `not a name: ${name.slice(0, 300)}`)
      draft.match.push(name)
    }
  } else throw new Invalid('attribute-at-wrong-level', `match at ${draft.level}`)
  if (draft.match.length + draft.fingerprints.length > MAX_VALUES)
    throw new Invalid('bad-value', `over ${MAX_VALUES} values of match`)
}

/** The non-empty pieces in lower case; at least one. */
function pieces(value: string, separator: string): string[] {
  const found = value
    .toLowerCase()
    .split(separator)
    .filter((piece) => piece !== '')
  if (found.length === 0) throw new Invalid('empty-attribute', 'match')
  return found
}

/** `TLSv1.2:TLSv1.3`, `!TLSv1`, `>=TLSv1.2`, `<=TLSv1.3`, `>=0303`: what is named, less what is excluded, within the bounds. */
function readProtocols(value: string): TlsVersion[] {
  const named = new Set<number>()
  const excluded = new Set<number>()
  let low = 0
  let high: number = VERSIONS.length - 1
  for (const token of value.split(':').filter((piece) => piece !== '')) {
    const [, operator = '', name = ''] = /^(>=|<=|!)?(.*)$/s.exec(token) ?? []
    const isBound = operator === '>=' || operator === '<='
    // A bound may be written as its number, and an empty one bounds nothing.
    if (isBound && name === '') continue
    const number = isBound && /^03[0-9a-f]{2}$/i.test(name) ? parseInt(name.slice(2), 16) + 1 : null
    const version = number ?? VERSIONS.findIndex((known) => known === name.toLowerCase())
    if (version < 0) throw new Invalid('bad-value', `unknown protocol ${token.slice(0, 100)}`)
    if (operator === '>=') low = version
    else if (operator === '<=') high = version
    else (operator === '!' ? excluded : named).add(version)
  }
  const left = VERSIONS.flatMap((name, version) => {
    const spoken = SPOKEN.get(name)
    const wanted =
      version >= low && version <= high && !excluded.has(version) && (named.size === 0 || named.has(version))
    return wanted && spoken !== undefined ? [spoken] : []
  })
  if (left.length === 0)
    throw new Invalid('bad-value', `protocols=${value.slice(0, 200)} leaves neither TLSv1.2 nor TLSv1.3`)
  return left
}

/** Grades below medium have been medium since Postfix 3.8. */
function readGrade(value: string): 'medium' | 'high' {
  const grade = value.toLowerCase()
  if (grade === 'high') return 'high'
  if (grade === 'medium' || grade === 'low' || grade === 'export') return 'medium'
  throw new Invalid('bad-value', `ciphers=${value.slice(0, 100)}`)
}

function readExclusions(value: string): string[] {
  const names = value.split(':').filter((piece) => piece !== '')
  for (const name of names)
    if (!/^[A-Za-z0-9][A-Za-z0-9_+-]*$/.test(name))
      throw new Invalid('bad-value', `exclude=${name.slice(0, 100)}`)
  if (names.length > MAX_VALUES) throw new Invalid('bad-value', `over ${MAX_VALUES} exclusions`)
  return names
}

/**
 * What goes wrong with an ACME server: a code for the operator's remedy, what the server said, whether trying again helps, and when.
 */

/**
 * What stands in the way.
 * unreachable: no answer, or none that can be read. refused: the server does not want this request. rate-limited: too much asked for.
 * challenge-failed: the server did not find our answer to its challenge. caa: a CAA record forbids it. account: the account is not
 * accepted (terms, external account, contact). not-ready: something of ours is missing, for example a DNS record.
 */
export type AcmeFailureCode =
  'unreachable' | 'refused' | 'rate-limited' | 'challenge-failed' | 'caa' | 'account' | 'not-ready'

/** A failure of an exchange with an ACME server. */
export class AcmeFailure extends Error {
  override readonly name = 'AcmeFailure'
  readonly code: AcmeFailureCode
  /** The type of the server's problem, without its prefix; null when the server said nothing. */
  readonly type: string | null
  /** Earliest moment to try again that the server names, in milliseconds since 1970; null when it names none. */
  readonly retryAt: number | null

  /**
   * @param code - what stands in the way
   * @param message - for the operator, as the server said it
   * @param details - type of the problem and when to try again
   */
  constructor(
    code: AcmeFailureCode,
    message: string,
    details: { readonly type?: string | null; readonly retryAt?: number | null } = {},
  ) {
    super(message)
    this.code = code
    this.type = details.type ?? null
    this.retryAt = details.retryAt ?? null
  }
}

const PREFIX = 'urn:ietf:params:acme:error:'
const LONGEST_DETAIL = 500

/** RFC 8555 6.7: which of the server's problems is whose business. */
const CODES: Readonly<Record<string, AcmeFailureCode>> = {
  rateLimited: 'rate-limited',
  caa: 'caa',
  accountDoesNotExist: 'account',
  externalAccountRequired: 'account',
  invalidContact: 'account',
  unsupportedContact: 'account',
  userActionRequired: 'account',
  unauthorized: 'challenge-failed',
  incorrectResponse: 'challenge-failed',
  connection: 'challenge-failed',
  dns: 'challenge-failed',
  tls: 'challenge-failed',
  serverInternal: 'unreachable',
}

function textOf(value: unknown): string {
  return typeof value === 'string'
    ? value.replaceAll(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu, ' ').slice(0, LONGEST_DETAIL)
    : ''
}

/**
 * Reads a problem document. RFC 8555 6.7, 6.7.1
 * @param problem - the parsed body, or the `error` of a challenge or order; anything else is told as such
 * @param otherwise - what is said when there is no text
 */
export function readProblem(problem: unknown, otherwise: string, retryAt: number | null = null): AcmeFailure {
  const fields = typeof problem === 'object' && problem !== null ? (problem as Record<string, unknown>) : {}
  const type = textOf(fields['type'])
  const short = type.startsWith(PREFIX) ? type.slice(PREFIX.length) : type
  const parts = Array.isArray(fields['subproblems']) ? fields['subproblems'].slice(0, 5) : []
  const inner = parts.map((part) => readProblem(part, '').message).filter((text) => text !== '')
  const detail = textOf(fields['detail']) || otherwise
  const message = [short === '' ? detail : `${short}: ${detail}`, ...inner].join('; ')
  return new AcmeFailure(CODES[short] ?? 'refused', message, {
    type: short === '' ? null : short,
    retryAt,
  })
}

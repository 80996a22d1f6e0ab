/**
 * Writes Authentication-Results fields: results with their properties in the syntax of RFC 8601, folded, quoted where need be. Finds
 * nothing out and believes nobody.
 */
import { foldHeader } from '@siegel/engine'

/** One result of one method. RFC 8601 2.2 */
export interface MethodResult {
  /** `spf`, `dkim`, `dmarc`, `arc`, … */
  readonly method: string
  readonly result: string
  /** In parentheses, for people. */
  readonly comment?: string
  readonly reason?: string
  /** As `smtp.mailfrom` and its value. */
  readonly properties: readonly (readonly [name: string, value: string])[]
}

const KEYWORD = /^[a-z][a-z0-9-]*$/
const PROPERTY = /^[a-z][a-z0-9-]*\.[a-z][a-z0-9_-]*$/
// RFC 2045 5.1: token, with what RFC 8601 2.2 allows in a pvalue beside: an address or a domain
const PLAIN = /^[A-Za-z0-9!#$%&'*+\-.^_`{|}~@]+$/
const LONGEST_VALUE = 512

/** The field with its CRLF. RFC 8601 2.2: `none` when nothing was judged. */
export function authenticationResults(authservId: string, results: readonly MethodResult[]): Buffer {
  const list = results.length === 0 ? ['none'] : results.map(resinfo)
  return foldHeader('Authentication-Results', [value(authservId), ...list].join('; '))
}

/** The results as they stand behind the authserv-id. */
function resinfo({ method, result, comment, reason, properties }: MethodResult): string {
  if (!KEYWORD.test(method) || !KEYWORD.test(result)) throw new RangeError(`no result: ${method}=${result}`)
  return [
    `${method}=${result}`,
    ...(comment === undefined ? [] : [`(${commented(comment)})`]),
    ...(reason === undefined ? [] : [`reason=${value(reason)}`]),
    ...properties.flatMap(([name, text]) =>
      PROPERTY.test(name) && text !== '' ? [`${name}=${value(text)}`] : [],
    ),
  ].join(' ')
}

/** RFC 5322 3.2.4: what is no token is quoted. */
function value(text: string): string {
  const clean = printable(text)
  return PLAIN.test(clean) ? clean : `"${clean.replaceAll(/["\\]/g, '\\$&')}"`
}

/** RFC 5322 3.2.2 */
function commented(text: string): string {
  return printable(text).replaceAll(/[()\\]/g, ' ')
}

function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ').slice(0, LONGEST_VALUE)
}

/**
 * Values as PowerShell source text: every text single-quoted with its quotes doubled, so that no value can become code. Makes
 * no statements and knows nothing of Exchange.
 */

/** What a parameter of a cmdlet may be given. */
export type Value = string | boolean | number | null | readonly string[]

/** A text that cannot stand in a script. */
export class PowerShellError extends Error {
  override readonly name = 'PowerShellError'
}

/** PowerShell takes all of these for a single quote, inside a quoted text too. */
const QUOTES = /['\u2018\u2019\u201a\u201b]/gu
const CONTROL = /[\p{Cc}\u2028\u2029\ufeff]|\p{Cs}/u

/**
 * A text as a single-quoted literal: nothing in it is expanded.
 * @throws PowerShellError for control characters: no value of ours has a reason to hold one
 */
export function quoted(text: string): string {
  if (CONTROL.test(text)) throw new PowerShellError('a value holds a control character')
  return `'${text.replace(QUOTES, '$&$&')}'`
}

/** A value as a literal. */
export function literal(value: Value): string {
  if (value === null) return '$null'
  if (typeof value === 'boolean') return value ? '$true' : '$false'
  if (typeof value === 'number') return String(value)
  if (typeof value === 'string') return quoted(value)
  return `@(${value.map(quoted).join(', ')})`
}

/** A table to splat, one entry a line. */
export function hashtable(values: Readonly<Record<string, Value>>, indent = ''): string {
  const entries = Object.entries(values)
  if (entries.length === 0) return '@{}'
  const lines = entries.map(([name, value]) => `${indent}    ${name} = ${literal(value)}`)
  return ['@{', ...lines, `${indent}}`].join('\n')
}

/** A text as a comment of one line. */
export function comment(text: string): string {
  return `# ${text.replaceAll(/[\p{Cc}\u2028\u2029]/gu, ' ')}`
}

/** The text of a file: Windows PowerShell 5.1 reads UTF-8 only behind a byte order mark. */
export function fileText(lines: readonly string[]): string {
  const text = `${lines.join('\n')}\n`
  return /[^\t\n\r -~]/.test(text) ? `\ufeff${text}` : text
}

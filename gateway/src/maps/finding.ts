/**
 * What an operator should know about a line of a map: where, how bad, a stable code, a sentence. No logic.
 */

/** Stable codes of findings about the lines of a map. */
export type MapFindingCode =
  // how a line is written
  | 'starts-with-whitespace'
  | 'no-value'
  | 'unbalanced-quote'
  | 'control-character'
  | 'line-too-long'
  | 'duplicate-key'
  | 'alias-format'
  // keys
  | 'never-matches'
  | 'never-used'
  // tls-policy
  | 'policy-invalid'
  | 'weak-level'
  // client-access
  | 'bad-pattern'
  | 'bits-behind-prefix'
  | 'endif-without-if'
  | 'if-without-endif'
  | 'text-after-endif'
  | 'unreachable'
  // what client-access and recipient-access answer
  | 'action-unknown'
  | 'action-not-possible'
  | 'grants-nothing'
  // transport
  | 'transport-unknown'
  | 'never-discarded'
  | 'bad-next-hop'
  | 'endpoint-not-moved'

/** A finding about a line. */
export interface MapFinding {
  readonly code: MapFindingCode
  /** error: the line cannot mean what it says. warning: it works, perhaps not as meant. */
  readonly severity: 'error' | 'warning'
  /** Physical line, from 1. */
  readonly line: number
  /** Where in the line, from 1. */
  readonly column: number
  /** For the operator. */
  readonly detail: string
}

/**
 * What a wrong configuration is reported with: file, line, field, a stable code and a sentence. Never a value: it could be a
 * secret. No logic beyond writing it down.
 */
import type { ConfigErrorCode } from '@siegel/contract'

/** One fault of a configuration file. */
export interface Problem {
  readonly code: ConfigErrorCode
  /** The file as the operator named it; null for an environment variable. */
  readonly file: string | null
  /** Counted from 1; null when the fault has no place in the file. */
  readonly line: number | null
  /** Counted from 1; only where the fault has a place in its line. */
  readonly column?: number
  /** The field with dots, or the environment variable; empty for the whole document. */
  readonly field: string
  readonly message: string
}

/** Writes a problem in one line: `siegel.yaml:12: listeners.0.port: must be …`. */
export function formatProblem(problem: Problem): string {
  const { file, line, column } = problem
  const numbers = [line, ...(column === undefined ? [] : [column])].filter((number) => number !== null)
  const place = file === null ? '' : `${[file, ...numbers].join(':')}: `
  return `${place}${problem.field === '' ? '' : `${problem.field}: `}${problem.message} (${problem.code})`
}

/** A configuration that cannot be used. Permanent until somebody changes it. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  /** At least one. */
  readonly problems: readonly Problem[]

  /** @param problems - all faults that were found */
  constructor(problems: readonly Problem[]) {
    super(problems.map(formatProblem).join('\n'))
    this.problems = problems
  }
}

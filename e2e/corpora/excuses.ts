/**
 * Reads reasons by case. The excuses are cases whose origin expects something that this product does not do on purpose; the
 * differences are cases where another program misses what we meet. A line is suite, case and reason, with tabs between; `#` starts a remark. Refuses a line without a reason, and the same case twice.
 */
import { readFileSync } from 'node:fs'

/** Reasons by `suite TAB case`. */
export type Excuses = ReadonlyMap<string, string>

/** The key of a case. */
export function excuseKey(suite: string, name: string): string {
  return `${suite}\t${name}`
}

/** Reads the file. @throws Error for a line that is none */
export function readExcuses(path: string): Excuses {
  const found = new Map<string, string>()
  for (const [index, line] of readFileSync(path, 'utf8').split('\n').entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue
    const [suite = '', name = '', reason = '', ...more] = line.split('\t')
    const key = excuseKey(suite, name)
    if (suite === '' || name === '' || reason.trim() === '' || more.length > 0)
      throw new Error(`${path}:${index + 1}: not suite, case and reason`)
    if (found.has(key)) throw new Error(`${path}:${index + 1}: a second excuse for ${suite} ${name}`)
    found.set(key, reason)
  }
  return found
}

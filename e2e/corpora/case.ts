/**
 * The nouns of the corpora run: a suite of foreign material, its cases, and what came of one. A case passes or says in
 * one line what is wrong; it judges by what its origin expects, never by what we do.
 */

/** One case of a suite. */
export interface Case {
  /** Unique in its suite, in the origin's own words. */
  readonly name: string
  /** Null when it passes, else what is wrong, in one line. */
  readonly run: () => Promise<string | null>
}

/** All cases of one origin. */
export interface Suite {
  readonly name: string
  /** The folder below that of the corpora. */
  readonly folder: string
  readonly cases: (folder: string) => readonly Case[]
  /** More to print when the suite is done. */
  readonly report?: () => readonly string[]
}

/** Says in which field two records differ; null when in none of those named by `want`. */
export function difference(got: Readonly<Record<string, unknown>>, want: Readonly<Record<string, unknown>>) {
  for (const [name, value] of Object.entries(want)) {
    const have = JSON.stringify(got[name])
    if (have !== JSON.stringify(value)) return `${name} is ${have}, not ${JSON.stringify(value)}`
  }
  return null
}

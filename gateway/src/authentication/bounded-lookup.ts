/**
 * DNS for the judging of one mail: so many questions, so much time, answers of so much size, and a memory of whether any question
 * went without an answer. What was not answered is unknown, never absent.
 */
import type { RecordLookup } from '../dns/records.ts'

/** Longest text of a record that is read, in octets; a key of 16384 bits has 2800. */
const LONGEST_TEXT = 16_384

/** What one mail may cost. */
export interface LookupBounds {
  readonly questions: number
  /** In milliseconds, from the first question. */
  readonly deadlineMs: number
}

/** The lookup of one mail. */
export interface BoundedLookup {
  readonly resolve: RecordLookup
  /** A question had no answer in time, or nobody could say. */
  readonly unanswered: () => string | null
}

/** A name that has no such record, as the runtime says it. */
function absent(name: string, type: string, why: string): Error {
  return Object.assign(new Error(`query${type} ${why} ${name}`), { code: 'ENODATA' })
}

const ABSENT: ReadonlySet<string> = new Set(['ENODATA', 'ENOTFOUND'])

/**
 * Bounds a lookup.
 * @param only - the names that may be asked for; null for all
 */
export function boundedLookup(
  lookup: RecordLookup,
  { questions, deadlineMs }: LookupBounds,
  only: ReadonlySet<string> | null = null,
): BoundedLookup {
  let asked = 0
  let deadline: number | null = null
  let unanswered: string | null = null
  return {
    unanswered: () => unanswered,
    async resolve(name, type) {
      if (only !== null && !only.has(name.toLowerCase())) throw absent(name, type, 'not asked')
      if (++asked > questions) throw absent(name, type, 'beyond the limit of questions')
      deadline ??= performance.now() + deadlineMs
      try {
        const answer = await inTime(lookup(name, type), deadline - performance.now())
        if (type === 'TXT' && sizeOf(answer) > LONGEST_TEXT) throw absent(name, type, 'too large')
        return answer
      } catch (error) {
        const { code = 'unknown' } = error as NodeJS.ErrnoException
        if (!ABSENT.has(code)) unanswered ??= `${name}: ${code}`
        throw error
      }
    },
  }
}

function sizeOf(answer: readonly unknown[]): number {
  return answer.flat().reduce<number>((sum, text) => sum + (typeof text === 'string' ? text.length : 0), 0)
}

async function inTime<T>(question: Promise<T>, milliseconds: number): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(
    () => {
      reject(Object.assign(new Error('no answer in time'), { code: 'ETIMEOUT' }))
    },
    Math.max(milliseconds, 0),
  )
  try {
    return await Promise.race([question, late])
  } finally {
    clearTimeout(timer)
    question.catch(() => undefined)
  }
}

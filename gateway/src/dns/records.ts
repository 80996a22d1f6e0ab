/**
 * Looks up records by name and type for mail authentication, with a short memory of the answers. Believes what the resolver says:
 * nothing that needs DNSSEC may rest on it. Knows no host table and judges no record.
 */
import { Resolver } from 'node:dns/promises'

/** The types that are asked for. */
export type RecordType = 'TXT' | 'A' | 'AAAA' | 'MX' | 'PTR' | 'CNAME'

/**
 * The records of a name. Rejects with an error whose `code` is `ENOTFOUND` or `ENODATA` when there are none, and any other code
 * when nobody could say.
 */
export type RecordLookup = (name: string, type: string) => Promise<string[][] | string[]>

/** Settings of a record lookup. */
export interface RecordLookupOptions {
  /** Name servers as `address` or `address:port`; without it those of the system. */
  readonly servers?: readonly string[]
  /** How long one question waits for its answer, in milliseconds. */
  readonly timeoutMs?: number
  /** How long an answer is kept, in milliseconds; the runtime does not tell the time to live of texts. */
  readonly keepMs?: number
  /** The clock, in milliseconds. */
  readonly now?: () => number
}

const KEEP_MS = 60_000
const MAX_KEPT = 10_000
const TYPES: ReadonlySet<string> = new Set<RecordType>(['TXT', 'A', 'AAAA', 'MX', 'PTR', 'CNAME'])
/** RFC 1035 2.3.4 */
const LONGEST_NAME = 253

/** Makes a record lookup. */
export function createRecordLookup(options: RecordLookupOptions = {}): RecordLookup {
  const { timeoutMs = 3000, keepMs = KEEP_MS, now = () => performance.now() } = options
  const resolver = new Resolver({ timeout: timeoutMs, tries: 2 })
  if (options.servers !== undefined && options.servers.length > 0) resolver.setServers(options.servers)
  const kept = new Map<string, { readonly until: number; readonly answer: Promise<string[][] | string[]> }>()
  return (name, type) => {
    if (!TYPES.has(type) || name.length > LONGEST_NAME)
      return Promise.reject(
        Object.assign(new Error(`no such question: ${type} ${name.slice(0, 80)}`), { code: 'ENODATA' }),
      )
    const key = `${type} ${name.toLowerCase()}`
    const known = kept.get(key)
    if (known !== undefined && known.until > now()) return known.answer
    // The runtime's type is a union over all record types.
    const answer = resolver.resolve(name, type) as Promise<string[][] | string[]>
    if (kept.size >= MAX_KEPT) kept.clear()
    kept.set(key, { until: now() + keepMs, answer })
    answer.catch(() => kept.delete(key))
    return answer
  }
}

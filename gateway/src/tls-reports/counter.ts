/**
 * Counts sessions by domain, UTC day, policy and result: in memory, written every half minute and at the end. What is lost if the
 * process dies: the counts of half a minute. Never keeps a session waiting, and never lets counts grow without bound.
 */
import type { SessionNotes, SessionResult } from '../mail/outbound/sessions.ts'
import type { Log } from '../observe/log.ts'
import { dayOf } from './day.ts'
import type { ReportStore, SessionCount } from './ports.ts'

const FLUSH_MS = 30_000
/** Kinds of results between two writes; what comes beyond is not counted. */
const MOST_WAITING = 20_000
/** Lines of a policy that are kept, and characters of each. */
const MOST_LINES = 32
const LONGEST_LINE = 300

/** What a counter works with. */
export interface CounterPorts {
  readonly store: ReportStore
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly log: Log
}

/** The counter. */
export class SessionCounter implements SessionNotes {
  readonly #ports: CounterPorts
  #waiting = new Map<string, SessionCount>()
  #timer: NodeJS.Timeout | null = null

  constructor(ports: CounterPorts) {
    this.#ports = ports
  }

  note(result: SessionResult): void {
    const session = cut(result)
    const day = dayOf(this.#ports.now())
    const key = `${day}\n${JSON.stringify(session)}`
    const count = (this.#waiting.get(key)?.count ?? 0) + 1
    if (count === 1 && this.#waiting.size >= MOST_WAITING) return
    this.#waiting.set(key, { day, session, count })
  }

  /** Begins to write. */
  start(): void {
    this.#timer = setInterval(() => void this.flush(), FLUSH_MS)
  }

  /** Writes what is left and ends. */
  async stop(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer)
    await this.flush()
  }

  /** Writes what was counted. Never rejects: what cannot be written is lost, and logged. */
  async flush(): Promise<void> {
    const counts = [...this.#waiting.values()]
    this.#waiting = new Map()
    if (counts.length === 0) return
    try {
      await this.#ports.store.add(counts, this.#ports.now())
    } catch (error) {
      this.#ports.log.error('tls-sessions-not-counted', { error: String(error), kinds: counts.length })
    }
  }
}

/** Of a success the host says nothing that the report has; of a policy only so much is kept. */
function cut(session: SessionResult): SessionResult {
  const lines = (texts: readonly string[]) =>
    texts.slice(0, MOST_LINES).map((text) => text.slice(0, LONGEST_LINE))
  const { type, strings, mxHosts } = session.policy
  const policy = { type, strings: lines(strings), mxHosts: lines(mxHosts) }
  const where = session.result === null ? { mx: '', address: '', localAddress: null } : {}
  return { ...session, policy, ...where }
}

/**
 * Looks again and again at the MTA-STS policies that are kept, whether mail goes to their domains or not: who wants to suppress a
 * refresh must then do so for all of the time for which a policy holds. Decides nothing about a policy: the look-up does.
 */
import { REFRESH_MS, type StsLookup, type StsStore } from './sts.ts'

/** What it is made from. */
export interface StsRefresherOptions {
  readonly store: Pick<StsStore, 'fetchedBefore'>
  readonly lookup: StsLookup
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Told of a round that could not be made. */
  readonly failed: (cause: string) => void
}

/** A round is short where little is due. */
const ROUND_MS = 3_600_000

/** Keeps policies fresh. RFC 8461 10.2 */
export class StsRefresher {
  readonly #options: StsRefresherOptions
  #timer: NodeJS.Timeout | null = null
  #going = false
  #stopped = false

  /** @param options - store, look-up and clock */
  constructor(options: StsRefresherOptions) {
    this.#options = options
  }

  /** A round now, and one every hour. */
  start(): void {
    this.#timer = setInterval(() => void this.round(), ROUND_MS)
    void this.round()
  }

  /** No further policy is looked at; what is under way comes to its end, or to nothing. */
  stop(): void {
    this.#stopped = true
    if (this.#timer !== null) clearInterval(this.#timer)
  }

  /** Looks at what was fetched more than a day ago, one after the other, what ends first before the rest. Never rejects. */
  async round(): Promise<void> {
    if (this.#going) return
    this.#going = true
    const { store, lookup, now, failed } = this.#options
    try {
      for (const domain of store.fetchedBefore(now() - REFRESH_MS)) {
        if (this.#stopped) return
        await lookup(domain)
      }
    } catch (error) {
      failed(error instanceof Error ? error.message : 'failed')
    } finally {
      this.#going = false
    }
  }
}

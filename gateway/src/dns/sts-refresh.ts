/**
 * Looks again and again at the MTA-STS policies that are kept, whether mail goes to their domains or not: who wants to suppress a
 * refresh must then do so for all of the time for which a policy holds. Decides nothing about a policy: the look-up does.
 */
import { Rounds } from '../observe/rounds.ts'
import { REFRESH_MS, type StsStore } from './sts.ts'

/** What it is made from. */
export interface StsRefresherOptions {
  readonly store: Pick<StsStore, 'fetchedBefore'>
  readonly lookup: (domain: string) => Promise<unknown>
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
  readonly #rounds = new Rounds(() => this.round(), ROUND_MS)
  #stopped = false

  /** @param options - store, look-up and clock */
  constructor(options: StsRefresherOptions) {
    this.#options = options
  }

  /** A round now, and one every hour. */
  start(): void {
    this.#rounds.start()
  }

  /** No further policy is looked at; what is under way comes to its end, or to nothing, and is not waited for. */
  stop(): void {
    this.#stopped = true
    void this.#rounds.stop()
  }

  /** Looks at what was fetched more than a day ago, one after the other, what ends first before the rest. Never rejects. */
  async round(): Promise<void> {
    const { store, lookup, now, failed } = this.#options
    try {
      for (const domain of store.fetchedBefore(now() - REFRESH_MS)) {
        if (this.#stopped) return
        await lookup(domain)
      }
    } catch (error) {
      failed(error instanceof Error ? error.message : 'failed')
    }
  }
}

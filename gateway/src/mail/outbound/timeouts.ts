/**
 * Time limits of the SMTP client and the one clock that watches them. A connection states its deadline as a number; a single
 * interval looks over all of them, so that a command costs no timer.
 */

/** Time limits in milliseconds. RFC 5321 4.5.3.2 */
export interface Timeouts {
  readonly connect: number
  readonly tls: number
  /** RFC 5321 4.5.3.2.1 */
  readonly greeting: number
  readonly ehlo: number
  /** RFC 5321 4.5.3.2.2 */
  readonly mail: number
  /** RFC 5321 4.5.3.2.3 */
  readonly rcpt: number
  /** RFC 5321 4.5.3.2.4 */
  readonly data: number
  /** For each piece of content to be taken. RFC 5321 4.5.3.2.5 */
  readonly block: number
  /** For the reply to the whole content. RFC 5321 4.5.3.2.6 */
  readonly final: number
  /** For the reply to RSET and for the end after QUIT. */
  readonly reset: number
  /** How long a kept connection may idle. */
  readonly idle: number
}

const MINUTE = 60_000

/** The limits of RFC 5321 4.5.3.2; those it does not name are shorter. */
export const DEFAULT_TIMEOUTS: Timeouts = {
  connect: 30_000,
  tls: MINUTE,
  greeting: 5 * MINUTE,
  ehlo: 5 * MINUTE,
  mail: 5 * MINUTE,
  rcpt: 5 * MINUTE,
  data: 2 * MINUTE,
  block: 3 * MINUTE,
  final: 10 * MINUTE,
  reset: 10_000,
  idle: 2 * MINUTE,
}

/** Something with a deadline. */
export interface Watched {
  /** Milliseconds on the monotonic clock; Infinity for none. */
  readonly deadline: number
  /** Called once or more when the deadline has passed. */
  expire(): void
  /** The process ends: whatever is awaited is awaited no longer. */
  giveUp(): void
}

/** Watches deadlines with one interval, which runs only while there is something to watch. */
export class Watch {
  readonly #watched = new Set<Watched>()
  readonly #interval: number
  #timer: NodeJS.Timeout | null = null
  #over = false

  /** @param timeouts - the shortest decides how often the clock looks */
  constructor(timeouts: Timeouts) {
    this.#interval = Math.min(1000, Math.max(10, Math.min(...Object.values<number>({ ...timeouts })) / 4))
  }

  /** Starts to watch. */
  add(watched: Watched): void {
    if (this.#over)
      queueMicrotask(() => {
        watched.giveUp()
      })
    this.#watched.add(watched)
    this.#timer ??= setInterval(() => {
      this.#look()
    }, this.#interval)
  }

  /** Stops watching. */
  remove(watched: Watched): void {
    this.#watched.delete(watched)
    if (this.#watched.size > 0 || this.#timer === null) return
    clearInterval(this.#timer)
    this.#timer = null
  }

  /** Gives up everything that is watched now and whatever comes later. */
  giveUpAll(): void {
    this.#over = true
    for (const watched of [...this.#watched]) watched.giveUp()
  }

  #look(): void {
    const now = performance.now()
    for (const watched of this.#watched) if (watched.deadline <= now) watched.expire()
  }
}

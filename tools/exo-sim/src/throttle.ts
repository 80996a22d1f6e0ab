// Counts the messages of each address in a window of time: strangers who send too many are to come later.
/** How many. */
export interface ThrottleLimit {
  /** Messages of one address … */
  messages: number
  /** … within so many milliseconds. */
  window: number
}

/** Counts. */
export class Throttle {
  readonly #limit: ThrottleLimit | undefined
  readonly #times = new Map<string, number[]>()

  constructor(limit: ThrottleLimit | undefined) {
    this.#limit = limit
  }

  /** Counts one; false if it is one too many. */
  admit(address: string, at: number): boolean {
    if (!this.#limit) return true
    const { messages, window } = this.#limit
    const recent = (this.#times.get(address) ?? []).filter((time) => time > at - window)
    this.#times.set(address, recent)
    if (recent.length >= messages) return false
    recent.push(at)
    return true
  }
}

/**
 * Does something at once and then again and again, never while it is still being done. Knows nothing of what is done, which handles its
 * own failures.
 */

/** Rounds of one kind of work. */
export class Rounds {
  readonly #work: () => Promise<void>
  readonly #pauseMs: number
  #timer: NodeJS.Timeout | null = null
  #going: Promise<void> | null = null

  /**
   * @param work - never rejects
   * @param pauseMs - from the beginning of one round to that of the next; one that is due while another goes on falls out
   */
  constructor(work: () => Promise<void>, pauseMs: number) {
    this.#work = work
    this.#pauseMs = pauseMs
  }

  /** The first round now. */
  start(): void {
    const round = (): void => {
      this.#going ??= this.#work().finally(() => {
        this.#going = null
      })
    }
    this.#timer = setInterval(round, this.#pauseMs)
    round()
  }

  /** No further round; resolves when that under way has ended. */
  async stop(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer)
    await this.#going
  }
}

/**
 * Limits how many connections one tenant has to one route at a time. Who comes later waits in order. The limit shrinks when
 * the hop says that there are too many connections, and grows back with success.
 */

/** Successes after which a shrunken limit grows by one. */
const GROW_AFTER = 20

/** The limit of one destination. */
export class Gate {
  readonly #most: number
  readonly #waiting: (() => void)[] = []
  #limit: number
  #inside = 0
  #successes = 0

  /** @param most - the limit when nothing is wrong, at least 1 */
  constructor(most: number) {
    this.#most = most
    this.#limit = most
  }

  /** Resolves when there is room; undefined when there is room at once. */
  enter(): Promise<void> | undefined {
    if (this.#inside < this.#limit) {
      this.#inside++
      return undefined
    }
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
    })
  }

  /** Gives the place back, to the next who waits if the limit allows. */
  leave(): void {
    this.#inside--
    this.#admit()
  }

  /** The hop takes no more connections than there are: half as many from now on. */
  narrow(): void {
    this.#limit = Math.max(1, Math.floor(Math.min(this.#limit, this.#inside) / 2))
    this.#successes = 0
  }

  /** A mail was taken. */
  succeed(): void {
    if (this.#limit === this.#most || ++this.#successes < GROW_AFTER) return
    this.#successes = 0
    this.#limit++
    this.#admit()
  }

  /** Nobody is inside or waits. */
  get empty(): boolean {
    return this.#inside === 0 && this.#waiting.length === 0
  }

  #admit(): void {
    while (this.#inside < this.#limit) {
      const next = this.#waiting.shift()
      if (next === undefined) return
      this.#inside++
      next()
    }
  }
}

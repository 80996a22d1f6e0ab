// Events with a memory: a test may wait for what has happened already without a race.
// The memory is bounded; what has fallen out of it can no longer be waited for.
import { EventEmitter } from 'node:events'

/** Waiting took too long. */
export class WaitTimeout extends Error {
  override readonly name = 'WaitTimeout'
}

/** A log of things that happen, of type `T`. */
export class Log<T> {
  readonly #emitter = new EventEmitter()
  readonly #keep: number
  #kept: T[] = []

  /** `keep`: how many are remembered. */
  constructor(keep = Infinity) {
    this.#keep = keep
    this.#emitter.setMaxListeners(0)
  }

  /** Adds one and tells all listeners. */
  add(item: T): void {
    if (this.#keep > 0) {
      this.#kept.push(item)
      // Cut in large steps: shifting the array for each item would cost more than the item.
      if (this.#kept.length > this.#keep * 2) this.#kept = this.#kept.slice(-this.#keep)
    }
    this.#emitter.emit('item', item)
  }

  /** What is remembered, oldest first. */
  all(): T[] {
    return this.#kept.length > this.#keep ? this.#kept.slice(-this.#keep) : [...this.#kept]
  }

  /** Forgets everything. */
  clear(): void {
    this.#kept = []
  }

  /** Calls `listener` for each that comes; the result ends it. */
  on(listener: (item: T) => void): () => void {
    this.#emitter.on('item', listener)
    return () => {
      this.#emitter.off('item', listener)
    }
  }

  /** Resolves at the next item, or after so many milliseconds. */
  nextOr(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer)
        stop()
        resolve()
      }
      const timer = setTimeout(end, milliseconds)
      const stop = this.on(end)
    })
  }

  /** The first remembered or coming item that fits. Rejects with {@link WaitTimeout}. */
  waitFor(fits: (item: T) => boolean, milliseconds = 10_000): Promise<T> {
    const before = this.all().find(fits)
    if (before !== undefined) return Promise.resolve(before)
    return new Promise((resolve, reject) => {
      const stop = this.on((item) => {
        if (!fits(item)) return
        clearTimeout(timer)
        stop()
        resolve(item)
      })
      const timer = setTimeout(() => {
        stop()
        reject(new WaitTimeout(`nothing fitting happened within ${milliseconds} ms`))
      }, milliseconds)
    })
  }
}

/**
 * A map of promised values with an upper bound; the least recently used entry goes first. A rejected promise is not kept.
 * It knows nothing of what it holds, and nothing of time.
 */

/** Values by key, computed on first use. */
export class BoundedCache<Key, Value> {
  readonly #entries = new Map<Key, Promise<Value>>()
  readonly #limit: number

  /** @param limit - the most entries that are kept */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** The value of a key; `compute` is called when there is none. */
  get(key: Key, compute: () => Promise<Value>): Promise<Value> {
    const known = this.#entries.get(key)
    if (known !== undefined) {
      this.#entries.delete(key)
      this.#entries.set(key, known)
      return known
    }
    const value = compute()
    this.#entries.set(key, value)
    value.catch(() => {
      if (this.#entries.get(key) === value) this.#entries.delete(key)
    })
    if (this.#entries.size > this.#limit) {
      const oldest = this.#entries.keys().next()
      if (oldest.done !== true) this.#entries.delete(oldest.value)
    }
    return value
  }

  /** Forgets everything. */
  clear(): void {
    this.#entries.clear()
  }
}

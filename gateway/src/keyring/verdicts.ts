/**
 * Remembers verdicts on certificates for a short time, so that an address that is written to often costs one path, not one for
 * each mail. A verdict is never kept beyond the moment at which a certificate of its path ends or one begins, or what is known of
 * revocation does. Judges nothing.
 */
import type { TrustVerdict } from '../trust/trust.ts'

/** A verdict is made anew after so long: what it rests on may have changed, and every change is to count within a second. */
const KEPT_MS = 1000

interface Kept {
  readonly result: TrustVerdict
  readonly from: number
  readonly until: number
}

/** Verdicts by key; the least recently used goes first. */
export class Verdicts {
  readonly #entries = new Map<string, Kept>()
  readonly #limit: number

  /** @param limit - the most that are kept */
  constructor(limit: number) {
    this.#limit = limit
  }

  /**
   * The verdict of a key at a time.
   * @param at - milliseconds since 1970
   * @param notBefore - the certificate itself is good from here
   * @param notAfter - to here; the verdict changes at both
   */
  async get(
    key: string,
    at: number,
    { notBefore, notAfter }: { readonly notBefore: number; readonly notAfter: number },
    judge: () => Promise<TrustVerdict>,
  ): Promise<TrustVerdict> {
    const known = this.#entries.get(key)
    if (known !== undefined && at >= known.from && at < known.until) {
      this.#entries.delete(key)
      this.#entries.set(key, known)
      return known.result
    }
    const result = await judge()
    const ends = [notBefore, notAfter, ...result.path.map((certificate) => certificate.notAfter)]
    const until = Math.min(at + KEPT_MS, result.until, ...ends.filter((moment) => moment >= at))
    this.#entries.delete(key)
    this.#entries.set(key, { result, from: at, until })
    if (this.#entries.size > this.#limit) {
      const oldest = this.#entries.keys().next()
      if (oldest.done !== true) this.#entries.delete(oldest.value)
    }
    return result
  }

  /** Forgets everything. */
  clear(): void {
    this.#entries.clear()
  }
}

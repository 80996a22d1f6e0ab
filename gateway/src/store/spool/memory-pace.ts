/**
 * Keeps the buffers of large mails from piling up. The runtime lets 64 MiB of dead buffers gather before it looks at them, and a
 * large mail makes nothing but buffers: so it is told to look after every few megabytes. Small mails do not come here.
 */

/** Octets that pass between two collections. */
const EVERY = 8_388_608

/** Counts what passes, and has the young buffers collected. */
export class MemoryPace {
  #passed = 0

  /** Octets of a large body have been written or read. */
  passed(octets: number): void {
    this.#passed += octets
    if (this.#passed < EVERY) return
    this.#passed = 0
    // There when the runtime was started with --expose-gc, as the command does; takes a millisecond or two.
    globalThis.gc?.({ type: 'minor' })
  }
}

/** Segments of a body that is no small one. */
export const LARGE_BODY = 16

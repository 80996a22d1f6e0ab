/**
 * The temporaries of one decryption: every one that was made is known, so that none is left behind whatever happens.
 */
import type { ByteSource, ByteStream } from '../bytes/source.ts'
import type { Temporary, TemporaryStore } from './streamed-content.ts'

interface Made {
  readonly temporary: Temporary
  /** What was written, once it is known to be good. */
  source: ByteSource | null
}

/** Remembers every temporary that is made, so that none is left behind. */
export class KeptTemporaries implements TemporaryStore {
  readonly #store: TemporaryStore
  readonly #made: Made[] = []

  constructor(store: TemporaryStore) {
    this.#store = store
  }

  /** Makes one. */
  async create(): Promise<Temporary> {
    const temporary = await this.#store.create()
    const entry: Made = { temporary, source: null }
    this.#made.push(entry)
    return {
      write: (chunk) => temporary.write(chunk),
      finish: async () => (entry.source = await temporary.finish()),
      discard: () => temporary.discard(),
    }
  }

  /** The temporary that a source came from. */
  find(stream: ByteStream): { readonly temporary: Temporary; readonly source: ByteSource } | null {
    for (const { temporary, source } of this.#made) if (source === stream) return { temporary, source }
    return null
  }

  /** Discards all of them but one. */
  async discard(kept: Temporary | null): Promise<void> {
    for (const { temporary } of this.#made) if (temporary !== kept) await temporary.discard()
  }
}

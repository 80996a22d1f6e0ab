/**
 * Takes the entries of one file into the keyring, some hundred in each transaction, with a journal: killed at any moment, it goes on
 * behind the last transaction. Memory does not grow with the file. What is lost if it fails: nothing that was committed.
 */
import type { ImportFinding, ImportState, KeyringStore, NewCredential } from '../ports.ts'
import type { FileEntry } from './entry.ts'
import { takeIn } from './intake.ts'

/** Entries in one transaction. */
const AT_ONCE = 500
/** Entries of one file. */
const MOST_ENTRIES = 5_000_000

/** One import. */
export interface ImportOrder {
  readonly store: KeyringStore
  /** SHA-256 of the file, lower-case hex: what the journal is kept by. */
  readonly digest: string
  /** Name of the file, for people. */
  readonly name: string
  /** In the same order each time. */
  readonly entries: AsyncIterable<FileEntry>
  /** Go on where an earlier import of the same file was cut off. */
  readonly resume: boolean
  readonly actor: string
  readonly now: () => number
  /** Called after each transaction. */
  readonly progress: (state: ImportState) => void
}

interface Piece {
  readonly entries: NewCredential[]
  readonly places: Pick<ImportFinding, 'entry' | 'place'>[]
  readonly refused: ImportFinding[]
}

/** The journal says more than the file holds: it is another file, or an import of it runs at the same time. */
export class ImportMismatch extends Error {
  override readonly name = 'ImportMismatch'
}

/**
 * Runs an import.
 * @returns what it came to, with what earlier runs of a resumed import did
 * @throws StorageError, what `entries` throws; what was committed stays
 */
export async function runImport(order: ImportOrder): Promise<ImportState> {
  const { store, digest, name, entries } = order
  const before = store.importState(digest)
  if (!order.resume || before === null) await store.beginImport(digest, name)
  else if (before.finishedAt !== null) return before
  const done = order.resume ? (before?.entries ?? 0) : 0
  const writing = new Writing(order)
  let piece: Piece = { entries: [], places: [], refused: [] }
  let number = 0
  for await (const entry of entries) {
    number += 1
    if (number <= done) continue
    if (number > MOST_ENTRIES) throw new ImportMismatch(`the file has more than ${MOST_ENTRIES} entries`)
    sort(piece, entry, number, order)
    if (piece.entries.length + piece.refused.length < AT_ONCE) continue
    await writing.write(piece)
    piece = { entries: [], places: [], refused: [] }
  }
  if (number < done) throw new ImportMismatch('the journal of this file knows more entries than it has')
  await writing.write(piece)
  await writing.end()
  await store.endImport(digest, { actor: order.actor, action: 'import-finished', detail: { name, digest } })
  return stateOf(order)
}

function sort(piece: Piece, entry: FileEntry, number: number, { name, now }: ImportOrder): void {
  const { place } = entry
  const intake = takeIn(entry, place === '' ? name : `${name}, ${place}`, now())
  if ('entry' in intake) {
    piece.entries.push(intake.entry)
    piece.places.push({ entry: number, place })
  } else piece.refused.push({ entry: number, place, ...intake.refused })
}

function stateOf({ store, digest }: ImportOrder): ImportState {
  const state = store.importState(digest)
  if (state === null) throw new ImportMismatch('the journal of this import is gone')
  return state
}

/** One transaction under way while the next piece is read. */
class Writing {
  readonly #order: ImportOrder
  #last: Promise<void> = Promise.resolve()

  constructor(order: ImportOrder) {
    this.#order = order
  }

  /** Resolves when the piece before is written. */
  async write(piece: Piece): Promise<void> {
    await this.#last
    this.#last = this.#write(piece)
    // Whoever awaits it next hears of a failure.
    this.#last.catch(() => undefined)
  }

  end(): Promise<void> {
    return this.#last
  }

  async #write({ entries, places, refused }: Piece): Promise<void> {
    const { store, digest, name, actor, progress } = this.#order
    const count = entries.length + refused.length
    if (count === 0) return
    const deed = { actor, action: 'certificates-imported', detail: { name, digest } }
    await store.add(entries, deed, { digest, entries: count, refused, places })
    progress(stateOf(this.#order))
  }
}

/**
 * Runs the matrix: what the engine makes each peer reads, what each peer makes the engine reads. A peer that cannot do a row leaves
 * an empty cell with its own words; a peer that can, and does not understand us or is not understood, is a failure.
 */
import { Otherwise, Unable } from './participant.ts'
import type { Participant } from './participant.ts'
import type { Row } from './rows.ts'

/** What came of one direction of one row with one peer. */
export type Cell =
  | { readonly state: 'yes' }
  /** The engine does not write this row. */
  | { readonly state: 'not-written' }
  /** The peer cannot; its words. */
  | { readonly state: 'unable'; readonly words: string }
  /** The peer can, and it does not work; whose words. */
  | { readonly state: 'failed'; readonly words: string }

/** Both directions with one peer. */
export interface Pair {
  /** The engine makes, the peer reads. */
  readonly toPeer: Cell
  /** The peer makes, the engine reads. */
  readonly fromPeer: Cell
}

/** A row with its cells, in the order of the peers. */
export interface Line {
  readonly row: Row
  readonly pairs: readonly Pair[]
}

type Attempt<T> = { readonly value: T } | { readonly words: string }

async function attempt<T>(what: () => Promise<T> | T): Promise<Attempt<T>> {
  try {
    return { value: await what() }
  } catch (error) {
    if (error instanceof Unable) return { words: error.message }
    throw error
  }
}

/**
 * Runs every row.
 * @param done - called after each row
 */
export async function runMatrix(
  rows: readonly Row[],
  engine: Participant,
  peers: readonly Participant[],
  done: (line: Line) => void = () => undefined,
): Promise<readonly Line[]> {
  const lines: Line[] = []
  for (const row of rows) {
    const line = await runRow(row, engine, peers)
    done(line)
    lines.push(line)
  }
  return lines
}

async function runRow(row: Row, engine: Participant, peers: readonly Participant[]): Promise<Line> {
  const ours = row.written ? await attempt(() => engine.make(row)) : null
  const fromPeers: Cell[] = []
  /** What others made of this row, and is what the row asks for. */
  const controls: Buffer[] = []
  for (const peer of peers) {
    const made = await attempt(() => peer.make(row))
    const cell = await fromPeer(row, made, engine)
    if ('value' in made && cell.state === 'yes') controls.push(made.value)
    fromPeers.push(cell)
  }
  const pairs: Pair[] = []
  for (const [at, peer] of peers.entries()) {
    const read = await toPeer(row, ours, peer, controls)
    pairs.push({ toPeer: read, fromPeer: fromPeers[at] ?? { state: 'not-written' } })
  }
  return { row, pairs }
}

async function fromPeer(row: Row, made: Attempt<Buffer>, engine: Participant): Promise<Cell> {
  if ('words' in made) return { state: 'unable', words: made.words }
  try {
    await engine.read(row, made.value)
    return { state: 'yes' }
  } catch (error) {
    if (error instanceof Otherwise) return { state: 'unable', words: error.message }
    if (error instanceof Unable) return { state: 'failed', words: `the engine says: ${error.message}` }
    throw error
  }
}

async function toPeer(
  row: Row,
  ours: Attempt<Buffer> | null,
  peer: Participant,
  controls: readonly Buffer[],
): Promise<Cell> {
  if (ours === null) return { state: 'not-written' }
  if ('words' in ours) return { state: 'failed', words: `the engine says: ${ours.words}` }
  const read = await attempt(() => peer.read(row, ours.value))
  if (!('words' in read)) return { state: 'yes' }
  // The control: a peer that reads what anybody else made of this row supports it, and ours is at fault.
  for (const made of controls) {
    const control = await attempt(() => peer.read(row, made))
    if (!('words' in control)) return { state: 'failed', words: read.words }
  }
  return { state: 'unable', words: read.words }
}

/** The failed cells, in words. */
export function failures(lines: readonly Line[], peers: readonly Participant[]): readonly string[] {
  return lines.flatMap(({ row, pairs }) =>
    pairs.flatMap(({ toPeer, fromPeer }, at) => {
      const name = peers[at]?.name ?? ''
      const told: string[] = []
      if (toPeer.state === 'failed') told.push(`${row.title}: ${name} cannot read ours: ${toPeer.words}`)
      if (fromPeer.state === 'failed') told.push(`${row.title}: from ${name}: ${fromPeer.words}`)
      return told
    }),
  )
}

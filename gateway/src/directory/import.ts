/**
 * Brings users or groups from rows into the directory as one generation: written in pieces that nobody sees, then switched to in one
 * transaction. Whatever fails before, the last good one stays. Refuses an empty one, and one that has lost more than half.
 */
import type { CsvRow } from './csv.ts'
import { GroupGathering } from './flatten.ts'
import type { DirectoryPart, DirectoryStore, NewGroup, NewUser, PartState } from './ports.ts'
import {
  columnsOf,
  faultOf,
  GROUP_COLUMNS,
  memberOf,
  USER_COLUMNS,
  userOf,
  type DirectoryFinding,
} from './read-rows.ts'
import { DirectoryRefused } from './refused.ts'

const MOST_USERS = 500_000
const MOST_ADDRESSES = 3_000_000
/** Rows of the database in one transaction, about. */
const AT_ONCE = 2000
const MOST_SHARED = 1000

/** One import. */
export interface DirectoryOrder {
  readonly store: DirectoryStore
  readonly part: DirectoryPart
  /** The head first. */
  readonly rows: AsyncIterable<CsvRow>
  /** Name of the file, for people. */
  readonly source: string
  /** SHA-256 of the file, lower-case hex. */
  readonly digest: () => string
  readonly actor: string
  /** Take it also when it has lost more than half. */
  readonly acceptSmaller: boolean
  readonly now: () => number
  /** Hears of everything that is not taken, and of addresses that several users claim. */
  readonly find: (finding: DirectoryFinding) => void
  /** Hears of how many users or groups are written. */
  readonly progress: (entries: number) => void
}

/** What an import came to. */
export interface DirectoryImported extends PartState {
  /** Addresses that own keys serve now and did not before. */
  readonly widened: number
  /** Addresses that several users claim, as far as they were counted. */
  readonly shared: number
}

type Written = Pick<PartState, 'entries' | 'addresses'>

/**
 * Runs an import.
 * @throws DirectoryRefused, StoreRefused, StorageError, what `rows` throws; then nothing has changed
 */
export async function importDirectory(order: DirectoryOrder): Promise<DirectoryImported> {
  const { store, part, source, now } = order
  const generation = store.newGeneration(part)
  const before = store.state(part)
  let refused = 0
  const find = (finding: DirectoryFinding): void => {
    refused += 1
    order.find(finding)
  }
  const written =
    part === 'users' ? await users(order, generation, find) : await groups(order, generation, find)
  if (written.entries === 0) throw new DirectoryRefused('directory-empty', {})
  if (before !== null && written.entries * 2 < before.entries && !order.acceptSmaller)
    throw new DirectoryRefused('directory-shrunk', { before: before.entries, now: written.entries })
  const shared = part === 'users' ? await store.shared(generation, MOST_SHARED) : []
  for (const address of shared) order.find({ line: 0, code: 'address-shared', detail: address })
  const state = { generation, syncedAt: now(), source, ...written, refused }
  const { actor } = order
  const widened = await store.switchTo({ ...state, part, actor, digest: order.digest() })
  return { ...state, widened, shared: shared.length }
}

async function users(
  { store, rows, progress }: DirectoryOrder,
  generation: string,
  find: (finding: DirectoryFinding) => void,
): Promise<Written> {
  let columns: ReturnType<typeof columnsOf<keyof typeof USER_COLUMNS>> | null = null
  let entries = 0
  let addresses = 0
  let piece: NewUser[] = []
  let size = 0
  const write = async (): Promise<void> => {
    await store.keepUsers(generation, piece)
    progress(entries)
    piece = []
    size = 0
  }
  for await (const row of rows) {
    if (columns === null) {
      columns = columnsOf<keyof typeof USER_COLUMNS>(row.cells, USER_COLUMNS, ['primary'])
      continue
    }
    const fault = faultOf(row)
    const user = fault === null ? userOf(row, columns) : { addresses: null, findings: [fault] }
    for (const finding of user.findings) find(finding)
    if (user.addresses === null) continue
    entries += 1
    addresses += user.addresses.length
    size += user.addresses.length
    if (entries > MOST_USERS || addresses > MOST_ADDRESSES)
      throw new DirectoryRefused('directory-too-large', { users: MOST_USERS, addresses: MOST_ADDRESSES })
    piece.push({ number: entries, addresses: user.addresses })
    if (size >= AT_ONCE) await write()
  }
  await write()
  return { entries, addresses }
}

async function groups(
  { store, rows, progress }: DirectoryOrder,
  generation: string,
  find: (finding: DirectoryFinding) => void,
): Promise<Written> {
  const gathering = new GroupGathering()
  let columns: ReturnType<typeof columnsOf<keyof typeof GROUP_COLUMNS>> | null = null
  for await (const row of rows) {
    if (columns === null) {
      columns = columnsOf<keyof typeof GROUP_COLUMNS>(row.cells, GROUP_COLUMNS, ['group', 'member'])
      continue
    }
    const member = faultOf(row) ?? memberOf(row, columns)
    if ('code' in member) {
      // Whose member the row names cannot be told: of every group somebody may be missing.
      gathering.doubt()
      find(member)
    } else gathering.take(member)
  }
  let entries = 0
  let addresses = 0
  let piece: NewGroup[] = []
  let size = 0
  for (const group of gathering.flattened(find)) {
    entries += 1
    addresses += group.members.length
    size += 1 + group.members.length
    piece.push(group)
    if (size < AT_ONCE) continue
    await store.keepGroups(generation, piece)
    progress(entries)
    piece = []
    size = 0
  }
  await store.keepGroups(generation, piece)
  progress(entries)
  return { entries, addresses }
}

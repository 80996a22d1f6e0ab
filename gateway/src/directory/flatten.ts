/**
 * Gathers groups from rows and flattens nested ones. A group of which not every member could be found out is marked as incomplete: who is
 * not seen in it may be in it all the same. Bounded in groups, members and depth.
 */
import { toGroupKey } from '@siegel/contract'
import type { NewGroup } from './ports.ts'
import type { DirectoryFinding, MemberKind, MemberRow } from './read-rows.ts'
import { DirectoryRefused } from './refused.ts'

const MOST_GROUPS = 100_000
const MOST_ROWS = 3_000_000
/** Members of all groups after flattening. */
const MOST_MEMBERS = 5_000_000
/** Groups within groups within groups. */
const DEEPEST = 20

interface Draft {
  readonly number: number
  readonly address: string | null
  readonly name: string
  readonly line: number
  /** Addresses and keys of groups. */
  readonly members: Map<string, MemberKind>
  complete: boolean
}

/** Groups as they are read. */
export class GroupGathering {
  readonly #drafts = new Map<string, Draft>()
  /** By address and by name; null for a name that two groups have. */
  readonly #called = new Map<string, Draft | null>()
  #rows = 0
  #doubted = false

  /** How many groups there are. */
  get size(): number {
    return this.#drafts.size
  }

  /**
   * Takes a row.
   * @throws DirectoryRefused `directory-too-large`
   */
  take({ line, address, name, member, kind }: MemberRow): void {
    const key = address ?? toGroupKey(name)
    let draft = this.#drafts.get(key)
    if (draft === undefined) {
      draft = { number: this.#drafts.size + 1, address, name, line, members: new Map(), complete: true }
      this.#drafts.set(key, draft)
      for (const called of new Set([key, toGroupKey(name)])) {
        const other = this.#called.get(called)
        this.#called.set(called, other === undefined ? draft : null)
      }
    }
    this.#rows += 1
    if (this.#drafts.size > MOST_GROUPS || this.#rows > MOST_ROWS)
      throw new DirectoryRefused('directory-too-large', { groups: MOST_GROUPS, rows: MOST_ROWS })
    if (member !== null && draft.members.get(member) !== 'group') draft.members.set(member, kind)
  }

  /** A row could not be read: no group is complete. */
  doubt(): void {
    this.#doubted = true
  }

  /**
   * All groups, flattened.
   * @param find - hears of members that are neither an address nor a group of the file
   * @throws DirectoryRefused `directory-too-large`
   */
  *flattened(find: (finding: DirectoryFinding) => void): Generator<NewGroup> {
    for (const draft of this.#drafts.values())
      for (const [member, kind] of draft.members) {
        if (this.#called.get(member) !== undefined && this.#called.get(member) !== null) continue
        if (kind === 'address') continue
        draft.complete = false
        const code = kind === 'group' ? 'member-group-unknown' : 'member-unknown'
        find({ line: draft.line, code, detail: `${draft.name}: ${member}`.slice(0, 200) })
      }
    let total = 0
    for (const draft of this.#drafts.values()) {
      const group = this.#flat(draft, find)
      total += group.members.length
      if (total > MOST_MEMBERS) throw new DirectoryRefused('directory-too-large', { members: MOST_MEMBERS })
      yield group
    }
  }

  #flat(draft: Draft, find: (finding: DirectoryFinding) => void): NewGroup {
    const seen = new Set([draft])
    const members = new Set<string>()
    let complete = draft.complete && !this.#doubted
    let level = [draft]
    for (let depth = 0; level.length > 0; depth += 1) {
      if (depth > DEEPEST) {
        complete = false
        find({ line: draft.line, code: 'group-too-deep', detail: draft.name })
        break
      }
      const below: Draft[] = []
      for (const one of level) {
        complete &&= one.complete
        for (const [member, kind] of one.members) {
          const nested = this.#called.get(member)
          if (nested === undefined || nested === null) {
            if (kind === 'address') members.add(member)
          } else if (!seen.has(nested)) {
            seen.add(nested)
            below.push(nested)
          }
        }
      }
      level = below
    }
    const { number, address, name } = draft
    const keys = [...new Set([address ?? toGroupKey(name), toGroupKey(name)])]
    return { number, address, name, keys, complete, members: [...members] }
  }
}

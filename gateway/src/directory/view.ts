/**
 * What the directory says of an address, as far as it may be believed: groups for rules, further addresses for keys. A directory that is
 * missing or too old says nothing, an address that two users claim belongs to neither, and a doubt is no "no".
 */
import type { DirectoryLookups, Group, GroupMembership, PartState, UserAddress } from './ports.ts'

/** What a view is made from. */
export interface DirectoryViewOptions {
  readonly lookups: DirectoryLookups
  /** How old a part may be, in milliseconds. */
  readonly maxAge: () => number
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** The groups of one address. */
interface Found {
  readonly sure: ReadonlySet<number>
  /** By an address that another user claims too. */
  readonly doubtful: ReadonlySet<number>
}

/** Clocks of two computers may differ so much. */
const CLOCKS_DIFFER_MS = 300_000

/** Whether a part may be believed. A time in the future is a wrong clock, and no proof of youth. */
export function isFresh({ syncedAt }: PartState, maxAge: number, now: number): boolean {
  const age = now - syncedAt
  return age <= maxAge && age >= -CLOCKS_DIFFER_MS
}

/** The directory of one tenant. */
export class DirectoryView {
  readonly #options: DirectoryViewOptions

  constructor(options: DirectoryViewOptions) {
    this.#options = options
  }

  /** The groups as they are now, for one mail; null when users or groups are missing or too old. */
  membership(): GroupMembership | null {
    const users = this.#fresh('users')
    const groups = this.#fresh('groups')
    if (users === null || groups === null) return null
    return new Membership(this.#options.lookups, users.generation, groups.generation)
  }

  /**
   * The further addresses of the user who has an address: keys of these open its mail. Empty when several claim it, or the directory is
   * missing or too old.
   * @param address - look-up form
   */
  servedWith(address: string): readonly string[] {
    const users = this.#fresh('users')
    if (users === null) return []
    const found = this.#options.lookups.userWith(users.generation, address) ?? []
    return found.filter((one) => !one.shared && one.address !== address).map((one) => one.address)
  }

  #fresh(part: 'users' | 'groups'): PartState | null {
    const state = this.#options.lookups.state(part)
    return state !== null && isFresh(state, this.#options.maxAge(), this.#options.now()) ? state : null
  }
}

class Membership implements GroupMembership {
  readonly #lookups: DirectoryLookups
  readonly #users: string
  readonly #groups: string
  readonly #called = new Map<string, Group | null>()
  readonly #found = new Map<string, Found | null>()

  constructor(lookups: DirectoryLookups, users: string, groups: string) {
    this.#lookups = lookups
    this.#users = users
    this.#groups = groups
  }

  isMember(address: string, group: string): boolean | null {
    const known = this.#group(group)
    if (known === null) return null
    const found = this.#groupsOf(address)
    if (found === null) return null
    if (found.sure.has(known.number)) return true
    return found.doubtful.has(known.number) || !known.complete ? null : false
  }

  #group(key: string): Group | null {
    let known = this.#called.get(key)
    if (known === undefined) {
      const [first, ...more] = this.#lookups.groupsCalled(this.#groups, key)
      known = first === undefined || more.length > 0 ? null : first
      this.#called.set(key, known)
    }
    return known
  }

  #groupsOf(address: string): Found | null {
    let found = this.#found.get(address)
    if (found === undefined) this.#found.set(address, (found = this.#look(address)))
    return found
  }

  #look(address: string): Found | null {
    const user = this.#lookups.userWith(this.#users, address)
    if (user === null) return null
    const all: readonly UserAddress[] = user.length > 0 ? user : [{ address, primary: true, shared: false }]
    const sure = new Set<number>()
    const doubtful = new Set<number>()
    for (const one of all) {
      const numbers = this.#lookups.groupsWith(this.#groups, one.address)
      if (numbers === null) return null
      for (const number of numbers) (one.shared ? doubtful : sure).add(number)
    }
    return { sure, doubtful }
  }
}

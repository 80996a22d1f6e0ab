/**
 * What is known of a tenant's people: users with all their addresses, and groups with their members, nested ones flattened. Each of the
 * two parts is replaced as a whole by an import. What is lost if it fails: rules on groups cannot be judged, which is never weaker.
 */

/** The two parts, each imported for itself. */
export type DirectoryPart = 'users' | 'groups'

/** A part as it was last imported. */
export interface PartState {
  /** Later ones sort later. */
  readonly generation: string
  /** Milliseconds since 1970. */
  readonly syncedAt: number
  /** Name of the file, for people. */
  readonly source: string
  /** Users or groups. */
  readonly entries: number
  /** Addresses of users, or members of groups after flattening. */
  readonly addresses: number
  /** Rows, and parts of rows, that were not taken. */
  readonly refused: number
}

/** An address of a user. */
export interface UserAddress {
  /** Look-up form. */
  readonly address: string
  readonly primary: boolean
  /** Another user claims it too: it serves neither. */
  readonly shared: boolean
}

/** A group. */
export interface Group {
  readonly number: number
  /** Look-up form; null when it has none. */
  readonly address: string | null
  readonly name: string
  /** False when not all of its members are known. */
  readonly complete: boolean
}

/** Which groups an address is in, as rules ask it. */
export interface GroupMembership {
  /**
   * Whether an address belongs to a group, by any address of its user; null when that is not known.
   * @param address - look-up form
   * @param group - see `toGroupKey`
   */
  isMember(address: string, group: string): boolean | null
}

/** Look-ups in a tenant's directory; by key, on the calling thread. All throw StorageError. */
export interface DirectoryLookups {
  /** How a part was last imported; null when it never was. */
  state(part: DirectoryPart): PartState | null
  /** All addresses of the one user who has this one; empty when nobody has it, null when several claim it. */
  userWith(generation: string, address: string): readonly UserAddress[] | null
  /** The groups that are called so, at most two. @param key - see `toGroupKey` */
  groupsCalled(generation: string, key: string): readonly Group[]
  /** The numbers of the groups that an address is in; null when there are too many. */
  groupsWith(generation: string, address: string): readonly number[] | null
}

/** A user to be kept. */
export interface NewUser {
  readonly number: number
  /** Look-up form, each once, the primary one first. */
  readonly addresses: readonly string[]
}

/** A group to be kept. */
export interface NewGroup extends Group {
  /** What it is called by. */
  readonly keys: readonly string[]
  /** Each once. */
  readonly members: readonly string[]
}

/** That a key serves an address which its certificate does not name. */
export interface Widening {
  readonly address: string
  readonly fingerprint: string
}

/** A generation that is complete. */
export interface NewPart extends PartState {
  readonly part: DirectoryPart
  readonly actor: string
  /** SHA-256 of the file, lower-case hex. */
  readonly digest: string
}

/** The directory of one tenant as it is changed. Nothing of a new generation is seen before `switchTo`. */
export interface DirectoryStore extends DirectoryLookups {
  /** A name for a new generation of a part. */
  newGeneration(part: DirectoryPart): string
  keepUsers(generation: string, users: readonly NewUser[]): Promise<void>
  keepGroups(generation: string, groups: readonly NewGroup[]): Promise<void>
  /** Addresses that several users of a generation claim, at most `limit`. */
  shared(generation: string, limit: number): Promise<readonly string[]>
  /**
   * Makes a generation the one in use, in one transaction, with its entries in the audit log: before it, what keys it has serve further
   * addresses; then forgets generations older than the one before.
   * @returns how many addresses own keys serve now that they did not
   * @throws StoreRefused `directory-incomplete` when not all of it is there: another import has run at the same time
   */
  switchTo(part: NewPart): Promise<number>
  /** The members of a group, at most `limit`. */
  members(generation: string, group: number, limit: number): Promise<readonly string[]>
  /** The groups of these numbers. */
  groups(generation: string, numbers: readonly number[]): readonly Group[]
  /** SHA-256 of the own certificates whose keys open mail to one of these addresses by name. */
  keysOf(addresses: readonly string[]): readonly string[]
}

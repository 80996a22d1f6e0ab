/**
 * What a row of a CSV file says of a user or a group member, as operators write it and as Exchange's PowerShell does. Judges addresses by
 * their syntax; what is no address is said with its line, never guessed.
 */
import { toGroupKey, toLookupAddress } from '@siegel/contract'
import type { CsvRow } from './csv.ts'
import { DirectoryRefused } from './refused.ts'

/** Something in a file that was not taken. */
export interface DirectoryFinding {
  /** From 1; 0 when it is of no line. */
  readonly line: number
  readonly code: string
  readonly detail: string
}

/** Where the columns of a file are; -1 for one that is not there. */
export type Columns<N extends string> = Readonly<Record<N, number>>

/** Names of the columns of users, in lower case. */
export const USER_COLUMNS = {
  primary: ['primarysmtpaddress', 'primary'],
  addresses: ['emailaddresses', 'proxyaddresses', 'addresses'],
  type: ['recipienttypedetails', 'recipienttype'],
} as const

/** Names of the columns of groups, in lower case. */
export const GROUP_COLUMNS = {
  group: ['group', 'groupaddress'],
  name: ['groupname'],
  member: ['member', 'primarysmtpaddress'],
  type: ['recipienttypedetails', 'recipienttype'],
} as const

/** Exchange gives a mailbox at most about 300. */
const MOST_ADDRESSES = 500
const LONGEST_DETAIL = 100
const LONGEST_NAME = 330

/**
 * Finds the columns.
 * @throws DirectoryRefused `columns-missing` when one of `needed` is not there
 */
export function columnsOf<N extends string>(
  head: readonly string[],
  names: Readonly<Record<N, readonly string[]>>,
  needed: readonly N[],
): Columns<N> {
  const lower = head.map((cell) => cell.trim().toLowerCase())
  const find = (known: readonly string[]): number =>
    known.map((name) => lower.indexOf(name)).find((at) => at >= 0) ?? -1
  const entries = Object.entries<readonly string[]>(names).map(([name, known]) => [name, find(known)])
  const columns = Object.fromEntries(entries) as Columns<N>
  const missing = needed.filter((name) => columns[name] < 0)
  if (missing.length > 0)
    throw new DirectoryRefused('columns-missing', {
      columns: missing.map((name) => names[name].join(' / ')).join(', '),
    })
  return columns
}

function cut(text: string): string {
  return text.length > LONGEST_DETAIL ? `${text.slice(0, LONGEST_DETAIL)}…` : text
}

function finding(line: number, code: string, detail = ''): DirectoryFinding {
  return { line, code, detail: cut(detail) }
}

/** The finding of a row that cannot be read. */
export function faultOf({ line, fault }: CsvRow): DirectoryFinding | null {
  return fault === null ? null : finding(line, fault)
}

/** Whether Exchange calls the recipient a group. */
function isGroupType(text: string): boolean {
  return /group/i.test(text)
}

/** What a row of users says. */
export interface UserRow {
  /** The primary one first; null when nothing is taken. */
  readonly addresses: readonly string[] | null
  readonly findings: readonly DirectoryFinding[]
}

/** Reads a row of users. A group among the recipients is nobody's user, and no fault. */
export function userOf({ line, cells }: CsvRow, columns: Columns<keyof typeof USER_COLUMNS>): UserRow {
  const cell = (at: number): string => (cells[at] ?? '').trim()
  if (isGroupType(cell(columns.type))) return { addresses: null, findings: [] }
  const findings: DirectoryFinding[] = []
  const given = cell(columns.addresses).split(/[;\r\n|]+/)
  let primary: string | null = null
  const first = cell(columns.primary)
  if (first !== '') {
    primary = toLookupAddress(first)
    if (primary === null) return { addresses: null, findings: [finding(line, 'address-malformed', first)] }
  }
  const addresses = new Set<string>(primary === null ? [] : [primary])
  for (const text of given.map((each) => each.trim())) {
    const [, prefix = '', rest = ''] = /^([A-Za-z0-9]+):(.*)$/su.exec(text) ?? [text, '', text]
    // X500, SIP, SPO and others are no e-mail addresses; a piece without @ is one of an X400 address.
    if ((prefix !== '' && prefix.toLowerCase() !== 'smtp') || (prefix === '' && !rest.includes('@'))) continue
    const address = toLookupAddress(rest)
    if (address === null) {
      findings.push(finding(line, 'address-malformed', text))
      continue
    }
    if (prefix === 'SMTP') primary ??= address
    addresses.add(address)
  }
  if (addresses.size > MOST_ADDRESSES)
    return { addresses: null, findings: [finding(line, 'too-many-addresses', String(addresses.size))] }
  primary ??= [...addresses][0] ?? null
  if (primary === null)
    return { addresses: null, findings: [...findings, finding(line, 'user-without-address')] }
  return { addresses: [...new Set([primary, ...addresses])], findings }
}

/** What a row of groups says. */
export interface MemberRow {
  readonly line: number
  readonly address: string | null
  readonly name: string
  /** See `toGroupKey`; null when the row names no member. */
  readonly member: string | null
  /** What the member is by what the row says of it. */
  readonly kind: MemberKind
}

/** group: Exchange calls it one. name: neither that nor an address; only a group of the file can be meant. */
export type MemberKind = 'address' | 'group' | 'name'

/** Reads a row of groups. */
export function memberOf(
  { line, cells }: CsvRow,
  columns: Columns<keyof typeof GROUP_COLUMNS>,
): MemberRow | DirectoryFinding {
  const cell = (at: number): string => (cells[at] ?? '').trim()
  const group = cell(columns.group)
  if (group === '') return finding(line, 'group-missing')
  const address = toLookupAddress(group)
  const name = cell(columns.name) || group
  if (name.length > LONGEST_NAME || group.length > LONGEST_NAME)
    return finding(line, 'group-name-too-long', name)
  const member = cell(columns.member)
  if (member.length > LONGEST_NAME) return finding(line, 'member-too-long', member)
  const isGroup = isGroupType(cell(columns.type))
  const kind = isGroup ? 'group' : toLookupAddress(member) === null ? 'name' : 'address'
  // A group without an address is a member all the same.
  return { line, address, name, kind, member: member === '' && !isGroup ? null : toGroupKey(member) }
}

/**
 * Which treatment is asked for: values by level, the more particular before the more general, each with where it comes from.
 * Levels are factory, global, tenant, domain of the sender, then user and partner, which are one level. Pure; knows no mail.
 */
import { DEMANDS, ENCRYPTION_DEMANDS } from '@siegel/contract'
import { combined } from './profiles.ts'

/** How much is demanded. */
export type Demand = (typeof DEMANDS)[number]

/** Every value that can be given. */
interface AllValues {
  readonly sign: Demand
  readonly encrypt: (typeof ENCRYPTION_DEMANDS)[number]
  readonly impossible: 'hold' | 'bounce'
  readonly holdHours: number
  /** One profile, or several whose demands all hold: `bsi-strict+pq`. */
  readonly profile: string
}

/** The values that some level gives; what is left out is inherited. */
export type Values = { readonly [N in keyof AllValues]?: AllValues[N] | undefined }

/** Where a value comes from: a level and, but for factory, global and tenant, whom it is for. */
export interface Origin {
  readonly level: 'factory' | 'global' | 'tenant' | 'domain' | 'user' | 'partner' | 'rule'
  /** Address, domain or `*.domain`, or the name of the rule; empty for the levels that are for all. */
  readonly of: string
}

/** One value in force. */
export interface InForce<V> {
  readonly value: V
  readonly origin: Origin
  /** The other origins of a value that was put together from several. */
  readonly further?: readonly Origin[]
}

/** What is asked for one mail to one recipient. */
export type AskedTreatment = { readonly [N in keyof AllValues]: InForce<AllValues[N]> }

/** The settings of one tenant with those of the installation. Keys are in look-up form. */
export interface TreatmentLevels {
  readonly global: Values
  readonly tenant: Values
  /** By domain or `*.domain`. */
  readonly domains: ReadonlyMap<string, Values>
  /** By address. */
  readonly users: ReadonlyMap<string, Values>
  /** By address, domain or `*.domain`. */
  readonly partners: ReadonlyMap<string, Values>
}

/** Levels that say nothing: all is as the factory has it. */
export const NO_LEVELS: TreatmentLevels = {
  global: {},
  tenant: {},
  domains: new Map(),
  users: new Map(),
  partners: new Map(),
}

type Name = keyof AllValues

const FACTORY: AllValues = {
  sign: 'if-possible',
  encrypt: 'if-possible',
  impossible: 'hold',
  holdHours: 24,
  profile: 'compatible',
}

/** The safer of two values goes last: that which weakens least, and of hold and bounce the one that loses nothing. */
const SAFER: { readonly [N in Name]: (value: AllValues[N]) => number } = {
  sign: (value) => DEMANDS.indexOf(value),
  encrypt: (value) => ENCRYPTION_DEMANDS.indexOf(value),
  impossible: (value) => (value === 'hold' ? 1 : 0),
  holdHours: (value) => value,
  // They have no order: `bothProfiles`.
  profile: () => 0,
}

/** A level's values and whom they are for. */
interface Said {
  readonly origin: Origin
  readonly values: Values
}

/**
 * What is asked for a mail.
 * @param senders - who may have sent it, look-up form: of several, when the mail does not say it without doubt, the safer holds
 * @param recipient - look-up form
 */
export function askedTreatment(
  levels: TreatmentLevels,
  senders: readonly string[],
  recipient: string,
): AskedTreatment {
  const toPartner = mostParticular(levels.partners, recipient, 'partner')
  const general: Said[] = [
    { origin: { level: 'tenant', of: '' }, values: levels.tenant },
    { origin: { level: 'global', of: '' }, values: levels.global },
    { origin: { level: 'factory', of: '' }, values: FACTORY },
  ]
  const ofSender = (sender: string): readonly (readonly Said[])[] => {
    const user = levels.users.get(sender)
    const own: Said[] = user === undefined ? [] : [{ origin: { level: 'user', of: sender }, values: user }]
    // Partner and user are one level: both are asked before any other.
    return [own, toPartner, [...domainSays(levels.domains, sender), ...general]]
  }
  const all = (senders.length === 0 ? [''] : senders).map(ofSender)
  const find = <N extends Name>(name: N): InForce<AllValues[N]> =>
    all
      .map(([user = [], partner = [], rest = []]) => valueOf(name, user, partner, rest))
      .reduce(saferOf(name))
  return {
    sign: find('sign'),
    encrypt: find('encrypt'),
    impossible: find('impossible'),
    holdHours: find('holdHours'),
    profile: find('profile'),
  }
}

function valueOf<N extends Name>(
  name: N,
  user: readonly Said[],
  partner: readonly Said[],
  rest: readonly Said[],
): InForce<AllValues[N]> {
  const particular = [first(name, user), first(name, partner)].filter((found) => found !== null)
  const [one, other] = particular
  if (one !== undefined) return other === undefined ? one : saferOf(name)(one, other)
  // The factory has every value.
  return first(name, rest) ?? { value: FACTORY[name], origin: { level: 'factory', of: '' } }
}

function first<N extends Name>(name: N, said: readonly Said[]): InForce<AllValues[N]> | null {
  for (const { origin, values } of said) {
    const value: AllValues[N] | undefined = values[name]
    if (value !== undefined) return { value, origin }
  }
  return null
}

function saferOf<N extends Name>(name: N) {
  type Found = InForce<AllValues[N]>
  if (name === 'profile')
    return (a: Found, b: Found): Found => bothProfiles(a as Profiles, b as Profiles) as Found
  return (a: Found, b: Found): Found => (SAFER[name](b.value) > SAFER[name](a.value) ? b : a)
}

type Profiles = InForce<AllValues['profile']>

/** Profiles have no order: where neither demands what the other does, both hold. */
function bothProfiles(a: Profiles, b: Profiles): Profiles {
  const value = combined(a.value, b.value)
  if (value === a.value) return a
  if (value === b.value) return b
  return { value, origin: a.origin, further: [...(a.further ?? []), b.origin, ...(b.further ?? [])] }
}

/** The safer of two values; the first where they are alike. */
export function safer<N extends Name>(
  name: N,
  a: AskedTreatment[N],
  b: AskedTreatment[N],
): AskedTreatment[N] {
  return saferOf(name)(a, b) as AskedTreatment[N]
}

/** The levels of an address: itself, its domain, then what lies above, the longest first. */
function mostParticular(table: ReadonlyMap<string, Values>, address: string, level: Origin['level']): Said[] {
  const own = table.get(address)
  return [
    ...(own === undefined ? [] : [{ origin: { level, of: address }, values: own }]),
    ...above(table, address, level),
  ]
}

function domainSays(table: ReadonlyMap<string, Values>, address: string): Said[] {
  return above(table, address, 'domain')
}

function above(table: ReadonlyMap<string, Values>, address: string, level: Origin['level']): Said[] {
  return aboveDomain(address).flatMap((of) => {
    const values = table.get(of)
    return values === undefined ? [] : [{ origin: { level, of }, values }]
  })
}

/** The patterns that an address fits beside itself: its domain, then `*.` and each domain above it, the longest first. */
export function aboveDomain(address: string): string[] {
  const domain = address.slice(address.lastIndexOf('@') + 1)
  const patterns = [domain]
  for (let dot = domain.indexOf('.'); dot !== -1; dot = domain.indexOf('.', dot + 1))
    patterns.push(`*${domain.slice(dot)}`)
  return patterns
}

// The parameters of a kind of object as a table, and the four verbs over it: New-, Set-, Get-, Remove-.
// What makes a combination of values wrong is said by the kind itself.
import type { TenantConfig } from '../config.ts'
import type { Call, Cmdlet, ParameterKind, ParameterSpec } from '../powershell/cmdlet.ts'
import { CmdletError } from '../powershell/errors.ts'
import { Item, listOf, Table, textOf } from '../powershell/values.ts'
import type { Value } from '../powershell/values.ts'
import { byName, checkLength } from './session.ts'
import type { Session } from './session.ts'

/** A parameter that is a property of the object. */
export interface Field {
  /** The parameter's name. */
  name: string
  kind: ParameterKind
  /** The configuration's name of it. */
  key: string
  /** What Get- shows when it is not set. */
  initial: Value
  /** Longest text. */
  most?: number
  /** Whether New- demands it. */
  mandatory?: boolean
  /** Whether only New-, or only Set- has it. */
  only?: 'New' | 'Set'
  /** Reserved for Microsoft: refused. */
  reserved?: boolean
  /** Exchange Online knows it, the simulator does not know what it does: refused. */
  missing?: boolean
}

/** Anything with a name. */
export interface Named {
  name: string
}

/** A kind of object. */
export interface Kind<T extends Named> {
  /** For example `InboundConnector`. */
  noun: string
  /** Name in what -WhatIf says. */
  title: string
  /** Type of the object that Get- gives. */
  type: string
  fields: readonly Field[]
  /** What New- begins with. */
  initial?: Partial<T>
  /** Those of the tenant. */
  list(tenant: TenantConfig): readonly T[]
  /** The tenant with other ones. */
  put(tenant: TenantConfig, list: T[]): TenantConfig
  /** Throws a CmdletError for what may not be; may warn, and may change the object. `before` is absent on New-. */
  check(made: T, call: Call, tenant: TenantConfig, before: T | undefined): T
  /** Further properties that Get- shows. */
  extra?(one: T, index: number): [string, Value][]
}

/** The cmdlets for a kind. */
export function cmdletsFor<T extends Named>(kind: Kind<T>, session: Session): Cmdlet[] {
  const spec = (verb: 'New' | 'Set'): ParameterSpec[] =>
    kind.fields
      .filter(({ only }) => only === undefined || only === verb)
      .map((field) => ({
        name: field.name,
        kind: field.kind,
        nullable: true,
        mandatory: verb === 'New' && field.mandatory === true,
        ...(field.name === 'Name' && verb === 'New' ? { position: 0 } : {}),
      }))
  const identity: ParameterSpec = { name: 'Identity', kind: 'string', position: 0 }
  const find = (call: Call): T => byName(kind.list(session.tenant()), call.text('Identity') ?? '')
  return [
    {
      name: `New-${kind.noun}`,
      parameters: spec('New'),
      shouldProcess: true,
      run: (call) => create(kind, session, call),
    },
    {
      name: `Set-${kind.noun}`,
      parameters: [{ ...identity, mandatory: true }, ...spec('Set')],
      shouldProcess: true,
      perObject: 'Identity',
      run: (call) => {
        change(kind, session, call, find(call))
        return []
      },
    },
    {
      name: `Get-${kind.noun}`,
      parameters: [identity, { name: 'ResultSize', kind: 'string' }],
      perObject: 'Identity',
      run: (call) => {
        const all = kind.list(session.tenant())
        const chosen = call.has('Identity') && call.text('Identity') !== '' ? [find(call)] : all
        return chosen.map((one) => objectOf(kind, one, all.indexOf(one)))
      },
    },
    {
      name: `Remove-${kind.noun}`,
      parameters: [{ ...identity, mandatory: true }],
      shouldProcess: true,
      perObject: 'Identity',
      run: (call) => {
        const gone = find(call)
        if (!call.shouldProcess(gone.name, `Removing ${kind.title}`)) return []
        const tenant = session.tenant()
        session.change(kind.put(tenant, kind.list(tenant).filter((one) => one.name !== gone.name))) // prettier-ignore
        return []
      },
    },
  ]
}

function create<T extends Named>(kind: Kind<T>, session: Session, call: Call): Value[] {
  const tenant = session.tenant()
  const name = call.text('Name') ?? ''
  if (kind.list(tenant).some((one) => one.name.toLowerCase() === name.toLowerCase())) {
    throw new CmdletError(
      `The ${kind.title} "${name}" already exists. Choose another name.`,
      'ADObjectAlreadyExistsException',
    )
  }
  // The table names exactly the configuration's own properties.
  const made = kind.check(taken(kind, { ...kind.initial }, call) as unknown as T, call, tenant, undefined)
  if (!call.shouldProcess(name, `Creating a new ${kind.title}`)) return []
  const list = [...kind.list(tenant), made]
  const changed = kind.put(tenant, list)
  session.change(changed)
  const all = kind.list(session.tenant())
  const shownOne = byName(all, name)
  return [objectOf(kind, shownOne, all.indexOf(shownOne))]
}

function change<T extends Named>(kind: Kind<T>, session: Session, call: Call, before: T): void {
  const tenant = session.tenant()
  const other = call.text('Name')
  if (
    other !== undefined &&
    kind
      .list(tenant)
      .some((one) => one.name !== before.name && one.name.toLowerCase() === other.toLowerCase())
  ) {
    throw new CmdletError(
      `The ${kind.title} "${other}" already exists. Choose another name.`,
      'ADObjectAlreadyExistsException',
    )
  }
  const made = kind.check(
    taken(kind, Object.fromEntries(Object.entries(before)), call) as unknown as T,
    call,
    tenant,
    before,
  ) // as above
  if (!call.shouldProcess(before.name, `Setting ${kind.title}`)) return
  session.change(kind.put(tenant, kind.list(tenant).map((one) => (one.name === before.name ? made : one)))) // prettier-ignore
}

/** The object's properties with those of the call put in; `$null` takes one away. */
function taken<T extends Named>(
  kind: Kind<T>,
  before: Record<string, unknown>,
  call: Call,
): Record<string, unknown> {
  const made = { ...before }
  for (const field of kind.fields) {
    if (!call.has(field.name)) continue
    if (field.reserved) {
      throw new CmdletError(
        `The parameter '${field.name}' is reserved for internal Microsoft use.`,
        'ParameterReservedException',
      )
    }
    if (field.missing) {
      throw new CmdletError(`The parameter '${field.name}' exists in Exchange Online, but this simulator does not know it.`, 'NotImplementedException') // prettier-ignore
    }
    const value = call.value(field.name)
    const emptied =
      value === null || value === '' || (Array.isArray(value) && value.every((one) => one === ''))
    if (emptied) Reflect.deleteProperty(made, field.key)
    else made[field.key] = field.kind === 'string[]' ? changedList(made[field.key], value) : value
    const text = made[field.key]
    if (field.most !== undefined && typeof text === 'string') checkLength(text, field.most)
  }
  return made
}

/** A list as it is given, or changed by `@{ Add = …; Remove = … }`. */
export function changedList(before: unknown, value: Value): string[] {
  if (!(value instanceof Table)) return listOf(value).map(textOf)
  const wrong = value.entries().find(([name]) => !/^(add|remove)$/i.test(name))
  if (wrong)
    throw new CmdletError(
      `The key '${wrong[0]}' is not valid here; use Add and Remove.`,
      'InvalidCastException',
    )
  const removed = listOf(value.get('Remove') ?? null).map((one) => textOf(one).toLowerCase())
  const added = listOf(value.get('Add') ?? null).map(textOf)
  const old = Array.isArray(before) ? before.map(String) : []
  const kept = old.filter((one) => !removed.includes(one.toLowerCase()))
  return [...kept, ...added.filter((one) => !kept.includes(one))]
}

/** The object as Get- shows it. */
function objectOf<T extends Named>(kind: Kind<T>, one: T, index: number): Item {
  const known = new Map<string, unknown>(Object.entries(one))
  const entries = kind.fields
    .filter(({ reserved, missing }) => !reserved && !missing)
    .map((field): [string, Value] => [field.name, shown(known.get(field.key), field.initial)])
  return new Item(kind.type, [['Identity', one.name], ...entries, ...(kind.extra?.(one, index) ?? [])])
}

function shown(value: unknown, initial: Value): Value {
  if (value === undefined || value === null) return initial
  if (Array.isArray(value)) return value.map(String)
  if (value instanceof Date) return value
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? value
    : initial
}

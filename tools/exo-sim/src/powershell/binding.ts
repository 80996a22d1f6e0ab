// Binds arguments to parameters as PowerShell does: names, unique beginnings, aliases, positions, conversion.
// The messages are PowerShell's.
import type { Position } from './ast.ts'
import type { Cmdlet, ParameterKind, ParameterSpec } from './cmdlet.ts'
import { cast } from './types.ts'
import { ConversionError, isTrue, listOf, ScriptBlock, Table, textOf } from './values.ts'
import type { Value } from './values.ts'

/** An argument, evaluated. */
export type Given =
  | { kind: 'parameter'; name: string; value: Value | undefined; at: Position }
  | { kind: 'value'; value: Value; at: Position }

/** The arguments do not fit the parameters. */
export class BindingError extends Error {
  override readonly name = 'BindingError'
  readonly at: Position | undefined

  constructor(message: string, at?: Position) {
    super(message)
    this.at = at
  }
}

const PREFERENCES = ['SilentlyContinue', 'Stop', 'Continue', 'Ignore', 'Inquire'] as const

const COMMON: readonly ParameterSpec[] = [
  { name: 'ErrorAction', kind: PREFERENCES, aliases: ['EA'] },
  { name: 'WarningAction', kind: PREFERENCES, aliases: ['WA'] },
  { name: 'InformationAction', kind: PREFERENCES, aliases: ['Infa'] },
  { name: 'ErrorVariable', kind: 'string', aliases: ['EV'] },
  { name: 'WarningVariable', kind: 'string', aliases: ['WV'] },
  { name: 'OutVariable', kind: 'string', aliases: ['OV'] },
  { name: 'Verbose', kind: 'switch', aliases: ['VB'] },
  { name: 'Debug', kind: 'switch', aliases: ['DB'] },
]

const CHANGING: readonly ParameterSpec[] = [
  { name: 'WhatIf', kind: 'switch', aliases: ['WI'] },
  { name: 'Confirm', kind: 'switch', aliases: ['CF'] },
]

/** What has parameters. */
export type Bindable = Pick<Cmdlet, 'name' | 'parameters' | 'shouldProcess' | 'rest'>

/** Parameters bound by name, lower case. Throws a BindingError. `piped` is bound from the pipeline later. */
export function bind(target: Bindable, given: readonly Given[], piped?: string): Map<string, Value> {
  const specs = [...target.parameters, ...COMMON, ...(target.shouldProcess ? CHANGING : [])]
  const bound = new Map<string, Value>()
  const loose: { value: Value; at: Position }[] = []
  for (let i = 0; i < given.length; i++) {
    const one = given[i]
    if (!one) break
    if (one.kind === 'value') {
      loose.push(one)
      continue
    }
    const spec = find(specs, one.name, one.at)
    if (bound.has(spec.name.toLowerCase())) {
      throw new BindingError(`Cannot bind parameter because parameter '${spec.name}' is specified more than once. To provide multiple values to parameters that can accept multiple values, use the array syntax. For example, "-parameter value1,value2,value3".`, one.at) // prettier-ignore
    }
    let value = one.value
    if (value === undefined && spec.kind === 'switch') value = true
    if (value === undefined) {
      const next = given[i + 1]
      if (next?.kind !== 'value') {
        throw new BindingError(`Missing an argument for parameter '${spec.name}'. Specify a parameter of type '${typeName(spec.kind)}' and try again.`, one.at) // prettier-ignore
      }
      value = next.value
      i++
    }
    bound.set(spec.name.toLowerCase(), convert(spec, value, one.at))
  }
  bindLoose(target, bound, loose)
  const missing = target.parameters.filter((spec) => spec.mandatory && !bound.has(spec.name.toLowerCase()) && spec.name !== piped) // prettier-ignore
  if (missing.length > 0) {
    throw new BindingError(`Cannot process command because of one or more missing mandatory parameters: ${missing.map((spec) => spec.name).join(' ')}.`) // prettier-ignore
  }
  return bound
}

function bindLoose(
  target: Bindable,
  bound: Map<string, Value>,
  loose: { value: Value; at: Position }[],
): void {
  const places = target.parameters
    .filter((spec) => spec.position !== undefined && !bound.has(spec.name.toLowerCase()))
    .sort((a, b) => (a.position ?? 0) - (b.position ?? 0))
  for (const { value, at } of loose) {
    const spec = places.shift()
    if (spec) bound.set(spec.name.toLowerCase(), convert(spec, value, at))
    else if (target.rest !== undefined) {
      const key = target.rest.toLowerCase()
      bound.set(key, [...listOf(bound.get(key) ?? null), value])
    } else
      throw new BindingError(
        `A positional parameter cannot be found that accepts argument '${textOf(value)}'.`,
        at,
      )
  }
}

function find(specs: readonly ParameterSpec[], name: string, at: Position): ParameterSpec {
  const key = name.toLowerCase()
  const exact = specs.find(
    (spec) => spec.name.toLowerCase() === key || spec.aliases?.some((alias) => alias.toLowerCase() === key),
  )
  if (exact) return exact
  const begun = specs.filter((spec) => spec.name.toLowerCase().startsWith(key))
  const [only] = begun
  if (begun.length > 1) {
    throw new BindingError(`Parameter cannot be processed because the parameter name '${name}' is ambiguous. Possible matches include: ${begun.map((spec) => `-${spec.name}`).join(' ')}.`, at) // prettier-ignore
  }
  if (!only) throw new BindingError(`A parameter cannot be found that matches parameter name '${name}'.`, at)
  return only
}

function typeName(kind: ParameterKind): string {
  if (typeof kind !== 'string') return 'System.Enum'
  const names = { 'string': 'System.String', 'string[]': 'System.String[]', 'bool': 'System.Boolean', 'switch': 'System.Management.Automation.SwitchParameter', 'int': 'System.Int32', 'date': 'System.DateTime', 'version': 'System.Version', 'any': 'System.Object', 'block': 'System.Management.Automation.ScriptBlock' } // prettier-ignore
  return names[kind]
}

/** The value as the parameter needs it. Throws a BindingError. */
function convert(spec: ParameterSpec, value: Value, at: Position): Value {
  const { kind, name } = spec
  if (value === null && kind !== 'switch') {
    if (spec.nullable || kind === 'any' || kind === 'block' || kind === 'string') return value
    throw new BindingError(`Cannot bind argument to parameter '${name}' because it is null.`, at)
  }
  try {
    return converted(kind, value, name, at)
  } catch (error) {
    if (!(error instanceof ConversionError)) throw error
    throw new BindingError(
      `Cannot process argument transformation on parameter '${name}'. ${error.message}`,
      at,
    )
  }
}

function converted(kind: ParameterKind, value: Value, name: string, at: Position): Value {
  if (typeof kind !== 'string') {
    const text = textOf(value)
    const known = kind.find((one) => one.toLowerCase() === text.toLowerCase())
    if (known !== undefined) return known
    throw new BindingError(`Cannot bind parameter '${name}'. Cannot convert value "${text}" to type "System.Enum". Error: "Unable to match the identifier name ${text} to a valid enumerator name. Specify one of the following enumerator names and try again: ${kind.join(', ')}"`, at) // prettier-ignore
  }
  switch (kind) {
    case 'string':
      if (Array.isArray(value) && value.length > 1) {
        throw new BindingError(`Cannot process argument transformation on parameter '${name}'. Cannot convert value to type System.String.`, at) // prettier-ignore
      }
      return textOf(value)
    case 'string[]':
      // The multi-valued properties of Exchange take a hashtable with Add and Remove, too.
      return value instanceof Table ? value : listOf(value).map(textOf)
    case 'bool':
      if (typeof value !== 'boolean' && typeof value !== 'number') {
        throw new BindingError(`Cannot process argument transformation on parameter '${name}'. Cannot convert value "${textOf(value)}" to type "System.Boolean". Boolean parameters accept only Boolean values and numbers, such as $True, $False, 1 or 0 instead.`, at) // prettier-ignore
      }
      return isTrue(value)
    case 'switch':
      return isTrue(value)
    case 'int':
      return cast('int', value)
    case 'date':
      return cast('datetime', value)
    case 'version':
      return cast('version', value)
    case 'block':
      if (!(value instanceof ScriptBlock)) throw new BindingError(`Cannot bind parameter '${name}'. Cannot convert the "${textOf(value)}" value to type "System.Management.Automation.ScriptBlock".`, at) // prettier-ignore
      return value
    case 'any':
      return value
  }
}

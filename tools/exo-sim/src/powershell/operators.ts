// The operators of PowerShell on values. With a list on the left, comparisons filter it.
import {
  collapsed,
  compare,
  ConversionError,
  equals,
  isTrue,
  Item,
  listOf,
  numberOf,
  Table,
  textOf,
} from './values.ts'
import { formatDate, matchesType } from './types.ts'
import type { Value } from './values.ts'
import { TypeReference, wildcard } from './values.ts'

/** `$Matches` after `-match`. */
export interface MatchSink {
  matched(groups: Table): void
}

/** Carries out a binary operator that needs both sides. `-and`, `-or` are the interpreter's. */
export function binary(operator: string, left: Value, right: Value, sink: MatchSink): Value {
  const exact = /^c(?!ontains)/.test(operator)
  const name = operator.replace(/^-/, '').replace(/^[ci](?=(eq|ne|gt|ge|lt|le|like|notlike|match|notmatch|contains|notcontains|in|notin|replace|split)$)/, '') // prettier-ignore
  const arithmetic = ARITHMETIC[name]
  if (arithmetic) return arithmetic(left, right)
  const tested = TESTS[name]
  if (tested) {
    if (Array.isArray(left)) return left.filter((one) => tested(one, right, exact))
    return tested(left, right, exact)
  }
  switch (name) {
    case 'match':
    case 'notmatch':
      return match(left, right, name === 'match', exact, sink)
    case 'contains':
      return listOf(left).some((one) => equals(one, right, exact))
    case 'notcontains':
      return !listOf(left).some((one) => equals(one, right, exact))
    case 'in':
      return listOf(right).some((one) => equals(one, left, exact))
    case 'notin':
      return !listOf(right).some((one) => equals(one, left, exact))
    case 'replace':
      return replaced(left, right, exact)
    case 'split':
      return split(left, right)
    case 'join':
      return listOf(left).map(textOf).join(textOf(right))
    case 'f':
      return format(textOf(left), listOf(right))
    case 'is':
      return matchesType(left, typeName(right))
    case 'isnot':
      return !matchesType(left, typeName(right))
    case 'xor':
      return isTrue(left) !== isTrue(right)
    default:
      throw new ConversionError(`The operator ${operator} is not supported here.`)
  }
}

const ARITHMETIC: Partial<Record<string, (left: Value, right: Value) => Value>> = {
  '+': add,
  '-': (left, right) => (left instanceof Date && right instanceof Date ? left.getTime() - right.getTime() : numberOf(left) - numberOf(right)), // prettier-ignore
  '*': (left, right) =>
    typeof left === 'string' ? left.repeat(numberOf(right)) : numberOf(left) * numberOf(right),
  '/': (left, right) => {
    const divisor = numberOf(right)
    if (divisor === 0) throw new ConversionError('Attempted to divide by zero.')
    return numberOf(left) / divisor
  },
  '%': (left, right) => numberOf(left) % numberOf(right),
  '..': range,
}

const TESTS: Partial<Record<string, (left: Value, right: Value, exact: boolean) => boolean>> = {
  eq: equals,
  ne: (left, right, exact) => !equals(left, right, exact),
  gt: (left, right) => compare(left, right) > 0,
  ge: (left, right) => compare(left, right) >= 0,
  lt: (left, right) => compare(left, right) < 0,
  le: (left, right) => compare(left, right) <= 0,
  like: (left, right) => wildcard(textOf(right)).test(textOf(left)),
  notlike: (left, right) => !wildcard(textOf(right)).test(textOf(left)),
}

function add(left: Value, right: Value): Value {
  if (Array.isArray(left)) return [...left, ...(Array.isArray(right) ? right : [right])]
  if (left === null) return right
  if (left instanceof Table && right instanceof Table)
    return new Table([...left.entries(), ...right.entries()])
  if (typeof left === 'string' || left instanceof Item) return textOf(left) + textOf(right)
  return numberOf(left) + numberOf(right)
}

function range(left: Value, right: Value): Value {
  const [from, to] = [numberOf(left), numberOf(right)]
  if (Math.abs(to - from) > 100_000) throw new ConversionError('The range is too long.')
  const step = from <= to ? 1 : -1
  return Array.from({ length: Math.abs(to - from) + 1 }, (_, i) => from + i * step)
}

function pattern(value: Value, exact: boolean, global = false): RegExp {
  const source = textOf(value)
  try {
    return new RegExp(source.replace(/^\(\?i\)/, ''), `${exact ? '' : 'i'}${global ? 'g' : ''}`)
  } catch {
    throw new ConversionError(`The regular expression pattern ${source} is not valid.`)
  }
}

function match(left: Value, right: Value, wanted: boolean, exact: boolean, sink: MatchSink): Value {
  const tested = pattern(right, exact)
  if (Array.isArray(left)) return left.filter((one) => tested.test(textOf(one)) === wanted)
  const found = tested.exec(textOf(left))
  if (found) {
    const named = Object.entries(found.groups ?? {})
    sink.matched(new Table([...found.map((text, i): [string, Value] => [String(i), text]), ...named]))
  }
  return (found !== null) === wanted
}

function replaced(left: Value, right: Value, exact: boolean): Value {
  const [what, by] = listOf(right)
  const one = (value: Value): string =>
    textOf(value).replace(pattern(what ?? '', exact, true), textOf(by ?? ''))
  return Array.isArray(left) ? left.map(one) : one(left)
}

function split(left: Value, right: Value): Value {
  const [by] = listOf(right)
  return collapsed(listOf(left).flatMap((one) => textOf(one).split(pattern(by ?? ' ', false))))
}

/** `'{0} {1:N0}' -f a, b`: indices, alignment; formats of numbers and dates as far as they are needed. */
export function format(text: string, values: Value[]): string {
  return text.replace(/\{\{|\}\}|\{(\d+)(?:,(-?\d+))?(?::([^}]+))?\}/g, (whole, index, width, form) => {
    if (whole === '{{' || whole === '}}') return whole.slice(1)
    const value = values[Number(index)]
    if (value === undefined) {
      throw new ConversionError('Error formatting a string: Index (zero based) must be greater than or equal to zero and less than the size of the argument list..') // prettier-ignore
    }
    const shown = value instanceof Date && typeof form === 'string' ? formatDate(value, form) : textOf(value)
    const columns = Number(width ?? 0)
    return columns < 0 ? shown.padEnd(-columns) : shown.padStart(columns)
  })
}

function typeName(value: Value): string {
  return value instanceof TypeReference ? value.name : textOf(value).toLowerCase()
}

// The values of a script, and how PowerShell turns one kind into another: text, truth, number, comparison.
import type { Block } from './ast.ts'

/** A value. */
export type Value =
  null | boolean | number | string | Date | Value[] | Table | Item | ScriptBlock | TypeReference

/** A map whose keys are looked up case-insensitively and keep order and spelling. */
class CaseMap {
  readonly #entries = new Map<string, { name: string; value: Value }>()

  constructor(entries: Iterable<readonly [string, Value]> = []) {
    for (const [name, value] of entries) this.set(name, value)
  }

  get(name: string): Value | undefined {
    return this.#entries.get(name.toLowerCase())?.value
  }

  has(name: string): boolean {
    return this.#entries.has(name.toLowerCase())
  }

  set(name: string, value: Value): void {
    const key = name.toLowerCase()
    this.#entries.set(key, { name: this.#entries.get(key)?.name ?? name, value })
  }

  delete(name: string): void {
    this.#entries.delete(name.toLowerCase())
  }

  get size(): number {
    return this.#entries.size
  }

  entries(): [string, Value][] {
    return [...this.#entries.values()].map(({ name, value }) => [name, value])
  }
}

/** A hashtable. */
export class Table extends CaseMap {
  readonly kind = 'table'
}

/** An object with properties. */
export class Item extends CaseMap {
  readonly kind = 'item'
  /** .NET name of its type. */
  readonly type: string
  /** What it is as a text; default: its name or its properties. */
  readonly text: string | undefined

  constructor(type: string, entries: Iterable<readonly [string, Value]> = [], text?: string) {
    super(entries)
    this.type = type
    this.text = text
  }
}

/** `{ … }` as a value; it sees the variables of where it was written. */
export class ScriptBlock {
  readonly kind = 'block'
  readonly block: Block
  /** The scope it was written in; the interpreter's own. */
  readonly home: unknown

  constructor(block: Block, home: unknown) {
    this.block = block
    this.home = home
  }
}

/** `[name]` as a value. */
export class TypeReference {
  readonly kind = 'type'
  readonly name: string

  constructor(name: string) {
    this.name = name.toLowerCase().replace(/^system\./, '')
  }
}

/** A value cannot be turned into what is needed. */
export class ConversionError extends Error {
  override readonly name = 'ConversionError'
}

/** As a text, as in `"$value"`. */
export function textOf(value: Value): string {
  if (value === null) return ''
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  if (typeof value === 'number') return String(value)
  if (typeof value === 'string') return value
  if (value instanceof Date) return dateText(value)
  if (Array.isArray(value)) return value.map(textOf).join(' ')
  if (value instanceof Table) return 'System.Collections.Hashtable'
  if (value instanceof TypeReference) return value.name
  if (value instanceof ScriptBlock) return '{ … }'
  if (value.text !== undefined) return value.text
  const name = value.get('Name') ?? value.get('Identity')
  if (typeof name === 'string') return name
  return `@{${value.entries().map(([key, one]) => `${key}=${textOf(one)}`).join('; ')}}` // prettier-ignore
}

/** As PowerShell writes a date in a text: invariant culture. */
function dateText(date: Date): string {
  const two = (number: number): string => String(number).padStart(2, '0')
  const day = `${two(date.getUTCMonth() + 1)}/${two(date.getUTCDate())}/${date.getUTCFullYear()}`
  return `${day} ${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())}`
}

/** Whether a condition with this value holds. */
export function isTrue(value: Value): boolean {
  if (Array.isArray(value)) {
    if (value.length === 0) return false
    const [first] = value
    return value.length > 1 || (first !== undefined && isTrue(first))
  }
  if (value === null) return false
  if (typeof value === 'boolean') return value
  if (typeof value === 'number') return value !== 0
  if (typeof value === 'string') return value !== ''
  return true
}

/** As a list: null is the empty one, one thing a list of one. */
export function listOf(value: Value): Value[] {
  if (value === null) return []
  return Array.isArray(value) ? value : [value]
}

/** What a pipeline gives when it is assigned: nothing, the one thing, or a list. */
export function collapsed(values: Value[]): Value {
  if (values.length === 0) return null
  const [first] = values
  return values.length === 1 && first !== undefined ? first : values
}

/** As a number. */
export function numberOf(value: Value, type = 'System.Int32'): number {
  if (typeof value === 'number') return value
  if (value === null) return 0
  if (typeof value === 'boolean') return value ? 1 : 0
  if (value instanceof Date) return value.getTime()
  const text = textOf(value).trim()
  const match = /^([+-]?\d+(?:\.\d+)?)(kb|mb|gb)?$/i.exec(text)
  if (text === '') return 0
  if (!match) {
    throw new ConversionError(
      `Cannot convert value "${text}" to type "${type}". Error: "Input string was not in a correct format."`,
    )
  }
  const unit = { kb: 1024, mb: 1024 ** 2, gb: 1024 ** 3 }[match[2]?.toLowerCase() ?? ''] ?? 1
  return Number(match[1]) * unit
}

/** As a date. Throws a ConversionError. */
export function dateOf(value: Value): Date {
  if (value instanceof Date) return value
  const text = textOf(value)
  const at = new Date(/[zZ]|[+-]\d\d:?\d\d$/.test(text) ? text : `${text}Z`)
  if (text === '' || Number.isNaN(at.getTime())) {
    throw new ConversionError(
      `Cannot convert value "${text}" to type "System.DateTime". Error: "String '${text}' was not recognized as a valid DateTime."`,
    )
  }
  return at
}

/** `-eq` of two single values; texts case-insensitively unless asked otherwise. */
export function equals(left: Value, right: Value, exact = false): boolean {
  if (left === null || right === null) return left === right
  if (typeof left === 'boolean') return left === (typeof right === 'string' ? right !== '' : isTrue(right))
  if (typeof left === 'number') {
    try {
      return left === numberOf(right)
    } catch {
      return false
    }
  }
  if (left instanceof Date) {
    try {
      return left.getTime() === dateOf(right).getTime()
    } catch {
      return false
    }
  }
  if (typeof left === 'string' || left instanceof Item) {
    if (left instanceof Item && right instanceof Item && left.text === undefined) return left === right
    const [a, b] = [textOf(left), textOf(right)]
    return exact ? a === b : a.toLowerCase() === b.toLowerCase()
  }
  return left === right
}

/** Less than, equal or greater, as `-lt` and Sort-Object see it. */
export function compare(left: Value, right: Value): number {
  if (typeof left === 'number' || left instanceof Date) {
    const other = left instanceof Date ? dateOf(right).getTime() : numberOf(right)
    return Number(left) - other
  }
  const [a, b] = [textOf(left).toLowerCase(), textOf(right).toLowerCase()]
  return a < b ? -1 : a > b ? 1 : 0
}

/** A wildcard pattern of `-like` as a regular expression. */
export function wildcard(pattern: string): RegExp {
  const source = pattern
    .replace(/[\\^$.|+(){}]|\[(?![^\]]+\])/g, '\\$&')
    .replace(/\*/g, '[^]*')
    .replace(/\?/g, '[^]')
  return new RegExp(`^${source}$`, 'i')
}

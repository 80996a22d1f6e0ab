// Types by name: casts, `-is`, and the few static members that a script may use. What is not listed is refused.
import { randomUUID } from 'node:crypto'
import { collapsed, ConversionError, dateOf, isTrue, Item, listOf, numberOf, ScriptBlock, Table, textOf } from './values.ts' // prettier-ignore
import type { Value } from './values.ts'

/** A date as .NET formats it. */
export function formatDate(date: Date, form: string): string {
  const iso = date.toISOString()
  if (form === 'o' || form === 'O') return iso.replace('Z', '0000Z')
  if (form === 's') return iso.slice(0, 19)
  if (form === 'u') return `${iso.slice(0, 19).replace('T', ' ')}Z`
  const parts: Partial<Record<string, string>> = {
    yyyy: iso.slice(0, 4),
    yy: iso.slice(2, 4),
    MM: iso.slice(5, 7),
    dd: iso.slice(8, 10),
    HH: iso.slice(11, 13),
    mm: iso.slice(14, 16),
    ss: iso.slice(17, 19),
    fff: iso.slice(20, 23),
    K: 'Z',
  }
  return form.replace(/yyyy|yy|MM|dd|HH|mm|ss|fff|'([^']*)'|K/g, (code, literal: unknown) =>
    typeof literal === 'string' ? literal : (parts[code] ?? code),
  )
}

/** Converts a value as `[type]value` does. Throws a ConversionError. */
export function cast(type: string, value: Value): Value {
  const name = type.toLowerCase().replace(/^system\./, '')
  if (name.endsWith('[]')) return listOf(value).map((one) => cast(name.slice(0, -2), one))
  switch (name) {
    case 'string':
      return textOf(value)
    case 'int':
    case 'int32':
    case 'int64':
    case 'long':
      return Math.round(numberOf(value))
    case 'double':
    case 'decimal':
      return numberOf(value)
    case 'bool':
    case 'boolean':
    case 'switch':
    case 'management.automation.switchparameter':
      return isTrue(value)
    case 'datetime':
      return dateOf(value)
    case 'array':
      return listOf(value)
    case 'object':
      return value
    case 'void':
      return null
    case 'hashtable':
    case 'ordered':
      if (value instanceof Table) return value
      break
    case 'pscustomobject':
    case 'psobject':
      if (value instanceof Table)
        return new Item('System.Management.Automation.PSCustomObject', value.entries())
      return value
    case 'guid':
      if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(textOf(value)))
        return textOf(value).toLowerCase()
      break
    case 'version':
      return version(textOf(value))
    case 'regex':
      return textOf(value)
  }
  throw new ConversionError(`Cannot convert value "${textOf(value)}" to type "${type}".`)
}

/** A version number. */
export function version(text: string): Item {
  const parts = text.split('.').map(Number)
  if (parts.length < 2 || parts.some((part) => !Number.isInteger(part))) {
    throw new ConversionError(`Cannot convert value "${text}" to type "System.Version".`)
  }
  const [major = 0, minor = 0, build = -1, revision = -1] = parts
  const entries: [string, Value][] = [['Major', major], ['Minor', minor], ['Build', build], ['Revision', revision]] // prettier-ignore
  return new Item('System.Version', entries, text)
}

/** `-is`. */
export function matchesType(value: Value, type: string): boolean {
  const name = type.replace(/^system\./, '')
  if (value === null) return false
  switch (name) {
    case 'string':
      return typeof value === 'string'
    case 'int':
    case 'int32':
    case 'long':
    case 'int64':
      return Number.isInteger(value)
    case 'double':
      return typeof value === 'number'
    case 'bool':
    case 'boolean':
      return typeof value === 'boolean'
    case 'array':
    case 'object[]':
      return Array.isArray(value)
    case 'hashtable':
    case 'collections.hashtable':
    case 'collections.idictionary':
      return value instanceof Table
    case 'datetime':
      return value instanceof Date
    case 'scriptblock':
      return value instanceof ScriptBlock
    case 'pscustomobject':
    case 'psobject':
      return value instanceof Item
    case 'object':
      return true
    default:
      throw new ConversionError(`Unable to find type [${type}].`)
  }
}

/** `[Type]::Member` and `[Type]::Method(args)`. Throws a ConversionError for what is not in the list. */
export function staticMember(type: string, name: string, args: Value[] | undefined, now: () => Date): Value {
  const key = `${type.toLowerCase().replace(/^system\./, '')}::${name.toLowerCase()}`
  const text = (index: number): string => textOf(args?.[index] ?? '')
  const number = (index: number): number => numberOf(args?.[index] ?? 0)
  if (!args) {
    if (key === 'datetime::utcnow' || key === 'datetime::now') return now()
    if (key === 'datetime::minvalue') return new Date(-62_135_596_800_000)
    if (key === 'environment::newline') return '\n'
    if (key === 'text.encoding::utf8') return new Item('System.Text.UTF8Encoding')
    if (key === 'string::empty' || key === 'io.path::directoryseparatorchar')
      return key.startsWith('s') ? '' : '/'
    if (key === 'int::maxvalue' || key === 'int32::maxvalue') return 2_147_483_647
    throw new ConversionError(`[${type}]::${name} is not supported here.`)
  }
  switch (key) {
    case 'string::isnullorempty':
      return text(0) === ''
    case 'string::isnullorwhitespace':
      return text(0).trim() === ''
    case 'string::join':
      return args.slice(1).flatMap(listOf).map(textOf).join(text(0))
    case 'math::min':
      return Math.min(number(0), number(1))
    case 'math::max':
      return Math.max(number(0), number(1))
    case 'math::floor':
      return Math.floor(number(0))
    case 'math::ceiling':
      return Math.ceil(number(0))
    case 'math::round':
      return Math.round(number(0))
    case 'guid::newguid':
      return randomUUID()
    case 'regex::escape':
      return text(0).replace(/[\\*+?|{[()^$.# ]/g, '\\$&')
    case 'datetime::parse':
      return dateOf(collapsed(args.slice(0, 1)))
    default:
      throw new ConversionError(
        `[${type}]::${name}() is not in the list of methods that a script may call here.`,
      )
  }
}

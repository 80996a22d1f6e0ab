// Properties, indices and the list of methods that a script may call on a value. What is not listed is refused.
import { formatDate } from './types.ts'
import { ConversionError, equals, Item, listOf, numberOf, ScriptBlock, Table, textOf } from './values.ts'
import type { Value } from './values.ts'

/** The value of a property; undefined if it is not there. A list gives that of its items. */
export function property(target: Value, name: string): Value | undefined {
  const key = name.toLowerCase()
  if (target === null) return undefined
  if (Array.isArray(target)) {
    if (key === 'count' || key === 'length') return target.length
    const values = target.map((one) => property(one, name)).filter((one) => one !== undefined)
    return values.length === 0 ? undefined : values.flat()
  }
  if (target instanceof Table) {
    if (target.has(name)) return target.get(name)
    if (key === 'count') return target.size
    if (key === 'keys') return target.entries().map(([one]) => one)
    if (key === 'values') return target.entries().map(([, one]) => one)
    return undefined
  }
  if (target instanceof Item) {
    const value = target.get(name)
    if (value !== undefined) return value
    return key === 'psobject' ? new Item('PSObject', [['Properties', propertiesOf(target)]]) : undefined
  }
  if (typeof target === 'string') return key === 'length' ? target.length : undefined
  if (target instanceof Date) return dateProperty(target, key)
  return undefined
}

function propertiesOf(target: Item): Value[] {
  return target.entries().map(([name, value]) => new Item('PSNoteProperty', [['Name', name], ['Value', value]])) // prettier-ignore
}

function dateProperty(date: Date, key: string): Value | undefined {
  const parts: Record<string, number> = {
    year: date.getUTCFullYear(),
    month: date.getUTCMonth() + 1,
    day: date.getUTCDate(),
    hour: date.getUTCHours(),
    minute: date.getUTCMinutes(),
    second: date.getUTCSeconds(),
    ticks: (date.getTime() + 62_135_596_800_000) * 10_000,
  }
  return parts[key]
}

/** `target[index]`. */
export function indexed(target: Value, index: Value): Value {
  if (target instanceof Table || target instanceof Item) return target.get(textOf(index)) ?? null
  if (target === null) throw new ConversionError('Cannot index into a null array.')
  const items = typeof target === 'string' ? Array.from(target) : listOf(target)
  const pick = (one: Value): Value => {
    const at = numberOf(one)
    return items[at < 0 ? items.length + at : at] ?? null
  }
  return Array.isArray(index) ? index.map(pick) : pick(index)
}

/** Sets a property or an entry. */
export function assign(target: Value, name: Value, value: Value): void {
  if (target instanceof Table) target.set(textOf(name), value)
  else if (target instanceof Item) {
    if (!target.has(textOf(name))) throw new ConversionError(`The property '${textOf(name)}' cannot be found on this object. Verify that the property exists and can be set.`) // prettier-ignore
    target.set(textOf(name), value)
  } else if (Array.isArray(target)) {
    const at = numberOf(name)
    if (at < 0 || at >= target.length) throw new ConversionError('Index was outside the bounds of the array.')
    target[at] = value
  } else throw new ConversionError(`The property '${textOf(name)}' cannot be found on this object.`)
}

type Method = (target: string, args: Value[]) => Value

const text = (args: Value[], index: number): string => textOf(args[index] ?? '')

const ON_STRINGS: Partial<Record<string, Method>> = {
  trim: (target, args) => (args.length === 0 ? target.trim() : trimmed(target, text(args, 0), true, true)),
  trimstart: (target, args) =>
    args.length === 0 ? target.trimStart() : trimmed(target, text(args, 0), true, false),
  trimend: (target, args) =>
    args.length === 0 ? target.trimEnd() : trimmed(target, text(args, 0), false, true),
  tolower: (target) => target.toLowerCase(),
  tolowerinvariant: (target) => target.toLowerCase(),
  toupper: (target) => target.toUpperCase(),
  toupperinvariant: (target) => target.toUpperCase(),
  startswith: (target, args) => target.startsWith(text(args, 0)),
  endswith: (target, args) => target.endsWith(text(args, 0)),
  contains: (target, args) => target.includes(text(args, 0)),
  replace: (target, args) => target.replaceAll(text(args, 0), text(args, 1)),
  split: (target, args) => target.split(text(args, 0)),
  substring: (target, args) => {
    const start = numberOf(args[0] ?? 0)
    const end = args[1] === undefined ? target.length : start + numberOf(args[1])
    if (start < 0 || end > target.length) {
      throw new ConversionError('Index and length must refer to a location within the string.')
    }
    return target.slice(start, end)
  },
  indexof: (target, args) => target.indexOf(text(args, 0)),
  padleft: (target, args) => target.padStart(numberOf(args[0] ?? 0)),
  padright: (target, args) => target.padEnd(numberOf(args[0] ?? 0)),
  equals: (target, args) => target === text(args, 0),
}

function trimmed(target: string, characters: string, start: boolean, end: boolean): string {
  let [from, to] = [0, target.length]
  while (start && from < to && characters.includes(target.charAt(from))) from++
  while (end && to > from && characters.includes(target.charAt(to - 1))) to--
  return target.slice(from, to)
}

/** Calls a method of the list. Throws a ConversionError if it is not in it. */
export function callMethod(target: Value, name: string, args: Value[]): Value {
  const key = name.toLowerCase()
  if (target === null) throw new ConversionError('You cannot call a method on a null-valued expression.')
  if (key === 'tostring') {
    if (target instanceof Date && args.length > 0) return formatDate(target, text(args, 0))
    return textOf(target)
  }
  const onString = typeof target === 'string' ? ON_STRINGS[key] : undefined
  if (typeof target === 'string' && onString) return onString(target, args)
  const done = target instanceof Date ? onDate(target, key, args) : onCollection(target, key, args)
  if (done === undefined) {
    throw new ConversionError(
      `The method ${name} of this value is not in the list of methods that a script may call here.`,
    )
  }
  return done
}

function onDate(target: Date, key: string, args: Value[]): Value | undefined {
  const number = numberOf(args[0] ?? 0)
  const spans: Record<string, number> = {
    adddays: 86_400_000,
    addhours: 3_600_000,
    addminutes: 60_000,
    addseconds: 1000,
  }
  const span = spans[key]
  if (span !== undefined) return new Date(target.getTime() + number * span)
  if (key === 'touniversaltime' || key === 'tolocaltime') return target
  return undefined
}

function onCollection(target: Value, key: string, args: Value[]): Value | undefined {
  const [first = null, second = null] = args
  if (target instanceof Table) {
    if (key === 'containskey' || key === 'contains') return target.has(textOf(first))
    if (key === 'add') {
      if (target.has(textOf(first))) throw new ConversionError(`Item has already been added. Key in dictionary: '${textOf(first)}'  Key being added: '${textOf(first)}'`) // prettier-ignore
      target.set(textOf(first), second)
      return null
    }
    if (key === 'remove') {
      target.delete(textOf(first))
      return null
    }
    if (key === 'getenumerator') {
      return target.entries().map(([name, value]) => new Item('System.Collections.DictionaryEntry', [['Name', name], ['Key', name], ['Value', value]])) // prettier-ignore
    }
  }
  if (target instanceof Item && target.type === 'System.Text.UTF8Encoding') {
    if (key === 'getbytes') return [...Buffer.from(textOf(first))]
    if (key === 'getstring') return Buffer.from(listOf(first).map((one) => numberOf(one))).toString()
  }
  if (Array.isArray(target) && key === 'contains') return target.some((one) => equals(one, first, true))
  if (Array.isArray(target) && key === 'add') throw new ConversionError('Collection was of a fixed size.')
  if (key === 'gettype') return new Item('System.RuntimeType', [['Name', kindOf(target)]], kindOf(target))
  return undefined
}

function kindOf(value: Value): string {
  if (Array.isArray(value)) return 'Object[]'
  if (value instanceof Table) return 'Hashtable'
  if (value instanceof Item) return value.type.split('.').at(-1) ?? value.type
  if (value instanceof Date) return 'DateTime'
  if (value instanceof ScriptBlock) return 'ScriptBlock'
  return typeof value === 'number' ? 'Int32' : typeof value === 'boolean' ? 'Boolean' : 'String'
}

// Cmdlets that choose, change and count the objects of a pipeline.
import type { Call, Cmdlet } from '../cmdlet.ts'
import { CmdletError } from '../errors.ts'
import { property } from '../members.ts'
import { binary } from '../operators.ts'
import { compare, equals, isTrue, Item, listOf, ScriptBlock, Table, textOf } from '../values.ts'
import type { Value } from '../values.ts'

const COMPARISONS = ['EQ', 'NE', 'GT', 'GE', 'LT', 'LE', 'Like', 'NotLike', 'Match', 'NotMatch', 'Contains', 'NotContains', 'In', 'NotIn'] // prettier-ignore

async function where(call: Call): Promise<Value[]> {
  const first = call.value('FilterScript')
  const kept: Value[] = []
  for (const one of call.input) {
    if (first instanceof ScriptBlock) {
      const given = await call.invoke(first, one)
      if (isTrue(given.length === 1 ? (given[0] ?? null) : given)) kept.push(one)
      continue
    }
    const own = property(one, textOf(first)) ?? null
    const operator = COMPARISONS.find((name) => call.has(name))
    const wanted = operator === undefined ? null : call.value(operator)
    const holds = operator === undefined ? isTrue(own) : isTrue(binary(operator.toLowerCase(), own, call.has('Value') ? call.value('Value') : wanted, { matched: () => undefined })) // prettier-ignore
    if (holds) kept.push(one)
  }
  return kept
}

async function forEach(call: Call): Promise<Value[]> {
  const values: Value[] = []
  const process = call.value('Process')
  const begin = call.value('Begin')
  const end = call.value('End')
  if (begin instanceof ScriptBlock) values.push(...(await call.invoke(begin, null)))
  for (const one of call.input) {
    if (process instanceof ScriptBlock) values.push(...(await call.invoke(process, one)))
    else values.push(property(one, textOf(process)) ?? null)
  }
  if (end instanceof ScriptBlock) values.push(...(await call.invoke(end, null)))
  return values
}

async function select(call: Call): Promise<Value[]> {
  let items = call.input
  if (call.flag('Unique'))
    items = items.filter((one, i) => items.findIndex((other) => equals(other, one)) === i)
  const [first, last, skip] = [call.number('First'), call.number('Last'), call.number('Skip')]
  if (skip !== undefined) items = items.slice(skip)
  if (first !== undefined) items = items.slice(0, first)
  if (last !== undefined) items = last === 0 ? [] : items.slice(-last)
  const expand = call.text('ExpandProperty')
  if (expand !== undefined) {
    return items.flatMap((one) => {
      const value = property(one, expand)
      if (value === undefined)
        throw new CmdletError(`Property "${expand}" cannot be found.`, 'PSArgumentException')
      return listOf(value)
    })
  }
  if (!call.has('Property')) return items
  const chosen: Value[] = []
  for (const one of items) chosen.push(await projected(call, one, listOf(call.value('Property'))))
  return chosen
}

async function projected(call: Call, one: Value, wanted: Value[]): Promise<Value> {
  const entries: [string, Value][] = []
  for (const want of wanted) {
    if (want instanceof Table) {
      const name = textOf(want.get('Name') ?? want.get('N') ?? want.get('Label') ?? want.get('L') ?? '')
      const expression = want.get('Expression') ?? want.get('E') ?? null
      const [value = null] = expression instanceof ScriptBlock ? await call.invoke(expression, one) : [property(one, textOf(expression)) ?? null] // prettier-ignore
      entries.push([name, value])
    } else if (textOf(want) === '*' && one instanceof Item) entries.push(...one.entries())
    else entries.push([textOf(want), property(one, textOf(want)) ?? null])
  }
  return new Item('Selected.PSCustomObject', entries)
}

async function sort(call: Call): Promise<Value[]> {
  const keyed: { one: Value; key: Value }[] = []
  const by = call.value('Property')
  for (const one of call.input) {
    const key = by instanceof ScriptBlock ? ((await call.invoke(by, one))[0] ?? null) : by === null ? one : (property(one, textOf(by)) ?? null) // prettier-ignore
    keyed.push({ one, key })
  }
  keyed.sort((a, b) => compare(a.key, b.key))
  if (call.flag('Descending')) keyed.reverse()
  const unique = call.flag('Unique')
  return keyed.filter(({ key }, i) => !unique || i === 0 || !equals(keyed[i - 1]?.key ?? null, key)).map(({ one }) => one) // prettier-ignore
}

/** The cmdlets. */
export const PIPELINE: readonly Cmdlet[] = [
  {
    name: 'Where-Object',
    aliases: ['where', '?'],
    parameters: [
      { name: 'FilterScript', kind: 'any', position: 0, mandatory: true, aliases: ['Property'] },
      { name: 'Value', kind: 'any', position: 1 },
      ...COMPARISONS.map((name) => ({ name, kind: 'any' as const })),
    ],
    run: where,
  },
  {
    name: 'ForEach-Object',
    aliases: ['foreach', '%'],
    parameters: [
      { name: 'Process', kind: 'any', position: 0, mandatory: true, aliases: ['MemberName'] },
      { name: 'Begin', kind: 'block' },
      { name: 'End', kind: 'block' },
    ],
    run: forEach,
  },
  {
    name: 'Select-Object',
    aliases: ['select'],
    parameters: [
      { name: 'Property', kind: 'any', position: 0 },
      { name: 'ExpandProperty', kind: 'string' },
      { name: 'First', kind: 'int' },
      { name: 'Last', kind: 'int' },
      { name: 'Skip', kind: 'int' },
      { name: 'Unique', kind: 'switch' },
    ],
    run: select,
  },
  {
    name: 'Sort-Object',
    aliases: ['sort'],
    parameters: [
      { name: 'Property', kind: 'any', position: 0 },
      { name: 'Descending', kind: 'switch' },
      { name: 'Unique', kind: 'switch' },
    ],
    run: sort,
  },
  {
    name: 'Measure-Object',
    aliases: ['measure'],
    parameters: [],
    run: (call) => [
      new Item('Microsoft.PowerShell.Commands.GenericMeasureInfo', [['Count', call.input.length]]),
    ],
  },
]

// How objects look on the screen: as a list, as a table, or as what they are.
import { Item, ScriptBlock, Table, textOf } from './values.ts'
import type { Value } from './values.ts'

/** A value as it is shown at the end of a pipeline; undefined if nothing is. */
export function display(value: Value): string | undefined {
  if (value === null) return undefined
  if (value instanceof Item && value.text === undefined) return listView(value)
  if (value instanceof Table) return value.entries().map(([name, one]) => `${name.padEnd(30)} ${short(one)}`).join('\n') // prettier-ignore
  if (value instanceof ScriptBlock) return '{ … }'
  if (Array.isArray(value)) return value.map(display).filter((one) => one !== undefined).join('\n') // prettier-ignore
  return textOf(value)
}

/** `Name : value` line by line. */
export function listView(item: Item, names?: readonly string[]): string {
  const shown = picked(item, names)
  const width = Math.max(0, ...shown.map(([name]) => name.length))
  return `\n${shown.map(([name, value]) => `${name.padEnd(width)} : ${short(value)}`).join('\n')}\n`
}

/** A table with a row for each object. */
export function tableView(items: readonly Item[], names?: readonly string[]): string {
  const rows = items.map((item) => picked(item, names))
  const heads = (rows[0] ?? []).map(([name]) => name)
  const cells = [heads, heads.map((name) => '-'.repeat(name.length)), ...rows.map((row) => row.map(([, value]) => short(value)))] // prettier-ignore
  const widths = heads.map((_, column) => Math.max(...cells.map((row) => (row[column] ?? '').length)))
  return `\n${cells.map((row) => row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' ').trimEnd()).join('\n')}\n` // prettier-ignore
}

function picked(item: Item, names?: readonly string[]): [string, Value][] {
  if (!names || names.length === 0 || names.includes('*')) return item.entries()
  return names.map((name) => [item.entries().find(([own]) => own.toLowerCase() === name.toLowerCase())?.[0] ?? name, item.get(name) ?? null]) // prettier-ignore
}

function short(value: Value): string {
  return Array.isArray(value) ? `{${value.map(textOf).join(', ')}}` : textOf(value)
}

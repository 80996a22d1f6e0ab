/**
 * Reads the text of a Postfix lookup table, as postmap(1) describes it: `key whitespace value`, comments, empty lines,
 * continuation lines, quoted keys. Pure: text in, entries and faults out, each with line and column.
 * Unlike postmap it keeps a line whose key is known but whose rest is broken as such: whoever looks it up is told, and
 * does not take the key for absent.
 */

import {
  logicalLines,
  MAX_TABLE_LINE,
  placeIn,
  WHITESPACE,
  type LogicalLine,
  type Piece,
  type Place,
} from './logical-lines.ts'

export { MAX_TABLE_LENGTH, MAX_TABLE_LINE, TableTooLarge } from './logical-lines.ts'

/** Stable codes of what is wrong with a line. */
export type TableFaultCode =
  | 'starts-with-whitespace'
  | 'no-value'
  | 'unbalanced-quote'
  | 'control-character'
  | 'line-too-long'
  | 'duplicate-key'
  | 'alias-format'

/** Something wrong with a line. */
export interface TableFault {
  /** The physical line of the fault, from 1. */
  readonly line: number
  /** Where in its line the fault stands, from 1. */
  readonly column: number
  readonly code: TableFaultCode
  /** The key in look-up form; null when the line has none. */
  readonly key: string | null
  readonly detail: string
}

/** One logical line that has a key. */
export interface TableEntry {
  /** The key as written, without quotes. */
  readonly key: string
  /** The value with continuation lines joined; null when the line is broken and must not be used. */
  readonly value: string | null
  readonly line: number
  /** Where the value begins in the logical line that `pieces` describe. */
  readonly valueStart: number
  readonly pieces: readonly Piece[]
}

/** A table. Keys are folded to lower case, as Postfix does with its indexed files. */
export interface Table {
  /** The first entry of each key; later ones are faults and have no effect. */
  readonly entries: ReadonlyMap<string, TableEntry>
  readonly faults: readonly TableFault[]
}

const CONTROL = /[\u0000-\u0008\u000e-\u001f\u007f]/

/** The look-up form of a key. */
export function foldKey(key: string): string {
  return key.toLowerCase()
}

/**
 * Reads a table. Never throws for a bad line: those are faults.
 * @throws TableTooLarge when the text is longer than {@link MAX_TABLE_LENGTH} characters
 */
export function parseTable(text: string): Table {
  const entries = new Map<string, TableEntry>()
  const faults: TableFault[] = []
  for (const logical of logicalLines(text)) {
    const read = readLine(logical)
    if (read.fault !== null) faults.push(read.fault)
    if (read.entry === null) continue
    const key = foldKey(read.entry.key)
    const earlier = entries.get(key)
    if (earlier === undefined) entries.set(key, read.entry)
    else
      faults.push({
        line: logical.line,
        column: 1,
        key,
        code: 'duplicate-key',
        detail: `line ${earlier.line} has this key and applies`,
      })
  }
  return { entries, faults }
}

/** The place in the text of a character of an entry's value. */
export function placeOfValue(entry: TableEntry, offset: number): Place {
  return placeIn(entry.pieces, entry.valueStart + offset)
}

function readLine({ line, content, pieces }: LogicalLine): {
  entry: TableEntry | null
  fault: TableFault | null
} {
  const fault = (code: TableFaultCode, offset: number, key: string | null, detail: string): TableFault => ({
    ...placeIn(pieces, offset),
    code,
    key,
    detail,
  })
  const nothing = (code: TableFaultCode, detail: string) => ({
    entry: null,
    fault: fault(code, 0, null, detail),
  })
  if (content.length > MAX_TABLE_LINE) return nothing('line-too-long', `over ${MAX_TABLE_LINE} characters`)
  if (WHITESPACE.test(content)) return nothing('starts-with-whitespace', 'it continues no line')
  const end = keyEnd(content)
  if (end < 0) return nothing('unbalanced-quote', 'the quote of the key has no end')
  const key = unquote(content.slice(0, end))
  const rest = content.slice(end)
  const value = rest.trim()
  const valueStart = end + rest.length - rest.trimStart().length
  const entry = { key, value, line, valueStart, pieces }
  const broken = (code: TableFaultCode, offset: number, detail: string) => ({
    entry: { ...entry, value: null },
    fault: fault(code, offset, foldKey(key), detail),
  })
  const control = content.search(CONTROL)
  if (control >= 0) return broken('control-character', control, 'a control character is in the line')
  if (key === '') return nothing('no-value', 'the key is empty')
  if (value === '') return broken('no-value', end, 'expected: key whitespace value')
  if (!key.endsWith(':')) return { entry, fault: null }
  const detail = '"key: value" is the format of an alias file'
  return { entry, fault: fault('alias-format', end - 1, foldKey(key), detail) }
}

/** Where the key ends: the first whitespace outside quotes; -1 when a quote is open. */
function keyEnd(content: string): number {
  let quoted = false
  for (let i = 0; i < content.length; i++) {
    const char = content.charAt(i)
    if (char === '\\') i++
    else if (char === '"') quoted = !quoted
    else if (!quoted && WHITESPACE.test(char)) return i
  }
  return quoted ? -1 : content.length
}

function unquote(key: string): string {
  return key.includes('"') || key.includes('\\') ? key.replace(/\\(.)|"/gs, '$1') : key
}

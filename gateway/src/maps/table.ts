/**
 * Reads the text of a Postfix lookup table, as postmap(1) describes it: `key whitespace value`, comments, empty lines,
 * continuation lines, quoted keys. Pure: text in, entries and faults out, each with its line number.
 * Unlike postmap it keeps a line whose key is known but whose rest is broken as such: whoever looks it up is told, and
 * does not take the key for absent.
 */

/** Characters of one table. A larger text is refused as a whole. */
export const MAX_TABLE_LENGTH = 4_194_304
/** Characters of one logical line. */
export const MAX_TABLE_LINE = 65_536

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
  /** The first physical line of the logical line, from 1. */
  readonly line: number
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
}

/** A table. Keys are folded to lower case, as Postfix does with its indexed files. */
export interface Table {
  /** The first entry of each key; later ones are faults and have no effect. */
  readonly entries: ReadonlyMap<string, TableEntry>
  readonly faults: readonly TableFault[]
}

/** The text is too large to be a table. */
export class TableTooLarge extends Error {
  override readonly name = 'TableTooLarge'
}

const WHITESPACE = /^[\t\v\f\r ]/
const BLANK_OR_COMMENT = /^[\t\v\f\r ]*(?:#|$)/
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
  if (text.length > MAX_TABLE_LENGTH) throw new TableTooLarge(`over ${MAX_TABLE_LENGTH} characters`)
  const entries = new Map<string, TableEntry>()
  const faults: TableFault[] = []
  for (const { line, content } of logicalLines(text)) {
    const read = readLine(content, line)
    if (read.fault !== null) faults.push(read.fault)
    if (read.entry === null) continue
    const key = foldKey(read.entry.key)
    const earlier = entries.get(key)
    if (earlier === undefined) entries.set(key, read.entry)
    else
      faults.push({
        line,
        key,
        code: 'duplicate-key',
        detail: `line ${earlier.line} has this key and applies`,
      })
  }
  return { entries, faults }
}

/** Joins continuation lines. Comments and blank lines do not end a logical line. */
function* logicalLines(text: string): Generator<{ line: number; content: string }> {
  let content = ''
  let first = 0
  for (const [index, raw] of text.split('\n').entries()) {
    if (BLANK_OR_COMMENT.test(raw)) continue
    if (first > 0 && WHITESPACE.test(raw)) {
      // One over the limit is enough to be refused; more would only cost memory.
      if (content.length <= MAX_TABLE_LINE) content += raw
      continue
    }
    if (first > 0) yield { line: first, content }
    first = index + 1
    content = raw
  }
  if (first > 0) yield { line: first, content }
}

function readLine(content: string, line: number): { entry: TableEntry | null; fault: TableFault | null } {
  const nothing = (code: TableFaultCode, detail: string) => ({
    entry: null,
    fault: { line, key: null, code, detail },
  })
  if (content.length > MAX_TABLE_LINE) return nothing('line-too-long', `over ${MAX_TABLE_LINE} characters`)
  if (WHITESPACE.test(content)) return nothing('starts-with-whitespace', 'it continues no line')
  const end = keyEnd(content)
  if (end < 0) return nothing('unbalanced-quote', 'the quote of the key has no end')
  const key = unquote(content.slice(0, end))
  const value = content.slice(end).trim()
  const broken = (code: TableFaultCode, detail: string) => ({
    entry: { key, value: null, line },
    fault: { line, key: foldKey(key), code, detail },
  })
  if (CONTROL.test(content)) return broken('control-character', 'a control character is in the line')
  if (key === '') return nothing('no-value', 'the key is empty')
  if (value === '') return broken('no-value', 'expected: key whitespace value')
  const entry = { key, value, line }
  if (!key.endsWith(':')) return { entry, fault: null }
  return {
    entry,
    fault: {
      line,
      key: foldKey(key),
      code: 'alias-format',
      detail: '"key: value" is the format of an alias file',
    },
  }
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

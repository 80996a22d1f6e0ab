/**
 * YAML (and with it JSON) text as documents that know the line of each field, for exact complaints.
 * Knows nothing of what the fields mean. Anchors and aliases are limited, so that a small file cannot become a large one.
 */
import {
  LineCounter,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  parseAllDocuments,
  type Document,
  type YAMLError,
} from 'yaml'
import { ConfigError } from './problem.ts'

/** Largest text that is read, in characters. */
const LARGEST_TEXT = 64 * 1024 * 1024

/** One document of a file. */
export interface SourceDocument {
  readonly value: unknown
  /** The line of a field, counted from 1; of the nearest part above it when the field is not there. */
  lineOf(path: readonly (string | number)[]): number
  /**
   * The place in the file of a place in a text of several lines, both counted from 1; null when the field is not written
   * as a block (`|`), so that its lines are not those of the file.
   */
  placeOf(
    path: readonly (string | number)[],
    place: { readonly line: number; readonly column: number },
  ): { readonly line: number; readonly column: number } | null
}

/**
 * Reads all documents of a text; empty ones are left out.
 * @param file - the file's name, for complaints
 * @throws ConfigError for a text that is neither YAML nor JSON
 */
export function readSource(text: string, file: string): SourceDocument[] {
  if (text.length > LARGEST_TEXT)
    throw new ConfigError([
      { code: 'document-too-large', file, line: null, field: '', message: 'the text is too large' },
    ])
  const lines = new LineCounter()
  // No excerpts in errors (prettyErrors): they could show a secret.
  const documents = parseAllDocuments(text, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: true,
    version: '1.2',
  })
  const faults = (documents as readonly Document[]).flatMap((document) => document.errors)
  if (faults.length > 0)
    throw new ConfigError(faults.slice(0, 20).map((fault) => syntaxProblem(fault, file, lines)))
  return (documents as readonly Document[])
    .filter((document) => document.contents !== null && !isEmptyScalar(document.contents))
    .map((document) => ({
      value: toValue(document, file, lines),
      lineOf: (path) => lineOf(document, path, lines),
      placeOf: (path, place) => placeOf(document, path, place, { text, lines }),
    }))
}

function isEmptyScalar(node: unknown): boolean {
  return isNode(node) && 'value' in node && node.value === null
}

function syntaxProblem(fault: YAMLError, file: string, lines: LineCounter) {
  const line = lines.linePos(fault.pos[0]).line
  return {
    code: 'document-syntax' as const,
    file,
    line,
    field: '',
    message: SYNTAX[fault.code] ?? `bad syntax, ${fault.code}`,
  }
}

/** Own sentences for what happens most; the parser's own could quote the text. */
const SYNTAX: Readonly<Partial<Record<YAMLError['code'], string>>> = {
  BAD_INDENT: 'the indentation does not fit',
  DUPLICATE_KEY: 'a field is given twice',
  MISSING_CHAR: 'a character is missing, for example a quote, a bracket or a colon',
  MULTILINE_IMPLICIT_KEY: 'a field name goes over several lines: is a colon or a quote missing?',
  TAB_AS_INDENT: 'a tab is used for indentation',
  UNEXPECTED_TOKEN: 'something stands here that does not belong here',
}

function toValue(document: Document, file: string, lines: LineCounter): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 }) as unknown
  } catch (error) {
    const message =
      error instanceof ReferenceError ? 'too many aliases, or an alias without its anchor' : 'cannot be read'
    throw new ConfigError([
      { code: 'document-syntax', file, line: lineOf(document, [], lines), field: '', message },
    ])
  }
}

function lineOf(document: Document, path: readonly (string | number)[], lines: LineCounter): number {
  let node: unknown = document.contents
  let offset = isNode(node) ? (node.range?.[0] ?? 0) : 0
  for (const part of path) {
    if (isMap(node)) {
      const pair = node.items.find((item) => isPair(item) && keyOf(item.key) === String(part))
      if (pair === undefined) break
      if (isNode(pair.key)) offset = pair.key.range?.[0] ?? offset
      node = pair.value
    } else if (isSeq(node)) {
      const item: unknown = node.items[Number(part)]
      if (!isNode(item)) break
      offset = item.range?.[0] ?? offset
      node = item
    } else break
  }
  return lines.linePos(offset).line
}

function placeOf(
  document: Document,
  path: readonly (string | number)[],
  place: { readonly line: number; readonly column: number },
  source: { readonly text: string; readonly lines: LineCounter },
): { line: number; column: number } | null {
  const node = document.getIn(path, true)
  if (!isScalar(node) || node.type !== 'BLOCK_LITERAL' || typeof node.value !== 'string') return null
  const start = node.range?.[0]
  if (start === undefined) return null
  // The text begins in the line behind the bar; what each line is indented by is what is not in the text.
  const line = source.lines.linePos(start).line + place.line
  const begin = source.lines.lineStarts[line - 1]
  if (begin === undefined) return null
  const written = source.text.slice(begin, source.lines.lineStarts[line]).replace(/\r?\n$/, '')
  const read = (node.value.split('\n')[place.line - 1] ?? '').replace(/\r$/, '')
  return written.endsWith(read) ? { line, column: place.column + written.length - read.length } : null
}

function keyOf(key: unknown): string | null {
  return isNode(key) && 'value' in key ? String(key.value) : null
}

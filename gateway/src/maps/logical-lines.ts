/**
 * Splits the text of a table into its logical lines, as postconf(5) and cidr_table(5) describe them: comments and blank
 * lines are skipped, a line that starts with whitespace continues the one before. Knows where each character stood in the
 * text, so that a fault can be shown at its place. Knows nothing of what a line means.
 */

/** Characters of one table. A larger text is refused as a whole. */
export const MAX_TABLE_LENGTH = 4_194_304
/** Characters of one logical line. */
export const MAX_TABLE_LINE = 65_536

/** The text is too large to be a table. */
export class TableTooLarge extends Error {
  override readonly name = 'TableTooLarge'
}

/** A place in the text; both are counted from 1, the column in characters (UTF-16 units). */
export interface Place {
  readonly line: number
  readonly column: number
}

/** A piece of a logical line: one physical line. */
export interface Piece {
  /** Where it starts in the logical line. */
  readonly start: number
  /** Its physical line, from 1. */
  readonly line: number
}

/** One logical line. */
export interface LogicalLine {
  /** The physical line it begins in, from 1. */
  readonly line: number
  /** The physical lines one after the other, line feeds left out. Over {@link MAX_TABLE_LINE} it is cut. */
  readonly content: string
  readonly pieces: readonly Piece[]
}

const BLANK_OR_COMMENT = /^[\t\v\f\r ]*(?:#|$)/

/** Begins with what Postfix takes for whitespace. */
export const WHITESPACE = /^[\t\v\f\r ]/

/** Where a character of a logical line stands in the text. */
export function placeIn(pieces: readonly Piece[], offset: number): Place {
  let found: Piece = { start: 0, line: 1 }
  for (const piece of pieces) if (piece.start <= offset) found = piece
  return { line: found.line, column: offset - found.start + 1 }
}

/**
 * Joins continuation lines. Comments and blank lines do not end a logical line.
 * @throws TableTooLarge when the text is longer than {@link MAX_TABLE_LENGTH} characters
 */
export function* logicalLines(text: string): Generator<LogicalLine> {
  if (text.length > MAX_TABLE_LENGTH) throw new TableTooLarge(`over ${MAX_TABLE_LENGTH} characters`)
  let content = ''
  let pieces: Piece[] = []
  for (const [index, raw] of text.split('\n').entries()) {
    if (BLANK_OR_COMMENT.test(raw)) continue
    const [first] = pieces
    if (first !== undefined && WHITESPACE.test(raw)) {
      // One over the limit is enough to be refused; more would only cost memory.
      if (content.length > MAX_TABLE_LINE) continue
      pieces.push({ start: content.length, line: index + 1 })
      content += raw
      continue
    }
    if (first !== undefined) yield { line: first.line, content, pieces }
    content = raw
    pieces = [{ start: 0, line: index + 1 }]
  }
  const [first] = pieces
  if (first !== undefined) yield { line: first.line, content, pieces }
}

/**
 * Reads CSV of any size as a stream of rows. RFC 4180 2. Also as PowerShell writes it: `;` or a tab between cells, a first line `#TYPE`, a
 * byte order mark. A row with bad quotes or of more than a mebibyte is given as a fault with its line, and the next line is a row again.
 */
import { DirectoryRefused } from './refused.ts'

/** A row, or what is wrong with it. */
export interface CsvRow {
  /** Line on which it begins, from 1. */
  readonly line: number
  readonly cells: readonly string[]
  readonly fault: 'row-too-long' | 'quotes-malformed' | null
}

const LONGEST_ROW = 1_048_576
const QUOTE = 0x22
const LINE_END = 0x0a
const SEPARATORS = [',', ';', '\t'] as const

/**
 * Reads rows; the first is the head.
 * @param chunks - UTF-8
 * @throws DirectoryRefused `not-utf-8`; what the source throws
 */
export async function* readCsv(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<CsvRow> {
  const cutter = new RowCutter()
  for await (const text of decoded(chunks)) yield* rowsOf(cutter, cutter.push(text))
  yield* rowsOf(cutter, cutter.end())
}

async function* decoded(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  try {
    for await (const chunk of chunks) yield decoder.decode(chunk, { stream: true })
    yield decoder.decode()
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    throw new DirectoryRefused('not-utf-8', {})
  }
}

/** A row before it is cut into cells. */
interface RawRow {
  readonly line: number
  readonly text: string
  readonly tooLong: boolean
  readonly open: boolean
}

function* rowsOf(cutter: RowCutter, rows: readonly RawRow[]): Generator<CsvRow> {
  for (const { line, text, tooLong, open } of rows) {
    if (text.trim() === '' && !tooLong) continue
    if (cutter.separator === null) {
      if (text.startsWith('#TYPE')) continue
      cutter.separator = separatorOf(text)
    }
    const cells = tooLong || open ? null : cellsOf(text, cutter.separator)
    if (cells !== null) yield { line, cells, fault: null }
    else yield { line, cells: [], fault: tooLong ? 'row-too-long' : 'quotes-malformed' }
  }
}

/** The one that the head has most of. */
function separatorOf(head: string): string {
  const counts = SEPARATORS.map((separator) => head.split(separator).length)
  return SEPARATORS[counts.indexOf(Math.max(...counts))] ?? ','
}

/** The cells of a row; null when its quotes are bad. */
function cellsOf(text: string, separator: string): string[] | null {
  const cells: string[] = []
  for (let at = 0; ;) {
    if (text[at] === '"') {
      let end = text.indexOf('"', at + 1)
      while (end >= 0 && text[end + 1] === '"') end = text.indexOf('"', end + 2)
      if (end < 0 || (end + 1 < text.length && text[end + 1] !== separator)) return null
      cells.push(text.slice(at + 1, end).replaceAll('""', '"'))
      at = end + 1
    } else {
      const next = text.indexOf(separator, at)
      const cell = text.slice(at, next < 0 ? text.length : next)
      if (cell.includes('"')) return null
      cells.push(cell)
      at += cell.length
    }
    if (at >= text.length) return cells
    at += 1
    if (at === text.length) return [...cells, '']
  }
}

/** Cuts text into rows: at each end of a line that stands in no quotes. */
class RowCutter {
  separator: string | null = null
  #rest = ''
  /** Where in the rest to go on looking. */
  #at = 0
  #quoted = false
  /** The character before. */
  #before = LINE_END
  #line = 1
  #began = 1
  #tooLong = false

  push(text: string): RawRow[] {
    this.#rest += text
    const rows: RawRow[] = []
    let start = 0
    for (; this.#at < this.#rest.length; this.#at += 1) {
      const code = this.#rest.charCodeAt(this.#at)
      if (code === QUOTE && (this.#quoted || this.#opens())) this.#quoted = !this.#quoted
      this.#before = code
      const ends = code === LINE_END
      if (ends) this.#line += 1
      if (this.#at - start > LONGEST_ROW) {
        // A quote that nobody closes would take the rest of the file: the next line is a row again.
        this.#tooLong = true
        this.#quoted = false
        start = this.#at
      }
      if (!ends || this.#quoted) continue
      rows.push(this.#row(this.#rest.slice(start, this.#at), false))
      start = this.#at + 1
    }
    this.#rest = this.#rest.slice(start)
    this.#at -= start
    return rows
  }

  /** A quote opens a cell at its start only, or goes on with one that it doubles in. */
  #opens(): boolean {
    const before = this.#before
    if (before === QUOTE || before === LINE_END) return true
    const character = String.fromCharCode(before)
    return this.separator === null
      ? SEPARATORS.some((one) => one === character)
      : this.separator === character
  }

  end(): RawRow[] {
    return this.#rest === '' && !this.#tooLong ? [] : [this.#row(this.#rest, this.#quoted)]
  }

  #row(text: string, open: boolean): RawRow {
    const row = { line: this.#began, text: text.endsWith('\r') ? text.slice(0, -1) : text, open }
    const tooLong = this.#tooLong
    this.#began = this.#line
    this.#tooLong = false
    return { ...row, tooLong }
  }
}

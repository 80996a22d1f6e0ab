/**
 * Reads and asks a table in the syntax of cidr_table(5): address patterns with `!`, blocks of `if` and `endif`, the first line
 * that matches applies. Pure. A line that Postfix skips has no effect here either, and is a fault; lines that no address
 * ever reaches are found.
 */
import type { MapFinding, MapFindingCode } from './finding.ts'
import { readNetwork, contains, isApart, parseIp, type Network } from './ip-network.ts'
import { logicalLines, MAX_TABLE_LINE, placeIn, WHITESPACE, type LogicalLine } from './logical-lines.ts'

/** A line that answers. */
export interface CidrEntry {
  /** The first physical line of the logical line, from 1. */
  readonly line: number
  /** The pattern as written, without `!`. */
  readonly pattern: string
  readonly value: string
  /** Where the value stands. */
  readonly valueAt: { readonly line: number; readonly column: number }
}

interface Condition {
  readonly network: Network
  /** false after `!`. */
  readonly wanted: boolean
}

type Rule =
  | ({ readonly kind: 'match'; readonly entry: CidrEntry; readonly blocks: readonly IfRule[] } & Condition)
  | IfRule
  | { readonly kind: 'endif' }
type IfRule = {
  readonly kind: 'if'
  readonly place: { line: number; column: number }
  end: number | null
} & Condition

/** A table of address patterns. */
export interface CidrTable {
  readonly entries: readonly CidrEntry[]
  /** In the order of the lines. */
  readonly findings: readonly MapFinding[]
  /** The first line that matches an address; null when none does, or the text is no address. */
  find(address: string): CidrEntry | null
}

/**
 * Reads a table. Never throws for a bad line: those are findings.
 * @throws TableTooLarge
 */
export function parseCidrTable(text: string): CidrTable {
  const reader = new Reader()
  for (const line of logicalLines(text)) reader.take(line)
  reader.finish()
  const { rules, findings } = reader
  return {
    entries: rules.flatMap((rule) => (rule.kind === 'match' ? [rule.entry] : [])),
    findings: findings.toSorted((a, b) => a.line - b.line || a.column - b.column),
    find: (address) => {
      const ip = parseIp(address)
      return ip === null ? null : firstMatch(rules, ip)
    },
  }
}

function meets(condition: Condition, ip: Network): boolean {
  // An address of the other family matches nothing, not even what is negated.
  return condition.network.bits === ip.bits && contains(condition.network, ip) === condition.wanted
}

function firstMatch(rules: readonly Rule[], ip: Network): CidrEntry | null {
  for (let i = 0; i < rules.length; i++) {
    const rule = rules[i]
    if (rule === undefined || rule.kind === 'endif') continue
    if (rule.kind === 'match') {
      if (meets(rule, ip)) return rule.entry
    } else if (!meets(rule, ip)) {
      // As in Postfix: an open block reaches to the end of the table.
      if (rule.end === null) return null
      i = rule.end
    }
  }
  return null
}

class Reader {
  readonly rules: Rule[] = []
  readonly findings: MapFinding[] = []
  readonly #open: IfRule[] = []
  /** Lines without `!`, by their network, to find those behind them. */
  readonly #plain = new Map<string, { readonly line: number; readonly blocks: readonly IfRule[] }[]>()

  take(logical: LogicalLine): void {
    const { content } = logical
    if (content.length > MAX_TABLE_LINE)
      this.#fault(logical, 0, 'line-too-long', `over ${MAX_TABLE_LINE} characters`)
    else if (WHITESPACE.test(content))
      this.#fault(logical, 0, 'starts-with-whitespace', 'it continues no line')
    else if (/^if(?![a-z0-9])/i.test(content)) this.#if(logical)
    else if (/^endif(?![a-z0-9])/i.test(content)) this.#endif(logical)
    else this.#match(logical)
  }

  finish(): void {
    for (const { place } of this.#open) {
      const detail = 'the block is never closed: it reaches to the end of the table'
      this.findings.push({ code: 'if-without-endif', severity: 'error', ...place, detail })
    }
  }

  #fault(
    { pieces }: LogicalLine,
    offset: number,
    code: MapFindingCode,
    detail: string,
    severity: MapFinding['severity'] = 'error',
  ): void {
    this.findings.push({ code, severity, ...placeIn(pieces, offset), detail })
  }

  #if(logical: LogicalLine): void {
    const { content, pieces } = logical
    const { start, wanted } = afterNegation(content, 2)
    const pattern = content.slice(start).trimEnd()
    const condition = this.#condition(logical, pattern, start, wanted)
    if (condition === null) return
    const rule: IfRule = { kind: 'if', ...condition, place: placeIn(pieces, 0), end: null }
    this.rules.push(rule)
    this.#open.push(rule)
  }

  #endif(logical: LogicalLine): void {
    const { content } = logical
    const rest = content.slice(5)
    if (rest.trim() !== '')
      this.#fault(
        logical,
        content.length - rest.trimStart().length,
        'text-after-endif',
        'nothing may stand after endif',
      )
    else {
      const opened = this.#open.pop()
      if (opened === undefined) this.#fault(logical, 0, 'endif-without-if', 'no block is open')
      else {
        opened.end = this.rules.length
        this.rules.push({ kind: 'endif' })
      }
    }
  }

  #match(logical: LogicalLine): void {
    const { content, line, pieces } = logical
    const { start, wanted } = afterNegation(content, 0)
    const [pattern = ''] = /^(?:\[[^\]]*\]?)?\S*/.exec(content.slice(start)) ?? []
    const rest = content.slice(start + pattern.length)
    const value = rest.trim()
    if (pattern !== '' && value === '') {
      this.#fault(logical, content.trimEnd().length, 'no-value', 'expected: pattern whitespace result')
      return
    }
    const condition = this.#condition(logical, pattern, start, wanted)
    if (condition === null) return
    const valueStart = start + pattern.length + rest.length - rest.trimStart().length
    const entry = { line, pattern, value, valueAt: placeIn(pieces, valueStart) }
    const blocks = [...this.#open]
    this.#noteUnreachable(logical, condition, blocks)
    this.rules.push({ kind: 'match', ...condition, entry, blocks })
  }

  #condition(logical: LogicalLine, pattern: string, at: number, wanted: boolean): Condition | null {
    if (pattern === '') {
      this.#fault(logical, at, 'bad-pattern', 'no address pattern')
      return null
    }
    const network = readNetwork(pattern)
    if ('bits' in network) return { network, wanted }
    this.#fault(logical, at, network.fault, network.detail)
    return null
  }

  /** Is there an earlier line, in a block around this one, that takes all its addresses? */
  #noteUnreachable(logical: LogicalLine, { network, wanted }: Condition, blocks: readonly IfRule[]): void {
    if (!wanted) return
    const outside = blocks.find(
      (block) =>
        block.network.bits !== network.bits ||
        (block.wanted ? isApart(block.network, network) : contains(block.network, network)),
    )
    if (outside !== undefined) {
      const detail = `the block of line ${outside.place.line} lets none of these addresses in`
      this.#fault(logical, 0, 'unreachable', detail, 'warning')
      return
    }
    for (let prefix = network.prefix; prefix >= 0; prefix--) {
      const earlier = this.#plain
        .get(plainKey(network, prefix))
        ?.find((candidate) => candidate.blocks.every((block, depth) => blocks[depth] === block))
      if (earlier === undefined) continue
      this.#fault(logical, 0, 'unreachable', `line ${earlier.line} takes all these addresses`, 'warning')
      break
    }
    const key = plainKey(network, network.prefix)
    const known = this.#plain.get(key)
    if (known === undefined) this.#plain.set(key, [{ line: logical.line, blocks }])
    else if (known.length < MAX_SAME) known.push({ line: logical.line, blocks })
  }
}

/** Lines of one network in different blocks that are compared. */
const MAX_SAME = 16

function plainKey({ bits, value }: Network, prefix: number): string {
  return `${bits} ${prefix} ${value >> BigInt(bits - prefix)}`
}

/** Skips `!` and whitespace. */
function afterNegation(content: string, from: number): { start: number; wanted: boolean } {
  let start = from
  let wanted = true
  for (; start < content.length; start++) {
    const char = content.charAt(start)
    if (char === '!') wanted = !wanted
    else if (!WHITESPACE.test(char)) break
  }
  return { start, wanted }
}

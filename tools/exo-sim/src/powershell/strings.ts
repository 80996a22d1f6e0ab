// Strings of all kinds and variables: what may stand inside double quotes.
import type { Expression, Statement, VariableExpression } from './ast.ts'
import { Cursor } from './cursor.ts'

const ESCAPES: Record<string, string> = {
  n: '\n',
  t: '\t',
  r: '\r',
  '0': '\0',
  a: '\u0007',
  b: '\b',
  f: '\f',
  v: '\v',
  e: '\u001B',
  '\n': '',
}

/** Reads strings. */
export abstract class StringParser extends Cursor {
  /** Statements up to the closing text, which is passed over. */
  protected abstract statementsUntil(close: string): Statement[]

  /** `'…'`, `"…"` or a here-string; undefined if none stands here. */
  protected string(): Expression | undefined {
    if (this.looking(/@['"][ \t]*\n/y)) return this.hereString()
    if (this.peek() === "'") return this.singleQuoted()
    if (this.peek() === '"') return this.doubleQuoted()
    return undefined
  }

  /** `$name`, `${name}`, `$scope:name`; the dollar stands here. Undefined if it begins no variable. */
  protected variable(): VariableExpression | undefined {
    const start = this.at
    const at = this.position()
    const found =
      this.match(/\$\{(?:(global|script|local|private|env):)?([^}:\n]+)\}/iy) ??
      this.match(/\$(?:(global|script|local|private|env|using):)?([A-Za-z0-9_]+|[?$^])/iy)
    if (!found) return undefined
    if (found[1]?.toLowerCase() === 'using') this.fail('The scope using: is not supported here.', start)
    return { kind: 'variable', scope: found[1]?.toLowerCase(), name: found[2] ?? '', at }
  }

  private singleQuoted(): Expression {
    const start = this.at
    const found = this.match(/'((?:[^']|'')*)'/y)
    if (!found) this.fail("The string is missing the terminator: '.", start)
    return { kind: 'literal', value: (found[1] ?? '').replaceAll("''", "'") }
  }

  private doubleQuoted(): Expression {
    const start = this.at
    this.at++
    const parts = this.expandable(() => {
      if (this.ended) this.fail('The string is missing the terminator: ".', start)
      if (this.peek() !== '"') return undefined
      if (this.peek(1) === '"') {
        this.at += 2
        return '"'
      }
      this.at++
      return null
    })
    return joined(parts)
  }

  private hereString(): Expression {
    const start = this.at
    const quote = this.peek(1)
    this.match(/@['"][ \t]*\n/y)
    const end = `\n${quote}@`
    if (quote === "'") {
      // An empty here-string ends on the line after the first.
      const close = this.text.indexOf(end, this.at - 1)
      if (close < 0) this.fail("The string is missing the terminator: '@.", start)
      const value = this.text.slice(this.at, Math.max(close, this.at))
      this.at = close + end.length
      return { kind: 'literal', value }
    }
    if (this.text.startsWith(end, this.at - 1)) {
      this.at += 2
      return { kind: 'literal', value: '' }
    }
    const parts = this.expandable(() => {
      if (this.ended) this.fail('The string is missing the terminator: "@.', start)
      return this.eat(end) ? null : undefined
    })
    return joined(parts)
  }

  /** Parts up to the end. `stop` gives null at the end (passed over), a text to take, or undefined to go on. */
  private expandable(stop: () => string | null | undefined): (string | Expression)[] {
    const parts: (string | Expression)[] = []
    let literal = ''
    for (;;) {
      const stopped = stop()
      if (stopped === null) break
      if (stopped !== undefined) {
        literal += stopped
        continue
      }
      const part = this.peek() === '$' ? this.embedded() : undefined
      if (part) {
        if (literal !== '') parts.push(literal)
        literal = ''
        parts.push(part)
      } else literal += this.character()
    }
    if (literal !== '') parts.push(literal)
    return parts
  }

  /** One character, an escape resolved. */
  protected character(): string {
    const here = this.peek()
    this.at++
    if (here !== '`') return here
    const next = this.peek()
    this.at++
    return ESCAPES[next] ?? next
  }

  /** A variable or `$( … )` in a string. */
  protected embedded(): Expression | undefined {
    if (this.peek(1) === '(') {
      this.at += 2
      return { kind: 'sub', statements: this.statementsUntil(')') }
    }
    const start = this.at
    const found = this.variable()
    if (found && this.text[start + 1] !== '{' && this.peek() === ':' && this.peek(1) !== ':') {
      this.fail(
        "Variable reference is not valid. ':' was not followed by a valid variable name character. Consider using ${} to delimit the name.",
        start,
      )
    }
    return found
  }
}

/** A string of parts as an expression. */
export function joined(parts: (string | Expression)[]): Expression {
  if (parts.every((part) => typeof part === 'string')) return { kind: 'literal', value: parts.join('') }
  return { kind: 'expandable', parts }
}

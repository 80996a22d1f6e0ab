// Expressions with the precedence of PowerShell: logical, comparison, sum, product, format, range, list, unary, member.
import type { Block, Expression, Statement } from './ast.ts'
import { StringParser } from './strings.ts'

const LOGICAL = /-(and|or|xor)(?![\w-])/iy
const COMPARISON =
  /-((?:[ci])?(?:eq|ne|gt|ge|lt|le|like|notlike|match|notmatch|contains|notcontains|in|notin|replace|split)|is|isnot|as|join)(?![\w-])/iy
const FORMAT = /-(f)(?![\w-])/iy
const UNARY = /(-not(?!\w)|-join(?!\w)|-split(?!\w)|!|\+\+|--|-(?=[\d.($@])|\+(?=[\d.($@]))/iy
const NUMBER = /(0x[0-9a-f]+|\d+(?:\.\d+)?(?:e[+-]?\d+)?|\.\d+)(kb|mb|gb|tb)?(?!\w|\.(?!\.))/iy
const UNITS: Record<string, number> = { kb: 1024, mb: 1024 ** 2, gb: 1024 ** 3, tb: 1024 ** 4 }

/** Reads expressions. */
export abstract class ExpressionParser extends StringParser {
  /** `{ … }` with its parameters; the brace stands here. */
  protected abstract block(): Block
  /** One statement, or undefined if none stands here. */
  protected abstract statement(): Statement | undefined

  protected expression(): Expression {
    return this.levels(() => this.list())
  }

  /** All binary operators over what `item` reads. */
  private levels(item: () => Expression): Expression {
    const range = (): Expression => this.binary(/(\.\.)/y, item)
    const format = (): Expression => this.binary(FORMAT, range)
    const product = (): Expression => this.binary(/([*/%])(?!=)/y, format)
    const sum = (): Expression => this.binary(/(\+|-(?![A-Za-z]))(?![=+-])/y, product)
    const comparison = (): Expression => this.binary(COMPARISON, sum)
    return this.binary(LOGICAL, comparison)
  }

  /** An operator of the kind, passed over together with line ends behind it; lower case. */
  private operator(pattern: RegExp): string | undefined {
    const start = this.at
    this.skipBlanks()
    const found = this.match(pattern)
    if (!found) {
      this.at = start
      return undefined
    }
    this.skipLines()
    return (found[1] ?? found[0]).toLowerCase()
  }

  private binary(pattern: RegExp, next: () => Expression): Expression {
    let left = next()
    for (;;) {
      this.skipBlanks()
      const at = this.position()
      const operator = this.operator(pattern)
      if (operator === undefined) return left
      left = { kind: 'binary', operator, left, right: next(), at }
    }
  }

  /** `a, b, c`; one item stays what it is. */
  private list(): Expression {
    this.skipBlanks()
    if (this.peek() === ',') {
      this.at++
      return { kind: 'list', items: [this.unary()] }
    }
    const items = [this.unary()]
    for (;;) {
      const start = this.at
      this.skipBlanks()
      if (!this.eat(',')) {
        this.at = start
        break
      }
      this.skipLines()
      items.push(this.unary())
    }
    const [first] = items
    return items.length === 1 && first ? first : { kind: 'list', items }
  }

  private unary(): Expression {
    this.skipBlanks()
    const at = this.position()
    const found = this.match(UNARY)
    if (found) {
      this.skipBlanks()
      return { kind: 'unary', operator: found[0].toLowerCase(), operand: this.unary(), at }
    }
    return this.postfix(this.primary())
  }

  /** A value by itself, without operators: what may be an argument. */
  protected primary(): Expression {
    const start = this.at
    const string = this.string()
    if (string) return string
    const number = this.match(NUMBER)
    if (number)
      return { kind: 'literal', value: Number(number[1]) * (UNITS[number[2]?.toLowerCase() ?? ''] ?? 1) }
    if (this.eat('$(')) return { kind: 'sub', statements: this.statementsUntil(')') }
    if (this.eat('@(')) return { kind: 'array', statements: this.statementsUntil(')') }
    if (this.eat('@{')) return this.hashtable()
    if (this.peek() === '$')
      return this.constant() ?? this.variable() ?? this.fail('A variable name is missing.')
    if (this.eat('(')) return this.group(start)
    if (this.peek() === '{') return { kind: 'block', block: this.block() }
    if (this.peek() === '[') return this.typed()
    if (this.ended) this.fail('An expression is missing at the end of the script.')
    return this.fail(
      `Unexpected token '${this.looking(/\S+/y)?.[0] ?? this.peek()}' in expression or statement.`,
    )
  }

  private constant(): Expression | undefined {
    const found = this.match(/\$(true|false|null)(?!\w)/iy)?.[1]?.toLowerCase()
    if (found === undefined) return undefined
    return { kind: 'literal', value: found === 'null' ? null : found === 'true' }
  }

  private group(start: number): Expression {
    this.skipLines()
    const statement = this.statement()
    if (!statement) this.fail("An expression was expected after '('.", start)
    this.skipLines()
    this.expect(')', 'in expression')
    return { kind: 'group', statement }
  }

  private hashtable(): Expression {
    const entries: { key: Expression; value: Statement }[] = []
    const start = this.at - 2
    for (;;) {
      this.skipTerminators()
      if (this.eat('}')) return { kind: 'hashtable', entries }
      if (this.ended) this.fail("The hash literal was incomplete: '}' is missing.", start)
      const bare = this.match(/[A-Za-z_][\w-]*/y)
      const key: Expression = bare ? { kind: 'literal', value: bare[0] } : this.postfix(this.primary())
      this.skipBlanks()
      this.expect('=', 'after key in hash literal')
      this.skipLines()
      const value = this.statement()
      if (!value) this.fail('Missing statement after "=" in hash literal.')
      entries.push({ key, value })
      this.skipBlanks()
      if (!['\n', ';', '}', ''].includes(this.peek())) this.fail('The hash literal was incomplete.')
    }
  }

  private typed(): Expression {
    const at = this.position()
    const found = this.match(/\[\s*([A-Za-z][\w.]*(?:\[\])?)\s*\]/y)
    const name = found?.[1]
    if (name === undefined) return this.fail('Missing type name after "[".')
    if (this.looking(/::/y)) return { kind: 'type', name, at }
    const start = this.at
    this.skipBlanks()
    if (this.looking(/[$@('"[{\d-]/y)) return { kind: 'cast', type: name, operand: this.unary(), at }
    this.at = start
    return { kind: 'type', name, at }
  }

  /** Members, calls, indices behind a value. */
  protected postfix(target: Expression): Expression {
    let result = target
    for (;;) {
      const at = this.position()
      if (this.looking(/\.(?=[A-Za-z_$'"(])/y) || this.looking(/::(?=[A-Za-z_])/y)) {
        const fixed = this.eat('::')
        if (!fixed) this.at++
        result = this.member(result, fixed)
      } else if (this.peek() === '[') {
        this.at++
        this.skipLines()
        const index = this.expression()
        this.skipLines()
        this.expect(']', 'after array index expression')
        result = { kind: 'index', target: result, index, at }
      } else if (this.looking(/(\+\+|--)/y)) {
        const operator = this.match(/(\+\+|--)/y)?.[0] ?? ''
        result = { kind: 'unary', operator: `post${operator}`, operand: result, at }
      } else return result
    }
  }

  private member(target: Expression, fixed: boolean): Expression {
    const at = this.position()
    const name = this.match(/[A-Za-z_]\w*/y)?.[0]
    if (name === undefined) return { kind: 'member', target, name: this.primary(), fixed, at }
    if (!this.eat('(')) return { kind: 'member', target, name: { kind: 'literal', value: name }, fixed, at }
    const args: Expression[] = []
    this.skipLines()
    while (!this.eat(')')) {
      if (args.length > 0) {
        this.expect(',', 'or ) in argument list')
        this.skipLines()
      }
      // A comma parts arguments here, it makes no list.
      args.push(this.levels(() => this.unary()))
      this.skipLines()
    }
    return { kind: 'call', target, name, args, fixed, at }
  }
}

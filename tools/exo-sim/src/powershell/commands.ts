// Pipelines: commands with their arguments, and expressions between bars.
import type { Argument, Command, Expression, Stage, Statement } from './ast.ts'
import { ExpressionParser } from './expressions.ts'
import { joined } from './strings.ts'

const COMMAND_NAME = /[?%](?=\s)|[A-Za-z_][\w\\-]*(?:\.[\w-]+)*/y
const WORD_END = /[\s;|&(){}'",]/
const DANGEROUS = new Set([
  'invoke-expression',
  'iex',
  'add-type',
  'new-object',
  'invoke-command',
  'start-process',
])

/** Reads pipelines. */
export abstract class CommandParser extends ExpressionParser {
  /** A pipeline, or the beginning of an assignment. */
  protected pipeline(): Statement {
    const at = this.position()
    const first = this.stage()
    if (first.kind === 'expression') {
      const assignment = this.assignment(first.expression)
      if (assignment) return { ...assignment, at }
    }
    const stages = [first]
    for (;;) {
      this.skipBlanks()
      if (this.looking(/\|\||&&/y))
        this.fail('The operators && and || are not supported here (nor by Windows PowerShell).')
      if (!this.eat('|')) return { kind: 'pipeline', stages, at }
      this.skipLines()
      const next = this.stage()
      if (next.kind === 'expression')
        this.fail('Expressions are only allowed as the first element of a pipeline.')
      stages.push(next)
    }
  }

  private assignment(target: Expression): Omit<Extract<Statement, { kind: 'assign' }>, 'at'> | undefined {
    this.skipBlanks()
    const found = this.match(/(?:[+\-*/%]?=)(?!=)/y)
    if (!found) return undefined
    const assignable = target.kind === 'cast' ? target.operand : target
    const discarded = target.kind === 'literal' && target.value === null
    if (!discarded && !['variable', 'member', 'index'].includes(assignable.kind))
      this.fail('This expression cannot be assigned to.')
    this.skipLines()
    const value = this.statement()
    if (!value) this.fail("You must provide a value expression following the '=' operator.")
    return { kind: 'assign', target, operator: found[0], value }
  }

  private stage(): Stage {
    this.skipBlanks()
    const at = this.position()
    if (this.eat('&')) {
      this.skipBlanks()
      const called = this.postfix(this.primary())
      if (called.kind === 'literal' || called.kind === 'expandable') {
        this.fail('Calling a command by a text is dynamic code, which is refused here.')
      }
      return this.command(called, at)
    }
    if (this.looking(/\.[\s'"$\\/]/y)) this.fail('Dot sourcing is refused here.')
    const name = this.match(COMMAND_NAME)?.[0]
    if (name === undefined) return { kind: 'expression', expression: this.expression(), at }
    if (DANGEROUS.has(name.toLowerCase())) this.fail(`${name} is dynamic code, which is refused here.`)
    return this.command(name, at)
  }

  private command(name: string | Expression, at: Command['at']): Command {
    const command: Command = { kind: 'command', name, args: [], silenced: [], at }
    for (;;) {
      this.skipBlanks()
      if (this.ended || /[\n;|)}]/.test(this.peek()) || this.looking(/&&/y)) return command
      if (this.redirection(command)) continue
      command.args.push(this.argument())
    }
  }

  private redirection(command: Command): boolean {
    const found = this.looking(/([*\d]?)>>?(&1)?/y)
    if (!found) return false
    const target = this.looking(/([*\d]?)>>?[ \t]*\$null/iy)
    if (!target && found[2] === undefined) this.fail('Redirection goes to $null only; use Out-File.')
    this.at += (target ?? found)[0].length
    if (target) command.silenced.push(found[1] === '*' ? 'all' : found[1] === '2' ? 'errors' : 'output')
    return true
  }

  private argument(): Argument {
    const at = this.position()
    const name = this.match(/-([A-Za-z_?][\w]*)/y)?.[1]
    if (name !== undefined) {
      if (!this.eat(':')) return { kind: 'parameter', name, value: undefined, at }
      this.skipBlanks()
      return { kind: 'parameter', name, value: this.argumentValue(), at }
    }
    const splat = this.match(/@([A-Za-z_]\w*)/y)?.[1]
    if (splat !== undefined) return { kind: 'splat', name: splat, at }
    return { kind: 'value', value: this.argumentValue(), at }
  }

  /** One value, or several with commas between. */
  private argumentValue(): Expression {
    const items = [this.argumentItem()]
    for (;;) {
      const start = this.at
      this.skipBlanks()
      if (!this.eat(',')) {
        this.at = start
        break
      }
      this.skipLines()
      items.push(this.argumentItem())
    }
    const [first] = items
    return items.length === 1 && first ? first : { kind: 'list', items }
  }

  private argumentItem(): Expression {
    if (this.looking(/['"({]|@[({'"]|\$[\w({?^$]/y)) {
      const value = this.postfix(this.primary())
      if (!this.ended && !WORD_END.test(this.peek())) {
        // `$name.contoso.com` and the like: PowerShell would read it otherwise than the author means.
        this.fail('A value goes on here without a blank; put it in double quotes.')
      }
      return value
    }
    return this.bareWord()
  }

  private bareWord(): Expression {
    const parts: (string | Expression)[] = []
    let literal = ''
    const start = this.at
    while (!this.ended && !WORD_END.test(this.peek())) {
      const part = this.peek() === '$' ? this.embedded() : undefined
      if (part) {
        parts.push(literal, part)
        literal = ''
      } else literal += this.character()
    }
    if (this.at === start) this.fail(`Unexpected token '${this.peek()}' in argument.`)
    if (parts.length === 0 && /^-?(0|[1-9]\d{0,14})$/.test(literal))
      return { kind: 'literal', value: Number(literal) }
    if (literal !== '') parts.push(literal)
    return joined(parts.filter((part) => part !== ''))
  }
}

// Statements: what a script, a function and a block are made of. `parseScript` is the door.
import type { Block, ParameterDeclaration, Statement, SwitchCase } from './ast.ts'
import { CommandParser } from './commands.ts'

/** Reads a script. Throws a ScriptError that says line and column. */
export function parseScript(text: string): Block {
  return new Parser(text).script()
}

const KEYWORD =
  /(if|foreach|while|for|do|switch|try|throw|return|exit|break|continue|function|param|filter|class|enum|trap|data|begin|process|end|using|workflow)(?![\w-])/iy

class Parser extends CommandParser {
  script(): Block {
    const block = this.body('')
    return block
  }

  protected block(): Block {
    this.expect('{', 'in statement block')
    return this.body('}')
  }

  protected statementsUntil(close: string): Statement[] {
    const statements: Statement[] = []
    const start = this.at
    for (;;) {
      this.skipTerminators()
      if (close !== '' && this.eat(close)) return statements
      if (this.ended) {
        if (close === '') return statements
        this.fail(`Missing closing '${close}'.`, Math.max(0, start - 1))
      }
      const statement = this.statement()
      if (!statement) this.fail(`Unexpected token '${this.peek()}' in expression or statement.`)
      statements.push(statement)
      this.skipBlanks()
      if (!['', '\n', ';', '}', ')'].includes(this.peek())) {
        this.fail(`Unexpected token '${this.looking(/\S+/y)?.[0] ?? ''}' in expression or statement.`)
      }
    }
  }

  protected statement(): Statement | undefined {
    this.skipBlanks()
    if (this.ended || [')', '}', '|', ';'].includes(this.peek())) return undefined
    const at = this.position()
    const start = this.at
    const keyword = this.match(KEYWORD)?.[1]?.toLowerCase()
    if (keyword === undefined) return this.pipeline()
    this.skipBlanks()
    switch (keyword) {
      case 'if':
        return { ...this.ifStatement(), at }
      case 'foreach':
        return { ...this.forEach(), at }
      case 'while':
        return { kind: 'while', condition: this.condition(), body: this.braces(), after: false, until: false, step: undefined, at } // prettier-ignore
      case 'for':
        return { ...this.forStatement(at), at }
      case 'do':
        return { ...this.doStatement(), at }
      case 'switch':
        return { ...this.switchStatement(), at }
      case 'try':
        return { ...this.tryStatement(), at }
      case 'function':
        return { ...this.functionStatement(), at }
      case 'throw':
      case 'return':
      case 'exit':
        return { kind: keyword, value: this.peek() === '\n' ? undefined : this.statement(), at }
      case 'break':
      case 'continue':
        return { kind: keyword, at }
      case 'param':
        return this.fail('param is only allowed at the beginning of a script, function or block.', start)
      default:
        return this.fail(`The keyword ${keyword} is not supported here.`, start)
    }
  }

  private body(close: string): Block {
    const block: Block = { parameters: [], shouldProcess: false, statements: [] }
    this.skipTerminators()
    const start = this.at
    while (this.looking(/\[\s*[A-Za-z.]+\s*\(/y)) {
      const attribute = this.attribute()
      block.shouldProcess ||= /SupportsShouldProcess(?!\s*=\s*\$false)/i.test(attribute)
      this.skipTerminators()
    }
    if (this.match(/param(?![\w-])/iy)) {
      this.skipBlanks()
      this.expect('(', "after 'param'")
      block.parameters = this.parameters()
    } else this.at = start
    block.statements = this.statementsUntil(close)
    return block
  }

  /** `[Name( … )]`; its text. */
  private attribute(): string {
    const start = this.at
    this.match(/\[\s*[A-Za-z.]+\s*\(/y)
    let depth = 1
    while (depth > 0) {
      if (this.ended) this.fail('The attribute is not closed.', start)
      const string = this.string()
      if (string) continue
      if (this.peek() === '(') depth++
      if (this.peek() === ')') depth--
      this.at++
    }
    this.skipLines()
    this.expect(']', 'at the end of the attribute')
    return this.text.slice(start, this.at)
  }

  private parameters(): ParameterDeclaration[] {
    const list: ParameterDeclaration[] = []
    for (;;) {
      this.skipLines()
      if (this.eat(')')) return list
      if (list.length > 0) {
        this.expect(',', 'or ) in the parameter list')
        this.skipLines()
      }
      list.push(this.parameter())
    }
  }

  private parameter(): ParameterDeclaration {
    const made: ParameterDeclaration = { name: '', type: undefined, mandatory: false, valid: undefined, initial: undefined } // prettier-ignore
    for (;;) {
      this.skipLines()
      if (this.peek() !== '[') break
      const type = this.match(/\[\s*([A-Za-z][\w.]*(?:\[\])?)\s*\]/y)?.[1]
      if (type !== undefined) {
        made.type = type.toLowerCase()
        continue
      }
      const attribute = this.attribute()
      const known =
        /^\[\s*(Parameter|ValidateSet|ValidateNotNullOrEmpty|ValidateNotNull|AllowNull|AllowEmptyString|AllowEmptyCollection)\s*\(/i
      if (!known.test(attribute)) this.fail(`The attribute ${attribute} is not supported here.`)
      if (/^\[\s*Parameter/i.test(attribute)) {
        made.mandatory ||= /Mandatory(?!\s*=\s*\$false)/i.test(attribute)
      } else if (/^\[\s*ValidateSet/i.test(attribute)) {
        made.valid = [...attribute.matchAll(/'([^']*)'|"([^"]*)"/g)].map(
          (found) => found[1] ?? found[2] ?? '',
        )
      }
    }
    const variable = this.peek() === '$' ? this.variable() : undefined
    if (!variable) return this.fail('Missing variable in the parameter list.')
    made.name = variable.name
    this.skipLines()
    if (this.peek() === '=') {
      this.at++
      this.skipLines()
      // A comma parts parameters here; a list as default needs @( ).
      made.initial = this.postfix(this.primary())
    }
    return made
  }

  private condition(): Statement {
    this.skipBlanks()
    this.expect('(', 'before the condition')
    this.skipLines()
    const statement = this.statement()
    if (!statement) return this.fail('The condition is missing.')
    this.skipLines()
    this.expect(')', 'after the condition')
    return statement
  }

  private braces(): Statement[] {
    this.skipLines()
    this.expect('{', 'before the statement block')
    return this.statementsUntil('}')
  }

  /** A keyword behind a block, on the same line or a later one. */
  private follows(keyword: RegExp): boolean {
    const start = this.at
    this.skipLines()
    if (this.match(keyword)) return true
    this.at = start
    return false
  }

  private ifStatement(): Omit<Extract<Statement, { kind: 'if' }>, 'at'> {
    const branches = [{ condition: this.condition(), body: this.braces() }]
    while (this.follows(/elseif(?![\w-])/iy))
      branches.push({ condition: this.condition(), body: this.braces() })
    const otherwise = this.follows(/else(?![\w-])/iy) ? this.braces() : undefined
    return { kind: 'if', branches, otherwise }
  }

  private forEach(): Omit<Extract<Statement, { kind: 'foreach' }>, 'at'> {
    this.expect('(', "after 'foreach'")
    this.skipLines()
    const variable = this.peek() === '$' ? this.variable() : undefined
    if (!variable) return this.fail('Missing variable name after foreach.')
    this.skipLines()
    if (!this.match(/in(?![\w-])/iy)) this.fail("Missing 'in' after variable in foreach loop.")
    this.skipLines()
    const values = this.statement()
    if (!values) return this.fail("Missing expression after 'in' in foreach loop.")
    this.skipLines()
    this.expect(')', 'in foreach loop')
    return { kind: 'foreach', variable: variable.name, values, body: this.braces() }
  }

  private forStatement(at: Statement['at']): Omit<Extract<Statement, { kind: 'sequence' }>, 'at'> {
    this.expect('(', "after 'for'")
    const part = (close: string): Statement => {
      this.skipLines()
      const statement = this.statement()
      if (!statement) return this.fail('Every part of a for loop must be given here.')
      this.skipLines()
      this.expect(close, 'in for loop')
      return statement
    }
    const first = part(';')
    const condition = part(';')
    const step = part(')')
    const loop: Statement = {
      kind: 'while',
      condition,
      body: this.braces(),
      after: false,
      until: false,
      step,
      at,
    }
    return { kind: 'sequence', statements: [first, loop] }
  }

  private doStatement(): Omit<Extract<Statement, { kind: 'while' }>, 'at'> {
    const body = this.braces()
    const until = this.follows(/until(?![\w-])/iy)
    if (!until && !this.follows(/while(?![\w-])/iy)) this.fail('Missing while or until keyword in do loop.')
    return { kind: 'while', condition: this.condition(), body, after: true, until, step: undefined }
  }

  private switchStatement(): Omit<Extract<Statement, { kind: 'switch' }>, 'at'> {
    if (this.peek() === '-') this.fail('Options of switch are not supported here.')
    const value = this.condition()
    this.skipLines()
    this.expect('{', 'after the condition of switch')
    const cases: SwitchCase[] = []
    for (;;) {
      this.skipTerminators()
      if (this.eat('}')) return { kind: 'switch', value, cases }
      if (this.match(/default(?=\s*\{)/iy)) cases.push({ value: undefined, body: this.braces() })
      else {
        const bare = this.match(/[A-Za-z_][\w.-]*/y)?.[0]
        const tested = bare === undefined ? this.primary() : ({ kind: 'literal', value: bare } as const)
        cases.push({ value: tested, body: this.braces() })
      }
    }
  }

  private tryStatement(): Omit<Extract<Statement, { kind: 'try' }>, 'at'> {
    const body = this.braces()
    const handlers: Statement[][] = []
    while (this.follows(/catch(?![\w-])/iy)) {
      this.skipBlanks()
      const type = this.match(/\[([\w.]+)\]/y)?.[1]
      if (type !== undefined && !/^(System\.)?Exception$/i.test(type))
        this.fail(`catch [${type}] is not supported here.`)
      handlers.push(this.braces())
    }
    const last = this.follows(/finally(?![\w-])/iy) ? this.braces() : undefined
    if (handlers.length === 0 && !last) this.fail('The Try statement is missing its Catch or Finally block.')
    return { kind: 'try', body, handlers, last }
  }

  private functionStatement(): Omit<Extract<Statement, { kind: 'function' }>, 'at'> {
    const name = this.match(/(?:script:|global:)?([A-Za-z_][\w-]*)/iy)?.[1]
    if (name === undefined) return this.fail('Missing name after function keyword.')
    this.skipLines()
    const parameters = this.eat('(') ? this.parameters() : undefined
    this.skipLines()
    const block = this.block()
    return { kind: 'function', name, block: parameters ? { ...block, parameters } : block }
  }
}

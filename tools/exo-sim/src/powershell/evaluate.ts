// Evaluates expressions. Statements and commands are its heirs' business. Every step is counted.
import type { Expression, Position, Statement } from './ast.ts'
import { OutOfBounds } from './errors.ts'
import { assign, callMethod, indexed, property } from './members.ts'
import { binary } from './operators.ts'
import type { Scope } from './scope.ts'
import { cast, staticMember } from './types.ts'
import { collapsed, ConversionError, isTrue, Item, listOf, numberOf, ScriptBlock, Table, textOf, TypeReference } from './values.ts' // prettier-ignore
import type { Value } from './values.ts'

/** Takes what a statement gives, object by object. */
export type Sink = (value: Value) => void

const MOST_STEPS = 200_000

/** Evaluates. */
export abstract class Evaluator {
  protected scope: Scope
  /** Where the script is. */
  protected here: Position = { line: 1, column: 1 }
  protected strictMode = false
  #steps = 0

  constructor(scope: Scope) {
    this.scope = scope
  }

  /** Runs statements. */
  protected abstract run(statements: readonly Statement[], sink: Sink): Promise<void>
  /** Runs one statement. */
  protected abstract runStatement(statement: Statement, sink: Sink): Promise<void>
  /** `$PSCmdlet.ShouldProcess( … )`. */
  protected abstract shouldProcess(target: string, operation: string): boolean
  /** The time. */
  protected abstract now(): Date

  /** Counts a step. Throws when there were too many. */
  protected step(at: Position): void {
    this.here = at
    this.#steps++
    if (this.#steps > MOST_STEPS) throw new OutOfBounds(`At line:${at.line} char:${at.column}: the script has taken ${MOST_STEPS} steps and is stopped`) // prettier-ignore
  }

  /** All that statements give. */
  protected async collect(statements: readonly Statement[]): Promise<Value[]> {
    const values: Value[] = []
    await this.run(statements, (value) => values.push(value))
    return values
  }

  /** The value of a statement where a value is needed: an expression keeps its list, a pipeline gives what it gives. */
  protected async valueOf(statement: Statement): Promise<Value> {
    if (statement.kind === 'pipeline') {
      const [only] = statement.stages
      if (statement.stages.length === 1 && only?.kind === 'expression')
        return await this.evaluate(only.expression)
    }
    const values: Value[] = []
    await this.runStatement(statement, (value) => values.push(value))
    // In parentheses and in conditions an assignment has the value that was assigned.
    if (statement.kind === 'assign') return await this.evaluate(statement.target)
    return collapsed(values)
  }

  protected async evaluate(expression: Expression): Promise<Value> {
    if ('at' in expression) this.step(expression.at)
    switch (expression.kind) {
      case 'literal':
        return expression.value
      case 'variable':
        return this.read(expression.scope, expression.name)
      case 'expandable': {
        let text = ''
        for (const part of expression.parts)
          text += typeof part === 'string' ? part : textOf(await this.evaluate(part))
        return text
      }
      case 'list': {
        const items: Value[] = []
        for (const item of expression.items) items.push(await this.evaluate(item))
        return items
      }
      case 'array':
        return await this.array(expression.statements)
      case 'sub':
        return collapsed(await this.collect(expression.statements))
      case 'group':
        return await this.valueOf(expression.statement)
      case 'hashtable':
        return await this.table(expression.entries)
      case 'block':
        return new ScriptBlock(expression.block, this.scope)
      case 'type':
        return new TypeReference(expression.name)
      case 'cast':
        return cast(expression.type, await this.evaluate(expression.operand))
      case 'member':
      case 'index':
        return await this.member(expression)
      case 'call':
        return await this.call(expression)
      case 'unary':
        return await this.unary(expression)
      case 'binary':
        return await this.binary(expression)
    }
  }

  /** `@( … )`: always a list; one list inside stays that list. */
  private async array(statements: readonly Statement[]): Promise<Value> {
    const values: Value[] = []
    for (const statement of statements) {
      if (
        statement.kind === 'pipeline' &&
        statement.stages.length === 1 &&
        statement.stages[0]?.kind === 'expression'
      ) {
        const value = await this.evaluate(statement.stages[0].expression)
        if (Array.isArray(value)) values.push(...value)
        else values.push(value)
      } else await this.run([statement], (value) => values.push(value))
    }
    return values
  }

  private async table(entries: { key: Expression; value: Statement }[]): Promise<Value> {
    const table = new Table()
    for (const { key, value } of entries) {
      const name = textOf(await this.evaluate(key))
      if (table.has(name))
        throw new ConversionError(`Duplicate keys '${name}' are not allowed in hash literals.`)
      table.set(name, await this.valueOf(value))
    }
    return table
  }

  private read(scope: string | undefined, name: string): Value {
    if (scope === 'env') return null
    const value = this.scope.named(scope).get(name)
    if (value !== undefined) return value
    if (this.strictMode)
      throw new ConversionError(`The variable '$${name}' cannot be retrieved because it has not been set.`)
    return null
  }

  private async member(expression: Extract<Expression, { kind: 'member' | 'index' }>): Promise<Value> {
    const target = await this.evaluate(expression.target)
    if (expression.kind === 'index') return indexed(target, await this.evaluate(expression.index))
    const name = textOf(await this.evaluate(expression.name))
    this.here = expression.at
    if (expression.fixed) {
      if (!(target instanceof TypeReference)) throw new ConversionError('A static member needs a type.')
      return staticMember(target.name, name, undefined, () => this.now())
    }
    const value = property(target, name)
    if (value !== undefined) return value
    const key = name.toLowerCase()
    if (!this.strictMode) return key === 'count' || key === 'length' ? (target === null ? 0 : 1) : null
    throw new ConversionError(
      `The property '${name}' cannot be found on this object. Verify that the property exists.`,
    )
  }

  private async call(expression: Extract<Expression, { kind: 'call' }>): Promise<Value> {
    const target = await this.evaluate(expression.target)
    const args: Value[] = []
    for (const one of expression.args) args.push(await this.evaluate(one))
    this.here = expression.at
    if (expression.fixed) {
      if (!(target instanceof TypeReference)) throw new ConversionError('A static method needs a type.')
      return staticMember(target.name, expression.name, args, () => this.now())
    }
    if (
      target instanceof Item &&
      target.type === 'PSCmdlet' &&
      expression.name.toLowerCase() === 'shouldprocess'
    ) {
      return this.shouldProcess(textOf(args[0] ?? ''), textOf(args[1] ?? ''))
    }
    return callMethod(target, expression.name, args)
  }

  private async unary(expression: Extract<Expression, { kind: 'unary' }>): Promise<Value> {
    const { operator, operand } = expression
    if (operator.endsWith('++') || operator.endsWith('--')) {
      const before = numberOf(await this.evaluate(operand))
      const after = before + (operator.endsWith('++') ? 1 : -1)
      await this.store(operand, after)
      return operator.startsWith('post') ? before : after
    }
    const value = await this.evaluate(operand)
    switch (operator) {
      case '-':
        return -numberOf(value)
      case '+':
        return numberOf(value)
      case '-join':
        return listOf(value).map(textOf).join('')
      case '-split':
        return textOf(value)
          .split(/\s+/)
          .filter((word) => word !== '')
      default:
        return !isTrue(value)
    }
  }

  private async binary(expression: Extract<Expression, { kind: 'binary' }>): Promise<Value> {
    const left = await this.evaluate(expression.left)
    if (expression.operator === 'and') return isTrue(left) && isTrue(await this.evaluate(expression.right))
    if (expression.operator === 'or') return isTrue(left) || isTrue(await this.evaluate(expression.right))
    const right = await this.evaluate(expression.right)
    this.here = expression.at
    return binary(expression.operator, left, right, {
      matched: (groups) => {
        this.scope.set('Matches', groups)
      },
    })
  }

  /** Assigns to what may stand on the left. */
  protected async store(target: Expression, value: Value): Promise<void> {
    switch (target.kind) {
      case 'variable':
        if (target.scope === 'env') throw new ConversionError('The environment cannot be changed here.')
        if (target.name.toLowerCase() !== 'null') this.scope.named(target.scope).set(target.name, value)
        return
      case 'literal':
        // `$null = …` throws the value away.
        if (target.value === null) return
        break
      case 'cast':
        await this.store(target.operand, cast(target.type, value))
        return
      case 'member':
        assign(await this.evaluate(target.target), await this.evaluate(target.name), value)
        return
      case 'index':
        assign(await this.evaluate(target.target), await this.evaluate(target.index), value)
        return
      default:
    }
    throw new ConversionError('This expression cannot be assigned to.')
  }
}

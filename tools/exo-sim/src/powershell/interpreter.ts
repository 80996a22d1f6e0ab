// Runs a script: statements, errors, the way out. `runScript` is the door to the interpreter.
import type { Statement, SwitchCase } from './ast.ts'
import { BindingError } from './binding.ts'
import type { Given } from './binding.ts'
import { BUILTINS } from './builtins/index.ts'
import type { Cmdlet, ScriptWorld } from './cmdlet.ts'
import { ScriptError } from './cursor.ts'
import { errorLine, errorRecord, OutOfBounds, Signal, TerminatingError } from './errors.ts'
import type { Sink } from './evaluate.ts'
import { display } from './format.ts'
import { Caller } from './invoke.ts'
import { binary } from './operators.ts'
import { parseScript } from './parser.ts'
import { ConversionError, equals, isTrue, Item, Table, textOf } from './values.ts'
import type { Value } from './values.ts'

/** What a script has said. */
export interface ScriptResult {
  /** The screen: output and host, line by line. */
  output: string
  /** Warnings. */
  warnings: string[]
  /** Errors: `At line:3 char:5: New-TransportRule: message`. */
  errors: string[]
  /** 0; what `exit` says; 1 after an error that ended the script. */
  exitCode: number
}

/** How a script is run. */
export interface ScriptOptions {
  /** Cmdlets besides those of the language. */
  cmdlets: readonly Cmdlet[]
  /** What it can touch. */
  world: ScriptWorld
  /** Its arguments, by parameter. */
  arguments?: Readonly<Record<string, Value>>
  /** Whether the cmdlets given here see the preference variables of the script. Default true. */
  preferences?: boolean
}

/** Runs a script. It never throws: what goes wrong is in the result. */
export async function runScript(text: string, options: ScriptOptions): Promise<ScriptResult> {
  const lines: string[] = []
  const result: ScriptResult = { output: '', warnings: [], errors: [], exitCode: 0 }
  const deaf = options.preferences === false ? options.cmdlets : []
  const interpreter = new Interpreter([...BUILTINS, ...options.cmdlets], new Set(deaf), options.world, {
    output: (line) => lines.push(line),
    warning: (line) => result.warnings.push(line),
    error: (line) => result.errors.push(line),
  })
  const at = { line: 1, column: 1 }
  const given = Object.entries(options.arguments ?? {}).map(([name, value]): Given => ({ kind: 'parameter', name, value, at })) // prettier-ignore
  result.exitCode = await interpreter.script(text, given, result.errors)
  result.output = lines.map((line) => `${line}\n`).join('')
  return result
}

class Interpreter extends Caller {
  /** How many try blocks are open around here. */
  #tries = 0

  async script(text: string, given: Given[], errors: string[]): Promise<number> {
    const { global } = this.scope
    global.set('ErrorActionPreference', 'Continue')
    global.set('WarningPreference', 'Continue')
    global.set('ConfirmPreference', 'High')
    global.set('WhatIfPreference', false)
    global.set('VerbosePreference', 'SilentlyContinue')
    global.set('InformationPreference', 'SilentlyContinue')
    global.set('ProgressPreference', 'Continue')
    global.set('Error', [])
    global.set('LASTEXITCODE', 0)
    global.set('PSScriptRoot', '')
    global.set('PSCommandPath', '')
    global.set('PSVersionTable', new Table([['PSVersion', new Item('System.Version', [['Major', 7], ['Minor', 4], ['Build', 6]], '7.4.6')], ['PSEdition', 'Core']])) // prettier-ignore
    try {
      const block = parseScript(text)
      await this.callFunction('', block, given, undefined, (value) => { this.show(value) }, global, true) // prettier-ignore
      return 0
    } catch (error) {
      if (error instanceof Signal) return error.kind === 'exit' ? error.code : 0
      if (error instanceof TerminatingError) {
        this.report(error.record, false)
        return 1
      }
      if (error instanceof ScriptError || error instanceof OutOfBounds) errors.push(error.message)
      else if (error instanceof BindingError)
        errors.push(errorLine(errorRecord('', error.message, 'ParameterBindingException', error.at ?? this.here))) // prettier-ignore
      else throw error
      return 1
    }
  }

  private show(value: Value): void {
    const text = display(value)
    if (text !== undefined) this.streams.output(text)
  }

  protected async run(statements: readonly Statement[], sink: Sink): Promise<void> {
    for (const statement of statements) {
      try {
        await this.runStatement(statement, sink)
      } catch (error) {
        const raised = this.raised(error)
        const stop = this.preference('ErrorActionPreference')
        // Without a try around it, such an error ends its statement only.
        if (this.#tries > 0 || raised.fatal || stop === 'stop') throw raised
        this.report(raised.record, stop === 'silentlycontinue' || stop === 'ignore')
      }
    }
  }

  /** What is an error of the script, as one; everything else goes on its way. */
  private raised(error: unknown): TerminatingError {
    if (error instanceof TerminatingError) return error
    if (error instanceof ConversionError) {
      return new TerminatingError(errorRecord('', error.message, 'RuntimeException', this.here), false)
    }
    if (error instanceof BindingError) {
      return new TerminatingError(errorRecord('', error.message, 'ParameterBindingException', error.at ?? this.here), false) // prettier-ignore
    }
    throw error
  }

  protected async runStatement(statement: Statement, sink: Sink): Promise<void> {
    this.step(statement.at)
    switch (statement.kind) {
      case 'pipeline':
        await this.pipeline(statement, sink)
        return
      case 'assign':
        await this.assignStatement(statement)
        return
      case 'if':
        await this.ifStatement(statement, sink)
        return
      case 'foreach':
        await this.forEach(statement, sink)
        return
      case 'while':
        await this.whileStatement(statement, sink)
        return
      case 'sequence':
        await this.run(statement.statements, sink)
        return
      case 'switch':
        await this.switchStatement(await this.valueOf(statement.value), statement.cases, sink)
        return
      case 'try':
        await this.tryStatement(statement, sink)
        return
      case 'function':
        this.scope.define(statement.name, statement.block)
        return
      case 'throw':
        return await this.throwStatement(statement)
      case 'return':
        if (statement.value) await this.runStatement(statement.value, sink)
        throw new Signal('return')
      case 'exit':
        throw new Signal('exit', statement.value ? Number(textOf(await this.valueOf(statement.value))) : 0)
      case 'break':
      case 'continue':
        throw new Signal(statement.kind)
    }
  }

  private async pipeline(statement: Extract<Statement, { kind: 'pipeline' }>, sink: Sink): Promise<void> {
    const [only] = statement.stages
    // `$i++` as a statement gives nothing.
    const counts = statement.stages.length === 1 && only?.kind === 'expression' && only.expression.kind === 'unary' && /(\+\+|--)$/.test(only.expression.operator) // prettier-ignore
    await this.runPipeline(statement.stages, counts ? () => undefined : sink)
  }

  private async assignStatement(statement: Extract<Statement, { kind: 'assign' }>): Promise<void> {
    let value = await this.valueOf(statement.value)
    const operator = statement.operator.slice(0, -1)
    const { target } = statement
    if (operator !== '') {
      const before =
        target.kind === 'variable' ? (this.scope.get(target.name) ?? null) : await this.evaluate(target)
      value = binary(operator, before, value, { matched: () => undefined })
    }
    this.here = statement.at
    await this.store(target, value)
  }

  private async ifStatement(statement: Extract<Statement, { kind: 'if' }>, sink: Sink): Promise<void> {
    for (const { condition, body } of statement.branches) {
      if (!isTrue(await this.valueOf(condition))) continue
      await this.run(body, sink)
      return
    }
    if (statement.otherwise) await this.run(statement.otherwise, sink)
  }

  private async forEach(statement: Extract<Statement, { kind: 'foreach' }>, sink: Sink): Promise<void> {
    const values = await this.valueOf(statement.values)
    for (const value of values === null ? [] : Array.isArray(values) ? values : [values]) {
      this.scope.set(statement.variable, value)
      if (!(await this.round(statement.body, sink))) return
    }
  }

  /** One round of a loop; false at `break`. */
  private async round(body: readonly Statement[], sink: Sink): Promise<boolean> {
    try {
      await this.run(body, sink)
    } catch (error) {
      if (error instanceof Signal && error.kind === 'break') return false
      if (!(error instanceof Signal && error.kind === 'continue')) throw error
    }
    return true
  }

  private async whileStatement(statement: Extract<Statement, { kind: 'while' }>, sink: Sink): Promise<void> {
    const holds = async (): Promise<boolean> =>
      isTrue(await this.valueOf(statement.condition)) !== statement.until
    if (!statement.after && !(await holds())) return
    do {
      this.step(statement.at)
      if (!(await this.round(statement.body, sink))) return
      if (statement.step) await this.runStatement(statement.step, () => undefined)
    } while (await holds())
  }

  private async switchStatement(value: Value, cases: readonly SwitchCase[], sink: Sink): Promise<void> {
    for (const one of Array.isArray(value) ? value : [value]) {
      this.scope.set('_', one)
      let found = false
      for (const { value: wanted, body } of cases) {
        if (wanted === undefined) continue
        const holds = wanted.kind === 'block' ? isTrue((await this.collect(wanted.block.statements))[0] ?? false) : equals(await this.evaluate(wanted), one) // prettier-ignore
        if (!holds) continue
        found = true
        if (!(await this.round(body, sink))) return
      }
      const otherwise = cases.find((candidate) => candidate.value === undefined)
      if (!found && otherwise && !(await this.round(otherwise.body, sink))) return
    }
  }

  private async tryStatement(statement: Extract<Statement, { kind: 'try' }>, sink: Sink): Promise<void> {
    const scope = this.scope
    try {
      this.#tries++
      try {
        await this.run(statement.body, sink)
      } finally {
        this.#tries--
      }
    } catch (error) {
      const [handler] = statement.handlers
      if (!handler) throw error
      const { record } = this.raised(error)
      this.scope = scope
      this.report(record, true)
      const before = scope.own('_')
      scope.set('_', record)
      await this.run(handler, sink)
      scope.set('_', before ?? null)
    } finally {
      if (statement.last) await this.run(statement.last, sink)
    }
  }

  private async throwStatement(
    statement: Extract<Statement, { kind: 'throw' | 'return' | 'exit' }>,
  ): Promise<never> {
    const value = statement.value
      ? await this.valueOf(statement.value)
      : (this.scope.get('_') ?? 'ScriptHalted')
    if (value instanceof Item && value.type.endsWith('ErrorRecord')) throw new TerminatingError(value, true)
    throw new TerminatingError(errorRecord('', textOf(value), 'RuntimeException', statement.at), true)
  }
}

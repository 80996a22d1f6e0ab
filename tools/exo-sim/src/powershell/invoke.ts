// Runs commands: finds them, binds their arguments, obeys the common parameters, and carries objects down a pipeline.
import type { Block, Command, Expression, ParameterDeclaration, Position, Stage } from './ast.ts'
import { bind, BindingError } from './binding.ts'
import type { Given } from './binding.ts'
import type { Call, Cmdlet, ParameterKind, ParameterSpec, ScriptWorld } from './cmdlet.ts'
import { CmdletError, errorLine, errorRecord, OutOfBounds, Signal, TerminatingError } from './errors.ts'
import { Evaluator } from './evaluate.ts'
import type { Sink } from './evaluate.ts'
import { Scope } from './scope.ts'
import { cast } from './types.ts'
import { ConversionError, isTrue, Item, listOf, ScriptBlock, Table, textOf } from './values.ts'
import type { Value } from './values.ts'

/** Where a script's words go. */
export interface Streams {
  output(text: string): void
  warning(text: string): void
  error(text: string): void
}

const DEEPEST = 100

/** Runs commands. */
export abstract class Caller extends Evaluator {
  protected readonly world: ScriptWorld
  protected readonly streams: Streams
  readonly #cmdlets = new Map<string, Cmdlet>()
  readonly #deaf: ReadonlySet<Cmdlet>
  #depth = 0
  /** Greater than 0 while errors go to `$null`. */
  #muted = 0

  /** `deaf`: those that do not see the preference variables of the script. */
  constructor(cmdlets: readonly Cmdlet[], deaf: ReadonlySet<Cmdlet>, world: ScriptWorld, streams: Streams) {
    super(new Scope())
    this.world = world
    this.#deaf = deaf
    this.streams = streams
    for (const cmdlet of cmdlets) {
      for (const name of [cmdlet.name, ...(cmdlet.aliases ?? [])])
        this.#cmdlets.set(name.toLowerCase(), cmdlet)
    }
  }

  protected now(): Date {
    return this.world.now()
  }

  protected preference(name: string): string {
    return textOf(this.scope.get(name) ?? '').toLowerCase()
  }

  /** A preference as a cmdlet sees it: a module sees the global one, whatever the script says. */
  #preferenceFor(cmdlet: Cmdlet, name: string): string {
    const scope = this.#deaf.has(cmdlet) ? this.scope.global : this.scope
    return textOf(scope.get(name) ?? '').toLowerCase()
  }

  /** Puts an error into `$Error` and, unless it is silenced, on the error stream. */
  protected report(record: Item, silent: boolean): void {
    const before = listOf(this.scope.global.get('Error') ?? null)
    this.scope.global.set('Error', [record, ...before].slice(0, 256))
    if (!silent && this.#muted === 0) this.streams.error(errorLine(record))
  }

  protected shouldProcess(target: string, operation: string): boolean {
    if (!isTrue(this.scope.get('WhatIfPreference') ?? false)) return true
    this.streams.output(`What if: Performing the operation "${operation}" on target "${target}".`)
    return false
  }

  protected async runPipeline(stages: readonly Stage[], sink: Sink): Promise<void> {
    let input: Value[] | undefined
    for (const [i, stage] of stages.entries()) {
      const collected: Value[] = []
      const out: Sink = i === stages.length - 1 ? sink : (value) => collected.push(value)
      if (stage.kind === 'expression') {
        const value = await this.evaluate(stage.expression)
        for (const one of Array.isArray(value) ? value : [value]) out(one)
      } else await this.command(stage, input, out)
      input = collected
    }
  }

  private async command(command: Command, input: Value[] | undefined, sink: Sink): Promise<void> {
    this.step(command.at)
    const out: Sink = command.silenced.some((one) => one !== 'errors') ? () => undefined : sink
    const mute = command.silenced.some((one) => one !== 'output')
    if (mute) this.#muted++
    this.#depth++
    try {
      if (this.#depth > DEEPEST) throw new OutOfBounds(`At line:${command.at.line} char:${command.at.column}: calls are nested too deeply`) // prettier-ignore
      const given = await this.arguments(command)
      this.here = command.at
      if (typeof command.name !== 'string') await this.callBlock(command.name, given, input, out, command.at)
      else await this.named(command.name, given, input, out, command.at)
    } catch (error) {
      if (!(error instanceof BindingError)) throw error
      const name = typeof command.name === 'string' ? command.name : ''
      const record = errorRecord(name, error.message, 'ParameterBindingException', error.at ?? command.at)
      throw new TerminatingError(record, false)
    } finally {
      this.#depth--
      if (mute) this.#muted--
    }
  }

  private async named(
    name: string,
    given: Given[],
    input: Value[] | undefined,
    sink: Sink,
    at: Position,
  ): Promise<void> {
    const made = this.scope.function(name)
    if (made) {
      await this.callFunction(made.name, made.block, given, input, sink, this.scope)
      return
    }
    const cmdlet = this.#cmdlets.get(name.toLowerCase())
    if (cmdlet) {
      await this.callCmdlet(cmdlet, given, input, sink, at)
      return
    }
    const message = `The term '${name}' is not recognized as the name of a cmdlet, function, script file, or operable program. Check the spelling of the name, or if a path was included, verify that the path is correct and try again.` // prettier-ignore
    throw new TerminatingError(errorRecord(name, message, 'CommandNotFoundException', at), false)
  }

  private async arguments(command: Command): Promise<Given[]> {
    const given: Given[] = []
    for (const argument of command.args) {
      const { at } = argument
      if (argument.kind === 'value')
        given.push({ kind: 'value', value: await this.evaluate(argument.value), at })
      else if (argument.kind === 'parameter') {
        const value = argument.value && (await this.evaluate(argument.value))
        given.push({ kind: 'parameter', name: argument.name, value, at })
      } else {
        const splat = this.scope.get(argument.name) ?? null
        if (splat instanceof Table) {
          for (const [name, value] of splat.entries()) given.push({ kind: 'parameter', name, value, at })
        } else for (const value of listOf(splat)) given.push({ kind: 'value', value, at })
      }
    }
    return given
  }

  private async callBlock(
    name: Expression,
    given: Given[],
    input: Value[] | undefined,
    sink: Sink,
    at: Position,
  ): Promise<void> {
    const called = await this.evaluate(name)
    if (!(called instanceof ScriptBlock)) {
      const message = 'Only a script block may be called; calling a command by a text is dynamic code, which is refused here.' // prettier-ignore
      throw new TerminatingError(errorRecord('&', message, 'NotSupportedException', at), true)
    }
    await this.callFunction('', called.block, given, input, sink, this.scope)
  }

  /** Runs a function, a called block or a script in a scope of its own below `parent`. */
  protected async callFunction(
    name: string,
    block: Block,
    given: Given[],
    input: Value[] | undefined,
    sink: Sink,
    parent: Scope,
    isScript = false,
  ): Promise<void> {
    const target = {
      name,
      parameters: block.parameters.map(specOf),
      shouldProcess: block.shouldProcess,
      ...(block.parameters.length === 0 && !block.shouldProcess ? { rest: 'args' } : {}),
    }
    const bound = bind(target, given)
    const outer = this.scope
    const strict = this.strictMode
    this.scope = new Scope(parent, isScript)
    try {
      this.scope.set('PSBoundParameters', new Table(block.parameters.filter(({ name: one }) => bound.has(one.toLowerCase())).map(({ name: one }): [string, Value] => [one, bound.get(one.toLowerCase()) ?? null]))) // prettier-ignore
      this.scope.set('args', bound.get('args') ?? [])
      this.scope.set('input', input ?? [])
      this.scope.set('PSCmdlet', new Item('PSCmdlet', [['MyInvocation', null]]))
      this.scope.set('MyInvocation', new Item('InvocationInfo', [['MyCommand', new Item('CommandInfo', [['Name', name]])]])) // prettier-ignore
      if (block.shouldProcess && bound.has('whatif'))
        this.scope.set('WhatIfPreference', bound.get('whatif') ?? false)
      const action = bound.get('erroraction')
      if (action !== undefined) this.scope.set('ErrorActionPreference', action)
      for (const one of block.parameters) await this.initialise(one, bound)
      await this.run(block.statements, sink)
    } catch (error) {
      if (!(error instanceof Signal && error.kind === 'return')) throw error
    } finally {
      this.scope = outer
      if (isScript) this.strictMode = strict
    }
  }

  private async initialise(one: ParameterDeclaration, bound: Map<string, Value>): Promise<void> {
    const value = bound.get(one.name.toLowerCase())
    if (value !== undefined) {
      const known = one.valid?.find((name) => name.toLowerCase() === textOf(value).toLowerCase())
      if (one.valid && known === undefined) {
        throw new BindingError(`Cannot validate argument on parameter '${one.name}'. The argument "${textOf(value)}" does not belong to the set "${one.valid.join(',')}" specified by the ValidateSet attribute. Supply an argument that is in the set and then try the command again.`) // prettier-ignore
      }
      this.scope.set(one.name, one.type === undefined ? value : cast(one.type, value))
    } else if (one.initial) {
      const initial = await this.evaluate(one.initial)
      this.scope.set(one.name, one.type === undefined ? initial : cast(one.type, initial))
    } else {
      const empty: Partial<Record<string, Value>> = { string: '', switch: false, bool: false, int: 0 }
      this.scope.set(one.name, empty[one.type ?? ''] ?? null)
    }
  }

  private async callCmdlet(
    cmdlet: Cmdlet,
    given: Given[],
    input: Value[] | undefined,
    sink: Sink,
    at: Position,
  ): Promise<void> {
    const { perObject } = cmdlet
    const fromPipe = input !== undefined && perObject !== undefined
    const bound = bind(cmdlet, given, fromPipe ? perObject : undefined)
    const key = perObject?.toLowerCase() ?? ''
    if (!fromPipe || bound.has(key)) await this.runCmdlet(cmdlet, bound, input ?? [], sink, at)
    else for (const one of input) await this.runCmdlet(cmdlet, new Map(bound).set(key, one), [one], sink, at)
  }

  private async runCmdlet(
    cmdlet: Cmdlet,
    bound: Map<string, Value>,
    input: Value[],
    sink: Sink,
    at: Position,
  ): Promise<void> {
    this.step(at)
    const action = (bound.has('erroraction') ? textOf(bound.get('erroraction') ?? '') : this.#preferenceFor(cmdlet, 'ErrorActionPreference')).toLowerCase() // prettier-ignore
    const errors: Value[] = []
    const fail = (message: string, reason: string): void => {
      const record = errorRecord(cmdlet.name, message, reason, at)
      errors.push(record)
      if (action === 'stop') throw new TerminatingError(record, true)
      if (action !== 'ignore') this.report(record, action === 'silentlycontinue')
    }
    const warnings: Value[] = []
    const call = this.makeCall(cmdlet, bound, input, fail, warnings)
    let values: Value[] = []
    try {
      values = await cmdlet.run(call)
    } catch (error) {
      if (error instanceof CmdletError) fail(error.message, error.reason)
      else if (error instanceof ConversionError) fail(error.message, 'PSInvalidCastException')
      else throw error
    } finally {
      this.keep(bound, 'errorvariable', errors)
      this.keep(bound, 'warningvariable', warnings)
    }
    this.keep(bound, 'outvariable', values)
    for (const value of values) sink(value)
  }

  private keep(bound: Map<string, Value>, parameter: string, values: Value[]): void {
    const name = bound.get(parameter)
    if (typeof name !== 'string') return
    const before = name.startsWith('+') ? listOf(this.scope.get(name.slice(1)) ?? null) : []
    this.scope.set(name.replace(/^\+/, ''), [...before, ...values])
  }

  private makeCall(
    cmdlet: Cmdlet,
    bound: Map<string, Value>,
    input: Value[],
    fail: (message: string, reason: string) => void,
    warnings: Value[],
  ): Call {
    const get = (name: string): Value => bound.get(name.toLowerCase()) ?? null
    const quiet = (get('WarningAction') ?? this.scope.get('WarningPreference') ?? '') as Value
    return {
      input,
      world: this.world,
      has: (name) => bound.has(name.toLowerCase()),
      value: get,
      text: (name) => (get(name) === null ? undefined : textOf(get(name))),
      list: (name) => (bound.has(name.toLowerCase()) ? listOf(get(name)).map(textOf) : undefined),
      flag: (name) => isTrue(get(name)),
      number: (name) => (typeof get(name) === 'number' ? Number(get(name)) : undefined),
      given: () => [...bound.keys()],
      shouldProcess: (target, operation) => this.mayChange(cmdlet, bound, target, operation),
      warn: (text) => {
        warnings.push(text)
        if (!/^(silentlycontinue|ignore)$/i.test(textOf(quiet))) this.streams.warning(text)
      },
      error: (message, reason = 'WriteErrorException') => {
        fail(message, reason)
      },
      say: (text) => {
        this.streams.output(text)
      },
      invoke: (block, item) => this.withItem(block, item),
      setVariable: (name, value) => {
        this.scope.set(name, value)
      },
      variable: (name) => this.scope.get(name),
      command: (name) => {
        const made = this.scope.function(name)
        if (made) return { name: made.name, source: 'function' }
        const found = this.#cmdlets.get(name.toLowerCase())
        return found && { name: found.name, source: 'cmdlet' }
      },
      strict: (on) => {
        this.strictMode = on
      },
    }
  }

  /** Whether a cmdlet may change something: -WhatIf says what it would do, a needed confirmation nobody can give. */
  private mayChange(cmdlet: Cmdlet, bound: Map<string, Value>, target: string, operation: string): boolean {
    const whatIf = bound.get('whatif') ?? this.#preferenceFor(cmdlet, 'WhatIfPreference') === 'true'
    if (isTrue(whatIf)) {
      this.streams.output(`What if: ${operation} "${target}".`)
      return false
    }
    const confirm = bound.get('confirm')
    const asks = cmdlet.name.startsWith('Remove-') || cmdlet.name.startsWith('Disable-')
    if (confirm === undefined ? asks && this.preference('ConfirmPreference') !== 'none' : isTrue(confirm)) {
      throw new CmdletError(
        `A command that prompts the user failed because the host program or the command type does not support user interaction. The host was attempting to request confirmation with the following message: Are you sure you want to perform this action? ${operation} "${target}".`,
        'HostException',
      )
    }
    return true
  }

  /** Runs a block in the caller's scope with `$_`. */
  private async withItem(block: ScriptBlock, item: Value): Promise<Value[]> {
    const before = this.scope.own('_')
    this.scope.set('_', item)
    this.scope.set('PSItem', item)
    try {
      return await this.collect(block.block.statements)
    } finally {
      if (before === undefined) this.scope.unset('_')
      else this.scope.set('_', before)
    }
  }
}

const KINDS: Partial<Record<string, ParameterKind>> = {
  'string': 'string',
  'string[]': 'string[]',
  'switch': 'switch',
  'bool': 'bool',
  'int': 'int',
  'datetime': 'date',
  'scriptblock': 'block',
} // prettier-ignore

function specOf(declared: ParameterDeclaration, index: number): ParameterSpec {
  const kind = KINDS[declared.type ?? ''] ?? 'any'
  const place = kind === 'switch' ? {} : { position: index }
  return { name: declared.name, kind, mandatory: declared.mandatory, nullable: true, ...place }
}

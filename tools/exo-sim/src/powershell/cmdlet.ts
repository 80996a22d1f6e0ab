// What a cmdlet is to the interpreter: its parameters, and what it may use while it runs. Types only.
import type { ScriptBlock, Value } from './values.ts'

/** Kind of a parameter's value. A list of texts are the names of an enumeration. */
export type ParameterKind =
  'string' | 'string[]' | 'bool' | 'switch' | 'int' | 'date' | 'version' | 'any' | 'block' | readonly string[]

/** A parameter. */
export interface ParameterSpec {
  name: string
  kind: ParameterKind
  mandatory?: boolean
  /** Place among arguments without a name. */
  position?: number
  aliases?: readonly string[]
  /** Whether `$null` may be given. Default: for `any` only. */
  nullable?: boolean
}

/** A cmdlet. */
export interface Cmdlet {
  name: string
  aliases?: readonly string[]
  parameters: readonly ParameterSpec[]
  /** Whether it has -WhatIf and -Confirm. */
  shouldProcess?: boolean
  /** Parameter that takes each object of the pipeline: the cmdlet runs once for each. Without it `input` has them all. */
  perObject?: string
  /** Arguments that match no parameter are gathered into this one. */
  rest?: string
  /** Does the work; what it gives goes down the pipeline. A CmdletError is an error of the script. */
  run(call: Call): Value[] | Promise<Value[]>
}

/** One run of a cmdlet. */
export interface Call {
  /** Whether the parameter was given. */
  has(name: string): boolean
  /** Its value; null if it was not given. */
  value(name: string): Value
  /** The same as text; undefined if it was not given or is null. */
  text(name: string): string | undefined
  /** The same as texts. */
  list(name: string): string[] | undefined
  /** The same as truth; false if it was not given. */
  flag(name: string): boolean
  /** The same as number. */
  number(name: string): number | undefined
  /** Names of the parameters that were given. */
  given(): string[]
  /** Objects of the pipeline. */
  input: Value[]
  /** Whether the change is to be made; says what would be done under -WhatIf. */
  shouldProcess(target: string, operation: string): boolean
  /** To the warning stream. */
  warn(text: string): void
  /** To the error stream, going on; under `Stop` it throws. */
  error(message: string, reason?: string): void
  /** To the screen. */
  say(text: string): void
  /** Runs a block with `$_`; what it gives. */
  invoke(block: ScriptBlock, item: Value): Promise<Value[]>
  /** What the script runs in. */
  world: ScriptWorld
  /** Sets a variable of the caller. */
  setVariable(name: string, value: Value): void
  /** A variable of the caller. */
  variable(name: string): Value | undefined
  /** The command of that name, if there is one: its name and where it comes from. */
  command(name: string): { name: string; source: 'cmdlet' | 'function' } | undefined
  /** Turns strict mode on or off. */
  strict(on: boolean): void
}

/** What a script can touch besides its variables. */
export interface ScriptWorld {
  /** Files that scripts write and read; they exist in memory only. */
  files: Map<string, string>
  /** The time. */
  now(): Date
}

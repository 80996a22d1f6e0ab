// Errors and the ways in which a script leaves its course. Only shapes; who catches what is the interpreter's.
import type { Position } from './ast.ts'
import { Item, textOf } from './values.ts'
import type { Value } from './values.ts'

/** What a cmdlet says when it cannot do its work. */
export class CmdletError extends Error {
  override readonly name = 'CmdletError'
  /** Class of the exception, as PowerShell shows it. */
  readonly reason: string

  constructor(message: string, reason = 'InvalidOperationException') {
    super(message)
    this.reason = reason
  }
}

/** A terminating error: it ends the statement, or with `fatal` the script, unless a try catches it. */
export class TerminatingError extends Error {
  override readonly name = 'TerminatingError'
  readonly record: Item
  /** Ends the script, not only the statement. */
  readonly fatal: boolean

  constructor(record: Item, fatal: boolean) {
    super(record.text ?? '')
    this.record = record
    this.fatal = fatal
  }
}

/** The script has done more than it may: no try catches this. */
export class OutOfBounds extends Error {
  override readonly name = 'OutOfBounds'
}

/** `break`, `continue`, `return`, `exit` on their way out. */
export class Signal extends Error {
  override readonly name = 'Signal'
  readonly kind: 'break' | 'continue' | 'return' | 'exit'
  readonly code: number

  constructor(kind: Signal['kind'], code = 0) {
    super(kind)
    this.kind = kind
    this.code = code
  }
}

/** The object in `$_` of a catch block and in `$Error`. */
export function errorRecord(command: string, message: string, reason: string, at: Position): Item {
  const where = `At line:${at.line} char:${at.column}`
  const entries: [string, Value][] = [
    ['Exception', new Item(`System.Management.Automation.${reason}`, [['Message', message]], `System.Exception: ${message}`)],
    ['FullyQualifiedErrorId', `${reason},${command}`],
    ['CategoryInfo', new Item('ErrorCategoryInfo', [['Reason', reason], ['Activity', command]], `NotSpecified: (:) [${command}], ${reason}`)],
    ['ErrorDetails', null],
    ['TargetObject', null],
    ['ScriptStackTrace', where],
    [
      'InvocationInfo',
      new Item('InvocationInfo', [
        ['MyCommand', command],
        ['ScriptLineNumber', at.line],
        ['OffsetInLine', at.column],
        ['PositionMessage', where],
      ]),
    ],
  ] // prettier-ignore
  return new Item('System.Management.Automation.ErrorRecord', entries, message)
}

/** An error record as a line of the error stream. */
export function errorLine(record: Item): string {
  const info = record.get('InvocationInfo')
  const where = info instanceof Item ? textOf(info.get('PositionMessage') ?? '') : ''
  const command = info instanceof Item ? textOf(info.get('MyCommand') ?? '') : ''
  return `${where}: ${command === '' ? '' : `${command}: `}${textOf(record)}`
}

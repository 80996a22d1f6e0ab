// The shapes of a parsed script. Types only.

/** Where something stands in the script. */
export interface Position {
  /** From 1. */
  line: number
  /** From 1. */
  column: number
}

/** A variable: `$name`, `$script:name`, `$env:NAME`. */
export interface VariableExpression {
  kind: 'variable'
  /** Lower case, if given. */
  scope: string | undefined
  name: string
  at: Position
}

/** Something with a value. */
export type Expression =
  | { kind: 'literal'; value: null | boolean | number | string }
  | VariableExpression
  | { kind: 'expandable'; parts: (string | Expression)[] }
  | { kind: 'list'; items: Expression[] }
  | { kind: 'array'; statements: Statement[] }
  | { kind: 'sub'; statements: Statement[] }
  | { kind: 'group'; statement: Statement }
  | { kind: 'hashtable'; entries: { key: Expression; value: Statement }[] }
  | { kind: 'block'; block: Block }
  | { kind: 'type'; name: string; at: Position }
  | { kind: 'cast'; type: string; operand: Expression; at: Position }
  | { kind: 'member'; target: Expression; name: Expression; fixed: boolean; at: Position }
  | { kind: 'call'; target: Expression; name: string; args: Expression[]; fixed: boolean; at: Position }
  | { kind: 'index'; target: Expression; index: Expression; at: Position }
  | { kind: 'unary'; operator: string; operand: Expression; at: Position }
  | { kind: 'binary'; operator: string; left: Expression; right: Expression; at: Position }

/** What follows the name of a command. */
export type Argument =
  | { kind: 'parameter'; name: string; value: Expression | undefined; at: Position }
  | { kind: 'value'; value: Expression; at: Position }
  | { kind: 'splat'; name: string; at: Position }

/** A command with its arguments. */
export interface Command {
  kind: 'command'
  /** Its name, or a script block to call. */
  name: string | Expression
  args: Argument[]
  /** Streams that go to `$null`. */
  silenced: ('output' | 'errors' | 'all')[]
  at: Position
}

/** One stage of a pipeline. */
export type Stage = Command | { kind: 'expression'; expression: Expression; at: Position }

/** A parameter of a function or script. */
export interface ParameterDeclaration {
  name: string
  type: string | undefined
  mandatory: boolean
  valid: string[] | undefined
  initial: Expression | undefined
}

/** A body with its parameters. */
export interface Block {
  parameters: ParameterDeclaration[]
  /** `[CmdletBinding(SupportsShouldProcess)]`. */
  shouldProcess: boolean
  statements: Statement[]
}

/** A case of `switch`; without a value it is `default`. */
export interface SwitchCase {
  value: Expression | undefined
  body: Statement[]
}

/** Something that is done. */
export type Statement = { at: Position } & (
  | { kind: 'pipeline'; stages: Stage[] }
  | { kind: 'assign'; target: Expression; operator: string; value: Statement }
  | {
      kind: 'if'
      branches: { condition: Statement; body: Statement[] }[]
      otherwise: Statement[] | undefined
    }
  | { kind: 'foreach'; variable: string; values: Statement; body: Statement[] }
  | {
      kind: 'while'
      condition: Statement
      body: Statement[]
      after: boolean
      until: boolean
      step: Statement | undefined
    }
  | { kind: 'sequence'; statements: Statement[] }
  | { kind: 'switch'; value: Statement; cases: SwitchCase[] }
  | { kind: 'try'; body: Statement[]; handlers: Statement[][]; last: Statement[] | undefined }
  | { kind: 'function'; name: string; block: Block }
  | { kind: 'throw' | 'return' | 'exit'; value: Statement | undefined }
  | { kind: 'break' | 'continue' }
)

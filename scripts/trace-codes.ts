/**
 * Finds the codes of trace events, reasons and alarms in the sources of the mail path, by syntax: what stands where a code
 * stands. A code that is computed in a way this cannot follow is reported, so that none escapes the catalogue of texts.
 */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'

/** Functions and errors that take a code, and at which place. */
const EMITTERS: Readonly<Record<string, number>> = {
  deferred: 1,
  failed: 1,
  held: 1,
  reason: 0,
  fault: 0,
  refuse: 0,
  trace: 1,
  alarm: 0,
  '#settleAlarm': 0,
  '#noteOn': 0,
  say: 0,
  ReplyError: 0,
}

/** What was found in one file. */
export interface Found {
  readonly codes: ReadonlySet<string>
  /** `file:line: expression`. */
  readonly unclear: readonly string[]
}

/** The codes in one source text. */
export function codesIn(text: string, file: string): Found {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true)
  const codes = new Set<string>()
  const unclear: string[] = []
  const constants = constantsOf(source)
  const take = (expression: ts.Expression): void => {
    const found = valuesOf(expression, constants)
    if (found === null) {
      const { line } = source.getLineAndCharacterOfPosition(expression.getStart())
      unclear.push(`${file}:${line + 1}: ${expression.getText()}`)
    } else for (const code of found) codes.add(code)
  }
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) || ts.isNewExpression(node)) {
      const place = EMITTERS[calleeOf(node)]
      const argument = place === undefined ? undefined : node.arguments?.[place]
      if (argument !== undefined) take(argument)
    } else if (ts.isPropertyAssignment(node) && isCodeProperty(node)) take(node.initializer)
    ts.forEachChild(node, visit)
  }
  visit(source)
  return { codes, unclear }
}

function calleeOf({ expression }: ts.CallExpression | ts.NewExpression): string {
  if (ts.isIdentifier(expression)) return expression.text
  return ts.isPropertyAccessExpression(expression) ? expression.name.text : ''
}

/** `code:` of a reason or event, `reason:` of a row of the classifying table; not a reply's code and no argument of a reason. */
function isCodeProperty(node: ts.PropertyAssignment): boolean {
  const name = node.name.getText()
  if (name === 'reason') return ts.isStringLiteral(node.initializer)
  if (name !== 'code') return false
  const { properties } = node.parent
  return properties.some((other) => ['arguments', 'cause'].includes(other.name?.getText() ?? ''))
}

/** Constants of a file with what they are set to; those of the same name in several functions all count. */
function constantsOf(source: ts.SourceFile): Map<string, ts.Expression[]> {
  const constants = new Map<string, ts.Expression[]>()
  const visit = (node: ts.Node): void => {
    if (ts.isVariableDeclaration(node) && ts.isIdentifier(node.name) && node.initializer !== undefined)
      constants.set(node.name.text, [...(constants.get(node.name.text) ?? []), node.initializer])
    ts.forEachChild(node, visit)
  }
  visit(source)
  return constants
}

/** The texts that an expression can be; empty for what was made elsewhere; null when that cannot be told. */
function valuesOf(
  expression: ts.Expression,
  constants: ReadonlyMap<string, readonly ts.Expression[]>,
): readonly string[] | null {
  const all = (parts: readonly ts.Expression[]): readonly string[] | null => {
    const values = parts.map((part) => valuesOf(part, constants))
    return values.includes(null) ? null : values.flatMap((value) => value ?? [])
  }
  if (ts.isStringLiteral(expression)) return [expression.text]
  if (ts.isParenthesizedExpression(expression)) return valuesOf(expression.expression, constants)
  if (ts.isConditionalExpression(expression)) return all([expression.whenTrue, expression.whenFalse])
  if (
    ts.isBinaryExpression(expression) &&
    expression.operatorToken.kind === ts.SyntaxKind.QuestionQuestionToken
  )
    return all([expression.left, expression.right])
  if (ts.isObjectLiteralExpression(expression))
    return all(
      expression.properties.flatMap((one) => (ts.isPropertyAssignment(one) ? [one.initializer] : [])),
    )
  if (ts.isElementAccessExpression(expression)) return valuesOf(expression.expression, constants)
  // A code that another place has made, handed on.
  if (ts.isPropertyAccessExpression(expression))
    return ['code', 'reason'].includes(expression.name.text) ? [] : null
  if (ts.isIdentifier(expression)) {
    const known = constants.get(expression.text)
    // A parameter of one of the functions above, or a code taken out of a reason.
    if (known === undefined)
      return ['code', 'kind', 'reason', 'dropped'].includes(expression.text) ? [] : null
    return all(known)
  }
  return null
}

/** Where codes of the trace are made: the mail path without inbound, whose refusals go to the log, the keyring, trust, alarms of certificates and of main, and replies. */
export function traceCodes(root: string): Found {
  const files = globSync('gateway/src/{mail,keyring,identity,trust}/**/*.ts', { cwd: root })
    .concat('gateway/src/cli/queue.ts', 'gateway/src/cli/trace-text.ts', 'gateway/src/smtp/reply.ts')
    .concat('gateway/src/exchange/endpoints/refresher.ts', 'gateway/src/cli/exchange-onboarding.ts')
    .concat('gateway/src/tls-reports/reporter.ts')
    .concat('gateway/src/main.ts')
    .filter((file) => !/[.]test[.]ts$|\/testing\/|\/inbound\//.test(file))
    .sort()
  const found = files.map((file) => codesIn(readFileSync(join(root, file), 'utf8'), file))
  return {
    codes: new Set(found.flatMap(({ codes }) => [...codes])),
    unclear: found.flatMap(({ unclear }) => unclear),
  }
}

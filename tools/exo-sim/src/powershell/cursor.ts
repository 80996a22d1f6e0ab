// A place in a script: looks ahead, skips blanks and comments, and says where something is wrong.
// It knows no grammar beyond blanks, comments and continued lines.
import type { Position } from './ast.ts'

/** The script is not in the subset of PowerShell that is understood here. */
export class ScriptError extends Error {
  override readonly name = 'ScriptError'
  readonly position: Position

  constructor(message: string, position: Position) {
    super(`At line:${position.line} char:${position.column}: ${message}`)
    this.position = position
  }
}

/** The place. */
export class Cursor {
  protected readonly text: string
  protected at = 0

  constructor(text: string) {
    this.text = text.replace(/^\uFEFF/, '').replaceAll('\r\n', '\n')
  }

  protected peek(ahead = 0): string {
    return this.text[this.at + ahead] ?? ''
  }

  protected get ended(): boolean {
    return this.at >= this.text.length
  }

  protected position(at = this.at): Position {
    const before = this.text.slice(0, at)
    const lineStart = before.lastIndexOf('\n') + 1
    return { line: before.split('\n').length, column: at - lineStart + 1 }
  }

  protected fail(message: string, at = this.at): never {
    throw new ScriptError(message, this.position(at))
  }

  /** Passes over the text if it stands here. */
  protected eat(text: string): boolean {
    if (!this.text.startsWith(text, this.at)) return false
    this.at += text.length
    return true
  }

  protected expect(text: string, what: string): void {
    if (!this.eat(text)) this.fail(`Missing '${text}' ${what}.`)
  }

  /** What a sticky pattern finds here, passed over. */
  protected match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.at
    const found = pattern.exec(this.text)
    if (!found) return undefined
    this.at += found[0].length
    return found
  }

  /** The same without passing over it. */
  protected looking(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.at
    return pattern.exec(this.text) ?? undefined
  }

  /** Blanks, comments, and a line end after a backtick. */
  protected skipBlanks(): void {
    for (;;) {
      const here = this.peek()
      if (here === ' ' || here === '\t' || here === '\u00A0') this.at++
      else if (here === '`' && this.peek(1) === '\n') this.at += 2
      else if (here === '`' && /[ \t]/.test(this.peek(1)) && this.looking(/`[ \t]+\n/y)) {
        this.fail('A backtick continues the line only as its last character; a blank follows here.')
      } else if (here === '#') this.match(/[^\n]*/y)
      else if (here === '<' && this.peek(1) === '#') {
        const end = this.text.indexOf('#>', this.at)
        if (end < 0) this.fail("The terminator '#>' is missing from the multiline comment.")
        this.at = end + 2
      } else return
    }
  }

  /** The same and line ends. */
  protected skipLines(): void {
    for (;;) {
      this.skipBlanks()
      if (this.peek() !== '\n') return
      this.at++
    }
  }

  /** The same and semicolons. */
  protected skipTerminators(): void {
    for (;;) {
      this.skipLines()
      if (this.peek() !== ';') return
      this.at++
    }
  }
}

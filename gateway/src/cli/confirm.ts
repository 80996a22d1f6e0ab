/**
 * Asks before something is lost for good: on a terminal the operator answers, a script may write the answer to standard input or give
 * `--yes`. Anything but `yes` is no.
 */
import { createInterface } from 'node:readline/promises'
import type { Io } from './io.ts'

/** Whether the operator agrees. */
export async function confirmed(question: string, io: Io): Promise<boolean> {
  const text = `${question} Type yes: `
  if (!process.stdin.isTTY) {
    io.err(text)
    return (await io.standardInput()).toString('utf8').trim() === 'yes'
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return (await terminal.question(text)).trim() === 'yes'
  } finally {
    terminal.close()
  }
}

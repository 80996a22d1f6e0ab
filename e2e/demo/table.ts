/**
 * Prints the demo's result as a table for a terminal of any width from 80 columns on.
 */

/** One mail of the demo. */
export interface Row {
  readonly mail: string
  readonly did: string
  readonly judged: string
  readonly milliseconds: number
  readonly good: boolean
}

/** Prints the rows and a closing line. */
export function printTable(rows: readonly Row[], judge: string): void {
  const head = ['', 'mail', 'what Siegel did', judge, 'time']
  const cells = rows.map((row) => [
    row.good ? 'ok' : 'NO',
    row.mail,
    row.did,
    row.judged,
    `${row.milliseconds.toFixed(0)} ms`,
  ])
  const widths = head.map((title, column) =>
    Math.max(title.length, ...cells.map((line) => line[column]?.length ?? 0)),
  )
  const format = (line: readonly string[]) =>
    line
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd()
  console.log()
  console.log(format(head))
  console.log(widths.map((width) => '─'.repeat(width)).join('  '))
  for (const line of cells) console.log(format(line))
  const good = rows.filter((row) => row.good).length
  console.log(`\n${good} of ${rows.length} mails as they must be.`)
}

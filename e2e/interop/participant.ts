/**
 * What a program that takes part in the matrix can be asked: to make the thing of a row and to read one that another made.
 * Holds no knowledge of any program.
 */
import { spawnSync } from 'node:child_process'
import type { Row } from './rows.ts'

/** Takes part in the matrix: a foreign program or the engine. */
export interface Participant {
  readonly name: string
  /** As the program itself tells it. */
  readonly version: string
  /**
   * Makes the mail, file or paper of a row.
   * @throws Unable with the program's own words
   */
  make(row: Row): Promise<Buffer> | Buffer
  /**
   * Reads one that another participant made, and compares what comes out with what went in.
   * @throws Unable with the program's own words
   */
  read(row: Row, made: Buffer): Promise<void> | void
  /** Ends every process that it started. */
  close(): Promise<void> | void
}

/** A participant could not do it. The message is what the page shows: short, the same in every run. */
export class Unable extends Error {
  override readonly name = 'Unable'
}

/** A peer made something else than the row asks for: it cannot do the row, although it said nothing. */
export class Otherwise extends Unable {}

/** Where a line of a program's output that tells why is to be found, and what of it changes from run to run. */
export type Words = (output: string) => string

/** Runs a program; its standard output. @throws Unable with what `words` makes of its output when it fails */
export function runProgram(
  program: string,
  args: readonly string[],
  words: Words,
  options: {
    readonly input?: Buffer
    readonly env?: Readonly<Record<string, string>>
    readonly cwd?: string
  } = {},
): Buffer {
  const { input = Buffer.alloc(0), env = {}, cwd } = options
  const run = spawnSync(program, args, {
    input,
    env: { ...process.env, LC_ALL: 'C.UTF-8', ...env },
    maxBuffer: 1 << 26,
    timeout: 30_000,
    ...(cwd === undefined ? {} : { cwd }),
  })
  if (run.error !== undefined) throw new Error(`${program}: ${run.error.message}`)
  if (run.status === 0) return run.stdout
  if (run.signal !== null) throw new Unable(`crashes (${run.signal})`)
  throw new Unable(inShort(words(`${run.stderr.toString()}\n${run.stdout.toString()}`)))
}

/** The version that Debian gives a program, without its epoch. */
export function packageVersion(name: string): string {
  const run = spawnSync('dpkg-query', ['-W', '-f', '${Version}', name], { encoding: 'utf8' })
  return run.stdout.replace(/^\d+:/, '')
}

/** Words that fit into a note, and are the same in every run: without digests and key identifiers. */
export function inShort(told: string): string {
  const words = told.replaceAll(/'?\b[0-9A-Fa-f]{16,}\b'?/g, '…').replace(/, offset \d+/, '')
  return words.length > 110 ? `${words.slice(0, 107).trimEnd()}...` : words
}

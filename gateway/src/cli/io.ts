/**
 * What every command line verb gets: where to print and how to read small FILE arguments.
 * Exit codes are fixed for operators' scripts: 0 yes, 1 no (a negative verdict), 2 usage or I/O.
 */
import { readFile, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** Exit code of a command: 0 yes, 1 no, 2 usage or I/O. */
export type ExitCode = 0 | 1 | 2

/** A command line or file error; main prints the message to standard error and exits with 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** The surroundings of one command. Tests pass their own. */
export interface Io {
  /** Writes one line to standard output. */
  out(line: string): void
  /** Writes one line to standard error. */
  err(line: string): void
  /** The clock, in milliseconds since 1970. */
  now(): number
  /** The whole of standard input, for the FILE argument `-`. */
  standardInput(): Promise<Buffer>
}

/** One verb: takes the arguments after its own name. Throws UsageError for a wrong call. */
export type Command = (args: readonly string[], io: Io) => Promise<ExitCode>

/**
 * Reads a FILE argument; `-` is standard input.
 * @throws UsageError when it cannot be read
 */
export async function readInput(path: string, io: Io): Promise<Buffer> {
  if (path === '-') return io.standardInput()
  try {
    return await readFile(path)
  } catch (error) {
    throw new UsageError(`cannot read ${path}: ${(error as NodeJS.ErrnoException).code ?? 'error'}`)
  }
}

/**
 * Reads a certificate or CRL argument: a file, or every file of a folder (not its subfolders).
 * @throws UsageError when it cannot be read
 */
export async function readMany(path: string, io: Io): Promise<Buffer[]> {
  if (path === '-') return [await io.standardInput()]
  try {
    if (!(await stat(path)).isDirectory()) return [await readFile(path)]
    const entries = await readdir(path, { withFileTypes: true })
    const files = entries.filter((entry) => entry.isFile()).map((entry) => join(path, entry.name))
    return await Promise.all(files.sort().map((file) => readFile(file)))
  } catch (error) {
    throw new UsageError(`cannot read ${path}: ${(error as NodeJS.ErrnoException).code ?? 'error'}`)
  }
}

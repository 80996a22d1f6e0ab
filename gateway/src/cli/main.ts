/**
 * The command's dispatcher: picks the verb, prints help and version, turns errors into messages and exit codes. Knows no
 * verb's work. An error that nobody expected is printed with its stack: it is a defect, and hiding it helps nobody.
 */
import { readFile } from 'node:fs/promises'
import { ConfigError } from '../config/problem.ts'
import { StorageError, StoreRefused } from '../observe/failures.ts'
import { overview, verbHelp } from './help.ts'
import { UsageError, type ExitCode, type Io } from './io.ts'
import { VERBS } from './verbs.ts'

/** The version, from the package that this file is part of. */
async function version(): Promise<string> {
  const text = await readFile(new URL('../../package.json', import.meta.url), 'utf8')
  const manifest: unknown = JSON.parse(text)
  if (
    typeof manifest === 'object' &&
    manifest !== null &&
    'version' in manifest &&
    typeof manifest.version === 'string'
  )
    return manifest.version
  throw new Error('the package has no version')
}

function print(lines: readonly string[], io: Io): void {
  for (const line of lines) io.out(line)
}

/** Whether help is asked for: before a `--` that ends the options. */
function asksForHelp(args: readonly string[]): boolean {
  const end = args.indexOf('--')
  return args.slice(0, end < 0 ? undefined : end).some((arg) => arg === '--help' || arg === '-h')
}

function help(name: string | undefined, io: Io): ExitCode {
  if (name === undefined) {
    print(overview(), io)
    return 0
  }
  const verb = VERBS.find((candidate) => candidate.name === name)
  if (verb === undefined)
    throw new UsageError(`there is no verb ${JSON.stringify(name)}; siegel help lists them`)
  print(verbHelp(verb), io)
  return 0
}

async function dispatch(argv: readonly string[], io: Io): Promise<ExitCode> {
  const [name, ...args] = argv
  if (name === undefined) throw new UsageError('which verb? siegel help lists them')
  if (name === 'help' || name === '--help' || name === '-h') return help(args[0], io)
  if (name === 'version' || name === '--version') {
    io.out(await version())
    return 0
  }
  if (asksForHelp(args)) return help(name, io)
  const verb = VERBS.find((candidate) => candidate.name === name)
  if (verb === undefined)
    throw new UsageError(`there is no verb ${JSON.stringify(name)}; siegel help lists them`)
  if (verb.load === null)
    throw new UsageError(`${name} is run by the command siegel at the root of the installation`)
  const command = await verb.load()
  return command(args, io)
}

/**
 * Runs one command line.
 * @param argv - the arguments without program and script
 * @returns the exit code; never rejects
 */
export async function main(argv: readonly string[], io: Io): Promise<ExitCode> {
  try {
    return await dispatch(argv, io)
  } catch (error) {
    if (error instanceof UsageError || error instanceof ConfigError) io.err(prefixed(error.message))
    else if (error instanceof StoreRefused || error instanceof StorageError)
      io.err(prefixed(`the store: ${error.message}`))
    else io.err(error instanceof Error ? (error.stack ?? error.message) : String(error))
    return 2
  }
}

function prefixed(message: string): string {
  return message
    .split('\n')
    .map((line) => `siegel: ${line}`)
    .join('\n')
}

/**
 * Reads the options of a verb with node:util's parser and turns its complaints into UsageError. Knows no verb.
 */
import { parseArgs, type ParseArgsConfig } from 'node:util'
import { UsageError } from './io.ts'

/** What the options of a verb may be. */
export type OptionTable = NonNullable<ParseArgsConfig['options']>

/** Texts and switches by name, and what stands beside them. */
export interface Options {
  /** The text of an option; undefined when it was not given. */
  text(name: string): string | undefined
  /** All texts of an option that may repeat. */
  texts(name: string): readonly string[]
  /** Whether a switch was given. */
  has(name: string): boolean
  readonly positionals: readonly string[]
}

/** `--lang` and `--language` are one option: a verb has one of the two in its table and takes both. */
function spelled(args: readonly string[], table: OptionTable): string[] {
  const [own, other] = 'lang' in table ? ['--lang', '--language'] : ['--language', '--lang']
  if (!('lang' in table || 'language' in table)) return [...args]
  return args.map((arg) =>
    arg === other || arg.startsWith(`${other}=`) ? own + arg.slice(other.length) : arg,
  )
}

/**
 * Reads the arguments of a verb.
 * @param most - how many arguments may stand beside the options
 * @throws UsageError
 */
export function readOptions(args: readonly string[], table: OptionTable, most: number): Options {
  let parsed: { values: Record<string, unknown>; positionals: string[] }
  try {
    parsed = parseArgs({ args: spelled(args, table), options: table, allowPositionals: true, strict: true })
  } catch (error) {
    // The first sentence says what is wrong; the rest explains the parser.
    throw new UsageError(error instanceof Error ? (error.message.split('. ')[0] ?? '') : 'bad arguments')
  }
  const { values, positionals } = parsed
  const [extra] = positionals.slice(most)
  if (extra !== undefined) throw new UsageError(`too many arguments: ${JSON.stringify(extra)}`)
  return {
    positionals,
    has: (name) => values[name] === true,
    texts: (name) => [values[name] ?? []].flat().filter((value) => typeof value === 'string'),
    text: (name) => {
      const value = values[name]
      return typeof value === 'string' ? value : undefined
    },
  }
}

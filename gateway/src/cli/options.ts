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

/**
 * Reads the arguments of a verb.
 * @param most - how many arguments may stand beside the options
 * @throws UsageError
 */
export function readOptions(args: readonly string[], table: OptionTable, most: number): Options {
  let parsed: { values: Record<string, unknown>; positionals: string[] }
  try {
    parsed = parseArgs({ args: [...args], options: table, allowPositionals: true, strict: true })
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : 'bad arguments')
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

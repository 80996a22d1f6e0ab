/**
 * Loads `siegel.yaml` and the environment into the settings that must be known before the store opens, master key included.
 * Refuses to guess: an unknown field, a missing key or an unreadable reference is an error with file, line and field.
 */
import { readFile, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { parseReference, problemsOf } from '@siegel/contract'
import type { z } from 'zod'
import { isRecord, overlayEnvironment } from './environment.ts'
import { ConfigError, type Problem } from './problem.ts'
import { ReferenceFailure, readReference } from './references.ts'
import { readSource, type SourceDocument } from './source.ts'
import { parseHostTargets, startSchema } from './start-schema.ts'

/** Where the file is looked for when nobody names it. */
export const DEFAULT_FILES: readonly string[] = ['siegel.yaml', '/etc/siegel/siegel.yaml']

type StartFields = z.output<typeof startSchema>

/** What must be known before the store opens. Holds the master key; never logged. Durations are in milliseconds. */
export interface StartConfig extends Omit<StartFields, 'masterKey' | 'hosts'> {
  /** The file it was read from; null when everything came from the environment. */
  readonly file: string | null
  /** 32 octets. */
  readonly masterKey: Buffer
  /** Static host table by lower-case host name: `address`, `address:port` or `[address]:port`. */
  readonly hosts: ReadonlyMap<string, readonly string[]>
  /** Sentences for the log: what looks like a mistake but is none. */
  readonly warnings: readonly string[]
}

/** Where to look for settings. */
export interface StartSources {
  /** The file that was named, or null for the usual places. */
  readonly file: string | null
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Relative paths in arguments and in the environment start here. */
  readonly workingFolder: string
}

/**
 * Loads the settings of the start.
 * @throws ConfigError with all faults that were found
 */
export async function loadStartConfig(sources: StartSources): Promise<StartConfig> {
  const found = await findFile(sources)
  const document = found === null ? null : readSingle(found.text, found.file)
  if (document !== null && !isRecord(document.value))
    throw new ConfigError([
      problem('document-syntax', found?.file ?? null, 1, '', 'must be a list of fields with values'),
    ])
  const overlay = overlayEnvironment(isRecord(document?.value) ? document.value : {}, sources.environment)
  const checked = startSchema.safeParse(overlay.value)
  const variableOf = (path: readonly (string | number)[]): string | undefined =>
    overlay.variables.get(path.join('.')) ??
    overlay.variables.get(path.slice(0, 2).join('.')) ??
    overlay.variables.get(path.slice(0, 1).join('.'))

  if (!checked.success) {
    const faults = checked.error.issues.flatMap((issue) => problemsOf(issue, overlay.value))
    throw new ConfigError(
      faults.map((fault) => {
        const variable = variableOf(fault.path)
        if (variable !== undefined) return problem(fault.code, null, null, variable, fault.message)
        const line = document?.lineOf(fault.path) ?? null
        return problem(fault.code, found?.file ?? null, line, fault.path.join('.'), fault.message)
      }),
    )
  }
  const folderOf = (field: string): string =>
    overlay.variables.has(field) || found === null
      ? sources.workingFolder
      : dirname(resolve(sources.workingFolder, found.file))
  const line = document?.lineOf(['masterKey']) ?? null
  const place = overlay.variables.get('masterKey')
  const masterKey = await readMasterKey(
    checked.data.masterKey,
    folderOf('masterKey'),
    sources.environment,
    (code, message) =>
      place === undefined
        ? problem(code, found?.file ?? null, line, 'masterKey', message)
        : problem(code, null, null, place, message),
  )
  return {
    ...checked.data,
    file: found?.file ?? null,
    dataFolder: resolve(folderOf('dataFolder'), checked.data.dataFolder),
    masterKey,
    hosts: hostTable(checked.data.hosts),
    warnings: [
      ...overlay.unknown.map((name) => `the environment variable ${name} is not a setting`),
      ...(await masterKeyWarnings(checked.data.masterKey, folderOf('masterKey'))),
    ],
  }
}

function problem(
  code: Problem['code'],
  file: string | null,
  line: number | null,
  field: string,
  message: string,
): Problem {
  return { code, file, line, field, message }
}

async function findFile(sources: StartSources): Promise<{ file: string; text: string } | null> {
  const named = sources.file ?? sources.environment['SIEGEL_CONFIG'] ?? null
  for (const file of named === null ? DEFAULT_FILES : [named]) {
    try {
      return { file, text: await readFile(resolve(sources.workingFolder, file), 'utf8') }
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? 'error'
      if (named !== null || code !== 'ENOENT')
        throw new ConfigError([problem('document-unreadable', file, null, '', unreadable(code))])
    }
  }
  // Without a file the environment must hold everything; then the schema says what is missing.
  if (sources.environment['SIEGEL_FQDN'] !== undefined) return null
  const message = `no configuration file: looked for ${DEFAULT_FILES.join(' and ')}; name one with --config`
  throw new ConfigError([problem('document-unreadable', null, null, '', message)])
}

function unreadable(code: string): string {
  if (code === 'ENOENT') return 'there is no such file: name the configuration with --config FILE'
  if (code === 'EACCES') return 'this account may not read it: give it to the account that runs siegel'
  return `cannot be read: ${code}`
}

function readSingle(text: string, file: string): SourceDocument | null {
  const documents = readSource(text, file)
  if (documents.length > 1)
    throw new ConfigError([
      problem('document-syntax', file, null, '', 'must hold one document, without --- between parts'),
    ])
  return documents[0] ?? null
}

function hostTable(hosts: Readonly<Record<string, string>>): Map<string, readonly string[]> {
  const table = new Map<string, readonly string[]>()
  for (const [name, text] of Object.entries(hosts)) {
    const targets = parseHostTargets(text)
    if (targets !== null) table.set(name, targets)
  }
  return table
}

/**
 * Reads a master key that an option of the command names.
 * @param text - a `file:` or `env:` reference
 * @param option - the option, for messages
 * @throws ConfigError
 */
export function readNamedMasterKey(
  text: string,
  option: string,
  { workingFolder, environment }: Pick<StartSources, 'workingFolder' | 'environment'>,
): Promise<Buffer> {
  return readMasterKey(text, workingFolder, environment, (code, message) =>
    problem(code, null, null, option, message),
  )
}

async function readMasterKey(
  text: string,
  folder: string,
  environment: StartSources['environment'],
  complain: (code: Problem['code'], message: string) => Problem,
): Promise<Buffer> {
  const reference = parseReference(text)
  if (reference === null) throw new ConfigError([complain('invalid-value', 'must be a reference')])
  try {
    const key = decodeMasterKey(await readReference(reference, { folder, environment }))
    if (key === null)
      throw new ConfigError([
        complain('invalid-value', 'the key must be 32 octets, 64 hexadecimal digits or base64 of 32 octets'),
      ])
    return key
  } catch (error) {
    if (error instanceof ReferenceFailure) throw new ConfigError([complain(error.code, error.message)])
    throw error
  }
}

/** Whoever can read the master key and the data folder can read everything. */
async function masterKeyWarnings(text: string, folder: string): Promise<readonly string[]> {
  const reference = parseReference(text)
  if (reference?.scheme !== 'file') return []
  const path = resolve(folder, reference.target)
  const { mode } = await stat(path)
  return (mode & 0o007) === 0
    ? []
    : [`every account of this machine can read the master key: chmod o-rwx ${path}`]
}

/** 32 octets as they are, in hexadecimal or in base64; null for anything else, and for a key of one repeated octet. */
function decodeMasterKey(bytes: Buffer): Buffer | null {
  const text = bytes.toString('latin1').trim()
  const key =
    bytes.length === 32
      ? Buffer.from(bytes)
      : /^[0-9a-fA-F]{64}$/.test(text)
        ? Buffer.from(text, 'hex')
        : /^[A-Za-z0-9+/_-]{43}=?$/.test(text)
          ? Buffer.from(text, 'base64')
          : null
  return key?.length === 32 && new Set(key).size > 1 ? key : null
}

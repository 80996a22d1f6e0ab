/**
 * `siegel rotate-master-key`: puts everything under another master key. Changes no file of keys and no configuration: the operator
 * points `masterKey` to the new one afterwards. Refuses while a server runs.
 */
import { loadStartConfig, readNamedMasterKey } from '../config/file.ts'
import { StoreRefused } from '../observe/failures.ts'
import { openStore, type Store } from '../store/index.ts'
import { UsageError, type Command, type Io } from './io.ts'
import { readOptions } from './options.ts'
import { languageOf, render } from './texts.ts'

/** null when the data is not sealed under this key. */
async function opened(dataFolder: string, masterKey: Buffer): Promise<Store | null> {
  try {
    return await openStore({ dataFolder, masterKey })
  } catch (error) {
    if (error instanceof StoreRefused && error.code === 'master-key-wrong') return null
    throw error
  }
}

/** How many data keys were wrapped anew; null when all were under the new key already. */
async function rotate(dataFolder: string, from: Buffer, to: Buffer): Promise<number | null> {
  const store = await opened(dataFolder, from)
  if (store !== null)
    try {
      return await store.rotateMasterKey(to)
    } finally {
      await store.close()
    }
  // A run before this one was done; whatever opens with neither key is refused as wrong.
  await (await openStore({ dataFolder, masterKey: to })).close()
  return null
}

/** The verb `rotate-master-key`. */
export const rotateMasterKey: Command = async (args, io: Io) => {
  const table = {
    new: { type: 'string' },
    config: { type: 'string' },
    lang: { type: 'string' },
    json: { type: 'boolean' },
  } as const
  const options = readOptions(args, table, 0)
  const language = languageOf(options.text('lang'), process.env)
  if (language === null) throw new UsageError('--lang must be de or en')
  const named = options.text('new')
  if (named === undefined) throw new UsageError('which key? --new file:PATH or --new env:NAME')
  const surroundings = { environment: process.env, workingFolder: process.cwd() }
  const to = await readNamedMasterKey(named, '--new', surroundings)
  const { dataFolder, masterKey: from } = await loadStartConfig({
    file: options.text('config') ?? null,
    ...surroundings,
  })
  if (from.equals(to)) throw new UsageError('--new is the key that is in use')
  const count = await rotate(dataFolder, from, to)
  if (options.has('json')) io.out(JSON.stringify({ rotated: count !== null, keys: count ?? 0 }))
  else
    io.out(
      count === null
        ? render('master-key-rotated-before', {}, language)
        : render('master-key-rotated', { count }, language),
    )
  return 0
}

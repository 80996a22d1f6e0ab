/**
 * `siegel export` prints all configuration objects as YAML, secrets sealed.
 */
import { writeExport } from '../config/export.ts'
import type { Command, ExitCode } from './io.ts'
import { withStore } from './open-store.ts'
import { readOptions } from './options.ts'

/** The verb `export`. Exits with 1 when a stored object is broken and had to be left out. */
export const exportObjects: Command = (args, io) => {
  const options = readOptions(args, { config: { type: 'string' } }, 0)
  return withStore<ExitCode>(options.text('config'), async (store, start) => {
    const { objects } = await store.config.read()
    const { text, broken } = writeExport(objects, start.masterKey)
    if (text !== '') io.out(text.trimEnd())
    for (const object of broken)
      io.err(`siegel: ${object} is not valid any more and was left out (object-broken)`)
    return broken.length === 0 ? 0 : 1
  })
}

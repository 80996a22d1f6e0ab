/**
 * `siegel apply` writes configuration objects from a file: prints the difference, then makes it so.
 */
import { dirname, resolve } from 'node:path'
import { planApply, type ApplyPlan, type ObjectDifference } from '../config/apply.ts'
import { objectKey } from '../config/config-object.ts'
import type { FieldDifference } from '../config/difference.ts'
import type { ConfigChange } from '../config/ports.ts'
import { StoreRefused } from '../observe/failures.ts'
import type { Store } from '../store/index.ts'
import { UsageError, readInput, type Command, type ExitCode, type Io } from './io.ts'
import { withStore } from './open-store.ts'
import { readOptions } from './options.ts'

const SIGNS = { create: '+', update: '~', delete: '-' } as const

function fieldLine(field: FieldDifference): string {
  if (field.secret) return `    ${field.field}: secret ${field.change}`
  if (field.change === 'changed') return `    ${field.field}: ${field.from ?? ''} -> ${field.to ?? ''}`
  return field.change === 'added'
    ? `    ${field.field}: ${field.to ?? ''}`
    : `    ${field.field}: ${field.from ?? ''} -> (removed)`
}

function differenceLines(difference: ObjectDifference): string[] {
  return [`${SIGNS[difference.action]} ${objectKey(difference)}`, ...difference.fields.map(fieldLine)]
}

function report(
  plan: ApplyPlan,
  result: { readonly version: number; readonly applied: boolean; readonly json: boolean },
  io: Io,
): void {
  if (result.json) {
    const { differences, findings } = plan
    io.out(JSON.stringify({ applied: result.applied, version: result.version, differences, findings }))
    return
  }
  for (const line of plan.differences.flatMap(differenceLines)) io.out(line)
  for (const finding of plan.findings)
    io.err(
      `warning: ${finding.object === '' ? '' : `${finding.object}: `}${finding.message} (${finding.code})`,
    )
  if (plan.change === null) io.out(`nothing to do (version ${result.version})`)
  else if (result.applied) io.out(`applied (version ${result.version})`)
  else io.out('not applied (dry run)')
}

/** Writes the change. Returns the new version; null when somebody else has changed the configuration since it was read. */
async function write(store: Store, change: ConfigChange): Promise<number | null> {
  try {
    return await store.config.change(change)
  } catch (error) {
    if (error instanceof StoreRefused && error.code === 'configuration-moved') return null
    throw error
  }
}

/** The verb `apply`. */
export const apply: Command = async (args, io) => {
  const options = readOptions(
    args,
    {
      file: { type: 'string', short: 'f' },
      'dry-run': { type: 'boolean' },
      prune: { type: 'boolean' },
      'undo-rotation': { type: 'boolean' },
      config: { type: 'string' },
      json: { type: 'boolean' },
    },
    0,
  )
  const file = options.text('file')
  if (file === undefined) throw new UsageError('which file? siegel apply -f FILE')
  const text = (await readInput(file, io)).toString('utf8')
  return withStore<ExitCode>(options.text('config'), async (store, start) => {
    const current = await store.config.read()
    const plan = await planApply({
      text,
      file: file === '-' ? 'standard input' : file,
      references: { folder: file === '-' ? process.cwd() : dirname(resolve(file)), environment: process.env },
      masterKey: start.masterKey,
      current,
      prune: options.has('prune'),
      undoRotation: options.has('undo-rotation'),
    })
    const json = options.has('json')
    if (plan.change === null || options.has('dry-run')) {
      report(plan, { version: current.version, applied: false, json }, io)
      return 0
    }
    const version = await write(store, plan.change)
    if (version === null) {
      io.err('siegel: somebody else has changed the configuration meanwhile; nothing was written')
      io.err('siegel: look at the difference with --dry-run and apply again')
      return 1
    }
    report(plan, { version, applied: true, json }, io)
    return 0
  })
}

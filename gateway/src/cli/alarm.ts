/**
 * `siegel alarm list|clear`: the alarms that stand, and saying that one is done. Mends nothing: what raised an alarm raises it
 * again while it lasts.
 */
import type { Store } from '../store/index.ts'
import { UsageError, type Command, type ExitCode, type Io } from './io.ts'
import { withStore } from './open-store.ts'
import { readOptions } from './options.ts'
import { languageOf, printable, render } from './texts.ts'

const OPTIONS = {
  tenant: { type: 'string' },
  config: { type: 'string' },
  lang: { type: 'string' },
  json: { type: 'boolean' },
} as const

/** Names of tenants by id; the installation has neither. */
async function tenantNames(store: Store): Promise<ReadonlyMap<string, string>> {
  const { tenants } = await store.config.read()
  return new Map([...tenants].map(([name, { id }]) => [id, name]))
}

/** The id of a tenant; empty for the installation. */
function tenantId(names: ReadonlyMap<string, string>, wanted: string | undefined): string {
  if (wanted === undefined) return ''
  for (const [id, name] of names) if (name === wanted) return id
  throw new UsageError(`there is no tenant ${JSON.stringify(wanted)}`)
}

async function list(args: readonly string[], io: Io): Promise<ExitCode> {
  const options = readOptions(args, OPTIONS, 0)
  const language = languageOf(options.text('lang'), process.env)
  if (language === null) throw new UsageError('--lang must be de or en')
  return withStore<ExitCode>(options.text('config'), async (store) => {
    const names = await tenantNames(store)
    const wanted = options.text('tenant')
    const only = wanted === undefined ? null : tenantId(names, wanted)
    const standing = store.alarms
      .list()
      .filter((one) => only === null || one.tenantId === only)
      .map(({ tenantId: id, ...one }) => ({ tenant: id === '' ? null : (names.get(id) ?? id), ...one }))
    if (options.has('json')) io.out(JSON.stringify(standing))
    else
      for (const { tenant, code, subject, raisedAt, lastAt, count, arguments: args } of standing) {
        const where = tenant === null ? '' : `  ${printable(tenant)}`
        io.out(`${new Date(lastAt).toISOString()}${where}  ${code}  ${printable(subject)}`)
        io.out(`    ${render(code, args, language)} (${count} x, ${new Date(raisedAt).toISOString()})`)
      }
    return standing.length === 0 ? 0 : 1
  })
}

async function clear(args: readonly string[], io: Io): Promise<ExitCode> {
  const options = readOptions(args, { tenant: { type: 'string' }, config: { type: 'string' } }, 2)
  const [code, subject] = options.positionals
  if (code === undefined || subject === undefined)
    throw new UsageError('which one? siegel alarm clear CODE SUBJECT, as siegel alarm list shows them')
  return withStore<ExitCode>(options.text('config'), async (store) => {
    const id = tenantId(await tenantNames(store), options.text('tenant'))
    const stands = store.alarms
      .list()
      .some((one) => one.tenantId === id && one.code === code && one.subject === subject)
    if (!stands) {
      io.err(`siegel: no alarm ${code} stands for ${subject}`)
      return 1
    }
    await store.alarms.clear(id, code, subject)
    return 0
  })
}

/** The verb `alarm`. */
export const alarm: Command = (args, io) => {
  const [action, ...rest] = args
  if (action === 'list') return list(rest, io)
  if (action === 'clear') return clear(rest, io)
  throw new UsageError('siegel alarm list, or siegel alarm clear CODE SUBJECT')
}

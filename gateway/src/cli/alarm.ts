/**
 * `siegel alarm list|clear`: the alarms that stand, and saying that one is done. Mends nothing: what raised an alarm raises it
 * again while it lasts.
 */
import type { Store } from '../store/index.ts'
import { UsageError, type Command, type ExitCode, type Io } from './io.ts'
import { withStore } from './open-store.ts'
import { readOptions } from './options.ts'
import { tenantsNamed } from './tenants.ts'
import { languageOf, printable, render } from './texts.ts'

const OPTIONS = {
  tenant: { type: 'string' },
  config: { type: 'string' },
  lang: { type: 'string' },
  json: { type: 'boolean' },
} as const

/** The alarms that stand; of one tenant where one is wanted. */
async function standingOf(store: Store, wanted: string | undefined) {
  const names = new Map((await tenantsNamed(store, wanted)).map(({ id, name }) => [id, name]))
  return store.alarms
    .list()
    .filter(({ tenantId }) => wanted === undefined || names.has(tenantId))
    .map((one) => ({ tenant: names.get(one.tenantId) ?? null, ...one }))
}

async function list(args: readonly string[], io: Io): Promise<ExitCode> {
  const options = readOptions(args, OPTIONS, 0)
  const language = languageOf(options.text('lang'), process.env)
  if (language === null) throw new UsageError('--lang must be de or en')
  return withStore<ExitCode>(options.text('config'), async (store) => {
    const standing = await standingOf(store, options.text('tenant'))
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
    const wanted = options.text('tenant') ?? null
    const standing = await standingOf(store, wanted ?? undefined)
    const found = standing.find(
      (one) => one.tenant === wanted && one.code === code && one.subject === subject,
    )
    if (found === undefined) {
      io.err(`siegel: no alarm ${code} stands for ${subject}`)
      return 1
    }
    await store.alarms.clear(found.tenantId, code, subject)
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

/**
 * `siegel exchange window open|close`: the hour in which the test mail of connector validation is let in. Writes one setting of
 * the tenant; what it lets in is decided by attribution.
 */
import { toDocument } from '../config/config-object.ts'
import type { ConfigObject } from '../config/ports.ts'
import { StoreRefused } from '../observe/failures.ts'
import type { Store } from '../store/index.ts'
import { UsageError, type Command, type ExitCode, type Io } from './io.ts'
import { withStore } from './open-store.ts'
import { readOptions } from './options.ts'

const OPTIONS = {
  tenant: { type: 'string' },
  to: { type: 'string', multiple: true },
  config: { type: 'string' },
} as const

/** The length of the window in minutes, as attribution has it. */
const MINUTES = 60

function chooseTenant(objects: readonly ConfigObject[], wanted: string | undefined): ConfigObject {
  const tenants = objects.filter((one) => one.kind === 'Tenant')
  const found = wanted === undefined ? tenants : tenants.filter(({ name }) => name === wanted)
  const [only, ...more] = found
  if (only !== undefined && more.length === 0) return only
  throw new UsageError(
    wanted === undefined
      ? `which tenant? --tenant ${tenants
          .map(({ name }) => name)
          .toSorted()
          .join(' or ')}`
      : `there is no tenant ${JSON.stringify(wanted)}`,
  )
}

/** Writes the tenant with another window; its name, or null when somebody else has changed the configuration meanwhile. */
async function write(
  store: Store,
  wanted: string | undefined,
  validation: object | null,
): Promise<string | null> {
  const { version, objects } = await store.config.read()
  const tenant = chooseTenant(objects, wanted)
  const rest = Object.entries(tenant.spec ?? {}).filter(([name]) => name !== 'validation')
  const object = {
    ...tenant,
    spec: Object.fromEntries(validation === null ? rest : [...rest, ['validation', validation]]),
  }
  const checked = toDocument(object)
  if (!checked.ok)
    throw new UsageError(
      checked.problems.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '),
    )
  try {
    await store.config.change({ from: version, put: [{ object, credentials: [] }], remove: [] })
    return tenant.name
  } catch (error) {
    if (error instanceof StoreRefused && error.code === 'configuration-moved') return null
    throw error
  }
}

async function change(args: readonly string[], io: Io, open: boolean): Promise<ExitCode> {
  const options = readOptions(args, OPTIONS, 0)
  const recipients = options.texts('to')
  if (open && recipients.length === 0)
    throw new UsageError('to whom will Exchange Online send its test mail? --to ADDRESS, at most five')
  const now = io.now()
  const validation = open ? { openedAt: new Date(now).toISOString(), recipients } : null
  return withStore<ExitCode>(options.text('config'), async (store) => {
    const tenant = await write(store, options.text('tenant'), validation)
    if (tenant === null) {
      io.err('siegel: the configuration was changed meanwhile; try again')
      return 1
    }
    io.out(
      open
        ? `${tenant}: open until ${new Date(now + MINUTES * 60_000).toISOString()} for mail from O365ConnectorValidation@ an accepted domain to ${recipients.join(', ')}`
        : `${tenant}: closed`,
    )
    return 0
  })
}

/** The forms `window open` and `window close` of the verb `exchange`. */
export const exchangeWindow: Command = (args, io) => {
  const [action, ...rest] = args
  if (action === 'open') return change(rest, io, true)
  if (action === 'close') return change(rest, io, false)
  throw new UsageError('siegel exchange window open --to ADDRESS…, or siegel exchange window close')
}

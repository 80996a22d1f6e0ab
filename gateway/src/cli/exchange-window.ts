/**
 * `siegel exchange window open|close`: the hour in which the test mail of connector validation is let in. Writes one setting of
 * the tenant; what it lets in is decided by attribution.
 */
import { UsageError, type Command, type ExitCode, type Io } from './io.ts'
import { withStore } from './open-store.ts'
import { readOptions } from './options.ts'
import { writeTenantField } from './tenant-field.ts'

const OPTIONS = {
  tenant: { type: 'string' },
  to: { type: 'string', multiple: true },
  config: { type: 'string' },
} as const

/** The length of the window in minutes, as attribution has it. */
const MINUTES = 60

async function change(args: readonly string[], io: Io, open: boolean): Promise<ExitCode> {
  const options = readOptions(args, OPTIONS, 0)
  const recipients = options.texts('to')
  if (open && recipients.length === 0)
    throw new UsageError('to whom will Exchange Online send its test mail? --to ADDRESS, at most five')
  const now = io.now()
  const validation = open ? { openedAt: new Date(now).toISOString(), recipients } : null
  return withStore<ExitCode>(options.text('config'), async (store) => {
    const tenant = await writeTenantField(store, options.text('tenant'), 'validation', validation)
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

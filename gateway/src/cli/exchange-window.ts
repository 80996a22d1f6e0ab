/**
 * `siegel exchange window open|close|status`: the hour in which the test mail of connector validation is let in, and when one last
 * went through. Writes one setting of the tenant; what it lets in is decided by attribution.
 */
import { compileSettings } from '../config/settings.ts'
import { VALIDATION_MS } from '../exchange/attribution.ts'
import type { Language } from '../exchange/assist/language.ts'
import type { Tenant } from '../mail/tenant.ts'
import { lastValidation, type ConnectorValidation } from './connector-validation.ts'
import { readLanguage } from './exchange-tenant.ts'
import { UsageError, type Command, type ExitCode, type Io } from './io.ts'
import { withStore } from './open-store.ts'
import { readOptions } from './options.ts'
import { writeTenantField } from './tenant-field.ts'

const OPTIONS = {
  tenant: { type: 'string' },
  to: { type: 'string', multiple: true },
  config: { type: 'string' },
} as const

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
        ? `${tenant}: open until ${new Date(now + VALIDATION_MS).toISOString()} for mail from O365ConnectorValidation@ an accepted domain to ${recipients.join(', ')}`
        : `${tenant}: closed`,
    )
    return 0
  })
}

/** What is known of one tenant. */
interface WindowStatus {
  readonly tenant: string
  readonly open: { readonly until: string; readonly recipients: readonly string[] } | null
  readonly validated: (Omit<ConnectorValidation, 'at'> & { readonly at: string }) | null
}

/** The window of a tenant while it is open. */
function openWindow({ validation }: Tenant, now: number): WindowStatus['open'] {
  if (validation === null || now < validation.openedAt || now - validation.openedAt >= VALIDATION_MS)
    return null
  return {
    until: new Date(validation.openedAt + VALIDATION_MS).toISOString(),
    recipients: validation.recipients,
  }
}

function statusLines({ tenant, open, validated }: WindowStatus, language: Language): string[] {
  const german = language === 'de'
  const to = (recipients: readonly string[]) => `${german ? 'an' : 'to'} ${recipients.join(', ')}`
  const window =
    open === null
      ? german
        ? 'geschlossen'
        : 'closed'
      : `${german ? 'offen bis' : 'open until'} ${open.until} ${to(open.recipients)}`
  const done =
    validated === null
      ? german
        ? 'noch nicht validiert'
        : 'not validated yet'
      : `${german ? 'validiert am' : 'validated at'} ${validated.at}, ${to(validated.recipients)} (trace ${validated.mailId})`
  return [`${tenant}: ${window}`, `${tenant}: ${done}`]
}

const STATUS_OPTIONS = {
  tenant: { type: 'string' },
  config: { type: 'string' },
  language: { type: 'string' },
  json: { type: 'boolean' },
} as const

async function status(args: readonly string[], io: Io): Promise<ExitCode> {
  const options = readOptions(args, STATUS_OPTIONS, 0)
  const language = readLanguage(options)
  const wanted = options.text('tenant')
  return withStore<ExitCode>(options.text('config'), async (store) => {
    const { version, objects, tenants } = await store.config.read()
    const { settings } = compileSettings(version, objects, tenants)
    const chosen = [...settings.tenants.values()].filter(
      ({ name }) => wanted === undefined || name === wanted,
    )
    if (chosen.length === 0)
      throw new UsageError(
        wanted === undefined
          ? 'there is no usable tenant'
          : `there is no usable tenant ${JSON.stringify(wanted)}`,
      )
    const found: WindowStatus[] = []
    for (const tenant of chosen) {
      const last = await lastValidation(store.forTenant(tenant.id).traces, tenant.acceptedDomains)
      const validated = last === null ? null : { ...last, at: new Date(last.at).toISOString() }
      found.push({ tenant: tenant.name, open: openWindow(tenant, io.now()), validated })
    }
    if (options.has('json')) io.out(JSON.stringify(found))
    else for (const one of found) for (const line of statusLines(one, language)) io.out(line)
    return found.every(({ validated }) => validated !== null) ? 0 : 1
  })
}

/** The forms `window open`, `window close` and `window status` of the verb `exchange`. */
export const exchangeWindow: Command = (args, io) => {
  const [action, ...rest] = args
  if (action === 'open') return change(rest, io, true)
  if (action === 'close') return change(rest, io, false)
  if (action === 'status') return status(rest, io)
  throw new UsageError('siegel exchange window open --to ADDRESS…, close, or status')
}

/**
 * `siegel exchange onboarding start|end|status`: the time in which what Exchange Online refuses for good is tried again instead of
 * returned. Writes one setting of the tenant and its alarm; what the mode does is the journey's business.
 */
import { compileSettings } from '../config/settings.ts'
import { UsageError, type Command, type ExitCode, type Io } from './io.ts'
import { readLanguage } from './exchange-tenant.ts'
import { withStore } from './open-store.ts'
import { readOptions } from './options.ts'
import { chooseTenant, writeTenantField } from './tenant-field.ts'
import type { Language } from './texts.ts'

const OPTIONS = {
  tenant: { type: 'string' },
  hours: { type: 'string' },
  config: { type: 'string' },
  language: { type: 'string' },
  json: { type: 'boolean' },
} as const

/** What is said, by language. */
const SAID = {
  en: {
    hours: '--hours must be 1 to {n}',
    moved: 'the configuration was changed meanwhile; try again',
    until: 'onboarding until {at}',
    ended: 'onboarding ended',
    on: 'on until {at}',
    off: 'off',
    over: 'off, ended {at}',
  },
  de: {
    hours: '--hours muss von 1 bis {n} sein',
    moved: 'die Einstellungen wurden inzwischen geändert; noch einmal versuchen',
    until: 'Einführungsphase bis {at}',
    ended: 'Einführungsphase beendet',
    on: 'an bis {at}',
    off: 'aus',
    over: 'aus, endete {at}',
  },
} as const

const HOUR = 3_600_000
const USUAL_HOURS = 72
const MOST_HOURS = 168

function readHours(text: string | undefined, language: Language): number {
  const hours = text === undefined ? USUAL_HOURS : /^[0-9]{1,3}$/.test(text) ? Number(text) : 0
  if (hours < 1 || hours > MOST_HOURS)
    throw new UsageError(SAID[language].hours.replace('{n}', String(MOST_HOURS)))
  return hours
}

async function change(args: readonly string[], io: Io, start: boolean): Promise<ExitCode> {
  const options = readOptions(args, OPTIONS, 0)
  const language = readLanguage(options)
  const said = SAID[language]
  const hours = readHours(options.text('hours'), language)
  const now = io.now()
  const until = new Date(now + hours * HOUR).toISOString()
  const value = start ? { startedAt: new Date(now).toISOString(), hours } : null
  return withStore<ExitCode>(options.text('config'), async (store) => {
    const name = await writeTenantField(store, options.text('tenant'), 'onboarding', value)
    if (name === null) {
      io.err(`siegel: ${said.moved}`)
      return 1
    }
    const row = (await store.config.read()).tenants.get(name)
    if (row !== undefined && start)
      await store.alarms.raise(row.id, { code: 'onboarding-started', subject: name, arguments: { until } })
    if (row !== undefined && !start)
      for (const code of ['onboarding-started', 'onboarding-deferral', 'onboarding-ended'])
        await store.alarms.clear(row.id, code, name)
    io.out(`${name}: ${start ? said.until.replace('{at}', until) : said.ended}`)
    return 0
  })
}

function status(args: readonly string[], io: Io): Promise<ExitCode> {
  const options = readOptions(args, OPTIONS, 0)
  const said = SAID[readLanguage(options)]
  return withStore<ExitCode>(options.text('config'), async (store) => {
    const { version, objects, tenants } = await store.config.read()
    const { name } = chooseTenant(objects, options.text('tenant'))
    const { settings } = compileSettings(version, objects, tenants)
    const found = [...settings.tenants.values()].find((tenant) => tenant.name === name)
    const onboarding = found?.onboarding ?? null
    const on = onboarding !== null && io.now() >= onboarding.startedAt && io.now() < onboarding.endsAt
    const until = onboarding === null ? null : new Date(onboarding.endsAt).toISOString()
    if (options.has('json')) io.out(JSON.stringify({ tenant: name, on, until }))
    else
      io.out(
        `${name}: ${(on ? said.on : until === null ? said.off : said.over).replace('{at}', until ?? '')}`,
      )
    return 0
  })
}

/** The forms `onboarding start`, `end` and `status` of the verb `exchange`. */
export const exchangeOnboarding: Command = (args, io) => {
  const [action, ...rest] = args
  if (action === 'start') return change(rest, io, true)
  if (action === 'end') return change(rest, io, false)
  if (action === 'status') return status(rest, io)
  throw new UsageError('siegel exchange onboarding start [--hours N], end or status')
}

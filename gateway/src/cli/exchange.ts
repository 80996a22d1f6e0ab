/**
 * `siegel exchange plan|script|rollback|guide|verify|drift`: the assistant for a tenant's objects in Exchange Online. Writes texts
 * and looks from outside; it never signs in to Microsoft and changes nothing there or here.
 */
import { sourceOf } from '@siegel/engine'
import { makeGuide } from '../exchange/assist/guide.ts'
import { defaultOptions, type AssistOptions, type SpamOption } from '../exchange/assist/options.ts'
import { overviewLines, overviewRows, planRemarks } from '../exchange/assist/overview.ts'
import { makePlan, type AssistPlan } from '../exchange/assist/plan.ts'
import { makeRollback } from '../exchange/assist/rollback.ts'
import { makeScript } from '../exchange/assist/script.ts'
import type { Tenant } from '../mail/tenant.ts'
import { writeFrom } from './files.ts'
import { UsageError, type Command, type ExitCode, type Io } from './io.ts'
import { rangesVerb } from './exchange-ranges.ts'
import { exchangeOnboarding } from './exchange-onboarding.ts'
import { exchangeRotate } from './exchange-rotate.ts'
import { exchangeWindow } from './exchange-window.ts'
import { readOptions, type Options } from './options.ts'
import { driftVerb, verifyVerb } from './exchange-checks.ts'
import { readLanguage, TENANT_OPTIONS, withTenant, type AssistContext } from './exchange-tenant.ts'
import { roundTripVerb } from './round-trip.ts'
import { writeTenantField } from './tenant-field.ts'

const CHOICES = {
  preset: { type: 'string' },
  spam: { type: 'string' },
  inbound: { type: 'string' },
  guard: { type: 'string' },
  'report-to': { type: 'string' },
  exempt: { type: 'string' },
  'pilot-group': { type: 'string' },
  'gateway-ip': { type: 'string', multiple: true },
  'certificate-name': { type: 'string' },
} as const

function oneOf<T extends string>(options: Options, name: string, allowed: readonly T[], byDefault: T): T {
  const given = options.text(name)
  if (given === undefined) return byDefault
  const found = allowed.find((one) => one === given)
  if (found === undefined) throw new UsageError(`--${name} must be ${allowed.join(' or ')}`)
  return found
}

function exemptions(given: string | undefined, byDefault: AssistOptions['exempt']): AssistOptions['exempt'] {
  if (given === undefined) return byDefault
  if (given === 'none') return []
  return given.split(',').map((one) => {
    if (one === 'OOF' || one === 'PermissionControlled') return one
    throw new UsageError(
      '--exempt must be none, OOF, PermissionControlled, or both of these with a comma between',
    )
  })
}

/** A list that is given, `none` for an empty one. */
function listed(given: readonly string[], byDefault: readonly string[]): readonly string[] {
  if (given.length === 0) return byDefault
  return given.length === 1 && given[0] === 'none' ? [] : given
}

/** The choices that the call makes; what it does not say is as in the last script. */
function choices(options: Options, tenant: Tenant, last: AssistOptions | null): AssistOptions {
  const defaults = last ?? defaultOptions(tenant)
  const preset = options.text('preset')
  if (preset !== undefined && preset !== 'recommended' && preset !== 'as-documented')
    throw new UsageError('--preset must be recommended or as-documented')
  if (preset !== undefined && preset !== tenant.preset)
    throw new UsageError(
      `the tenant ${tenant.name} has the preset ${tenant.preset} in its settings, and Siegel accepts mail by that one only: ` +
        'change the setting with siegel apply first',
    )
  const guard = oneOf(options, 'guard', ['none', 'reject', 'report'], defaults.guard)
  const pilotGroup = options.text('pilot-group') ?? defaults.pilotGroup
  return {
    spam: oneOf<SpamOption>(options, 'spam', ['A', 'B', 'C', 'D'], defaults.spam),
    inbound: oneOf(options, 'inbound', ['crypto', 'all'], defaults.inbound),
    guard,
    reportTo: options.text('report-to') ?? (guard === 'report' ? defaults.reportTo : null),
    exempt: exemptions(options.text('exempt'), defaults.exempt),
    pilotGroup: pilotGroup === 'none' ? null : pilotGroup,
    gatewayAddresses: listed(options.texts('gateway-ip'), defaults.gatewayAddresses),
    certificateName: options.text('certificate-name')?.toLowerCase() ?? defaults.certificateName,
  }
}

function planned(
  args: readonly string[],
  extra: Record<string, { type: 'string' | 'boolean' }>,
  work: (plan: AssistPlan, options: Options, context: AssistContext) => Promise<ExitCode>,
): Promise<ExitCode> {
  const options = readOptions(args, { ...TENANT_OPTIONS, ...CHOICES, ...extra }, 0)
  return withTenant<ExitCode>(options, (context) => {
    const { tenant, scriptOptions } = context
    return work(makePlan(tenant, choices(options, tenant, scriptOptions)), options, context)
  })
}

function showPlan(args: readonly string[], io: Io): Promise<ExitCode> {
  return planned(args, { json: { type: 'boolean' } }, (plan, options, { scriptOptions }) => {
    const language = readLanguage(options)
    const { tenant, generation } = plan
    const result = {
      tenant: tenant.name,
      preset: tenant.preset,
      generation,
      options: plan.options,
      lastScript: scriptOptions,
      objects: overviewRows(plan, language),
      remarks: planRemarks(plan, language),
    }
    if (options.has('json')) io.out(JSON.stringify(result))
    else for (const line of overviewLines(plan, language, scriptOptions)) io.out(line)
    return Promise.resolve(0)
  })
}

/** What is said when a file was written. */
const SAID = {
  wrote: {
    en: (out: string) => `wrote ${out}, readable for its owner only`,
    de: (out: string) => `${out} geschrieben, nur für den Eigentümer lesbar`,
  },
  changed: {
    en: 'siegel: the configuration was changed meanwhile; make the script again',
    de: 'siegel: die Konfiguration wurde inzwischen geändert; das Skript noch einmal erzeugen',
  },
  secrets: {
    en: 'It holds secrets (stamps and processed words): delete it after use.',
    de: 'Sie enthält Geheimnisse (Stempel und Merkwörter): nach Gebrauch löschen.',
  },
  next: {
    en: 'First run it with -WhatIf; what it makes: siegel exchange plan. The next script has the same options.',
    de: 'Zuerst mit -WhatIf ausführen; was es anlegt: siegel exchange plan. Das nächste Skript hat dieselben Optionen.',
  },
} as const

/** Writes a file that nobody but its owner may read. */
async function writePrivate(options: Options, text: string, io: Io): Promise<void> {
  const out = options.text('out')
  if (out === undefined) throw new UsageError('where to? --out FILE')
  if (out === '-') throw new UsageError('it may hold secrets, so it goes into a file: --out FILE')
  await writeFrom(out, sourceOf(Buffer.from(text)), 0o600)
  io.out(SAID.wrote[readLanguage(options)](out))
}

/** Keeps what the script was made with; false when somebody else changes the configuration just now. */
async function keepOptions({ tenant, options }: AssistPlan, context: AssistContext): Promise<boolean> {
  if (JSON.stringify(options) === JSON.stringify(context.scriptOptions)) return true
  const { reportTo, pilotGroup, ...rest } = options
  const value = {
    preset: tenant.preset,
    ...rest,
    ...(reportTo === null ? {} : { reportTo }),
    ...(pilotGroup === null ? {} : { pilotGroup }),
  }
  return (await writeTenantField(context.store, tenant.name, 'script', value)) !== null
}

function script(args: readonly string[], io: Io): Promise<ExitCode> {
  return planned(args, { out: { type: 'string' } }, async (plan, options, context) => {
    const language = readLanguage(options)
    await writePrivate(options, makeScript(plan, language), io)
    if (!(await keepOptions(plan, context))) {
      io.err(SAID.changed[language])
      return 1
    }
    if (plan.tenant.preset === 'recommended') io.out(SAID.secrets[language])
    io.out(SAID.next[language])
    return 0
  })
}

function rollback(args: readonly string[], io: Io): Promise<ExitCode> {
  return planned(args, { out: { type: 'string' } }, async (plan, options) => {
    await writePrivate(options, makeRollback(plan, readLanguage(options)), io)
    return 0
  })
}

function guide(args: readonly string[], io: Io): Promise<ExitCode> {
  return planned(args, { out: { type: 'string' } }, async (plan, options) => {
    const language = readLanguage(options)
    if (options.text('out') === undefined)
      for (const line of makeGuide(plan, { language, secrets: false }).trimEnd().split('\n')) io.out(line)
    else await writePrivate(options, makeGuide(plan, { language, secrets: true }), io)
    return 0
  })
}

/** The verb `exchange`. */
export const exchange: Command = (args, io) => {
  const [action, ...rest] = args
  switch (action) {
    case 'plan':
      return showPlan(rest, io)
    case 'script':
      return script(rest, io)
    case 'rollback':
      return rollback(rest, io)
    case 'guide':
      return guide(rest, io)
    case 'window':
      return exchangeWindow(rest, io)
    case 'onboarding':
      return exchangeOnboarding(rest, io)
    case 'rotate':
      return exchangeRotate(rest, io)
    case 'verify':
      return rest.includes('--round-trip') ? roundTripVerb(rest, io) : verifyVerb(rest, io)
    case 'drift':
      return driftVerb(rest, io)
    case 'ranges':
      return rangesVerb(rest, io)
    default:
      throw new UsageError(
        'siegel exchange plan, script, rollback, guide, verify, drift, ranges, window, onboarding or rotate; siegel help exchange',
      )
  }
}

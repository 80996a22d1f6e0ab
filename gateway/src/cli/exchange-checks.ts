/**
 * `siegel exchange verify` and `drift`: what is wrong with a tenant's set-up, one line each, with what to do. `verify` looks from
 * outside and at the exported state if given; `drift` at the state alone. Exit 1 when anything is bad.
 */
import { createHostLookup } from '../dns/hosts.ts'
import { createResolver, type Resolve } from '../dns/resolver.ts'
import { check, checkLine, explained, type Check } from '../exchange/assist/checks.ts'
import { drift } from '../exchange/assist/drift.ts'
import type { Language } from '../exchange/assist/language.ts'
import { AssistError } from '../exchange/assist/options.ts'
import { lookFromOutside } from '../exchange/assist/outside.ts'
import { fetchList } from '../exchange/assist/revocation-lists.ts'
import { readState } from '../exchange/assist/state.ts'
import { validationCheck } from './connector-validation.ts'
import { readInput, UsageError, type ExitCode, type Io } from './io.ts'
import { readOptions, type Options } from './options.ts'
import { readLanguage, TENANT_OPTIONS, withTenant, type AssistContext } from './exchange-tenant.ts'

const OPTIONS = {
  ...TENANT_OPTIONS,
  state: { type: 'string' },
  listener: { type: 'string' },
  json: { type: 'boolean' },
} as const

async function stateChecks(file: string, { tenant, scriptOptions }: AssistContext, io: Io): Promise<Check[]> {
  const state = readState(await readInput(file, io))
  if (state.Tenant !== tenant.name)
    throw new AssistError(`the state is of the tenant ${JSON.stringify(state.Tenant)}, not of ${tenant.name}`)
  if (state.Preset !== tenant.preset)
    throw new AssistError(
      `the state was exported with the preset ${state.Preset}, the settings say ${tenant.preset}`,
    )
  return drift(tenant, state, io.now(), scriptOptions)
}

function readListener(text: string | undefined): { host: string; port: number } | null {
  if (text === undefined) return null
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:]+)):([1-9][0-9]{0,4})$/.exec(text) ?? []
  const host = bracketed ?? plain
  if (host === undefined || Number(port) > 65_535)
    throw new UsageError('--listener must be HOST:PORT, for example 192.0.2.7:25')
  return { host: host.toLowerCase(), port: Number(port) }
}

/** What Office 365 says of us from outside is not told twice where the state names the cause. */
function withoutConsequences(outside: readonly Check[], inside: readonly Check[]): Check[] {
  const causes = new Set<Check['code']>([
    'accepted-domain-missing',
    'connector-missing',
    'connector-disabled-by-microsoft',
  ])
  if (!inside.some(({ code }) => causes.has(code))) return [...outside]
  return outside.filter(({ code }) => code !== 'inbound-not-recognised' && code !== 'accepted-domain-missing')
}

/** Mail exchangers by preference. RFC 5321 5.1 */
async function mailExchangers(resolve: Resolve, domain: string): Promise<readonly string[]> {
  const { records } = await resolve(domain, 'MX')
  return records.toSorted((a, b) => a.preference - b.preference).map(({ exchange }) => exchange)
}

function report(checks: readonly Check[], options: Options, language: Language, io: Io): ExitCode {
  if (options.has('json'))
    io.out(JSON.stringify(checks.map((one) => ({ ...one, ...explained(one, language) }))))
  else for (const one of checks) io.out(checkLine(one, language))
  return checks.some(({ verdict }) => verdict === 'bad') ? 1 : 0
}

/** `siegel exchange drift --state FILE`. */
export function driftVerb(args: readonly string[], io: Io): Promise<ExitCode> {
  const options = readOptions(args, OPTIONS, 0)
  const language = readLanguage(options)
  const file = options.text('state')
  if (file === undefined)
    throw new UsageError(
      'of what? --state FILE, which the script writes with -Export (see siegel exchange script)',
    )
  return withTenant(options, async (context) =>
    report(await stateChecks(file, context, io), options, language, io),
  )
}

/** `siegel exchange verify`. */
export function verifyVerb(args: readonly string[], io: Io): Promise<ExitCode> {
  const options = readOptions(args, OPTIONS, 0)
  const language = readLanguage(options)
  const listener = readListener(options.text('listener'))
  return withTenant(options, async (context) => {
    const { tenant, settings, start } = context
    const { resolve } = createResolver(start.dns)
    const outside = await lookFromOutside({
      tenant,
      client: settings.clientIdentities.get(tenant.id) ?? null,
      servers: settings.serverIdentities,
      tlsAnchors: settings.tlsAnchors,
      listener,
      resolve: createHostLookup({ table: start.hosts, resolve }),
      mx: (domain) => mailExchangers(resolve, domain),
      fetch: fetchList,
      now: io.now(),
    })
    const file = options.text('state')
    const inside =
      file === undefined ? [check('warning', 'state-not-given')] : await stateChecks(file, context, io)
    const seen = [
      ...withoutConsequences(outside, inside),
      await validationCheck(context.traces, tenant.acceptedDomains),
      ...inside,
    ]
    return report(seen, options, language, io)
  })
}

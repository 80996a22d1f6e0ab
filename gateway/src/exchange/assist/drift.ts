/**
 * Drift: what stands in the tenant (the exported state) against what should stand there (the plan made from today's settings).
 * Pure. Says what differs, what is missing and what of others is in the way; mends nothing.
 */
import { check, type Check } from './checks.ts'
import { makePlan, type AssistPlan, type PlannedConnector, type PlannedRule } from './plan.ts'
import { optionWords } from './overview.ts'
import type { AssistOptions, AssistTenant } from './options.ts'
import type { Value } from './powershell.ts'
import { COMPARED_INBOUND_FIELDS, COMPARED_OUTBOUND_FIELDS, COMPARED_RULE_FIELDS } from './script-export.ts'
import { certificateDomain } from './script-preflight.ts'
import type { ExchangeState, StateConnector, StateRule } from './state.ts'

const DAY = 86_400_000

/** What a tenant's first domain looks like; `NAME.mail.onmicrosoft.com` is another, for hybrid routing. */
const BELOW_ONMICROSOFT = /^[a-z0-9-]+\.onmicrosoft\.com$/

/** A value as a list of texts in one form: Exchange Online prints `*` of SenderDomains as `smtp:*;1`. */
function normal(value: Value | readonly string[] | undefined): string[] {
  return [value ?? []]
    .flat()
    .map((one) => String(one).toLowerCase())
    .map((one) => /^smtp:(.*);\d+$/.exec(one)?.[1] ?? one)
    .filter((one) => one !== 'false')
    .sort()
}

function listed(value: readonly string[]): string {
  return value.length === 0 ? '-' : value.join(', ')
}

/** The fields in which an object differs. */
function differences(
  planned: PlannedConnector,
  actual: StateConnector | StateRule,
  fields: readonly string[],
): { field: string; actual: string; expected: string }[] {
  return fields.flatMap((field) => {
    const expected = normal(planned.values[field])
    const found = normal((actual as Readonly<Record<string, readonly string[] | undefined>>)[field])
    return expected.join('\0') === found.join('\0')
      ? []
      : [{ field, actual: listed(found), expected: listed(expected) }]
  })
}

function accepted(state: ExchangeState): ReadonlySet<string> {
  return new Set(state.AcceptedDomains.map(({ DomainName }) => DomainName.toLowerCase()))
}

/** Whether the name on the gateway's certificate is an accepted domain. */
function domainAccepted(plan: AssistPlan, state: ExchangeState): boolean {
  return accepted(state).has(certificateDomain(plan))
}

/** Whether what is routed to the gateway could come back: until then no rule should be enabled. */
function couldReturn(plan: AssistPlan, state: ExchangeState): boolean {
  const actual = state.InboundConnectors.find(({ Name }) => Name === plan.inbound.name)
  const on = actual !== undefined && normal(actual['Enabled']).join() === 'true'
  return on && domainAccepted(plan, state)
}

function domains(plan: AssistPlan, state: ExchangeState): Check[] {
  const there = accepted(state)
  const wanted = certificateDomain(plan)
  const { initialDomain } = plan.tenant
  const configured = [...plan.tenant.acceptedDomains, ...(initialDomain === null ? [] : [initialDomain])]
  return [
    domainAccepted(plan, state)
      ? check('good', 'accepted-domain', { domain: wanted })
      : check('bad', 'accepted-domain-missing', { domain: wanted }),
    ...configured
      .filter((domain) => domain !== wanted && !there.has(domain))
      .map((domain) => check('bad', 'domain-not-in-tenant', { domain })),
    ...[...there]
      .filter((domain) => !configured.includes(domain))
      .map((domain) =>
        initialDomain === null && BELOW_ONMICROSOFT.test(domain)
          ? check('warning', 'initial-domain-unset', { domain })
          : check('warning', 'domain-not-in-settings', { domain }),
      ),
  ]
}

function connectors(plan: AssistPlan, state: ExchangeState): Check[] {
  const one = (
    planned: PlannedConnector,
    there: readonly StateConnector[],
    fields: readonly string[],
    off: Check['code'],
  ): Check[] => {
    const { name } = planned
    const actual = there.find((connector) => connector.Name === name)
    if (actual === undefined)
      // The script makes it only once the domain is accepted: that is what is to be mended, and is said.
      return planned === plan.inbound && !domainAccepted(plan, state)
        ? [check('warning', 'connector-waits', { name })]
        : [check('bad', 'connector-missing', { name })]
    const enabled = normal(actual['Enabled']).join() === 'true'
    const different = differences(
      planned,
      actual,
      fields.filter((field) => field !== 'Enabled'),
    )
    const found = [
      ...(enabled ? [] : [check('bad', off, { name })]),
      ...different.map((difference) => check('bad', 'connector-changed', { name, ...difference })),
    ]
    return found.length === 0 ? [check('good', 'connector', { name })] : found
  }
  const rivals = state.InboundConnectors.filter(
    (connector) =>
      connector.Name !== plan.inbound.name &&
      normal(connector['TlsSenderCertificateName']).includes(plan.options.certificateName),
  )
  return [
    ...one(plan.outbound, state.OutboundConnectors, COMPARED_OUTBOUND_FIELDS, 'connector-off'),
    ...one(plan.inbound, state.InboundConnectors, COMPARED_INBOUND_FIELDS, 'connector-disabled-by-microsoft'),
    ...rivals.map(({ Name }) => check('bad', 'connector-same-certificate', { name: Name })),
  ]
}

/** Whether the comment is of this tenant's script. */
function isOurs(plan: AssistPlan, { Comments }: StateRule): boolean {
  const [product = '', name] = Comments.split(' ')
  return product.startsWith('Siegel/') && name === plan.tenant.name
}

function enabling(planned: PlannedRule, actual: StateRule, mayBeOn: boolean): Check[] {
  const { name } = planned
  const stage = planned.stage === 'guard' ? '-Stage guard' : '-Stage pilot | all'
  if (actual.State.toLowerCase() === 'enabled')
    return actual.PilotGroups.length === 0
      ? []
      : [check('warning', 'rule-pilot', { name, groups: actual.PilotGroups.join(', ') })]
  if (actual.Comments.includes('(bypassed)')) return [check('bad', 'rule-bypassed', { name })]
  if (!mayBeOn) return [check('warning', 'rule-waits', { name, stage })]
  return [check(planned.stage === 'guard' ? 'warning' : 'bad', 'rule-disabled', { name, stage })]
}

function oneRule(plan: AssistPlan, planned: PlannedRule, state: ExchangeState): Check[] {
  const { name } = planned
  const actual = state.Rules.find((rule) => rule.Name === name)
  if (actual === undefined) return [check('bad', 'rule-missing', { name })]
  // The script compared secrets and words with its own: of other settings, its verdict says nothing of today's.
  const comparable = state.Generation === plan.generation
  const count = (number: number) => ({ name, count: String(number) })
  const faults = [
    ...differences(planned, actual, COMPARED_RULE_FIELDS).map((difference) =>
      check('bad', 'rule-changed', { name, ...difference }),
    ),
    ...(comparable && actual.Stamp === 'other' ? [check('bad', 'rule-stamp', { name })] : []),
    ...(comparable && actual.WordsMissing > 0
      ? [check('bad', 'rule-words-missing', count(actual.WordsMissing))]
      : []),
    ...(comparable && actual.WordsExtra > 0
      ? [check('bad', 'rule-words-extra', count(actual.WordsExtra))]
      : []),
    ...(isOurs(plan, actual) && !actual.Comments.includes(` ${plan.generation}.`)
      ? [check('bad', 'rule-generation', { name })]
      : []),
    ...enabling(planned, actual, couldReturn(plan, state)),
  ]
  return faults.length === 0 ? [check('good', 'rule', { name })] : faults
}

function order(plan: AssistPlan, state: ExchangeState): Check[] {
  const places = plan.rules.flatMap(({ name }) => state.Rules.filter((rule) => rule.Name === name))
  return places.flatMap((rule, index) => {
    const before = places[index - 1]
    return before !== undefined && rule.Priority < before.Priority
      ? [check('bad', 'rules-order', { name: rule.Name, other: before.Name })]
      : []
  })
}

function conflicts(plan: AssistPlan, state: ExchangeState): Check[] {
  const names = new Set(plan.rules.map(({ name }) => name))
  const routes = state.Rules.filter((rule) =>
    plan.rules.some(({ name, pilot }) => name === rule.Name && pilot !== null),
  )
  const firstRoute = Math.min(...routes.map(({ Priority }) => Priority), Number.MAX_SAFE_INTEGER)
  const others = state.Rules.filter((rule) => !names.has(rule.Name))
  return [
    ...others
      .filter((rule) => isOurs(plan, rule))
      .map(({ Name }) => check('bad', 'rule-left-over', { name: Name })),
    ...others
      .filter((rule) => !isOurs(plan, rule) && rule.State.toLowerCase() === 'enabled')
      .flatMap((rule) => {
        const name = rule.Name
        const connector = normal(rule['RouteMessageOutboundConnector'])
        return [
          ...(rule.Disclaimer ? [check('warning', 'conflict-disclaimer', { name })] : []),
          ...(normal(rule['StopRuleProcessing']).length > 0 && rule.Priority < firstRoute
            ? [check('warning', 'conflict-stop', { name })]
            : []),
          ...(connector.length > 0
            ? [check('warning', 'conflict-route', { name, connector: connector.join(', ') })]
            : []),
          ...(rule.Protects ? [check('warning', 'conflict-protect', { name })] : []),
        ]
      }),
    ...(plan.options.spam === 'A'
      ? []
      : state.JournalRules.map((name) => check('warning', 'conflict-journal', { name }))),
    ...(state.RejectDirectSend ? [check('warning', 'direct-send')] : []),
  ]
}

/** The state comes from a script that had other options than the last one that was made. */
function otherOptions(wanted: AssistOptions, actual: AssistOptions): Check[] {
  const [should, is] = [optionWords(wanted), optionWords(actual)]
  const expected = should.filter((one) => !is.includes(one)).join(' ')
  const found = is.filter((one) => !should.includes(one)).join(' ')
  return expected === '' && found === ''
    ? []
    : [check('bad', 'options-differ', { actual: found || '-', expected: expected || '-' })]
}

/** For whom the rules that route are in force: all for the same people, and a guard only where all mail is routed. */
function pilots(plan: AssistPlan, state: ExchangeState): Check[] {
  const there = (names: readonly PlannedRule[]) =>
    names.flatMap(({ name }) => state.Rules.filter((rule) => rule.Name === name))
  const isOn = ({ State }: StateRule) => State.toLowerCase() === 'enabled'
  const routes = plan.rules.filter(({ pilot }) => pilot !== null)
  const on = there(routes).filter(isOn)
  const scopes = new Set(on.map(({ PilotGroups }) => normal(PilotGroups).join(', ')))
  const { pilotGroup } = plan.options
  const others = [...scopes].filter((scope) => scope !== '' && scope !== pilotGroup?.toLowerCase())
  const isWhole = on.length === routes.length && [...scopes].join() === ''
  return [
    ...(on.length === 0 || couldReturn(plan, state)
      ? []
      : [check('bad', 'rules-no-return', { names: on.map(({ Name }) => Name).join(', ') })]),
    ...(scopes.size > 1
      ? [check('bad', 'pilot-uneven', { groups: [...scopes].map((scope) => scope || '*').join('; ') })]
      : []),
    ...(pilotGroup === null
      ? []
      : others.map((groups) => check('warning', 'pilot-other', { groups, expected: pilotGroup }))),
    ...(isWhole
      ? []
      : there(plan.rules.filter(({ stage }) => stage === 'guard'))
          .filter(isOn)
          .map(({ Name }) => check('bad', 'guard-too-early', { name: Name }))),
  ]
}

/**
 * Compares the state with the settings.
 * @param now - milliseconds since 1970
 * @param wanted - the options of the last script; null: those of the script that exported the state, whatever they were
 * @throws AssistError when the options cannot be for this tenant
 */
export function drift(
  tenant: AssistTenant,
  state: ExchangeState,
  now: number,
  wanted: AssistOptions | null = null,
): Check[] {
  const plan = makePlan(tenant, wanted ?? state.Options)
  const taken = Date.parse(state.TakenAt)
  return [
    ...(Number.isNaN(taken) || now - taken > DAY
      ? [check('warning', 'state-age', { takenAt: state.TakenAt })]
      : []),
    state.Generation === plan.generation
      ? check('good', 'state-current', { generation: plan.generation })
      : check('bad', 'state-generation', { generation: state.Generation }),
    ...(wanted === null ? [] : otherOptions(wanted, state.Options)),
    ...domains(plan, state),
    ...connectors(plan, state),
    ...pilots(plan, state),
    ...plan.rules.flatMap((rule) => oneRule(plan, rule, state)),
    ...order(plan, state),
    ...conflicts(plan, state),
  ]
}

// Drift: a tenant as planned has none; every way in which it can differ is named, and nothing else is.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkLine } from './checks.ts'
import { drift } from './drift.ts'
import { defaultOptions, type AssistOptions, type AssistTenant } from './options.ts'
import { makePlan } from './plan.ts'
import { readState } from './state.ts'
import { foreignRule, stateOf, type MadeState } from './testing/states.ts'
import { documented, recommended, SECRETS } from './testing/tenants.ts'

const NOW = Date.UTC(2026, 10, 24)
const guarded = { ...defaultOptions(recommended), guard: 'reject' as const, gatewayAddresses: ['192.0.2.7'] }

function found(change: (state: MadeState) => void, tenant: AssistTenant = recommended) {
  const options = tenant.preset === 'recommended' ? guarded : defaultOptions(tenant)
  const state = stateOf(makePlan(tenant, options), NOW)
  change(state)
  return drift(tenant, readState(Buffer.from(JSON.stringify(state))), NOW)
}

/** What is not good, as `verdict code`. */
function faults(change: (state: MadeState) => void, tenant?: AssistTenant): string[] {
  return found(change, tenant)
    .filter(({ verdict }) => verdict !== 'good')
    .map(({ verdict, code }) => `${verdict} ${code}`)
}

/** A rule of the state by the beginning of its name. */
function rule(state: MadeState, name: string): Record<string, unknown> {
  const one = state.Rules.find((candidate) => String(candidate['Name']).startsWith(name))
  assert.ok(one !== undefined, name)
  return one
}

test('a tenant as planned has no drift, with either preset', () => {
  for (const tenant of [recommended, documented]) {
    const checks = found(() => undefined, tenant)
    assert.ok(checks.length > 5)
    assert.deepEqual(
      checks.filter(({ verdict }) => verdict !== 'good'),
      [],
    )
  }
})

test("the domain below onmicrosoft.com is asked for until it is initialDomain, and must be the tenant's", () => {
  const initial: AssistTenant = { ...recommended, initialDomain: 'contoso.onmicrosoft.com' }
  const add = (DomainName: string) => (s: MadeState) => s.AcceptedDomains.push({ DomainName })
  assert.deepEqual(faults(add('Contoso.onmicrosoft.com')), ['warning initial-domain-unset'])
  assert.deepEqual(faults(add('contoso.mail.onmicrosoft.com')), ['warning domain-not-in-settings'])
  assert.deepEqual(faults(add('contoso.onmicrosoft.com'), initial), [])
  assert.deepEqual(
    faults(() => undefined, initial),
    ['bad domain-not-in-tenant'],
  )
})

test('every difference is named and is the only one', () => {
  const cases: [string, (state: MadeState) => void, string[]][] = [
    ['domain', (s) => s.AcceptedDomains.pop(), ['bad accepted-domain-missing', 'bad rules-no-return']],
    ['other domain', (s) => s.AcceptedDomains.shift(), ['bad domain-not-in-tenant']],
    ['new domain', (s) => s.AcceptedDomains.push({ DomainName: 'New.example' }), ['warning domain-not-in-settings']],
    ['disabled', (s) => Object.assign(s.InboundConnectors[0] ?? {}, { Enabled: ['False'] }), ['bad connector-disabled-by-microsoft', 'bad rules-no-return']],
    ['no inbound', (s) => s.InboundConnectors.pop(), ['bad connector-missing', 'bad rules-no-return']],
    ['outbound off', (s) => Object.assign(s.OutboundConnectors[0] ?? {}, { Enabled: ['False'] }), ['bad connector-off']],
    ['headers', (s) => Object.assign(s.OutboundConnectors[0] ?? {}, { CloudServicesMailEnabled: ['False'] }), ['bad connector-changed']],
    ['smart host', (s) => Object.assign(s.OutboundConnectors[0] ?? {}, { SmartHosts: ['evil.example'] }), ['bad connector-changed']],
    ['rival', (s) => s.InboundConnectors.push({ Name: 'old', TlsSenderCertificateName: ['smime-gw.contoso.com'] }), ['bad connector-same-certificate']],
    ['no rule', (s) => s.Rules.splice(2, 1), ['bad rule-missing']],
    ['no route', (s) => s.Rules.splice(s.Rules.indexOf(rule(s, 'Siegel 200')), 1), ['bad guard-too-early', 'bad rule-missing']],
    ['disabled rule', (s) => (rule(s, 'Siegel 200')['State'] = 'Disabled'), ['bad guard-too-early', 'bad rule-disabled']],
    ['guard not yet', (s) => (rule(s, 'Siegel 800')['State'] = 'Disabled'), ['warning rule-disabled']],
    ['bypassed', (s) => Object.assign(rule(s, 'Siegel 200'), { State: 'Disabled', Comments: `${String(rule(s, 'Siegel 200')['Comments'])} (bypassed)` }), ['bad guard-too-early', 'bad rule-bypassed']],
    ['pilot', (s) => (rule(s, 'Siegel 200')['PilotGroups'] = ['p@contoso.com']), ['bad pilot-uneven', 'bad guard-too-early', 'warning rule-pilot']],
    ['wrong words', (s) => (rule(s, 'Siegel 310')['WordsMissing'] = 1), ['bad rule-words-missing']],
    ['old words', (s) => (rule(s, 'Siegel 310')['WordsExtra'] = 2), ['bad rule-words-extra']],
    ['wrong secret', (s) => (rule(s, 'Siegel 200')['Stamp'] = 'other'), ['bad rule-stamp']],
    ['ignore errors', (s) => (rule(s, 'Siegel 200')['RuleErrorAction'] = ['Ignore']), ['bad rule-changed']],
    ['added exception', (s) => (rule(s, 'Siegel 320')['ExceptIfMessageTypeMatches'] = ['OOF']), ['bad rule-changed']],
    ['no stop', (s) => (rule(s, 'Siegel 200')['StopRuleProcessing'] = ['False']), ['bad rule-changed']],
    ['other script', (s) => (rule(s, 'Siegel 200')['Comments'] = 'Siegel/1 contoso 0000000000000000. Made'), ['bad rule-generation']],
    ['order', (s) => Object.assign(rule(s, 'Siegel 900'), { Priority: 0.5 }), ['bad rules-order']],
    ['left over', (s) => s.Rules.push(foreignRule('Siegel 700', 99, { Comments: 'Siegel/1 contoso 00' })), ['bad rule-left-over']],
    ['disclaimer', (s) => s.Rules.push(foreignRule('Footer', 99, { Disclaimer: true })), ['warning conflict-disclaimer']],
    ['stops earlier', (s) => s.Rules.push(foreignRule('Stop', -1, { StopRuleProcessing: ['True'] })), ['warning conflict-stop']],
    ['stops later', (s) => s.Rules.push(foreignRule('Stop', 99, { StopRuleProcessing: ['True'] })), []],
    ['disabled foreign', (s) => s.Rules.push(foreignRule('Footer', 0, { Disclaimer: true, State: 'Disabled' })), []],
    ['routes', (s) => s.Rules.push(foreignRule('CodeTwo', 99, { RouteMessageOutboundConnector: 'CodeTwo' })), ['warning conflict-route']],
    ['protects', (s) => s.Rules.push(foreignRule('OME', 99, { Protects: true })), ['warning conflict-protect']],
    ['direct send', (s) => (s['RejectDirectSend'] = true), ['warning direct-send']],
    ['journal with retention', (s) => (s['JournalRules'] = 'All mail'), []],
    ['old', (s) => (s['TakenAt'] = '2026-11-20T00:00:00Z'), ['warning state-age']],
  ] // prettier-ignore
  for (const [name, change, expected] of cases) assert.deepEqual(faults(change), expected, name)
})

test('a guard that the last script had and the one that was run has not, the other way round, and other people in the pilot', () => {
  const bare = { ...guarded, guard: 'none' as const }
  const seen = (ran: typeof bare | typeof guarded, wanted: AssistOptions, change: (s: MadeState) => void = () => undefined) => {
    const made = stateOf(makePlan(recommended, ran), NOW)
    change(made)
    return drift(recommended, readState(Buffer.from(JSON.stringify(made))), NOW, wanted)
      .filter(({ verdict, code }) => verdict !== 'good' && code !== 'rule-generation')
      .map((one) => checkLine(one, 'en'))
  } // prettier-ignore
  const forgotten = seen(bare, guarded)
  assert.match(forgotten[1] ?? '', /had --guard none, the last one that was made has --guard reject/)
  assert.match(forgotten[2] ?? '', /^bad +rule Siegel 800 guard is missing/)
  assert.equal(forgotten.length, 3, forgotten.join('\n'))
  const unexpected = seen(guarded, bare)
  assert.match(unexpected[2] ?? '', /^bad +rule Siegel 800 guard is left over/)
  assert.deepEqual(seen(guarded, guarded), [])
  const piloted = { ...bare, pilotGroup: 'pilot@contoso.com' }
  const others = seen(piloted, piloted, (made) => {
    for (const one of made.Rules)
      if (/^Siegel [23]/.test(String(one['Name']))) one['PilotGroups'] = ['Other@contoso.com']
  })
  assert.match(others[0] ?? '', /the pilot is other@contoso\.com, the script was made for pilot@contoso\.com/)
})

test('what the script leaves for later is said as waiting, beside the one thing that is to be mended', () => {
  const fresh = (state: MadeState) => {
    for (const one of state.Rules) one['State'] = 'Disabled'
  }
  const rules = makePlan(recommended, guarded).rules.map(() => 'warning rule-waits')
  assert.deepEqual(
    faults((state) => {
      fresh(state)
      state.AcceptedDomains.pop()
      state.InboundConnectors.pop()
    }),
    ['bad accepted-domain-missing', 'warning connector-waits', ...rules],
  )
  assert.deepEqual(
    faults((state) => {
      fresh(state)
      Object.assign(state.InboundConnectors[0] ?? {}, { Enabled: ['False'] })
    }),
    ['bad connector-disabled-by-microsoft', ...rules],
  )
  // What has no such excuse is still bad.
  assert.deepEqual(
    faults(fresh).filter((one) => one.startsWith('bad')).length,
    makePlan(recommended, guarded).rules.filter(({ stage }) => stage !== 'guard').length,
  )
})

test('a connector that Microsoft made disabled is said in the words that support knows', () => {
  const [bad] = found(
    (state) => Object.assign(state.InboundConnectors[0] ?? {}, { Enabled: ['False'] }),
    documented,
  ).filter(({ verdict }) => verdict === 'bad')
  assert.ok(bad !== undefined)
  for (const language of ['de', 'en'] as const)
    assert.match(checkLine(bad, language), /created disabled: contact support/)
})

test('after a change of the settings the state is out of date, and its verdict on secrets is not believed', () => {
  const state = stateOf(makePlan(recommended, guarded), NOW)
  rule(state, 'Siegel 200')['Stamp'] = 'other'
  const changed: AssistTenant = {
    ...recommended,
    processedHeader: {
      ...recommended.processedHeader,
      outbound: ['zyxwvutsrqponmlkjihgfedcba', SECRETS.wordOut],
    },
  }
  const codes = drift(changed, readState(Buffer.from(JSON.stringify(state))), NOW).map(({ code }) => code)
  assert.ok(codes.includes('state-generation') && codes.includes('rule-generation'))
  assert.ok(!codes.includes('rule-stamp'))
})

test('the state is read in the encodings of Windows PowerShell, and what is none is refused', () => {
  const text = JSON.stringify(stateOf(makePlan(documented, defaultOptions(documented)), NOW))
  const utf16 = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(text, 'utf16le')])
  for (const bytes of [Buffer.from(text), Buffer.from(`\ufeff${text}`), utf16])
    assert.equal(readState(bytes).Tenant, 'contoso')
  const unwrapped = {
    ...(JSON.parse(text) as MadeState),
    AcceptedDomains: { DomainName: 'contoso.com' },
    JournalRules: null,
  }
  assert.deepEqual(readState(Buffer.from(JSON.stringify(unwrapped))).AcceptedDomains, [
    { DomainName: 'contoso.com' },
  ])
  for (const bad of [
    '',
    '{',
    '[]',
    '{"Format":"other"}',
    JSON.stringify({ ...unwrapped, Options: '{}' }),
    JSON.stringify({ ...unwrapped, Options: '{' }),
  ])
    assert.throws(() => readState(Buffer.from(bad)), /state/)
})

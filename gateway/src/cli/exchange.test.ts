// The assistant's verbs on a real store: what they print, what they write and with which permissions, what they refuse.
import assert from 'node:assert/strict'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { secretNumber, tenantSpecOf } from '../config/testkit.ts'
import { defaultOptions } from '../exchange/assist/options.ts'
import { makePlan } from '../exchange/assist/plan.ts'
import { stateOf } from '../exchange/assist/testing/states.ts'
import type { Tenant } from '../mail/tenant.ts'
import { Installation } from './testing/installation.ts'

let installation: Installation
before(async () => {
  const documented: Record<string, unknown> = {
    ...tenantSpecOf('fabrikam.com', 1),
    preset: 'as-documented',
    microsoftTenantId: '11111111-2222-3333-4444-555555555555',
  }
  delete documented['secretHeader']
  installation = await Installation.make([
    { kind: 'Tenant', name: 'contoso', spec: tenantSpecOf('contoso.com', 0) },
    { kind: 'Tenant', name: 'fabrikam', spec: documented },
  ])
})
after(() => installation.remove())
const run = (...argv: string[]) => installation.run(...argv)

const SECRETS = [secretNumber(0).secret, secretNumber(1).secret, secretNumber(0).word, secretNumber(1).word]

test('plan shows objects and reasons in both languages and no secret', async () => {
  const german = await run('exchange', 'plan', '--tenant', 'contoso', '--language', 'de')
  assert.deepEqual([german.code, german.err], [0, ''])
  assert.match(german.out, /^Regel +Siegel 200 outbound to gateway +schickt Mail von innen nach außen/m)
  assert.match(german.out, /Option A \(Kopfzeilen behalten\)/)
  const english = await run('exchange', 'plan', '--tenant', 'contoso', '--language', 'en', '--spam', 'D')
  assert.match(english.out, /^connector +Siegel from gateway +recognises the gateway/m)
  assert.match(english.out, /Siegel 700 keep spam verdict/)
  const json = await run('exchange', 'plan', '--tenant', 'contoso', '--json')
  const parsed = JSON.parse(json.out) as { preset: string; objects: { purpose: string }[] }
  assert.equal(parsed.preset, 'recommended')
  assert.ok(parsed.objects.some(({ purpose }) => purpose === 'clean-up'))
  for (const { out } of [german, english, json])
    for (const secret of SECRETS) assert.ok(!out.includes(secret))
})

test('the script is a file for its owner only, replaces one that others could read, and holds the secrets that the plan hides', async () => {
  const file = join(installation.folder, 'contoso.ps1')
  await writeFile(file, 'old', { mode: 0o644 })
  const { code, out, err } = await run(
    'exchange',
    'script',
    '--tenant',
    'contoso',
    '--preset',
    'recommended',
    '--out',
    file,
  )
  assert.deepEqual([code, err], [0, ''])
  assert.match(out, /holds secrets/)
  assert.equal((await stat(file)).mode & 0o777, 0o600)
  const text = await readFile(file, 'utf8')
  assert.match(text, /THIS FILE HOLDS SECRETS/)
  for (const secret of SECRETS) {
    assert.ok(text.includes(secret))
    assert.ok(!out.includes(secret))
  }
})

test('rollback and guide are written; the guide on the screen hides secrets, in the file it does not', async () => {
  const back = join(installation.folder, 'back.ps1')
  assert.equal((await run('exchange', 'rollback', '--tenant', 'contoso', '--out', back)).code, 0)
  assert.match(await readFile(back, 'utf8'), /Remove-TransportRule/)
  const screen = await run('exchange', 'guide', '--tenant', 'contoso', '--language', 'de')
  for (const secret of SECRETS) assert.ok(!screen.out.includes(secret))
  const file = join(installation.folder, 'guide.md')
  assert.equal(
    (await run('exchange', 'guide', '--tenant', 'contoso', '--language', 'de', '--out', file)).code,
    0,
  )
  assert.equal((await stat(file)).mode & 0o777, 0o600)
  const text = await readFile(file, 'utf8')
  for (const secret of SECRETS) assert.ok(text.includes(secret))
})

test('the guide follows the how-to, with the own values, and says where it errs', async () => {
  for (const [language, mistake] of [
    ['de', /eingehenden\* Connector\. Eine Regel kann nur an einen ausgehenden leiten: `Siegel to gateway`/],
    ['en', /inbound\* connector\. A rule can only route to an outbound one: `Siegel to gateway`/],
  ] as const) {
    const { code, out } = await run('exchange', 'guide', '--tenant', 'fabrikam', '--language', language)
    assert.equal(code, 0)
    assert.match(out, mistake)
    assert.match(out, /created disabled: contact support/)
    assert.match(
      out,
      /\[fabrikam-com\.mail\.protection\.outlook\.com\]:25 verify match=mail\.protection\.outlook\.com/,
    )
    const order = [
      '## S1, S2',
      '## S2, S3, S4',
      '## S5',
      '## S6',
      '`S/MIME eingehend`',
      '## S7',
      '`S/MIME ausgehend`',
    ]
    const places = order.map((text) => out.indexOf(text))
    assert.deepEqual(
      places,
      places.toSorted((a, b) => a - b),
    )
    assert.ok(!places.includes(-1))
    assert.equal(out.split('`smime.fabrikam.com`').length > 4, true)
  }
})

/** The tenant of the settings, as the assistant sees it. */
const contoso: Pick<
  Tenant,
  | 'name'
  | 'microsoftTenantId'
  | 'acceptedDomains'
  | 'initialDomain'
  | 'fqdn'
  | 'preset'
  | 'secretHeader'
  | 'processedHeader'
  | 'route'
> = {
  name: 'contoso',
  microsoftTenantId: null,
  initialDomain: null,
  acceptedDomains: ['contoso.com', 'smime.contoso.com'],
  fqdn: 'smime.contoso.com',
  preset: 'recommended',
  secretHeader: {
    name: 'X-Contoso-Siegel',
    outbound: [secretNumber(0).secret],
    inbound: [secretNumber(1).secret],
    retired: null,
  },
  processedHeader: {
    name: 'X-Siegel-Processed',
    outbound: [secretNumber(0).word],
    inbound: [secretNumber(1).word],
  },
  route: '[contoso-com.mail.protection.outlook.com]:25',
}

test('drift of an exported state: none, then each fault with a line and exit code 1', async () => {
  const file = join(installation.folder, 'state.json')
  const state = stateOf(makePlan(contoso, defaultOptions(contoso)), Date.now())
  await writeFile(file, `\ufeff${JSON.stringify(state)}`)
  const none = await run('exchange', 'drift', '--tenant', 'contoso', '--state', file, '--language', 'en')
  assert.deepEqual([none.code, none.err], [0, ''])
  assert.ok(!/^(bad|look)/m.test(none.out), none.out)

  state.AcceptedDomains.pop()
  Object.assign(state.InboundConnectors[0] ?? {}, { Enabled: ['False'] })
  await writeFile(file, JSON.stringify(state))
  const some = await run('exchange', 'drift', '--tenant', 'contoso', '--state', file, '--language', 'en')
  assert.equal(some.code, 1)
  assert.match(
    some.out,
    /^bad +accepted domain missing: smime\.contoso\.com -> the name on the gateway's certificate/m,
  )
  assert.match(
    some.out,
    /^bad +inbound connector Siegel from gateway: created disabled: contact support -> /m,
  )
  const json = await run('exchange', 'drift', '--tenant', 'contoso', '--state', file, '--json')
  const bad = (JSON.parse(json.out) as { code: string; verdict: string }[]).filter(
    ({ verdict }) => verdict === 'bad',
  )
  assert.deepEqual(
    bad.map(({ code }) => code),
    ['accepted-domain-missing', 'connector-disabled-by-microsoft', 'rules-no-return'],
  )
  for (const secret of SECRETS) assert.ok(!`${none.out}${some.out}${json.out}`.includes(secret))

  const other = await run('exchange', 'drift', '--tenant', 'fabrikam', '--state', file)
  assert.match(other.err, /the state is of the tenant "contoso", not of fabrikam/)
  assert.equal(other.code, 2)
})

test('a script keeps its options: the next one has them, the plan shows them, drift misses what was left out', async () => {
  const tenant = ['--tenant', 'contoso', '--language', 'en']
  const file = join(installation.folder, 'kept.ps1')
  assert.match((await run('exchange', 'plan', ...tenant)).out, /--guard none .*--gateway-ip none/)
  const guard = ['--guard', 'report', '--report-to', 'audit@contoso.com', '--gateway-ip', '192.0.2.7']
  assert.equal((await run('exchange', 'script', ...tenant, ...guard, '--out', file)).code, 0)
  assert.equal((await run('exchange', 'script', ...tenant, '--out', file)).code, 0)
  assert.match(
    await readFile(file, 'utf8'),
    /--guard report --report-to audit@contoso\.com .*--gateway-ip 192\.0\.2\.7/,
  )
  const plan = await run('exchange', 'plan', ...tenant, '--guard', 'none', '--gateway-ip', 'none')
  assert.match(plan.out, /^Options: --spam A .*--guard none .*--gateway-ip none/m)
  assert.match(
    plan.out,
    /^The last script had instead: --guard report --report-to audit@contoso\.com --gateway-ip 192\.0\.2\.7$/m,
  )
  const state = join(installation.folder, 'forgotten.json')
  await writeFile(state, JSON.stringify(stateOf(makePlan(contoso, defaultOptions(contoso)), Date.now())))
  const seen = await run('exchange', 'drift', ...tenant, '--state', state)
  assert.equal(seen.code, 1)
  assert.match(seen.out, /^bad +rule Siegel 810 guard, reporting is missing/m)
  const none = ['--guard', 'none', '--gateway-ip', 'none']
  assert.equal((await run('exchange', 'script', ...tenant, ...none, '--out', file)).code, 0)
  assert.doesNotMatch((await run('exchange', 'drift', ...tenant, '--state', state)).out, /^bad/m)
})

test('script and rollback speak the language that is asked for, and keep no choice of it', async () => {
  const file = join(installation.folder, 'spoken.ps1')
  const tenant = ['--tenant', 'fabrikam', '--out', file]
  for (const [form, language, said, text] of [
    [
      'script',
      'de',
      /nur für den Eigentümer lesbar/,
      /^\ufeff# Siegel: Objekte in Exchange Online für den Mandanten fabrikam/,
    ],
    [
      'script',
      'en',
      /readable for its owner only/,
      /^# Siegel: objects in Exchange Online for the tenant fabrikam/,
    ],
    ['rollback', 'de', /nur für den Eigentümer lesbar/, /^\ufeff# Siegel: baut ab/],
    ['rollback', 'en', /readable for its owner only/, /^# Siegel: takes away/],
  ] as const) {
    const { code, out } = await run('exchange', form, ...tenant, '--lang', language)
    assert.equal(code, 0)
    assert.match(out, said)
    assert.match(await readFile(file, 'utf8'), text)
  }
  const plan = JSON.parse((await run('exchange', 'plan', '--tenant', 'fabrikam', '--json')).out) as {
    lastScript: object
  }
  assert.ok(!('language' in plan.lastScript))
})

test('what cannot be is refused with exit code 2', async () => {
  const cases: [string[], RegExp][] = [
    [
      [],
      /siegel exchange plan, script, rollback, guide, verify, drift, ranges, window, onboarding or rotate/,
    ],
    [['drift'], /of what\? --state FILE/],
    [['verify', '--listener', 'nowhere'], /--listener must be HOST:PORT/],
    [
      ['drift', '--tenant', 'contoso', '--state', join(installation.folder, 'objects.yaml')],
      /the state is no JSON/,
    ],
    [['plan'], /which tenant\? --tenant contoso or fabrikam/],
    [['plan', '--tenant', 'nobody'], /no usable tenant "nobody"/],
    [['plan', '--tenant', 'contoso', '--language', 'fr'], /--language must be de or en/],
    [['script', '--tenant', 'contoso'], /where to\?/],
    [['script', '--tenant', 'contoso', '--out', '-'], /goes into a file/],
    [
      ['script', '--tenant', 'contoso', '--preset', 'as-documented', '--out', 'x'],
      /has the preset recommended/,
    ],
    [['plan', '--tenant', 'contoso', '--spam', 'E'], /--spam must be A or B or C or D/],
    [['plan', '--tenant', 'contoso', '--exempt', 'all'], /--exempt must be none/],
    [['plan', '--tenant', 'fabrikam', '--guard', 'reject'], /guard needs the preset recommended/],
    [['plan', '--tenant', 'contoso', '--guard', 'report'], /needs an address/],
  ]
  for (const [argv, message] of cases) {
    const { code, out, err } = await run('exchange', ...argv)
    assert.match(err, message)
    assert.deepEqual([code, out], [2, ''])
  }
})

test('onboarding and rotate speak German and English', async () => {
  const said: [string[], number, RegExp][] = [
    [['onboarding', 'start', '--hours', '9', '--language', 'de'], 0, /^contoso: Einführungsphase bis 20/],
    [['onboarding', 'status', '--language', 'de'], 0, /^contoso: Einführungsphase läuft bis 20/],
    [['onboarding', 'status', '--lang', 'de'], 0, /^contoso: Einführungsphase läuft bis 20/],
    [['onboarding', 'status', '--lang=en'], 0, /^contoso: onboarding until 20/],
    [['onboarding', 'status', '--language', 'en'], 0, /^contoso: onboarding until 20/],
    [['onboarding', 'end', '--language', 'de'], 0, /^contoso: Einführungsphase beendet/],
    [['onboarding', 'status', '--language', 'de'], 0, /^contoso: aus/],
    [['onboarding', 'start', '--hours', '169', '--language', 'de'], 2, /von 1 bis 168/],
    [['rotate', 'status', '--language', 'de'], 0, /^contoso: es läuft kein Wechsel/],
    [['rotate', 'finish', '--language', 'de'], 2, /es läuft kein Wechsel/],
    [['rotate', 'word', '--language', 'de'], 0, /^contoso: weiter: siegel exchange script/],
    [['rotate', 'secret', '--language', 'en'], 2, /a change is under way/],
    [
      ['rotate', 'status', '--language', 'de'],
      0,
      /Merkwort, beide Werte gelten seit 20[^]*ausgehend: noch keine Mail/,
    ],
    [
      ['rotate', 'status', '--language', 'en'],
      0,
      /word, both values count since 20[^]*inbound: no mail with the new secret/,
    ],
    [['rotate', 'abort', '--language', 'de'], 0, /die alten Werte sind jetzt die neuen/],
    [['rotate', 'forget', '--language', 'de'], 2, /es gibt keine alten Geheimnisse/],
  ]
  for (const [argv, expected, words] of said) {
    const { code, out, err } = await run('exchange', ...argv, '--tenant', 'contoso')
    assert.match(out + err, words, argv.join(' '))
    assert.equal(code, expected)
  }
})

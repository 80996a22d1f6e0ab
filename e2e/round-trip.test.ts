/**
 * `siegel exchange verify --round-trip` on a tenant that the script set up, with either preset: an administrator sends the two test
 * mails, and the command shows each hop of both; and it names the cause where a rule or connector is off, a secret wrong, an
 * exception missing.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, describe, it } from 'node:test'
import type { TenantConfig, TransportRule } from '@siegel/exo-sim'
import { newMessageId } from './demo/acts.ts'
import { Assistant, type CheckResult } from './stage/assistant.ts'
import { COMMAND } from './stage/gateway.ts'
import { CONTOSO, type Preset } from './stage/objects.ts'
import { openStage, type Stage } from './stage/stage.ts'

const INSIDE = 'alice@contoso.example'
const OUTSIDE = 'probe@elsewhere.example'

interface Report {
  readonly outbound: readonly { readonly code: string; readonly text: string }[]
  readonly inbound: readonly { readonly code: string; readonly text: string }[]
  readonly checks: readonly (CheckResult & { readonly args: Readonly<Record<string, string>> })[]
}

/** The administrator's two mails. */
async function sendBoth(stage: Stage, mark: string): Promise<void> {
  const mail = (from: string, to: string) => ({
    headers: [
      ['From', from],
      ['To', to],
      ['Subject', `=?utf-8?Q?Pr=C3=BCfung?= ${mark}`],
      ['Message-ID', newMessageId()],
    ] as [string, string][],
    body: 'Hello\r\n',
  })
  stage.exchange.submit({ tenant: CONTOSO.id, from: INSIDE, to: OUTSIDE, ...mail(INSIDE, OUTSIDE) })
  await stage.world.send({ from: OUTSIDE, to: INSIDE, ...mail(OUTSIDE, INSIDE) })
}

/** Runs the command beside this process and does what it asks for. */
async function roundTrip(
  stage: Stage,
  options: readonly string[],
): Promise<{ status: number | null; out: string; said: string[]; mark: string }> {
  const config = join(stage.gateway.config.folder, 'siegel.yaml')
  const adoption = () => stage.gateway.waitForLog(({ event }) => event === 'settings', 90_000, true)
  const opened = adoption()
  const closed = opened.then(adoption)
  const verb = ['exchange', 'verify', '--round-trip', '--inside', INSIDE, '--outside', OUTSIDE]
  const child = spawn(COMMAND, [...verb, '--config', config, '--settle', '4s', ...options])
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve))
  let out = ''
  let mark = ''
  const said: string[] = []
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text
  })
  for (const stream of [child.stdout, child.stderr])
    createInterface({ input: stream }).on('line', (line) => {
      said.push(line)
      const [found] = /\b[a-z2-7]{26}$/.exec(line) ?? []
      if (found === undefined || mark !== '') return
      mark = found
      void opened.then(() => sendBoth(stage, found))
    })
  const status = await ended
  await closed
  return { status, out, said, mark }
}

async function reportOf(stage: Stage, timeout: string): Promise<{ status: number | null; report: Report }> {
  const { status, out, said } = await roundTrip(stage, ['--json', '--language', 'en', '--timeout', timeout])
  assert.ok(out.startsWith('{'), said.join('\n'))
  return { status, report: JSON.parse(out) as Report }
}

const codes = (report: Report, verdict: string, leg?: string) =>
  report.checks
    .filter((one) => one.verdict === verdict && (leg === undefined || one.args['which'] === leg))
    .map(({ code }) => code)
const MET = ['trip-arrived', 'trip-attributed', 'trip-handed-over', 'trip-once']

for (const preset of ['as-documented', 'recommended'] as const satisfies readonly Preset[])
  describe(`the round trip of preset ${preset}`, () => {
    let stage: Stage
    let good: TenantConfig
    before(async () => {
      stage = await openStage({ preset })
      await new Assistant(stage).setUp()
      good = stage.exchange.tenant(CONTOSO.id)
    })
    after(() => stage.close())

    /** A round trip in a tenant that differs from the good one. */
    async function broken(change: (tenant: TenantConfig) => Partial<TenantConfig>, timeout: string) {
      stage.exchange.setTenant({ ...good, ...change(good) })
      try {
        return await reportOf(stage, timeout)
      } finally {
        stage.exchange.setTenant(good)
      }
    }
    const changeRules = (change: (rule: TransportRule) => TransportRule) => (tenant: TenantConfig) => ({
      rules: (tenant.rules ?? []).map(change),
    })
    const isOutboundRoute = (rule: TransportRule) =>
      rule.routeMessageOutboundConnector !== undefined && rule.fromScope === 'InOrganization'

    it('shows each hop of both ways and finds nothing missing', async () => {
      const { status, report } = await reportOf(stage, '60s')
      assert.equal(status, 0, JSON.stringify(report))
      for (const leg of ['outbound', 'inbound'] as const) {
        assert.deepEqual(codes(report, 'good', leg), MET)
        assert.deepEqual(
          report[leg].map(({ code }) => code),
          [
            'hop-arrival',
            'hop-client-certificate',
            'hop-attribution',
            'hop-treatment',
            'hop-handed-over',
            'hop-state',
          ],
        )
        const texts = report[leg].map(({ text }) => text).join('\n')
        assert.match(texts, /arrival 1 as [0-9A-Z]{26} from 127\.0\.0\.1 .*TLSv1\.[23]/)
        assert.match(texts, preset === 'recommended' ? /by .*secret-header/ : /by .*tenant-id/)
        assert.match(texts, /to contoso\.mail\.protection\.outlook\.com \[.*TLSv1\.[23] .*: 250 /)
      }
      assert.deepEqual(codes(report, 'warning'), ['connector-not-validated'])
    })

    it('leaves neither mark nor subject behind, and no open round trip', async () => {
      const { status, said, mark } = await roundTrip(stage, ['--timeout', '60s', '--language', 'de'])
      assert.equal(status, 0, said.join('\n'))
      assert.ok(
        said.some((line) => /^gut +ausgehend: sie kam einmal/.test(line)),
        said.join('\n'),
      )
      const config = join(stage.gateway.config.folder, 'siegel.yaml')
      const found = stage.gateway.json(['trace', 'find', '--to', OUTSIDE]) as { mailId: string }[]
      const shown = found.map(
        ({ mailId }) => stage.gateway.run(['trace', 'show', mailId, '--config', config]).out,
      )
      assert.ok(shown.some((text) => /(test mail of the round trip|Testmail des Rundlaufs)/.test(text)))
      const kept = [...shown, JSON.stringify(stage.gateway.log)].join('\n')
      assert.equal(kept.includes(mark), false)
      assert.doesNotMatch(stage.gateway.run(['export', '--config', config]).out, /roundTrip|markHash/)
    })

    it('says that the outbound mail never came when its rule is disabled', async () => {
      const disabled = changeRules((rule) => (isOutboundRoute(rule) ? { ...rule, enabled: false } : rule))
      const { status, report } = await broken(disabled, '12s')
      assert.equal(status, 1)
      assert.deepEqual(codes(report, 'bad'), ['trip-outbound-missing'])
      assert.deepEqual(codes(report, 'good', 'inbound'), MET)
      assert.deepEqual(report.outbound, [])
      assert.match(report.checks[0]?.todo ?? '', /whether the rule to the outside is enabled/)
    })

    it('says that Office 365 does not recognise the gateway when the inbound connector is disabled', async () => {
      const off = ({ inboundConnectors = [] }: TenantConfig) => ({
        inboundConnectors: inboundConnectors.map((one) => ({ ...one, enabled: false })),
      })
      const { status, report } = await broken(off, '20s')
      assert.equal(status, 1)
      assert.deepEqual(codes(report, 'bad', 'outbound'), ['trip-connector'])
      assert.match(report.checks.find(({ code }) => code === 'trip-connector')?.text ?? '', /\(550 5\.7\.64 /)
    })

    it('says that mail comes back when the rules have no exceptions', async () => {
      const bare = changeRules((rule) => {
        if (rule.routeMessageOutboundConnector === undefined) return rule
        const open = { ...rule }
        delete open.exceptIfHeaderContainsMessageHeader
        delete open.exceptIfHeaderContainsWords
        return open
      })
      const { status, report } = await broken(bare, '40s')
      assert.equal(status, 1)
      for (const leg of ['outbound', 'inbound'] as const) {
        assert.deepEqual(codes(report, 'bad', leg), ['trip-loop'])
        assert.ok(
          report[leg].some(({ code, text }) => code === 'hop-arrival' && text.startsWith('arrival 2 ')),
        )
      }
    })

    if (preset === 'recommended')
      it('says that the mail was refused when the rule stamps a wrong secret', async () => {
        const wrong = changeRules((rule) =>
          isOutboundRoute(rule) ? { ...rule, setHeaderValue: 'out:not-the-secret-at-all' } : rule,
        )
        const { status, report } = await broken(wrong, '20s')
        assert.equal(status, 1)
        assert.deepEqual(codes(report, 'bad'), ['trip-refused-secret'])
        assert.deepEqual(
          report.outbound.map(({ code }) => code),
          ['hop-refused'],
        )
        assert.doesNotMatch(JSON.stringify(report), /not-the-secret-at-all/)
        const alarms = stage.gateway.json(['alarm', 'list']) as { code: string }[]
        assert.ok(!alarms.some(({ code }) => code === 'round-trip-refused'))
      })
  })

/**
 * S5: the page MTA, Maps, tls-policy. The seed's line is taken verbatim and enforced; a next hop that does not satisfy it gets not a byte of
 * the mail; the floor holds whatever the map says; and a line without effect is told.
 */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { issue, type Faults } from '@siegel/exo-sim'
import { traceOf } from '../demo/acts.ts'
import { fieldOf } from '../demo/look.ts'
import { CONTOSO, SEED_LINE } from '../stage/objects.ts'
import type { Stage } from '../stage/stage.ts'
import { writeOut, type Scenario, type Setting } from './setting.ts'

const ROUTE = `[${CONTOSO.endpoint}]:25`
const NAMES = { commonName: 'mail.protection.outlook.com', dnsNames: ['mail.protection.outlook.com'] }

/** What can be wrong with the next hop, with the reason that the trace gives. */
const FAULTS = {
  clear: { faults: (): Faults => ({ noStartTls: true }), reason: 'starttls-not-offered' },
  name: {
    faults: ({ certificates }: Stage): Faults => ({
      credentials: issue(certificates.tls, { commonName: 'mail.evil.example' }),
    }),
    reason: 'tls-name-mismatch',
  },
  chain: {
    faults: ({ certificates }: Stage): Faults => ({ credentials: issue(certificates.rogue, NAMES) }),
    reason: 'tls-certificate-untrusted',
  },
} as const

interface Traced {
  readonly events: readonly { readonly code: string; readonly arguments: { readonly reason?: { readonly code: string } } }[] // prettier-ignore
}

/** With the fault a mail is deferred for this reason and nothing of it leaves; healed, it is delivered. */
async function defers(setting: Setting, fault: keyof typeof FAULTS): Promise<void> {
  const { stage } = setting
  const { faults, reason } = FAULTS[fault]
  stage.exchange.setFaults(faults(stage))
  // A fault meets new connections only, and the gateway keeps its own.
  stage.exchange.dropConnections()
  const canary = `canary-${fault}-${Date.now()}`
  try {
    const deferred = stage.gateway.waitForLog(({ event }) => event === 'deferred', 30_000, true)
    const messageId = writeOut(setting, 'alice@contoso.example', 'bob@nocert.example', `${canary}\r\n`)
    assert.equal((await deferred)['reason'], reason)
    const { events } = traceOf(stage, messageId) as Traced
    const told = events.find(({ code }) => code === 'deferred')?.arguments.reason?.code
    assert.equal(told, reason)
    const clear = stage.exchange.clearBytes().toString('latin1')
    assert.ok(!clear.includes(canary) && !/^(?:MAIL|RCPT)/im.test(clear), 'something went out in clear')
    stage.exchange.setFaults({})
    const { raw } = await stage.world.waitFor((mail) => fieldOf(mail.raw, 'message-id') === messageId, 30_000)
    assert.ok(raw.includes(canary))
  } finally {
    stage.exchange.setFaults({})
  }
}

/** `siegel tls-policy check` on a map. */
function checked({ stage }: Setting, text: string) {
  const file = join(stage.gateway.config.folder, 'tls-policy.map')
  writeFileSync(file, text)
  const { status, out } = stage.gateway.run(['tls-policy', 'check', '--map', file, ROUTE, '--json'])
  const result = JSON.parse(out) as Record<string, unknown> & {
    findings: { code: string }[]
    effective: { level: string; demands: object[] }
  }
  return { status, result }
}

const SEED_DEMAND = { level: 'verify', match: ['mail.protection.outlook.com'] }

/** The seed's line. */
export const SEED_LINE_ROW: Scenario = {
  name: 'S5 MTA, Maps, tls-policy: the line verbatim; no STARTTLS, a wrong name, an untrusted chain defer, nothing leaves in clear',
  async play(setting) {
    assert.equal(SEED_LINE, `[${CONTOSO.endpoint}]:25 verify match=mail.protection.outlook.com`)
    const { status, result } = checked(setting, `${SEED_LINE}\n`)
    assert.deepEqual([status, result['status'], result['key'], result.findings], [0, 'found', ROUTE, []])
    assert.deepEqual([result['level'], result['match']], ['verify', ['mail.protection.outlook.com']])
    const { err } = await setting.stage.setTlsPolicy(SEED_LINE)
    assert.equal(err, '')
    for (const fault of ['clear', 'name', 'chain'] as const) await defers(setting, fault)
  },
}

/** The floor. */
export const FLOOR: Scenario = {
  name: 'S5 Untergrenze / the floor: no line weakens it, a typo does not open it, a line that no route uses is flagged',
  async play(setting) {
    const { stage } = setting
    try {
      const weak = `${ROUTE} may\n`
      const { result } = checked(setting, weak)
      assert.deepEqual(
        result.findings.map(({ code }) => code),
        ['line-weaker-than-floor'],
      )
      assert.deepEqual(result.effective.demands.at(-1), SEED_DEMAND)
      await stage.setTlsPolicy(weak)
      await defers(setting, 'clear')

      const level = SEED_LINE.replace('verify', 'verfy')
      assert.equal(checked(setting, level).status, 1)
      await stage.setTlsPolicy(level)
      await defers(setting, 'name')

      const key = SEED_LINE.replace('outlook.com]', 'outlok.com]')
      const { err } = await stage.setTlsPolicy(`# mistyped\n${key}\n`)
      assert.match(err, /line 2, column 1: no route uses \[contoso\.mail\.protection\.outlok\.com\]:25 \(never-used\) \(map-line-doubtful\)$/m) // prettier-ignore
      await defers(setting, 'chain')
    } finally {
      await stage.setTlsPolicy(SEED_LINE)
    }
  },
}

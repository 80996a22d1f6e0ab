/**
 * The forms of the script that a set-up does not need at once, run in the simulator: each of the four ways to keep the spam verdict
 * with what it must leave behind, the guard that reports, and `-Validate`.
 */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { newMessageId, plainMail } from './demo/acts.ts'
import { fieldOf } from './demo/look.ts'
import { CONTOSO } from './stage/objects.ts'
import { openStage, type Stage } from './stage/stage.ts'

const AUDITOR = 'auditor@contoso.example'

/** What each option leaves: headers kept, last hop skipped, sealers trusted, SCL of the rule. */
const LEFT = {
  A: 'True False  ',
  B: `False False ${CONTOSO.fqdn} `,
  C: 'False True  ',
  D: 'False False  -1',
} as const

for (const spam of ['A', 'B', 'C', 'D'] as const)
  describe(`the script with --spam ${spam} and a guard that reports`, () => {
    let stage: Stage
    let script = ''

    const siegel = (...args: string[]): void => {
      const config = join(stage.gateway.config.folder, 'siegel.yaml')
      const { status, err } = stage.gateway.run(['exchange', ...args, '--config', config])
      assert.equal(status, 0, err)
    }
    const guard = ['--guard', 'report', '--report-to', AUDITOR]
    /** `siegel exchange script` with the options of this run. */
    const writeScript = (file: string): void => {
      const choices = ['--spam', spam, '--inbound', 'all', '--gateway-ip', '127.0.0.1', ...guard]
      siegel('script', '--out', file, '--language', 'en', ...choices)
    }
    const powershell = async (text: string, args: Record<string, string | boolean> = {}): Promise<string> => {
      const result = await stage.exchange.powershell(CONTOSO.id, text, { arguments: args })
      assert.deepEqual([result.exitCode, result.errors], [0, []], result.output + result.warnings.join('\n'))
      stage.exchange.propagate()
      return result.output
    }
    const send = (from: string, to: string): string => {
      const messageId = newMessageId()
      stage.exchange.submit({ tenant: CONTOSO.id, from, to, ...plainMail(from, to, messageId, 'x\r\n') })
      return messageId
    }
    const arrived = (messageId: string) =>
      stage.world.waitFor(({ raw }) => fieldOf(raw, 'message-id') === messageId, 20_000)

    before(async () => {
      stage = await openStage({ preset: 'recommended' }, (built) => {
        built.addEmployee('alice@contoso.example')
      })
      const bare = stage.exchange.tenant(CONTOSO.id)
      stage.exchange.setTenant({ ...bare, inboundConnectors: [], outboundConnectors: [], rules: [] })
      const file = join(stage.gateway.config.folder, 'script.ps1')
      writeScript(file)
      script = readFileSync(file, 'utf8')
      await powershell(script, { WhatIf: true })
      await powershell(script)
      assert.doesNotMatch(await powershell(script), /^(made|updated)/m)
      await powershell(script, { Stage: 'all' })
      await powershell(script, { Stage: 'guard' })
    })
    after(() => stage.close())

    it('leaves what the option is made of, and no drift', async () => {
      const asked =
        "$c = Get-InboundConnector -Identity 'Siegel from gateway'\n" +
        "$r = Get-TransportRule -Identity 'Siegel 700 keep spam verdict' -ErrorAction SilentlyContinue\n" +
        'Write-Output "$($c.CloudServicesMailEnabled) $($c.EFSkipLastIP) $(@((Get-ArcConfig).ArcTrustedSealers)) $($r.SetSCL)"'
      assert.equal((await powershell(asked)).replace(/\r?\n$/, ''), LEFT[spam])
      await powershell(script, { Export: true })
      const [, state = ''] =
        [...stage.exchange.files(CONTOSO.id)].find(([name]) => name.includes('siegel-state')) ?? []
      const file = join(stage.gateway.config.folder, 'state.json')
      writeFileSync(file, state)
      const found = stage.gateway.json(['exchange', 'drift', '--state', file]) as { verdict: string }[]
      assert.deepEqual(
        found.filter(({ verdict }) => verdict === 'bad'),
        [],
      )
    })

    it('carries mail both ways once', async () => {
      const out = send('alice@contoso.example', 'bob@partner.example')
      assert.match(fieldOf((await arrived(out)).raw, 'content-type') ?? '', /^multipart\/signed/)
      const [messageId, from, to] = [newMessageId(), 'bob@partner.example', 'alice@contoso.example']
      await stage.world.send({ from, to, ...plainMail(from, to, messageId, 'x\r\n') })
      await stage.exchange.waitForMail(to, ({ message }) => message.value('Message-ID') === messageId, 20_000)
      assert.deepEqual(
        [out, messageId].map((id) => stage.exchange.passes(id)),
        [2, 2],
      )
    })

    it('validates the connector with -Validate and marks it', async () => {
      const to = 'probe@elsewhere.example'
      const moved = stage.gateway.waitForLog(({ event }) => event === 'settings', 10_000, true)
      siegel('window', 'open', '--to', to)
      await moved
      assert.match(
        await powershell(script, { Validate: true, ValidationRecipient: to }),
        /marked as validated/,
      )
      const marked = await powershell(
        "Write-Output (Get-OutboundConnector -Identity 'Siegel to gateway').IsValidated",
      )
      assert.match(marked, /True/)
    })

    it('reports mail that did not pass the gateway, lets it go, and reports no other', async () => {
      const passed = send('alice@contoso.example', 'bob@partner.example')
      await arrived(passed)
      assert.deepEqual(stage.exchange.mailbox(AUDITOR), [])
      await powershell("Disable-TransportRule -Identity 'Siegel 200 outbound to gateway' -Confirm:$false")
      const past = send('alice@contoso.example', 'bob@partner.example')
      assert.equal(fieldOf((await arrived(past)).raw, 'x-siegel-pass'), undefined)
      await stage.exchange.waitForMail(AUDITOR, () => true, 20_000)
    })
  })

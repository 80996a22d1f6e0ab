/**
 * A tenant that is set up by nothing but the script of `siegel exchange script`, run in the simulator: with either preset every act of
 * the demo plays, `drift` of the exported state finds nothing bad, and after the rollback nothing is left.
 */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { ACTS, newMessageId, plainMail, type Cast } from './demo/acts.ts'
import { fieldOf } from './demo/look.ts'
import { findJudge } from './stage/judge.ts'
import { CONTOSO, type Preset } from './stage/objects.ts'
import { openStage, type Stage } from './stage/stage.ts'

/** Runs a script of the assistant in the tenant; it must end well. */
async function powershell(
  stage: Stage,
  script: string,
  args: Record<string, string | boolean>,
): Promise<void> {
  const result = await stage.exchange.powershell(CONTOSO.id, script, { arguments: args })
  assert.deepEqual([result.exitCode, result.errors], [0, []], result.output + result.warnings.join('\n'))
  stage.exchange.propagate()
}

for (const preset of ['as-documented', 'recommended'] as const satisfies readonly Preset[])
  describe(`the script of preset ${preset}`, () => {
    const casts = new Map<(typeof ACTS)[number], Cast>()
    let stage: Stage
    let script = ''

    /** Runs a form of `siegel exchange` and gives what it wrote. */
    const assistant = (form: string): string => {
      const { folder } = stage.gateway.config
      const file = join(folder, `${form}.ps1`)
      const options =
        preset === 'recommended' ? ['--inbound', 'all', '--guard', 'reject', '--gateway-ip', '127.0.0.1'] : []
      const config = join(folder, 'siegel.yaml')
      const { status, err } = stage.gateway.run([
        'exchange',
        form,
        '--out',
        file,
        '--config',
        config,
        ...options,
      ])
      assert.equal(status, 0, err)
      return readFileSync(file, 'utf8')
    }

    before(async () => {
      stage = await openStage({ preset }, (built) => {
        for (const act of ACTS) casts.set(act, act.cast(built))
      })
      const bare = stage.exchange.tenant(CONTOSO.id)
      stage.exchange.setTenant({ ...bare, inboundConnectors: [], outboundConnectors: [], rules: [] })
      script = assistant('script')
      await powershell(stage, script, { WhatIf: true })
      assert.equal(stage.exchange.tenant(CONTOSO.id).rules?.length ?? 0, 0)
      await powershell(stage, script, {})
      await powershell(stage, script, { Stage: 'all' })
      if (preset === 'recommended') await powershell(stage, script, { Stage: 'guard' })
    })
    after(() => stage.close())

    for (const act of ACTS)
      it(act.mail, async () => {
        await act.play(stage, findJudge(), casts.get(act) ?? {})
      })

    it('shows the outside neither stamp nor word', async () => {
      const [messageId, from, to] = [newMessageId(), 'nobody@contoso.example', 'reader@elsewhere.example']
      stage.exchange.submit({ tenant: CONTOSO.id, from, to, ...plainMail(from, to, messageId, 'x\r\n') })
      const { raw } = await stage.world.waitFor(
        (mail) => fieldOf(mail.raw, 'message-id') === messageId,
        20_000,
      )
      assert.ok(fieldOf(raw, 'x-siegel-pass') !== undefined, 'it passed by the gateway')
      assert.deepEqual(
        [fieldOf(raw, 'x-contoso-route'), fieldOf(raw, 'x-contoso-processed')],
        [undefined, undefined],
      )
    })

    it('has no drift afterwards', async () => {
      await powershell(stage, script, { Export: true })
      const [, state = ''] =
        [...stage.exchange.files(CONTOSO.id)].find(([name]) => name.includes('siegel-state')) ?? []
      const file = join(stage.gateway.config.folder, 'state.json')
      writeFileSync(file, state)
      const found = stage.gateway.json(['exchange', 'drift', '--state', file]) as {
        verdict: string
        text: string
      }[]
      assert.ok(found.length > 4)
      assert.deepEqual(
        found.filter(({ verdict }) => verdict !== 'good'),
        [],
      )
    })

    it('passes the connector validation of an administrator who has opened the window, and not without it', async () => {
      const to = 'probe@elsewhere.example'
      const validate = async () => {
        const asked =
          `Validate-OutboundConnector 'Siegel to gateway' -Recipients '${to}' | ` +
          'ForEach-Object { "$($_.IsTaskSuccessful)" }'
        const { output } = await stage.exchange.powershell(CONTOSO.id, asked)
        return output.trim().split(/\s+/)
      }
      const arrived = () => stage.world.received().filter(({ recipients }) => recipients.includes(to))
      const window = (...args: string[]) => {
        const config = join(stage.gateway.config.folder, 'siegel.yaml')
        const { status, err } = stage.gateway.run(['exchange', 'window', ...args, '--config', config])
        assert.equal(status, 0, err)
      }
      assert.ok((await validate()).includes('False'))
      assert.equal(arrived().length, 0)
      const refused = await stage.gateway.waitForLog(
        ({ event, reason }) => event === 'mail-refused' && reason === 'tenant-unknown',
      )
      assert.match(String(refused['reply']), /^550 5\.7\.1 Not authorized/)

      window('open', '--to', to)
      await stage.gateway.waitForLog(({ event }) => event === 'settings', 10_000, true)
      assert.deepEqual([...new Set(await validate())], ['True'])
      const mail = await stage.world.waitFor(({ recipients }) => recipients.includes(to), 20_000)
      assert.match(fieldOf(mail.raw, 'from') ?? '', /O365ConnectorValidation@/)
      assert.match(fieldOf(mail.raw, 'content-type') ?? '', /^text\/plain/)
      window('close')
    })

    it('leaves nothing after the rollback', async () => {
      const rollback = assistant('rollback')
      await powershell(stage, rollback, {})
      await powershell(stage, rollback, { Connectors: true })
      const { rules, inboundConnectors, outboundConnectors } = stage.exchange.tenant(CONTOSO.id)
      assert.deepEqual([rules, inboundConnectors, outboundConnectors], [[], [], []])
    })
  })

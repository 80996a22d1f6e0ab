/**
 * A tenant that is set up by nothing but the script of `siegel exchange script`, run in the simulator: with either preset every act of
 * the demo plays, `drift` of the exported state finds nothing bad, and after the rollback nothing is left.
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { ACTS, newMessageId, plainMail, type Cast } from './demo/acts.ts'
import { fieldOf } from './demo/look.ts'
import { Assistant } from './stage/assistant.ts'
import { findJudge } from './stage/judge.ts'
import { CONTOSO, type Preset } from './stage/objects.ts'
import { openStage, type Stage } from './stage/stage.ts'

for (const preset of ['as-documented', 'recommended'] as const satisfies readonly Preset[])
  describe(`the script of preset ${preset}`, () => {
    const casts = new Map<(typeof ACTS)[number], Cast>()
    let stage: Stage
    let assistant: Assistant
    let script = ''

    before(async () => {
      stage = await openStage({ preset }, (built) => {
        for (const act of ACTS) casts.set(act, act.cast(built))
      })
      assistant = new Assistant(stage)
      script = await assistant.setUp()
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
      const found = (await assistant.checks('drift', await assistant.state(script))).all
      assert.ok(found.length > 4)
      assert.deepEqual(
        found.filter(({ verdict }) => verdict !== 'good'),
        [],
      )
    })

    it('says unchanged where it is run again, and saves what was there each time', async () => {
      const saved = () => [...stage.exchange.files(CONTOSO.id).keys()].filter((name) => name.includes('siegel-before-')) // prettier-ignore
      const before = saved().length
      const [one, two] = [await assistant.run(script), await assistant.run(script)]
      for (const { output } of [one, two]) {
        assert.doesNotMatch(output, /^(made|updated)/m)
        assert.match(output, /^unchanged: Siegel from gateway$/m)
      }
      assert.equal(saved().length, before + 2)
      const route = preset === 'recommended' ? 'Siegel 200 outbound to gateway' : 'S/MIME ausgehend'
      await assistant.run(`Set-TransportRule -Identity '${route}' -StopRuleProcessing $false`)
      assert.ok((await assistant.run(script)).output.includes(`updated: ${route}\n`))
      assert.doesNotMatch((await assistant.run(script)).output, /^(made|updated)/m)
    })

    it('stops before any change when the pilot group is missing or is no group', async () => {
      const bare = stage.exchange.tenant(CONTOSO.id)
      stage.exchange.setTenant({
        ...bare,
        groups: { 'pilot@contoso.example': ['nobody@contoso.example'] },
        recipients: [...(bare.recipients ?? []), 'ann@contoso.example'],
      })
      const { rules } = stage.exchange.tenant(CONTOSO.id)
      for (const [group, words] of [
        [
          'gone@contoso.example',
          /there is no group with the address gone@contoso\.example\. Nothing was changed/,
        ],
        ['ann@contoso.example', /ann@contoso\.example is no group .*UserMailbox.*Nothing was changed/],
      ] as const) {
        const pilot = { Stage: 'pilot', PilotGroup: group, Force: true }
        const { exitCode, warnings } = await assistant.attempt(script, pilot)
        assert.equal(exitCode, 3)
        assert.match(warnings.join('\n'), words)
        assert.deepEqual(stage.exchange.tenant(CONTOSO.id).rules, rules)
      }
      await assistant.run(script, { Stage: 'pilot', PilotGroup: 'pilot@contoso.example' })
      const { all } = await assistant.checks('drift', await assistant.state(script))
      assert.ok(all.some(({ code }) => code === 'rule-pilot'))
      stage.exchange.setTenant(bare)
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
      const rollback = assistant.write('rollback')
      await assistant.run(rollback)
      await assistant.run(rollback, { Connectors: true })
      const { rules, inboundConnectors, outboundConnectors } = stage.exchange.tenant(CONTOSO.id)
      assert.deepEqual([rules, inboundConnectors, outboundConnectors], [[], [], []])
    })
  })

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

/** Words that no German line has. */
const ENGLISH = /\b(?:the|and|not|with|rules?|mail to|nothing)\b/i

for (const preset of ['as-documented', 'recommended'] as const satisfies readonly Preset[])
  describe(`the German script of preset ${preset}`, () => {
    let stage: Stage
    let assistant: Assistant
    let script = ''

    before(async () => {
      stage = await openStage({ preset }, (built) => {
        built.addEmployee('alice@contoso.example')
      })
      assistant = new Assistant(stage)
      const bare = stage.exchange.tenant(CONTOSO.id)
      const empty = { inboundConnectors: [], outboundConnectors: [], rules: [] }
      stage.exchange.setTenant({ ...bare, ...empty, groups: { 'pilot@contoso.example': [] } })
      script = assistant.write('script', 'de')
    })
    after(() => stage.close())

    /** Runs it and gives all that it says. */
    const said = async (args: Record<string, string | boolean> = {}, code = 0): Promise<string> => {
      const { exitCode, errors, output, warnings } = await assistant.attempt(script, args)
      const all = [output, ...warnings].join('\n')
      assert.deepEqual([exitCode, errors], [code, []], all)
      assert.doesNotMatch(all.replaceAll(/^What if: .*$/gm, ''), ENGLISH)
      return all
    }

    it('looks, makes, and finds all unchanged', async () => {
      assert.match(await said({ WhatIf: true }), /-WhatIf: nichts wurde geändert/)
      assert.equal(stage.exchange.tenant(CONTOSO.id).rules?.length ?? 0, 0)
      assert.match(await said(), /^angelegt, deaktiviert: S/m)
      assert.match(await said(), /^unverändert: Siegel to gateway$/m)
    })

    it('says in every stage what it did, and under -WhatIf does not claim it', async () => {
      assert.match(await said({ Stage: 'pilot' }, 2), /Welche Gruppe\?/)
      assert.match(await said({ Stage: 'pilot', PilotGroup: 'x@contoso.example' }, 3), /es gibt keine Gruppe/)
      assert.match(
        await said({ Stage: 'pilot', PilotGroup: 'pilot@contoso.example' }),
        /Mail der Mitglieder von pilot@/,
      )
      assert.doesNotMatch(await said({ Stage: 'all', WhatIf: true }), /binnen 30 Minuten/)
      assert.match(await said({ Stage: 'all' }), /Alle Mail, die die Regeln nennen/)
      if (preset === 'recommended') assert.match(await said({ Stage: 'guard' }), /Der Wächter ist aktiviert/)
      else assert.match(await said({ Stage: 'guard' }, 2), /keinen Wächter/)
    })

    it('bypasses, resumes, validates without a window, exports', async () => {
      assert.match(await said({ Bypass: true }), /Das Gateway ist überbrückt/)
      assert.match(await said({ Bypass: true }), /Keine Regel zum Gateway war aktiv/)
      assert.match(await said({ Resume: true }), /Mail geht binnen 30 Minuten wieder/)
      const { exitCode, warnings } = await assistant.attempt(script, {
        Validate: true,
        ValidationRecipient: 'probe@elsewhere.example',
      })
      assert.equal(exitCode, 3)
      assert.match(warnings.join('\n'), /siegel exchange window open --to ADRESSE/)
      assert.match(await said({ Export: true }), /Der Stand liegt in /)
    })

    it('is taken away in German, and the second time there is nothing', async () => {
      script = assistant.write('rollback', 'de')
      assert.match(await said(), /^entfernt: S[\s\S]*Die Connectors bleiben/m)
      assert.match(await said({ Connectors: true }), /^entfernt: Siegel from gateway$/m)
      for (const args of [{}, { Connectors: true }])
        assert.match(await said(args), /trägt die Marke von contoso: nichts wurde entfernt/)
    })
  })

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

    it('goes on in German where an English one has ended, and back', async () => {
      const german = assistant.write('script', 'de')
      assert.ok(german.startsWith('\ufeff'))
      const { rules, inboundConnectors, outboundConnectors } = stage.exchange.tenant(CONTOSO.id)
      for (const args of [{}, { Stage: 'all' }] as const) {
        const { output, warnings } = await assistant.attempt(german, args)
        assert.match(output, /^unverändert: Siegel from gateway$/m)
        assert.doesNotMatch(output, /^(angelegt|geändert|entfernt|made|updated)/m)
        assert.doesNotMatch(`${output}${warnings.join('\n')}`, ENGLISH)
      }
      const now = stage.exchange.tenant(CONTOSO.id)
      assert.deepEqual(
        [now.rules, now.inboundConnectors, now.outboundConnectors],
        [rules, inboundConnectors, outboundConnectors],
      )
      assert.doesNotMatch((await assistant.run(script)).output, /^(made|updated|removed)/m)
      const { all } = await assistant.checks('drift', await assistant.state(german), 'de')
      assert.deepEqual(
        all.filter(({ verdict }) => verdict !== 'good'),
        [],
      )
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

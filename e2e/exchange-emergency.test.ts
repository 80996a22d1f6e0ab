/**
 * What the script says when it is called at the wrong moment: nothing to resume, nothing to bypass, no guard, no window, and rules
 * that go because the script was made with other options. Its word must be what happened.
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { Assistant } from './stage/assistant.ts'
import { CONTOSO } from './stage/objects.ts'
import { openStage, type Stage } from './stage/stage.ts'

describe('the script at the wrong moment', () => {
  let stage: Stage
  let assistant: Assistant
  let script = ''
  const enabled = (): (string | undefined)[] =>
    (stage.exchange.tenant(CONTOSO.id).rules ?? [])
      .filter((rule) => rule.enabled !== false)
      .map(({ name }) => name)

  before(async () => {
    stage = await openStage({ preset: 'as-documented' })
    assistant = new Assistant(stage)
    const bare = stage.exchange.tenant(CONTOSO.id)
    stage.exchange.setTenant({ ...bare, inboundConnectors: [], outboundConnectors: [], rules: [] })
    script = assistant.write('script')
    assert.match((await assistant.run(script)).output, /Next: -Validate, then -Stage pilot/)
  })
  after(() => stage.close())

  it('resumes nothing where nothing was bypassed, and says so', async () => {
    const { exitCode, output, warnings } = await assistant.attempt(script, { Resume: true })
    assert.equal(exitCode, 3)
    assert.match(warnings.join('\n'), /Nothing was resumed/)
    assert.doesNotMatch(output, /goes through the gateway again/)
    assert.deepEqual(enabled(), [])
  })

  it('does not claim to have bypassed what was not enabled', async () => {
    assert.doesNotMatch((await assistant.run(script, { Bypass: true })).output, /is bypassed/)
  })

  it('has no stage guard without a guard', async () => {
    const { exitCode, warnings } = await assistant.attempt(script, { Stage: 'guard' })
    assert.equal(exitCode, 2)
    assert.match(warnings.join('\n'), /--guard reject/)
    assert.deepEqual(enabled(), [])
  })

  it('names the window when the test mail is refused', async () => {
    const { exitCode, warnings } = await assistant.attempt(script, {
      Validate: true,
      ValidationRecipient: 'probe@elsewhere.example',
    })
    assert.equal(exitCode, 3)
    assert.match(warnings.join('\n'), /siegel exchange window open/)
  })

  it('bypasses and resumes what is enabled', async () => {
    await assistant.run(script, { Stage: 'all' })
    assert.equal(enabled().length, 2)
    assert.match((await assistant.run(script, { Bypass: true })).output, /is bypassed/)
    assert.deepEqual(enabled(), [])
    assert.match((await assistant.run(script, { Resume: true })).output, /goes through the gateway again/)
    assert.equal(enabled().length, 2)
    assert.match((await assistant.run(script, { Resume: true })).output, /Nothing to resume/)
  })

  it('bypasses rules that another choice of options has left, and resumes them', async () => {
    await assistant.run(
      "New-TransportRule -Name 'Siegel 300 inbound to gateway' -FromScope NotInOrganization -RouteMessageOutboundConnector 'Siegel to gateway' -Enabled $true",
    )
    assert.match(
      (await assistant.run(script, { Bypass: true })).output,
      /disabled: Siegel 300 inbound to gateway/,
    )
    assert.deepEqual(enabled(), [])
    assert.match(
      (await assistant.run(script, { Resume: true })).output,
      /enabled: Siegel 300 inbound to gateway/,
    )
    assert.equal(enabled().length, 3)
    await assistant.run("Remove-TransportRule -Identity 'Siegel 300 inbound to gateway' -Confirm:$false")
  })

  it('never takes rules that it could not read for none', async () => {
    const { exitCode, output } = await stage.exchange.powershell(CONTOSO.id, script, {
      arguments: { Bypass: true },
      connected: false,
    })
    assert.equal(exitCode, 1)
    assert.doesNotMatch(output, /nothing was changed|is bypassed/)
  })

  it('does not warn of a rule that stops behind its own', async () => {
    await assistant.run(
      "New-TransportRule -Name 'stops behind' -FromScope InOrganization -StopRuleProcessing $true -Enabled $true",
    )
    const warned = async () => (await assistant.attempt(script, { WhatIf: true })).warnings.join('\n')
    assert.doesNotMatch(await warned(), /stops behind/)
    await assistant.run("Set-TransportRule -Identity 'stops behind' -Priority 0")
    assert.match(
      await warned(),
      /The rule stops behind stops the processing .*Let it not stop, or move it behind them/,
    )
    await assistant.run("Remove-TransportRule -Identity 'stops behind' -Confirm:$false")
  })

  it('says while it is bypassed that it is, and what comes next where rules are in force', async () => {
    assert.match((await assistant.run(script)).output, /with the stage that was run last/)
    await assistant.run(script, { Bypass: true })
    const { output, warnings } = await assistant.attempt(script)
    assert.match(warnings.join('\n'), /is bypassed .*-Resume/)
    assert.doesNotMatch(output, /Next:/)
    await assistant.run(script, { Resume: true })
  })

  it('warns at once of rules in force while nothing could come back, and exports that state', async () => {
    const before = stage.exchange.tenant(CONTOSO.id)
    const [inbound] = before.inboundConnectors ?? []
    assert.ok(inbound !== undefined)
    stage.exchange.setTenant({
      ...before,
      inboundConnectors: [
        { ...inbound, enabled: false },
        { ...inbound, name: 'another one' },
      ],
    })
    const problem = await assistant.attempt(script)
    assert.equal(problem.exitCode, 3)
    assert.match(problem.warnings.join('\n'), /another one has the same certificate name/)
    const { exitCode, warnings } = await assistant.attempt(script, { Force: true })
    assert.equal(exitCode, 4)
    assert.match(
      warnings.join('\n'),
      /ENABLED, and what they send there cannot come back: run -Bypass at once/,
    )
    const { all } = await assistant.checks('drift', await assistant.state(script))
    for (const code of ['rules-no-return', 'connector-same-certificate'])
      assert.ok(
        all.some((one) => one.code === code && one.verdict === 'bad'),
        code,
      )
    stage.exchange.setTenant(before)
  })

  it('warns when it removes a rule that was in force', async () => {
    const old = script.replaceAll('S/MIME ausgehend', 'S/MIME outbound')
    const { warnings } = await assistant.attempt(old)
    assert.match(warnings.join('\n'), /rule S\/MIME ausgehend was in force and is gone/)
    assert.match(warnings.join('\n'), /UNSIGNED AND UNENCRYPTED/)
  })
})

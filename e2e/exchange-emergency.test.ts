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

  it('warns when it removes a rule that was in force', async () => {
    const old = script.replaceAll('S/MIME ausgehend', 'S/MIME outbound')
    const { warnings } = await assistant.attempt(old)
    assert.match(warnings.join('\n'), /rule S\/MIME ausgehend was in force and is gone/)
    assert.match(warnings.join('\n'), /UNSIGNED AND UNENCRYPTED/)
  })
})

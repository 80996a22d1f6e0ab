/** Tests of alarms about delivery: they stand while it fails, and go by themselves when a mail is taken again, and no others do. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { Recovery } from './recovery.ts'
import { answering, withRig, type JourneyRig } from './testing/rig.ts'

const quiet = { info: () => undefined, error: () => undefined }

function recoveryOf(rig: JourneyRig): Recovery {
  return new Recovery({ alarms: rig.store.alarms, now: () => rig.fixture.now, log: quiet })
}

it('an alarm that the connector is not recognised goes when the next mail is taken', () =>
  withRig({ answer: answering('RCPT', '550 5.7.64 TenantAttribution; Relay Access Denied') }, async (rig) => {
    const recovery = recoveryOf(rig)
    rig.took = (tenant) => {
      recovery.took(tenant)
    }
    const args = {}
    for (const code of ['hop-count-exceeded', 'arc-seal-failed'])
      await rig.store.alarms.raise(rig.tenant.id, { code, subject: rig.tenant.name, arguments: args })
    await rig.receive('From: alice@contoso.com\r\n\r\nx\r\n')
    await rig.turn()
    await recovery.look()
    const others = ['arc-seal-failed', 'hop-count-exceeded']
    assert.deepEqual(rig.alarms().toSorted(), [
      'arc-seal-failed',
      'connector-not-attributed',
      'hop-count-exceeded',
    ])
    rig.mend()
    await rig.turnAfter(900_000)
    assert.equal(rig.next.hop.heard.length, 1)
    await recovery.look()
    assert.deepEqual(rig.alarms().toSorted(), others)
  }))

it('an alarm that is raised again after the mail that was taken stays', () =>
  withRig({}, async (rig) => {
    const recovery = recoveryOf(rig)
    recovery.took(rig.tenant)
    rig.fixture.now += 1
    const code = 'connector-not-attributed'
    await rig.store.alarms.raise(rig.tenant.id, { code, subject: rig.tenant.name, arguments: {} })
    await recovery.look()
    assert.deepEqual(rig.alarms(), [code])
    recovery.took({ id: rig.tenant.id, name: 'another' })
    await recovery.look()
    assert.deepEqual(rig.alarms(), [code])
  }))

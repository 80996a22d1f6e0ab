/** Tests of the end of onboarding: told by the clock without any mail, once; and what waits then is not given up unseen. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { OnboardingClock } from './onboarding-clock.ts'
import { TIMES, withRig, type JourneyRig } from './testing/rig.ts'

const HOUR = 3_600_000
const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }

function clockOf(rig: JourneyRig): OnboardingClock {
  return new OnboardingClock({
    tenants: () => (rig.current === null ? [] : [rig.current]),
    alarms: rig.store.alarms,
    now: () => rig.fixture.now,
    log: quiet,
  })
}

function onboard(rig: JourneyRig, hours: number): void {
  const startedAt = rig.fixture.now
  rig.current = { ...rig.tenant, onboarding: { startedAt, endsAt: startedAt + hours * HOUR } }
}

describe('the end of onboarding', () => {
  it('is told by the clock, once, and takes the place of what was told before', () =>
    withRig({}, async (rig) => {
      onboard(rig, 72)
      const args = { until: '' }
      for (const code of ['onboarding-started', 'onboarding-deferral'])
        await rig.store.alarms.raise(rig.tenant.id, { code, subject: 'contoso', arguments: args })
      const clock = clockOf(rig)
      await clock.look()
      assert.deepEqual(rig.alarms(), ['onboarding-deferral', 'onboarding-started'])
      rig.fixture.now += 72 * HOUR
      await clock.look()
      await clock.look()
      assert.deepEqual(rig.alarms(), ['onboarding-ended'])
      assert.equal(rig.store.alarms.list()[0]?.count, 1)
      // Another process finds that it was told.
      await clockOf(rig).look()
      assert.equal(rig.store.alarms.list()[0]?.count, 1)
      await rig.store.alarms.clear(rig.tenant.id, 'onboarding-ended', 'contoso')
      await clock.look()
      assert.deepEqual(rig.alarms(), [])
    }))

  it('comes with the timer, and the timer ends', () =>
    withRig({}, async (rig) => {
      onboard(rig, 1)
      rig.fixture.now += HOUR
      const clock = clockOf(rig)
      clock.start()
      await clock.stop()
      assert.deepEqual(rig.alarms(), ['onboarding-ended'])
    }))

  it('finds a mail of its first hour still waiting, and has it tried for a day', () =>
    withRig({}, async (rig) => {
      onboard(rig, 168)
      rig.next.hop.script.answer = (command) =>
        command.startsWith('RCPT') ? '550 5.1.10 no such recipient' : undefined
      const mail = await rig.receive('From: alice@contoso.com\r\nSubject: x\r\n\r\nhello\r\n')
      await rig.turn()
      assert.match((await rig.states(mail)).join(), /^queued/)
      await rig.turnAfter(TIMES.expiryMs + HOUR)
      assert.match((await rig.states(mail)).join(), /^queued/, 'was given up while onboarding lasted')
      assert.ok(((await rig.dueIn(mail)) ?? 0) > 0)
      rig.mend()
      rig.fixture.now += 168 * HOUR - TIMES.expiryMs
      await rig.turn()
      assert.match((await rig.states(mail)).join(), /^delivered/)
    }))

  it('gives up what is still refused, and tells the sender', () =>
    withRig({}, async (rig) => {
      onboard(rig, 168)
      rig.next.hop.script.answer = (command) =>
        command.startsWith('RCPT') ? '550 5.1.10 no such recipient' : undefined
      const mail = await rig.receive('From: alice@contoso.com\r\nSubject: x\r\n\r\nhello\r\n')
      await rig.turn()
      await rig.turnAfter(169 * HOUR)
      assert.match((await rig.states(mail)).join(), /^bounced/)
      assert.ok((await rig.trace(mail)).includes('notice-sent'))
    }))
})

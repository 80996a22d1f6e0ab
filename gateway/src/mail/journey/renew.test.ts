/** Tests of mail that waits while words or the route change: what goes out fits the settings of then, and goes to the own tenant only. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { withRig, type JourneyRig } from './testing/rig.ts'

const INTERNAL = 'X-MS-Exchange-Organization-AuthAs: Internal'
const MAIL = `From: alice@contoso.com\r\nTo: bob@hop.example\r\n${INTERNAL}\r\nSubject: x\r\n\r\nhello\r\n`
const OTHER_WORDS = { name: 'X-Contoso-Done', outbound: ['other-out'], inbound: ['other-in'] }

/** A mail that was treated and could not be handed over. */
async function waiting(rig: JourneyRig, to = 'bob@hop.example') {
  rig.next.hop.script.answer = (command) => (command.startsWith('MAIL') ? '451 4.3.2 not now' : undefined)
  const mail = await rig.receive(MAIL, { to: [to] })
  await rig.turn()
  assert.match((await rig.states(mail)).join(), /^queued /)
  rig.mend()
  rig.next.hop.heard.length = 0
  return mail
}

/** What the hop has got. */
function heard(rig: JourneyRig): { rcpt: string; text: string }[] {
  return rig.next.hop.heard.flatMap(({ rcpt, content }) =>
    content.length === 0 ? [] : [{ rcpt: rcpt.join(), text: content.toString() }],
  )
}

describe('a mail that waits', () => {
  it('goes out as it was made when nothing has changed', () =>
    withRig({}, async (rig) => {
      const mail = await waiting(rig)
      await rig.turnAfter(120_000)
      assert.equal(heard(rig).length, 1)
      assert.match(heard(rig)[0]?.text ?? '', /X-Contoso-Done: word-out\r\n/)
      assert.ok(!(await rig.trace(mail)).includes('copy-renewed'))
    }))

  it('carries the words of then, and no old one', () =>
    withRig({}, async (rig) => {
      const mail = await waiting(rig)
      rig.current = { ...rig.tenant, processedHeader: OTHER_WORDS }
      await rig.turnAfter(120_000)
      const [only, ...more] = heard(rig)
      assert.equal(more.length, 0)
      assert.match(only?.text ?? '', /X-Contoso-Done: other-out\r\n/)
      assert.doesNotMatch(only?.text ?? '', /word-out/)
      assert.equal(only?.text.match(/^X-Siegel-Pass:/gm)?.length, 1)
      assert.ok((await rig.trace(mail)).includes('copy-renewed'))
      assert.deepEqual(await rig.states(mail), ['delivered - 2'])
      assert.ok(!rig.has(mail))
    }))

  it('goes into the world after a switch to direct delivery, without what is for the own servers', () =>
    withRig({}, async (rig) => {
      const mail = await waiting(rig)
      rig.current = { ...rig.tenant, outboundDelivery: 'direct' }
      await rig.turnAfter(120_000)
      const [only] = heard(rig)
      for (const field of [INTERNAL, 'X-Contoso-Done', 'X-Siegel-'])
        assert.ok(!only?.text.includes(field), field)
      assert.match((await rig.states(mail)).join(), /^delivered/)
    }))

  it('goes over the route after a switch back, with word and marker', () =>
    withRig({}, async (rig) => {
      rig.current = { ...rig.tenant, outboundDelivery: 'direct' }
      const mail = await waiting(rig)
      rig.current = rig.tenant
      await rig.turnAfter(120_000)
      const [only] = heard(rig)
      for (const field of [INTERNAL, 'X-Contoso-Done: word-out', 'X-Siegel-Pass'])
        assert.ok(only?.text.includes(field), field)
      assert.match((await rig.states(mail)).join(), /^delivered/)
    }))

  it('waits when its tenant is gone, whatever other tenants there are', () =>
    withRig({}, async (rig) => {
      const mail = await waiting(rig)
      rig.current = null
      await rig.turnAfter(120_000)
      assert.deepEqual(heard(rig), [])
      assert.match((await rig.states(mail)).join(), /^held tenant-missing/)
      // Its time is over: nobody can write a notice in its name, and nobody spins.
      await rig.turnAfter(6 * 86_400_000)
      assert.ok(((await rig.dueIn(mail)) ?? 0) > 0)
    }))
})

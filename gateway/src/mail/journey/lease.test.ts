/**
 * Tests of leases on real parts: a worker that lost its mail to another leaves nothing behind and touches nothing of the
 * other's; the parts of a fresh mail are in hand together or not at all.
 */
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { LeaseLost, StorageError } from '../../observe/failures.ts'
import { newMailId } from '../id.ts'
import { answering, NO_PLACES, TIMES, withRig } from './testing/rig.ts'

const HOUR = 3_600_000
const MAIL = 'From: alice@contoso.com\r\nTo: bob@partner.example\r\nSubject: x\r\n\r\nhello\r\n'

describe('a lease', () => {
  it('that is lost before the end leaves nothing of the turn, not even its copies', () =>
    withRig({ answer: answering('RCPT', '451 4.3.0 later') }, async (rig) => {
      const mail = await rig.receive(MAIL)
      const [stale] = await rig.claim('stale')
      assert.ok(stale !== undefined)
      rig.fixture.now += HOUR
      const [taken] = await rig.claim('fresh')
      assert.ok(taken !== undefined)
      assert.equal(taken.crashes, 1)
      await assert.rejects(rig.worker('stale').carry(stale), LeaseLost)
      const folder = join(rig.fixture.bodyPath({ tenantId: mail.tenantId, mailId: mail.id, copy: 0 }), '..')
      assert.deepEqual(readdirSync(folder), [`${mail.id}.0`])
      await rig.worker('fresh').carry(taken)
      assert.deepEqual(await rig.states(mail), ['queued temporarily-refused 1'])
      rig.mend()
      await rig.turnAfter(60_000)
      assert.deepEqual(await rig.states(mail), ['delivered - 2'])
    }))

  it('that is lost while another works on the same mail never touches that one’s copy', () =>
    withRig({ answer: answering('RCPT', '451 4.3.0 later') }, async (rig) => {
      const mail = await rig.receive(MAIL)
      const [stale] = await rig.claim('stale')
      rig.fixture.now += HOUR
      const [taken] = await rig.claim('fresh')
      assert.ok(stale !== undefined && taken !== undefined)
      const [first, second] = await Promise.allSettled([
        rig.worker('fresh').carry(taken),
        rig.worker('stale').carry(stale),
      ])
      assert.deepEqual([first.status, second.status], ['fulfilled', 'rejected'])
      assert.deepEqual(await rig.store.integrity(), [])
      rig.mend()
      await rig.turnAfter(60_000)
      assert.deepEqual(await rig.states(mail), ['delivered - 2'])
    }))

  it('that five workers died with sets the mail aside for a while, with an alarm, and then it is tried again', () =>
    withRig({}, async (rig) => {
      const mail = await rig.receive(MAIL)
      for (let deaths = 0; deaths < 5; deaths++) {
        assert.equal((await rig.claim(`worker-${deaths}`)).length, 1)
        rig.fixture.now += HOUR / 60
      }
      await rig.turn()
      assert.deepEqual(await rig.states(mail), ['held too-many-crashes 0'])
      assert.deepEqual(rig.alarms(), ['too-many-crashes'])
      assert.equal(rig.next.hop.heard.length, 0)
      await rig.turnAfter(TIMES.heldProbeMs)
      assert.deepEqual(await rig.states(mail), ['delivered - 1'])
    }))

  it('of a fresh mail is written with it, when there is a place for it', () =>
    withRig({}, async (rig) => {
      const places = { redeemed: [] as unknown[], reserve: () => 'w', redeem: (mail: unknown) => void places.redeemed.push(mail) } // prettier-ignore
      const mail = await rig.receive(MAIL)
      const parts = [
        { ...mail, id: newMailId(rig.fixture.now) },
        { ...mail, id: newMailId(rig.fixture.now) },
      ]
      await rig.worker().safe(parts, places)
      assert.equal(places.redeemed.length, 2)
      assert.deepEqual((await rig.claim('other')).map((claimed) => claimed.mail.id), [mail.id]) // prettier-ignore
      assert.deepEqual(
        places.redeemed,
        await Promise.all(parts.map(({ id }) => rig.store.queue.find(rig.tenant.id, id))),
      )
    }))

  it('is not taken for parts of a mail that are not safe, and none of them is', () =>
    withRig({}, async (rig) => {
      const places = { redeemed: [] as unknown[], reserve: () => 'w', redeem: (mail: unknown) => void places.redeemed.push(mail) } // prettier-ignore
      const mail = await rig.receive(MAIL)
      const part = { ...mail, id: newMailId(rig.fixture.now) }
      // The second one is there already, so it cannot be kept.
      await assert.rejects(rig.worker().safe([part, mail], places), StorageError)
      assert.deepEqual(places.redeemed, [null, null])
      assert.equal(await rig.store.queue.find(rig.tenant.id, part.id), null)
      await rig.worker().safe([part], NO_PLACES)
    }))
})

// The queue's store on real SQLite: every promise of the port, with several stores on one folder.
import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import type { Plan } from '../mail/plan.ts'
import type { Copy } from '../mail/queue/ports.ts'
import { LeaseLost, StorageError } from '../observe/failures.ts'
import type { Store } from './index.ts'
import {
  Fixture,
  TURN,
  changeOf,
  eventOf,
  mailOf,
  newMail,
  readBody,
  settlementOf,
  writeBody,
} from './testing/fixture.ts'

const COPY: Copy = {
  number: 1,
  turn: TURN,
  treatment: { kind: 'pass' },
  size: 2000,
  eightBit: false,
  eightBitHeader: true,
  bareLineEnds: false,
  longestLine: 76,
  decrypted: true,
}

const PLAN: Plan = { version: 1, settingsVersion: 1, reasons: [{ code: 'r', arguments: {} }], recipients: [] }

describe('queue store', () => {
  let fixture: Fixture
  let store: Store
  let contoso: string
  let fabrikam: string

  beforeEach(async () => {
    fixture = new Fixture()
    ;({ store, contoso, fabrikam } = await fixture.openWithTenants())
  })
  afterEach(() => fixture.end())

  const accept = async (owner: string | null = null, rest: Parameters<typeof mailOf>[2] = {}) => {
    const mail = mailOf(contoso, fixture.now, rest)
    await store.queue.accept(newMail(mail, owner))
    return mail
  }

  it('gives an accepted mail back as it was, its deliveries waiting', async () => {
    const mail = await accept(null, { recipients: ['Bob@partner.example', 'ä@partner.example'] })
    const found = await store.queue.find(contoso, mail.id)
    assert.deepEqual(found?.mail, mail)
    assert.deepEqual(
      found.deliveries.map(({ number, state, copy, attempts, dueAt }) => [
        number,
        state,
        copy,
        attempts,
        dueAt,
      ]),
      [0, 1].map((number) => [number, 'waiting', null, 0, fixture.now]),
    )
    assert.deepEqual([found.plan, found.copies, found.crashes], [null, [], 0])
    assert.equal(await store.queue.find(fabrikam, mail.id), null)
    assert.deepEqual(await (await fixture.open()).queue.find(contoso, mail.id), found)
  })

  it('keeps absent fields absent', async () => {
    const bare = mailOf(contoso, fixture.now)
    const recipient = { address: 'b@x.example', notify: null, originalRecipient: null }
    const never = { address: 'c@x.example', notify: ['NEVER'] as const, originalRecipient: null }
    const envelope = { sender: '', smtpUtf8: false, body: null, returnContent: null, envelopeId: null, recipients: [recipient, never] } // prettier-ignore
    const mail = { ...bare, envelope, peer: null, attribution: null, messageId: null, networkMessageId: 'n' }
    await store.queue.accept(newMail(mail))
    assert.deepEqual((await store.queue.find(contoso, mail.id))?.mail, mail)
  })

  it('refuses a mail twice, and one of a tenant that is not there, as temporary failures', async () => {
    const mail = await accept()
    await assert.rejects(store.queue.accept(newMail(mail)), StorageError)
    const stranger = mailOf('01KX0000000000000000000000', fixture.now)
    await assert.rejects(store.queue.accept(newMail(stranger)), StorageError)
    assert.equal(await store.queue.find(stranger.tenantId, stranger.id), null)
  })

  it('accepts the parts of a mail together or not at all', async () => {
    const parts = [mailOf(contoso, fixture.now), mailOf(contoso, fixture.now, { direction: 'inbound' })]
    const stranger = mailOf('01KX0000000000000000000000', fixture.now)
    // In one batch with a mail that is good, so that the failure must undo its own part only.
    const [together, alone] = await Promise.allSettled([
      store.queue.accept(...[...parts, stranger].map((mail) => newMail(mail))),
      store.queue.accept(newMail(mailOf(contoso, fixture.now))),
    ])
    assert.deepEqual([together.status, alone.status], ['rejected', 'fulfilled'])
    for (const mail of parts) assert.equal(await store.queue.find(contoso, mail.id), null)
    const before = fixture.commits()
    await store.queue.accept(...parts.map((mail) => newMail(mail)))
    for (const mail of parts) assert.deepEqual((await store.queue.find(contoso, mail.id))?.mail, mail)
    assert.equal(fixture.commits() - before, 1)
  })

  it('accepts fifty mails at once with one commit', async () => {
    await accept()
    const before = fixture.commits()
    await Promise.all(Array.from({ length: 50 }, () => accept()))
    assert.equal(fixture.commits() - before, 1)
  })

  it('lets one of many fail alone', async () => {
    const good = Array.from({ length: 20 }, () => mailOf(contoso, fixture.now))
    const bad = mailOf('01KX0000000000000000000000', fixture.now)
    const results = await Promise.allSettled(
      [...good.slice(0, 10), bad, ...good.slice(10)].map((mail) => store.queue.accept(newMail(mail))),
    )
    assert.deepEqual(
      results.map((result) => result.status),
      results.map((_, index) => (index === 10 ? 'rejected' : 'fulfilled')),
    )
    for (const mail of good) assert.ok((await store.queue.find(contoso, mail.id)) !== null)
  })

  it('claims what is due and free, oldest due first, and no more than asked', async () => {
    const [first, second, third] = [await accept(), await accept(), await accept()]
    fixture.now += 1000
    await accept(null, { receivedAt: fixture.now + 60_000 })
    await accept('other')
    await store.queue.claim('x', 3, 1000)
    await store.queue.settle(settlementOf(first, 'x', [changeOf(0, 'queued', { dueAt: fixture.now - 1 })]))
    await store.queue.settle(settlementOf(second, 'x', [changeOf(0, 'queued', { dueAt: fixture.now - 3 })]))
    await store.queue.settle(settlementOf(third, 'x', [changeOf(0, 'queued', { dueAt: fixture.now - 2 })]))
    const claimed = await store.queue.claim('w', 2, 1000)
    assert.deepEqual(claimed.map(({ mail }) => mail.id), [second.id, third.id]) // prettier-ignore
    assert.deepEqual((await store.queue.claim('w', 9, 1000)).map(({ mail }) => mail.id), [first.id]) // prettier-ignore
    assert.deepEqual(await store.queue.claim('w', 9, 1000), [])
  })

  it('an idle claim writes nothing', async () => {
    await accept('w')
    const before = fixture.commits()
    assert.deepEqual(await store.queue.claim('other', 10, 1000), [])
    assert.equal(fixture.commits(), before)
  })

  it('gives no mail to two claimers, whichever store they use', async () => {
    const other = await fixture.open()
    const mails = await Promise.all(Array.from({ length: 60 }, () => accept()))
    const claims = await Promise.all(
      Array.from({ length: 30 }, (_, i) => (i % 2 === 0 ? store : other).queue.claim(`w${i}`, 3, 60_000)),
    )
    const ids = claims.flat().map(({ mail }) => mail.id)
    assert.equal(new Set(ids).size, ids.length)
    assert.deepEqual(ids.toSorted(), mails.map((mail) => mail.id).toSorted())
  })

  it('counts a crash when a lease ran out, and forgets it when a turn is settled', async () => {
    const mail = await accept('dead')
    assert.deepEqual(await store.queue.claim('w', 1, 1000), [])
    fixture.now += 60_000
    assert.equal((await store.queue.claim('w', 1, 1000))[0]?.crashes, 1)
    fixture.now += 1000
    assert.equal((await store.queue.claim('w', 1, 1000))[0]?.crashes, 2)
    await store.queue.settle(settlementOf(mail, 'w', [changeOf(0, 'queued', { dueAt: fixture.now })]))
    assert.equal((await store.queue.claim('w', 1, 1000))[0]?.crashes, 0)
  })

  it('renews the leases that are still held and names the others', async () => {
    const mails = [await accept('w'), await accept('w'), await accept('other')]
    const ids = mails.map((mail) => mail.id)
    fixture.now += 20_000
    assert.deepEqual(await store.queue.renew('w', [...ids, 'unknown'], 60_000), [ids[2], 'unknown'])
    assert.deepEqual(await store.queue.renew('w', [], 60_000), [])
    fixture.now += 50_000
    assert.deepEqual((await store.queue.claim('x', 9, 1)).map(({ mail }) => mail.id), [ids[2]]) // prettier-ignore
  })

  it('settles a turn as a whole: plan, copies, deliveries, trace, notices, alarms, lease', async () => {
    const mail = await accept('w', { recipients: ['a@x.example', 'b@x.example'] })
    const notice = mailOf(contoso, fixture.now, { direction: 'notice', sender: '' })
    const deferred = changeOf(1, 'queued', {
      copy: 1,
      attempts: 2,
      dueAt: fixture.now + 500,
      delayNoticed: true,
    })
    await store.queue.settle(
      settlementOf(mail, 'w', [changeOf(0, 'delivered', { copy: 1 }), deferred], {
        planned: { plan: PLAN, facts: { from: 'alice' } },
        newCopies: [COPY],
        trace: [eventOf('planned', fixture.now), eventOf('deferred', fixture.now)],
        notices: [newMail(notice)],
        alarms: [{ code: 'hop-down', subject: 'mx.example', arguments: { port: 25 } }],
      }),
    )
    const found = await store.queue.find(contoso, mail.id)
    assert.deepEqual(found?.plan, PLAN)
    assert.deepEqual(found.copies, [COPY])
    const { recipient, expiresAt, ...rest } = found.deliveries[1] ?? assert.fail()
    assert.deepEqual([recipient.address, expiresAt], ['b@x.example', mail.receivedAt + 432_000_000])
    assert.deepEqual(rest, deferred)
    assert.deepEqual((await store.queue.find(contoso, notice.id))?.mail, notice)
    assert.deepEqual(store.alarms.list().map(({ code, subject, tenantId }) => [code, subject, tenantId]), [['hop-down', 'mx.example', contoso]]) // prettier-ignore
    const shown = await store.forTenant(contoso).traces.show(mail.id)
    assert.deepEqual(shown?.events.map((event) => event.code), ['received', 'planned', 'deferred']) // prettier-ignore
    assert.deepEqual([shown.plan, shown.facts], [PLAN, { from: 'alice' }])
    assert.deepEqual((await store.queue.claim('x', 9, 1)).map((claimed) => claimed.mail.id), [notice.id]) // prettier-ignore
    fixture.now += 500
    assert.deepEqual((await store.queue.claim('y', 9, 1)).map((claimed) => claimed.mail.id).toSorted(), [mail.id, notice.id].toSorted()) // prettier-ignore
  })

  it('writes nothing of a turn whose lease is lost, even when another turn has made the same copy', async () => {
    const mail = await accept('w')
    fixture.now += 60_000
    await store.queue.claim('x', 1, 60_000)
    const turn = { newCopies: [COPY], trace: [eventOf('planned', fixture.now)], notices: [newMail(mailOf(contoso, fixture.now))] } // prettier-ignore
    await store.queue.settle(
      settlementOf(mail, 'x', [changeOf(0, 'queued', { copy: 1, dueAt: fixture.now })], {
        newCopies: [COPY],
      }),
    )
    const before = await store.queue.find(contoso, mail.id)
    await assert.rejects(
      store.queue.settle(settlementOf(mail, 'w', [changeOf(0, 'bounced')], turn)),
      LeaseLost,
    )
    assert.deepEqual(await store.queue.find(contoso, mail.id), before)
    assert.equal((await store.queue.claim('y', 9, 1000)).length, 1)
    assert.deepEqual((await store.forTenant(contoso).traces.show(mail.id))?.events.length, 1)
  })

  it('a worker whose lease is lost cannot put its copy in the place of one that is about to be settled', async () => {
    const mail = await accept('stale')
    await writeBody(store, { tenantId: contoso, mailId: mail.id, copy: 0 }, Buffer.from('received'))
    const refOf = (turn: string) => ({ tenantId: contoso, mailId: mail.id, copy: 1, turn })
    const [stale, fresh] = [store.bodies.create(refOf('ffffffffffff')), store.bodies.create(refOf(TURN))]
    await stale.write(Buffer.from('from the stale worker'))
    fixture.now += 60_000
    await store.queue.claim('x', 1, 60_000)
    await fresh.write(Buffer.from('settled'))
    await fresh.finish()
    await stale.finish()
    const settlement = settlementOf(mail, 'x', [changeOf(0, 'queued', { copy: 1, dueAt: fixture.now })], { newCopies: [COPY] }) // prettier-ignore
    await store.queue.settle(settlement)
    const { turn } = (await store.queue.find(contoso, mail.id))?.copies[0] ?? assert.fail()
    assert.equal((await readBody(store, refOf(turn))).toString(), 'settled')
    assert.deepEqual(await store.integrity(), [])
  })

  it('rejects a settlement of a delivery that does not exist', async () => {
    const mail = await accept('w')
    await assert.rejects(store.queue.settle(settlementOf(mail, 'w', [changeOf(7, 'bounced')])), StorageError)
    await store.queue.settle(settlementOf(mail, 'w', [changeOf(0, 'bounced')]))
  })

  it('a finished mail is never due, but stays for the trace', async () => {
    const mail = await accept('w')
    await store.queue.settle(settlementOf(mail, 'w', [changeOf(0, 'delivered')]))
    fixture.now += 900_000_000
    assert.equal(await store.queue.nextDue(), null)
    assert.deepEqual(await store.queue.claim('x', 9, 1), [])
    assert.equal((await store.queue.find(contoso, mail.id))?.deliveries[0]?.state, 'delivered')
  })

  it('names the earliest due time of the mails that nobody holds', async () => {
    assert.equal(await store.queue.nextDue(), null)
    const later = await accept(null, { receivedAt: fixture.now + 5000 })
    await accept('w')
    assert.equal(await store.queue.nextDue(), later.receivedAt)
    const due = fixture.now
    fixture.now += 60_000
    assert.equal(await store.queue.nextDue(), due)
  })

  it('releases held and deferred deliveries, all or some, and says so in the trace', async () => {
    const mail = await accept('w', {
      recipients: ['a@x.example', 'b@x.example', 'c@x.example', 'd@x.example'],
    })
    await store.queue.settle(
      settlementOf(
        mail,
        'w',
        [
          changeOf(0, 'held'),
          changeOf(1, 'held', { copy: 1 }),
          changeOf(2, 'queued', { copy: 1, dueAt: fixture.now + 9000 }),
          changeOf(3, 'delivered'),
        ],
        { newCopies: [COPY] },
      ),
    )
    const states = async () =>
      (await store.queue.find(contoso, mail.id))?.deliveries.map(({ state, dueAt }) => [state, dueAt])
    const event = eventOf('released', fixture.now)
    assert.equal(await store.queue.release(contoso, mail.id, [0, 3], event), 1)
    assert.deepEqual(await states(), [['waiting', fixture.now], ['held', null], ['queued', fixture.now + 9000], ['delivered', null]]) // prettier-ignore
    assert.equal(await store.queue.release(contoso, mail.id, 'all', event), 2)
    assert.deepEqual(await states(), [['waiting', fixture.now], ['queued', fixture.now], ['queued', fixture.now], ['delivered', null]]) // prettier-ignore
    assert.equal(await store.queue.release(contoso, mail.id, 'all', event), 0)
    assert.equal(await store.queue.release(fabrikam, mail.id, 'all', event), 0)
    const shown = await store.forTenant(contoso).traces.show(mail.id)
    assert.deepEqual(shown?.events.map(({ code }) => code), ['received', 'released', 'released']) // prettier-ignore
    assert.equal((await store.queue.claim('x', 1, 1)).length, 1)
  })

  it('a server that has the lock ends the leases of the one before, and counts the crash', async () => {
    await accept('dead')
    await store.lockServer()
    assert.equal((await store.queue.claim('w', 9, 1000))[0]?.crashes, 1)
  })
})

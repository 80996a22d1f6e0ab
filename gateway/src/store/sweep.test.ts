// The sweep: takes what nothing needs, leaves what something needs or may need soon; and the check that all is whole.
import assert from 'node:assert/strict'
import { existsSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { afterEach, beforeEach, describe, it } from 'node:test'
import type { BodyRef } from '../mail/body.ts'
import type { Copy } from '../mail/queue/ports.ts'
import type { Store } from './index.ts'
import {
  Fixture,
  TURN,
  changeOf,
  mailOf,
  newMail,
  readBody,
  settlementOf,
  writeBody,
} from './testing/fixture.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

function copyOf(number: number): Copy {
  return {
    number,
    turn: TURN,
    treatment: { kind: 'pass' },
    size: 1,
    eightBit: false,
    eightBitHeader: false,
    bareLineEnds: false,
    longestLine: 1,
    decrypted: false,
  }
}

describe('sweep', () => {
  let fixture: Fixture
  let store: Store
  let contoso: string
  const BODY = Buffer.from('body')

  beforeEach(async () => {
    fixture = new Fixture()
    ;({ store, contoso } = await fixture.openWithTenants())
  })
  afterEach(() => fixture.end())

  /** Makes a file look as if it had been written some time ago. */
  const age = (ref: BodyRef, ms: number) => {
    const at = (fixture.now - ms) / 1000
    utimesSync(fixture.bodyPath(ref), at, at)
  }
  const refOf = (mailId: string, copy = 0): BodyRef => ({
    tenantId: contoso,
    mailId,
    copy,
    ...(copy === 0 ? {} : { turn: TURN }),
  })
  const there = (ref: BodyRef) => existsSync(fixture.bodyPath(ref))

  async function keep(owner: string | null = 'w') {
    fixture.now += 1 // Ids of different times sort in the order in which they were given.
    const mail = mailOf(contoso, fixture.now, { recipients: ['a@x.example', 'b@x.example'] })
    await writeBody(store, refOf(mail.id), BODY)
    await store.queue.accept(newMail(mail, owner))
    return mail
  }

  it('removes the bodies of finished mails at once, and keeps those of all others however old', async () => {
    const [done, open] = [await keep(), await keep()]
    await writeBody(store, refOf(done.id, 1), BODY)
    await writeBody(store, refOf(open.id, 1), BODY)
    await store.queue.settle(
      settlementOf(done, 'w', [changeOf(0, 'delivered'), changeOf(1, 'bounced')], { newCopies: [copyOf(1)] }),
    )
    await store.queue.settle(
      settlementOf(open, 'w', [changeOf(0, 'delivered', { copy: 1 }), changeOf(1, 'held', { copy: 1 })], { newCopies: [copyOf(1)] }), // prettier-ignore
    )
    for (const copy of [0, 1]) age(refOf(open.id, copy), 10 * DAY_MS)
    assert.equal(await store.sweep(), 2)
    assert.deepEqual([there(refOf(done.id)), there(refOf(done.id, 1))], [false, false])
    for (const copy of [0, 1]) assert.deepEqual(await readBody(store, refOf(open.id, copy)), BODY)
  })

  it('removes bodies without a row, and copies nobody waits for, when they are older than an hour', async () => {
    const mail = await keep()
    const young = [refOf(mailOf(contoso, fixture.now).id), refOf(mail.id, 1)]
    const old = [refOf(mailOf(contoso, fixture.now).id), refOf(mail.id, 2)]
    for (const ref of [...young, ...old]) await writeBody(store, ref, BODY)
    for (const ref of young) age(ref, HOUR_MS - 60_000)
    for (const ref of old) age(ref, HOUR_MS + 60_000)
    assert.equal(await store.sweep(), 2)
    assert.deepEqual(young.map(there), [true, true])
    assert.deepEqual(old.map(there), [false, false])
  })

  it('removes the copy of a turn that was never settled, and keeps that of the same number that was', async () => {
    const mail = await keep()
    const late = { ...refOf(mail.id, 1), turn: 'ffffffffffff' }
    for (const ref of [refOf(mail.id, 1), late]) await writeBody(store, ref, BODY)
    await store.queue.settle(
      settlementOf(mail, 'w', [changeOf(0, 'queued', { copy: 1, dueAt: fixture.now })], { newCopies: [copyOf(1)] }), // prettier-ignore
    )
    for (const ref of [refOf(mail.id, 1), late]) age(ref, 2 * HOUR_MS)
    assert.equal(await store.sweep(), 1)
    assert.deepEqual([there(refOf(mail.id, 1)), there(late)], [true, false])
    assert.deepEqual(await store.integrity(), [])
  })

  it('removes what a writer left beside an earlier body, and nothing that is not a body', async () => {
    const mail = await keep()
    const path = fixture.bodyPath(refOf(mail.id))
    writeFileSync(`${path}.00112233aabb`, 'left by a crash')
    utimesSync(`${path}.00112233aabb`, 1, 1)
    writeFileSync(`${path}.notes`, 'the operator’s')
    utimesSync(`${path}.notes`, 1, 1)
    assert.equal(await store.sweep(), 1)
    assert.equal(readFileSync(`${path}.notes`, 'utf8'), 'the operator’s')
    assert.deepEqual(await readBody(store, refOf(mail.id)), BODY)
  })

  it('removes the rows of finished mails when the term of the trace is over', async () => {
    const done = await keep()
    const held = await keep()
    await store.queue.settle(settlementOf(done, 'w', [changeOf(0, 'delivered'), changeOf(1, 'delivered')]))
    await store.queue.settle(settlementOf(held, 'w', [changeOf(0, 'delivered'), changeOf(1, 'held')]))
    fixture.now += 89 * DAY_MS
    await store.sweep()
    assert.equal((await store.forTenant(contoso).traces.find({})).length, 2)
    fixture.now += 2 * DAY_MS
    await store.sweep()
    assert.deepEqual((await store.forTenant(contoso).traces.find({})).map(({ mailId }) => mailId), [held.id]) // prettier-ignore
    assert.equal(await store.queue.find(contoso, done.id), null)
    assert.deepEqual(await store.integrity(), [])
  })

  it('integrity names the bodies that are missing or damaged, of mails that need them', async () => {
    const [missing, altered, done] = [await keep(), await keep(), await keep()]
    await store.queue.settle(
      settlementOf(altered, 'w', [changeOf(0, 'queued', { copy: 1, dueAt: fixture.now })], { newCopies: [copyOf(1)] }), // prettier-ignore
    )
    await writeBody(store, refOf(altered.id, 1), BODY)
    await store.queue.settle(settlementOf(done, 'w', [changeOf(0, 'delivered'), changeOf(1, 'delivered')]))
    assert.deepEqual(await store.integrity(), [])
    for (const mail of [missing, done]) await store.bodies.remove(refOf(mail.id))
    writeFileSync(fixture.bodyPath(refOf(altered.id, 1)), 'x')
    const problems = await store.integrity()
    assert.deepEqual(problems.map(({ code }) => code), ['body-damaged', 'body-damaged']) // prettier-ignore
    assert.match(problems[0]?.detail ?? '', new RegExp(`${missing.id}\\.0 is missing`))
    assert.match(problems[1]?.detail ?? '', new RegExp(`${altered.id}\\.1`))
  })
})

// The trace: found by every filter, newest first and page by page, seen by its own tenant only.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, describe, it } from 'node:test'
import type { ReceivedMail } from '../mail/message.ts'
import type { TraceFilter, TraceStore } from '../mail/trace.ts'
import type { Store } from './index.ts'
import { compiler, sqlValues } from './sqlite/dialect.ts'
import { Fixture, changeOf, mailOf, newMail, settlementOf } from './testing/fixture.ts'
import { matchingMails } from './traces.ts'

describe('trace store', () => {
  const fixture = new Fixture()
  let store: Store
  let traces: TraceStore
  let tenant: string
  let other: string
  const mails: ReceivedMail[] = []

  before(async () => {
    ;({ store, contoso: tenant, fabrikam: other } = await fixture.openWithTenants())
    traces = store.forTenant(tenant).traces
    for (let i = 0; i < 12; i += 1) {
      fixture.now += 1000
      const mail = mailOf(tenant, fixture.now, {
        sender: i % 2 === 0 ? 'Alice@Contoso.com' : 'bob@contoso.com',
        recipients: [`R${i}@partner.example`, 'all@partner.example'],
        messageId: i === 11 ? null : `<${i}@contoso.com>`,
        networkMessageId: `net-${i}`,
      })
      mails.push(mail)
      await store.queue.accept(newMail(mail, i < 4 ? 'w' : null))
    }
    const [a, b, c, d] = mails
    if (a === undefined || b === undefined || c === undefined || d === undefined) return
    await store.queue.settle(settlementOf(a, 'w', [changeOf(0, 'delivered'), changeOf(1, 'bounced')]))
    await store.queue.settle(settlementOf(b, 'w', [changeOf(0, 'delivered'), changeOf(1, 'held')]))
    await store.queue.settle(settlementOf(c, 'w', [changeOf(0, 'relayed'), changeOf(1, 'relayed')]))
    await store.queue.accept(newMail(mailOf(other, fixture.now)))
  })
  after(() => fixture.end())

  const found = async (filter: TraceFilter) =>
    (await traces.find(filter)).map(({ mailId }) => mails.findIndex((mail) => mail.id === mailId))
  const newestFirst = [11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]

  it('finds the first mail of a direction and time that a factor attributed, of its own tenant only', async () => {
    const received = (factors: string[]) => ({
      at: 1,
      code: 'received',
      delivery: null,
      arguments: { factors },
    })
    const apart = new Fixture()
    const { store: own, contoso, fabrikam } = await apart.openWithTenants()
    try {
      const add = async (tenantId: string, change: Partial<ReceivedMail>, factors: string[]) => {
        apart.now += 1000
        const made: ReceivedMail = { ...mailOf(tenantId, apart.now), ...change }
        await own.queue.accept({ ...newMail(made), trace: [received(factors)] })
        return made
      }
      const early = await add(contoso, { direction: 'outbound' }, ['secret-header', 'wanted'])
      await add(fabrikam, { direction: 'outbound' }, ['wanted'])
      await add(contoso, { direction: 'inbound' }, ['wanted'])
      await add(contoso, { direction: 'outbound' }, ['unwanted', '"wanted"'])
      const late = await add(contoso, { direction: 'outbound' }, ['wanted'])
      await add(contoso, { direction: 'outbound' }, ['wanted'])
      const { traces: ofContoso } = own.forTenant(contoso)
      assert.equal((await ofContoso.firstBy('wanted', 'outbound', early.receivedAt))?.mailId, early.id)
      assert.deepEqual(await ofContoso.firstBy('wanted', 'outbound', early.receivedAt + 1), {
        mailId: late.id,
        receivedAt: late.receivedAt,
      })
      assert.equal(await ofContoso.firstBy('wanted', 'outbound', apart.now + 1), null)
      assert.equal(await ofContoso.firstBy('other', 'outbound', 0), null)
    } finally {
      await apart.end()
    }
  })

  it('lists the tenant’s own mails, newest first', async () => {
    assert.deepEqual(await found({}), newestFirst)
    assert.equal((await store.forTenant(other).traces.find({})).length, 1)
    assert.deepEqual(await store.forTenant('').traces.find({}), [])
  })

  it('tells of each mail what the list shows', async () => {
    const [, last] = (await traces.find({})).toReversed()
    assert.deepEqual(last, {
      mailId: mails[1]?.id,
      receivedAt: mails[1]?.receivedAt,
      direction: 'outbound',
      sender: 'bob@contoso.com',
      recipients: [
        { address: 'R1@partner.example', state: 'delivered' },
        { address: 'all@partner.example', state: 'held' },
      ],
      messageId: '<1@contoso.com>',
      size: 1234,
      leaseUntil: null,
    })
  })

  it('goes on after a mail, page by page', async () => {
    const pages: number[][] = []
    for (let before: string | undefined; ;) {
      const page = await found({ limit: 5, ...(before === undefined ? {} : { before }) })
      if (page.length === 0) break
      pages.push(page)
      before = mails[page.at(-1) ?? -1]?.id
    }
    assert.deepEqual(pages, [newestFirst.slice(0, 5), newestFirst.slice(5, 10), [1, 0]])
    assert.equal((await found({ limit: 0 })).length, 1)
  })

  it('narrows by every field', async () => {
    assert.deepEqual(await found({ messageId: '<7@contoso.com>' }), [7])
    assert.deepEqual(await found({ messageId: '7@contoso.com' }), [7])
    assert.deepEqual(await found({ networkMessageId: 'net-3' }), [3])
    assert.deepEqual(await found({ from: 'alice@contoso.COM' }), [10, 8, 6, 4, 2, 0])
    assert.deepEqual(await found({ to: 'r5@Partner.example' }), [5])
    assert.deepEqual(await found({ to: 'all@partner.example', limit: 2 }), [11, 10])
    assert.deepEqual(await found({ since: mails[9]?.receivedAt ?? 0 }), [11, 10, 9])
    assert.deepEqual(await found({ from: 'bob@contoso.com', to: 'r4@partner.example' }), [])
    assert.deepEqual(await found({ from: 'nobody@contoso.com' }), [])
  })

  it('narrows by the state of a delivery', async () => {
    assert.deepEqual(await found({ state: 'held' }), [1])
    assert.deepEqual(await found({ state: 'delivered' }), [1, 0])
    assert.deepEqual(await found({ state: 'bounced' }), [0])
    assert.deepEqual(await found({ state: 'relayed' }), [2])
    assert.deepEqual(await found({ state: 'waiting' }), newestFirst.slice(0, 9))
    assert.deepEqual(await found({ state: 'nonsense' }), [])
  })

  it('finds few of many by a key, not by walking through all mails of the tenant', () => {
    const database = new DatabaseSync(join(fixture.folder, 'siegel.sqlite'))
    const keysOf = (filter: TraceFilter) => {
      const { sql, parameters } = matchingMails(compiler, tenant, filter).compile()
      const plan = database.prepare(`explain query plan ${sql}`).all(...sqlValues(parameters))
      return plan.map((row) => String(row['detail'])).join('; ')
    }
    assert.match(
      keysOf({ messageId: 'x' }),
      /mail USING INDEX \S+ \(tenant_id=\? AND id=\?\).* mail_message_id /,
    )
    assert.match(keysOf({ networkMessageId: 'x' }), /tenant_id=\? AND id=\?.* mail_network_message_id /)
    assert.match(keysOf({ from: 'x' }), /INDEX mail_sender \(tenant_id=\? AND sender_key=\?/)
    assert.match(
      keysOf({ to: 'x' }),
      /tenant_id=\? AND id=\?.* delivery_address \(tenant_id=\? AND address_key=\?/,
    )
    assert.match(keysOf({ state: 'held' }), /tenant_id=\? AND id=\?.* mail_open/)
    assert.match(keysOf({ since: 1 }), /tenant_id=\? AND id>\?/)
    assert.match(keysOf({ before: 'x' }), /tenant_id=\? AND id<\?/)
    for (const filter of [{}, { from: 'x' }, { to: 'x' }, { messageId: 'x' }, { since: 1 }])
      assert.ok(!keysOf(filter).includes('SCAN mail'), JSON.stringify(filter))
    database.close()
  })

  it('shows one mail, or null to everybody else', async () => {
    const shown = await traces.show(mails[2]?.id ?? '')
    assert.deepEqual(shown?.events.map(({ code }) => code), ['received']) // prettier-ignore
    assert.deepEqual([shown.plan, shown.facts], [null, null])
    assert.equal(await store.forTenant(other).traces.show(mails[2]?.id ?? ''), null)
    assert.equal(await traces.show('unknown'), null)
  })
})

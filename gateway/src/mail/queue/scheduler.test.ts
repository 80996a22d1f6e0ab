/**
 * Tests of the scheduler on a real store with the real clock: what is carried when, how much at once, and what becomes of
 * mail whose worker fails, dies or is slow.
 */
import assert from 'node:assert/strict'
import { once, EventEmitter } from 'node:events'
import { afterEach, beforeEach, describe, it } from 'node:test'
import type { Log } from '../../observe/log.ts'
import type { Store } from '../../store/index.ts'
import { changeOf, Fixture, mailOf, newMail, settlementOf } from '../../store/testing/fixture.ts'
import type { ReceivedMail } from '../message.ts'
import type { QueuedMail } from './ports.ts'
import { Scheduler, type SchedulerOptions } from './scheduler.ts'

const LEASE_MS = 500

describe('scheduler', () => {
  let fixture: Fixture
  let store: Store
  let contoso: string
  let logged: string[]
  let running: Scheduler[]

  beforeEach(async () => {
    fixture = new Fixture()
    const opened = await fixture.openWithTenants()
    contoso = opened.contoso
    store = await fixture.open({ now: Date.now })
    logged = []
    running = []
  })
  afterEach(async () => {
    await Promise.all(running.map((scheduler) => scheduler.stop()))
    await fixture.end()
  })

  const note =
    (level: string) =>
    (event: string): void =>
      void logged.push(`${level} ${event}`)
  const log: Log = { debug: note('debug'), info: note('info'), warn: note('warn'), error: note('error') }

  /** Ends a mail as delivered. */
  const deliver = async (mail: QueuedMail, owner: string): Promise<null> => {
    await store.queue.settle(
      settlementOf(mail.mail, owner, mail.deliveries.map(({ number }) => changeOf(number, 'delivered'))), // prettier-ignore
    )
    return null
  }

  function start(carry: SchedulerOptions['carry'], rest: Partial<SchedulerOptions> = {}): Scheduler {
    const scheduler = new Scheduler({
      store: store.queue,
      owner: 'w',
      carry,
      concurrency: 10,
      octetsAtOnce: 1e9,
      backlog: 100,
      leaseMs: LEASE_MS,
      pollMs: 100,
      now: Date.now,
      log,
      ...rest,
    })
    running.push(scheduler)
    scheduler.start()
    return scheduler
  }

  async function accept(count = 1, size = 100): Promise<ReceivedMail[]> {
    const mails = Array.from({ length: count }, () => {
      const mail = mailOf(contoso, Date.now())
      return { ...mail, body: { ...mail.body, size } }
    })
    await store.queue.accept(...mails.map((mail) => newMail(mail)))
    return mails
  }

  /** A carrier that notes what it has and gives it out when told. */
  class Carrier extends EventEmitter {
    readonly had: QueuedMail[] = []
    now = 0
    most = 0
    readonly owner: string
    /** What each mail waits for. */
    gate: Promise<unknown> = Promise.resolve()

    constructor(owner = 'w') {
      super()
      this.owner = owner
    }

    readonly carry = async (mail: QueuedMail): Promise<null> => {
      this.had.push(mail)
      this.most = Math.max(this.most, ++this.now)
      this.emit('begun')
      try {
        await this.gate
        return await deliver(mail, this.owner)
      } finally {
        this.now--
        this.emit('ended')
      }
    }

    async begun(count: number): Promise<void> {
      while (this.had.length < count) await once(this, 'begun')
    }
  }

  const idsOf = (mails: readonly { readonly mail: ReceivedMail }[]) => mails.map(({ mail }) => mail.id).toSorted() // prettier-ignore

  it('carries what waits in the store, and what is accepted later, each once', async () => {
    const first = await accept(25)
    const carrier = new Carrier()
    const scheduler = start(carrier.carry)
    await carrier.begun(25)
    const later = await accept(3)
    scheduler.wake()
    await carrier.begun(28)
    await scheduler.stop()
    assert.deepEqual(idsOf(carrier.had), [...first, ...later].map(({ id }) => id).toSorted())
    assert.ok(carrier.most <= 10)
  })

  it('notices mail of another process without being told', async () => {
    const carrier = new Carrier()
    start(carrier.carry)
    await accept()
    await carrier.begun(1)
  })

  it('carries a fresh mail at once, under the lease that it was accepted with', async () => {
    const carrier = new Carrier()
    const scheduler = start(carrier.carry)
    const owner = scheduler.reserve()
    assert.equal(owner, 'w')
    const mail = mailOf(contoso, Date.now())
    await store.queue.accept(newMail(mail, owner))
    scheduler.redeem(await store.queue.find(contoso, mail.id))
    assert.deepEqual(idsOf(carrier.had), [mail.id])
    assert.equal(carrier.had[0]?.crashes, 0)
  })

  it('gives no more places than it has, and takes one back that came to nothing', async () => {
    const carrier = new Carrier()
    const scheduler = start(carrier.carry, { backlog: 2 })
    assert.deepEqual([scheduler.reserve(), scheduler.reserve(), scheduler.reserve()], ['w', 'w', null])
    scheduler.redeem(null)
    assert.equal(scheduler.reserve(), 'w')
    await scheduler.stop()
    assert.equal(scheduler.reserve(), null)
  })

  it('carries no more octets at once than allowed, but a larger mail alone', async () => {
    const open = Promise.withResolvers<undefined>()
    const carrier = new Carrier()
    carrier.gate = open.promise
    await accept(5, 400)
    await accept(1, 5000)
    start(carrier.carry, { octetsAtOnce: 1000, leaseMs: 5000 })
    await carrier.begun(2)
    await new Promise((resolve) => setTimeout(resolve, 150))
    assert.equal(carrier.had.length, 2)
    open.resolve(undefined)
    await carrier.begun(6)
    assert.equal(carrier.most, 2)
  })

  it('keeps the lease of a slow turn, so that nobody else takes the mail', async () => {
    const open = Promise.withResolvers<undefined>()
    const [slow, other] = [new Carrier('w'), new Carrier('other')]
    slow.gate = open.promise
    await accept()
    start(slow.carry)
    await slow.begun(1)
    start(other.carry, { owner: 'other' })
    await new Promise((resolve) => setTimeout(resolve, 3 * LEASE_MS))
    assert.equal(other.had.length, 0)
    open.resolve(undefined)
    await once(slow, 'ended')
    assert.deepEqual(logged.filter((line) => line.startsWith('warn')), []) // prettier-ignore
  })

  it('does not take a mail for lost that is settled while its lease is being renewed', async () => {
    await accept(60)
    const carried = Promise.withResolvers<undefined>()
    let left = 60
    // Renewed every 5 ms, each while some turn ends.
    start(
      async (mail) => {
        await deliver(mail, 'w')
        if (--left === 0) carried.resolve(undefined)
        // The answer of a renewal that the store gave behind the settlement may come before the turn has ended.
        await new Promise((resolve) => setTimeout(resolve, 10))
        return null
      },
      { leaseMs: 15, concurrency: 2 },
    )
    await carried.promise
    assert.ok(!logged.includes('warn lease-lost'))
  })

  it('takes over the mail of a worker that died, and counts the crash', async () => {
    const [mail] = await accept()
    await store.queue.claim('dead', 1, LEASE_MS)
    const carrier = new Carrier()
    const begun = Date.now()
    start(carrier.carry)
    await carrier.begun(1)
    assert.ok(Date.now() - begun >= LEASE_MS - 50)
    assert.deepEqual([carrier.had[0]?.mail.id, carrier.had[0]?.crashes], [mail?.id, 1])
  })

  it('does a failed turn again when its lease has ended, and goes on with the others', async () => {
    const mails = await accept(3)
    const carrier = new Carrier()
    let failures = 0
    start((mail) => {
      if (mail.mail.id === mails[0]?.id && failures++ === 0) return Promise.reject(new Error('a defect'))
      return carrier.carry(mail)
    })
    await carrier.begun(3)
    assert.deepEqual(idsOf(carrier.had), mails.map(({ id }) => id).toSorted())
    assert.deepEqual(logged, ['error turn-failed'])
    assert.equal(carrier.had.find(({ mail }) => mail.id === mails[0]?.id)?.crashes, 1)
  })

  it('drops fresh mail in hand whose lease another has taken', async () => {
    const open = Promise.withResolvers<undefined>()
    const carrier = new Carrier()
    carrier.gate = open.promise
    await accept()
    const scheduler = start(carrier.carry, { concurrency: 1 })
    await carrier.begun(1)
    const owner = scheduler.reserve()
    const fresh = mailOf(contoso, Date.now())
    // Accepted under a lease that another process holds by now.
    await store.queue.accept(newMail(fresh, 'other'))
    scheduler.redeem(await store.queue.find(contoso, fresh.id))
    assert.equal(owner, 'w')
    while (!logged.includes('warn lease-lost')) await new Promise((resolve) => setTimeout(resolve, 10))
    open.resolve(undefined)
    await once(carrier, 'ended')
    await scheduler.stop()
    assert.equal(carrier.had.length, 1)
  })

  it('stops when what it has in hand is settled, and leaves the rest to others', async () => {
    const open = Promise.withResolvers<undefined>()
    const carrier = new Carrier()
    carrier.gate = open.promise
    await accept(3)
    const scheduler = start(carrier.carry, { concurrency: 1 })
    await carrier.begun(1)
    let stopped = false
    const stopping = scheduler.stop().then(() => void (stopped = true))
    await new Promise((resolve) => setTimeout(resolve, 30))
    assert.equal(stopped, false)
    open.resolve(undefined)
    await stopping
    assert.equal(carrier.had.length, 1)
    const other = new Carrier('other')
    start(other.carry, { owner: 'other' })
    await other.begun(2)
  })
})

/** Tests of the refresher against a real HTTPS server and a real data folder: lists, alarms, and that the last good one stays. */
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { AddressRanges } from '../../store/address-ranges.ts'
import { createEndpointService, EndpointServiceError } from './endpoint-service.ts'
import { SHIPPED_LIST, type RangeList } from './range-list.ts'
import { Refresher, refreshOnce, type RefresherOptions } from './refresher.ts'
import { NEWER_RANGES, SERVICE_CA, TestService } from './testing/service.ts'

const DAY = 86_400_000
const SMALL = ['40.107.0.0/16', '104.47.0.0/17', '40.92.0.0/16', '2a01:111:f400::/48', '2a01:111:f403::/48']
const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }

let service: TestService
let base = ''
let folder = ''
let keeper: AddressRanges
before(async () => {
  service = new TestService()
  base = await service.open()
})
after(() => {
  service.close()
})
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'siegel-ranges-'))
  keeper = new AddressRanges(folder)
  Object.assign(service, { version: '2026110200', ranges: NEWER_RANGES, broken: null })
  service.asked.length = 0
})
afterEach(() => rm(folder, { recursive: true }))

const client = (anchors: readonly string[] = [SERVICE_CA.pem], timeoutMs = 2000) =>
  createEndpointService({ base, anchors: () => anchors, timeoutMs })

describe('asking once', () => {
  test('a newer list is taken and kept; the second time the version alone is asked for', async () => {
    const first = await refreshOnce(client(), keeper, 7)
    assert.equal(first.kind, 'taken')
    assert.deepEqual(await keeper.read(), {
      version: '2026110200',
      confirmedAt: 7,
      ranges: NEWER_RANGES.toSorted(),
    })
    assert.deepEqual(service.asked, ['/version', '/endpoints/Worldwide'])
    assert.equal((await refreshOnce(client(), keeper, 9)).kind, 'confirmed')
    assert.equal(service.asked.length, 3)
    assert.equal(((await keeper.read()) as RangeList).confirmedAt, 9)
  })

  test('a list that is not believed leaves the last good one, unless an operator accepts that it is smaller', async () => {
    await refreshOnce(client(), keeper, 7)
    Object.assign(service, { version: '2026110900', ranges: SMALL })
    const result = await refreshOnce(client(), keeper, 8)
    assert.deepEqual(result, { kind: 'refused', cause: 'more than half of the IPv4 addresses are gone' })
    assert.equal(((await keeper.read()) as RangeList).version, '2026110200')
    assert.equal((await refreshOnce(client(), keeper, 9, true)).kind, 'taken')
    assert.deepEqual(((await keeper.read()) as RangeList).ranges, SMALL.toSorted())
  })

  for (const [name, broken, why] of [
    ['an error', { status: 500 }, /HTTP 500/],
    ['a redirect', { status: 302, headers: { location: 'https://localhost/' } }, /HTTP 302/],
    ['no JSON', { text: '<html>' }, /not JSON/],
    ['too much', { text: 'x'.repeat(5_000_000) }, /too large/],
    ['silence', { silent: true }, /no answer in 300 ms/],
  ] as const)
    test(`${name} is a failure and keeps what is kept`, async () => {
      service.broken = broken
      const result = await refreshOnce(client([SERVICE_CA.pem], 300), keeper, 8)
      assert.ok(result.kind === 'failed' && why.test(result.cause), JSON.stringify(result))
      assert.equal(await keeper.read(), null)
    })

  test('a certificate of an unknown authority, another name and plain http are failures', async () => {
    const stranger = await refreshOnce(client([]), keeper, 8)
    assert.ok(
      stranger.kind === 'failed' && /CERT|SELF_SIGNED|ISSUER|SIGNATURE/.test(stranger.cause),
      JSON.stringify(stranger),
    )
    const other = createEndpointService({
      base: base.replace('localhost', '127.0.0.1'),
      anchors: () => [SERVICE_CA.pem],
    })
    await assert.rejects(other.version(), /ERR_TLS_CERT_ALTNAME_INVALID/)
    const plain = createEndpointService({ base: base.replace('https', 'http'), anchors: () => [] })
    await assert.rejects(plain.version(), EndpointServiceError)
    assert.deepEqual(service.asked, [])
  })
})

describe('keeping current', () => {
  const running: Refresher[] = []
  afterEach(() => {
    for (const one of running.splice(0)) one.stop()
  })

  async function start(change: Partial<RefresherOptions> = {}, clock = { now: Date.UTC(2026, 10, 24) }) {
    const lists: RangeList[] = []
    const alarms = new Map<string, object>()
    const raised: string[] = []
    const refresher = new Refresher({
      keeper,
      service: client([SERVICE_CA.pem], 300),
      alarms: {
        raise: (code, args) => {
          raised.push(code)
          alarms.set(code, args)
          return Promise.resolve()
        },
        clear: (code) => {
          alarms.delete(code)
          return Promise.resolve()
        },
      },
      inUse: () => true,
      changed: (list) => void lists.push(list),
      now: () => clock.now,
      log: quiet,
      times: { look: 20, tick: 20 },
      ...change,
    })
    running.push(refresher)
    await refresher.start()
    return { lists, alarms, raised, clock }
  }

  test('says nothing when what it works with goes away after it was stopped', async () => {
    const logged: string[] = []
    const { promise, reject } = Promise.withResolvers<string>()
    let looks = 0
    const refresher = new Refresher({
      keeper: {
        read: () => keeper.read(),
        write: (list) => keeper.write(list),
        mark: () => (looks++ === 0 ? Promise.resolve('1') : promise),
      },
      service: null,
      alarms: { raise: () => Promise.resolve(), clear: () => Promise.resolve() },
      inUse: () => false,
      changed: () => undefined,
      now: Date.now,
      log: { ...quiet, error: (event) => void logged.push(event) },
      times: { look: 5, tick: 1_000_000 },
    })
    await refresher.start()
    await until(() => looks > 1)
    refresher.stop()
    reject(new Error('the store is closed'))
    await sleep(20)
    assert.deepEqual(logged, [])
  })

  async function until(condition: () => boolean): Promise<void> {
    for (let i = 0; i < 300 && !condition(); i++) await sleep(10)
    assert.ok(condition())
  }

  test('begins with the shipped list, asks at once, and from then on once a day', async () => {
    const { lists, alarms, clock } = await start()
    assert.equal(lists[0], SHIPPED_LIST)
    await until(() => lists.length === 2)
    assert.equal(lists[1]?.version, '2026110200')
    await sleep(100)
    assert.equal(service.asked.length, 2)
    clock.now += DAY
    await until(() => service.asked.length === 3)
    assert.equal(lists.length, 2, 'the same list is no change')
    assert.equal(alarms.size, 0)
  })

  test('what another process keeps is in force within a second, a damaged file brings the shipped list back', async () => {
    const { lists } = await start({ service: null, inUse: () => false, times: {} })
    await refreshOnce(client(), new AddressRanges(folder), 7)
    const at = performance.now()
    await until(() => lists.length === 2)
    assert.ok(performance.now() - at < 1000)
    await writeFile(join(folder, 'office-365-ranges.json'), '{"ranges": ["0.0.0.0/0"]}')
    await until(() => lists.length === 3)
    assert.equal(lists[2], SHIPPED_LIST)
  })

  test('switched off, an old list alarms, daily; a release or a refresh by hand clears it', async () => {
    const clock = { now: SHIPPED_LIST.confirmedAt + 44 * DAY }
    const { alarms, raised } = await start({ service: null }, clock)
    await sleep(100)
    assert.equal(alarms.size, 0)
    clock.now += 2 * DAY
    await until(() => alarms.has('address-ranges-stale'))
    assert.deepEqual(alarms.get('address-ranges-stale'), { version: SHIPPED_LIST.version, days: 46 })
    await sleep(100)
    assert.equal(raised.length, 1)
    clock.now += DAY
    await until(() => raised.length === 2)
    await refreshOnce(client(), keeper, clock.now)
    await until(() => alarms.size === 0)
  })

  test('a service that cannot be asked alarms after three days, and the alarm goes by itself', async () => {
    service.broken = { status: 503 }
    const clock = { now: SHIPPED_LIST.confirmedAt + DAY }
    const { alarms, lists } = await start({}, clock)
    await until(() => service.asked.length === 1)
    await sleep(100)
    assert.equal(alarms.size, 0)
    assert.equal(service.asked.length, 1, 'the next question comes after an hour')
    clock.now += 3 * DAY
    await until(() => alarms.has('address-ranges-not-refreshed'))
    assert.match(JSON.stringify(alarms.get('address-ranges-not-refreshed')), /HTTP 503/)
    service.broken = null
    clock.now += DAY
    await until(() => alarms.size === 0)
    assert.equal(lists.at(-1)?.version, '2026110200')
  })

  test('a list that is not believed alarms at once and is not used', async () => {
    service.ranges = [...NEWER_RANGES, '0.0.0.0/0']
    const clock = { now: SHIPPED_LIST.confirmedAt + DAY }
    const { alarms, lists } = await start({}, clock)
    await until(() => alarms.has('address-ranges-refused'))
    assert.deepEqual(lists, [SHIPPED_LIST])
    service.ranges = NEWER_RANGES
    clock.now += DAY
    await until(() => alarms.size === 0 && lists.length === 2)
  })

  test('where no object takes the list in, nobody is asked and nothing alarms', async () => {
    const { alarms } = await start({ inUse: () => false })
    await sleep(100)
    assert.deepEqual(service.asked, [])
    assert.equal(alarms.size, 0)
  })
})

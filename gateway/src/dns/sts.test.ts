/**
 * Tests of MTA-STS policies: what is one, what is fetched, kept and refused. The web server and the name server are our own, on
 * loopback; certificates are made for the test.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { after, before, beforeEach, describe, test } from 'node:test'
import fc from 'fast-check'
import { authority, leaf } from '../mail/outbound/testing/certificates.ts'
import { createHostLookup } from './hosts.ts'
import { createResolver } from './resolver.ts'
import { isListed, parseStsPolicy, stsId } from './sts-policy.ts'
import { StsRefresher } from './sts-refresh.ts'
import { createStsLookup, type KeptStsPolicy, type StsLookup } from './sts.ts'
import { startNameServer, type NameServerRig, type Said } from './testing/name-server.ts'

const POLICY =
  'version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\nmx: *.Example.net\r\nmax_age: 604800\r\n'
const DAY = 86_400_000

describe('the texts of MTA-STS', () => {
  test('a record counts when it is the only one and has an id', () => {
    assert.equal(stsId(['v=STSv1; id=20160831085700Z;']), '20160831085700Z')
    assert.equal(stsId(['v=spf1 -all', 'v=STSv1;id=a']), 'a')
    for (const records of [
      [],
      ['v=STSv1'],
      ['v=STSv1; id=;'],
      ['v=STSv2; id=a'],
      ['v=STSv1; id=a', 'v=STSv1; id=b'],
      ['v=STSv1; id=a-b'],
    ])
      assert.equal(stsId(records), null, records.join())
  })

  test('a policy is read whole', () => {
    assert.deepEqual(parseStsPolicy(POLICY), {
      mode: 'enforce',
      mx: ['mail.example.com', '*.example.net'],
      maxAge: 604_800,
    })
    assert.deepEqual(parseStsPolicy('version: STSv1\nmode: none\nmax_age: 99999999\n'), {
      ...{ mode: 'none', mx: [] },
      maxAge: 31_557_600,
    })
  })

  for (const [name, text] of [
    ['another version', POLICY.replace('STSv1', 'STSv2')],
    ['an unknown mode', POLICY.replace('enforce', 'strict')],
    ['no time', POLICY.replace(/max_age.*/, '')],
    ['a time that is no number', POLICY.replace('604800', 'long')],
    ['no hosts', POLICY.replaceAll(/mx:.*\r\n/g, '')],
    ['a wildcard in the middle', POLICY.replace('*.Example', 'a.*.example')],
    ['a line that is no field', `${POLICY}<html>\r\n`],
  ] as const)
    test(`a policy with ${name} is none`, () => {
      assert.equal(parseStsPolicy(text), null)
    })

  test('a wildcard stands for one label', () => {
    const policy = parseStsPolicy(POLICY) ?? assert.fail()
    const listed = ['mail.example.com', 'a.example.net', 'example.net', 'a.b.example.net', 'x.example.com']
    assert.deepEqual(
      listed.map((host) => isListed(policy, host)),
      [true, true, false, false, false],
    )
  })

  test('property: any text is a policy or none', () => {
    const word = fc.constantFrom(
      ...['version: STSv1', 'mode: none', 'mode:', 'mx: *.a', 'max_age: 1', '\n', '\r\n', ':', ' ', '\u0000'],
    )
    fc.assert(
      fc.property(fc.array(fc.oneof(word, fc.string()), { maxLength: 20 }), (words) => {
        const policy = parseStsPolicy(words.join(''))
        assert.ok(policy === null || policy.maxAge <= 31_557_600)
      }),
    )
  })
})

describe('the policy of a domain', () => {
  const root = authority('Root')
  const zone = new Map<string, Said>()
  let names: NameServerRig
  let server: Server
  let answer = { status: 200, text: POLICY }
  let fetches = 0
  let now = 0
  let failures: string[] = []
  const kept = new Map<string, KeptStsPolicy>()
  before(async () => {
    names = await startNameServer(zone)
    const { chain, key } = leaf({ names: ['mta-sts.example.com'], issuer: root })
    server = createServer({ cert: chain, key }, (request, response) => {
      fetches++
      const { status, text } = answer
      const isRight =
        request.url === '/.well-known/mta-sts.txt' && request.headers.host === 'mta-sts.example.com'
      response
        .writeHead(isRight ? status : 404, { 'content-type': 'text/plain', location: '/other' })
        .end(text)
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
  })
  after(async () => {
    server.close()
    await names.close()
  })
  beforeEach(() => {
    answer = { status: 200, text: POLICY }
    fetches = now = 0
    failures = []
    kept.clear()
    zone.clear()
    record('example.com', 'one')
    record('other.example', 'one')
  })

  const fetchedBefore = (time: number) =>
    [...kept].flatMap(([domain, { fetchedAt }]) => (fetchedAt < time ? [domain] : []))
  function record(domain: string, id: string): void {
    const name = `_mta-sts.${domain}`
    zone.set(`${name} TXT`, { answers: [{ type: 'TXT', name, ttl: 5, data: `v=STSv1; id=${id};` }] })
  }
  function lookup(hosts: Readonly<Record<string, string>> = {}): StsLookup {
    const { resolve } = createResolver({ servers: [names.server], now: () => now, timeoutMs: 300 })
    const own = `127.0.0.1:${(server.address() as AddressInfo).port}`
    const table = new Map(
      Object.entries({ 'mta-sts.example.com': own, ...hosts }).map(([host, at]) => [host, [at]]),
    )
    return createStsLookup({
      resolve,
      hosts: createHostLookup({ table }),
      store: {
        find: (domain) => kept.get(domain) ?? null,
        keep: (domain, policy) => Promise.resolve(void kept.set(domain, policy)),
        fetchedBefore,
      },
      anchors: () => [root.pem],
      now: () => now,
      failed: (_, cause) => void failures.push(cause),
    })
  }

  test('it is fetched once, kept, and fetched anew when its id changes or a day has passed', async () => {
    const look = lookup()
    assert.equal((await look('example.com'))?.policy.mode, 'enforce')
    await look('example.com')
    assert.equal(fetches, 1)
    record('example.com', 'two')
    now += DAY / 2
    answer.text = POLICY.replace('enforce', 'testing')
    assert.deepEqual([(await look('example.com'))?.policy.mode, fetches], ['testing', 2])
    now += DAY + 1
    await look('example.com')
    assert.equal(fetches, 3)
  })

  test('rounds keep it alive without any mail, and pick up a new one', async () => {
    const look = lookup()
    await look('example.com')
    const refresher = new StsRefresher({
      ...{ store: { fetchedBefore }, lookup: look, now: () => now, failed: assert.fail },
    })
    for (let day = 0; day < 10; day++) {
      now += DAY + 1
      await refresher.round()
    }
    assert.deepEqual([fetches, kept.get('example.com')?.fetchedAt], [11, now])
    answer.text = POLICY.replace('enforce', 'none')
    record('example.com', 'two')
    now += DAY + 1
    await refresher.round()
    assert.equal(kept.get('example.com')?.policy.mode, 'none')
    // Attacked from now on, it holds to its end and no longer.
    answer.status = 500
    now += DAY + 1
    await refresher.round()
    assert.equal((await look('example.com'))?.id, 'two')
  })

  test('whoever suppresses the record, the web server or both does not switch it off before its time', async () => {
    await lookup()('example.com')
    for (const suppress of [
      () => {
        zone.clear()
      },
      () => zone.set('_mta-sts.example.com TXT', { code: 2 }),
      () => {
        record('example.com', 'two')
        answer.status = 500
      },
    ]) {
      suppress()
      assert.equal((await lookup()('example.com'))?.id, 'one')
    }
    now += 604_800_001
    assert.equal(await lookup()('example.com'), null)
  })

  test('what could not be fetched is left alone for a while', async () => {
    answer.status = 404
    const look = lookup()
    assert.equal(await look('example.com'), null)
    assert.equal(await look('example.com'), null)
    assert.deepEqual([fetches, failures], [1, ['HTTP 404']])
    now += 300_001
    await look('example.com')
    assert.equal(fetches, 2)
  })

  test('redirects, large answers, foreign certificates and broken policies are none', async () => {
    for (const [status, text, cause] of [
      [301, '', /HTTP 301/],
      [200, 'x'.repeat(70_000), /too large/],
      [200, 'hello', /breaks a rule/],
    ] as const) {
      answer = { status, text }
      assert.equal(await lookup()('example.com'), null)
      assert.match(failures.at(-1) ?? '', cause)
    }
    const own = `127.0.0.1:${(server.address() as AddressInfo).port}`
    assert.equal(await lookup({ 'mta-sts.other.example': own })('other.example'), null)
    assert.match(failures.at(-1) ?? '', /altnames/)
  })

  test('an address that is not public is never connected to', async () => {
    for (const address of [
      '127.0.0.1',
      '10.1.2.3',
      '169.254.169.254',
      '::1',
      'fd00::1',
      '::ffff:127.0.0.1',
    ]) {
      assert.equal(await lookup({ 'mta-sts.other.example': address })('other.example'), null)
      assert.match(failures.at(-1) ?? '', /no public address/, address)
    }
    assert.equal(fetches, 0)
  })

  test('a domain without a record has none, and no web server is asked', async () => {
    assert.equal(await lookup()('nothing.example'), null)
    assert.deepEqual([fetches, failures], [0, []])
  })
})

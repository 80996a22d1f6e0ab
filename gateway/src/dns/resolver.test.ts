/** Tests of the resolver against a name server written here, on loopback: what it takes, what it does not, whom it believes. */
import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { createMxLookup } from './mail-exchangers.ts'
import { createResolver, LookupFailed, parseServer, type ResolverOptions } from './resolver.ts'
import { startNameServer, type NameServerRig, type Said } from './testing/name-server.ts'
import { createTlsaLookup } from './tlsa.ts'

const DIGEST = Buffer.alloc(32, 7)
const a = (name: string, data: string, ttl = 60) => ({ type: 'A' as const, name, data, ttl })
const cname = (name: string, data: string) => ({ type: 'CNAME' as const, name, data, ttl: 60 })
const mx = (name: string, preference: number, exchange: string) => ({
  ...{ type: 'MX' as const, name, ttl: 60 },
  data: { preference, exchange },
})
const tlsa = (name: string, usage = 3) => ({
  ...{ type: 'TLSA' as const, name, ttl: 60 },
  data: { usage, selector: 1, matchingType: 1, certificate: DIGEST },
})

const ZONE = new Map<string, Said>([
  ['secure.example A', { answers: [a('secure.example', '192.0.2.1')], secure: true }],
  ['alias.example A', { answers: [cname('alias.example', 'REAL.example'), a('real.example', '192.0.2.2')] }],
  [
    'ring.example A',
    { answers: [cname('ring.example', 'gnir.example'), cname('gnir.example', 'ring.example')] },
  ],
  ['other.example A', { answers: [a('unasked.example', '192.0.2.9')] }],
  ['long.example A', { answers: [a('long.example', '192.0.2.3')], truncated: true }],
  ['broken.example A', { code: 2 }],
  ['refused.example A', { code: 5 }],
  ['silent.example A', { silent: true }],
  [
    'forged.example A',
    {
      answers: [a('forged.example', '192.0.2.4')],
      before: (answer) => {
        const otherId = Buffer.from(answer)
        otherId.writeUInt16BE(answer.readUInt16BE(0) ^ 1, 0)
        otherId.writeUInt8(66, otherId.length - 1)
        const otherName = Buffer.from(answer)
        otherName.writeUInt8('x'.charCodeAt(0), 13)
        return [otherId, otherName, answer.subarray(0, 20), Buffer.alloc(0), Buffer.alloc(12, 0xff)]
      },
    },
  ],
  ['none.example MX', { answers: [] }],
  ['null.example MX', { answers: [mx('null.example', 0, '.')] }],
  [
    'many.example MX',
    {
      answers: [
        mx('many.example', 20, 'c.example'),
        mx('many.example', 10, 'B.example'),
        mx('many.example', 10, 'a.example'),
        mx('many.example', 5, '.'),
      ],
      secure: true,
    },
  ],
  ['broken.example MX', { code: 2 }],
  ['_25._tcp.real.example TLSA', { answers: [tlsa('_25._tcp.real.example')], secure: true }],
  ['_25._tcp.plain.example TLSA', { answers: [tlsa('_25._tcp.plain.example')] }],
  ['_25._tcp.alias.example TLSA', { answers: [tlsa('_25._tcp.alias.example')], secure: true }],
  ['_25._tcp.pkix.example TLSA', { answers: [tlsa('_25._tcp.pkix.example', 1)], secure: true }],
  ['_25._tcp.broken.example TLSA', { code: 2 }],
  ['alias.example CNAME', { answers: [cname('alias.example', 'out.example')], secure: true }],
  ['plainalias.example CNAME', { answers: [cname('plainalias.example', 'out.example')] }],
])

describe('resolver', () => {
  let rig: NameServerRig
  before(async () => {
    rig = await startNameServer(ZONE)
  })
  beforeEach(() => {
    rig.asked.length = 0
  })
  after(() => rig.close())

  const resolver = (options: ResolverOptions = {}) =>
    createResolver({ servers: [rig.server], timeoutMs: 300, ...options })

  test('an answer is secure only if the server says so and is trusted', async () => {
    const secure = async (options: ResolverOptions) =>
      (await resolver(options).resolve('secure.example', 'A')).secure
    assert.equal(await secure({}), true)
    assert.equal(await secure({ trusted: 'all' }), true)
    assert.equal(await secure({ trusted: 'none' }), false)
    assert.equal((await resolver().resolve('forged.example', 'A')).secure, false)
    assert.equal(resolver({ trusted: 'none' }).validates, false)
    assert.equal(resolver({ servers: [{ address: '192.0.2.53', port: 53 }] }).validates, false)
  })

  test('where a server is trusted, the others are not asked', async () => {
    const stranger = { address: '192.0.2.53', port: 53 }
    const { resolve } = resolver({ servers: [stranger, rig.server] })
    assert.deepEqual((await resolve('secure.example', 'A')).records, ['192.0.2.1'])
  })

  test('aliases are followed within the answer, to an end', async () => {
    const { resolve } = resolver()
    const found = await resolve('Alias.example', 'A')
    assert.deepEqual([found.records, found.name], [['192.0.2.2'], 'real.example'])
    await assert.rejects(resolve('ring.example', 'A'), LookupFailed)
  })

  test('a record of another name is none', async () => {
    assert.deepEqual((await resolver().resolve('other.example', 'A')).records, [])
  })

  test('what is cut off is asked for over TCP', async () => {
    assert.deepEqual((await resolver().resolve('long.example', 'A')).records, ['192.0.2.3'])
    assert.deepEqual(rig.asked, ['UDP long.example A', 'TCP long.example A'])
  })

  test('an answer with another identifier or question, or none at all, is passed over', async () => {
    assert.deepEqual((await resolver().resolve('forged.example', 'A')).records, ['192.0.2.4'])
  })

  for (const name of ['broken', 'refused', 'silent'])
    test(`a server that is ${name} is a failure, never an empty answer`, async () => {
      await assert.rejects(resolver().resolve(`${name}.example`, 'A'), LookupFailed)
      assert.equal(rig.asked.length, 2)
    })

  test('a name that does not exist is told from one without such records', async () => {
    const { resolve } = resolver()
    assert.equal((await resolve('gone.example', 'A')).nameless, true)
    assert.equal((await resolve('none.example', 'MX')).nameless, false)
  })

  test('a failure is not kept', async () => {
    const { resolve } = resolver()
    await assert.rejects(resolve('broken.example', 'A'))
    await assert.rejects(resolve('broken.example', 'A'))
    assert.equal(rig.asked.length, 4)
  })

  test('mail exchangers: by preference, equals by lot, null records no hosts', async () => {
    const { resolve } = resolver()
    const hosts = async (lots: number[]) => {
      const found = await createMxLookup(resolve, () => lots.shift() ?? 0)('many.example')
      return 'hosts' in found ? [found.kind, found.secure, ...found.hosts] : [found.kind]
    }
    assert.deepEqual(await hosts([0, 0.1, 0.2]), ['mx', true, 'b.example', 'a.example', 'c.example'])
    assert.deepEqual(await hosts([0, 0.2, 0.1]), ['mx', true, 'a.example', 'b.example', 'c.example'])
    const kind = async (domain: string) => (await createMxLookup(resolve, Math.random)(domain)).kind
    assert.equal(await kind('null.example'), 'null')
    assert.equal(await kind('none.example'), 'implicit')
    assert.equal(await kind('gone.example'), 'nameless')
    assert.equal(await kind('broken.example'), 'unavailable')
  })

  test('a domain of the static table is its own host', async () => {
    const found = await createMxLookup(
      resolver().resolve,
      Math.random,
      new Map([['many.example', []]]),
    )('many.example')
    assert.equal(found.kind, 'implicit')
    assert.deepEqual(rig.asked, [])
  })

  test('TLSA records count only when secure, under the target before the alias', async () => {
    const look = createTlsaLookup(resolver().resolve)
    const base = async (asked: string, name: string, secure: boolean) =>
      (await look({ asked, name, secure }, 25))?.base
    assert.equal(await base('alias.example', 'real.example', true), 'real.example')
    assert.equal(await base('alias.example', 'nothing.example', true), 'alias.example')
    assert.equal(await base('alias.example', 'out.example', false), 'alias.example')
    assert.equal(await base('plainalias.example', 'out.example', false), undefined)
    assert.equal(await base('plain.example', 'plain.example', true), undefined)
    assert.equal(await base('real.example', 'real.example', false), undefined)
    const unusable = await look({ asked: 'pkix.example', name: 'pkix.example', secure: true }, 25)
    assert.deepEqual([unusable?.count, unusable?.usable], [1, []])
    await assert.rejects(look({ asked: 'broken.example', name: 'broken.example', secure: true }, 25))
  })

  test('what cannot be a name is not asked for', async () => {
    for (const name of [
      '',
      'a b.example',
      'a..example',
      '\ufffd.example',
      `${'a'.repeat(64)}.example`,
      '192.0.2.1',
    ])
      assert.equal((await resolver().resolve(name, 'A')).nameless, true, name)
    assert.deepEqual(rig.asked, [])
  })

  test('name servers are written with or without a port', () => {
    assert.deepEqual(parseServer('127.0.0.1'), { address: '127.0.0.1', port: 53 })
    assert.deepEqual(parseServer('[::1]:54'), { address: '::1', port: 54 })
    assert.equal(parseServer('localhost'), null)
    assert.equal(parseServer('127.0.0.1:0'), null)
  })
})

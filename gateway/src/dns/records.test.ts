// Records for mail authentication, at a real name server: texts in several strings, exchangers, what is not there, and silence.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { createRecordLookup } from './records.ts'
import { createResolver } from './resolver.ts'
import { startNameServer, type NameServerRig, type Said } from './testing/name-server.ts'

const ZONE: ReadonlyMap<string, Said> = new Map<string, Said>([
  [
    'a.example TXT',
    {
      answers: [
        { name: 'a.example', type: 'TXT', ttl: 60, data: ['one'] },
        { name: 'a.example', type: 'TXT', ttl: 60, data: ['x'.repeat(255), 'y'.repeat(145)] },
      ],
    },
  ],
  ['a.example MX', { answers: [{ name: 'a.example', type: 'MX', ttl: 60, data: { preference: 7, exchange: 'MX.a.example' } }] }], // prettier-ignore
  ['a.example AAAA', {}],
  [
    '1.2.0.192.in-addr.arpa PTR',
    { answers: [{ name: '1.2.0.192.in-addr.arpa', type: 'PTR', ttl: 60, data: 'Host.a.example' }] },
  ],
  ['silent.example TXT', { silent: true }],
  ['broken.example TXT', { code: 2 }],
])

const codeOf = (answer: Promise<unknown>): Promise<string> =>
  answer.then(
    () => 'found',
    (error: unknown) => (error as NodeJS.ErrnoException).code ?? 'no code',
  )

describe('a record lookup', () => {
  let rig: NameServerRig
  before(async () => {
    rig = await startNameServer(ZONE)
  })
  after(() => rig.close())
  const lookup = () =>
    createRecordLookup(createResolver({ servers: [rig.server], trusted: 'none', timeoutMs: 200 }).resolve)

  it('gives texts with their strings in one, exchangers, and names of addresses', async () => {
    const ask = lookup()
    assert.deepEqual(await ask('a.example', 'TXT'), [['one'], [`${'x'.repeat(255)}${'y'.repeat(145)}`]])
    assert.deepEqual(await ask('A.example', 'MX'), [{ exchange: 'mx.a.example', priority: 7 }])
    assert.deepEqual(await ask('1.2.0.192.in-addr.arpa', 'PTR'), ['host.a.example'])
  })

  it('tells what is not there from what nobody can say', async () => {
    const cases: [name: string, type: string, code: string][] = [
      ['b.example', 'TXT', 'ENOTFOUND'],
      ['a.example', 'AAAA', 'ENODATA'],
      ['silent.example', 'TXT', 'ETIMEOUT'],
      ['broken.example', 'TXT', 'ETIMEOUT'],
      ['a.example', 'ANY', 'ENODATA'],
      ['a.example', 'constructor', 'ENODATA'],
      [`${'a'.repeat(300)}.example`, 'TXT', 'ENOTFOUND'],
    ]
    for (const [name, type, code] of cases)
      assert.equal(await codeOf(lookup()(name, type)), code, `${name} ${type}`)
  })
})

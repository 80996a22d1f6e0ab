/** Tests of the host lookup against a name server written here, on loopback. */
import assert from 'node:assert/strict'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { after, before, describe, test } from 'node:test'
import { createHostLookup, HostLookupError } from './hosts.ts'

/** Answers of the name server by name and type (1 A, 28 AAAA); a number is a response code. */
const ZONE: Readonly<Record<string, number | readonly Buffer[]>> = {
  'both.example 1': [Buffer.from([192, 0, 2, 1]), Buffer.from([192, 0, 2, 2])],
  'both.example 28': [Buffer.from('20010db8000000000000000000000001', 'hex')],
  'four.example 1': [Buffer.from([192, 0, 2, 3])],
  'four.example 28': [],
  'gone.example 1': 3,
  'gone.example 28': 3,
  'broken.example 1': 2,
  'broken.example 28': 2,
}

/** A DNS answer with a TTL of 60 s. RFC 1035 4.1 */
function answer(query: Buffer): { name: string; reply: Buffer } {
  const labels: string[] = []
  let at = 12
  for (let length = query.readUInt8(at); length > 0; length = query.readUInt8(at)) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length))
    at += length + 1
  }
  const question = query.subarray(12, at + 5)
  const type = query.readUInt16BE(at + 1)
  const name = `${labels.join('.').toLowerCase()} ${type}`
  const found = ZONE[name] ?? 3
  const header = Buffer.alloc(12)
  query.copy(header, 0, 0, 2)
  header.writeUInt16BE(0x8180 | (typeof found === 'number' ? found : 0), 2)
  header.writeUInt16BE(1, 4)
  header.writeUInt16BE(typeof found === 'number' ? 0 : found.length, 6)
  const records = typeof found === 'number' ? [] : found.map((data) => record(type, data))
  return { name, reply: Buffer.concat([header, question, ...records]) }
}

function record(type: number, data: Buffer): Buffer {
  const fixed = Buffer.from('c00c00000001000000000000', 'hex')
  fixed.writeUInt16BE(type, 2)
  fixed.writeUInt32BE(60, 6)
  fixed.writeUInt16BE(data.length, 10)
  return Buffer.concat([fixed, data])
}

describe('host lookup', () => {
  let server: Socket
  let asked: string[] = []
  let servers: string[] = []
  before(async () => {
    server = createSocket('udp4', (query, peer) => {
      const { name, reply } = answer(query)
      asked.push(name)
      server.send(reply, peer.port, peer.address)
    })
    server.bind(0, '127.0.0.1')
    await once(server, 'listening')
    servers = [`127.0.0.1:${server.address().port}`]
  })
  after(() => {
    server.close()
  })

  const addresses = async (lookup: ReturnType<typeof createHostLookup>, host: string) =>
    (await lookup(host)).map(({ address, port }) => (port === null ? address : `${address} ${port}`))

  test('A records come before AAAA records', async () => {
    assert.deepEqual(await addresses(createHostLookup({ servers }), 'both.example'), [
      '192.0.2.1',
      '192.0.2.2',
      '2001:db8::1',
    ])
    assert.deepEqual(await addresses(createHostLookup({ servers }), 'four.example'), ['192.0.2.3'])
  })

  test('an answer is kept for its time to live, and one question serves all who wait', async () => {
    asked = []
    let now = 0
    const lookup = createHostLookup({ servers, now: () => now })
    await Promise.all([lookup('four.example'), lookup('four.example')])
    now = 59_000
    await lookup('four.example')
    assert.equal(asked.length, 2)
    now = 61_000
    await lookup('four.example')
    assert.equal(asked.length, 4)
  })

  test('a name that does not exist is not-found, a failing server is unavailable', async () => {
    const lookup = createHostLookup({ servers })
    const kind = (expected: string) => (error: unknown) =>
      error instanceof HostLookupError && error.kind === expected
    await assert.rejects(lookup('gone.example'), kind('not-found'))
    await assert.rejects(lookup('broken.example'), kind('unavailable'))
  })

  test('the static table is asked first and may change the port', async () => {
    asked = []
    const table = new Map([['Both.Example', ['127.0.0.1:2525', '[::1]:26', '127.0.0.2', '::1']]])
    assert.deepEqual(await addresses(createHostLookup({ servers, table }), 'both.example'), [
      '127.0.0.1 2525',
      '::1 26',
      '127.0.0.2',
      '::1',
    ])
    assert.deepEqual(asked, [])
  })

  test('an address stands for itself', async () => {
    assert.deepEqual(await addresses(createHostLookup({ servers }), '127.0.0.1'), ['127.0.0.1'])
  })

  for (const entry of ['', 'host', '127.0.0.1:0', '127.0.0.1:99999', '[127.0.0.1', 'x:25'])
    test(`${JSON.stringify(entry)} is no entry of the table`, () => {
      assert.throws(() => createHostLookup({ table: new Map([['a', [entry]]]) }), RangeError)
    })
})

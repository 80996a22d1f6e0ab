/**
 * Tests that what a certificate points to is fetched from public addresses only, whatever the address looks like and whatever the name
 * server says, and that an answer is bounded. The server stands on loopback, so every fetch that should be refused would find it.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import { createHostLookup, type HostLookup } from '../dns/hosts.ts'
import { createGuardedFetch, FetchFailed, type FetchFault } from './guarded-fetch.ts'
import { startWeb, WEB_HOST, type Web } from './testing/authority.ts'

describe('fetching for a stranger', () => {
  let web: Web
  let hosts: HostLookup
  before(async () => {
    web = await startWeb()
    web.paths.set('/good', () => Buffer.from('good'))
    web.paths.set('/large', () => Buffer.alloc(10_000))
    web.paths.set('/silent', () => new Promise<Buffer>(() => undefined))
    web.paths.set('/round', () => ({ location: '/round' }))
    web.paths.set('/on', () => ({ location: `http://${WEB_HOST}/good` }))
    web.paths.set('/inside', () => ({ location: `http://127.0.0.1/good` }))
    web.paths.set('/number', () => ({ location: `http://2130706433/good` }))
    web.paths.set('/file', () => ({ location: 'file:///etc/passwd' }))
    hosts = createHostLookup({
      table: new Map([[WEB_HOST, [`127.0.0.1:${web.port}`]]]),
      servers: ['127.0.0.1:9'],
      timeoutMs: 50,
    })
  })
  after(() => web.close())

  const fetchOf = (lookup: HostLookup, timeoutMs = 2000) => createGuardedFetch({ hosts: lookup, timeoutMs })

  async function faultOf(url: string, lookup = hosts, timeoutMs = 2000): Promise<FetchFault> {
    try {
      await fetchOf(lookup, timeoutMs)({ url, octets: 1000 })
    } catch (error) {
      if (error instanceof FetchFailed) return error.fault
      throw error
    }
    assert.fail(`${url} was fetched`)
  }

  it('brings what an authority of the static table has, redirects too', async () => {
    const fetch = fetchOf(hosts)
    assert.equal(String(await fetch({ url: `http://${WEB_HOST}/good`, octets: 1000 })), 'good')
    assert.equal(String(await fetch({ url: `http://${WEB_HOST.toUpperCase()}./on`, octets: 1000 })), 'good')
  })

  it('refuses addresses inside in every writing', async () => {
    const before = web.asked.length
    const inside = [
      ...[
        '127.0.0.1',
        '127.1',
        '2130706433',
        '0x7f000001',
        '0177.0.0.1',
        '0x7f.0.0.1',
        '10.0.0.1',
        '192.168.1.1',
      ],
      ...['169.254.169.254', '172.31.0.1', '100.64.0.1', '0.0.0.0', '[::1]', '[::]', '[::ffff:127.0.0.1]'],
      ...[
        '[::ffff:7f00:1]',
        '[::127.0.0.1]',
        '[64:ff9b::7f00:1]',
        '[2002:7f00:1::]',
        '[fe80::1]',
        '[fd00::1]',
      ],
      ...['[fec0::1]', '１２７.0.0.1', '127.0.0.1.'],
    ]
    for (const host of inside) assert.equal(await faultOf(`http://${host}/good`), 'address-not-public', host)
    assert.equal(web.asked.length, before)
  })

  it('refuses a name that leads inside, and one that leads inside with one address of several', async () => {
    const answers =
      (addresses: readonly string[]): HostLookup =>
      () =>
        Promise.resolve(addresses.map((address) => ({ address, port: null, secure: false, name: 'x' })))
    for (const addresses of [
      ['127.0.0.1'],
      ['::ffff:10.0.0.1'],
      ['8.8.8.8', '192.168.0.1'],
      ['fd00::1', '2a00::1'],
    ])
      assert.equal(await faultOf('http://evil.example/good', answers(addresses)), 'address-not-public')
  })

  it('asks for an address once, and connects to that one: another answer afterwards changes nothing', async () => {
    let asked = 0
    // The second answer of a rebinding name server would lead to the server; nothing listens where the first one leads.
    const rebinding: HostLookup = () => {
      const port = asked++ === 0 ? 9 : web.port
      return Promise.resolve([{ address: '127.0.0.1', port, secure: false, name: 'x' }])
    }
    const before = web.asked.length
    const fault = await faultOf('http://evil.example/good', rebinding, 300)
    assert.equal(fault, 'no-answer')
    assert.equal(asked, 1)
    assert.equal(web.asked.length, before)
  })

  it('refuses other schemes, names in addresses, other ports, and what is no address', async () => {
    for (const url of ['https://8.8.8.8/', 'file:///etc/passwd', 'ldap://8.8.8.8/', 'ftp://8.8.8.8/'])
      assert.equal(await faultOf(url), 'url-not-http', url)
    assert.equal(await faultOf('http://user@8.8.8.8/'), 'url-invalid')
    assert.equal(await faultOf(`http://8.8.8.8/${'a'.repeat(3000)}`), 'url-invalid')
    assert.equal(await faultOf('nonsense'), 'url-invalid')
    for (const port of [22, 25, 8080, 6379])
      assert.equal(await faultOf(`http://8.8.8.8:${port}/`), 'port-not-allowed')
  })

  it('judges each redirect, and follows few', async () => {
    for (const path of ['inside', 'number'])
      assert.equal(await faultOf(`http://${WEB_HOST}/${path}`), 'address-not-public')
    assert.equal(await faultOf(`http://${WEB_HOST}/file`), 'url-not-http')
    assert.equal(await faultOf(`http://${WEB_HOST}/round`), 'redirects-too-many')
  })

  it('takes no more octets and waits no longer than it is told to', async () => {
    assert.equal(await faultOf(`http://${WEB_HOST}/large`), 'answer-too-large')
    assert.equal(await faultOf(`http://${WEB_HOST}/missing`), 'answer-not-ok')
    const started = Date.now()
    assert.equal(await faultOf(`http://${WEB_HOST}/silent`, hosts, 200), 'no-answer')
    assert.ok(Date.now() - started < 1500)
  })

  it('waits no longer for octets that come one by one', async () => {
    const slow = createServer((_, response) => {
      const timer = setInterval(() => response.write('x'), 20)
      response.on('close', () => {
        clearInterval(timer)
      })
    })
    await new Promise<void>((resolve) => slow.listen(0, '127.0.0.1', resolve))
    const { port } = slow.address() as AddressInfo
    const lookup = createHostLookup({ table: new Map([['slow.example', [`127.0.0.1:${port}`]]]) })
    assert.equal(await faultOf('http://slow.example/', lookup, 300), 'no-answer')
    slow.closeAllConnections()
    slow.close()
  })

  it('connects to no private IPv4 address, written as whatever number (property)', async () => {
    // Whoever could connect would reach this machine: show that the port is open.
    const open = connect(web.port, '127.0.0.1')
    await once(open, 'connect')
    open.destroy()
    const octet = fc.integer({ min: 0, max: 255 })
    const first = fc.constantFrom([10], [127], [169, 254], [192, 168], [172, 16], [0])
    await fc.assert(
      fc.asyncProperty(
        first,
        fc.tuple(octet, octet, octet),
        fc.integer({ min: 0, max: 4 }),
        async (head, tail, form) => {
          const bytes = [...head, ...tail].slice(0, 4)
          const number = bytes.reduce((sum, byte) => sum * 256 + byte, 0)
          const hosts16 = `${((bytes[0] ?? 0) * 256 + (bytes[1] ?? 0)).toString(16)}:${((bytes[2] ?? 0) * 256 + (bytes[3] ?? 0)).toString(16)}`
          const written = [
            bytes.join('.'),
            String(number),
            `0x${number.toString(16)}`,
            bytes.map((byte) => `0${byte.toString(8)}`).join('.'),
            `[::ffff:${hosts16}]`,
          ][form]
          assert.equal(await faultOf(`http://${written ?? ''}/`), 'address-not-public', String(written))
        },
      ),
      { numRuns: 300 },
    )
  })
})

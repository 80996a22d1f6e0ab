/**
 * What is told of sessions for reports about TLS: a matrix of hops, each of which fails in its own way or not at all. Hops and name
 * server are real and on loopback.
 */
import assert from 'node:assert/strict'
import { createHash, X509Certificate } from 'node:crypto'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import type { Answer } from 'dns-packet'
import type { TlsIdentity } from '../../config/ports.ts'
import { createHostLookup } from '../../dns/hosts.ts'
import { createMxLookup } from '../../dns/mail-exchangers.ts'
import { createResolver } from '../../dns/resolver.ts'
import type { StsPolicy } from '../../dns/sts-policy.ts'
import type { StsFault } from '../../dns/sts.ts'
import { startNameServer, type NameServerRig, type Said } from '../../dns/testing/name-server.ts'
import { createTlsaLookup } from '../../dns/tlsa.ts'
import { bareLevel } from '../../maps/tls-policy.ts'
import { createOutbound, type Outbound } from './outbound.ts'
import type { SessionResult } from './sessions.ts'
import { leaf } from './testing/certificates.ts'
import { startHop, type Hop } from './testing/hop.ts'
import { makeWorld, QUICK, requestOf, until } from './testing/rig.ts'

const world = makeWorld()
const HOST = 'one.example'
const good = leaf({ names: [HOST], issuer: world.root })
const foreign = leaf({ names: ['other.example'], issuer: world.root })
const selfSigned = leaf({ names: [HOST], issuer: null })
const expired = leaf({ names: [HOST], issuer: world.root, notAfter: Date.now() - 1000 })
const testing: StsPolicy = { mode: 'testing', mx: [HOST], maxAge: 86_400 }
const enforced: StsPolicy = { ...testing, mode: 'enforce' }

describe('what is told of sessions', () => {
  let names: NameServerRig
  let hop: Hop
  let outbound: Outbound
  let told: SessionResult[] = []
  let found: { policy: StsPolicy | null; fault: StsFault | null } = { policy: null, fault: null }
  const zone = new Map<string, Said>()
  const maps = new Map<string, string>()
  before(async () => {
    names = await startNameServer(zone)
  })
  after(() => names.close())
  beforeEach(async () => {
    hop = await startHop({ identity: good })
    zone.clear()
    maps.clear()
    told = []
    found = { policy: null, fault: null }
    say('fabrikam.com', 'MX', { type: 'MX', name: 'fabrikam.com', data: { preference: 1, exchange: HOST } })
    say(HOST, 'A', { type: 'A', name: HOST, ttl: 60, data: '127.0.0.1' })
    say(HOST, 'AAAA')
    outbound = make('dane', { mails: 1 })
  })
  afterEach(async () => {
    outbound.close()
    await hop.close()
  })
  function say(name: string, type: string, ...answers: readonly Answer[]): void {
    zone.set(`${name} ${type}`, { answers, secure: true })
  }
  function vouch(identity: TlsIdentity, usage = 3): void {
    const name = `_${hop.port}._tcp.${HOST}`
    const certificate = createHash('sha256').update(new X509Certificate(identity.chain).raw).digest()
    const data = { usage, selector: 0, matchingType: 1, certificate }
    say(name, 'TLSA', { type: 'TLSA', name, ttl: 60, data })
  }
  function make(level: 'dane' | 'dane-only', keep: { mails?: number }): Outbound {
    const { resolve } = createResolver({ servers: [names.server], timeoutMs: 300 })
    return createOutbound({
      ...{ hosts: createHostLookup({ resolve }), mx: createMxLookup(resolve, Math.random) },
      tlsa: createTlsaLookup(resolve),
      sts: () => {
        const { policy, fault } = found
        return Promise.resolve(
          policy === null ? { kept: null, fault } : { kept: { id: 'p', policy, fetchedAt: 0 }, fault: null },
        )
      },
      directTls: bareLevel(level),
      sessions: { note: (result) => void told.push(result) },
      settings: () => ({ maps, clientIdentities: new Map(), tlsAnchors: [world.root.pem] }),
      ...{ timeouts: QUICK, keep },
    })
  }
  async function deliver(more: { direct?: boolean; report?: boolean } = {}) {
    const route = `fabrikam.com:${hop.port}`
    const [outcome] = await outbound.deliver(requestOf({ route, direct: true, ...more }))
    return outcome?.kind
  }
  const results = () => told.map(({ policy, result, reason }) => [policy.type, result, reason])

  test('a session with TLS and no policy is a success, with both ends', async () => {
    assert.equal(await deliver(), 'delivered')
    assert.deepEqual(told, [
      {
        domain: 'fabrikam.com',
        policy: { type: 'no-policy-found', strings: [], mxHosts: [] },
        ...{ mx: HOST, address: '127.0.0.1', localAddress: '127.0.0.1', result: null, reason: null },
      },
    ])
  })

  test('each way to fail has its result', async () => {
    const offer = (identity: TlsIdentity | null) => () => {
      hop.script.identity = identity
    }
    const sts = (policy: StsPolicy, identity: TlsIdentity | null) => () => {
      found = { policy, fault: null }
      hop.script.identity = identity
    }
    const unheard = (fault: StsFault) => () => {
      found = { policy: null, fault }
    }
    const none = 'no-policy-found'
    const rows: readonly [string, () => void, string, string, string | null, string | null][] = [
      ['no STARTTLS', offer(null), 'delivered', none, 'starttls-not-supported', 'starttls-not-offered'],
      ['no STARTTLS, enforced', sts(enforced, null), 'deferred', 'sts', 'starttls-not-supported', 'starttls-not-offered'],
      ['enforced and good', sts(enforced, good), 'delivered', 'sts', null, null],
      ['tested and good', sts(testing, good), 'delivered', 'sts', null, null],
      ['self-signed, no policy', offer(selfSigned), 'delivered', none, null, null],
      ['wrong name', sts(enforced, foreign), 'deferred', 'sts', 'certificate-host-mismatch', 'tls-name-mismatch'],
      ['wrong name, tested', sts(testing, foreign), 'delivered', 'sts', 'certificate-host-mismatch', 'tls-name-mismatch'],
      ['expired', sts(enforced, expired), 'deferred', 'sts', 'certificate-expired', 'tls-certificate-expired'],
      ['expired, tested', sts(testing, expired), 'delivered', 'sts', 'certificate-expired', 'tls-certificate-expired'],
      ['self-signed', sts(enforced, selfSigned), 'deferred', 'sts', 'certificate-not-trusted', 'tls-certificate-self-signed'],
      ['host not listed', sts({ ...enforced, mx: ['x.example'] }, good), 'deferred', 'sts', 'validation-failure', 'tls-sts-host-not-listed'],
      ['host not listed, tested', sts({ ...testing, mx: ['x.example'] }, good), 'delivered', 'sts', 'validation-failure', 'tls-sts-host-not-listed'],
      ['policy not fetched', unheard('sts-policy-fetch-error'), 'delivered', 'sts', 'sts-policy-fetch-error', null],
      ['policy broken', unheard('sts-policy-invalid'), 'delivered', 'sts', 'sts-policy-invalid', null],
      ['web certificate', unheard('sts-webpki-invalid'), 'delivered', 'sts', 'sts-webpki-invalid', null],
      ['DANE', () => { vouch(good) }, 'delivered', 'tlsa', null, null],
      ['DANE mismatch', () => { vouch(foreign) }, 'deferred', 'tlsa', 'validation-failure', 'tls-dane-mismatch'],
      ['records that cannot be used', () => { vouch(good, 1) }, 'delivered', 'tlsa', 'tlsa-invalid', 'tls-dane-unusable'],
      ['TLSA not answered', () => zone.set(`_${hop.port}._tcp.${HOST} TLSA`, { code: 2 }), 'deferred', 'tlsa', 'dnssec-invalid', 'tls-tlsa-lookup-failed'],
      ['DANE demanded', () => { outbound = make('dane-only', {}) }, 'deferred', 'tlsa', 'dane-required', 'tls-dane-not-available'],
    ] // prettier-ignore
    for (const [name, prepare, kind, type, result, reason] of rows) {
      outbound.close()
      zone.delete(`_${hop.port}._tcp.${HOST} TLSA`)
      hop.script.identity = good
      found = { policy: null, fault: null }
      outbound = make('dane', { mails: 1 })
      told = []
      prepare()
      assert.equal(await deliver(), kind, name)
      assert.deepEqual(results(), [[type, result, reason]], name)
    }
  })

  test('the policy is told as it was applied', async () => {
    found = { policy: enforced, fault: null }
    await deliver()
    found = { policy: null, fault: null }
    vouch(good)
    outbound.close()
    outbound = make('dane', {})
    await deliver()
    const lines = ['version: STSv1', 'mode: enforce', `mx: ${HOST}`, 'max_age: 86400']
    const digest = createHash('sha256').update(new X509Certificate(good.chain).raw).digest('hex')
    assert.deepEqual(
      told.map(({ policy }) => policy),
      [
        { type: 'sts', strings: lines, mxHosts: [HOST] },
        { type: 'tlsa', strings: [`3 0 1 ${digest}`], mxHosts: [] },
      ],
    )
  })

  test('a handshake that fails before the mail goes out in the clear is one failure', async () => {
    hop.script.ciphers = 'ECDHE-RSA-AES256-GCM-SHA384'
    hop.script.maxVersion = 'TLSv1.2'
    assert.equal(await deliver(), 'delivered')
    assert.deepEqual(results(), [['no-policy-found', 'validation-failure', 'tls-handshake-failed']])
    hop.script.ciphers = null
    hop.script.answer = (command) => (command === 'STARTTLS' ? '454 4.7.0 not now\r\n' : undefined)
    assert.equal(await deliver(), 'delivered')
    assert.deepEqual(results()[1], ['no-policy-found', 'starttls-not-supported', 'starttls-refused'])
    assert.equal(told.length, 2)
  })

  test('a resumption that fails and is tried again is one session', async () => {
    Object.assign(hop.script, { clientAnchors: world.root.pem, sessionIdContext: null })
    assert.equal(await deliver(), 'delivered')
    await until(() => hop.heard.length === 1)
    const before = hop.connections.length
    assert.equal(await deliver(), 'delivered')
    assert.ok(hop.connections.length - before === 2, 'the resumption did not fail')
    assert.deepEqual(results(), [
      ['no-policy-found', null, null],
      ['no-policy-found', null, null],
    ])
  })

  test('a kept connection is no new session', async () => {
    outbound.close()
    outbound = make('dane', {})
    await deliver()
    await deliver()
    assert.deepEqual([hop.connections.length, hop.heard.length, told.length], [1, 2, 1])
  })

  test("nothing is told of a tenant's own endpoint, of a line of the map, of a report, or where no TLS was tried", async () => {
    say('fabrikam.com', 'A', { type: 'A', name: 'fabrikam.com', ttl: 60, data: '127.0.0.1' })
    say('fabrikam.com', 'AAAA')
    assert.equal(await deliver({ direct: false }), 'deferred')
    assert.equal(hop.connections.length, 1)
    assert.equal(await deliver({ report: true }), 'delivered')
    maps.set('tls-policy', `fabrikam.com:${hop.port} encrypt`)
    assert.equal(await deliver(), 'delivered')
    maps.clear()
    hop.script.greeting = '421 4.3.2 busy\r\n'
    assert.equal(await deliver(), 'deferred')
    assert.equal(hop.connections.length, 4)
    assert.deepEqual(told, [])
  })

  test('a report goes through whatever records, policy and map say', async () => {
    found = { policy: { ...enforced, mx: ['x.example'] }, fault: null }
    vouch(foreign)
    maps.set('tls-policy', `fabrikam.com:${hop.port} verify`)
    hop.script.identity = null
    assert.equal(await deliver(), 'deferred')
    assert.equal(await deliver({ report: true }), 'delivered')
  })
})

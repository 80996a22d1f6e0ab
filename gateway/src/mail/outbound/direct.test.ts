/**
 * Tests of delivery to the world: mail exchangers in their order, domains that take no mail, DANE, and that a tenant's own
 * endpoint is never looked up so. The name server is one of our own, on loopback.
 */
import assert from 'node:assert/strict'
import { createHash, X509Certificate } from 'node:crypto'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import type { Answer } from 'dns-packet'
import { createHostLookup } from '../../dns/hosts.ts'
import { createMxLookup } from '../../dns/mail-exchangers.ts'
import { createResolver } from '../../dns/resolver.ts'
import { startNameServer, type NameServerRig, type Said } from '../../dns/testing/name-server.ts'
import type { StsPolicy } from '../../dns/sts-policy.ts'
import { createTlsaLookup } from '../../dns/tlsa.ts'
import { bareLevel } from '../../maps/tls-policy.ts'
import { createOutbound, type Outbound, type OutboundOptions } from './outbound.ts'
import { leaf } from './testing/certificates.ts'
import { startHop, type Hop } from './testing/hop.ts'
import { makeWorld, QUICK, requestOf, until } from './testing/rig.ts'

const world = makeWorld()
const DOMAIN = 'fabrikam.com'
const own = leaf({ names: ['nobody.example'], issuer: null })

describe('delivery to the world', () => {
  let rig: NameServerRig
  let hops: readonly Hop[] = []
  let outbound: Outbound
  let route = DOMAIN
  /** What the resolver's cache goes by. */
  let clock = 0
  const zone = new Map<string, Said>()
  let policy: StsPolicy | null = null
  const settings = {
    maps: new Map<string, string>(),
    clientIdentities: new Map([['t1', world.client]]),
    tlsAnchors: [world.root.pem],
  }
  before(async () => {
    rig = await startNameServer(zone)
  })
  after(() => rig.close())
  beforeEach(async () => {
    const first = await startHop({ identity: own, clientAnchors: world.root.pem })
    const second = await startHop({ identity: own }, { address: '127.0.0.2', port: first.port })
    hops = [first, second]
    route = `${DOMAIN}:${first.port}`
    zone.clear()
    settings.maps.clear()
    policy = null
    rig.asked.length = 0
    mx([10, 'one.example'], [20, 'two.example'])
    address('one.example', '127.0.0.1')
    address('two.example', '127.0.0.2')
    outbound = makeOutbound({ mails: 1 })
  })
  function makeOutbound(keep: OutboundOptions['keep'] & {}): Outbound {
    const { resolve } = createResolver({
      ...{ servers: [rig.server], timeoutMs: 300 },
      now: () => clock,
    })
    return createOutbound({
      hosts: createHostLookup({ resolve }),
      mx: createMxLookup(resolve, Math.random),
      tlsa: createTlsaLookup(resolve),
      sts: () => Promise.resolve(policy === null ? null : { id: 'p1', policy, fetchedAt: 0 }),
      directTls: bareLevel('dane'),
      settings: () => settings,
      timeouts: QUICK,
      keep,
    })
  }
  afterEach(async () => {
    outbound.close()
    await Promise.all(hops.map((hop) => hop.close()))
  })

  function say(name: string, type: string, answers: readonly Answer[], secure = true): void {
    zone.set(`${name} ${type}`, { answers, secure })
  }
  function mx(...records: readonly (readonly [number, string])[]): void {
    const answers = records.map(([preference, exchange]) => ({
      ...{ type: 'MX' as const, name: DOMAIN, ttl: 60 },
      data: { preference, exchange },
    }))
    say(DOMAIN, 'MX', answers)
  }
  function address(name: string, data: string, secure = true): void {
    say(name, 'A', [{ type: 'A', name, ttl: 60, data }], secure)
    say(name, 'AAAA', [], secure)
  }
  function vouch(host: string, ...certificates: readonly string[]): void {
    const name = `_${hops[0]?.port ?? 0}._tcp.${host}`
    const records = certificates.map((certificate): Answer => {
      const digest = createHash('sha256').update(new X509Certificate(certificate).raw).digest()
      const data = { usage: 3, selector: 0, matchingType: 1, certificate: digest }
      return { type: 'TLSA', name, ttl: 60, data }
    })
    say(name, 'TLSA', records)
  }
  const deliver = async () => {
    const [outcome] = await outbound.deliver(requestOf({ route, direct: true }))
    assert.ok(outcome)
    return outcome
  }
  const told = async () => {
    const { kind, status, reason, hop } = await deliver()
    return [kind, status, reason.code, hop?.host ?? null]
  }

  test('the first exchanger that takes the mail gets it, without our certificate', async () => {
    assert.deepEqual((await told()).slice(0, 1), ['delivered'])
    assert.equal(hops[0]?.heard.length, 1)
    assert.equal(hops[1]?.heard.length, 0)
    await until(() => hops[0]?.connections[0]?.secured !== null)
    const secured = hops[0].connections[0]?.secured
    assert.ok(secured)
    assert.equal(secured.getPeerX509Certificate(), undefined)
    assert.equal(outbound.lastCapabilities('t1'), null)
  })

  test('an exchanger that is away, does not exist or cannot be looked up is passed over', async () => {
    mx([1, 'gone.example'], [2, 'broken.example'], [3, 'away.example'], [20, 'two.example'])
    zone.set('broken.example A', { code: 2 })
    zone.set('broken.example AAAA', { code: 2 })
    address('away.example', '127.0.0.3')
    assert.equal((await told())[3], 'two.example')
  })

  test('what is for good is told only where nothing else may come about', async () => {
    mx([1, 'gone.example'])
    assert.deepEqual(await told(), ['failed', '5.4.4', 'host-not-found', null])
    mx([1, 'gone.example'], [2, 'away.example'])
    address('away.example', '127.0.0.3')
    outbound.close()
    const { resolve } = createResolver({ servers: [rig.server] })
    outbound = createOutbound({
      ...{ hosts: createHostLookup({ resolve }), mx: createMxLookup(resolve, Math.random) },
      ...{ settings: () => settings, timeouts: QUICK },
    })
    assert.deepEqual(await told(), ['deferred', '4.4.1', 'connection-refused', 'away.example'])
  })

  test('a domain that takes no mail, does not exist, or cannot be looked up', async () => {
    mx([0, '.'])
    assert.deepEqual(await told(), ['failed', '5.1.10', 'domain-takes-no-mail', null])
    route = 'nowhere.example'
    assert.deepEqual(await told(), ['failed', '5.1.2', 'domain-not-found', null])
    route = 'broken.example'
    zone.set('broken.example MX', { code: 2 })
    assert.deepEqual(await told(), ['deferred', '4.4.3', 'host-lookup-failed', null])
  })

  test('exchangers as far away as we are, or farther, are not tried', async () => {
    mx([10, 'one.example'], [20, 'gw.contoso.com'], [30, 'two.example'])
    address('one.example', '127.0.0.3')
    assert.deepEqual(await told(), ['deferred', '4.4.1', 'connection-refused', 'one.example'])
    assert.equal(hops[1]?.heard.length, 0)
  })

  test('we ourselves are the first exchanger: a loop, for good', async () => {
    mx([10, 'gw.contoso.com'], [20, 'two.example'])
    assert.deepEqual(await told(), ['failed', '5.4.6', 'exchanger-is-ourselves', null])
  })

  test('a domain without MX records is its own host', async () => {
    say(DOMAIN, 'MX', [])
    address(DOMAIN, '127.0.0.1')
    assert.equal((await told())[3], DOMAIN)
  })

  test("a tenant's endpoint without brackets is a host: its MX is not asked", async () => {
    address(DOMAIN, '127.0.0.1')
    const [outcome] = await outbound.deliver(requestOf({ route }))
    assert.equal(outcome?.hop?.host, DOMAIN)
    assert.ok(!rig.asked.some((question) => question.endsWith(' MX')))
  })

  test('DANE vouches for a certificate that no authority does, and the trace says by which record', async () => {
    vouch('one.example', own.chain)
    const { kind, hop } = await deliver()
    assert.equal(kind, 'delivered')
    assert.equal(hop?.why?.[0]?.code, 'tls-by-dane')
    assert.match(hop.tls?.record ?? '', /^3 0 1 [0-9a-f]{16}$/)
  })

  test('a wrong record: the next exchanger, and never this one', async () => {
    vouch('one.example', world.good.chain)
    assert.equal((await told())[3], 'two.example')
    vouch('two.example', world.good.chain)
    clock += 400_000
    assert.deepEqual((await told()).slice(0, 3), ['deferred', '4.7.5', 'tls-dane-mismatch'])
    assert.equal(hops[1]?.heard.length, 1)
    assert.equal(hops[0]?.heard.length, 0)
  })

  test('records hold on resumed sessions too', async () => {
    mx([10, 'one.example'])
    vouch('one.example', own.chain)
    assert.equal((await deliver()).kind, 'delivered')
    await until(() => hops[0]?.heard.length === 1)
    assert.equal((await deliver()).kind, 'delivered')
    assert.equal(hops[0]?.connections[1]?.secured?.isSessionReused(), true)
    vouch('one.example', world.good.chain)
    clock += 400_000
    assert.deepEqual((await told()).slice(0, 3), ['deferred', '4.7.5', 'tls-dane-mismatch'])
  })

  test('a line of the map stands above the default', async () => {
    vouch('one.example', world.good.chain)
    settings.maps.set('tls-policy', `${route} may`)
    assert.equal((await told())[3], 'one.example')
    settings.maps.set('tls-policy', `${route} verify`)
    assert.equal((await told())[0], 'deferred')
  })

  test('an enforced policy of the domain: hosts that it does not name and certificates that are not good get nothing', async () => {
    policy = { mode: 'enforce', mx: ['two.example'], maxAge: 86_400 }
    assert.deepEqual(await told(), ['deferred', '4.7.5', 'tls-certificate-self-signed', 'two.example'])
    policy = { mode: 'enforce', mx: ['*.elsewhere.example'], maxAge: 86_400 }
    assert.deepEqual((await told()).slice(0, 3), ['deferred', '4.7.5', 'tls-sts-host-not-listed'])
    assert.deepEqual([hops[0]?.heard.length, hops[1]?.heard.length], [0, 0])
    const good = leaf({ names: ['two.example'], issuer: world.root })
    if (hops[1] !== undefined) hops[1].script.identity = good
    policy = { mode: 'enforce', mx: ['*.example'], maxAge: 86_400 }
    const { kind, hop } = await deliver()
    assert.deepEqual([kind, hop?.host, hop?.tls?.name], ['delivered', 'two.example', 'two.example'])
    assert.deepEqual(
      hop?.why?.map(({ code }) => code),
      ['tls-without-dane', 'tls-by-sts'],
    )
  })

  test('a policy that is tested stands in the trace only; DANE and the map stand above any', async () => {
    policy = { mode: 'testing', mx: ['nobody.example'], maxAge: 86_400 }
    const { kind, hop } = await deliver()
    assert.deepEqual([kind, hop?.why?.at(-1)?.code], ['delivered', 'tls-sts-testing'])
    policy = { mode: 'enforce', mx: ['nobody.example'], maxAge: 86_400 }
    settings.maps.set('tls-policy', `${route} may`)
    assert.equal((await told())[0], 'delivered')
    settings.maps.clear()
    clock += 400_000
    vouch('one.example', own.chain)
    assert.equal((await told())[0], 'delivered')
    vouch('one.example', world.good.chain)
    vouch('two.example', world.good.chain)
    clock += 400_000
    assert.equal((await told())[2], 'tls-dane-mismatch')
  })

  describe('a kept connection', () => {
    beforeEach(() => {
      outbound.close()
      outbound = makeOutbound({})
    })
    const used = () => [hops[0]?.connections.length, hops[0]?.heard.length]
    const deliverTwice = async (change: () => void): Promise<void> => {
      assert.equal((await deliver()).kind, 'delivered')
      assert.equal((await deliver()).kind, 'delivered')
      assert.deepEqual(used(), [1, 2], 'it was not kept')
      change()
      clock += 400_000
    }

    test('carries the next mail as long as nothing changed, whatever order the records come in', async () => {
      mx([10, 'one.example'])
      vouch('one.example', own.chain, world.good.chain)
      await deliverTwice(() => {
        vouch('one.example', world.good.chain, own.chain)
      })
      assert.equal((await deliver()).kind, 'delivered')
      assert.deepEqual(used(), [1, 3])
    })

    test('carries none after the TLSA record changed: the certificate is judged anew, and refused', async () => {
      mx([10, 'one.example'])
      vouch('one.example', own.chain)
      await deliverTwice(() => {
        vouch('one.example', world.good.chain)
      })
      assert.deepEqual((await told()).slice(0, 3), ['deferred', '4.7.5', 'tls-dane-mismatch'])
      assert.equal(hops[0]?.heard.length, 2)
    })

    test('carries none after a TLSA record came, or when nobody can say any more', async () => {
      mx([10, 'one.example'])
      await deliverTwice(() => {
        vouch('one.example', world.good.chain)
      })
      assert.equal((await told())[2], 'tls-dane-mismatch')
      zone.set(`_${hops[0]?.port ?? 0}._tcp.one.example TLSA`, { code: 2 })
      clock += 400_000
      assert.equal((await told())[2], 'tls-tlsa-lookup-failed')
      assert.equal(hops[0]?.heard.length, 2)
    })

    test('carries none after its host ceased to be an exchanger of the domain', async () => {
      await deliverTwice(() => {
        mx([10, 'two.example'])
      })
      assert.equal((await told())[3], 'two.example')
      assert.equal(hops[0]?.heard.length, 2)
    })

    test('carries none after the domain began to enforce a policy, and under it only as long as it names the host', async () => {
      await deliverTwice(() => {
        policy = { mode: 'enforce', mx: ['one.example'], maxAge: 86_400 }
      })
      assert.notEqual((await told())[3], 'one.example')
      assert.equal(hops[0]?.heard.length, 2)
      outbound.close()
      outbound = makeOutbound({})
      mx([10, 'one.example'])
      clock += 400_000
      const [first] = hops
      assert.ok(first)
      first.script.identity = leaf({ names: ['one.example'], issuer: world.root })
      assert.equal((await deliver()).kind, 'delivered')
      policy = { mode: 'enforce', mx: ['elsewhere.example'], maxAge: 86_400 }
      assert.equal((await told())[2], 'tls-sts-host-not-listed')
      assert.equal(first.heard.length, 3)
    })

    test('carries none after the map changed', async () => {
      await deliverTwice(() => {
        settings.maps.set('tls-policy', `${route} verify`)
      })
      assert.equal((await told())[0], 'deferred')
      assert.equal(hops[0]?.heard.length, 2)
    })
  })
})

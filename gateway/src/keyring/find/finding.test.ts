/**
 * Finding, on a real web server, a real name server and a real store: what is taken, what is refused and why, and that a source which
 * is slow, broken or hostile costs a reason and never the mail.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import { certificatesOnly, writePem } from '@siegel/engine'
import type { CertificateDirectorySpec } from '@siegel/contract'
import { createHostLookup } from '../../dns/hosts.ts'
import { createResolver } from '../../dns/resolver.ts'
import { startNameServer, type NameServerRig, type Said } from '../../dns/testing/name-server.ts'
import type { TenantStore } from '../../store/index.ts'
import { Fixture } from '../../store/testing/fixture.ts'
import { createTrust } from '../../trust/trust.ts'
import { createKeyring, type Keyring } from '../keyring.ts'
import { make, makeRoot, type Made } from '../testing/credentials.ts'
import { sourceOf } from './directories.ts'
import { createFindingKeyring } from './finding-keyring.ts'
import { urlFor } from './https.ts'
import { escapeFilter } from './ldap.ts'
import { smimeaName } from './smimea.ts'
import type { Source } from './source.ts'

const ANNA = 'anna+x@partner.example'
const HOST = 'keys.partner.example'
const root = makeRoot()
const trust = createTrust({ version: 1, anchors: [root.certificate.raw] })
const tlsRoot = makeRoot('TLS Root')

const SHARED = { keep: true, timeoutSeconds: 1, notFoundMinutes: 15 } as const

/** What the web server says to a path. */
type Answers = Map<string, { status?: number; body?: Buffer; location?: string; silent?: boolean }>

describe('finding', () => {
  const answers: Answers = new Map()
  const zone = new Map<string, Said>()
  const asked: string[] = []
  let web: Server
  let port = 0
  let names: NameServerRig
  let fixture: Fixture
  let store: TenantStore
  let now = Date.now()

  before(async () => {
    const tls = make('web', tlsRoot, { rsa: true, extensions: { dnsNames: [HOST] } })
    web = createServer(
      {
        key: tls.key.export({ type: 'pkcs8', format: 'pem' }),
        cert: writePem('CERTIFICATE', tls.certificate.raw),
      },
      (request, response) => {
        asked.push(request.url ?? '')
        const said = answers.get(request.url ?? '') ?? { status: 404 }
        if (said.silent === true) return
        response.writeHead(said.status ?? 200, said.location === undefined ? {} : { location: said.location })
        response.end(said.body)
      },
    )
    web.listen(0, '127.0.0.1')
    await once(web, 'listening')
    port = (web.address() as AddressInfo).port
    names = await startNameServer(zone)
  })
  beforeEach(async () => {
    fixture = new Fixture()
    const opened = await fixture.openWithTenants()
    store = opened.store.forTenant(opened.contoso)
    now = Date.now()
  })
  afterEach(async () => {
    await fixture.end()
    answers.clear()
    zone.clear()
    asked.length = 0
  })
  after(async () => {
    web.closeAllConnections()
    web.close()
    await names.close()
  })

  function source(name: string, spec: Partial<CertificateDirectorySpec>): Source {
    const resolver = createResolver({ servers: [names.server] })
    return sourceOf(
      { name, spec: { ...SHARED, type: 'https', url: `https://${HOST}/${name}/{address}`, ...spec } },
      {
        hosts: createHostLookup({
          table: new Map([[HOST, [`127.0.0.1:${port}`]]]),
          resolve: resolver.resolve,
        }),
        anchors: () => [writePem('CERTIFICATE', tlsRoot.certificate.raw)],
        ...{ resolver, now: () => now },
      },
    )
  }
  function keyringOf(...sources: Source[]): Keyring {
    return createFindingKeyring({
      keyring: createKeyring({ store: store.credentials, trust: () => trust }),
      store: store.keyring,
      sources: () => sources,
      refusal: (fingerprint) => store.harvest.refusal(fingerprint),
      ...{ trust: () => trust, now: () => now },
    })
  }
  const codesOf = async (keyring: Keyring, address = ANNA): Promise<string[]> =>
    (await keyring.recipient(address, now)).reasons.map(({ code }) => code)
  const path = (name: string, address = ANNA): string =>
    urlFor(`https://x/${name}/{address}`, address).pathname
  const person = (address = ANNA): Made => make('Anna', root, { emails: [address], rsa: true })

  test('takes DER, PEM and p7c, keeps them, and asks no more', async () => {
    for (const [name, body] of [
      ['der', (made: Made) => made.certificate.raw],
      ['pem', (made: Made) => Buffer.from(writePem('CERTIFICATE', made.certificate.raw))],
      ['p7c', (made: Made) => certificatesOnly([root.certificate, made.certificate])],
    ] as const) {
      const address = `${name}@partner.example`
      const made = person(address)
      answers.set(path(name, address), { body: body(made) })
      const keyring = keyringOf(source(name, {}))
      assert.deepEqual(await codesOf(keyring, address), [
        'no-certificate',
        'directory-answers',
        'found-taken',
      ])
      const choice = await keyring.recipient(address, now)
      assert.equal(choice.fingerprint, made.certificate.fingerprint)
      assert.deepEqual(
        choice.reasons.map(({ code }) => code),
        ['certificate-chosen'],
      )
      assert.equal(
        (await keyring.certificate(choice.credential ?? '')).fingerprint,
        made.certificate.fingerprint,
      )
    }
    assert.equal(asked.length, 3)
  })

  test('does not keep it where that is not wanted, and finds it again for a plan that names it', async () => {
    const made = person()
    answers.set(path('a'), { body: made.certificate.raw })
    const { credential } = await keyringOf(source('a', { keep: false })).recipient(ANNA, now)
    assert.deepEqual(await store.credentials.byAddress('partner', ANNA), [])
    const other = keyringOf(source('a', { keep: false }))
    assert.equal((await other.certificate(credential ?? '')).fingerprint, made.certificate.fingerprint)
    await store.keyring.distrust(made.certificate.fingerprint, '', { actor: 't', action: 't', detail: {} })
    await assert.rejects(other.certificate(credential ?? ''), { name: 'KeyUnavailable' })
  })

  test('refuses another address, an untrusted chain, what ended, and what is distrusted', async () => {
    const refused = [
      person('eve@partner.example'),
      make('Anna', null, { emails: [ANNA] }),
      make('Anna', root, { emails: [ANNA], notBefore: now - 9e8, notAfter: now - 1000 }),
    ]
    const bad = person()
    await store.keyring.distrust(bad.certificate.fingerprint, '', { actor: 't', action: 't', detail: {} })
    answers.set(path('a'), {
      body: certificatesOnly([...refused, bad].map(({ certificate }) => certificate)),
    })
    const choice = await keyringOf(source('a', {})).recipient(ANNA, now)
    assert.equal(choice.credential, null)
    assert.deepEqual(choice.reasons.map(({ code }) => code).sort(), [
      'directory-answers',
      'found-distrusted',
      'found-not-valid',
      'found-not-valid',
      'found-not-valid',
      'no-certificate',
    ])
  })

  test('asks all at once; a slow, a broken and a hostile source cost their reason and no more than their time', async () => {
    answers.set(path('slow'), { silent: true })
    answers.set(path('broken'), { status: 500 })
    answers.set(path('large'), { body: Buffer.alloc(300_000, 0x30) })
    answers.set(path('away'), { status: 302, location: 'https://127.0.0.1/x' })
    answers.set(path('down'), { status: 302, location: `http://${HOST}/x` })
    answers.set(path('rubbish'), { body: Buffer.from('not a certificate') })
    answers.set(path('good'), { body: person().certificate.raw })
    const kinds = ['slow', 'broken', 'large', 'away', 'down', 'rubbish', 'good']
    const begin = performance.now()
    const { credential, reasons } = await keyringOf(...kinds.map((name) => source(name, {}))).recipient(
      ANNA,
      now,
    )
    assert.ok(performance.now() - begin < 2500)
    assert.notEqual(credential, null)
    const silent = reasons.filter(({ code }) => code === 'directory-not-answering')
    assert.deepEqual(
      silent.map(({ arguments: args }) => args['source']),
      ['slow', 'broken', 'large', 'away', 'down'],
    )
    assert.ok(reasons.some(({ code }) => code === 'found-unreadable'))
  })

  test('connects to no private address unless the operator said so', async () => {
    const local = (privateNetwork: boolean): Source =>
      source('p', { url: `https://localhost:${port}/p/{address}`, privateNetwork })
    zone.set('localhost A', { answers: [{ type: 'A', name: 'localhost', ttl: 60, data: '127.0.0.1' }] })
    const { reasons } = await keyringOf(local(false)).recipient(ANNA, now)
    assert.match(String(reasons.at(-1)?.arguments['cause']), /no public address/)
    assert.equal(asked.length, 0)
    // The certificate is not good for that name, which is seen only behind the connection.
    const open = await keyringOf(local(true)).recipient(ANNA, now)
    assert.doesNotMatch(String(open.reasons.at(-1)?.arguments['cause']), /no public address/)
  })

  test('remembers "nothing" for its time, and leaves a source alone that failed three times', async () => {
    const nothing = keyringOf(source('n', { notFoundMinutes: 1 }))
    await codesOf(nothing)
    assert.deepEqual(await codesOf(nothing), ['no-certificate', 'directory-has-none'])
    assert.equal(asked.length, 1)
    now += 61_000
    await codesOf(nothing)
    assert.equal(asked.length, 2)
    answers.set(path('b'), { status: 503 })
    const broken = keyringOf(source('b', {}))
    for (let i = 0; i < 5; i++) assert.ok((await codesOf(broken)).includes('directory-not-answering'))
    assert.equal(asked.length, 5)
    now += 31_000
    answers.set(path('b'), { body: person().certificate.raw })
    assert.ok((await codesOf(broken)).includes('found-taken'))
  })

  test('asks only about the domains that a source is for, and nobody when the look-up says so', async () => {
    const keyring = keyringOf(source('d', { domains: ['*.other.example'] }))
    assert.deepEqual(await codesOf(keyring), ['no-certificate'])
    await keyringOf(source('d', {})).recipient(ANNA, now, undefined, false)
    assert.deepEqual(asked, [])
  })

  test('takes nothing that does not fit what is demanded, and says so', async () => {
    answers.set(path('fit'), { body: person().certificate.raw })
    const refuse = { code: 'certificate-below-profile', arguments: { fingerprint: 'f' } }
    const keyring = keyringOf(source('fit', {}))
    const choice = await keyring.recipient(ANNA, now, { refusal: () => refuse, rank: () => 0 })
    assert.equal(choice.credential, null)
    assert.ok(choice.reasons.some(({ code }) => code === refuse.code))
    assert.notEqual((await keyring.recipient(ANNA, now)).credential, null)
  })

  describe('by SMIMEA', () => {
    const smimea = (): Source => source('dns', { type: 'smimea' })
    function publish(usage: number, data: Buffer, { secure = true, matching = 0, selector = 0 } = {}): void {
      const name = smimeaName(ANNA) ?? ''
      const octets = Buffer.concat([Buffer.from([usage, selector, matching]), data])
      const record = { type: 'UNKNOWN_53', name, ttl: 60, data: octets } as never
      zone.set(`${name} UNKNOWN_53`, { secure, answers: [record] })
    }

    test('usage 3: the record is the trust, and what it vouches for is not kept', async () => {
      const made = make('Anna', null, { emails: [ANNA], rsa: true })
      publish(3, made.certificate.raw)
      const { fingerprint, reasons } = await keyringOf(smimea()).recipient(ANNA, now)
      assert.equal(fingerprint, made.certificate.fingerprint)
      assert.equal(reasons.at(-1)?.arguments['by'], 'dns')
      assert.deepEqual(await store.credentials.byAddress('partner', ANNA), [])
    })

    test('nothing that is not validated, does not name the address, or is only a constraint on trust', async () => {
      const made = make('Anna', null, { emails: [ANNA] })
      publish(3, made.certificate.raw, { secure: false })
      assert.deepEqual(await codesOf(keyringOf(smimea())), [
        'no-certificate',
        'directory-has-none',
        'smimea-not-secure',
      ])
      publish(1, made.certificate.raw)
      assert.ok((await codesOf(keyringOf(smimea()))).includes('found-not-valid'))
      publish(3, make('Eve', null, { emails: ['eve@partner.example'] }).certificate.raw)
      assert.ok((await codesOf(keyringOf(smimea()))).includes('found-not-valid'))
      publish(3, Buffer.alloc(31), { matching: 1 })
      assert.ok((await codesOf(keyringOf(smimea()))).includes('smimea-unusable'))
    })

    test('usage 1 with the usual trust; usage 2 brings an anchor for what another source gave', async () => {
      const trusted = person()
      publish(1, trusted.certificate.raw)
      const first = await keyringOf(smimea()).recipient(ANNA, now)
      assert.equal(first.fingerprint, trusted.certificate.fingerprint)
      const own = makeRoot('Own')
      const address = 'ben@partner.example'
      const ben = make('Ben', own, { emails: [address], rsa: true })
      const name = smimeaName(address) ?? ''
      const data = Buffer.concat([Buffer.from([2, 0, 0]), own.certificate.raw])
      zone.set(`${name} UNKNOWN_53`, {
        secure: true,
        answers: [{ type: 'UNKNOWN_53', name, ttl: 60, data } as never],
      })
      answers.set(path('w', address), { body: ben.certificate.raw })
      const found = await keyringOf(smimea(), source('w', {})).recipient(address, now)
      assert.equal(found.fingerprint, ben.certificate.fingerprint)
      assert.equal(found.reasons.at(-1)?.arguments['by'], 'dns')
    })
  })

  test('writes the address so that it has no meaning of its own', () => {
    assert.equal(escapeFilter('a*(b)\\c\0ü@x'), 'a\\2a\\28b\\29\\5cc\\00\\c3\\bc@x')
    assert.equal(
      urlFor('https://h/{address}?q={address}', "../a b?#'@x").href,
      'https://h/..%2Fa%20b%3F%23%27%40x?q=..%2Fa%20b%3F%23%27%40x',
    )
    // RFC 8162 3.1 has this name for hugh@example.com
    assert.equal(
      smimeaName('hugh@example.com'),
      'c93f1e400f26708f98cb19d936620da35eec8f72e57f9eec01c1afd6._smimecert.example.com',
    )
  })
})

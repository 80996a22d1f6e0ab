/**
 * Tests of the verdict with revocation: CRLs from a web server on loopback, revoked, good, late, damaged, older; what is cached costs
 * no network; what a tenant distrusts is distrusted; missing links are fetched.
 */
import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import type { Certificate } from '@siegel/engine'
import { createHostLookup } from '../dns/hosts.ts'
import { make, makeRoot, type Made } from '../keyring/testing/credentials.ts'
import { createGuardedFetch } from './guarded-fetch.ts'
import { publicMailRoots } from './mail-roots.ts'
import { FACTORY_TRUST, type TrustRules } from './settings.ts'
import { StatusRounds } from './status-rounds.ts'
import { StatusService } from './status-service.ts'
import { crlOf, makePointing, SourcesInMemory, startWeb, WEB_HOST, type Web } from './testing/authority.ts'
import { createTrust, type Trust } from './trust.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const CRL = `http://${WEB_HOST}/ca.crl`

describe('the verdict with revocation', () => {
  let web: Web
  let root: Made
  let anna: Made
  let store: SourcesInMemory
  let status: StatusService
  let now: number
  before(async () => {
    web = await startWeb()
    root = makeRoot()
    anna = makePointing(root, 'anna@partner.example', { crl: CRL })
  })
  after(() => web.close())
  beforeEach(() => {
    now = Date.now()
    web.paths.clear()
    web.asked.length = 0
    store = new SourcesInMemory()
    status = serviceOn(store)
  })

  function serviceOn(on: SourcesInMemory): StatusService {
    const hosts = createHostLookup({ table: new Map([[WEB_HOST, [`127.0.0.1:${web.port}`]]]) })
    const fetch = createGuardedFetch({ hosts, timeoutMs: 1000 })
    return new StatusService({ store: on, fetch, now: () => now, failed: (cause) => assert.fail(cause) })
  }
  function trustWith(rules: Partial<TrustRules> = {}): Trust {
    const all = { ...FACTORY_TRUST, ...rules }
    return createTrust({ version: 1, anchors: [root.certificate.raw], rules: all, status })
  }
  const judge = (trust: Trust, one: Made = anna, chain: readonly Certificate[] = []) =>
    trust.verdict(one.certificate, chain, 'encrypt', null, now)
  const publish = (revoked: readonly Made[], age = HOUR, number = 1n): void => {
    const times = { thisUpdate: now - age, nextUpdate: now - age + 2 * DAY, number }
    const crl = crlOf(
      root,
      revoked.map(({ certificate }) => certificate),
      times,
    )
    web.paths.set('/ca.crl', () => crl)
  }

  it('is good when the CRL does not list it, and asks the network once', async () => {
    publish([])
    for (let count = 0; count < 5; count++) {
      const { valid, reasons, notes } = await judge(trustWith())
      assert.deepEqual([valid, reasons, notes], [true, [], []])
    }
    assert.deepEqual(web.asked, ['/ca.crl'])
    // Another process finds it in the store.
    status = serviceOn(store)
    assert.equal((await judge(trustWith())).valid, true)
    assert.equal(web.asked.length, 1)
  })

  it('is one flight for many mails at once', async () => {
    publish([])
    await Promise.all(Array.from({ length: 50 }, () => judge(trustWith())))
    assert.equal(web.asked.length, 1)
  })

  it('is bad when it is revoked, with time and reason, soft or hard; only off does not ask', async () => {
    publish([anna])
    for (const revocation of ['soft', 'hard'] as const) {
      const { valid, reasons, notes } = await judge(trustWith({ revocation }))
      assert.deepEqual([valid, reasons], [false, ['certificate-revoked']])
      assert.match(notes[0]?.arguments['detail'] ?? '', /keyCompromise since 20/)
    }
    assert.equal((await judge(trustWith({ revocation: 'off' }))).valid, true)
  })

  it('says that it is unknown when nothing comes: soft is good, hard is bad, and our own keys are soft', async () => {
    const soft = await judge(trustWith())
    assert.deepEqual([soft.valid, soft.notes.map(({ code }) => code)], [true, ['revocation-unknown']])
    assert.match(soft.notes[0]?.arguments['detail'] ?? '', /ca\.crl HTTP 404/)
    const hard = await judge(trustWith({ revocation: 'hard' }))
    assert.deepEqual([hard.valid, hard.reasons], [false, ['revocation-unknown']])
    const own = await trustWith({ revocation: 'hard' }).verdict(anna.certificate, [], 'sign', null, now)
    assert.equal(own.valid, true)
    // A source that failed is left in peace for a minute.
    assert.equal(web.asked.length, 1)
    now += 61_000
    publish([])
    assert.deepEqual((await judge(trustWith({ revocation: 'hard' }))).reasons, [])
  })

  it('waits for no longer than the deadline; what comes later helps the next mail', async () => {
    const times = { thisUpdate: now - HOUR, nextUpdate: now + DAY }
    web.paths.set('/ca.crl', async () => {
      await new Promise((resolve) => setTimeout(resolve, 400))
      return crlOf(root, [anna.certificate], times)
    })
    const started = performance.now()
    const first = await judge(trustWith({ patienceMs: 100 }))
    assert.ok(performance.now() - started < 350)
    assert.deepEqual([first.valid, first.reasons], [true, ['revocation-unknown']])
    await new Promise((resolve) => setTimeout(resolve, 600))
    assert.deepEqual((await judge(trustWith({ patienceMs: 100 }))).reasons, ['certificate-revoked'])
  })

  it('lets nobody on the way put rubbish, a forgery or an older CRL in the place of a good one', async () => {
    publish([anna], HOUR, 2n)
    assert.equal((await judge(trustWith())).valid, false)
    const stranger = makeRoot()
    const forged = crlOf(stranger, [], { thisUpdate: now, nextUpdate: now + DAY, number: 9n })
    const old = crlOf(root, [], { thisUpdate: now - DAY, nextUpdate: now + DAY, number: 1n })
    for (const bytes of [forged, old, Buffer.from('rubbish'), Buffer.alloc(0)]) {
      web.paths.set('/ca.crl', () => bytes)
      const { fetched, failures } = await status.refresh(Infinity)
      assert.deepEqual([fetched, failures.length], [0, 1])
      assert.deepEqual((await judge(trustWith())).reasons, ['certificate-revoked'])
    }
  })

  it('is fetched again before it ends while it is in use, and an end is an end', async () => {
    publish([])
    await judge(trustWith())
    now += 13 * HOUR
    publish([anna], 0, 2n)
    await status.refresh(now)
    assert.equal(web.asked.length, 2)
    assert.deepEqual((await judge(trustWith())).reasons, ['certificate-revoked'])
    web.paths.clear()
    now += 3 * DAY
    assert.deepEqual((await judge(trustWith())).reasons, ['revocation-unknown'])
    // Nobody has used it for a week: it is not asked for any more.
    const asked = web.asked.length
    now += 8 * DAY
    await status.refresh(now)
    assert.equal(web.asked.length, asked)
  })

  it('takes a newer one that another process has fetched', async () => {
    publish([])
    await judge(trustWith())
    now += 1000
    publish([anna], 0, 2n)
    await serviceOn(store).refresh(Infinity)
    assert.deepEqual((await judge(trustWith())).reasons, ['certificate-revoked'])
  })

  it('fetches the missing certificate of the issuer, and only believes who did issue', async () => {
    const issuing = make('Issuing', root, { extensions: { ca: true } })
    const joe = makePointing(issuing, 'joe@partner.example', { issuer: `http://${WEB_HOST}/ca.cer` })
    web.paths.set('/ca.cer', () => root.certificate.raw)
    assert.deepEqual((await judge(trustWith(), joe)).reasons, ['issuer-not-found'])
    now += 61_000
    web.paths.set('/ca.cer', () => issuing.certificate.raw)
    assert.equal((await judge(trustWith({ fetchIssuers: false }), joe)).valid, false)
    assert.equal((await judge(trustWith(), joe)).valid, true)
    assert.equal((await judge(trustWith(), joe)).valid, true)
    assert.equal(web.asked.length, 2)
  })

  it('trusts nobody who is distrusted: the certificate, its issuer by name, its authority', async () => {
    publish([])
    const rules: readonly Partial<TrustRules>[] = [
      { distrusted: new Set([anna.certificate.fingerprint]) },
      { distrusted: new Set([root.certificate.fingerprint]) },
      { distrustedIssuers: new Set([root.certificate.subject.text]) },
    ]
    for (const each of rules) {
      const { valid, notes } = await judge(trustWith(each))
      assert.deepEqual([valid, notes[0]?.code], [false, 'certificate-distrusted'])
    }
  })

  it('trusts the public authorities where a tenant does not say otherwise, until the day that their list names', () => {
    const roots = publicMailRoots()
    assert.ok(roots.length > 50)
    const anchors = (rules: Partial<TrustRules>): number =>
      createTrust({
        version: 1,
        anchors: [],
        rules: { ...FACTORY_TRUST, ...rules },
        publicRoots: () => roots,
      }).anchors.length
    assert.deepEqual([anchors({}), anchors({ publicAuthorities: false })], [roots.length, 0])
  })

  it('does not trust what a public authority has issued after its last day', async () => {
    const publicTrust = (distrustAfter: number | null, own: readonly Made[] = []): Trust => {
      const publicRoots = () => [{ name: 'x', certificate: root.certificate, distrustAfter }]
      return createTrust({ version: 1, anchors: own.map(({ certificate }) => certificate.raw), publicRoots })
    }
    const { notBefore } = anna.certificate
    assert.equal((await judge(publicTrust(null))).valid, true)
    assert.equal((await judge(publicTrust(notBefore + 1))).valid, true)
    assert.equal((await judge(publicTrust(notBefore - 1))).valid, false)
    assert.equal((await judge(publicTrust(notBefore - 1, [root]))).valid, true)
  })

  it('raises an alarm for a CRL of an own authority that cannot be had, and clears it', async () => {
    const standing = new Map<string, { tenantId: string; code: string; subject: string }>()
    const alarms = {
      raise: (tenantId: string, { code, subject }: { code: string; subject: string }) => {
        standing.set(subject, { tenantId, code, subject })
        return Promise.resolve()
      },
      clear: (_: string, __: string, subject: string) => {
        standing.delete(subject)
        return Promise.resolve()
      },
      list: () => [...standing.values()],
    }
    const log = { debug: assert.fail, info: assert.fail, warn: assert.fail, error: assert.fail }
    const settings = () => ({ mailAnchors: new Map([['t', [root.certificate.raw]]]) })
    const rounds = new StatusRounds({ status, alarms, settings, now: () => now, log: log })
    await judge(trustWith())
    await rounds.round()
    assert.deepEqual([...standing.keys()], [CRL])
    now += 61_000
    publish([])
    // No mail is needed for it.
    await rounds.round()
    assert.equal(standing.size, 0)
  })
})

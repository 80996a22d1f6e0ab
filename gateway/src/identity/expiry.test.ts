// Alarms before certificates end, and the caretaker: staged certificates take over at their time by a clock that is moved.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Settings } from '../config/ports.ts'
import { compileSettings } from '../config/settings.ts'
import { tenantSpecOf, secretNumber } from '../config/testkit.ts'
import { normalise, toObject } from '../config/config-object.ts'
import { parseConfigDocument } from '@siegel/contract'
import { newMailId } from '../mail/id.ts'
import { createLog } from '../observe/log.ts'
import type { Store } from '../store/index.ts'
import { Fixture } from '../store/testing/fixture.ts'
import { expiryAlarms, type OwnCredential } from './expiry.ts'
import { Identities, slotFor, type Host } from './identities.ts'
import { Keeper } from './keeper.ts'
import { readMaterial } from './material.ts'
import { USES } from './ports.ts'
import { Renewal } from './renewal.ts'
import { rsaKey, TestPki } from './testing/certificates.ts'

const DAY = 86_400_000
const NOW = Math.floor(Date.now() / 1000) * 1000
const FQDN = 'smime.contoso.com'
const pki = new TestPki(NOW)
const key = rsaKey()
const log = createLog({ level: 'fatal', write: () => undefined })

describe('what is alarmed of', () => {
  const settingsWith = (until: number, from = NOW - 300 * DAY): Settings => {
    const leaf = pki.leaf(FQDN, { key, from, until })
    const identity = { chain: leaf.pem, key: leaf.keyPem, names: [FQDN] }
    const { settings } = compileSettings(1, [], new Map())
    return { ...settings, serverIdentities: [identity], clientIdentities: new Map([['T', identity]]) }
  }
  const seen = (settings: Settings, now = NOW) =>
    expiryAlarms(settings, [], now).map(({ code, tenantId, arguments: { days } }) => [
      code.replace('-certificate', ''),
      tenantId,
      days,
    ])

  it('30, 14, 7 and 1 days before, and afterwards', () => {
    const until = NOW + 100 * DAY
    const settings = settingsWith(until)
    const cases: readonly (readonly [number, number | null])[] = [
      ...([[31, null], [30, 30], [15, 30], [14, 14], [8, 14], [7, 7], [2, 7], [1, 1], [0.5, 1]] as const),
    ] // prettier-ignore
    for (const [left, days] of cases)
      assert.deepEqual(
        seen(settings, until - left * DAY),
        days === null ? [] : [['tls-server-ends', '', days], ['tls-client-ends', 'T', days]],
        String(left),
      ) // prettier-ignore
    assert.deepEqual(seen(settings, until), [['tls-server-ended', '', 0], ['tls-client-ended', 'T', 0]]) // prettier-ignore
  })

  it('certificates with a short life later: those of 90 days are renewed 30 days before their end', () => {
    const until = NOW + 60 * DAY
    const settings = settingsWith(until, until - 90 * DAY)
    assert.deepEqual(seen(settings, until - 29 * DAY), [])
    assert.equal(seen(settings, until - 22 * DAY).length, 2)
  })

  it('own S/MIME keys that sign and have no successor', () => {
    const one: OwnCredential = {
      ...{ tenantId: 'T', name: 'alice', addresses: ['alice@contoso.com'], sign: true, distrusted: false },
      ...{ notBefore: NOW - 300 * DAY, notAfter: NOW + 5 * DAY },
    }
    const { settings } = compileSettings(1, [], new Map())
    const told = (...credentials: OwnCredential[]) =>
      expiryAlarms(settings, credentials, NOW).map(({ code, subject }) => `${code} ${subject}`)
    assert.deepEqual(told(one), ['smime-certificate-ends alice'])
    assert.deepEqual(told({ ...one, notAfter: NOW - 1 }), ['smime-certificate-ended alice'])
    const successor = { ...one, name: 'alice-2', notAfter: NOW + 300 * DAY }
    assert.deepEqual(told(one, successor), [])
    assert.deepEqual(told(one, { ...successor, addresses: ['bob@contoso.com'] }), [
      'smime-certificate-ends alice',
    ])
    assert.deepEqual(told(one, { ...successor, notBefore: NOW + DAY }), ['smime-certificate-ends alice'])
    assert.deepEqual(told({ ...one, sign: false }), [])
    assert.deepEqual(told({ ...one, distrusted: true }), [])
  })
})

describe('the caretaker', () => {
  const fixture = new Fixture()
  let store: Store
  let host: Host
  let identities: Identities
  let keeper: Keeper
  let settings: Settings

  const refresh = async () => {
    const { version, objects, tenants, identities: active } = await store.config.read()
    settings = compileSettings(version, objects, tenants, active).settings
  }
  const lookAt = async (at: number) => {
    fixture.now = at
    await keeper.look()
    await refresh()
    await keeper.look()
  }
  const codes = () => store.alarms.list().map(({ code, tenantId }) => `${code} ${tenantId === '' ? 'all' : 'contoso'}`) // prettier-ignore
  const taken = async (from: number, until: number) => {
    const leaf = pki.leaf(FQDN, { key: rsaKey(), from, until })
    const file = Buffer.from(leaf.keyPem + leaf.pem + pki.intermediate.pem)
    return (await identities.take(host, readMaterial(file, ''), USES)).certificate.id
  }

  before(async () => {
    store = await fixture.open()
    const document = parseConfigDocument({
      apiVersion: 'siegel/v1',
      kind: 'Tenant',
      name: 'contoso',
      spec: tenantSpecOf('contoso.com', 0),
    })
    assert.ok(document.ok, secretNumber(0).word)
    await store.config.change({
      put: [{ object: toObject(normalise(document.document).document), credentials: [] }],
      remove: [],
    })
    await refresh()
    const [tenant] = settings.tenants.values()
    host = { tenantId: tenant?.id ?? '', fqdn: FQDN }
    const now = () => fixture.now
    const anchors = () => ({ publicRoots: [pki.root.certificate], own: [] })
    const newId = () => newMailId(fixture.now)
    identities = new Identities({ store: store.identities, newId, now, anchors, atHand: () => [], actor: 'test' }) // prettier-ignore
    const renewal = new Renewal({
      ...{ identities, store: store.identities, alarms: store.alarms, log },
      solvers: { http: null, dnsCommand: null, txtLookup: () => Promise.resolve(false) },
      clock: { now, sleep: () => Promise.resolve() },
      ...{ tlsAnchors: () => [], presentedToOffice: () => null, userAgent: 'test' },
    })
    const credentials = (before: number) => store.ownCredentials(before)
    keeper = new Keeper({ settings: () => settings, identities, renewal, alarms: store.alarms, credentials, now, log }) // prettier-ignore
  })
  after(() => fixture.end())

  it('alarms before the end, again with each step, and clears when the next one takes over at its time', async () => {
    const first = await taken(NOW - 300 * DAY, NOW + 40 * DAY)
    await identities.activate(host, first, USES)
    await lookAt(NOW)
    assert.deepEqual(codes(), [])
    await lookAt(NOW + 11 * DAY)
    assert.deepEqual(codes().sort(), ['tls-client-certificate-ends contoso', 'tls-server-certificate-ends all']) // prettier-ignore
    const counted = () => store.alarms.list().map(({ count }) => count)
    const once = counted()
    await lookAt(NOW + 11 * DAY + 3_700_000)
    assert.deepEqual(counted(), once)
    await lookAt(NOW + 27 * DAY)
    assert.deepEqual(counted(), once.map((count) => count + 1)) // prettier-ignore

    const next = await taken(NOW + 28 * DAY, NOW + 400 * DAY)
    await identities.stage(host, next, USES, NOW + 30 * DAY)
    await lookAt(NOW + 30 * DAY - 1)
    assert.equal(slotFor(identities.state(), host.tenantId, 'server').active, first)
    await lookAt(NOW + 30 * DAY)
    const slot = slotFor(identities.state(), host.tenantId, 'server')
    assert.deepEqual([slot.active, slot.former, slot.next], [next, first, null])
    assert.ok(settings.serverIdentities[0]?.chain.startsWith('-----BEGIN'))
    assert.deepEqual(codes(), [])
  })

  it('a staged one that is bad at its time does not take over: alarmed of, until it is replaced', async () => {
    const late = await taken(NOW + 20 * DAY, NOW + 100 * DAY)
    fixture.now = NOW + 31 * DAY
    await identities.stage(host, late, ['server'], NOW + 99 * DAY)
    const before = slotFor(identities.state(), host.tenantId, 'server').active
    // The gateway was off for a while.
    await lookAt(NOW + 101 * DAY)
    assert.equal(slotFor(identities.state(), host.tenantId, 'server').active, before)
    assert.deepEqual(codes(), ['tls-takeover-refused contoso'])
    await identities.remove(host, late)
    await lookAt(NOW + 102 * DAY)
    assert.deepEqual(codes(), [])
  })
})

// The life of a certificate on a real store: what is found at it, in which order its chain is kept, what is put in force and what is not.
import assert from 'node:assert/strict'
import { createPrivateKey } from 'node:crypto'
import { after, before, beforeEach, describe, it } from 'node:test'
import { Oid, readCsr, writePkcs12 } from '@siegel/engine'
import { toPem } from '../config/certificates.ts'
import { newMailId } from '../mail/id.ts'
import type { Store } from '../store/index.ts'
import { Fixture } from '../store/testing/fixture.ts'
import { checkIdentity, usesTaken } from './check.ts'
import type { FindingCode } from './findings.ts'
import { Identities, IdentityRefused, slotFor, type Host } from './identities.ts'
import { MaterialRefused, orderChain, readMaterial } from './material.ts'
import { USES, type Use } from './ports.ts'
import { ecKey, rsaKey, TestPki, type LeafOptions } from './testing/certificates.ts'

const NOW = Math.floor(Date.now() / 1000) * 1000
const DAY = 86_400_000
const FQDN = 'smime.contoso.com'
const pki = new TestPki(NOW)
const stranger = new TestPki(NOW)
const rsa = rsaKey()
const ANCHORS = { publicRoots: [pki.root.certificate], own: [] }

function codes(options: LeafOptions, uses: readonly Use[] = USES, at = NOW): string[] {
  const leaf = pki.leaf(FQDN, { key: rsa, ...options }).certificate
  const given = [leaf, (options.issuer ?? pki.intermediate).certificate]
  const chain = orderChain(leaf, given, [], ANCHORS, at)
  return checkIdentity({ chain, host: FQDN, uses, at })
    .filter(({ verdict }) => verdict !== 'good')
    .map(({ verdict, code }) => `${verdict} ${code satisfies FindingCode}`)
}

describe('what is found at a certificate', () => {
  const serverOnly = { extendedKeyUsage: [Oid.idKpServerAuth] }
  const clientOnly = { extendedKeyUsage: [Oid.idKpClientAuth] }
  const cases: readonly [string, LeafOptions, readonly Use[], readonly string[]][] = [
    ['nothing bad at a good one', {}, USES, []],
    ['a wildcard is good', { extensions: { dnsNames: ['*.contoso.com'] } }, USES, []],
    ['another name', { extensions: { dnsNames: ['mail.contoso.com'] } }, USES, ['bad name-missing']],
    ['a common name alone', { extensions: { dnsNames: [], emails: ['a@b.example'] } }, USES, ['bad name-missing']],
    ['no clientAuth, as public authorities issue', { extensions: serverOnly }, USES, ['warning client-usage-missing']],
    ['no clientAuth for the listener', { extensions: serverOnly }, ['server'], []],
    ['no serverAuth', { extensions: clientOnly }, USES, ['bad server-usage-missing']],
    ['no serverAuth towards Office 365', { extensions: clientOnly }, ['client'], []],
    ['key usage for encryption alone', { extensions: { keyUsage: ['keyEncipherment'] } }, USES, ['bad key-usage-refused']],
    ['expired', { from: NOW - 100 * DAY, until: NOW - DAY }, USES, ['bad expired']],
    ['not yet valid', { from: NOW + DAY }, USES, ['bad not-yet-valid']],
    ['soon over', { from: NOW - 180 * DAY, until: NOW + 20 * DAY }, USES, ['warning ends-soon']],
    ['fresh and short-lived', { from: NOW - DAY, until: NOW + 6 * DAY }, USES, []],
    ['an elliptic key on the listener', { key: ecKey() }, USES, ['warning key-not-rsa']],
    ['an elliptic key towards Office 365', { key: ecKey() }, ['client'], []],
    ['a short key', { key: rsaKey(1024) }, USES, ['bad key-refused']],
    ['an unknown authority', { issuer: stranger.intermediate }, USES, ['bad chain-incomplete']],
  ] // prettier-ignore
  for (const [name, options, uses, expected] of cases)
    it(name, () => {
      assert.deepEqual(codes(options, uses), expected)
    })

  it('of a renewed one without clientAuth the use towards Office 365 stays with one that has it', () => {
    const whole = pki.leaf(FQDN, { key: rsa }).certificate
    const less = pki.leaf(FQDN, { key: rsa, extensions: serverOnly }).certificate
    assert.deepEqual(usesTaken(less, whole), ['server'])
    assert.deepEqual(
      [usesTaken(whole, less), usesTaken(less, less), usesTaken(less, null)],
      [USES, USES, USES],
    )
  })

  it('an own anchor is said to be one', () => {
    const leaf = pki.leaf(FQDN, { key: rsa }).certificate
    const chain = orderChain(
      leaf,
      [leaf, pki.intermediate.certificate],
      [],
      { publicRoots: [], own: [pki.root.certificate] },
      NOW,
    )
    const found = checkIdentity({ chain, host: FQDN, uses: USES, at: NOW })
    assert.deepEqual(found.filter(({ verdict }) => verdict !== 'good').map(({ code }) => code), ['chain-private']) // prettier-ignore
  })
})

describe('the life of a certificate', () => {
  const fixture = new Fixture()
  let store: Store
  let host: Host
  let identities: Identities
  before(async () => {
    const opened = await fixture.openWithTenants()
    store = opened.store
    host = { tenantId: opened.contoso, fqdn: FQDN }
  })
  after(() => fixture.end())
  beforeEach(() => {
    fixture.now = NOW
    identities = new Identities({
      store: store.identities,
      newId: () => newMailId(fixture.now),
      now: () => fixture.now,
      anchors: () => ANCHORS,
      atHand: () => [],
      actor: 'test',
    })
  })
  const pemOf = (...parts: readonly { pem: string }[]) =>
    readMaterial(Buffer.from(parts.map(({ pem }) => pem).join('')), '')
  const slot = (use: Use) => slotFor(identities.state(), host.tenantId, use)

  it('requested, issued, imported in any order, put in force', async () => {
    const request = await identities.request(host, 'rsa-2048')
    const csr = readCsr(Buffer.from(request.csr ?? ''))
    assert.deepEqual(
      csr.parsed.subjectAltName?.map((name) => name.kind === 'dns' && name.text),
      [FQDN],
    )
    const key = identities.keyOf(request)
    const leaf = pki.leaf(FQDN, { key })
    // Root first, leaf last, and one that has nothing to do with it.
    const material = pemOf(pki.root, stranger.intermediate, pki.intermediate, leaf)
    const { certificate, findings } = await identities.take(host, material, USES)
    assert.equal(certificate.id, request.id)
    assert.equal(certificate.chain, toPem([leaf.certificate, pki.intermediate.certificate]))
    const found = findings.map(({ code }) => code)
    assert.ok(found.includes('chain-reordered') && found.includes('chain-reduced'), found.join(' '))
    assert.equal(slot('server').active, null)
    const { version } = identities.state()
    await identities.activate(host, certificate.id, USES)
    assert.deepEqual([slot('server').active, slot('client').active], [certificate.id, certificate.id])
    // A running gateway notices by the version, and gets key and chain with the settings.
    assert.equal(identities.state().version, version + 1)
    const { identities: active } = await store.config.read()
    assert.deepEqual(active.map(({ use }) => use).sort(), ['client', 'server'])
    assert.ok(createPrivateKey(active[0]?.key ?? '').equals(key))
    await assert.rejects(identities.take(host, material, USES), MaterialRefused)
  })

  it('PKCS#12 with its key; the missing intermediate is completed from what is at hand', async () => {
    const leaf = pki.leaf(FQDN, { key: rsa })
    const file = writePkcs12({
      key: leaf.key,
      certificates: [leaf.certificate],
      ...{ password: 'geheim', iterations: 1000 },
    })
    assert.throws(() => readMaterial(file, 'falsch'), MaterialRefused)
    const material = readMaterial(file, 'geheim')
    const without = orderChain(leaf.certificate, material.certificates, [], ANCHORS, NOW)
    assert.equal(without.anchorIs, null)
    const completing = new Identities({
      store: store.identities,
      newId: () => newMailId(fixture.now),
      now: () => NOW,
      anchors: () => ANCHORS,
      atHand: () => [pki.intermediate.certificate],
      actor: 'test',
    })
    const { certificate, findings } = await completing.take(host, material, USES)
    assert.ok(findings.some(({ code }) => code === 'chain-completed'))
    assert.equal(certificate.chain, toPem([leaf.certificate, pki.intermediate.certificate]))
    await assert.rejects(completing.take(host, material, USES), IdentityRefused)
  })

  it('what is bad is kept, but not put in force; another tenant cannot use it', async () => {
    const wrong = pki.leaf('mail.contoso.com', { key: rsaKey() })
    const file = readMaterial(Buffer.from(wrong.keyPem + wrong.pem + pki.intermediate.pem), '')
    const { certificate } = await identities.take(host, file, USES)
    const before = slot('server')
    await assert.rejects(
      identities.activate(host, certificate.id, USES),
      (error) =>
        error instanceof IdentityRefused && error.findings.some(({ code }) => code === 'name-missing'),
    )
    assert.deepEqual(slot('server'), before)
    const { tenants } = await store.config.read()
    const other = { tenantId: tenants.get('fabrikam')?.id ?? '', fqdn: 'mail.contoso.com' }
    await assert.rejects(identities.activate(other, certificate.id, USES), IdentityRefused)
  })

  it('a certificate without any key of ours is refused with a reason', async () => {
    const leaf = pki.leaf(FQDN)
    await assert.rejects(identities.take(host, pemOf(leaf), USES), /no key for it/)
    const keyOfAnother = readMaterial(Buffer.from(leaf.pem + rsaKey().export({ type: 'pkcs8', format: 'pem' })), '') // prettier-ignore
    await assert.rejects(identities.take(host, keyOfAnother, USES), /belongs to none/)
    for (const text of ['', 'nonsense', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'])
      assert.throws(() => readMaterial(Buffer.from(text), ''), MaterialRefused)
  })

  it('staged, taken by command, rolled back, removed', async () => {
    const first = slot('server').active
    assert.ok(first)
    const next = pki.leaf(FQDN, { key: rsaKey(), from: NOW + 5 * DAY })
    const file = readMaterial(Buffer.from(next.keyPem + next.pem + pki.intermediate.pem), '')
    const { certificate } = await identities.take(host, file, USES)
    await assert.rejects(identities.activate(host, certificate.id, USES), IdentityRefused)
    await assert.rejects(identities.stage(host, certificate.id, USES, NOW + DAY), IdentityRefused)
    await identities.stage(host, certificate.id, ['server'], NOW + 6 * DAY)
    assert.deepEqual([slot('server').next, slot('client').next], [certificate.id, null])
    fixture.now = NOW + 6 * DAY
    await identities.activateNext(host, USES)
    assert.deepEqual(
      [slot('server').active, slot('server').former, slot('server').next, slot('client').active],
      [certificate.id, first, null, first],
    )
    await identities.rollBack(host, ['server'])
    assert.deepEqual([slot('server').active, slot('server').former], [first, certificate.id])
    await identities.remove(host, certificate.id)
    assert.equal(slot('server').former, null)
    assert.equal(store.identities.privateKey(host.tenantId, certificate.id), null)
    await assert.rejects(identities.rollBack(host, ['server']), /no former/)
  })

  it('two that write at once: the second is told, nothing is lost', async () => {
    const state = identities.state()
    const deed = { actor: 'test', action: 'test', tenantId: host.tenantId, detail: {} }
    await store.identities.setSlots(state.version, [slot('server')], deed)
    await assert.rejects(store.identities.setSlots(state.version, [slot('server')], deed), {
      code: 'configuration-moved',
    })
  })

  it('the store is whole, keys are sealed, and a tenant takes its keys along', async () => {
    assert.deepEqual(await store.integrity(), [])
    await store.config.change({ put: [], remove: [{ kind: 'Tenant', tenant: null, name: 'contoso' }] })
    assert.deepEqual(identities.state().certificates, [])
    assert.deepEqual(identities.state().slots, [])
  })
})

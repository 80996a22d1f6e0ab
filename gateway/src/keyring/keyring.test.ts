/**
 * Tests of the keyring on a real store: which of several credentials is chosen for what, and why the others are not; keys of
 * others are never reached.
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { CredentialEntry } from '../config/ports.ts'
import type { Store } from '../store/index.ts'
import { Fixture, objectOf } from '../store/testing/fixture.ts'
import { createTrust } from '../trust/trust.ts'
import { createKeyring, KeyUnavailable, type Keyring } from './keyring.ts'
import { entryOf, make, makeRoot } from './testing/credentials.ts'

const DAY = 86_400_000
const NOW = Date.now()
const root = makeRoot()
const stranger = makeRoot('Somebody Else')
const SIGN_ONLY = { keyUsage: ['digitalSignature'] } as const
const ENCRYPT_ONLY = { keyUsage: ['keyAgreement'] } as const

describe('keyring', () => {
  const fixture = new Fixture()
  let store: Store
  let contoso = ''
  let fabrikam = ''
  let users = 0

  before(async () => {
    ;({ store, contoso, fabrikam } = await fixture.openWithTenants())
  })
  after(() => fixture.end())

  const open = (anchors = [root], version = 1, tenant = contoso): Keyring => {
    const trust = createTrust({ version: version, anchors: anchors.map(({ certificate }) => certificate.raw) }) // prettier-ignore
    return createKeyring({ store: store.forTenant(tenant).credentials, trust: () => trust })
  }
  /** An address that no other test uses. */
  const newUser = (): string => `user${++users}@contoso.com`
  const put = (...credentials: CredentialEntry[]) =>
    store.config.change({
      put: [{ object: objectOf('Credential', `c${++users}`, { tenant: 'contoso' }), credentials }],
      remove: [],
    })
  const codes = (reasons: readonly { readonly code: string }[]) => reasons.map(({ code }) => code)

  it('signs for an address only with a key whose certificate names it', async () => {
    const [alice, other] = [newUser(), newUser()]
    const own = entryOf(make('Alice', root, { emails: [alice] }), 'own')
    // Somebody may have given the entry a further address; the certificate decides.
    await put({ ...own, addresses: [alice, other] })
    const keyring = open()
    const choice = await keyring.signer(alice, NOW)
    assert.deepEqual([choice.credential, codes(choice.reasons)], [own.id, ['key-chosen']])
    const foreign = await keyring.signer(other, NOW)
    assert.deepEqual([foreign.credential, codes(foreign.reasons)], [null, ['certificate-not-valid']])
    const nobody = await keyring.signer(newUser(), NOW)
    assert.deepEqual([nobody.credential, codes(nobody.reasons)], [null, ['no-own-key']])
  })

  it('finds an address whatever the case of its letters and the form of its domain', async () => {
    const local = newUser().split('@')[0] ?? ''
    const partner = entryOf(make('Bob', root, { emails: [`${local}@xn--bcher-kva.example`] }), 'partner')
    await put(partner)
    for (const address of [`${local}@bücher.example`, `${local.toUpperCase()}@XN--BCHER-KVA.example`])
      assert.equal((await open().recipient(address, NOW)).credential, partner.id, address)
  })

  it('finds an address that is written with quotes it does not need', async () => {
    const bob = newUser()
    const [local = '', domain = ''] = bob.split('@')
    const partner = entryOf(make('Bob', root, { emails: [bob] }), 'partner')
    await put(partner)
    const keyring = open()
    for (const written of [`"${local}"`, `"\\${local}"`, `"${local.toUpperCase()}"`])
      assert.equal((await keyring.recipient(`${written}@${domain}`, NOW)).credential, partner.id, written)
    for (const other of [`"${local} "`, `"${local}.\\""`, `"@${local}"`])
      assert.equal((await keyring.recipient(`${other}@${domain}`, NOW)).credential, null, other)
  })

  it('takes the one that was issued last and says so of the others', async () => {
    const bob = newUser()
    const [old, latest, middle] = [30, 2, 9].map((days) =>
      entryOf(make('Bob', root, { emails: [bob], notBefore: NOW - days * DAY }), 'partner'),
    )
    assert.ok(old !== undefined && latest !== undefined && middle !== undefined)
    await put(old, latest, middle)
    const { credential, reasons } = await open().recipient(bob, NOW)
    assert.equal(credential, latest.id)
    assert.deepEqual(codes(reasons), ['certificate-chosen', 'credential-older', 'credential-older'])
  })

  it('is not held up by certificates that are expired, not valid yet, untrusted or distrusted', async () => {
    const bob = newUser()
    const good = entryOf(make('Bob', root, { emails: [bob], notBefore: NOW - 300 * DAY }), 'partner')
    const bad = [
      entryOf(make('Bob', root, { emails: [bob], notBefore: NOW - 9 * DAY, notAfter: NOW - DAY }), 'partner'),
      entryOf(make('Bob', root, { emails: [bob], notBefore: NOW + DAY }), 'partner'),
      entryOf(make('Bob', stranger, { emails: [bob] }), 'partner'),
      entryOf(make('Bob', root, { emails: [bob] }), 'partner', { distrusted: true }),
      entryOf(make('Bob', root, { emails: [bob] }), 'partner', { encrypt: false }),
    ]
    await put(good, ...bad)
    const { credential, reasons } = await open().recipient(bob, NOW)
    assert.equal(credential, good.id)
    const refused = (index: number) =>
      reasons.find(({ arguments: { fingerprint } }) => fingerprint === bad[index]?.fingerprint)
    assert.match(String(refused(0)?.arguments['reasons']), /expired/)
    assert.match(String(refused(1)?.arguments['reasons']), /not-yet-valid/)
    assert.equal(refused(2)?.code, 'certificate-not-valid')
    assert.equal(refused(3)?.code, 'credential-distrusted')
    assert.equal(refused(4)?.code, 'credential-not-for-this-use')
    assert.equal((await open().recipient(bob, NOW + 366 * DAY)).credential, null)
  })

  it('keeps certificates for signing and for encrypting apart', async () => {
    const [alice, bob] = [newUser(), newUser()]
    const made = (address: string, extensions: typeof SIGN_ONLY | typeof ENCRYPT_ONLY, days: number) =>
      make('x', root, { emails: [address], extensions, notBefore: NOW - days * DAY })
    const ownSign = entryOf(made(alice, SIGN_ONLY, 20), 'own')
    const ownEncrypt = entryOf(made(alice, ENCRYPT_ONLY, 1), 'own')
    const partnerSign = entryOf(made(bob, SIGN_ONLY, 1), 'partner')
    const partnerEncrypt = entryOf(made(bob, ENCRYPT_ONLY, 20), 'partner')
    await put(ownSign, ownEncrypt, partnerSign, partnerEncrypt)
    const keyring = open()
    assert.equal((await keyring.signer(alice, NOW)).credential, ownSign.id)
    assert.equal((await keyring.recipient(bob, NOW)).credential, partnerEncrypt.id)
    const keys = await keyring.decryptionKeys([alice])
    assert.ok(keys.some(({ certificate }) => certificate?.fingerprint === ownEncrypt.fingerprint))
  })

  it('opens mail with every key of the addresses, expired ones too, and with no other', async () => {
    const [alice, other] = [newUser(), newUser()]
    const current = entryOf(make('Alice', root, { emails: [alice] }), 'own')
    const expired = entryOf(make('Alice', root, { emails: [alice], notBefore: NOW - 9 * DAY, notAfter: NOW - DAY }), 'own') // prettier-ignore
    const signing = entryOf(make('Alice', root, { emails: [alice] }), 'own', { encrypt: false })
    await put(current, expired, signing, entryOf(make('Other', root, { emails: [other] }), 'own'))
    const keys = await open().decryptionKeys([alice, alice.toUpperCase()])
    assert.deepEqual(
      keys.map(({ certificate }) => certificate?.fingerprint).toSorted(),
      [current.fingerprint, expired.fingerprint].toSorted(),
    )
    assert.deepEqual(await open().decryptionKeys([newUser()]), [])
  })

  it('uses the intermediates that came with an entry', async () => {
    const alice = newUser()
    const middle = make('Intermediate', root, { extensions: { ca: true } })
    const leaf = make('Alice', middle, { emails: [alice] })
    const own = entryOf(leaf, 'own', { chain: [middle.certificate.raw] })
    await put(own)
    const { credential } = await open().signer(alice, NOW)
    assert.equal(credential, own.id)
    const { key, certificate, chain } = await open().signingKey(own.id)
    assert.ok(key.equals(leaf.key))
    assert.equal(certificate.fingerprint, own.fingerprint)
    assert.deepEqual(chain.map(({ fingerprint }) => fingerprint), [middle.certificate.fingerprint]) // prettier-ignore
  })

  it('forgets what it knew when the settings move', async () => {
    const bob = newUser()
    const entry = entryOf(make('Bob', stranger, { emails: [bob] }), 'partner')
    await put(entry)
    let trust = createTrust({ version: 1, anchors: [root.certificate.raw] })
    const keyring = createKeyring({ store: store.forTenant(contoso).credentials, trust: () => trust })
    assert.equal((await keyring.recipient(bob, NOW)).credential, null)
    trust = createTrust({ version: 2, anchors: [root.certificate.raw, stranger.certificate.raw] })
    assert.equal((await keyring.recipient(bob, NOW)).credential, entry.id)
    const gone = newUser()
    assert.equal((await keyring.signer(gone, NOW)).credential, null)
    const late = entryOf(make('Late', root, { emails: [gone] }), 'own')
    await put(late)
    assert.equal((await keyring.signer(gone, NOW)).credential, null)
    trust = createTrust({ version: 3, anchors: [root.certificate.raw] })
    assert.equal((await keyring.signer(gone, NOW)).credential, late.id)
  })

  it('never leaves its tenant, and says what cannot be had', async () => {
    const alice = newUser()
    const own = entryOf(make('Alice', root, { emails: [alice] }), 'own')
    const partner = entryOf(make('Bob', root, { emails: [newUser()] }), 'partner')
    await put(own, partner)
    const other = open([root], 1, fabrikam)
    assert.equal((await other.signer(alice, NOW)).credential, null)
    assert.deepEqual(await other.decryptionKeys([alice]), [])
    for (const attempt of [
      other.signingKey(own.id),
      other.certificate(own.id),
      open().signingKey(partner.id),
    ])
      await assert.rejects(attempt, KeyUnavailable)
  })
})

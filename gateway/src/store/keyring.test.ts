/** Entries that no configuration object brings: added once, listed by page, distrusted, pinned, taken out and brought back. */
import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { keepCertificate, partnerEntryOf, type FoundCertificate } from '../keyring/keep.ts'
import type { KeyringDeed, NewCredential } from '../keyring/ports.ts'
import { entryOf, make, makeRoot, type Made } from '../keyring/testing/credentials.ts'
import type { Store } from './index.ts'
import { Fixture, objectOf, putting } from './testing/fixture.ts'

const DEED: KeyringDeed = { actor: 'test', action: 'certificate-tested', detail: {} }
const root = makeRoot()

let fixture: Fixture
let store: Store
let contoso: string
let fabrikam: string

beforeEach(async () => {
  fixture = new Fixture()
  ;({ store, contoso, fabrikam } = await fixture.openWithTenants())
})
afterEach(() => fixture.end())

function found(made: Made, rest: Partial<FoundCertificate> = {}): FoundCertificate {
  return {
    certificate: made.certificate,
    origin: 'harvested',
    state: 'active',
    source: 'mail 1',
    actor: 'gateway',
    ...rest,
  }
}

function bob(name = 'bob'): Made {
  return make(name, root, { emails: [`${name}@partner.example`] })
}

const keyringOf = (id = contoso) => store.forTenant(id).keyring
const credentialsOf = (id = contoso) => store.forTenant(id).credentials

test('a certificate that is kept twice has one entry, and serves its tenant alone', async () => {
  const made = bob()
  const before = credentialsOf().version()
  const first = await keepCertificate(keyringOf(), found(made))
  assert.equal(first?.outcome, 'added')
  assert.notEqual(credentialsOf().version(), before)
  const moved = credentialsOf().version()
  const again = await keepCertificate(keyringOf(), found(made, { certificate: made.certificate.raw }))
  assert.deepEqual(again, { id: first.id, outcome: 'known' })
  assert.equal(credentialsOf().version(), moved)
  const [candidate] = await credentialsOf().byAddress('partner', 'bob@partner.example')
  assert.equal(candidate?.origin, 'harvested')
  assert.equal(candidate.pinned, false)
  assert.deepEqual(await credentialsOf(fabrikam).byAddress('partner', 'bob@partner.example'), [])
  assert.equal(await keyringOf(fabrikam).get(first.id), null)
})

test('a certificate that names no address is not kept', async () => {
  assert.equal(await keepCertificate(keyringOf(), found(make('nobody', root))), null)
})

test('many processes that keep the same certificates at once keep each of them once', async () => {
  const other = await fixture.open()
  const many = Array.from({ length: 12 }, (_, index) => bob(`bob${index}`))
  const outcomes = await Promise.all(
    many.flatMap((made) => [
      keepCertificate(keyringOf(), found(made)),
      keepCertificate(other.forTenant(contoso).keyring, found(made)),
    ]),
  )
  assert.equal(outcomes.filter((kept) => kept?.outcome === 'added').length, many.length)
  assert.equal((await keyringOf().list({}, null, 100)).entries.length, many.length)
  assert.deepEqual(await store.integrity(), [])
})

test('pages follow each other, and filters hold', async () => {
  const many = Array.from({ length: 7 }, (_, index) => bob(`bob${index}`))
  for (const made of many) await keepCertificate(keyringOf(), found(made))
  const ends = make('ends', root, { emails: ['ends@other.example'], notAfter: Date.now() + 1000 })
  await keepCertificate(keyringOf(), found(ends, { origin: 'found', state: 'awaiting-approval' }))
  const seen: string[] = []
  let after: string | null = null
  do {
    const page = await keyringOf().list({}, after, 3)
    seen.push(...page.entries.map(({ id }) => id))
    after = page.next
  } while (after !== null)
  assert.equal(seen.length, 8)
  assert.deepEqual(seen, seen.toSorted())
  const count = async (filter: Parameters<ReturnType<typeof keyringOf>['list']>[0]) =>
    (await keyringOf().list(filter, null, 100)).entries.length
  assert.equal(await count({ address: 'bob3@partner.example' }), 1)
  assert.equal(await count({ address: '@partner.example' }), 7)
  assert.equal(await count({ address: '@artner.example' }), 0)
  assert.equal(await count({ origin: 'found' }), 1)
  assert.equal(await count({ state: 'awaiting-approval' }), 1)
  assert.equal(await count({ owner: 'own' }), 0)
  assert.equal(await count({ expiresBefore: Date.now() + 60_000 }), 1)
  assert.equal(await count({ fingerprint: ends.certificate.fingerprint }), 1)
  assert.equal(await count({ distrusted: true }), 0)
})

test('distrust is of the certificate: an entry of an object is distrusted too, and one that comes later', async () => {
  const made = bob()
  await store.config.change({
    put: [{ object: objectOf('PartnerCertificate', 'bob', { tenant: 'contoso' }), credentials: [entryOf(made, 'partner')] }], // prettier-ignore
    remove: [],
  })
  const { fingerprint } = made.certificate
  const version = await store.config.version()
  assert.equal(await keyringOf().distrust(fingerprint, 'stolen', DEED), true)
  assert.equal(await store.config.version(), version + 1)
  await keepCertificate(keyringOf(), found(made))
  const both = await credentialsOf().byAddress('partner', 'bob@partner.example')
  assert.deepEqual(
    both.map(({ distrusted }) => distrusted),
    [true, true],
  )
  assert.equal((await keyringOf().list({ distrusted: true }, null, 9)).entries[0]?.distrustReason, 'stolen')
  assert.equal(await keyringOf().trust(fingerprint, DEED), true)
  assert.equal(await keyringOf().trust(fingerprint, DEED), false)
  const after = await credentialsOf().byAddress('partner', 'bob@partner.example')
  assert.deepEqual(
    after.map(({ distrusted }) => distrusted),
    [false, false],
  )
})

test('what an object distrusts is distrusted in every other entry of the same certificate', async () => {
  const made = bob()
  const kept = await keepCertificate(keyringOf(), found(made))
  await store.config.change({
    put: [{ object: objectOf('PartnerCertificate', 'bob', { tenant: 'contoso' }), credentials: [entryOf(made, 'partner', { distrusted: true })] }], // prettier-ignore
    remove: [],
  })
  assert.equal((await credentialsOf().byId(kept?.id ?? ''))?.distrusted, true)
})

test('a pin goes first, also to an address that the certificate does not name', async () => {
  const [old, young] = [
    make('bob', root, { emails: ['bob@partner.example'], notBefore: Date.now() - 90_000_000 }),
    bob(),
  ]
  for (const made of [old, young]) await keepCertificate(keyringOf(), found(made))
  const first = async (address: string) => (await credentialsOf().byAddress('partner', address))[0]
  assert.equal((await first('bob@partner.example'))?.fingerprint, young.certificate.fingerprint)
  const pin = ['partner', 'bob@partner.example', old.certificate.fingerprint] as const
  assert.equal(await keyringOf().pin(...pin, DEED), true)
  assert.equal((await first('bob@partner.example'))?.fingerprint, old.certificate.fingerprint)
  assert.equal((await first('bob@partner.example'))?.pinned, true)
  assert.equal(
    await keyringOf().pin('partner', 'sales@partner.example', old.certificate.fingerprint, DEED),
    true,
  )
  assert.equal((await first('sales@partner.example'))?.fingerprint, old.certificate.fingerprint)
  assert.equal(await keyringOf().pin('partner', 'x@partner.example', 'ab'.repeat(32), DEED), false)
  assert.equal(await keyringOf().unpin(...pin, DEED), true)
  assert.equal(await keyringOf().unpin(...pin, DEED), false)
})

test('what is taken out is used no more, comes back only when somebody means it, and goes for good in the end', async () => {
  const made = bob()
  const kept = await keepCertificate(keyringOf(), found(made))
  const id = kept?.id ?? ''
  const look = async () => (await credentialsOf().byAddress('partner', 'bob@partner.example')).length
  assert.equal(await keyringOf().remove(id, DEED), true)
  assert.equal(await keyringOf().remove(id, DEED), false)
  assert.deepEqual([await look(), await credentialsOf().byId(id)], [0, null])
  assert.equal((await keepCertificate(keyringOf(), found(made)))?.outcome, 'removed-before')
  assert.equal(await look(), 0)
  assert.equal(await keyringOf().restore(id, DEED), true)
  assert.equal(await look(), 1)
  await keyringOf().remove(id, DEED)
  assert.equal((await keepCertificate(keyringOf(), found(made, { origin: 'imported' })))?.outcome, 'restored')
  await keyringOf().remove(id, DEED)
  fixture.now += 89 * 86_400_000
  await store.sweep()
  assert.notEqual(await keyringOf().get(id), null)
  fixture.now += 2 * 86_400_000
  await store.sweep()
  assert.equal(await keyringOf().get(id), null)
  assert.deepEqual(await store.integrity(), [])
})

test('what awaits approval is found as such, and is active once it is approved or imported', async () => {
  const [first, second] = [bob('bob'), bob('carol')]
  const waiting = { state: 'awaiting-approval' } as const
  const kept = await keepCertificate(keyringOf(), found(first, waiting))
  await keepCertificate(keyringOf(), found(second, waiting))
  assert.equal((await keepCertificate(keyringOf(), found(first)))?.outcome, 'known')
  const state = async (address: string) => (await credentialsOf().byAddress('partner', address))[0]?.state
  assert.equal(await state('bob@partner.example'), 'awaiting-approval')
  assert.equal(await keyringOf().approve(kept?.id ?? '', DEED), true)
  assert.equal(await state('bob@partner.example'), 'active')
  assert.equal(
    (await keepCertificate(keyringOf(), found(second, { origin: 'imported' })))?.outcome,
    'approved',
  )
  assert.equal(await state('carol@partner.example'), 'active')
})

test('an own key that is kept is sealed and opens again; pruning objects leaves it alone', async () => {
  const made = make('us', root, { emails: ['us@contoso.com'] })
  const { kind, distrusted, ...entry } = entryOf(made, 'own')
  assert.deepEqual([kind, distrusted], ['smime', false])
  const own: NewCredential = { ...entry, origin: 'imported', state: 'active', source: 'us.p12' }
  const [kept] = await keyringOf().add([own], DEED)
  await store.config.change(putting(objectOf('Tenant', 'contoso')))
  const key = await credentialsOf().privateKey(kept?.id ?? '')
  assert.deepEqual(key, own.privateKey)
  assert.equal((await store.ownCredentials(made.certificate.notAfter + 1)).length, 1)
  assert.equal((await store.ownCredentials(made.certificate.notAfter)).length, 0)
})

test('addresses of an entry that is there already are added, and a chain that it lacked', async () => {
  const made = make('team', root, { emails: ['a@partner.example', 'b@partner.example'] })
  const entry = partnerEntryOf(found(made, { origin: 'imported' }))
  assert.ok(entry !== null)
  await keyringOf().add([{ ...entry, addresses: ['a@partner.example'] }], DEED)
  const [kept] = await keyringOf().add([{ ...entry, chain: [root.certificate.raw] }, entry], DEED)
  assert.equal(kept?.outcome, 'merged')
  const [candidate] = await credentialsOf().byAddress('partner', 'b@partner.example')
  assert.equal(candidate?.chain.length, 1)
})

test('a tenant goes with everything of its keyring', async () => {
  const made = bob()
  await keepCertificate(keyringOf(), found(made))
  await keyringOf().pin('partner', 'bob@partner.example', made.certificate.fingerprint, DEED)
  await keyringOf().distrust(made.certificate.fingerprint, '', DEED)
  await store.config.change({ put: [], remove: [{ kind: 'Tenant', tenant: null, name: 'contoso' }] })
  assert.deepEqual((await keyringOf().list({}, null, 10)).entries, [])
  assert.deepEqual(await store.integrity(), [])
})

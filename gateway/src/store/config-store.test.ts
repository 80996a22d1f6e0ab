// Configuration, keyring and audit log: one transaction for everything, secrets sealed, tenants apart, processes together.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, it } from 'node:test'
import type { ConfigChange, CredentialEntry } from '../config/ports.ts'
import { StoreRefused, type StoreRefusal } from '../observe/failures.ts'
import type { Store } from './index.ts'
import { newRowId } from './row-id.ts'
import { Fixture, changeOf, mailOf, newMail, objectOf, putting, settlementOf } from './testing/fixture.ts'

function entry(addresses: readonly string[], privateKey: Buffer | null): CredentialEntry {
  return {
    id: newRowId(Date.now()),
    kind: 'smime',
    owner: privateKey === null ? 'partner' : 'own',
    addresses,
    sign: privateKey !== null,
    encrypt: true,
    notBefore: 1000,
    notAfter: 2000,
    fingerprint: randomBytes(32).toString('hex'),
    certificate: randomBytes(700),
    chain: [randomBytes(600), randomBytes(500)],
    distrusted: false,
    privateKey,
  }
}

function refused(code: StoreRefusal) {
  return (error: unknown) => error instanceof StoreRefused && error.code === code
}

describe('configuration store', () => {
  let fixture: Fixture
  let store: Store
  let contoso: string
  let fabrikam: string

  beforeEach(async () => {
    fixture = new Fixture()
    ;({ store, contoso, fabrikam } = await fixture.openWithTenants())
  })
  afterEach(() => fixture.end())

  const credential = (name: string, ...credentials: CredentialEntry[]): ConfigChange['put'][number] => ({
    object: objectOf('Credential', name, { tenant: 'contoso' }),
    credentials,
  })

  it('reads back what was put, secrets too, and moves the version by one for each change', async () => {
    const before = await store.config.version()
    const map = objectOf('Map', 'tls-policy', { spec: { text: 'a b' } })
    const secrets = { '/key': 'päss', '/words/0': '' }
    const own = objectOf('Credential', 'alice', { tenant: 'contoso', spec: { n: [1] }, secrets })
    assert.equal(await store.config.change(putting(map, own)), before + 1)
    const { version, objects } = await store.config.read()
    assert.equal(version, before + 1)
    assert.deepEqual(objects.filter(({ kind }) => kind === 'Map'), [map]) // prettier-ignore
    assert.deepEqual(objects.filter(({ kind }) => kind === 'Credential'), [own]) // prettier-ignore
    assert.deepEqual(
      objects
        .flatMap(({ kind, name, tenant }) => (kind === 'Tenant' ? [`${name} ${String(tenant)}`] : []))
        .sort(),
      ['contoso null', 'fabrikam null'],
    )
    const changed = { ...own, spec: { n: [2] }, secrets: { '/key': 'other' } }
    await store.config.change(putting(changed))
    assert.deepEqual((await store.config.read()).objects.filter(({ kind }) => kind === 'Credential'), [changed]) // prettier-ignore
    const gone = { kind: 'Credential', tenant: 'contoso', name: 'alice' }
    await store.config.change({ put: [], remove: [gone] })
    assert.deepEqual((await store.config.read()).objects.filter(({ kind }) => kind === 'Credential'), []) // prettier-ignore
    assert.equal(await store.config.version(), before + 3)
  })

  it('gives a tenant its row key and a secret of its own, once', async () => {
    const { tenants } = await store.config.read()
    assert.deepEqual([...tenants.keys()].sort(), ['contoso', 'fabrikam'])
    const keys = [...tenants.values()].map(({ markerKey }) => markerKey.toString('hex'))
    assert.equal(new Set(keys).size, 2)
    assert.equal(tenants.get('contoso')?.markerKey.length, 32)
    await store.config.change(putting(objectOf('Tenant', 'contoso', { spec: { changed: true } })))
    assert.deepEqual((await store.config.read()).tenants, tenants)
  })

  it('takes a tenant and its objects in one change, in any order', async () => {
    const object = objectOf('MailAnchor', 'ca', { tenant: 'litware', secrets: { '/x': 'y' } })
    await store.config.change(putting(object, objectOf('Tenant', 'litware')))
    assert.ok((await store.config.read()).objects.some(({ tenant, name }) => tenant === 'litware' && name === 'ca')) // prettier-ignore
  })

  it('refuses objects of a tenant that does not exist, and changes nothing', async () => {
    const before = await store.config.read()
    const change = putting(objectOf('Map', 'm'), objectOf('MailAnchor', 'ca', { tenant: 'nobody' }))
    await assert.rejects(store.config.change(change), refused('tenant-unknown'))
    assert.deepEqual(await store.config.read(), before)
  })

  it('a keyring entry is found by address and id, with its key, in its tenant and role only', async () => {
    const own = entry(['alice@contoso.com', 'a@contoso.com'], randomBytes(120))
    const partner = entry(['bob@partner.example'], null)
    await store.config.change({ put: [credential('x', own, partner)], remove: [] })
    const keyring = store.forTenant(contoso).credentials
    const { privateKey, ...rest } = own
    const expected = { ...rest, tenantId: contoso }
    const found = [{ ...expected, pinned: false, state: 'active', origin: 'configured' }]
    assert.deepEqual(await keyring.byAddress('own', 'alice@contoso.com'), found)
    assert.deepEqual(await keyring.byAddress('own', 'a@contoso.com'), found)
    assert.deepEqual(await keyring.byId(own.id), expected)
    assert.deepEqual(await keyring.privateKey(own.id), privateKey)
    assert.deepEqual(await keyring.byAddress('partner', 'alice@contoso.com'), [])
    assert.equal((await keyring.byAddress('partner', 'bob@partner.example'))[0]?.id, partner.id)
    assert.equal(await keyring.privateKey(partner.id), null)
    const other = store.forTenant(fabrikam).credentials
    assert.deepEqual(await other.byAddress('own', 'alice@contoso.com'), [])
    assert.deepEqual([await other.byId(own.id), await other.privateKey(own.id)], [null, null])
  })

  it('gives at most a hundred entries of an address', async () => {
    const many = Array.from({ length: 103 }, () => entry(['crowd@partner.example'], null))
    await store.config.change({ put: [credential('x', ...many)], remove: [] })
    assert.equal((await store.forTenant(contoso).credentials.byAddress('partner', 'crowd@partner.example')).length, 100) // prettier-ignore
  })

  it('putting an object replaces its entries, removing it removes them, others stay', async () => {
    const keyring = store.forTenant(contoso).credentials
    const [first, second, other] = [entry(['a@x'], null), entry(['a@x'], null), entry(['a@x'], null)]
    await store.config.change({ put: [credential('one', first), credential('two', other)], remove: [] })
    await store.config.change({ put: [credential('one', second)], remove: [] })
    const ids = async () => (await keyring.byAddress('partner', 'a@x')).map(({ id }) => id).sort()
    assert.deepEqual(await ids(), [second.id, other.id].sort())
    const gone = { kind: 'Credential', tenant: 'contoso', name: 'one' }
    await store.config.change({ put: [credential('one', first)], remove: [gone] })
    assert.deepEqual(await ids(), [first.id, other.id].sort())
    await store.config.change({ put: [], remove: [gone] })
    assert.deepEqual(await ids(), [other.id])
  })

  it('an altered private key is an error, never a missing one', async () => {
    const own = entry(['alice@contoso.com'], randomBytes(120))
    await store.config.change({ put: [credential('x', own)], remove: [] })
    const database = new DatabaseSync(join(fixture.folder, 'siegel.sqlite'))
    const sealed = database.prepare('select private_key from credential').get()?.['private_key']
    assert.ok(sealed instanceof Uint8Array)
    sealed[60] = (sealed[60] ?? 0) ^ 1
    database.prepare('update credential set private_key = ?').run(sealed)
    database.close()
    await assert.rejects(async () => store.forTenant(contoso).credentials.privateKey(own.id), refused('secret-damaged')) // prettier-ignore
  })

  it('removes a tenant with all that makes it work, but not while it has mail', async () => {
    await store.config.change({ put: [credential('x', entry(['a@x'], randomBytes(99)))], remove: [] })
    const mail = mailOf(contoso, fixture.now)
    await store.queue.accept(newMail(mail, 'w'))
    const remove = { put: [], remove: [{ kind: 'Tenant', tenant: null, name: 'contoso' }] }
    const before = await store.config.read()
    await assert.rejects(store.config.change(remove), refused('tenant-has-mail'))
    assert.deepEqual(await store.config.read(), before)
    await store.queue.settle(settlementOf(mail, 'w', [changeOf(0, 'delivered')]))
    await store.config.change(remove)
    assert.deepEqual((await store.config.read()).objects.map(({ name }) => name), ['fabrikam']) // prettier-ignore
    assert.deepEqual(await store.forTenant(contoso).credentials.byAddress('own', 'a@x'), [])
    assert.equal((await store.forTenant(contoso).traces.find({})).length, 1)
  })

  it('another process sees the version move, and reads the tenant’s secrets', async () => {
    const other = await fixture.open()
    const before = await other.config.version()
    await store.config.change(putting(objectOf('Tenant', 'litware', { secrets: { '/a': 'b' } })))
    assert.equal(await other.config.version(), before + 1)
    assert.deepEqual(await other.config.read(), await store.config.read())
  })

  it('changes of two processes at once are both kept, one after the other', async () => {
    const other = await fixture.open()
    const before = await store.config.version()
    const versions = await Promise.all(
      Array.from({ length: 8 }, (_, i) =>
        (i % 2 === 0 ? store : other).config.change(putting(objectOf('Map', `m${i}`))),
      ),
    )
    assert.deepEqual(versions.toSorted((a, b) => a - b), Array.from({ length: 8 }, (_, i) => before + 1 + i)) // prettier-ignore
    assert.equal((await store.config.read()).objects.filter(({ kind }) => kind === 'Map').length, 8)
    assert.deepEqual(await store.integrity(), [])
  })

  it('refuses a change that was worked out from a version that has passed, here and in another process', async () => {
    const other = await fixture.open()
    const from = await store.config.version()
    const changes = ['first', 'second'].map((name) => ({ from, ...putting(objectOf('Map', name)) }))
    const results = await Promise.allSettled(
      changes.map((change, i) => (i === 0 ? store : other).config.change(change)),
    )
    assert.deepEqual(results.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected'])
    assert.equal(await store.config.version(), from + 1)
    const [loser] = changes.filter((_, i) => results[i]?.status === 'rejected')
    assert.ok(loser !== undefined)
    for (const late of [store, other])
      await assert.rejects(late.config.change(loser), refused('configuration-moved'))
    assert.equal((await store.config.read()).objects.filter(({ kind }) => kind === 'Map').length, 1)
    assert.equal(await store.config.change({ ...loser, from: from + 1 }), from + 2)
  })

  it('a broken audit log is noticed', async () => {
    await store.config.change(putting(objectOf('Map', 'm')))
    await store.config.change(putting(objectOf('Map', 'n')))
    assert.deepEqual(await store.integrity(), [])
    const database = new DatabaseSync(join(fixture.folder, 'siegel.sqlite'))
    database.exec('update audit_log set detail = replace(detail, \'"m"\', \'"x"\')')
    assert.deepEqual((await store.integrity()).map(({ code, detail }) => [code, detail]), [['audit-broken', 'entry 2 of the audit log']]) // prettier-ignore
    database.exec('delete from audit_log where number = 2')
    database.close()
    assert.deepEqual((await store.integrity()).map(({ code }) => code), ['audit-broken']) // prettier-ignore
  })
})

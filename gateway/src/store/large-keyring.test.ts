/** What a keyring of a million entries must not do: read all of a tenant's entries for one question. Judged by the plans of SQLite. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, test } from 'node:test'
import { keepCertificate } from '../keyring/keep.ts'
import { make, makeRoot } from '../keyring/testing/credentials.ts'
import { BY_ADDRESS, OWN_AND_SUCCESSORS } from './credentials.ts'
import { Fixture } from './testing/fixture.ts'

const fixture = new Fixture()
let database: DatabaseSync

before(async () => {
  const { store, contoso } = await fixture.openWithTenants()
  const { certificate } = make('bob', makeRoot(), { emails: ['bob@partner.example'] })
  const found = { certificate, origin: 'imported', state: 'active', source: '', actor: 'test' } as const
  await keepCertificate(store.forTenant(contoso).keyring, found)
  database = new DatabaseSync(join(fixture.folder, 'siegel.sqlite'), { readOnly: true })
})
after(async () => {
  database.close()
  await fixture.end()
})

for (const [name, sql] of Object.entries({
  'a look-up by address': BY_ADDRESS,
  'own keys that end': OWN_AND_SUCCESSORS,
}))
  test(`${name} reads no entry but those it is about`, () => {
    const parameters = sql === BY_ADDRESS ? ['tenant', 'partner', 'bob@partner.example'] : [1]
    const plan = database.prepare(`explain query plan ${sql}`).all(...parameters)
    const lines = plan.map((row) => String(row['detail']))
    // By more than the tenant; only the tenants themselves, and what was found by an index, are gone through.
    const all = lines.filter((line) => /^SEARCH .*\(tenant_id=\?\)|^SCAN (?!(?:t|f|e|ending)\b)/.test(line))
    assert.deepEqual(all, [])
    assert.ok(
      lines.some((line) => line.startsWith('SEARCH c USING INDEX')),
      lines.join('\n'),
    )
  })

// MTA-STS policies outlive the process, and go when their time is over.
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { Fixture } from './testing/fixture.ts'

it('keeps the last policy of a domain over a restart, until its time is over', async () => {
  const fixture = new Fixture()
  try {
    const { store } = await fixture.openWithTenants()
    const policy = { mode: 'enforce' as const, mx: ['*.a.example'], maxAge: 10 }
    await store.stsPolicies.keep('a.example', { id: '1', policy, fetchedAt: 0 })
    await store.stsPolicies.keep('a.example', { id: '2', policy, fetchedAt: 5 })
    await fixture.close(store)
    const again = await fixture.open()
    assert.deepEqual(again.stsPolicies.find('a.example'), { id: '2', policy, fetchedAt: 5 })
    await again.stsPolicies.keep('b.example', { id: '1', policy, fetchedAt: 20_000 })
    assert.equal(again.stsPolicies.find('a.example'), null)
    assert.deepEqual(again.stsPolicies.fetchedBefore(20_001), ['b.example'])
    assert.deepEqual(again.stsPolicies.fetchedBefore(20_000), [])
    assert.equal(again.stsPolicies.find('b.example')?.id, '1')
  } finally {
    await fixture.end()
  }
})

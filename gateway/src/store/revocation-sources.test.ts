// What was fetched to judge certificates outlives the process, ends at its time, and is bounded.
import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { KeptSource } from '../trust/ports.ts'
import { Fixture } from './testing/fixture.ts'

const SOURCE: KeptSource = {
  ...{ key: 'crl http://a.example/', kind: 'crl', url: 'http://a.example/' },
  ...{
    content: Buffer.from('list'),
    chain: Buffer.from('chain'),
    fetchedAt: 10,
    refreshAt: 20,
    expiresAt: 30,
  },
}

it('keeps the last answer of a source over a restart, until its end', async () => {
  const fixture = new Fixture()
  try {
    const { store } = await fixture.openWithTenants()
    await store.revocationSources.keep(SOURCE)
    await store.revocationSources.keep({ ...SOURCE, content: Buffer.from('newer list'), fetchedAt: 15 })
    await fixture.close(store)
    const { revocationSources: again } = await fixture.open()
    assert.equal(String(again.find(SOURCE.key, 29)?.content), 'newer list')
    assert.equal(String(again.find(SOURCE.key, 29)?.chain), 'chain')
    assert.equal(again.find(SOURCE.key, 30), null)
    assert.equal(again.fetchedAt(SOURCE.key), 15)
    assert.equal(again.fetchedAt('other'), null)
    assert.deepEqual(
      again.list().map(({ url, octets }) => [url, octets]),
      [['http://a.example/', 10]],
    )
    assert.deepEqual([again.due(20, 0), again.due(21, 0), again.due(21, 11)], [[], [SOURCE.key], []])
    await again.touch(SOURCE.key, 12)
    assert.deepEqual(again.due(21, 11), [SOURCE.key])
    // What has ended goes with the next that is kept.
    await again.keep({ ...SOURCE, key: 'crl http://b.example/', fetchedAt: 40, refreshAt: 50, expiresAt: 60 })
    assert.equal(again.fetchedAt(SOURCE.key), null)
  } finally {
    await fixture.end()
  }
})

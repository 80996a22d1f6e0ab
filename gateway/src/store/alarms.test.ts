// Alarms: the same one stands once and counts, is cleared once, and stands anew after that.
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { Fixture } from './testing/fixture.ts'

it('raises, counts, clears and raises again', async () => {
  const fixture = new Fixture()
  try {
    const { store, contoso } = await fixture.openWithTenants()
    const start = fixture.now
    const alarm = { code: 'disk-full', subject: 'spool', arguments: { free: 1 } }
    await store.alarms.raise('', alarm)
    fixture.now += 10
    await Promise.all([
      store.alarms.raise('', { ...alarm, arguments: { free: 0 } }),
      store.alarms.raise(contoso, alarm),
      store.alarms.raise('', { ...alarm, subject: 'database' }),
    ])
    const standing = () =>
      store.alarms.list().map(({ tenantId, subject, count, raisedAt, lastAt, arguments: { free } }) => [tenantId, subject, count, raisedAt - start, lastAt - start, free]).sort() // prettier-ignore
    const others = [['', 'database', 1, 10, 10, 1], [contoso, 'spool', 1, 10, 10, 1]] // prettier-ignore
    assert.deepEqual(standing(), [others[0], ['', 'spool', 2, 0, 10, 0], others[1]])
    await store.alarms.clear('', 'disk-full', 'spool')
    await store.alarms.clear('', 'disk-full', 'never raised')
    assert.deepEqual(standing(), others)
    fixture.now += 10
    await store.alarms.raise('', alarm)
    assert.deepEqual(standing(), [others[0], ['', 'spool', 1, 20, 20, 1], others[1]])
  } finally {
    await fixture.end()
  }
})

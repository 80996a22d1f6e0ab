/** Tests of the refresh of kept MTA-STS policies. What a look-up does stands in sts.test.ts. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { StsRefresher } from './sts-refresh.ts'

const DAY = 86_400_000

test('what is a day old is looked at, one at a time; two rounds do not overlap', async () => {
  const asked: string[] = []
  let open = 0
  const refresher = new StsRefresher({
    store: { fetchedBefore: (time) => (time === 9 * DAY ? ['a.example', 'b.example'] : []) },
    lookup: async (domain) => {
      asked.push(domain)
      assert.equal(++open, 1)
      await new Promise(setImmediate)
      open--
      return null
    },
    now: () => 10 * DAY,
    failed: assert.fail,
  })
  await refresher.round()
  assert.deepEqual(asked, ['a.example', 'b.example'])
})

test('a store that cannot be read is told and ends nothing; after the stop nothing more is looked at', async () => {
  const told: string[] = []
  let broken = true
  const asked: string[] = []
  const refresher = new StsRefresher({
    store: {
      fetchedBefore: () => {
        if (broken) throw new Error('no disk')
        return ['a.example', 'b.example']
      },
    },
    lookup: (domain) => {
      asked.push(domain)
      refresher.stop()
      return Promise.resolve(null)
    },
    now: () => 0,
    failed: (cause) => void told.push(cause),
  })
  await refresher.round()
  broken = false
  await refresher.round()
  assert.deepEqual([told, asked], [['no disk'], ['a.example']])
})

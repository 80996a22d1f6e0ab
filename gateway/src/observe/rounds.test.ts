// Rounds: at once and again, never two at a time, and none after the end.
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Rounds } from './rounds.ts'

it('goes at once and again, waits for a round that is slow, and ends with the one under way', async () => {
  let begun = 0
  let ended = 0
  let together = 0
  const rounds = new Rounds(async () => {
    begun++
    together = Math.max(together, begun - ended)
    await sleep(30)
    ended++
  }, 10)
  rounds.start()
  assert.equal(begun, 1)
  while (ended < 3) await sleep(5)
  assert.equal(together, 1)
  while (begun === ended) await sleep(1)
  await rounds.stop()
  assert.equal(begun, ended)
  await sleep(40)
  assert.equal(begun, ended)
})

it('can be ended before it began', () => new Rounds(() => Promise.resolve(), 10).stop())

/** Tests of the retry clock. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { DEFAULT_PAUSES, RETRY_JITTER, RETRY_STEPS, retryAt } from './retry.ts'

/** The default of `queue.lifetime`. */
const EXPIRY_MS = 5 * 24 * 3_600_000

const minutes = (attempts: number, pauses = DEFAULT_PAUSES) =>
  retryAt(attempts, 0, () => 0.5, pauses) / 60_000

test('the pauses grow from a minute to an hour and stay there', () => {
  assert.deepEqual(
    [1, 2, 3, 4, 5, 6, 7, 8, 100].map((attempts) => minutes(attempts)),
    [1, 2, 5, 10, 20, 30, 60, 60, 60],
  )
})

test('the configured pauses bound them', () => {
  const pauses = { firstMs: 6000, longestMs: 120_000 }
  assert.deepEqual(
    [0, 1, 2, 5, 7, 9].map((attempts) => minutes(attempts, pauses)),
    [0.1, 0.1, 0.2, 2, 2, 2],
  )
})

test('property: every pause lies within the jitter of its step, and none is in the past', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 500 }),
      fc.integer({ min: 0, max: 2e12 }),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (attempts, now, random) => {
        const pause = retryAt(attempts, now, () => random) - now
        const step = (RETRY_STEPS[Math.min(attempts, RETRY_STEPS.length) - 1] ?? 60) * 60_000
        assert.ok(pause >= step * (1 - RETRY_JITTER) - 1 && pause <= step * (1 + RETRY_JITTER) + 1)
      },
    ),
  )
})

test('a mail is tried over a hundred times before it is given up', () => {
  let now = 0
  let attempts = 0
  for (; now < EXPIRY_MS; attempts++) now = retryAt(attempts + 1, now, () => 0.5)
  assert.ok(attempts > 100 && attempts < 150, String(attempts))
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { welch } from './statistics.ts'

/** A fixed sequence that looks like times: a floor, noise above it, and now and then an interrupt. */
function times(floor: number, count: number, seed: number): number[] {
  let state = seed
  const next = () => (state = (Math.imul(state, 1103515245) + 12345) >>> 0) / 2 ** 32
  return Array.from({ length: count }, () => floor + 30 * next() + (next() < 0.2 ? 4000 * next() : 0))
}

test('equal samples are not told apart, however many pairs are compared', () => {
  const found = Array.from({ length: 100 }, (_, index) =>
    Math.abs(welch(times(800, 500, index * 7 + 1), times(800, 500, index * 7 + 4)).t),
  )
  assert.ok(Math.max(...found) < 4.5)
})

test('a difference is found under interrupts forty times as long', () => {
  const { t, difference } = welch(times(900, 500, 3), times(800, 500, 5))
  assert.ok(t > 4.5)
  assert.ok(Math.abs(difference - 100) < 10)
})

/** Tests of substitute-key.ts: keys have the length that was asked for, and none comes twice. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { substituteKey } from './substitute-key.ts'

test('no two keys are equal, over many fillings of the pool', () => {
  const keys = Array.from({ length: 1000 }, (_, index) => substituteKey([16, 24, 32][index % 3] ?? 0))
  keys.forEach((key, index) => {
    assert.equal(key.length, [16, 24, 32][index % 3])
  })
  // Sixteen octets of each: shorter keys may not be the beginning of longer ones either
  assert.equal(new Set(keys.map((key) => key.toString('hex', 0, 16))).size, keys.length)
  assert.equal(
    keys.some((key) => key.every((octet) => octet === 0)),
    false,
  )
})

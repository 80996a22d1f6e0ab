/** Behaviour of mail ids: form, order, uniqueness, and the time in them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isMailId, newMailId, timeOf } from './id.ts'

/** The id as hexadecimal UUID. */
function uuidOf(id: string): string {
  let value = 0n
  for (const c of id) value = value * 32n + BigInt('0123456789ABCDEFGHJKMNPQRSTVWXYZ'.indexOf(c))
  return value.toString(16).padStart(32, '0')
}

// The ids of a process only grow: every test takes a later time than those before it.
const T0 = Date.UTC(2026, 0, 1)

test('an id is a UUIDv7 in 26 Crockford characters', () => {
  const id = newMailId(T0)
  assert.match(id, /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/)
  // RFC 9562 5.7
  assert.match(uuidOf(id), /^[0-9a-f]{12}7[0-9a-f]{3}[89ab][0-9a-f]{15}$/)
  assert.equal(parseInt(uuidOf(id).slice(0, 12), 16), T0)
  assert.equal(timeOf(id), T0)
})

test('ids grow within a millisecond, over it, and when the clock goes back', () => {
  const ids: string[] = []
  for (let i = 0; i < 20_000; i++) ids.push(newMailId(T0 + 10 + Math.floor(i / 5000)))
  ids.push(newMailId(T0 + 5), newMailId(0), newMailId(T0 + 20))
  assert.deepEqual(ids, [...ids].sort())
  assert.equal(new Set(ids).size, ids.length)
  assert.ok(ids.every(isMailId))
  assert.ok(timeOf(ids.at(-2) ?? '') < T0 + 20)
  assert.equal(timeOf(ids.at(-1) ?? ''), T0 + 20)
})

test('ids of one millisecond do not count up by one', () => {
  const values = Array.from({ length: 50 }, () => BigInt(`0x${uuidOf(newMailId(T0 + 30))}`))
  const steps = new Set(values.slice(1).map((value, n) => value - (values[n] ?? 0n)))
  assert.ok(steps.size > 40)
})

test('isMailId knows what is none', () => {
  const id = newMailId(T0 + 40)
  assert.ok(isMailId(id))
  const bad = [
    '',
    id.slice(1),
    `${id}0`,
    id.toLowerCase(),
    ` ${id}`,
    `${id}\n`,
    `8${id.slice(1)}`,
    `${id.slice(0, 5)}I${id.slice(6)}`,
    `${id.slice(0, 10)}0${id.slice(11)}`,
    `${id.slice(0, 13)}0${id.slice(14)}`,
    '00000000000000000000000000',
  ]
  for (const text of bad) {
    assert.equal(isMailId(text), false, JSON.stringify(text))
    assert.throws(() => timeOf(text), RangeError)
  }
})

test('odd times give valid ids', () => {
  for (const now of [-1, 1.5, NaN]) assert.ok(isMailId(newMailId(Number.isNaN(now) ? 0 : now)))
})

// The mark of a round trip: made, found in subjects as mail clients write them, and noted by attribution for its tenant alone.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Tenant } from '../mail/tenant.ts'
import { hashOfMark, isOpen, makeMark, markedTenants, ROUND_TRIP_MS } from './round-trip-mark.ts'

const MARK = makeMark(Uint8Array.from({ length: 26 }, (_, at) => at * 9))
const tenant = (id: string, mark: string): Tenant =>
  ({ id, roundTrip: { openedAt: 0, markHash: hashOfMark(mark) } }) as Tenant
const OPEN = [tenant('one', MARK), tenant('two', 'b'.repeat(26))]
const found = (subject: string) => markedTenants(subject, OPEN).map(({ id }) => id)

test('a mark has 26 characters of base32, and every octet decides one of them', () => {
  assert.match(MARK, /^[a-z2-7]{26}$/)
  for (let at = 0; at < 26; at++) {
    const other = Uint8Array.from({ length: 26 }, (_, index) => index * 9 + (index === at ? 1 : 0))
    assert.notEqual(makeMark(other), MARK)
  }
})

test('it is found wherever it stands in the subject, in capitals, encoded, or touching another word', () => {
  const base64 = Buffer.from(`Prüfung ${MARK}`).toString('base64')
  for (const subject of [
    MARK,
    `[EXTERNAL] Test: ${MARK.toUpperCase()}.`,
    `re${MARK}x`,
    `=?utf-8?B?${base64}?=`,
    `=?utf-8?Q?Pr=C3=BCfung_${MARK.slice(0, 9)}?= =?utf-8?Q?${MARK.slice(9)}?=`,
  ])
    assert.deepEqual(found(subject), ['one'], subject)
})

test('it is not found when it is not whole, or farther in than anybody would write it', () => {
  for (const subject of [
    '',
    'Hello',
    MARK.slice(1),
    `${MARK.slice(0, 13)} ${MARK.slice(13)}`,
    `${' '.repeat(1000)}${MARK}`,
  ])
    assert.deepEqual(found(subject), [], subject)
})

test('a round trip ends by itself after 60 minutes', () => {
  const roundTrip = { openedAt: 1000, markHash: '' }
  assert.deepEqual(
    [999, 1000, 999 + ROUND_TRIP_MS, 1000 + ROUND_TRIP_MS].map((now) => isOpen({ roundTrip }, now)),
    [false, true, true, false],
  )
  assert.equal(isOpen({ roundTrip: null }, 1000), false)
})

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { MARKER_FIELD, readMarker, writeMarker, type Marker } from './marker.ts'

const KEY = Buffer.alloc(32, 7)
const NOW = 1_795_000_000_000
const MARKER: Marker = { direction: 'outbound', passes: 1, mailId: '01JZZZZZZZZZZZZZZZZZZZZZZZ' }

function valueOf(marker: Marker, key = KEY, tenant = 'T1', now = NOW): string {
  return writeMarker(key, tenant, marker, now)
    .toString()
    .slice(MARKER_FIELD.length + 1)
    .trim()
}

describe('pass marker', () => {
  it('is read back by the tenant that wrote it', () => {
    assert.deepEqual(readMarker(KEY, 'T1', valueOf(MARKER), NOW + 1000), MARKER)
  })

  it('counts for no other tenant, no other key, and not after a day', () => {
    assert.equal(readMarker(KEY, 'T2', valueOf(MARKER), NOW), null)
    assert.equal(readMarker(Buffer.alloc(32, 8), 'T1', valueOf(MARKER), NOW), null)
    assert.equal(readMarker(KEY, 'T1', valueOf(MARKER), NOW + 25 * 3600 * 1000), null)
  })

  it('is not read when any character was changed', () => {
    const value = valueOf(MARKER)
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: value.length - 1 }),
        fc.integer({ min: 33, max: 126 }),
        (index, code) => {
          const changed = value.slice(0, index) + String.fromCharCode(code) + value.slice(index + 1)
          const read = readMarker(KEY, 'T1', changed, NOW)
          // The last base64url character carries two unused bits: another spelling of the same MAC is the same marker.
          assert.ok(read === null || changed === value || index === value.length - 1)
          if (read !== null) assert.deepEqual(read, MARKER)
        },
      ),
    )
  })
})

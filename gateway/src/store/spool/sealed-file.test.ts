// The format of sealed bodies: any change, cut, addition, order or place but its own makes it not open.
import assert from 'node:assert/strict'
import { createSecretKey, randomBytes, type KeyObject } from 'node:crypto'
import { describe, it } from 'node:test'
import type { BodyRef } from '../../mail/body.ts'
import { newRowId } from '../row-id.ts'
import type { SealingKey } from '../sealing.ts'
import { HEADER, SEALED_SEGMENT, SEGMENT, beginBody, keyIdOf, layoutOf, openHeader, openSegment, sealSegment } from './sealed-file.ts' // prettier-ignore

const REF: BodyRef = { tenantId: 't', mailId: newRowId(1), copy: 1, turn: '0123456789ab' }

function newKey(): SealingKey {
  return { id: newRowId(Date.now()), key: createSecretKey(randomBytes(32)) }
}

function segment(key: KeyObject, number: number, last: boolean, plain: string): Buffer {
  return Buffer.concat(sealSegment(key, number, last, Buffer.from(plain)))
}

describe('sealed body format', () => {
  it('a header names its key and opens for its body only', () => {
    const key = newKey()
    const { header } = beginBody(key, REF)
    assert.equal(header.length, HEADER)
    assert.equal(keyIdOf(header), key.id)
    assert.ok(openHeader(key, REF, header) !== null)
    assert.equal(openHeader(newKey(), REF, header), null)
    for (const other of [{ tenantId: 'u' }, { mailId: newRowId(2) }, { copy: 2 }, { turn: 'ba9876543210' }])
      assert.equal(openHeader(key, { ...REF, ...other }, header), null)
    for (let at = 0; at < header.length; at += 1) {
      const changed = Buffer.from(header)
      changed[at] = (changed[at] ?? 0) ^ 0x80
      const named = keyIdOf(changed) === key.id
      assert.ok(!named || openHeader(key, REF, changed) === null, `octet ${at}`)
    }
  })

  it('no two bodies share a key', () => {
    const key = newKey()
    const [a, b] = [beginBody(key, REF), beginBody(key, REF)]
    assert.ok(!a.key.equals(b.key))
    assert.ok(openHeader(key, REF, a.header)?.equals(a.key))
  })

  it('a segment opens in its place only', () => {
    const { key } = beginBody(newKey(), REF)
    const sealed = segment(key, 3, false, 'text')
    assert.deepEqual(openSegment(key, 3, false, sealed), Buffer.from('text'))
    assert.equal(openSegment(key, 2, false, sealed), null)
    assert.equal(openSegment(key, 3, true, sealed), null)
    assert.equal(openSegment(beginBody(newKey(), REF).key, 3, false, sealed), null)
    for (let at = 0; at < sealed.length; at += 1) {
      const changed = Buffer.from(sealed)
      changed[at] = (changed[at] ?? 0) ^ 1
      assert.equal(openSegment(key, 3, false, changed), null)
      assert.equal(openSegment(key, 3, false, sealed.subarray(0, at)), null)
    }
  })

  it('every length of a body has one layout, and other lengths have none', () => {
    for (const size of [0, 1, SEGMENT - 1, SEGMENT, SEGMENT + 1, 3 * SEGMENT, 3 * SEGMENT + 5]) {
      const segments = Math.max(1, Math.ceil(size / SEGMENT))
      const lastLength = size - (segments - 1) * SEGMENT + 16
      assert.deepEqual(layoutOf(HEADER + size + 16 * segments), { segments, lastLength })
    }
    for (const size of [0, HEADER, HEADER + 15, HEADER + SEALED_SEGMENT + 16, HEADER + SEALED_SEGMENT + 1])
      assert.equal(layoutOf(size), null)
  })
})

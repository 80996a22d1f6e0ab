import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { unwrapKey, wrapKey } from './key-wrap.ts'

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')

// RFC 3394 4
const VECTORS = [
  [
    '000102030405060708090A0B0C0D0E0F',
    '00112233445566778899AABBCCDDEEFF',
    '1FA68B0A8112B447 AEF34BD8FB5A7B82 9D3E862371D2CFE5',
  ],
  [
    '000102030405060708090A0B0C0D0E0F1011121314151617',
    '00112233445566778899AABBCCDDEEFF0001020304050607',
    '031D33264E15D332 68F24EC260743EDC E1C6C7DDEE725A93 6BA814915C6762D2',
  ],
  [
    '000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F',
    '00112233445566778899AABBCCDDEEFF000102030405060708090A0B0C0D0E0F',
    '28C9F404C4B810F4 CBCCB35CFB87F826 3F5786E2D80ED326 CBC7F0E71A99F43B FB988B9B7A02DD21',
  ],
] as const

test('wraps and unwraps the vectors of RFC 3394', () => {
  for (const [kek, key, wrapped] of VECTORS) {
    assert.deepEqual(wrapKey(hex(kek), hex(key)), hex(wrapped))
    assert.deepEqual(unwrapKey(hex(kek), hex(wrapped)), hex(key))
  }
})

test('unwraps what the provider wraps, for all lengths', () => {
  for (const bits of [128, 192, 256])
    for (let octets = 16; octets <= 512; octets += 8) {
      const kek = randomBytes(bits / 8)
      const key = randomBytes(octets)
      assert.deepEqual(unwrapKey(kek, wrapKey(kek, key)), key)
    }
})

test('a changed bit, another key or an impossible length gives null and no exception', () => {
  const kek = randomBytes(32)
  const wrapped = wrapKey(kek, randomBytes(32))
  for (let at = 0; at < wrapped.length; at++) {
    const changed = Buffer.from(wrapped)
    changed[at] = (changed[at] ?? 0) ^ 1
    assert.equal(unwrapKey(kek, changed), null)
  }
  assert.equal(unwrapKey(randomBytes(32), wrapped), null)
  for (const length of [0, 8, 16, 17, 39, 1032]) assert.equal(unwrapKey(kek, Buffer.alloc(length)), null)
})

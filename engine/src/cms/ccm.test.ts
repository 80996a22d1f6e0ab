import assert from 'node:assert/strict'
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { Ccm } from './ccm.ts'

/** The provider's own CCM, which takes everything at once. */
function sealed(key: Buffer, nonce: Buffer, aad: Buffer, tagLength: number, plain: Buffer): [Buffer, Buffer] {
  const name = `aes-${key.length === 16 ? 128 : key.length === 24 ? 192 : 256}-ccm` as const
  const ccm = createCipheriv(name, key, nonce, { authTagLength: tagLength })
  ccm.setAAD(aad, { plaintextLength: plain.length })
  const sealedText = ccm.update(plain)
  ccm.final()
  return [sealedText, ccm.getAuthTag()]
}

const inSlices = (bytes: Buffer, size: number): Buffer[] =>
  Array.from({ length: Math.ceil(bytes.length / size) }, (_, n) => bytes.subarray(n * size, (n + 1) * size))

test('CCM in pieces is the CCM of the provider', () => {
  for (const bytes of [16, 24, 32])
    for (const nonceLength of [7, 11, 12, 13])
      for (const tagLength of [4, 10, 16])
        for (const aadLength of [0, 1, 14, 15, 300, 65_279, 65_280, 70_000])
          for (const length of [0, 1, 15, 16, 17, 1000, nonceLength === 13 ? 65_535 : 70_001]) {
            const [key, nonce] = [randomBytes(bytes), randomBytes(nonceLength)]
            const [aad, plain] = [randomBytes(aadLength), randomBytes(length)]
            const [ciphertext, tag] = sealed(key, nonce, aad, tagLength, plain)
            const parameters = { key, nonce, aad, tagLength, length }
            const size = 1 + (length >> 3) * 3
            const encryption = new Ccm(parameters)
            const out = Buffer.concat(inSlices(plain, size).map((slice) => encryption.encrypt(slice)))
            assert.ok(out.equals(ciphertext) && encryption.tag().equals(tag))
            const decryption = new Ccm(parameters)
            const back = Buffer.concat(inSlices(ciphertext, size).map((slice) => decryption.decrypt(slice)))
            decryption.check(tag)
            assert.ok(back.equals(plain))
          }
})

test('a changed octet, a wrong tag or a wrong length is found', () => {
  const [key, nonce, aad, plain] = [randomBytes(16), randomBytes(11), randomBytes(5), randomBytes(100)]
  const [ciphertext, tag] = sealed(key, nonce, aad, 16, plain)
  const parameters = { key, nonce, aad, tagLength: 16, length: 100 }
  const open = (bytes: Buffer, mac: Buffer, how: Partial<typeof parameters> = {}): void => {
    const ccm = new Ccm({ ...parameters, ...how })
    ccm.decrypt(bytes)
    ccm.check(mac)
  }
  open(ciphertext, tag)
  const flip = (bytes: Buffer, at: number): Buffer => Buffer.from(bytes.map((b, n) => (n === at ? b ^ 1 : b)))
  for (let at = 0; at < 100; at++)
    assert.throws(() => {
      open(flip(ciphertext, at), tag)
    }, RangeError)
  for (let at = 0; at < 16; at++)
    assert.throws(() => {
      open(ciphertext, flip(tag, at))
    }, RangeError)
  assert.throws(() => {
    open(ciphertext, tag.subarray(1))
  }, RangeError)
  assert.throws(() => {
    open(ciphertext, tag, { aad: randomBytes(5) })
  }, RangeError)
  assert.throws(() => {
    open(ciphertext, tag, { length: 101 })
  }, /less content/)
  assert.throws(() => {
    open(ciphertext, tag, { length: 99 })
  }, /more content/)
})

test('the provider opens what was sealed in pieces of a large content', () => {
  const [key, nonce] = [randomBytes(32), randomBytes(11)]
  const plain = randomBytes(20_000_000)
  const ccm = new Ccm({ key, nonce, aad: Buffer.alloc(0), tagLength: 16, length: plain.length })
  const ciphertext = Buffer.concat(inSlices(plain, 65_536).map((slice) => ccm.encrypt(slice)))
  const provider = createDecipheriv('aes-256-ccm', key, nonce, { authTagLength: 16 })
  provider.setAuthTag(ccm.tag())
  assert.ok(provider.update(ciphertext).equals(plain))
  provider.final()
})

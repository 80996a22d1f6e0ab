import assert from 'node:assert/strict'
import { createCipheriv } from 'node:crypto'
import { test } from 'node:test'
import { readAlgorithm, writeAlgorithm } from '../der/algorithm.ts'
import { Oid } from '../der/oid.ts'
import { readElement } from '../der/reader.ts'
import { integer, octets, sequence } from '../der/writer.ts'
import { EngineError } from '../errors.ts'
import { checkContentLength, decryptPieces, encryptPieces } from './content-encryption.ts'
import { WRITTEN_CIPHERS, keyOfContent, readContentEncryption } from './content-parameters.ts'
import type { ContentEncryption } from './content-parameters.ts'

const read = (der: Buffer, allowLegacy = false): ContentEncryption =>
  readContentEncryption(readAlgorithm(readElement(der)), allowLegacy)
const code = (run: () => unknown): string => {
  try {
    run()
    return 'none'
  } catch (error) {
    return error instanceof EngineError ? error.code : String(error)
  }
}

test('derives the key of the content as in RFC 9709 appendix A', () => {
  // AES-128-GCM with a nonce of 12 octets and the default tag length
  const inner = Buffer.from('301b0609608648016503040106300e040c5c79058ba2f43447639d29e2', 'hex')
  const encryption = read(writeAlgorithm(Oid.idAlgCekHkdfSha256, inner))
  assert.equal(encryption.cipher.name, 'aes128-gcm')
  assert.equal(encryption.tagLength, 12)
  const key = keyOfContent(encryption, Buffer.from('c702e7d0a9e064b09ba55245fb733cf3', 'hex'))
  assert.equal(key.toString('hex'), '2124ffb29fac4e0fbbc7d5d87492bff3')
})

test('content whose cipher was exchanged under CEK-HKDF-SHA256 does not open', () => {
  const plain = Buffer.alloc(64, 'x')
  const { key, algorithm, pieces, mac } = encryptPieces('aes128-gcm', [plain], true)
  const good = read(algorithm)
  assert.deepEqual(decryptPieces(good, key, pieces, null, mac), plain)
  const bare = { ...good, derivation: null }
  assert.equal(decryptPieces(bare, key, pieces, null, mac), null)
  const other = { ...good, derivation: Buffer.from(good.derivation ?? '') }
  other.derivation[12] = (other.derivation[12] ?? 0) ^ 1
  assert.equal(decryptPieces(other, key, pieces, null, mac), null)
})

for (const name of WRITTEN_CIPHERS)
  test(`${name}: pieces of any size come back, changed ones do not`, () => {
    for (const pieces of [[], ['a'], ['0123456789abcdef'], ['x'.repeat(70000), '', 'y'.repeat(65536), 'z']]) {
      const plain = pieces.map((piece) => Buffer.from(piece))
      const { key, algorithm, pieces: sealed, length, mac } = encryptPieces(name, plain)
      const encryption = read(algorithm)
      assert.equal(
        sealed.reduce((sum, piece) => sum + piece.length, 0),
        length,
      )
      assert.deepEqual(decryptPieces(encryption, key, sealed, null, mac), Buffer.concat(plain))
      assert.equal(mac === null, !encryption.cipher.authenticated)
      if (mac === null) continue
      assert.equal(decryptPieces(encryption, key, sealed, Buffer.from('aad'), mac), null)
      assert.equal(decryptPieces(encryption, key, sealed, null, mac.subarray(1)), null)
      mac[3] = (mac[3] ?? 0) ^ 1
      assert.equal(decryptPieces(encryption, key, sealed, null, mac), null)
    }
  })

test('CBC padding of every length comes off, and every other last block is refused', () => {
  const key = Buffer.alloc(16, 7)
  const encryption = read(writeAlgorithm(Oid.aes128Cbc, octets(Buffer.alloc(16))))
  const seal = (padded: Buffer): Buffer[] => {
    const cipher = createCipheriv('aes-128-cbc', key, Buffer.alloc(16)).setAutoPadding(false)
    return [cipher.update(padded), cipher.final()]
  }
  for (let last = 0; last < 256; last++) {
    const padded = Buffer.alloc(32, last)
    const expected = last >= 1 && last <= 16 ? padded.subarray(0, 32 - last) : null
    assert.deepEqual(decryptPieces(encryption, key, seal(padded), null, null), expected)
    if (last < 2 || last > 16) continue
    padded[32 - last] = 0
    assert.equal(decryptPieces(encryption, key, seal(padded), null, null), null)
  }
  for (const length of [0, 15, 17]) {
    assert.equal(decryptPieces(encryption, key, [Buffer.alloc(length)], null, null), null)
  }
})

test('tag and nonce lengths are those of RFC 5084 and RFC 8103, and no others', () => {
  const aead = (oid: string, nonce: number, tag: number) =>
    writeAlgorithm(oid, sequence(octets(Buffer.alloc(nonce)), integer(tag)))
  for (let tag = 0; tag <= 17; tag++) {
    const gcm = tag >= 12 && tag <= 16
    assert.equal(
      code(() => read(aead(Oid.aes256Gcm, 12, tag))),
      gcm ? 'none' : 'cms-malformed',
    )
    const ccm = tag >= 4 && tag <= 16 && tag % 2 === 0
    assert.equal(
      code(() => read(aead(Oid.aes256Ccm, 12, tag))),
      ccm ? 'none' : 'cms-malformed',
    )
  }
  for (const nonce of [0, 6, 14])
    assert.equal(
      code(() => read(aead(Oid.aes256Ccm, nonce, 16))),
      'cms-malformed',
    )
  for (const nonce of [0, 65])
    assert.equal(
      code(() => read(aead(Oid.aes256Gcm, nonce, 16))),
      'cms-malformed',
    )
  for (const nonce of [8, 11, 13, 24])
    assert.equal(
      code(() => read(writeAlgorithm(Oid.idAlgAeadChaCha20Poly1305, octets(Buffer.alloc(nonce))))),
      'cms-malformed',
    )
})

test('every tag length of CCM and GCM is read', () => {
  const plain = Buffer.from('some content')
  const key = Buffer.alloc(16, 9)
  for (const [mode, oid, tags, nonces] of [
    ['ccm', Oid.aes128Ccm, [4, 6, 8, 10, 12, 14, 16], [7, 10, 13]],
    ['gcm', Oid.aes128Gcm, [12, 13, 14, 15, 16], [7, 12, 64]],
  ] as const)
    for (const authTagLength of tags)
      for (const length of nonces) {
        const iv = Buffer.alloc(length, 1)
        const cipher = createCipheriv(`aes-128-${mode as 'ccm'}`, key, iv, { authTagLength })
        cipher.setAAD(Buffer.from('attributes'), { plaintextLength: plain.length })
        const sealed = [cipher.update(plain), cipher.final()]
        const encryption = read(writeAlgorithm(oid, sequence(octets(iv), integer(authTagLength))))
        const open = (aad: string) =>
          decryptPieces(encryption, key, sealed, Buffer.from(aad), cipher.getAuthTag())
        assert.deepEqual(open('attributes'), plain)
        if (authTagLength > 4) assert.equal(open('Attributes'), null)
      }
})

test('outdated ciphers need permission, and RC2 below 128 bits gets none', () => {
  const rc2 = (version: number) =>
    writeAlgorithm(Oid.rc2Cbc, sequence(integer(version), octets(Buffer.alloc(8))))
  assert.equal(
    code(() => read(rc2(58))),
    'legacy-cipher-refused',
  )
  assert.equal(read(rc2(58), true).cipher.name, 'rc2-128-cbc')
  // RFC 2268 6: 40 and 64 effective bits
  for (const version of [160, 120])
    assert.equal(
      code(() => read(rc2(version), true)),
      'unsupported-content-encryption',
    )
  const bare = writeAlgorithm(Oid.rc2Cbc, octets(Buffer.alloc(8)))
  assert.equal(
    code(() => read(bare, true)),
    'unsupported-content-encryption',
  )
  const des = writeAlgorithm('1.3.14.3.2.7', octets(Buffer.alloc(8)))
  assert.equal(
    code(() => read(des, true)),
    'unsupported-content-encryption',
  )
})

test('content longer than its cipher can count, or than it takes at once, is refused', () => {
  const ccm = read(writeAlgorithm(Oid.aes128Ccm, sequence(octets(Buffer.alloc(7))))).cipher
  const version = integer(58)
  const { cipher: old } = read(writeAlgorithm(Oid.rc2Cbc, sequence(version, octets(Buffer.alloc(8)))), true)
  const cases = [
    [ccm, 13, 65_535],
    [ccm, 12, 16_777_215],
    [ccm, 11, 4_294_967_295],
    [old, 8, 32 * 1024 * 1024],
  ] as const
  for (const [cipher, nonce, most] of cases)
    for (const [length, expected] of [
      [most, 'none'],
      [most + 1, 'content-too-large'],
    ] as const)
      assert.equal(
        code(() => {
          checkContentLength(cipher, Buffer.alloc(nonce), length)
        }),
        expected,
      )
})

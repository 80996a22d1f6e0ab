/** Keys from passwords as other programs write them: every HMAC of PBKDF2, scrypt, and their limits. */
import assert from 'node:assert/strict'
import { createCipheriv, createHmac, generateKeyPairSync, pbkdf2Sync, scryptSync } from 'node:crypto'
import { test } from 'node:test'
import { readAlgorithm, writeAlgorithm } from '../der/algorithm.ts'
import { Oid } from '../der/oid.ts'
import { readElement } from '../der/reader.ts'
import { integer, nil, octets, sequence } from '../der/writer.ts'
import { EngineError } from '../errors.ts'
import { RoundBudget, readPasswordKdf } from './password-kdf.ts'
import { pkcs12Key } from './pkcs12-kdf.ts'
import { readPrivateKey } from './private-key.ts'

const key = generateKeyPairSync('ed25519').privateKey
const plain = key.export({ format: 'der', type: 'pkcs8' })
const salt = Buffer.from('some salt')
const iv = Buffer.alloc(16, 3)
const code = (expected: string) => (error: unknown) => error instanceof EngineError && error.code === expected

/** EncryptedPrivateKeyInfo with PBES2. */
function encrypted(kdf: Buffer, derived: Buffer, cipherOid: string = Oid.aes256Cbc): Buffer {
  const cipher = createCipheriv(`aes-${derived.length * 8}-cbc`, derived, iv)
  const data = Buffer.concat([cipher.update(plain), cipher.final()])
  const scheme = writeAlgorithm(Oid.idPbes2, sequence(kdf, writeAlgorithm(cipherOid, octets(iv))))
  return sequence(scheme, octets(data))
}

const HMACS = [
  [Oid.idHmacWithSha1, 'sha1'],
  [Oid.idHmacWithSha224, 'sha224'],
  [Oid.idHmacWithSha256, 'sha256'],
  [Oid.idHmacWithSha384, 'sha384'],
  [Oid.idHmacWithSha512, 'sha512'],
  [Oid.idHmacWithSha512_224, 'sha512-224'],
  [Oid.idHmacWithSha512_256, 'sha512-256'],
  [Oid.idHmacWithSha3_224, 'sha3-224'],
  [Oid.idHmacWithSha3_256, 'sha3-256'],
  [Oid.idHmacWithSha3_384, 'sha3-384'],
  [Oid.idHmacWithSha3_512, 'sha3-512'],
] as const

test('PBKDF2 with every HMAC and every AES', () => {
  for (const [oid, hash] of HMACS)
    for (const [cipher, length] of [
      [Oid.aes128Cbc, 16],
      [Oid.aes192Cbc, 24],
      [Oid.aes256Cbc, 32],
    ] as const)
      for (const explicit of [true, false]) {
        assert.ok(createHmac(hash, '').digest().length > 0)
        const fields = [octets(salt), integer(1000), ...(explicit ? [integer(length)] : [])]
        const kdf = writeAlgorithm(Oid.idPbkdf2, sequence(...fields, writeAlgorithm(oid, nil())))
        const derived = pbkdf2Sync('Grüße', salt, 1000, length, hash)
        const bytes = encrypted(kdf, derived, cipher)
        assert.ok(readPrivateKey(bytes, 'Grüße').equals(key))
        assert.throws(() => readPrivateKey(bytes, 'x'), code('private-key-password'))
      }
})

const scrypt = (N: number, r: number, p: number, length: number | null = null): Buffer =>
  writeAlgorithm(
    Oid.idScrypt,
    sequence(octets(salt), integer(N), integer(r), integer(p), ...(length === null ? [] : [integer(length)])),
  )

test('scrypt, with and without a key length', () => {
  const derived = scryptSync('secret', salt, 32, { N: 1024, r: 8, p: 2 })
  for (const length of [null, 32]) {
    const bytes = encrypted(scrypt(1024, 8, 2, length), derived)
    assert.ok(readPrivateKey(bytes, 'secret').equals(key))
    assert.throws(() => readPrivateKey(bytes, 'Secret'), code('private-key-password'))
  }
  assert.throws(
    () => readPrivateKey(encrypted(scrypt(1024, 8, 2, 16), derived), 'x'),
    code('pkcs12-unsupported'),
  )
})

test('the vector of RFC 7914 12', () => {
  const kdf = writeAlgorithm(
    Oid.idScrypt,
    sequence(octets(Buffer.from('NaCl')), integer(1024), integer(8), integer(16)),
  )
  const derived = readPasswordKdf(readAlgorithm(readElement(kdf)), new RoundBudget()).derive('password', 64)
  assert.equal(derived.subarray(0, 8).toString('hex'), 'fdbabe1c9d347200')
})

test('scrypt that costs too much, or makes no sense, is refused before it runs', () => {
  const derived = Buffer.alloc(32)
  for (const [N, r, p] of [
    [1 << 20, 8, 1],
    [1024, 1 << 20, 1],
    [1024, 8, 1 << 20],
    [1 << 30, 1, 1],
    [1 << 16, 8, 64],
  ] as const)
    assert.throws(
      () => readPrivateKey(encrypted(scrypt(N, r, p), derived), 'x'),
      code('key-derivation-too-costly'),
    )
  for (const [N, r, p] of [
    [1000, 8, 1],
    [1, 8, 1],
    [0, 8, 1],
    [1024, 0, 1],
    [1024, 8, 0],
  ] as const)
    assert.throws(() => readPrivateKey(encrypted(scrypt(N, r, p), derived), 'x'), code('asn1-malformed'))
})

test('triple DES with two keys is read', () => {
  const pbe = { hash: 'sha1', password: 'secret', salt, iterations: 10 } as const
  const cipher = createCipheriv(
    'des-ede-cbc',
    pkcs12Key({ ...pbe, id: 1, length: 16 }),
    pkcs12Key({ ...pbe, id: 2, length: 8 }),
  )
  const data = Buffer.concat([cipher.update(plain), cipher.final()])
  const scheme = writeAlgorithm(Oid.pbeWithShaAnd2KeyTripleDesCbc, sequence(octets(salt), integer(10)))
  assert.ok(readPrivateKey(sequence(scheme, octets(data)), 'secret').equals(key))
})

test('unknown key derivations and HMACs are named as unsupported', () => {
  const derived = Buffer.alloc(32)
  const kdf = (prf: Buffer) => writeAlgorithm(Oid.idPbkdf2, sequence(octets(salt), integer(1), prf))
  for (const bad of [
    writeAlgorithm('1.2.3', nil()),
    writeAlgorithm(Oid.idScrypt),
    kdf(writeAlgorithm('1.2.840.113549.2.6', nil())),
    kdf(writeAlgorithm(Oid.idHmacWithSha256, integer(1))),
  ])
    assert.throws(() => readPrivateKey(encrypted(bad, derived), 'x'), code('pkcs12-unsupported'))
})

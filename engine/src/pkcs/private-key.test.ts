/** Tests of private-key.ts and pbes2.ts: every form of a private key, right and wrong passwords, limits. */
import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { writeAlgorithm } from '../der/algorithm.ts'
import { Oid } from '../der/oid.ts'
import { writePem } from '../der/pem.ts'
import { integer, nil, octets, sequence } from '../der/writer.ts'
import { EngineError } from '../errors.ts'
import { encryptWithPassword } from './pbes2.ts'
import { readPrivateKey } from './private-key.ts'

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
const ed25519 = generateKeyPairSync('ed25519').privateKey
const code = (expected: string) => (error: unknown) => error instanceof EngineError && error.code === expected
const text = (value: string | Buffer): Buffer => Buffer.from(value)

const forms: readonly (readonly [string, KeyObject, Buffer])[] = [
  ['PKCS#8 PEM', rsa, text(rsa.export({ format: 'pem', type: 'pkcs8' }))],
  ['PKCS#8 DER', ed25519, ed25519.export({ format: 'der', type: 'pkcs8' })],
  ['PKCS#1 PEM', rsa, text(rsa.export({ format: 'pem', type: 'pkcs1' }))],
  ['PKCS#1 DER', rsa, rsa.export({ format: 'der', type: 'pkcs1' })],
  ['SEC 1 PEM', ec, text(ec.export({ format: 'pem', type: 'sec1' }))],
  ['SEC 1 DER', ec, ec.export({ format: 'der', type: 'sec1' })],
]
for (const [name, key, bytes] of forms) {
  test(`${name} is read`, () => {
    assert.ok(readPrivateKey(bytes).equals(key))
    assert.ok(readPrivateKey(bytes, 'not needed').equals(key))
  })
}

const ciphers = ['aes-128-cbc', 'aes-192-cbc', 'aes-256-cbc', 'des-ede3-cbc'] as const
for (const cipher of ciphers) {
  test(`PKCS#8 encrypted with ${cipher} needs its password`, () => {
    for (const format of ['pem', 'der'] as const) {
      const bytes = text(ec.export({ format, type: 'pkcs8', cipher, passphrase: 'Grüße' }))
      assert.ok(readPrivateKey(bytes, 'Grüße').equals(ec))
      for (const wrong of [undefined, '', 'grüße'])
        assert.throws(() => readPrivateKey(bytes, wrong), code('private-key-password'))
    }
  })
}

test('old encrypted PEM is read', () => {
  const pem = text(rsa.export({ format: 'pem', type: 'pkcs1', cipher: 'aes-256-cbc', passphrase: 'x' }))
  assert.match(pem.toString(), /DEK-Info/)
  assert.ok(readPrivateKey(pem, 'x').equals(rsa))
  for (const wrong of [undefined, 'y'])
    assert.throws(() => readPrivateKey(pem, wrong), code('private-key-password'))
})

test('the first key of a PEM file with other things is taken', () => {
  const pem = `${writePem('CERTIFICATE', Buffer.alloc(3))}${ec.export({ format: 'pem', type: 'sec1' })}`
  assert.ok(readPrivateKey(text(pem)).equals(ec))
})

test('what is no private key is refused', () => {
  const publicKey = generateKeyPairSync('ed25519').publicKey.export({ format: 'der', type: 'spki' })
  for (const bytes of [
    Buffer.alloc(0),
    text('x'),
    sequence(),
    sequence(integer(0), nil()),
    sequence(integer(0), octets(Buffer.alloc(3))),
    sequence(integer(0), integer(1), integer(2)),
  ])
    assert.throws(() => readPrivateKey(bytes), code('private-key-malformed'))
  assert.throws(() => readPrivateKey(publicKey, 'x'), EngineError)
  assert.throws(
    () => readPrivateKey(text(writePem('CERTIFICATE', Buffer.alloc(3)))),
    code('private-key-malformed'),
  )
  assert.throws(
    () => readPrivateKey(text(writePem('PRIVATE KEY', Buffer.alloc(3)))),
    code('private-key-malformed'),
  )
})

const pbes2 = (kdf: Buffer, cipher: Buffer): Buffer =>
  sequence(writeAlgorithm(Oid.idPbes2, sequence(kdf, cipher)), octets(Buffer.alloc(32)))
const kdf = (rounds: number, ...more: readonly Buffer[]): Buffer =>
  writeAlgorithm(Oid.idPbkdf2, sequence(octets(Buffer.alloc(8)), integer(rounds), ...more))
const aes = (iv: number): Buffer => writeAlgorithm(Oid.aes256Cbc, octets(Buffer.alloc(iv)))

test('too many rounds are refused before they are run', () => {
  for (const rounds of [10_000_001, 2 ** 31 - 1])
    assert.throws(() => readPrivateKey(pbes2(kdf(rounds), aes(16)), 'x'), code('key-derivation-too-costly'))
  assert.throws(() => readPrivateKey(pbes2(kdf(0), aes(16)), 'x'), code('asn1-malformed'))
})

test('unknown schemes and wrong lengths are refused', () => {
  const cases = [
    pbes2(kdf(1), aes(15)),
    pbes2(kdf(1, integer(16)), aes(16)),
    pbes2(kdf(1), writeAlgorithm(Oid.aes256Gcm, octets(Buffer.alloc(16)))),
    pbes2(kdf(1, writeAlgorithm('1.2.3', nil())), aes(16)),
    pbes2(writeAlgorithm('1.2.3', nil()), aes(16)),
    sequence(writeAlgorithm('1.2.3', nil()), octets(Buffer.alloc(16))),
    sequence(writeAlgorithm(Oid.idPbes2), octets(Buffer.alloc(16))),
  ]
  for (const bytes of cases) assert.throws(() => readPrivateKey(bytes, 'x'), code('pkcs12-unsupported'))
})

test('mutated encrypted keys throw nothing but EngineError', () => {
  const { algorithm, encrypted } = encryptWithPassword(
    ed25519.export({ format: 'der', type: 'pkcs8' }),
    'x',
    1,
  )
  const original = sequence(algorithm, octets(encrypted))
  fc.assert(
    fc.property(fc.nat(original.length - 1), fc.nat(255), (at, value) => {
      const bytes = Buffer.from(original)
      bytes[at] = value
      try {
        assert.equal(readPrivateKey(bytes, 'x').type, 'private')
      } catch (error) {
        if (!(error instanceof EngineError)) throw error
      }
    }),
    { numRuns: 150 },
  )
})

/**
 * Private keys of ML-DSA (RFC 9881), ML-KEM (RFC 9935) and SLH-DSA (RFC 9909) in all their forms. The judge of the primitives is
 * another implementation: what it makes we use, and what we make it uses.
 */
import assert from 'node:assert/strict'
import { createPublicKey, decapsulate, encapsulate, generateKeyPairSync, sign, verify } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { test } from 'node:test'
import { ml_dsa44, ml_dsa65, ml_dsa87 } from '@noble/post-quantum/ml-dsa.js'
import { ml_kem1024, ml_kem512, ml_kem768 } from '@noble/post-quantum/ml-kem.js'
import { slh_dsa_sha2_128f, slh_dsa_shake_128f } from '@noble/post-quantum/slh-dsa.js'
import { makePerson } from '../../test/pki.ts'
import { writeAlgorithm } from '../der/algorithm.ts'
import { Oid } from '../der/oid.ts'
import { bits, implicit, integer, octets, sequence } from '../der/writer.ts'
import { readPkcs12 } from './pkcs12.ts'
import { readPrivateKey } from './private-key.ts'
import { writePkcs12 } from './write-pkcs12.ts'

const MESSAGE = Buffer.from('a message')

/** The three forms of RFC 9881 6 and RFC 9935 6: seed, expanded key, both. */
function forms(oid: string, seed: Buffer, expanded: Buffer): readonly (readonly [string, Buffer])[] {
  const info = (key: Buffer): Buffer => sequence(integer(0), writeAlgorithm(oid), octets(key))
  return [
    ['seed', info(implicit(0, octets(seed)))],
    ['expanded', info(octets(expanded))],
    ['both', info(sequence(octets(seed), octets(expanded)))],
  ]
}

function publicKeyOf(oid: string, raw: Uint8Array): KeyObject {
  const spki = sequence(writeAlgorithm(oid), bits(Buffer.from(raw)))
  return createPublicKey({ key: spki, format: 'der', type: 'spki' })
}

for (const [name, oid, other] of [
  ['ml-dsa-44', Oid.idMlDsa44, ml_dsa44],
  ['ml-dsa-65', Oid.idMlDsa65, ml_dsa65],
  ['ml-dsa-87', Oid.idMlDsa87, ml_dsa87],
] as const)
  test(`${name}: seed, expanded key and both are read, and agree with another implementation`, () => {
    const seed = Buffer.alloc(32, 5)
    const pair = other.keygen(seed)
    const publicKey = publicKeyOf(oid, pair.publicKey)
    for (const [form, der] of forms(oid, seed, Buffer.from(pair.secretKey))) {
      const key = readPrivateKey(der)
      assert.equal(key.asymmetricKeyType, name, form)
      const signature = sign(null, MESSAGE, key)
      assert.ok(other.verify(signature, MESSAGE, pair.publicKey))
      assert.ok(verify(null, MESSAGE, publicKey, signature))
    }
    assert.ok(verify(null, MESSAGE, publicKey, Buffer.from(other.sign(MESSAGE, pair.secretKey))))
  })

for (const [name, oid, other] of [
  ['ml-kem-512', Oid.idMlKem512, ml_kem512],
  ['ml-kem-768', Oid.idMlKem768, ml_kem768],
  ['ml-kem-1024', Oid.idMlKem1024, ml_kem1024],
] as const)
  test(`${name}: seed, expanded key and both are read, and agree with another implementation`, () => {
    const seed = Buffer.alloc(64, 6)
    const pair = other.keygen(seed)
    const theirs = other.encapsulate(pair.publicKey)
    const ours = encapsulate(publicKeyOf(oid, pair.publicKey))
    assert.deepEqual(Buffer.from(other.decapsulate(ours.ciphertext, pair.secretKey)), ours.sharedKey)
    for (const [form, der] of forms(oid, seed, Buffer.from(pair.secretKey))) {
      const key = readPrivateKey(der)
      assert.equal(key.asymmetricKeyType, name, form)
      assert.deepEqual(decapsulate(key, theirs.cipherText), Buffer.from(theirs.sharedSecret))
      assert.deepEqual(decapsulate(key, ours.ciphertext), ours.sharedKey)
    }
  })

for (const [name, oid, other] of [
  ['slh-dsa-sha2-128f', Oid.idSlhDsaSha2128f, slh_dsa_sha2_128f],
  ['slh-dsa-shake-128f', Oid.idSlhDsaShake128f, slh_dsa_shake_128f],
] as const)
  test(`${name}: the key is read, and agrees with another implementation`, () => {
    const pair = other.keygen(Buffer.alloc(48, 7))
    const key = readPrivateKey(sequence(integer(0), writeAlgorithm(oid), octets(Buffer.from(pair.secretKey))))
    assert.equal(key.asymmetricKeyType, name)
    assert.ok(other.verify(sign(null, MESSAGE, key), MESSAGE, pair.publicKey))
  })

test('post-quantum keys go into PKCS#12 files and come out again', () => {
  for (const kind of ['ml-dsa-65', 'ml-kem-768', 'x448'] as const)
    for (const mac of ['hmac-sha256', 'pbmac1'] as const) {
      const { key, certificate } = makePerson('quentin', kind)
      const file = writePkcs12({
        ...{ key, certificates: [certificate], password: 'secret', mac },
        ...{ iterations: 1000, macIterations: 1000 },
      })
      const [read] = readPkcs12(file, 'secret').keys
      assert.ok(read?.key.equals(key))
    }
  const { privateKey } = generateKeyPairSync('ml-dsa-44')
  assert.ok(readPrivateKey(privateKey.export({ format: 'der', type: 'pkcs8' })).equals(privateKey))
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NOW, intermediate, makePerson, root } from '../../test/pki.ts'
import type { KeyKind, Person } from '../../test/pki.ts'
import { readElement } from '../der/reader.ts'
import { EngineError } from '../errors.ts'
import { readCapabilities } from './capabilities.ts'
import { readContentInfo } from './content-info.ts'
import { signDetached, signOpaque } from './sign.ts'
import type { SignOptions } from './sign.ts'
import type { SignedData } from './signed-data.ts'
import { certificatesOf, verifySignedData } from './verify.ts'

const CONTENT = [Buffer.from('Content-Type: text/plain\r\n\r\n'), Buffer.from('Hello\r\n')]

function signedData(bytes: Buffer): SignedData {
  const info = readContentInfo(bytes)
  assert.ok(info.kind === 'signed-data')
  return info
}

function check(der: Buffer, content: readonly Buffer[] | null) {
  const data = signedData(der)
  const [only, ...others] = verifySignedData(data, content, certificatesOf(data))
  assert.ok(only !== undefined && others.length === 0)
  return only
}

const cases: readonly (readonly [KeyKind, Omit<SignOptions, 'at'>, string, string])[] = [
  ['rsa', {}, 'sha256', 'rsa-pkcs1v15'],
  ['rsa', { digest: 'sha512' }, 'sha512', 'rsa-pkcs1v15'],
  ['rsa', { pss: true }, 'sha256', 'rsa-pss'],
  ['rsa', { pss: true, digest: 'sha384' }, 'sha384', 'rsa-pss'],
  ['rsa', { pss: true, digest: 'sha512' }, 'sha512', 'rsa-pss'],
  ['p256', {}, 'sha256', 'ecdsa'],
  ['p384', {}, 'sha384', 'ecdsa'],
  ['p521', {}, 'sha512', 'ecdsa'],
  ['p256', { digest: 'sha384' }, 'sha384', 'ecdsa'],
  // RFC 8419 3.1
  ['ed25519', { digest: 'sha256' }, 'sha512', 'ed25519'],
  ['ed448', { digest: 'sha256' }, 'shake256', 'ed448'],
  // RFC 9882 3
  ['ml-dsa-44', {}, 'sha512', 'ml-dsa-44'],
  ['ml-dsa-65', {}, 'sha512', 'ml-dsa-65'],
  ['ml-dsa-87', { digest: 'sha256' }, 'sha512', 'ml-dsa-87'],
  ['rsa-pss', {}, 'sha256', 'rsa-pss'],
  ['bp256', {}, 'sha256', 'ecdsa'],
  ['bp384', {}, 'sha384', 'ecdsa'],
  ['bp512', {}, 'sha512', 'ecdsa'],
  ['p256', { signerId: 'ski' }, 'sha256', 'ecdsa'],
  ['ed448', { signerId: 'ski' }, 'shake256', 'ed448'],
]

for (const [kind, options, digest, signature] of cases) {
  test(`signs and verifies with ${kind}: ${digest} ${signature} ${options.signerId ?? ''}`, () => {
    const person = makePerson('alice', kind)
    const detached = signDetached(CONTENT, person, { ...options, at: NOW })
    const found = check(detached, CONTENT)
    assert.deepEqual(found.reasons, [])
    assert.equal(found.intact, true)
    assert.deepEqual([found.digest, found.signature], [digest, signature])
    assert.equal(found.signingTime, NOW)
    assert.deepEqual(
      found.certificates.map((each) => each.fingerprint),
      [person.certificate.fingerprint],
    )
    const opaque = Buffer.concat(signOpaque(CONTENT, person, { ...options, at: NOW }))
    assert.equal(check(opaque, null).intact, true)
    assert.deepEqual(Buffer.concat(signedData(opaque).content ?? []), Buffer.concat(CONTENT))
    // Strict DER throughout
    readElement(detached)
    readElement(opaque)
  })
}

test('a changed content, a changed signature and a foreign certificate are told apart', () => {
  const alice = makePerson('alice', 'p256')
  const der = signDetached(CONTENT, alice, { at: NOW })
  assert.deepEqual(check(der, [Buffer.from('other')]).reasons, ['digest-mismatch'])
  assert.deepEqual(check(der, null).reasons, ['content-missing'])
  const damaged = Buffer.from(der)
  damaged[damaged.length - 1] = (damaged.at(-1) ?? 0) ^ 1
  assert.deepEqual(check(damaged, CONTENT).reasons, ['signature-invalid'])
  const [missing] = verifySignedData(signedData(der), CONTENT, [])
  assert.deepEqual(missing?.reasons, ['signer-certificate-missing'])
})

test('sends the chain and no root', () => {
  const alice = makePerson('alice', 'p256')
  const der = signDetached(CONTENT, { ...alice, chain: [intermediate, root, intermediate] }, { at: NOW })
  const sent = certificatesOf(signedData(der)).map((certificate) => certificate.subject.text)
  assert.deepEqual(sent.sort(), [alice.certificate.subject.text, intermediate.subject.text].sort())
})

test('says honestly what can be decrypted', () => {
  const alice = makePerson('alice', 'rsa')
  const { capabilities } = check(signDetached(CONTENT, alice, { at: NOW }), CONTENT)
  assert.ok(capabilities !== null)
  assert.deepEqual(readCapabilities(capabilities), {
    ciphers: [
      ...['aes256-gcm', 'aes192-gcm', 'aes128-gcm', 'chacha20-poly1305'],
      ...['aes256-cbc', 'aes192-cbc', 'aes128-cbc'],
    ],
    oaep: true,
  })
  const silent = check(signDetached(CONTENT, alice, { at: NOW, capabilities: false }), CONTENT)
  assert.equal(silent.capabilities, null)
})

test('refuses to sign with a key that is not the certificate’s', () => {
  const alice = makePerson('alice', 'p256')
  const mallory: Person = { ...makePerson('mallory', 'p256'), certificate: alice.certificate }
  assert.throws(
    () => signDetached(CONTENT, mallory, { at: NOW }),
    (error) => error instanceof EngineError && error.code === 'key-mismatch',
  )
})

test('one signer’s options do not leak into the next signature', () => {
  const alice = makePerson('alice', 'rsa')
  assert.equal(check(signDetached(CONTENT, alice, { at: NOW, pss: true }), CONTENT).signature, 'rsa-pss')
  assert.equal(check(signDetached(CONTENT, alice, { at: NOW }), CONTENT).signature, 'rsa-pkcs1v15')
  assert.equal(check(signDetached(CONTENT, alice, { at: NOW, digest: 'sha512' }), CONTENT).digest, 'sha512')
  assert.equal(check(signDetached(CONTENT, alice, { at: NOW + 5000 }), CONTENT).signingTime, NOW + 5000)
})

test('empty content is signed like any other', () => {
  const alice = makePerson('alice', 'p256')
  assert.equal(check(Buffer.concat(signOpaque([], alice, { at: NOW })), null).intact, true)
  assert.equal(check(signDetached([], alice, { at: NOW }), []).intact, true)
})

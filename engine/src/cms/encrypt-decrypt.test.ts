import assert from 'node:assert/strict'
import { constants, privateDecrypt, publicEncrypt } from 'node:crypto'
import { test } from 'node:test'
import { makePerson } from '../../test/pki.ts'
import type { KeyKind } from '../../test/pki.ts'
import { readElement } from '../der/reader.ts'
import { EngineError } from '../errors.ts'
import { readContentInfo } from './content-info.ts'
import { WRITTEN_CIPHERS } from './content-parameters.ts'
import type { WrittenCipher } from './content-parameters.ts'
import { decryptContent } from './decrypt.ts'
import { encrypt } from './encrypt.ts'
import type { EnvelopedData } from './enveloped-data.ts'
import { decodeOaep } from './oaep.ts'

const CONTENT = [Buffer.from('Content-Type: text/plain\r\n\r\n'), Buffer.from('Secret\r\n'.repeat(20000))]
const PLAIN = Buffer.concat(CONTENT)

function enveloped(bytes: Buffer): EnvelopedData {
  const info = readContentInfo(bytes)
  assert.ok(info.kind === 'enveloped-data' || info.kind === 'auth-enveloped-data')
  return info
}

/** Of the key wrap that goes with the cipher. */
const bits = (cipher: WrittenCipher): number => (cipher.startsWith('aes128') ? 128 : 256)

const KINDS: readonly (readonly [KeyKind, 'pkcs1v15' | 'oaep-sha256', (cipher: WrittenCipher) => string])[] =
  [
    ['rsa', 'pkcs1v15', () => 'pkcs1v15'],
    ['rsa', 'oaep-sha256', () => 'oaep-sha256'],
    ['p256', 'pkcs1v15', (cipher) => `ecdh-sha256kdf-aes${bits(cipher)}-wrap`],
    ['p384', 'pkcs1v15', () => 'ecdh-sha384kdf-aes256-wrap'],
    ['p521', 'pkcs1v15', () => 'ecdh-sha512kdf-aes256-wrap'],
    ['bp256', 'pkcs1v15', (cipher) => `ecdh-sha256kdf-aes${bits(cipher)}-wrap`],
    ['bp384', 'pkcs1v15', () => 'ecdh-sha384kdf-aes256-wrap'],
    ['bp512', 'pkcs1v15', () => 'ecdh-sha512kdf-aes256-wrap'],
    ['x25519', 'pkcs1v15', (cipher) => `ecdh-sha256-hkdf-aes${bits(cipher)}-wrap`],
    ['x448', 'pkcs1v15', () => 'ecdh-sha512-hkdf-aes256-wrap'],
    ['ml-kem-512', 'pkcs1v15', (cipher) => `ml-kem-512-hkdf-sha256-aes${bits(cipher)}-wrap`],
    ['ml-kem-768', 'pkcs1v15', () => 'ml-kem-768-hkdf-sha256-aes256-wrap'],
    ['ml-kem-1024', 'pkcs1v15', () => 'ml-kem-1024-hkdf-sha256-aes256-wrap'],
  ]

for (const [kind, keyTransport, name] of KINDS) {
  test(`encrypts to and decrypts with ${kind} ${kind === 'rsa' ? keyTransport : ''}`, () => {
    const bob = makePerson('bob', kind)
    for (const cipher of WRITTEN_CIPHERS) {
      for (const more of [{}, { hkdf: true }, { recipientId: 'ski' }] as const) {
        const pieces = encrypt(CONTENT, { recipients: [bob.certificate], cipher, keyTransport, ...more })
        const der = Buffer.concat(pieces)
        readElement(der)
        const result = decryptContent(enveloped(der), [bob])
        assert.equal(result.status, 'decrypted')
        assert.ok(result.content?.equals(PLAIN))
        assert.equal(result.contentEncryption, cipher)
        assert.equal(result.keyEncryption, name(cipher))
        assert.equal(result.authenticated, !cipher.endsWith('cbc'))
      }
    }
  })
}

test('each of several recipients of different kinds can decrypt, and nobody else', () => {
  const people = (['rsa', 'p256', 'p384', 'x25519', 'ml-kem-768'] as const).map((kind) =>
    makePerson(kind, kind),
  )
  const recipients = people.map((person) => person.certificate)
  const der = Buffer.concat(
    encrypt(CONTENT, { recipients, cipher: 'aes256-gcm', keyTransport: 'oaep-sha256' }),
  )
  for (const person of people) assert.ok(decryptContent(enveloped(der), [person]).content?.equals(PLAIN))
  const eve = makePerson('eve', 'p256')
  const result = decryptContent(enveloped(der), [eve])
  assert.deepEqual([result.status, result.reason, result.key], ['failed', 'no-matching-recipient', null])
})

test('a bare key is tried on every entry of its kind', () => {
  const bob = makePerson('bob', 'rsa')
  const carol = makePerson('carol', 'rsa', {}, 'carol')
  const dave = makePerson('dave', 'p384')
  const erin = makePerson('erin', 'p384')
  const recipients = [bob, carol, dave, erin].map((person) => person.certificate)
  for (const cipher of ['aes256-gcm', 'aes128-cbc'] as const) {
    const der = Buffer.concat(encrypt(CONTENT, { recipients, cipher, keyTransport: 'pkcs1v15' }))
    for (const { key } of [bob, carol, dave, erin])
      assert.ok(decryptContent(enveloped(der), [{ key, certificate: null }]).content?.equals(PLAIN))
    const stranger = makePerson('stranger', 'rsa', {}, 'stranger')
    for (let round = 0; round < 5; round++)
      assert.equal(
        decryptContent(enveloped(der), [{ key: stranger.key, certificate: null }]).reason,
        'decrypt-failed',
      )
  }
})

test('refuses certificates that may not encrypt, and no recipients', () => {
  const refused = (code: string) => (error: unknown) => error instanceof EngineError && error.code === code
  const signer = makePerson('signer', 'rsa', { keyUsage: ['digitalSignature'] })
  const good = makePerson('good', 'rsa')
  const recipients = [good.certificate, signer.certificate]
  const options = { cipher: 'aes256-cbc', keyTransport: 'pkcs1v15' } as const
  assert.throws(() => encrypt(CONTENT, { ...options, recipients }), refused('certificate-not-for-encryption'))
  assert.throws(() => encrypt(CONTENT, { ...options, recipients: [] }), refused('no-recipients'))
  const ed = makePerson('ed', 'ed25519', { keyUsage: ['keyAgreement'] })
  assert.throws(
    () => encrypt(CONTENT, { ...options, recipients: [ed.certificate] }),
    refused('unsupported-key-encryption'),
  )
})

test('OAEP decoding after a raw operation agrees with the provider', () => {
  const { certificate, key } = makePerson('bob', 'rsa')
  const size = (certificate.publicKey.asymmetricKeyDetails?.modulusLength ?? 0) / 8
  for (const hash of ['sha1', 'sha256', 'sha384', 'sha512']) {
    const encrypted = publicEncrypt(
      { key: certificate.publicKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: hash },
      Buffer.from('0123456789abcdef'),
    )
    const block = privateDecrypt({ key, padding: constants.RSA_NO_PADDING }, encrypted)
    assert.equal(block.length, size)
    const empty = Buffer.alloc(0)
    assert.equal(decodeOaep(block, hash, hash, empty)?.toString(), '0123456789abcdef')
    assert.equal(decodeOaep(block, hash, 'sha224', empty), null)
    assert.equal(decodeOaep(block, hash, hash, Buffer.from('label')), null)
    for (const at of [0, 1, 40, size - 1]) {
      const damaged = Buffer.from(block)
      damaged[at] = (damaged[at] ?? 0) ^ 1
      assert.equal(decodeOaep(damaged, hash, hash, empty), null)
    }
  }
  assert.equal(decodeOaep(Buffer.alloc(20), 'sha256', 'sha256', Buffer.alloc(0)), null)
})

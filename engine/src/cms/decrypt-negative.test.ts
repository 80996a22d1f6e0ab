/**
 * Decryption that must fail, and must fail in one way: the published attacks on CMS and their like. Cases carry the number
 * of the advisory where there is one.
 */
import assert from 'node:assert/strict'
import {
  constants,
  createDecipheriv,
  createHash,
  privateDecrypt,
  publicEncrypt,
  randomBytes,
} from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { makePerson } from '../../test/pki.ts'
import { writeAlgorithm } from '../der/algorithm.ts'
import { Oid } from '../der/oid.ts'
import { explicit, integer, nil, octets, oid, sequence, set, tlv } from '../der/writer.ts'
import { EngineError } from '../errors.ts'
import type { Certificate } from '../x509/certificate.ts'
import { readContentInfo } from './content-info.ts'
import { encryptPieces } from './content-encryption.ts'
import type { WrittenCipher } from './content-parameters.ts'
import { decryptContent } from './decrypt.ts'
import type { Decrypted } from './decrypt.ts'
import { encrypt } from './encrypt.ts'
import type { DecryptionKey } from './recipient-info.ts'

const bob = makePerson('bob', 'rsa')
const carol = makePerson('carol', 'rsa', {}, 'carol')
const PLAIN = Buffer.from('Content-Type: text/plain\r\n\r\nSecret\r\n')
const PKCS1V15 = writeAlgorithm(Oid.rsaEncryption, nil())

function decrypt(bytes: Buffer, keys: readonly DecryptionKey[] = [bob], allowLegacy = false): Decrypted {
  const info = readContentInfo(bytes)
  assert.ok(info.kind === 'enveloped-data' || info.kind === 'auth-enveloped-data')
  return decryptContent(info, keys, { allowLegacy })
}

function ktri(certificate: Certificate, encryptedKey: Buffer, algorithm = PKCS1V15): Buffer {
  return sequence(integer(0), certificate.issuerAndSerial, algorithm, octets(encryptedKey))
}

function wrap(certificate: Certificate, key: Buffer): Buffer {
  return publicEncrypt({ key: certificate.publicKey, padding: constants.RSA_PKCS1_PADDING }, key)
}

interface Recipe {
  readonly cipher?: WrittenCipher
  readonly recipients: (contentKey: Buffer) => readonly Buffer[]
  readonly algorithm?: Buffer
  readonly mac?: (mac: Buffer) => Buffer
  readonly type?: string
}

function build(recipe: Recipe): Buffer {
  const { key, algorithm, pieces, mac } = encryptPieces(recipe.cipher ?? 'aes128-cbc', [PLAIN])
  const info = sequence(oid(Oid.idData), recipe.algorithm ?? algorithm, tlv(0x80, ...pieces))
  const tail = mac === null ? [] : [octets(recipe.mac?.(mac) ?? mac)]
  const type = recipe.type ?? (mac === null ? Oid.idEnvelopedData : Oid.idCtAuthEnvelopedData)
  const data = sequence(integer(0), set(...recipe.recipients(key)), info, ...tail)
  return sequence(oid(type), explicit(0, data))
}

/** What an observer may learn from a result. */
const observable = ({ status, reason, content }: Decrypted) => ({ status, reason, content })
const FAILED = { status: 'failed', reason: 'decrypt-failed', content: null }

/** Repeats what may pass the padding of CBC by chance: once in 256 times a wrong key does. */
function mostlyFails(bytes: () => Buffer, keys?: readonly DecryptionKey[]): void {
  const results = Array.from({ length: 12 }, () => decrypt(bytes(), keys))
  for (const result of results) assert.ok(result.content?.equals(PLAIN) !== true)
  const failed = results.filter((result) => result.status === 'failed')
  assert.ok(failed.length >= 9)
  for (const result of failed) assert.deepEqual(observable(result), FAILED)
}

test('the plain case decrypts', () => {
  const result = decrypt(build({ recipients: (key) => [ktri(bob.certificate, wrap(bob.certificate, key))] }))
  assert.ok(result.content?.equals(PLAIN))
})

test('CVE-2026-42768: with two entries for one certificate only the first is opened', () => {
  const bytes = (first: 'good' | 'bad') =>
    build({
      recipients: (key) => {
        const good = ktri(bob.certificate, wrap(bob.certificate, key))
        const bad = ktri(bob.certificate, wrap(bob.certificate, randomBytes(16)))
        return first === 'good' ? [good, bad] : [bad, good]
      },
    })
  assert.ok(decrypt(bytes('good')).content?.equals(PLAIN))
  mostlyFails(() => bytes('bad'))
})

test('CVE-2026-42768: a missing entry is said before any key is used', () => {
  const bytes = build({ recipients: (key) => [ktri(carol.certificate, wrap(carol.certificate, key))] })
  const result = decrypt(bytes)
  assert.deepEqual([result.reason, result.key], ['no-matching-recipient', null])
})

test('RFC 3218: bad padding, wrong length, random and out-of-range keys look alike', () => {
  const block = (bytes: Buffer) =>
    publicEncrypt({ key: bob.certificate.publicKey, padding: constants.RSA_NO_PADDING }, bytes)
  const size = 256
  const wrongs: readonly (() => Buffer)[] = [
    () => wrap(bob.certificate, randomBytes(16)),
    () => wrap(bob.certificate, randomBytes(15)),
    () => wrap(bob.certificate, Buffer.alloc(0)),
    () => block(Buffer.concat([Buffer.from([0, 1]), Buffer.alloc(size - 2, 0xff)])),
    () => block(Buffer.concat([Buffer.from([0, 2]), Buffer.alloc(size - 2, 0xff)])),
    () => randomBytes(10),
    () => Buffer.alloc(size, 0xff),
    () => Buffer.alloc(size + 1, 1),
  ]
  for (const wrong of wrongs) mostlyFails(() => build({ recipients: () => [ktri(bob.certificate, wrong())] }))
})

test('CVE-2026-69247: the wrong key, the wrong tag and changed content of AES-GCM look alike', () => {
  const good = (key: Buffer) => [ktri(bob.certificate, wrap(bob.certificate, key))]
  const cipher = 'aes256-gcm'
  const wrongKey = build({
    cipher,
    recipients: () => [ktri(bob.certificate, wrap(bob.certificate, randomBytes(32)))],
  })
  const wrongTag = build({
    cipher,
    recipients: good,
    mac: (mac) => Buffer.from(mac.map((octet) => octet ^ 1)),
  })
  const noise = build({ cipher, recipients: () => [ktri(bob.certificate, randomBytes(256))] })
  for (const bytes of [wrongKey, wrongTag, noise]) assert.deepEqual(observable(decrypt(bytes)), FAILED)
})

test('a shortened tag is refused before any key is used', () => {
  const bytes = build({
    cipher: 'aes256-gcm',
    recipients: (key) => [ktri(bob.certificate, wrap(bob.certificate, key))],
    mac: (mac) => mac.subarray(0, 4),
  })
  const result = decrypt(bytes)
  assert.deepEqual([result.reason, result.key], ['cms-malformed', null])
})

test('AES-GCM is not accepted without its tag, as EnvelopedData', () => {
  const bytes = build({
    cipher: 'aes256-gcm',
    recipients: (key) => [ktri(bob.certificate, wrap(bob.certificate, key))],
    type: Oid.idEnvelopedData,
  })
  assert.throws(
    () => decrypt(bytes),
    (error) => error instanceof EngineError,
  )
})

test('a downgrade from AES-GCM to AES-CBC gives no plaintext', () => {
  const bytes = Buffer.concat(
    encrypt([PLAIN], { recipients: [bob.certificate], cipher: 'aes256-gcm', keyTransport: 'oaep-sha256' }),
  )
  const info = readContentInfo(bytes)
  assert.ok(info.kind === 'auth-enveloped-data')
  const cbc = build({
    recipients: () => [ktri(bob.certificate, randomBytes(256))],
    algorithm: writeAlgorithm(Oid.aes256Cbc, octets(randomBytes(16))),
  })
  const spoiled = readContentInfo(cbc)
  assert.ok(spoiled.kind === 'enveloped-data')
  const mixed = { ...spoiled, recipients: info.recipients, encryptedContent: info.encryptedContent }
  assert.ok(decryptContent(mixed, [bob]).content?.equals(PLAIN) !== true)
})

test('OpenSSL #32567: malformed OAEP parameters never fall back to v1.5', () => {
  const cases: readonly Buffer[] = [
    writeAlgorithm(Oid.idRsaesOaep),
    writeAlgorithm(Oid.idRsaesOaep, nil()),
    writeAlgorithm(Oid.idRsaesOaep, sequence(integer(1))),
    writeAlgorithm(Oid.idRsaesOaep, sequence(explicit(0, writeAlgorithm(Oid.md5)))),
    writeAlgorithm(Oid.idRsaesOaep, sequence(explicit(1, writeAlgorithm('1.2.3')))),
    writeAlgorithm(Oid.rsaEncryption, integer(1)),
    writeAlgorithm('1.2.840.113549.1.1.99', nil()),
  ]
  for (const algorithm of cases) {
    const result = decrypt(
      build({ recipients: (key) => [ktri(bob.certificate, wrap(bob.certificate, key), algorithm)] }),
    )
    assert.equal(result.status, 'failed')
    assert.notEqual(result.reason, 'decrypt-failed')
    assert.equal(result.key, null)
  }
})

test('OAEP with a label and with every hash is read', () => {
  const names = { sha1: Oid.sha1, sha256: Oid.sha256, sha384: Oid.sha384, sha512: Oid.sha512 } as const
  const label = Buffer.from('label')
  for (const [hash, hashOid] of Object.entries(names)) {
    const algorithm = writeAlgorithm(
      Oid.idRsaesOaep,
      sequence(
        explicit(0, writeAlgorithm(hashOid, nil())),
        explicit(1, writeAlgorithm(Oid.idMgf1, writeAlgorithm(hashOid, nil()))),
        explicit(2, writeAlgorithm(Oid.idPSpecified, octets(label))),
      ),
    )
    const padding = constants.RSA_PKCS1_OAEP_PADDING
    const bytes = build({
      recipients: (key) => {
        const options = { key: bob.certificate.publicKey, padding, oaepHash: hash, oaepLabel: label }
        return [ktri(bob.certificate, publicEncrypt(options, key), algorithm)]
      },
    })
    assert.ok(decrypt(bytes).content?.equals(PLAIN))
    assert.equal(decrypt(bytes).keyEncryption, `oaep-${hash}`)
  }
})

/** RFC 8017 7.1.1 with a hash for the mask generation that differs from the one for the label; 256 octets. */
function encodeOaep(message: Buffer, hash: string, mgfHash: string): Buffer {
  const digest = (...parts: readonly Buffer[]) =>
    parts.reduce((state, part) => state.update(part), createHash(hash)).digest()
  const mask = (bytes: Buffer, seed: Buffer): Buffer => {
    const blocks = Array.from({ length: 13 }, (_, at) =>
      createHash(mgfHash)
        .update(seed)
        .update(Buffer.from([0, 0, 0, at]))
        .digest(),
    )
    const stream = Buffer.concat(blocks)
    return Buffer.from(bytes.map((octet, at) => octet ^ (stream[at] ?? 0)))
  }
  const labelHash = digest()
  const zeros = Buffer.alloc(256 - 2 - 2 * labelHash.length - message.length)
  const db = Buffer.concat([labelHash, zeros, Buffer.from([1]), message])
  const seed = randomBytes(labelHash.length)
  const maskedDb = mask(db, seed)
  return Buffer.concat([Buffer.from([0]), mask(seed, maskedDb), maskedDb])
}

test('OAEP with two different hashes is read', () => {
  const hashes = { sha1: Oid.sha1, sha256: Oid.sha256, sha512: Oid.sha512 } as const
  for (const [hash, hashOid] of Object.entries(hashes))
    for (const [mgfHash, mgfOid] of Object.entries(hashes)) {
      if (hash === mgfHash) continue
      const algorithm = writeAlgorithm(
        Oid.idRsaesOaep,
        sequence(
          explicit(0, writeAlgorithm(hashOid)),
          explicit(1, writeAlgorithm(Oid.idMgf1, writeAlgorithm(mgfOid, nil()))),
        ),
      )
      const key = bob.certificate.publicKey
      const bytes = build({
        recipients: (contentKey) => {
          const block = encodeOaep(contentKey, hash, mgfHash)
          const encrypted = publicEncrypt({ key, padding: constants.RSA_NO_PADDING }, block)
          return [ktri(bob.certificate, encrypted, algorithm)]
        },
      })
      const result = decrypt(bytes)
      assert.ok(result.content?.equals(PLAIN))
      assert.equal(result.keyEncryption, `oaep-${hash}-mgf1-${mgfHash}`)
    }
})

test('outdated ciphers are refused, 3DES only unless allowed', () => {
  const recipients = (key: Buffer) => [ktri(bob.certificate, wrap(bob.certificate, key))]
  const tripleDes = build({ recipients, algorithm: writeAlgorithm(Oid.desEde3Cbc, octets(Buffer.alloc(8))) })
  assert.equal(decrypt(tripleDes).reason, 'legacy-cipher-refused')
  assert.notEqual(decrypt(tripleDes, [bob], true).reason, 'legacy-cipher-refused')
  const rc2 = build({ recipients, algorithm: writeAlgorithm(Oid.rc2Cbc, octets(Buffer.alloc(8))) })
  assert.equal(decrypt(rc2, [bob], true).reason, 'unsupported-content-encryption')
})

test('damaged parameters of the content cipher are refused before any key is used', () => {
  const recipients = (key: Buffer) => [ktri(bob.certificate, wrap(bob.certificate, key))]
  for (const parameters of [null, nil(), octets(Buffer.alloc(15)), octets(Buffer.alloc(17))]) {
    const result = decrypt(build({ recipients, algorithm: writeAlgorithm(Oid.aes128Cbc, parameters) }))
    assert.deepEqual([result.status, result.key], ['failed', null])
  }
})

test('no truncated or extended ciphertext of CBC passes unnoticed more often than its padding allows', () => {
  const { key, algorithm, pieces } = encryptPieces('aes256-cbc', [PLAIN])
  const whole = Buffer.concat(pieces)
  const iv = algorithm.subarray(-16)
  assert.ok(createDecipheriv('aes-256-cbc', key, iv).update(whole).length > 0)
  const bytes = sequence(
    oid(Oid.idEnvelopedData),
    explicit(
      0,
      sequence(
        integer(0),
        set(ktri(bob.certificate, wrap(bob.certificate, key))),
        sequence(oid(Oid.idData), algorithm, tlv(0x80, whole.subarray(0, whole.length - 1))),
      ),
    ),
  )
  assert.deepEqual(observable(decrypt(bytes)), FAILED)
})

test('an invalid point as ephemeral key gives nothing away', () => {
  const dave = makePerson('dave', 'p256')
  const good = Buffer.concat(
    encrypt([PLAIN], { recipients: [dave.certificate], cipher: 'aes256-gcm', keyTransport: 'pkcs1v15' }),
  )
  // The point stands behind its curve: BIT STRING of 66 octets, none unused, uncompressed.
  const at = good.indexOf(Buffer.from('03420004', 'hex'))
  assert.ok(at > 0)
  for (const offset of [4, 20, 40, 67]) {
    const bytes = Buffer.from(good)
    bytes[at + offset] = (bytes[at + offset] ?? 0) ^ 1
    assert.deepEqual(observable(decrypt(bytes, [dave])), FAILED)
  }
})

test('a bit changed anywhere in AuthEnvelopedData never gives other plaintext, nor another exception', () => {
  const dave = makePerson('dave', 'p256')
  const good = Buffer.concat(
    encrypt([PLAIN], { recipients: [dave.certificate], cipher: 'aes128-gcm', keyTransport: 'pkcs1v15' }),
  )
  fc.assert(
    fc.property(fc.nat(good.length - 1), fc.nat(7), (at, bit) => {
      const bytes = Buffer.from(good)
      bytes[at] = (bytes[at] ?? 0) ^ (1 << bit)
      try {
        const info = readContentInfo(bytes)
        if (info.kind !== 'enveloped-data' && info.kind !== 'auth-enveloped-data') return
        const { content } = decryptContent(info, [dave])
        assert.ok(content === null || content.equals(PLAIN))
      } catch (error) {
        assert.ok(error instanceof EngineError)
      }
    }),
    { numRuns: 200 },
  )
})

test('the provider answers bad v1.5 padding with noise and not with an error', () => {
  // What unwrapTransported relies on (RFC 3218 2.3.2): if a runtime ever throws here, timing would tell.
  const noise = publicEncrypt(
    { key: bob.certificate.publicKey, padding: constants.RSA_NO_PADDING },
    Buffer.concat([Buffer.from([0, 1]), Buffer.alloc(254, 3)]),
  )
  const { key } = bob
  assert.doesNotThrow(() => privateDecrypt({ key, padding: constants.RSA_PKCS1_PADDING }, noise))
})

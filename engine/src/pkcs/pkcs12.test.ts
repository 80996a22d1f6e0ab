/** Tests of pkcs12.ts, write-pkcs12.ts, pkcs12-mac.ts, pkcs12-kdf.ts and rc2.ts. OpenSSL is the judge in pkcs12.peers.test.ts. */
import assert from 'node:assert/strict'
import { createHmac, generateKeyPairSync, pbkdf2Sync } from 'node:crypto'
import { test } from 'node:test'
import { createSecureContext } from 'node:tls'
import fc from 'fast-check'
import { makeCa, makeLeaf } from '../../test/chain.ts'
import { writeAlgorithm } from '../der/algorithm.ts'
import { Oid } from '../der/oid.ts'
import { writePem } from '../der/pem.ts'
import { explicit, integer, nil, octets, oid, sequence, set, tlv } from '../der/writer.ts'
import { EngineError } from '../errors.ts'
import { writeMac } from './pkcs12-mac.ts'
import { pkcs12Key } from './pkcs12-kdf.ts'
import { readPkcs12 } from './pkcs12.ts'
import { decryptRc2Cbc } from './rc2.ts'
import { writePkcs12 } from './write-pkcs12.ts'

const ca = makeCa('CA')
const jane = makeLeaf('jane', ca)
const code = (expected: string) => (error: unknown) => error instanceof EngineError && error.code === expected
const quick = { iterations: 2, macIterations: 2 }
const file = (password: string): Buffer =>
  writePkcs12({
    key: jane.key,
    certificates: [jane.certificate, ca.certificate],
    password,
    friendlyName: 'Jane Döe',
    ...quick,
  })

test('what is written is read back', () => {
  for (const password of ['secret', '', 'Grüße 🦉']) {
    const { keys, certificates, certificateBags, refused } = readPkcs12(file(password), password)
    assert.deepEqual([keys.length, certificates.length, refused.length], [1, 2, 0])
    const [key] = keys
    assert.ok(key?.key.equals(jane.key) === true)
    assert.ok(
      certificates[0]?.equals(jane.certificate) === true && certificates[1]?.equals(ca.certificate) === true,
    )
    assert.equal(key.friendlyName, 'Jane Döe')
    assert.ok(key.localKeyId !== null && certificateBags[0]?.localKeyId?.equals(key.localKeyId) === true)
    assert.equal(certificateBags[1]?.localKeyId, null)
  }
})

test('a wrong password is told from a broken file', () => {
  assert.throws(() => readPkcs12(file('a'), 'b'), code('pkcs12-password'))
  assert.throws(() => readPkcs12(file('a'), ''), code('pkcs12-password'))
  for (const bytes of [Buffer.alloc(0), Buffer.from('rubbish'), sequence(), file('a').subarray(0, 100)])
    assert.throws(() => readPkcs12(bytes, 'a'), code('pkcs12-malformed'))
})

test('the default rounds are not few', () => {
  const bytes = writePkcs12({ key: jane.key, certificates: [], password: 'x' })
  assert.ok(bytes.includes(integer(600_000)) && bytes.includes(integer(100_000)))
})

test('PEM around the file is taken off', () => {
  assert.equal(readPkcs12(Buffer.from(writePem('PKCS12', file('a'))), 'a').keys.length, 1)
  assert.throws(
    () => readPkcs12(Buffer.from(writePem('CERTIFICATE', file('a'))), 'a'),
    code('pkcs12-malformed'),
  )
})

test('writing refuses a foreign key', () => {
  const other = generateKeyPairSync('ed25519')
  const given = { certificates: [jane.certificate], password: 'x', ...quick }
  assert.throws(() => writePkcs12({ ...given, key: other.privateKey }), code('request-invalid'))
  assert.throws(() => writePkcs12({ ...given, key: other.publicKey }), code('request-invalid'))
})

const data = (content: Buffer): Buffer => sequence(oid(Oid.idData), explicit(0, octets(content)))
const bag = (type: string, value: Buffer, ...attributes: readonly Buffer[]): Buffer =>
  sequence(oid(type), explicit(0, value), ...(attributes.length === 0 ? [] : [set(...attributes)]))
const certBag = (der: Buffer): Buffer =>
  bag(Oid.certBag, sequence(oid(Oid.x509Certificate), explicit(0, octets(der))))
const keyBag = bag(Oid.keyBag, jane.key.export({ format: 'der', type: 'pkcs8' }))

/** A file with these bags, with or without a MAC. */
function pfx(bags: readonly Buffer[], mac: 'mac' | 'none' = 'mac'): Buffer {
  const safe = sequence(data(sequence(...bags)))
  return sequence(integer(3), data(safe), ...(mac === 'mac' ? [writeMac(safe, 'x', 2)] : []))
}

test('plain keys, nested bags and bags of other kinds', () => {
  const nested = bag(
    Oid.safeContentsBag,
    sequence(certBag(jane.certificate.raw), bag(Oid.safeContentsBag, sequence(keyBag))),
  )
  const others = [bag(Oid.crlBag, sequence()), bag(Oid.secretBag, sequence())]
  const { keys, certificates } = readPkcs12(pfx([nested, ...others, certBag(ca.certificate.raw)]), 'x')
  assert.deepEqual([keys.length, certificates.length], [1, 2])
})

test('a damaged certificate does not spoil the file', () => {
  const { keys, certificates, refused } = readPkcs12(
    pfx([certBag(sequence()), keyBag, certBag(ca.certificate.raw)]),
    'x',
  )
  assert.deepEqual([keys.length, certificates.length], [1, 1])
  assert.deepEqual(
    refused.map((error) => error.code),
    ['asn1-malformed'],
  )
})

test('without a MAC nothing is checked, but read', () => {
  assert.equal(readPkcs12(pfx([keyBag], 'none'), 'anything').keys.length, 1)
})

test('a changed file does not pass the MAC', () => {
  const bytes = pfx([keyBag, certBag(ca.certificate.raw)])
  const at = bytes.indexOf(ca.certificate.raw) + 200
  bytes[at] = (bytes[at] ?? 0) ^ 1
  assert.throws(() => readPkcs12(bytes, 'x'), code('pkcs12-password'))
})

test('nesting and the number of bags are bounded', () => {
  let nested = keyBag
  for (let i = 0; i < 10; i++) nested = bag(Oid.safeContentsBag, sequence(nested))
  assert.throws(() => readPkcs12(pfx([nested]), 'x'), code('pkcs12-malformed'))
  const many = Array.from({ length: 1001 }, () => bag(Oid.crlBag, sequence()))
  assert.throws(() => readPkcs12(pfx(many), 'x'), code('pkcs12-malformed'))
})

test('rounds are bounded, also in sum', () => {
  const safe = sequence(data(sequence(keyBag)))
  const mac = (rounds: number): Buffer =>
    sequence(
      sequence(writeAlgorithm(Oid.sha256, nil()), octets(Buffer.alloc(32))),
      octets(Buffer.alloc(8)),
      integer(rounds),
    )
  const bytes = sequence(integer(3), data(safe), mac(10_000_001))
  assert.throws(() => readPkcs12(bytes, 'x'), code('key-derivation-too-costly'))
  const kdf = (rounds: number): Buffer =>
    writeAlgorithm(Oid.idPbkdf2, sequence(octets(Buffer.alloc(8)), integer(rounds)))
  const shrouded = (rounds: number): Buffer =>
    bag(
      Oid.pkcs8ShroudedKeyBag,
      sequence(
        writeAlgorithm(
          Oid.idPbes2,
          sequence(kdf(rounds), writeAlgorithm(Oid.aes128Cbc, octets(Buffer.alloc(16)))),
        ),
        octets(Buffer.alloc(16)),
      ),
    )
  assert.throws(() => readPkcs12(pfx([shrouded(10_000_001)]), 'x'), code('key-derivation-too-costly'))
})

test('files bound to a public key, and unknown safes, are named as unsupported', () => {
  const signed = sequence(integer(3), sequence(oid(Oid.idSignedData), explicit(0, sequence())))
  assert.throws(() => readPkcs12(signed, 'x'), code('pkcs12-unsupported'))
  const safe = sequence(sequence(oid(Oid.idEnvelopedData), explicit(0, sequence())))
  assert.throws(() => readPkcs12(sequence(integer(3), data(safe)), 'x'), code('pkcs12-unsupported'))
})

test('PBMAC1 is verified, and only with an explicit key length (RFC 9579)', () => {
  const safe = sequence(data(sequence(keyBag)))
  const build = (keyLength: number | null, password: string): Buffer => {
    const salt = Buffer.alloc(8, 1)
    const prf = writeAlgorithm(Oid.idHmacWithSha256, nil())
    const kdf = writeAlgorithm(
      Oid.idPbkdf2,
      sequence(octets(salt), integer(3), ...(keyLength === null ? [] : [integer(keyLength)]), prf),
    )
    const key = pbkdf2Sync(password, salt, 3, keyLength ?? 32, 'sha256')
    const mac = createHmac('sha512', key).update(safe).digest()
    const scheme = writeAlgorithm(Oid.idHmacWithSha512, nil())
    const algorithm = writeAlgorithm(Oid.idPbmac1, sequence(kdf, scheme))
    return sequence(
      integer(3),
      data(safe),
      sequence(sequence(algorithm, octets(mac)), octets(Buffer.alloc(1)), integer(1)),
    )
  }
  assert.equal(readPkcs12(build(32, 'x'), 'x').keys.length, 1)
  assert.throws(() => readPkcs12(build(32, 'y'), 'x'), code('pkcs12-password'))
  assert.throws(() => readPkcs12(build(null, 'x'), 'x'), code('pkcs12-unsupported'))
  assert.throws(() => readPkcs12(build(16, 'x'), 'x'), code('pkcs12-unsupported'))
})

test('PBMAC1 is written as the libcrypto of this runtime reads it, and HMAC-SHA-256 too', () => {
  for (const mac of ['pbmac1', 'hmac-sha256'] as const)
    for (const password of ['secret', 'Grüße']) {
      const pfx = writePkcs12({ key: jane.key, certificates: [jane.certificate], password, mac, ...quick })
      assert.equal(pfx.includes('NOT USED'), mac === 'pbmac1')
      assert.ok(readPkcs12(pfx, password).keys[0]?.key.equals(jane.key) === true)
      assert.doesNotThrow(() => createSecureContext({ pfx, passphrase: password }))
      assert.throws(() => createSecureContext({ pfx, passphrase: 'wrong' }), /mac verify failure/)
      assert.throws(() => readPkcs12(pfx, 'wrong'), code('pkcs12-password'))
    }
})

test('BER with indefinite lengths and strings in pieces is read', () => {
  const safe = sequence(data(sequence(keyBag)))
  const half = safe.length >> 1
  const end = Buffer.alloc(2)
  const pieces = tlv(0x24, octets(safe.subarray(0, half)), octets(safe.subarray(half)))
  const open = (identifier: number, ...parts: readonly Buffer[]): Buffer =>
    Buffer.concat([Buffer.from([identifier, 0x80]), ...parts, end])
  const bytes = open(
    0x30,
    integer(3),
    open(0x30, oid(Oid.idData), open(0xa0, pieces)),
    writeMac(safe, 'x', 1),
  )
  assert.equal(readPkcs12(bytes, 'x').keys.length, 1)
})

test('mutated files throw nothing but EngineError', () => {
  const plain = pfx([keyBag, certBag(ca.certificate.raw)], 'none')
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(plain.length - 1), fc.nat(255)), { minLength: 1, maxLength: 3 }),
      (changes) => {
        const bytes = Buffer.from(plain)
        for (const [at, value] of changes) bytes[at] = value
        try {
          assert.ok(readPkcs12(bytes, 'x').keys.length <= 2)
        } catch (error) {
          if (!(error instanceof EngineError)) throw error
        }
      },
    ),
    { numRuns: 150 },
  )
})

test('the key derivation gives whole and repeated blocks', () => {
  const input = {
    hash: 'sha1',
    id: 1,
    password: 'smeg',
    salt: Buffer.from('0a58cf64530d823f', 'hex'),
    iterations: 1,
  } as const
  // The triple DES example that circulates among implementers, checked against OpenSSL
  assert.equal(
    pkcs12Key({ ...input, length: 24 }).toString('hex'),
    '8aaae6297b6cb04642ab5b077851284eb7128f1a2a7fbca3',
  )
  assert.equal(pkcs12Key({ ...input, id: 2, length: 8 }).toString('hex'), '79993dfe048d3b76')
  assert.equal(pkcs12Key({ ...input, hash: 'sha512', length: 200 }).length, 200)
})

test('RC2 decrypts as RFC 2268 5 says', () => {
  const cases: readonly (readonly [string, number, string, string])[] = [
    ['0000000000000000', 63, '0000000000000000', 'ebb773f993278eff'],
    ['ffffffffffffffff', 64, 'ffffffffffffffff', '278b27e42e2f0d49'],
    ['3000000000000000', 64, '1000000000000001', '30649edf9be7d2c2'],
    ['88', 64, '0000000000000000', '61a8a244adacccf0'],
    ['88bca90e90875a', 64, '0000000000000000', '6ccf4308974c267f'],
    ['88bca90e90875a7f0f79c384627bafb2', 128, '0000000000000000', '2269552ab0f85ca6'],
  ]
  for (const [key, bits, plain, encrypted] of cases) {
    // The vectors are single blocks without padding: the previous block is chosen so that the padding comes out right
    const wanted = Buffer.alloc(8, 8)
    const iv = Buffer.from(plain, 'hex').map((octet, index) => octet ^ (wanted[index] ?? 0))
    const out = decryptRc2Cbc(Buffer.from(key, 'hex'), bits, Buffer.from(iv), Buffer.from(encrypted, 'hex'))
    assert.equal(out?.length, 0, key)
  }
  assert.equal(decryptRc2Cbc(Buffer.alloc(5), 40, Buffer.alloc(8), Buffer.alloc(7)), null)
})

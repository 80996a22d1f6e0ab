/** Tests of csr.ts: what is asked for comes back, and only what the key signed is read. */
import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { writeAlgorithm } from '../der/algorithm.ts'
import { Oid } from '../der/oid.ts'
import { writePem } from '../der/pem.ts'
import { readElement } from '../der/reader.ts'
import { bits, implicit, integer, nil, oid, sequence, set } from '../der/writer.ts'
import { EngineError } from '../errors.ts'
import type { Reason } from '../reasons.ts'
import { readCsr, writeCsr } from './csr.ts'
import { writeName } from './issue.ts'
import { signBytes } from './sign.ts'

const keys = {
  EC: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  RSA: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  Ed25519: generateKeyPairSync('ed25519'),
  'ML-DSA': generateKeyPairSync('ml-dsa-44'),
}
const { privateKey } = keys.EC
const spki = keys.EC.publicKey.export({ format: 'der', type: 'spki' })
const code = (expected: Reason) => (error: unknown) => error instanceof EngineError && error.code === expected

for (const [name, pair] of Object.entries(keys)) {
  test(`${name}: addresses, usages and capabilities asked for are read back`, () => {
    const smimeCapabilities = sequence(writeAlgorithm(Oid.aes256Gcm), writeAlgorithm(Oid.aes128Cbc))
    const der = writeCsr({
      subject: { O: 'Test', CN: 'Jane' },
      key: pair.privateKey,
      extensions: {
        emails: ['jane@example.org', 'jäne@example.org'],
        keyUsage: ['digitalSignature'],
        extendedKeyUsage: [Oid.idKpEmailProtection],
        smimeCapabilities,
      },
    })
    for (const bytes of [der, Buffer.from(writePem('CERTIFICATE REQUEST', der))]) {
      const csr = readCsr(bytes)
      assert.equal(csr.subject.text, 'CN=Jane,O=Test')
      assert.ok(csr.publicKey.equals(pair.publicKey))
      assert.deepEqual(csr.emails, { accepted: ['jane@example.org', 'jäne@example.org'], refused: [] })
      assert.deepEqual([...(csr.parsed.keyUsage ?? [])], ['digitalSignature'])
      assert.deepEqual(csr.parsed.extendedKeyUsage, [Oid.idKpEmailProtection])
      assert.deepEqual(csr.smimeCapabilities, smimeCapabilities)
      assert.equal(csr.parsed.subjectKeyId, null)
    }
  })
}

test('nothing asked for, and RSASSA-PSS', () => {
  const csr = readCsr(writeCsr({ subject: { CN: 'Jane' }, key: privateKey }))
  assert.deepEqual([csr.extensions, csr.smimeCapabilities], [[], null])
  const pss = writeCsr({ subject: { CN: 'Jane' }, key: keys.RSA.privateKey, signature: { pss: true } })
  assert.ok(readCsr(pss).publicKey.equals(keys.RSA.publicKey))
})

test('keys that cannot sign ask for nothing', () => {
  const { privateKey: key } = generateKeyPairSync('x25519')
  assert.throws(() => writeCsr({ subject: { CN: 'Jane' }, key }), code('unsupported-algorithm'))
})

/** A request with attributes of any form, signed by a key of any kind. */
function made(attributes: readonly Buffer[], version = 0, key = privateKey): Buffer {
  const info = sequence(integer(version), writeName({ CN: 'Jane' }), spki, ...attributes)
  const { algorithm, signature } = signBytes(key, info)
  return sequence(info, algorithm, bits(signature))
}
const asked = sequence(
  oid(Oid.pkcs9ExtensionRequest),
  set(sequence(sequence(oid('1.2.3'), readElement(Buffer.from('0400', 'hex')).raw))),
)

test('only what the key signed is read', () => {
  const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
  assert.throws(() => readCsr(made([implicit(0, set())], 0, other)), code('csr-signature-invalid'))
  assert.throws(
    () => readCsr(made([implicit(0, set())], 0, keys.RSA.privateKey)),
    code('csr-signature-invalid'),
  )
})

test('forms: attributes may be missing or unknown; the extension request is there once', () => {
  const read = (...attributes: readonly Buffer[]) => readCsr(made([implicit(0, set(...attributes))]))
  assert.deepEqual(readCsr(made([])).extensions, [])
  assert.deepEqual(read(sequence(oid('1.2.3'), set(nil()))).extensions, [])
  assert.equal(read(asked).extensions[0]?.oid, '1.2.3')
  assert.throws(() => read(asked, asked), code('csr-malformed'))
  assert.throws(() => read(sequence(oid(Oid.pkcs9ExtensionRequest), set())), code('csr-malformed'))
  assert.throws(() => readCsr(made([], 1)), code('asn1-malformed'))
  const many = Array.from({ length: 101 }, () => sequence(oid('1.2.3'), set(nil())))
  assert.throws(() => read(...many), code('csr-malformed'))
  assert.throws(() => readCsr(Buffer.from(writePem('CERTIFICATE', made([])))), code('pem-malformed'))
})

test('damaged bytes give an error of ours', () => {
  const raw = writeCsr({
    subject: { CN: 'Jane' },
    key: privateKey,
    extensions: { emails: ['jane@example.org'] },
  })
  const change = fc.tuple(fc.nat(raw.length - 1), fc.integer({ min: 1, max: 255 }))
  fc.assert(
    fc.property(change, ([at, octet]) => {
      const bytes = Buffer.from(raw)
      bytes[at] = (bytes[at] ?? 0) ^ octet
      assert.throws(() => readCsr(bytes), EngineError)
    }),
    { numRuns: 200 },
  )
})

/**
 * AuthEnvelopedData with authenticated attributes (RFC 5083), as others write it; we write none.
 */
import assert from 'node:assert/strict'
import { createCipheriv, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { makePerson } from '../../test/pki.ts'
import { writeAlgorithm } from '../der/algorithm.ts'
import { Oid } from '../der/oid.ts'
import { explicit, integer, octets, oid, sequence, set, setOf, time, tlv } from '../der/writer.ts'
import { writeAttribute } from './attributes.ts'
import { readContentInfo } from './content-info.ts'
import { decryptContent } from './decrypt.ts'
import type { Decrypted } from './decrypt.ts'
import { transportFor, writeKeyTransport } from './key-transport.ts'

const bob = makePerson('bob', 'rsa')
const PLAIN = Buffer.from('Content-Type: text/plain\r\n\r\nSecret\r\n')
const contentType = writeAttribute(Oid.idContentType, oid(Oid.idData))
const signingTime = writeAttribute(Oid.idSigningTime, time(0))

interface Recipe {
  readonly cipher: 'aes-256-gcm' | 'aes-128-ccm' | 'chacha20-poly1305'
  /** As sent, in this order. */
  readonly attributes: readonly Buffer[]
  /** What is authenticated in place of their DER. */
  readonly aad?: Buffer
  readonly type?: string
}

const OIDS = {
  'aes-256-gcm': Oid.aes256Gcm,
  'aes-128-ccm': Oid.aes128Ccm,
  'chacha20-poly1305': Oid.idAlgAeadChaCha20Poly1305,
} as const

function build({ cipher, attributes, aad = setOf(attributes), type = Oid.idData }: Recipe): Buffer {
  const key = randomBytes(cipher === 'aes-128-ccm' ? 16 : 32)
  const iv = randomBytes(12)
  const running = createCipheriv(cipher as 'aes-128-ccm', key, iv, { authTagLength: 16 })
  running.setAAD(aad, { plaintextLength: PLAIN.length })
  const sealed = Buffer.concat([running.update(PLAIN), running.final()])
  const parameters = cipher === 'chacha20-poly1305' ? octets(iv) : sequence(octets(iv), integer(16))
  const transport = transportFor(bob.certificate, 'oaep-sha256')
  return sequence(
    oid(Oid.idCtAuthEnvelopedData),
    explicit(
      0,
      sequence(
        integer(0),
        set(writeKeyTransport(bob.certificate, key, transport)),
        sequence(oid(type), writeAlgorithm(OIDS[cipher], parameters), tlv(0x80, sealed)),
        tlv(0xa1, ...attributes),
        octets(running.getAuthTag()),
      ),
    ),
  )
}

function decrypt(bytes: Buffer): Decrypted {
  const info = readContentInfo(bytes)
  assert.ok(info.kind === 'auth-enveloped-data')
  return decryptContent(info, [bob])
}

for (const cipher of ['aes-256-gcm', 'aes-128-ccm', 'chacha20-poly1305'] as const)
  test(`${cipher}: attributes are authenticated in their DER, whatever their order`, () => {
    for (const attributes of [[contentType], [contentType, signingTime], [signingTime, contentType]])
      assert.deepEqual(decrypt(build({ cipher, attributes })).content, PLAIN)
    const changed = build({ cipher, attributes: [contentType, signingTime] })
    changed.write('71', changed.indexOf('700101'), 'latin1')
    assert.equal(decrypt(changed).reason, 'decrypt-failed')
    // Not the implicit tag of the message, and not nothing
    for (const aad of [tlv(0xa1, contentType), Buffer.alloc(0)])
      assert.equal(decrypt(build({ cipher, attributes: [contentType], aad })).reason, 'decrypt-failed')
  })

test('a content type of its own needs its attribute, and the right one', () => {
  const cipher = 'aes-256-gcm'
  const signed = writeAttribute(Oid.idContentType, oid(Oid.idSignedData))
  const type = Oid.idSignedData
  assert.deepEqual(decrypt(build({ cipher, type, attributes: [signed] })).content, PLAIN)
  assert.equal(decrypt(build({ cipher, type, attributes: [contentType] })).reason, 'content-type-mismatch')
  assert.equal(decrypt(build({ cipher, type, attributes: [signingTime] })).reason, 'content-type-mismatch')
  assert.throws(
    () => readContentInfo(build({ cipher, attributes: [contentType, contentType] })),
    /attribute-duplicate/,
  )
})

/**
 * Which entry is ours: by exact identifier, before any key is used; entries of foreign kinds are for nobody here.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makePerson } from '../../test/pki.ts'
import { writeAlgorithm } from '../der/algorithm.ts'
import { Oid } from '../der/oid.ts'
import { readElement } from '../der/reader.ts'
import { explicit, implicit, integer, octets, oid, sequence, set, tlv } from '../der/writer.ts'
import { readContentInfo } from './content-info.ts'
import { encryptPieces } from './content-encryption.ts'
import { decryptContent } from './decrypt.ts'
import type { Decrypted } from './decrypt.ts'
import { writeKem } from './kem.ts'
import { writeKeyAgreement } from './key-agreement.ts'
import { transportFor, writeKeyTransport } from './key-transport.ts'
import type { DecryptionKey } from './recipient-info.ts'

const PLAIN = Buffer.from('Content-Type: text/plain\r\n\r\nSecret\r\n')
const bob = makePerson('bob', 'rsa')
const dave = makePerson('dave', 'p256')
const erin = makePerson('erin', 'ml-kem-512')

function build(recipients: (key: Buffer) => readonly Buffer[], more: readonly Buffer[] = []): Buffer {
  const { key, algorithm, pieces } = encryptPieces('aes128-cbc', [PLAIN])
  const info = sequence(oid(Oid.idData), algorithm, tlv(0x80, ...pieces))
  const data = sequence(integer(3), ...more, set(...recipients(key)), info)
  return sequence(oid(Oid.idEnvelopedData), explicit(0, data))
}

function decrypt(bytes: Buffer, keys: readonly DecryptionKey[]): Decrypted {
  const info = readContentInfo(bytes)
  assert.ok(info.kind === 'enveloped-data')
  return decryptContent(info, keys)
}

/** KEKRecipientInfo (RFC 5652 6.2.3) and PasswordRecipientInfo (6.2.4), as anybody may put them in front. */
const kek = implicit(
  2,
  sequence(
    integer(4),
    sequence(octets(Buffer.from('shared key'))),
    writeAlgorithm(Oid.aes128Wrap),
    octets(Buffer.alloc(24)),
  ),
)
const password = implicit(
  3,
  sequence(integer(0), writeAlgorithm('1.2.840.113549.1.9.16.3.9'), octets(Buffer.alloc(32))),
)
const other = implicit(4, sequence(oid('1.2.3.4'), sequence(integer(1))))

const ktri = (key: Buffer): Buffer =>
  writeKeyTransport(bob.certificate, key, transportFor(bob.certificate, 'oaep-sha256'))

test('entries for shared keys, passwords and unknown others are left out, wherever they stand', () => {
  for (const entries of [
    (key: Buffer) => [kek, password, other, ktri(key)],
    (key: Buffer) => [ktri(key), other, password, kek],
  ])
    assert.deepEqual(decrypt(build(entries), [bob]).content, PLAIN)
  const result = decrypt(
    build(() => [kek, password, other]),
    [bob, dave, erin, { key: bob.key, certificate: null }],
  )
  assert.deepEqual([result.reason, result.key], ['no-matching-recipient', null])
})

test('an entry of another kind than the key that its certificate holds is not ours', () => {
  // The certificate of an RSA key named by an entry for key agreement, and the other way round.
  const rename = (entry: Buffer, from: Buffer, to: Buffer): Buffer => {
    const at = entry.indexOf(from)
    const renamed = Buffer.concat([entry.subarray(0, at), to, entry.subarray(at + from.length)])
    return from.length === to.length ? renamed : Buffer.alloc(0)
  }
  const serials = [bob, dave].map(({ certificate }) => certificate.serial)
  const [bobs, daves] = serials
  assert.ok(bobs !== undefined && daves?.length === bobs.length)
  const swapped = build((key) => [
    rename(writeKeyAgreement(dave.certificate, key), daves, bobs),
    rename(ktri(key), bobs, daves),
  ])
  readElement(swapped)
  assert.equal(decrypt(swapped, [bob]).reason, 'no-matching-recipient')
  assert.equal(decrypt(swapped, [dave]).reason, 'no-matching-recipient')
})

test('of several keys the one that is named is used, by either identifier', () => {
  for (const by of ['issuer-and-serial', 'ski'] as const) {
    const bytes = build((key) => [
      writeKem(erin.certificate, key, by),
      writeKeyAgreement(dave.certificate, key, {}, by),
    ])
    const keys = [bob, dave, erin]
    const result = decrypt(bytes, keys)
    assert.deepEqual([result.content, result.key === dave], [PLAIN, true])
    assert.equal(decrypt(bytes, [bob, erin]).key, erin)
    assert.equal(decrypt(bytes, [bob]).reason, 'no-matching-recipient')
  }
})

test('the originator’s certificates are passed over', () => {
  const originator = implicit(0, sequence(implicit(0, set(dave.certificate.raw))))
  assert.deepEqual(
    decrypt(
      build((key) => [ktri(key)], [originator]),
      [bob],
    ).content,
    PLAIN,
  )
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makePerson } from '../../test/pki.ts'
import { EngineError } from '../errors.ts'
import { Cursor, readElement } from '../der/reader.ts'
import { readContentInfo } from './content-info.ts'
import { decryptContent } from './decrypt.ts'
import type { Decrypted } from './decrypt.ts'
import { encrypt } from './encrypt.ts'
import { hkdf, kemOtherInfo } from './key-derivation.ts'
import type { DecryptionKey } from './recipient-info.ts'

const PLAIN = Buffer.from('Content-Type: text/plain\r\n\r\nSecret\r\n')
const erin = makePerson('erin', 'ml-kem-768')
const good = Buffer.concat(
  encrypt([PLAIN], {
    ...{ recipients: [erin.certificate], cipher: 'aes256-gcm', keyTransport: 'pkcs1v15' },
    keyAgreement: { ukm: Buffer.from('keying material') },
  }),
)

function decrypt(bytes: Buffer, keys: readonly DecryptionKey[]): Decrypted {
  const info = readContentInfo(bytes)
  assert.ok(info.kind === 'enveloped-data' || info.kind === 'auth-enveloped-data')
  return decryptContent(info, keys)
}

test('the structure that a key is derived from has the octets of RFC 9936 appendix C', () => {
  const wrap128 = Buffer.from('300b0609608648016503040105', 'hex')
  assert.equal(kemOtherInfo(wrap128, 16, null).toString('hex'), '3010300b0609608648016503040105020110')
  // The example's shared secret and the key that comes of it
  const secret = Buffer.from('7df12d412ae299a24fde6d7c3bb8e3194c80ad3c733dcf2775e09fe8bedb86d8', 'hex')
  assert.equal(hkdf('sha256', secret, null, kemOtherInfo(wrap128, 16, null), 16).toString('hex'), KEK)
})
const KEK = 'cf453a3e2bae0a78701b8206c185a008'

test('user keying material is read and counts', () => {
  assert.ok(decrypt(good, [erin]).content?.equals(PLAIN))
  const changed = Buffer.from(good)
  changed.write('Keying', changed.indexOf('keying material'))
  assert.equal(decrypt(changed, [erin]).reason, 'decrypt-failed')
})

test('a changed ciphertext, a truncated one, and another key of the same kind fail alike', () => {
  const info = readContentInfo(good)
  assert.ok(info.kind === 'auth-enveloped-data')
  const [entry] = info.recipients
  assert.ok(entry?.kind === 'kem')
  const at = good.indexOf(entry.ciphertext)
  const failed = { status: 'failed', reason: 'decrypt-failed', content: null }
  for (const offset of [0, 500, 1087]) {
    const changed = Buffer.from(good)
    changed[at + offset] = (changed[at + offset] ?? 0) ^ 1
    const { status, reason, content } = decrypt(changed, [erin])
    assert.deepEqual({ status, reason, content }, failed)
  }
  const frank = makePerson('frank', 'ml-kem-768')
  const wrong = decrypt(good, [{ key: frank.key, certificate: erin.certificate }])
  assert.deepEqual({ status: wrong.status, reason: wrong.reason, content: wrong.content }, failed)
  const short = { ...info, recipients: [{ ...entry, ciphertext: entry.ciphertext.subarray(1) }] }
  assert.equal(decryptContent(short, [erin]).reason, 'decrypt-failed')
  const nobody = decrypt(good, [frank])
  assert.deepEqual([nobody.reason, nobody.key], ['no-matching-recipient', null])
})

test('a bare key is tried on every entry of its kind', () => {
  assert.ok(decrypt(good, [{ key: erin.key, certificate: null }]).content?.equals(PLAIN))
})

test('other algorithms around ML-KEM are refused before the key is used', () => {
  const info = readContentInfo(good)
  assert.ok(info.kind === 'auth-enveloped-data')
  const [entry] = info.recipients
  assert.ok(entry?.kind === 'kem')
  const other = { ...entry.kdf, oid: '1.2.3' }
  for (const [change, code] of [
    [{ kdf: other }, 'unsupported-key-encryption'],
    [{ kem: other }, 'unsupported-key-encryption'],
    [{ wrap: { ...entry.wrap, oid: '1.2.3' } }, 'unsupported-key-encryption'],
    [{ kekLength: 16 }, 'cms-malformed'],
    [{ kem: { ...entry.kem, oid: '2.16.840.1.101.3.4.4.1' } }, 'cms-malformed'],
  ] as const) {
    const result = decryptContent({ ...info, recipients: [{ ...entry, ...change }] }, [erin])
    assert.deepEqual([result.reason, result.key], [code, null])
  }
})

test('EnvelopedData with an OtherRecipientInfo has version 3, with key identifiers version 2', () => {
  const bob = makePerson('bob', 'rsa')
  const versionOf = (bytes: Buffer): number => {
    const outer = new Cursor(readElement(bytes))
    outer.next('contentType')
    const data = new Cursor(new Cursor(outer.next('content')).next('EnvelopedData'))
    return data.next('version').content[0] ?? -1
  }
  const how = { cipher: 'aes128-cbc', keyTransport: 'pkcs1v15' } as const
  const recipients = [bob.certificate]
  assert.equal(versionOf(Buffer.concat(encrypt([PLAIN], { ...how, recipients }))), 0)
  assert.equal(versionOf(Buffer.concat(encrypt([PLAIN], { ...how, recipients, recipientId: 'ski' }))), 2)
  assert.equal(
    versionOf(Buffer.concat(encrypt([PLAIN], { ...how, recipients: [erin.certificate, bob.certificate] }))),
    3,
  )
})

test('a signing key is not encrypted to', () => {
  const signer = makePerson('signer', 'ml-dsa-65', { keyUsage: ['keyEncipherment'] })
  assert.throws(
    () =>
      encrypt([PLAIN], {
        recipients: [signer.certificate],
        cipher: 'aes256-gcm',
        keyTransport: 'pkcs1v15',
      }),
    (error: unknown) => error instanceof EngineError && error.code === 'unsupported-key-encryption',
  )
})

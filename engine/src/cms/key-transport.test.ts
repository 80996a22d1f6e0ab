import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NOW, makeKey, makePerson } from '../../test/pki.ts'
import { writeAlgorithm } from '../der/algorithm.ts'
import { Oid } from '../der/oid.ts'
import { Cursor, Tag, readElement } from '../der/reader.ts'
import { integer, nil, octets, sequence } from '../der/writer.ts'
import { EngineError } from '../errors.ts'
import { parseCertificate } from '../x509/certificate.ts'
import type { Certificate } from '../x509/certificate.ts'
import { issueCertificate } from '../x509/issue.ts'
import { readPrivateKey } from '../pkcs/private-key.ts'
import { readContentInfo } from './content-info.ts'
import { decryptContent } from './decrypt.ts'
import type { Decrypted } from './decrypt.ts'
import { encrypt } from './encrypt.ts'
import { WRITTEN_TRANSPORTS } from './key-transport.ts'
import { oaepWith, writeOaep } from './oaep-parameters.ts'
import type { DecryptionKey } from './recipient-info.ts'

const PLAIN = Buffer.from('Content-Type: text/plain\r\n\r\nSecret\r\n')
const bob = makePerson('bob', 'rsa')

function decrypt(bytes: Buffer, key: DecryptionKey): Decrypted {
  const info = readContentInfo(bytes)
  assert.ok(info.kind === 'auth-enveloped-data')
  return decryptContent(info, [key])
}

test('every transport that is written is read: v1.5, and OAEP with all pairs of hashes', () => {
  assert.equal(WRITTEN_TRANSPORTS.length, 1 + 25)
  for (const keyTransport of WRITTEN_TRANSPORTS)
    for (const oaepLabel of [undefined, Buffer.from('a label')]) {
      const bytes = Buffer.concat(
        encrypt([PLAIN], {
          ...{ recipients: [bob.certificate], cipher: 'aes256-gcm', keyTransport },
          ...(oaepLabel === undefined ? {} : { oaepLabel }),
        }),
      )
      const result = decrypt(bytes, bob)
      assert.ok(result.content?.equals(PLAIN))
      assert.equal(result.keyEncryption, keyTransport)
      const at = bytes.indexOf('a label')
      assert.equal(at > 0, oaepLabel !== undefined && keyTransport !== 'pkcs1v15')
      if (at < 0) continue
      bytes.write('A', at)
      assert.equal(decrypt(bytes, bob).reason, 'decrypt-failed')
    }
})

/** A certificate whose key is under another algorithm identifier than rsaEncryption. */
function withKeyAlgorithm(algorithm: Buffer): Certificate {
  const { publicKey, privateKey } = makeKey('rsa')
  const der = issueCertificate({
    ...{ subject: { CN: 'oaep' }, issuer: { key: privateKey }, publicKey },
    ...{ notBefore: NOW - 1000, notAfter: NOW + 1000 },
  })
  const spki = publicKey.export({ format: 'der', type: 'spki' })
  const cursor = new Cursor(readElement(spki))
  cursor.next('algorithm')
  const changed = sequence(algorithm, cursor.universal(Tag.bitString, 'key').raw)
  const [tbs, ...rest] = readElement(der).children()
  assert.ok(tbs !== undefined)
  const fields = tbs.children().map(({ raw }) => (raw.equals(spki) ? changed : raw))
  return parseCertificate(sequence(sequence(...fields), ...rest.map(({ raw }) => raw)))
}

test('an id-RSAES-OAEP key is used for OAEP only, with its own parameters when it has some', () => {
  const { privateKey } = makeKey('rsa')
  const own = oaepWith('sha384', 'sha1')
  const pkcs8 = readElement(privateKey.export({ format: 'der', type: 'pkcs8' })).children()[2]
  assert.ok(pkcs8 !== undefined)
  for (const [algorithm, name] of [
    [writeAlgorithm(Oid.idRsaesOaep), 'oaep-sha256'],
    [writeOaep(own), 'oaep-sha384-mgf1-sha1'],
  ] as const) {
    const certificate = withKeyAlgorithm(algorithm)
    const recipients = [certificate]
    const bytes = Buffer.concat(
      encrypt([PLAIN], { recipients, cipher: 'aes256-gcm', keyTransport: 'pkcs1v15' }),
    )
    // The private key may be under the same identifier.
    const key = readPrivateKey(sequence(integer(0), algorithm, octets(pkcs8.content)))
    assert.equal(key.asymmetricKeyType, 'rsa')
    const result = decrypt(bytes, { key, certificate })
    assert.ok(result.content?.equals(PLAIN))
    assert.equal(result.keyEncryption, name)
  }
  const damaged = withKeyAlgorithm(writeAlgorithm(Oid.idRsaesOaep, nil()))
  assert.throws(
    () => encrypt([PLAIN], { recipients: [damaged], cipher: 'aes256-gcm', keyTransport: 'pkcs1v15' }),
    (error: unknown) => error instanceof EngineError && error.code === 'cms-malformed',
  )
})

test('an id-RSASSA-PSS key is not encrypted to, whatever its key usage says', () => {
  const signer = makePerson('signer', 'rsa-pss', { keyUsage: ['keyEncipherment'] })
  assert.throws(
    () =>
      encrypt([PLAIN], {
        recipients: [signer.certificate],
        cipher: 'aes256-gcm',
        keyTransport: 'oaep-sha256',
      }),
    (error: unknown) => error instanceof EngineError && error.code === 'certificate-not-for-encryption',
  )
})

test('a certificate without a key identifier is not named by one', () => {
  const certificate = withKeyAlgorithm(writeAlgorithm(Oid.rsaEncryption, nil()))
  const ski = certificate.subjectKeyId
  assert.ok(ski !== null)
  const bare = parseCertificate(withoutExtensions(certificate.raw))
  assert.throws(
    () =>
      encrypt([PLAIN], {
        ...{ recipients: [bare], cipher: 'aes256-gcm', keyTransport: 'pkcs1v15', recipientId: 'ski' },
      }),
    (error: unknown) => error instanceof EngineError && error.code === 'request-invalid',
  )
})

function withoutExtensions(der: Buffer): Buffer {
  const [tbs, ...rest] = readElement(der).children()
  assert.ok(tbs !== undefined)
  const fields = tbs.children().filter((child) => !child.is(2, 3) && !child.is(2, 0))
  return sequence(sequence(...fields.map(({ raw }) => raw)), ...rest.map(({ raw }) => raw))
}

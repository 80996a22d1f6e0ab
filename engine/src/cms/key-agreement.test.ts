import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makePerson } from '../../test/pki.ts'
import type { KeyKind } from '../../test/pki.ts'
import { EngineError } from '../errors.ts'
import { readContentInfo } from './content-info.ts'
import { decryptContent } from './decrypt.ts'
import type { Decrypted } from './decrypt.ts'
import { encrypt } from './encrypt.ts'
import type { AgreementOptions } from './key-agreement.ts'
import { agreementName, readAgreement } from './key-agreement-scheme.ts'
import type { DecryptionKey } from './recipient-info.ts'

const PLAIN = Buffer.from('Content-Type: text/plain\r\n\r\nSecret\r\n')

function encrypted(to: DecryptionKey, keyAgreement: AgreementOptions): Buffer {
  const recipients = to.certificate === null ? [] : [to.certificate]
  return Buffer.concat(
    encrypt([PLAIN], { recipients, cipher: 'aes256-gcm', keyTransport: 'pkcs1v15', keyAgreement }),
  )
}

function decrypt(bytes: Buffer, key: DecryptionKey): Decrypted {
  const info = readContentInfo(bytes)
  assert.ok(info.kind === 'auth-enveloped-data')
  return decryptContent(info, [key])
}

const KINDS: readonly KeyKind[] = ['p256', 'p384', 'p521', 'bp256', 'bp384', 'bp512', 'x25519', 'x448']

for (const kind of KINDS)
  test(`${kind}: every key derivation, hash, key wrap and kind of Diffie-Hellman`, () => {
    const dave = makePerson('dave', kind)
    for (const kdf of ['x963', 'hkdf'] as const)
      for (const hash of ['sha1', 'sha224', 'sha256', 'sha384', 'sha512'] as const)
        for (const wrap of [128, 192, 256] as const)
          for (const ukm of [undefined, Buffer.from('keying material')])
            for (const cofactor of [false, true]) {
              if (kdf === 'hkdf' && (cofactor || hash === 'sha1' || hash === 'sha224')) continue
              const options = { kdf, hash, wrap, cofactor, ...(ukm === undefined ? {} : { ukm }) }
              const result = decrypt(encrypted(dave, options), dave)
              assert.ok(result.content?.equals(PLAIN))
              const middle = kdf === 'x963' ? `${hash}kdf` : `${hash}-hkdf`
              const name = `ecdh-${cofactor ? 'cofactor-' : ''}${middle}-aes${wrap}-wrap`
              assert.equal(result.keyEncryption, name)
            }
  })

test('user keying material counts: a changed one opens nothing', () => {
  for (const kind of ['p256', 'x25519'] as const) {
    const dave = makePerson('dave', kind)
    const ukm = Buffer.from('keying material')
    const bytes = encrypted(dave, { ukm })
    bytes.write('Keying', bytes.indexOf(ukm))
    assert.deepEqual([decrypt(bytes, dave).reason, decrypt(bytes, dave).content], ['decrypt-failed', null])
  }
})

test('an originator key on another curve than ours opens nothing', () => {
  const dave = makePerson('dave', 'p256')
  const bytes = encrypted(dave, {})
  // Only in the originator key: the certificate is not in the message.
  const at = bytes.indexOf(Buffer.from('06082a8648ce3d030107', 'hex'))
  assert.ok(at > 0)
  bytes[at + 9] = 6
  assert.equal(decrypt(bytes, dave).reason, 'decrypt-failed')
})

test('refuses schemes that are none, and keys that agree nothing', () => {
  const refused = (error: unknown) =>
    error instanceof EngineError && error.code === 'unsupported-key-encryption'
  assert.throws(() => encrypted(makePerson('dave', 'p256'), { kdf: 'hkdf', hash: 'sha1' }), refused)
  const oid = { oid: '1.3.132.1.15.1', parameters: null, raw: Buffer.alloc(0) }
  assert.throws(() => agreementName(readAgreement(oid)), refused)
})

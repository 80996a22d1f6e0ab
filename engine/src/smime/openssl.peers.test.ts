/**
 * Judged by a stranger: `openssl cms` and `openssl smime` verify what we sign and decrypt what we encrypt, and the other way
 * round. Needs the openssl command.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { file, openssl, pem } from '../../test/openssl.ts'
import { NOW, intermediate, makePerson, root } from '../../test/pki.ts'
import type { KeyKind, Person } from '../../test/pki.ts'
import { writePem } from '../der/pem.ts'
import type { SignOptions } from '../cms/sign.ts'
import type { WrittenCipher } from '../cms/content-parameters.ts'
import { scanHeader } from '../mime/header.ts'
import { decryptCms, decryptMessage } from './decrypt.ts'
import { encryptEntity } from './encrypt.ts'
import { protectedEntityOf, wrapMessage } from './entity.ts'
import { signEntity } from './sign.ts'
import { verifyCms, verifyMessage } from './verify.ts'

const rootFile = file(writePem('CERTIFICATE', root.raw))
const chainFile = file(writePem('CERTIFICATE', intermediate.raw))
const options = { anchors: [root], at: NOW, revocation: 'none' } as const
const AT = ['-attime', String(NOW / 1000)]

const BODY =
  'MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\nHello,\r\n\r\nthis is text.  \r\n'
const message = (person: Person) =>
  Buffer.from(`From: A <${person.email}>\r\nTo: b@example.org\r\nSubject: test\r\n${BODY}`)
/** What is protected: without MIME-Version. */
const ENTITY = Buffer.from(BODY.replace('MIME-Version: 1.0\r\n', ''))

function signed(person: Person, how: Omit<SignOptions, 'at'> & { readonly opaque?: boolean }): Buffer {
  const bytes = message(person)
  const { outer, entity } = protectedEntityOf(bytes)
  const made = signEntity(entity, person, { ...how, at: NOW, boundary: 'abcdefghijklmnopqrst' })
  return Buffer.concat(wrapMessage(bytes, outer, made))
}

const signers: readonly (readonly [KeyKind, Omit<SignOptions, 'at'>, readonly string[]])[] = [
  ['rsa', {}, ['-md', 'sha256']],
  ['rsa', { digest: 'sha512' }, ['-md', 'sha512']],
  [
    'rsa',
    { pss: true },
    ['-md', 'sha256', '-keyopt', 'rsa_padding_mode:pss', '-keyopt', 'rsa_pss_saltlen:-1'],
  ],
  [
    'rsa',
    { pss: true, digest: 'sha384' },
    [
      '-md',
      'sha384',
      '-keyopt',
      'rsa_padding_mode:pss',
      '-keyopt',
      'rsa_pss_saltlen:20',
      '-keyopt',
      'rsa_mgf1_md:sha256',
    ],
  ],
  ['p256', {}, ['-md', 'sha256']],
  ['p384', {}, ['-md', 'sha384']],
  ['p521', {}, ['-md', 'sha512']],
]

for (const [kind, how, flags] of signers) {
  test(`openssl verifies what we sign with ${kind} ${JSON.stringify(how)}`, () => {
    const alice = makePerson('alice', kind)
    for (const opaque of [false, true]) {
      const mail = signed(alice, { ...how, opaque })
      const out = openssl(
        'cms',
        '-verify',
        '-in',
        file(mail),
        '-CAfile',
        rootFile,
        '-purpose',
        'smimesign',
        ...AT,
      )
      assert.deepEqual(out, ENTITY)
    }
  })

  test(`we verify what openssl signs with ${kind} ${flags.join(' ')}`, () => {
    const alice = makePerson('alice', kind)
    const { certificate, key } = pem(alice)
    // As the openssl command wants it: it adds its own MIME-Version outside.
    const input = file(ENTITY.toString('latin1').replaceAll('\r\n', '\n'))
    const forms: readonly (readonly string[])[] = [
      [],
      ['-nodetach'],
      ['-nodetach', '-stream'],
      ['-stream'],
      ['-keyid'],
      ['-nosmimecap'],
      ['-noattr'],
      ['-crlfeol'],
      ['-crlfeol', '-nodetach', '-binary', '-stream'],
    ]
    for (const form of forms) {
      // OpenSSL 3.0 fails to write RSASSA-PSS while streaming.
      if (how.pss === true && form.includes('-stream')) continue
      const mail = openssl(
        ...['cms', '-sign', '-in', input, '-signer', certificate, '-inkey', key, '-certfile', chainFile],
        ...['-from', alice.email, '-to', 'b@example.org', '-subject', 'x', ...flags, ...form],
      )
      const verdict = verifyMessage(mail, options)
      assert.deepEqual(
        [verdict.status, verdict.reasons, verdict.coverage],
        ['valid', [], 'whole'],
        form.join(' '),
      )
      if (form.includes('-nodetach')) continue
      const changed = Buffer.from(mail.toString('latin1').replace('Hello', 'Hallo'), 'latin1')
      assert.equal(verifyMessage(changed, options).status, 'invalid')
    }
    const bare = openssl(
      ...['cms', '-sign', '-in', input, '-signer', certificate, '-inkey', key, '-certfile', chainFile],
      ...['-nodetach', '-outform', 'DER', ...flags],
    )
    assert.equal(verifyCms(bare, options).status, 'valid')
  })
}

test('openssl smime (PKCS #7) signs and we verify; we sign and it verifies', () => {
  const alice = makePerson('alice', 'rsa')
  const { certificate, key } = pem(alice)
  const mail = openssl(
    ...['smime', '-sign', '-in', file(ENTITY), '-signer', certificate, '-inkey', key, '-certfile', chainFile],
    ...['-from', alice.email, '-to', 'b@example.org', '-subject', 'x'],
  )
  assert.equal(verifyMessage(mail, options).status, 'valid')
  const ours = signed(alice, {})
  assert.deepEqual(openssl('smime', '-verify', '-in', file(ours), '-CAfile', rootFile, ...AT), ENTITY)
})

test('openssl verifies several signers of whom one is ours, and so do we', () => {
  const alice = makePerson('alice', 'rsa')
  const bob = makePerson('bob', 'p256')
  const [a, b] = [pem(alice), pem(bob)]
  const mail = openssl(
    ...['cms', '-sign', '-in', file(ENTITY), '-signer', a.certificate, '-inkey', a.key],
    ...['-signer', b.certificate, '-inkey', b.key, '-certfile', chainFile],
    ...['-from', bob.email, '-to', 'b@example.org', '-subject', 'x'],
  )
  const verdict = verifyMessage(mail, options)
  assert.equal(verdict.status, 'valid')
  assert.deepEqual(
    verdict.signers.map((signer) => signer.status),
    ['valid', 'valid'],
  )
})

const KINDS: readonly KeyKind[] = ['rsa', 'p256', 'p384', 'p521']
const CIPHERS: readonly WrittenCipher[] = ['aes128-cbc', 'aes256-cbc', 'aes128-gcm', 'aes256-gcm']

for (const kind of KINDS) {
  test(`openssl decrypts what we encrypt to ${kind}`, () => {
    const bob = makePerson('bob', kind)
    const { certificate, key } = pem(bob)
    const transports = kind === 'rsa' ? (['pkcs1v15', 'oaep-sha256'] as const) : (['pkcs1v15'] as const)
    for (const cipher of CIPHERS) {
      for (const keyTransport of transports) {
        const bytes = message(bob)
        const { outer, entity } = protectedEntityOf(bytes)
        const made = encryptEntity(entity, { recipients: [bob.certificate], cipher, keyTransport })
        const mail = file(Buffer.concat(wrapMessage(bytes, outer, made)))
        assert.deepEqual(
          openssl('cms', '-decrypt', '-in', mail, '-recip', certificate, '-inkey', key),
          ENTITY,
        )
      }
    }
  })

  test(`we decrypt what openssl encrypts to ${kind}`, () => {
    const bob = makePerson('bob', kind)
    const { certificate } = pem(bob)
    const keyOptions: readonly (readonly string[])[] =
      kind === 'rsa'
        ? [
            [],
            ['-keyopt', 'rsa_padding_mode:oaep'],
            ['-keyopt', 'rsa_padding_mode:oaep', '-keyopt', 'rsa_oaep_md:sha256'],
            [
              '-keyopt',
              'rsa_padding_mode:oaep',
              '-keyopt',
              'rsa_oaep_md:sha512',
              '-keyopt',
              'rsa_mgf1_md:sha1',
            ],
            [
              '-keyopt',
              'rsa_padding_mode:oaep',
              '-keyopt',
              'rsa_oaep_md:sha384',
              '-keyopt',
              'rsa_mgf1_md:sha256',
            ],
          ]
        : [
            [],
            ...['sha1', 'sha224', 'sha256', 'sha384', 'sha512'].map((md) => ['-keyopt', `ecdh_kdf_md:${md}`]),
            ['-aes256-wrap'],
          ]
    const ciphers = [
      '-aes-128-cbc',
      '-aes-192-cbc',
      '-aes-256-cbc',
      '-aes-128-gcm',
      '-aes-192-gcm',
      '-aes-256-gcm',
    ]
    const input = file(ENTITY)
    for (const [at, keyOption] of keyOptions.entries()) {
      for (const cipher of at === 0 ? ciphers : ['-aes-256-cbc', '-aes-128-gcm']) {
        for (const form of [[], ['-stream'], ['-keyid']]) {
          const mail = openssl(
            ...['cms', '-encrypt', '-binary', '-in', input, cipher, ...form, '-from', 'a@example.org'],
            ...['-to', 'b@example.org', '-subject', 'x', '-recip', certificate, ...keyOption],
          )
          const result = decryptMessage(mail, [bob], options)
          assert.deepEqual(
            [result.status, result.entity],
            ['decrypted', ENTITY],
            [cipher, ...keyOption, ...form].join(' '),
          )
          const bare = decryptMessage(mail, [{ key: bob.key, certificate: null }], options)
          assert.equal(bare.status, 'decrypted')
        }
      }
    }
    const der = openssl(
      'cms',
      '-encrypt',
      '-binary',
      '-in',
      input,
      '-aes-256-cbc',
      '-outform',
      'DER',
      '-stream',
      certificate,
    )
    assert.deepEqual(decryptCms(der, [bob], options).entity, ENTITY)
  })
}

test('signed inside encrypted by openssl is decrypted and verified, and the other way round', () => {
  const alice = makePerson('alice', 'rsa')
  const bob = makePerson('bob', 'rsa', {}, 'bob')
  const [a, b] = [pem(alice), pem(bob)]
  const inner = openssl(
    ...[
      'cms',
      '-sign',
      '-in',
      file(ENTITY),
      '-signer',
      a.certificate,
      '-inkey',
      a.key,
      '-certfile',
      chainFile,
    ],
  )
  const mail = openssl(
    ...['cms', '-encrypt', '-in', file(inner), '-aes-256-cbc', '-from', alice.email],
    ...['-to', bob.email, '-subject', 'x', b.certificate],
  )
  const result = decryptMessage(mail, [bob], options)
  assert.deepEqual([result.status, result.verified?.status], ['decrypted', 'valid'])
  assert.deepEqual(result.layers, ['enveloped', 'clear-signed'])

  const bytes = message(alice)
  const { outer, entity } = protectedEntityOf(bytes)
  const signedEntity = signEntity(entity, alice, { at: NOW, boundary: 'abcdefghijklmnopqrst' })
  const encrypted = encryptEntity(signedEntity, {
    recipients: [bob.certificate],
    cipher: 'aes256-gcm',
    keyTransport: 'oaep-sha256',
  })
  const ours = file(Buffer.concat(wrapMessage(bytes, outer, encrypted)))
  const opened = openssl('cms', '-decrypt', '-in', ours, '-recip', b.certificate, '-inkey', b.key)
  assert.deepEqual(openssl('cms', '-verify', '-in', file(opened), '-CAfile', rootFile, ...AT), ENTITY)
})

test('a mail whose line ends became LF still verifies', () => {
  const alice = makePerson('alice', 'p256')
  for (const opaque of [false, true]) {
    const mail = Buffer.from(signed(alice, { opaque }).toString('latin1').replaceAll('\r\n', '\n'), 'latin1')
    assert.equal(scanHeader(mail).fields.length > 3, true)
    assert.equal(verifyMessage(mail, options).status, 'valid')
    assert.ok(openssl('cms', '-verify', '-in', file(mail), '-CAfile', rootFile, ...AT).length > 0)
  }
})

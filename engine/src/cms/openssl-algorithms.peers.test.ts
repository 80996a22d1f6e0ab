/**
 * Every algorithm that the openssl command knows, both ways, on bare CMS objects. Mails are judged in smime/openssl.peers.test.ts.
 * Needs the openssl command.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { file, openssl, pem } from '../../test/openssl.ts'
import { NOW, intermediate, makePerson, root } from '../../test/pki.ts'
import type { KeyKind, Person } from '../../test/pki.ts'
import { writePem } from '../der/pem.ts'
import { addSigner } from './add-signer.ts'
import { readContentInfo } from './content-info.ts'
import { decryptContent } from './decrypt.ts'
import type { Decrypted } from './decrypt.ts'
import { encrypt } from './encrypt.ts'
import type { EncryptOptions } from './encrypt.ts'
import { signOpaque } from './sign.ts'
import type { SignOptions } from './sign.ts'
import { certificatesOf, verifySignedData } from './verify.ts'

const rootFile = file(writePem('CERTIFICATE', root.raw))
const PLAIN = Buffer.from('Content-Type: text/plain\r\n\r\nSecret\r\n')
const input = file(PLAIN)

function theyDecrypt(person: Person, how: Omit<EncryptOptions, 'recipients'>): Buffer {
  const { certificate, key } = pem(person)
  const der = Buffer.concat(encrypt([PLAIN], { recipients: [person.certificate], ...how }))
  return openssl(
    ...[
      'cms',
      '-decrypt',
      '-inform',
      'DER',
      '-binary',
      '-in',
      file(der),
      '-recip',
      certificate,
      '-inkey',
      key,
    ],
  )
}

function weDecrypt(person: Person, options: readonly string[], allowLegacy = false): Decrypted {
  const { certificate } = pem(person)
  const der = openssl(
    ...['cms', '-encrypt', '-binary', '-in', input, '-outform', 'DER', ...options.filter(isEarly)],
    ...['-recip', certificate, ...options.filter((option) => !isEarly(option))],
  )
  const info = readContentInfo(der)
  assert.ok(info.kind === 'enveloped-data' || info.kind === 'auth-enveloped-data')
  return decryptContent(info, [person], { allowLegacy })
}

/** Options that stand before the recipient: ciphers and providers; key options stand behind. */
const isEarly = (option: string): boolean =>
  /^-(?:aes|des|rc2|provider|keyid)|^(?:legacy|default)$/.test(option)

const bob = makePerson('bob', 'rsa')

test('openssl decrypts every OAEP that we write, and names it by key identifier', () => {
  for (const keyTransport of [
    ...(['pkcs1v15', 'oaep-sha1', 'oaep-sha224', 'oaep-sha256', 'oaep-sha384', 'oaep-sha512'] as const),
    ...(['oaep-sha256-mgf1-sha1', 'oaep-sha512-mgf1-sha256', 'oaep-sha1-mgf1-sha384'] as const),
  ])
    for (const more of [{}, { recipientId: 'ski' }, { oaepLabel: Buffer.from('label') }] as const)
      assert.deepEqual(theyDecrypt(bob, { cipher: 'aes192-cbc', keyTransport, ...more }), PLAIN)
})

test('we decrypt every OAEP that openssl writes', () => {
  const hashes = ['sha1', 'sha224', 'sha256', 'sha384', 'sha512']
  for (const hash of hashes)
    for (const mgf of hashes) {
      const options = ['rsa_padding_mode:oaep', `rsa_oaep_md:${hash}`, `rsa_mgf1_md:${mgf}`]
      const label = hash === mgf ? ['rsa_oaep_label:00ff10'] : []
      const flags = [...options, ...label].flatMap((option) => ['-keyopt', option])
      const result = weDecrypt(bob, ['-aes-256-cbc', ...flags])
      assert.deepEqual(result.content, PLAIN, flags.join(' '))
      assert.equal(result.keyEncryption, hash === mgf ? `oaep-${hash}` : `oaep-${hash}-mgf1-${mgf}`)
    }
})

const CURVES: readonly KeyKind[] = ['p256', 'p384', 'p521', 'bp256', 'bp384', 'bp512']

/** Openssl wraps with as many bits as the content key has. */
const WRAPS: Readonly<Record<string, readonly [string, number]>> = {
  sha1: ['-aes-128-cbc', 128],
  sha224: ['-aes-192-gcm', 192],
}

const HASHES = ['sha1', 'sha224', 'sha256', 'sha384', 'sha512'] as const

for (const kind of CURVES) {
  const hashes = kind === 'p256' ? HASHES : HASHES.slice(3)
  const dave = makePerson('dave', kind)
  test(`openssl decrypts what we agree with ${kind}`, () => {
    const how = { cipher: 'aes128-gcm', keyTransport: 'pkcs1v15' } as const
    assert.deepEqual(theyDecrypt(dave, how), PLAIN)
    assert.deepEqual(theyDecrypt(dave, { ...how, recipientId: 'ski' }), PLAIN)
    for (const hash of hashes)
      for (const wrap of [128, 192, 256] as const) {
        const ukm = wrap === 192 ? { ukm: Buffer.from('keying material') } : {}
        const keyAgreement = { hash, wrap, cofactor: wrap === 256, ...ukm }
        assert.deepEqual(theyDecrypt(dave, { ...how, keyAgreement }), PLAIN, `${hash} ${wrap}`)
      }
  })

  test(`we decrypt what openssl agrees with ${kind}`, () => {
    for (const hash of hashes)
      for (const mode of ['0', '1']) {
        const flags = ['-keyopt', `ecdh_kdf_md:${hash}`, '-keyopt', `ecdh_cofactor_mode:${mode}`]
        const [cipher, bits] = WRAPS[hash] ?? ['-aes-256-cbc', 256]
        const result = weDecrypt(dave, [cipher, ...(mode === '1' ? ['-keyid'] : []), ...flags])
        assert.deepEqual(result.content, PLAIN, flags.join(' '))
        const name = `ecdh-${mode === '1' ? 'cofactor-' : ''}${hash}kdf-aes${bits}-wrap`
        assert.equal(result.keyEncryption, name)
      }
  })
}

test('outdated ciphers of openssl are read when allowed, RC2 with 40 and 64 bits never', () => {
  const legacy = ['-provider', 'legacy', '-provider', 'default']
  for (const [flags, name] of [
    [['-des3'], 'des-ede3-cbc'],
    [[...legacy, '-rc2-cbc'], 'rc2-128-cbc'],
  ] as const) {
    assert.equal(weDecrypt(bob, flags).reason, 'legacy-cipher-refused')
    const result = weDecrypt(bob, flags, true)
    assert.deepEqual([result.content, result.contentEncryption, result.legacy], [PLAIN, name, true])
  }
  const dave = makePerson('dave', 'p256')
  assert.equal(weDecrypt(dave, ['-des3']).reason, 'legacy-cipher-refused')
  const result = weDecrypt(dave, ['-des3'], true)
  assert.deepEqual([result.content, result.keyEncryption], [PLAIN, 'ecdh-sha1kdf-des-ede3-wrap'])
  for (const flags of [['-rc2-40-cbc'], ['-rc2-64-cbc'], ['-des-cbc']])
    assert.equal(weDecrypt(bob, [...legacy, ...flags], true).reason, 'unsupported-content-encryption')
})

test('openssl decrypts for each of several recipients of several kinds', () => {
  const people = [bob, makePerson('dave', 'p384'), makePerson('erin', 'bp256')]
  const recipients = people.map(({ certificate }) => certificate)
  const der = file(
    Buffer.concat(encrypt([PLAIN], { recipients, cipher: 'aes256-gcm', keyTransport: 'oaep-sha256' })),
  )
  for (const person of people) {
    const { certificate, key } = pem(person)
    assert.deepEqual(
      openssl(
        ...['cms', '-decrypt', '-inform', 'DER', '-binary', '-in', der, '-recip', certificate, '-inkey', key],
      ),
      PLAIN,
    )
  }
})

const verified = (der: Buffer): Buffer =>
  openssl(
    ...['cms', '-verify', '-inform', 'DER', '-binary', '-in', file(der), '-CAfile', rootFile],
    ...['-purpose', 'smimesign', '-attime', String(NOW / 1000)],
  )

const SIGNERS: readonly (readonly [KeyKind, Omit<SignOptions, 'at'>])[] = [
  ['rsa', { signerId: 'ski' }],
  ['rsa-pss', { digest: 'sha384' }],
  ['rsa', { pss: true, digest: 'sha512' }],
  ['bp256', {}],
  ['bp384', {}],
  ['bp512', { signerId: 'ski' }],
  ['p256', { digest: 'sha512' }],
]

test('openssl verifies what we sign with Brainpool, PSS keys and key identifiers', () => {
  for (const [kind, how] of SIGNERS) {
    const alice = makePerson('alice', kind)
    assert.deepEqual(verified(Buffer.concat(signOpaque([PLAIN], alice, { ...how, at: NOW }))), PLAIN)
  }
})

test('openssl verifies what several signed, and we what openssl signed after us', () => {
  const [alice, erin] = [makePerson('alice', 'rsa'), makePerson('erin', 'bp256')]
  const first = Buffer.concat(signOpaque([PLAIN], alice, { at: NOW }))
  const both = addSigner(first, null, erin, { at: NOW, signerId: 'ski' })
  assert.deepEqual(verified(both), PLAIN)
  const carol = makePerson('carol', 'p384')
  const { certificate, key } = pem(carol)
  const three = openssl(
    ...['cms', '-resign', '-inform', 'DER', '-in', file(both), '-outform', 'DER', '-binary', '-nodetach'],
    ...['-signer', certificate, '-inkey', key],
  )
  const info = readContentInfo(three)
  assert.ok(info.kind === 'signed-data')
  assert.deepEqual(
    verifySignedData(info, null, certificatesOf(info)).map(({ intact }) => intact),
    [true, true, true],
  )
})

test('we verify PSS with every pair of hashes and any salt that openssl writes', () => {
  const alice = makePerson('alice', 'rsa')
  const { certificate, key } = pem(alice)
  for (const hash of ['sha1', 'sha224', 'sha256', 'sha384', 'sha512'])
    for (const [mgf, salts] of [
      ['sha1', ['0', '-2']],
      ['sha256', ['20', '-1']],
    ] as const)
      for (const salt of salts) {
        const der = openssl(
          ...['cms', '-sign', '-binary', '-nodetach', '-in', input, '-outform', 'DER', '-md', hash],
          ...['-signer', certificate, '-inkey', key, '-keyopt', 'rsa_padding_mode:pss'],
          ...['-keyopt', `rsa_mgf1_md:${mgf}`, '-keyopt', `rsa_pss_saltlen:${salt}`],
        )
        const info = readContentInfo(der)
        assert.ok(info.kind === 'signed-data')
        const [check] = verifySignedData(info, null, [...certificatesOf(info), intermediate])
        assert.deepEqual([check?.intact, check?.reasons, check?.signature], [true, [], 'rsa-pss'])
        assert.equal(check?.weak.length, hash === 'sha1' || mgf === 'sha1' ? 1 : 0)
      }
})

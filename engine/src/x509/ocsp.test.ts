/** Tests of ocsp.ts, ocsp-status.ts and ocsp-request.ts: form, who may answer, for what, when (RFC 6960, RFC 9654). */
import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { AT, make, makeCa, makeLeaf } from '../../test/chain.ts'
import type { Holder, MakeOptions } from '../../test/chain.ts'
import { encodedExtension, makeCrl, makeOcsp, ocspBytes } from '../../test/revocation.ts'
import type { MadeAnswer, MakeOcspOptions } from '../../test/revocation.ts'
import { Oid } from '../der/oid.ts'
import { writePem } from '../der/pem.ts'
import { Cursor, readElement } from '../der/reader.ts'
import { enumerated, explicit, generalizedTime, nil, octets, oid, sequence } from '../der/writer.ts'
import { EngineError } from '../errors.ts'
import type { Reason } from '../reasons.ts'
import type { IssueExtensions } from './issue-extensions.ts'
import { OcspResponse, parseOcspResponse, readCertId } from './ocsp.ts'
import { writeOcspRequest } from './ocsp-request.ts'
import { judgeOcspResponse } from './ocsp-status.ts'
import type { OcspJudgeOptions } from './ocsp-status.ts'
import { buildPath } from './path.ts'
import { writeAlgorithm } from '../der/algorithm.ts'

const HOUR = 3_600_000
const ca = makeCa('CA')
const jane = makeLeaf('jane', ca)
const about: MadeAnswer = { certificate: jane.certificate, issuer: ca.certificate }
const nocheck = { oid: Oid.idPkixOcspNocheck, critical: false, value: nil() }

function makeResponder(by: Holder, extensions: IssueExtensions = {}, options: MakeOptions = {}): Holder {
  return make(
    'Responder',
    {
      extendedKeyUsage: [Oid.idKpOcspSigning],
      keyUsage: ['digitalSignature'],
      other: [nocheck],
      ...extensions,
    },
    { by, ...options },
  )
}
const responder = makeResponder(ca)

function judge(response: OcspResponse, options: Partial<OcspJudgeOptions> = {}) {
  return judgeOcspResponse(response, {
    certificate: jane.certificate,
    issuer: ca.certificate,
    at: AT,
    ...options,
  })
}

/** The status, and the reason if it is invalid. */
function word(response: OcspResponse, options: Partial<OcspJudgeOptions> = {}): string {
  const { status, reasons } = judge(response, options)
  return status === 'invalid' ? reasons.join() : status
}

const answered = (answer: Partial<MadeAnswer> = {}, options: MakeOcspOptions = {}) =>
  makeOcsp(ca, [{ ...about, ...answer }], options)

test('the issuer itself answers: by name or by key, with SHA-1 or SHA-256', () => {
  assert.equal(word(answered()), 'good')
  assert.equal(word(answered({}, { byKey: true })), 'good')
  assert.equal(word(answered({ hash: 'sha256' })), 'good')
  assert.equal(word(answered({ status: 'revoked' })), 'revoked')
  assert.equal(word(answered({ status: 'unknown' })), 'unknown')
  const verdict = judge(answered({ status: 'revoked', reason: 1 }))
  assert.deepEqual(verdict.reasons, ['certificate-revoked'])
  assert.deepEqual([verdict.answer?.reason, verdict.answer?.revocationDate], ['keyCompromise', AT - HOUR])
  assert.deepEqual(judge(answered({ status: 'unknown' })).reasons, ['ocsp-status-unknown'])
})

test('a delegated responder needs the purpose, from the same key', () => {
  const by = (holder: Holder, options: Partial<OcspJudgeOptions> = {}): string =>
    word(makeOcsp(holder, [about], { certificates: [holder.certificate] }), options)
  assert.equal(by(responder), 'good')
  assert.equal(
    word(makeOcsp(responder, [about], { certificates: [responder.certificate], byKey: true })),
    'good',
  )
  assert.equal(word(makeOcsp(responder, [about])), 'ocsp-responder-unknown')
  const unauthorised: readonly Holder[] = [
    makeResponder(ca, { extendedKeyUsage: [Oid.idKpEmailProtection] }),
    makeResponder(ca, { extendedKeyUsage: [Oid.anyExtendedKeyUsage] }),
    makeResponder(ca, { keyUsage: ['keyEncipherment'] }),
    makeResponder(ca, { other: [{ oid: '1.2.3.4', critical: true, value: nil() }] }),
    makeResponder(ca, {}, { notAfter: AT - HOUR }),
    makeResponder(ca, {}, { notBefore: AT + HOUR }),
    makeResponder(makeCa('CA')),
    makeResponder(makeCa('Sub', { by: ca })),
    jane,
  ]
  for (const holder of unauthorised) assert.equal(by(holder), 'ocsp-responder-unauthorized')
})

test('a responder that the operator trusts answers for any CA, if it may answer at all', () => {
  const local = makeResponder(makeCa('Elsewhere'))
  const response = makeOcsp(local, [about])
  assert.equal(word(response), 'ocsp-responder-unknown')
  assert.equal(word(response, { responders: [local.certificate] }), 'good')
  const stranger = makeLeaf('joe', ca)
  const wrong = makeOcsp(stranger, [about])
  assert.equal(word(wrong, { responders: [stranger.certificate] }), 'ocsp-responder-unauthorized')
  const expired = makeResponder(makeCa('Elsewhere'), {}, { notAfter: AT - HOUR })
  const late = makeOcsp(expired, [about])
  assert.equal(word(late, { responders: [expired.certificate] }), 'ocsp-responder-unauthorized')
})

test('a revoked responder is not believed, unless it is never asked about', () => {
  const plain = makeResponder(ca, { other: [] })
  const response = makeOcsp(plain, [about], { certificates: [plain.certificate] })
  assert.equal(word(response), 'good')
  assert.equal(word(response, { responderRevoked: () => true }), 'ocsp-responder-unauthorized')
  const exempt = makeOcsp(responder, [about], { certificates: [responder.certificate] })
  assert.equal(word(exempt, { responderRevoked: () => true }), 'good')
  const path = (crl: ReturnType<typeof makeCrl>) =>
    buildPath(jane.certificate, {
      ...{ anchors: [ca.certificate], at: AT, purpose: 'email-sign', revocation: 'prefer' },
      ...{ crls: [crl], ocspResponses: [response] },
    }).reasons
  const scope = { reasons: ['keyCompromise'] } as const
  assert.deepEqual(path(makeCrl(ca, [], { scope })), [])
  assert.deepEqual(path(makeCrl(ca, [plain], { scope })), ['revocation-unknown'])
})

test('a forged response proves nothing', () => {
  assert.equal(word(answered({}, { forged: Buffer.alloc(70, 1) })), 'ocsp-signature-invalid')
  assert.equal(word(makeOcsp(makeCa('CA'), [about])), 'ocsp-signature-invalid')
  assert.equal(word(makeOcsp(makeCa('Forger'), [about])), 'ocsp-responder-unknown')
  // The right responder's certificate beside another one's signature
  const forged = makeOcsp(makeResponder(makeCa('Forger')), [about], { certificates: [responder.certificate] })
  assert.equal(word(forged), 'ocsp-signature-invalid')
})

test('an answer about another certificate is none', () => {
  const joe = makeLeaf('joe', ca)
  assert.equal(word(answered({ certificate: joe.certificate })), 'ocsp-certificate-mismatch')
  const twin = makeCa('CA')
  assert.equal(word(makeOcsp(ca, [{ ...about, issuer: twin.certificate }])), 'ocsp-certificate-mismatch')
  const many = makeOcsp(ca, [
    { certificate: joe.certificate, issuer: ca.certificate, status: 'revoked' },
    about,
  ])
  assert.equal(word(many), 'good')
  assert.equal(word(many, { certificate: null }), 'revoked')
})

test('the window, with five minutes of skew', () => {
  const response = answered({ thisUpdate: AT, nextUpdate: AT + HOUR })
  const at = (moment: number, options: Partial<OcspJudgeOptions> = {}): string =>
    word(response, { at: moment, ...options })
  assert.deepEqual([at(AT - 300_000), at(AT + HOUR + 300_000)], ['good', 'good'])
  assert.equal(at(AT - 300_001), 'ocsp-not-yet-valid')
  assert.equal(at(AT + HOUR + 300_001), 'ocsp-expired')
  assert.equal(at(AT - 1, { skew: 0 }), 'ocsp-not-yet-valid')
  assert.equal(at(AT + HOUR + 1, { skew: 0 }), 'ocsp-expired')
  assert.equal(word(answered({ thisUpdate: AT, nextUpdate: AT - 60_000 })), 'ocsp-malformed')
  const endless = answered({ thisUpdate: AT, nextUpdate: null })
  assert.equal(word(endless, { at: AT + 24 * HOUR }), 'good')
  assert.equal(word(endless, { at: AT + 24 * HOUR + 300_001 }), 'ocsp-expired')
  assert.equal(word(endless, { at: AT + 2 * HOUR, maxAge: HOUR }), 'ocsp-expired')
})

test('a nonce that comes back is ours; none may come back (RFC 9654)', () => {
  const nonce = Buffer.alloc(32, 7)
  const back = (value: Buffer) =>
    answered({}, { extensions: [encodedExtension(Oid.idPkixOcspNonce, octets(value))] })
  assert.deepEqual(back(nonce).basic?.nonce, nonce)
  assert.equal(word(back(nonce), { nonce }), 'good')
  assert.equal(word(back(nonce)), 'good')
  assert.equal(word(answered(), { nonce }), 'good')
  assert.equal(word(back(Buffer.alloc(32, 8)), { nonce }), 'ocsp-nonce-mismatch')
  assert.equal(word(back(nonce.subarray(1)), { nonce }), 'ocsp-nonce-mismatch')
  for (const length of [0, 129]) assert.throws(() => back(Buffer.alloc(length)), EngineError)
})

test('extensions: the archive cutoff is read, unknown critical ones forbid the response', () => {
  const cutoff = encodedExtension(Oid.idPkixOcspArchiveCutoff, generalizedTime(AT - 1000 * HOUR))
  assert.equal(judge(answered({ extensions: [cutoff] })).answer?.archiveCutoff, AT - 1000 * HOUR)
  const unknown = (critical: boolean): Buffer => encodedExtension('1.2.3.4', nil(), critical)
  assert.equal(word(answered({ extensions: [unknown(false)] })), 'good')
  assert.equal(word(answered({ extensions: [unknown(true)] })), 'critical-extension-unknown')
  assert.equal(word(answered({}, { extensions: [unknown(true)] })), 'critical-extension-unknown')
})

const failures: readonly (readonly [number, Reason])[] = [
  [1, 'ocsp-malformed-request'],
  [2, 'ocsp-internal-error'],
  [3, 'ocsp-try-later'],
  [5, 'ocsp-signature-required'],
  [6, 'ocsp-unauthorized'],
]
for (const [number, reason] of failures) {
  test(`a responder that fails with status ${number}: ${reason}`, () => {
    const response = parseOcspResponse(sequence(enumerated(number)))
    assert.equal(response.failure, reason)
    assert.deepEqual([judge(response).status, judge(response).reasons], ['invalid', [reason]])
    assert.equal(response.concerns(jane.certificate, ca.certificate), false)
  })
}

test('other forms are refused', () => {
  const basic = (type: string, response: Buffer): Buffer =>
    sequence(enumerated(0), explicit(0, sequence(oid(type), octets(response))))
  const forms: readonly (readonly [Buffer, Reason])[] = [
    [sequence(enumerated(4)), 'ocsp-malformed'],
    [sequence(enumerated(7)), 'ocsp-malformed'],
    [sequence(enumerated(0)), 'ocsp-malformed'],
    [basic('1.2.3', sequence()), 'ocsp-malformed'],
    [basic(Oid.idPkixOcspBasic, sequence()), 'asn1-malformed'],
    [Buffer.concat([ocspBytes(ca, [about]), nil()]), 'asn1-malformed'],
    [Buffer.alloc(1024 * 1024 + 1, 0x30), 'ocsp-malformed'],
  ]
  for (const [bytes, code] of forms)
    assert.throws(
      () => parseOcspResponse(bytes),
      (error) => error instanceof EngineError && error.code === code,
    )
})

test('PEM is read too', () => {
  const pem = writePem('OCSP RESPONSE', ocspBytes(ca, [about]))
  assert.equal(word(parseOcspResponse(Buffer.from(pem))), 'good')
})

test('a response signed with SHA-1 can revoke, but proves nothing good', () => {
  const key = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
  const weak = makeCa('Weak', { key })
  const leaf = makeLeaf('jane', weak)
  const options = { certificate: leaf.certificate, issuer: weak.certificate }
  const response = (status: 'good' | 'revoked'): OcspResponse => {
    const { basic } = makeOcsp(weak, [{ ...options, status }])
    assert.ok(basic)
    const algorithm = readElement(writeAlgorithm(Oid.sha1WithRSAEncryption, nil()))
    return new OcspResponse(null, {
      ...basic,
      signatureAlgorithm: { oid: Oid.sha1WithRSAEncryption, parameters: null, raw: algorithm.raw },
      signature: sign('sha1', basic.tbs, key),
    })
  }
  assert.equal(word(response('good'), options), 'weak-signature')
  assert.equal(word(response('good'), { ...options, allowWeak: true }), 'good')
  assert.equal(word(response('revoked'), options), 'revoked')
})

test('a request names the certificate and carries the nonce', () => {
  const nonce = Buffer.alloc(32, 5)
  const bytes = writeOcspRequest([{ certificate: jane.certificate, issuer: ca.certificate }], {
    hash: 'sha256',
    nonce,
  })
  const tbs = new Cursor(new Cursor(readElement(bytes)).next('tbsRequest'))
  const [request] = tbs.next('requestList').children()
  assert.ok(request)
  const id = readCertId(new Cursor(request).next('reqCert'))
  assert.deepEqual([id.hash, id.serial], ['sha256', jane.certificate.serial])
  assert.ok(bytes.includes(nonce))
  const refused: readonly (() => Buffer)[] = [
    () => writeOcspRequest([]),
    () => writeOcspRequest([about], { nonce: Buffer.alloc(0) }),
    () => writeOcspRequest([about], { nonce: Buffer.alloc(129) }),
  ]
  for (const call of refused)
    assert.throws(call, (error) => error instanceof EngineError && error.code === 'request-invalid')
})

test('damaged bytes are never good', () => {
  const raw = ocspBytes(responder, [about], { certificates: [responder.certificate] })
  const change = fc.tuple(fc.nat(raw.length - 1), fc.integer({ min: 0, max: 255 }))
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
      const bytes = Buffer.from(raw)
      for (const [at, octet] of changes) bytes[at] = octet
      try {
        const response = parseOcspResponse(bytes)
        const same = response.basic?.tbs.equals(parseOcspResponse(raw).basic?.tbs ?? Buffer.alloc(0)) === true
        assert.ok(word(response) !== 'good' || same)
      } catch (error) {
        assert.ok(error instanceof EngineError, String(error))
      }
    }),
    { numRuns: 200 },
  )
})

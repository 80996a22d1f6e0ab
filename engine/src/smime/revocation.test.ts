/** Tests of the CRLs and OCSP responses inside a CMS object (signers.ts): untrusted material whose signature counts, like the operator's. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AT, makeCa, makeLeaf } from '../../test/chain.ts'
import { makeCrl, ocspBytes } from '../../test/revocation.ts'
import { signOpaque } from '../cms/sign.ts'
import { readElement } from '../der/reader.ts'
import { Oid } from '../der/oid.ts'
import { explicit, oid, sequence, tlv } from '../der/writer.ts'
import type { Crl } from '../x509/crl.ts'
import { verifyCms } from './verify.ts'
import type { VerifyOptions } from './verdict.ts'

const root = makeCa('Root')
const jane = makeLeaf('jane', root)
const signed = Buffer.concat(
  signOpaque([Buffer.from('Content-Type: text/plain\r\n\r\nHello\r\n')], { ...jane, chain: [] }, { at: AT }),
)

/** The signed object with CRLs inside (RFC 5652 5.1). */
function withCrls(crls: readonly Buffer[]): Buffer {
  const [type, wrapped] = readElement(signed, { ber: true }).children()
  const fields = wrapped?.children()[0]?.children() ?? []
  assert.ok(type && fields.length === 5)
  const raw = fields.map((field) => field.raw)
  return sequence(type.raw, explicit(0, sequence(...raw.slice(0, 4), tlv(0xa1, ...crls), ...raw.slice(4))))
}

function judge(crls: readonly (Crl | Buffer)[], options: Partial<VerifyOptions> = {}) {
  const bytes = withCrls(crls.map((crl) => (Buffer.isBuffer(crl) ? crl : crl.raw)))
  const { status, reasons } = verifyCms(bytes, {
    ...{ anchors: [root.certificate], at: AT, revocation: 'require' },
    ...options,
  })
  return [status, ...reasons]
}

test('CRLs inside the message prove good and revoked', () => {
  assert.deepEqual(judge([makeCrl(root)]), ['valid'])
  assert.deepEqual(judge([makeCrl(root, [jane])]), ['invalid', 'certificate-revoked'])
  assert.deepEqual(judge([]), ['invalid', 'revocation-unknown'])
  assert.deepEqual(judge([makeCrl(root, [jane])], { revocation: 'none' }), ['valid'])
})

test('forged and damaged ones are as good as absent', () => {
  assert.deepEqual(judge([makeCrl(makeCa('Root'))]), ['invalid', 'revocation-unknown'])
  assert.deepEqual(judge([sequence(), makeCrl(root)]), ['valid'])
})

test('the operator knows more: the newest CRL counts', () => {
  const old = makeCrl(root, [], { thisUpdate: AT - 10 * 3_600_000 })
  assert.deepEqual(judge([old], { crls: [makeCrl(root, [jane])] }), ['invalid', 'certificate-revoked'])
})

/** OtherRevocationInfoFormat (RFC 5652 10.2.1, RFC 5940 2.1). */
const other = (format: string, info: Buffer): Buffer => tlv(0xa1, oid(format), info)
const answered = (status: 'good' | 'revoked', by = root, more = {}): Buffer =>
  other(
    Oid.idRiOcspResponse,
    ocspBytes(by, [{ certificate: jane.certificate, issuer: root.certificate, status, ...more }]),
  )

test('OCSP responses inside the message prove good and revoked', () => {
  assert.deepEqual(judge([answered('good')]), ['valid'])
  assert.deepEqual(judge([answered('revoked')]), ['invalid', 'certificate-revoked'])
  assert.deepEqual(judge([answered('good'), makeCrl(root, [jane])]), ['invalid', 'certificate-revoked'])
  assert.deepEqual(judge([answered('revoked'), makeCrl(root)]), ['invalid', 'certificate-revoked'])
  assert.deepEqual(judge([answered('revoked')], { revocation: 'none' }), ['valid'])
})

test('forged, outdated and unknown ones are as good as absent', () => {
  const unknown = ['invalid', 'revocation-unknown']
  assert.deepEqual(judge([answered('good', makeCa('Root'))]), unknown)
  assert.deepEqual(judge([answered('good', root, { thisUpdate: AT - 9e7, nextUpdate: AT - 8e7 })]), unknown)
  assert.deepEqual(
    judge([other('1.2.3.4', sequence()), other(Oid.idRiOcspResponse, sequence()), tlv(0xa1)]),
    unknown,
  )
  assert.deepEqual(judge([tlv(0xa1), answered('good')]), ['valid'])
})

/** Tests of the CRLs inside a CMS object (signers.ts): untrusted material whose signature counts, like the operator's. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AT, makeCa, makeLeaf } from '../../test/chain.ts'
import { makeCrl } from '../../test/revocation.ts'
import { signOpaque } from '../cms/sign.ts'
import { readElement } from '../der/reader.ts'
import { explicit, sequence, tlv } from '../der/writer.ts'
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

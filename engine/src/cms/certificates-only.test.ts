/** Certificates without a signature: what is written is read, and counts as unsigned. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NOW, intermediate, makePerson, root } from '../../test/pki.ts'
import { verifyCms } from '../smime/verify.ts'
import { EngineError } from '../errors.ts'
import { certificatesOnly } from './certificates-only.ts'
import { readContentInfo } from './content-info.ts'

test('certificates are carried without content and signers', () => {
  const alice = makePerson('alice', 'p256')
  const info = readContentInfo(certificatesOnly([alice.certificate, intermediate]))
  assert.ok(info.kind === 'signed-data')
  assert.equal(info.signers.length, 0)
  assert.equal(info.content, null)
  assert.deepEqual(new Set(info.certificates), new Set([alice.certificate.raw, intermediate.raw]))
})

test('certificates alone are no signature', () => {
  const verdict = verifyCms(certificatesOnly([root]), { anchors: [root], at: NOW, revocation: 'none' })
  assert.deepEqual([verdict.status, verdict.reasons], ['unsigned', ['not-signed']])
})

test('nothing is not written', () => {
  assert.throws(
    () => certificatesOnly([]),
    (error) => error instanceof EngineError && error.code === 'request-invalid',
  )
})

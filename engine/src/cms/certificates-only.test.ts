/** Certificates without a signature: what is written is read. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { intermediate, makePerson } from '../../test/pki.ts'
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

test('nothing is not written', () => {
  assert.throws(
    () => certificatesOnly([]),
    (error) => error instanceof EngineError && error.code === 'request-invalid',
  )
})

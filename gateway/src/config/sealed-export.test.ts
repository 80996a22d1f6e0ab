// Sealed values of an export: open only in their place and under their master key.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { sealForExport, unsealFromExport, type SealedPlace } from './sealed-export.ts'

const KEY = randomBytes(32)
const PLACE: SealedPlace = {
  kind: 'Tenant',
  tenant: null,
  name: 'contoso',
  pattern: '/secretHeader/outbound/*',
}

test('any text comes back, and the same text seals the same way', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (secret) => {
      const sealed = sealForExport(KEY, PLACE, secret)
      return (
        sealed.startsWith('sealed:') &&
        sealed === sealForExport(KEY, PLACE, secret) &&
        unsealFromExport(KEY, PLACE, sealed) === secret
      )
    }),
    { numRuns: 100 },
  )
})

test('nothing opens elsewhere', () => {
  const sealed = sealForExport(KEY, PLACE, 'secret')
  const places: SealedPlace[] = [
    { ...PLACE, kind: 'Credential' },
    { ...PLACE, tenant: 'contoso' },
    { ...PLACE, name: 'fabrikam' },
    { ...PLACE, pattern: '/secretHeader/inbound/*' },
  ]
  for (const place of places) assert.equal(unsealFromExport(KEY, place, sealed), null)
  assert.equal(unsealFromExport(randomBytes(32), PLACE, sealed), null)
})

test('different secrets and different places use different nonces', () => {
  const nonce = (sealed: string) => Buffer.from(sealed.slice(7), 'base64').subarray(1, 13).toString('hex')
  const nonces = [
    sealForExport(KEY, PLACE, 'a'),
    sealForExport(KEY, PLACE, 'b'),
    sealForExport(KEY, { ...PLACE, name: 'fabrikam' }, 'a'),
    sealForExport(randomBytes(32), PLACE, 'a'),
  ].map(nonce)
  assert.equal(new Set(nonces).size, nonces.length)
})

test('an altered or truncated value does not open', () => {
  const bytes = Buffer.from(sealForExport(KEY, PLACE, 'secret').slice(7), 'base64')
  for (let index = 0; index < bytes.length; index++) {
    const altered = Buffer.from(bytes)
    altered[index] = (altered[index] ?? 0) ^ 1
    assert.equal(unsealFromExport(KEY, PLACE, `sealed:${altered.toString('base64')}`), null)
    assert.equal(unsealFromExport(KEY, PLACE, `sealed:${bytes.subarray(0, index).toString('base64')}`), null)
  }
  for (const text of ['', 'sealed:', 'secret', 'sealed:!!!'])
    assert.equal(unsealFromExport(KEY, PLACE, text), null)
})

/**
 * Tests that the shipped authorities can be made again from the built-in token of NSS on this machine, and are what they say.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { MAIL_ROOTS, MAIL_ROOTS_VERSION } from '../gateway/src/trust/mail-roots-data.ts'
import { mailRootsVersion, readMailRoots } from './mail-roots.ts'

test('the shipped authorities are those of the token', () => {
  const made = readMailRoots()
  assert.ok(made.length > 50)
  const kept = MAIL_ROOTS.map(([name, sha256, distrustAfter, der]) => ({ name, sha256, der, distrustAfter }))
  // Another NSS has another list: then only what is in both is compared.
  const same = mailRootsVersion() === MAIL_ROOTS_VERSION
  const known = new Set(made.map(({ sha256 }) => sha256))
  if (same) assert.deepEqual(kept, made)
  else assert.ok(kept.filter(({ sha256 }) => known.has(sha256)).length > 50)
})

test('each authority has the fingerprint that stands beside it, and stands there once', () => {
  for (const [name, sha256, , der] of MAIL_ROOTS)
    assert.equal(createHash('sha256').update(Buffer.from(der, 'base64')).digest('hex'), sha256, name)
  assert.equal(new Set(MAIL_ROOTS.map(([, sha256]) => sha256)).size, MAIL_ROOTS.length)
})

// OpenSSL judges our certificate requests: signature, names, usages, kind of key.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { KEY_KINDS, makeKey, requestFor, requestPem } from './request.ts'

const EXPECTED = {
  'rsa-2048': /Public-Key: \(2048 bit\)/,
  'rsa-3072': /Public-Key: \(3072 bit\)/,
  'rsa-4096': /Public-Key: \(4096 bit\)/,
  'p-256': /NIST CURVE: P-256/,
  'p-384': /NIST CURVE: P-384/,
} as const

for (const kind of KEY_KINDS)
  test(`a request with a key of kind ${kind}`, async () => {
    const pem = requestPem(requestFor('smime.contoso.com', await makeKey(kind), true))
    const text = execFileSync('openssl', ['req', '-verify', '-noout', '-text'], {
      input: pem,
      encoding: 'utf8',
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    assert.match(text, EXPECTED[kind])
    assert.match(text, /Subject: CN = smime\.contoso\.com/)
    assert.match(text, /X509v3 Subject Alternative Name:\s+DNS:smime\.contoso\.com\n/)
    assert.match(text, /TLS Web Server Authentication, TLS Web Client Authentication/)
  })

test('a name that is too long for a common name stands in the SAN alone, and no usages are asked for by ACME', async () => {
  const host = `${'a'.repeat(60)}.contoso.com`
  const pem = requestPem(requestFor(host, await makeKey('p-256'), false))
  const text = execFileSync('openssl', ['req', '-verify', '-noout', '-text'], {
    input: pem,
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  assert.doesNotMatch(text, /CN =/)
  assert.match(text, new RegExp(`DNS:${host}`))
  assert.doesNotMatch(text, /Extended Key Usage/)
})

// OpenSSL judges our certificate requests: signature, names, usages, kind of key; and issues what we must refuse.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { readCertificates } from '@siegel/engine'
import { keyToPem } from '../config/certificates.ts'
import { checkIdentity } from './check.ts'
import { orderChain } from './material.ts'
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

test('a certificate that OpenSSL issues for our request is good; with SHA-1 it is refused', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'siegel-request-'))
  t.after(() => {
    rmSync(folder, { recursive: true })
  })
  const at = (name: string) => join(folder, name)
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'pipe' })
  const key = await makeKey('rsa-2048')
  writeFileSync(at('csr'), requestPem(requestFor('smime.contoso.com', key, true)))
  writeFileSync(at('ca.key'), keyToPem(await makeKey('rsa-2048')))
  openssl(
    'req',
    '-x509',
    '-new',
    '-key',
    at('ca.key'),
    '-subj',
    '/CN=Peer Root',
    '-days',
    '900',
    '-out',
    at('ca'),
  )
  const issued = (digest: string) => {
    const ca = ['-CA', at('ca'), '-CAkey', at('ca.key'), '-CAcreateserial', '-copy_extensions', 'copy']
    openssl('x509', '-req', '-in', at('csr'), ...ca, '-days', '300', `-${digest}`, '-out', at('leaf'))
    const [leaf] = readCertificates(openssl('x509', '-in', at('leaf')))
    assert.ok(leaf)
    const publicRoots = readCertificates(openssl('x509', '-in', at('ca')))
    const now = Date.now() + 1000
    const chain = orderChain(leaf, [leaf], [], { publicRoots, own: [] }, now)
    return checkIdentity({ chain, host: 'smime.contoso.com', uses: ['server', 'client'], at: now })
      .filter(({ verdict }) => verdict !== 'good')
      .map(({ code }) => code)
  }
  assert.deepEqual(issued('sha256'), [])
  assert.deepEqual(issued('sha1'), ['signature-old'])
})

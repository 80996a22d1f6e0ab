// The issuer of test certificates, judged by node:crypto and by a real TLS handshake; and the judge of chains.
import assert from 'node:assert/strict'
import test from 'node:test'
import { issue, makeAuthority, makeKey, selfSigned } from './certificates.ts'
import { judgeChain } from './tls/chain.ts'
import { certificateNames, certificateSatisfies, presentedNameCovers } from './tls/names.ts'

const root = makeAuthority({ commonName: 'Root' })
const middle = makeAuthority({ commonName: 'Middle', issuer: root })
const now = new Date()
const anchors = [root.x509]

test('certificates of every key type verify under their authority and say what was asked', () => {
  for (const keyType of ['rsa2048', 'p256', 'p384', 'ed25519'] as const) {
    const authority = makeAuthority({ commonName: `Root ${keyType}`, keyType })
    const made = issue(authority, {
      commonName: 'a.example',
      dnsNames: ['a.example', '*.b.example'],
      keyType,
    })
    assert.ok(made.x509.verify(authority.x509.publicKey))
    assert.ok(made.x509.checkIssued(authority.x509))
    assert.ok(made.x509.checkPrivateKey(made.privateKey))
    assert.equal(made.x509.subjectAltName, 'DNS:a.example, DNS:*.b.example')
    assert.equal(made.x509.ca, false)
    assert.equal(authority.x509.ca, true)
  }
})

test('mail certificates carry the address and the usage', () => {
  const key = makeKey('p256')
  const made = issue(root, { commonName: 'Ann', organization: 'Contoso', emails: ['ann@contoso.com'], key })
  assert.equal(made.x509.checkEmail('ann@contoso.com'), 'ann@contoso.com')
  assert.deepEqual(made.x509.keyUsage, ['1.3.6.1.5.5.7.3.4'])
  assert.equal(made.privateKey, key)
  assert.equal(made.x509.subject, 'O=Contoso\nCN=Ann')
})

test('dates from 2050 on are written as GeneralizedTime', () => {
  const made = issue(root, { commonName: 'a.example', notAfter: new Date('2055-01-02T03:04:05Z') })
  assert.equal(made.x509.validToDate.toISOString(), '2055-01-02T03:04:05.000Z')
})

test('a chain is trusted through its intermediates and refused with the reason', () => {
  const leaf = issue(middle, { commonName: 'a.example' })
  assert.deepEqual(judgeChain([leaf.x509, middle.x509], { anchors, at: now }), { trusted: true })
  assert.deepEqual(judgeChain([leaf.x509], { anchors, at: now }), {
    trusted: false,
    problem: 'UntrustedRoot',
  })
  assert.deepEqual(judgeChain([], { anchors, at: now }), { trusted: false, problem: 'UntrustedRoot' })
  const alone = selfSigned({ commonName: 'a.example' })
  assert.deepEqual(judgeChain([alone.x509], { anchors, at: now }), {
    trusted: false,
    problem: 'UntrustedRoot',
  })
  const later = { anchors, at: new Date(now.getTime() + 60 * 86_400_000) }
  assert.deepEqual(judgeChain([leaf.x509, middle.x509], later), {
    trusted: false,
    problem: 'CertificateExpired',
  })
  const weak = issue(root, { commonName: 'a.example', hash: 'sha1' })
  assert.deepEqual(judgeChain([weak.x509], { anchors, at: now }), {
    trusted: false,
    problem: 'WeakSignature',
  })
})

test('a leaf cannot stand in for an authority', () => {
  const leaf = issue(root, { commonName: 'leaf.example' })
  const forged = issue({ ...leaf, root: root.root }, { commonName: 'victim.example' })
  assert.deepEqual(judgeChain([forged.x509, leaf.x509], { anchors, at: now }), {
    trusted: false,
    problem: 'UntrustedRoot',
  })
})

test('names: one label for a wildcard in a certificate, any depth for a wildcard that is asked for', () => {
  assert.ok(presentedNameCovers('*.contoso.com', 'gw.contoso.com'))
  assert.ok(!presentedNameCovers('*.contoso.com', 'a.gw.contoso.com'))
  assert.ok(!presentedNameCovers('*.contoso.com', 'contoso.com'))
  const made = issue(root, { commonName: 'GW.contoso.com', dnsNames: ['a.b.contoso.com'] })
  assert.deepEqual(certificateNames(made.x509), ['gw.contoso.com', 'a.b.contoso.com'])
  assert.ok(certificateSatisfies(made.x509, '*.contoso.com'))
  assert.ok(certificateSatisfies(made.x509, 'gw.contoso.com'))
  assert.ok(!certificateSatisfies(made.x509, 'b.contoso.com'))
})

/** Tests of path.ts, path-rules.ts, purpose.ts, key-strength.ts and profile.ts: each rule with the reason it gives. */
import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import { test } from 'node:test'
import { AT, make, makeCa, makeLeaf } from '../../test/chain.ts'
import type { Holder } from '../../test/chain.ts'
import { writeAlgorithm } from '../der/algorithm.ts'
import { Oid } from '../der/oid.ts'
import { writePem } from '../der/pem.ts'
import { readElement } from '../der/reader.ts'
import { bits, boolean, integer, nil, octets, oid, sequence } from '../der/writer.ts'
import type { Reason } from '../reasons.ts'
import { Certificate, parseCertificate } from './certificate.ts'
import type { Extension, KeyUsage } from './extensions.ts'
import { buildPath } from './path.ts'
import type { PathOptions } from './path-options.ts'
import { readCertificates } from './read-certificates.ts'

const root = makeCa('Root')
const ca = makeCa('CA', { by: root })
const leaf = makeLeaf('jane', ca)
const DAY = 86_400_000

const subjectKeyId = {
  oid: Oid.idCeSubjectKeyIdentifier,
  critical: false,
  value: octets(Buffer.alloc(20, 1)),
}

type Given = Partial<Omit<PathOptions, 'anchors' | 'intermediates'>> & {
  readonly anchors?: readonly (Holder | Certificate)[]
  readonly intermediates?: readonly (Holder | Certificate)[]
}
const certificateOf = (item: Holder | Certificate): Certificate =>
  item instanceof Certificate ? item : item.certificate

function judge(target: Holder | Certificate, given: Given = {}) {
  const { anchors = [root], intermediates = [ca], ...rest } = given
  return buildPath(certificateOf(target), {
    at: AT,
    purpose: 'email-sign',
    revocation: 'none',
    ...rest,
    anchors: anchors.map(certificateOf),
    intermediates: intermediates.map(certificateOf),
  })
}

function refuses(reason: Reason, target: Holder | Certificate, given: Given = {}): void {
  const result = judge(target, given)
  assert.equal(result.valid, false)
  assert.ok(result.reasons.includes(reason), `${reason} in ${result.reasons.join()}`)
}

test('a chain is found, leaf first, anchor last', () => {
  const result = judge(leaf, { address: { email: 'JANE@example.org' } })
  assert.deepEqual([result.valid, result.reasons, result.weak], [true, [], []])
  assert.deepEqual(result.path, [leaf.certificate, ca.certificate, root.certificate])
})

test('any certificate can be an anchor, self-signed or not (RFC 5280 6.1.1)', () => {
  assert.deepEqual(judge(leaf, { anchors: [ca], intermediates: [] }).path.length, 2)
  assert.ok(judge(leaf, { anchors: [leaf], intermediates: [] }).valid)
})

test('without an issuer there is no path', () => {
  refuses('issuer-not-found', leaf, { intermediates: [] })
  refuses('issuer-not-found', leaf, { anchors: [] })
  refuses('issuer-not-found', root, { anchors: [ca] })
})

test('an issuer of the right name with another key does not do', () => {
  refuses('certificate-signature-invalid', leaf, { intermediates: [makeCa('CA', { by: root })] })
  refuses('certificate-signature-invalid', leaf, { anchors: [makeCa('Root')] })
})

test('a damaged signature does not do', () => {
  const bytes = Buffer.from(leaf.certificate.raw)
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1
  refuses('certificate-signature-invalid', parseCertificate(bytes))
})

test('dates of every certificate count, to the second and inclusively', () => {
  const short = makeLeaf('jane', ca, {}, { notBefore: AT, notAfter: AT + 1000 })
  for (const at of [AT, AT + 1000, AT + 1999]) assert.ok(judge(short, { at }).valid)
  refuses('certificate-not-yet-valid', short, { at: AT - 1 })
  refuses('certificate-expired', short, { at: AT + 2000 })
  const old = makeCa('CA', { by: root, key: ca.key, notAfter: AT - DAY })
  refuses('certificate-expired', leaf, { intermediates: [old] })
  const oldRoot = makeCa('Root', { key: root.key, notAfter: AT - DAY })
  refuses('certificate-expired', leaf, { anchors: [oldRoot] })
})

test('a moment that is none is a mistake of the caller', () => {
  assert.throws(() => judge(leaf, { at: NaN }), RangeError)
})

test('of several chains a valid one is found', () => {
  const old = makeCa('CA', { by: root, key: ca.key, notAfter: AT - DAY })
  const stranger = makeCa('Other root')
  const cross = makeCa('CA', { by: stranger, key: ca.key })
  assert.ok(judge(leaf, { intermediates: [old, cross, ca] }).valid)
  assert.ok(judge(leaf, { intermediates: [cross], anchors: [root, stranger] }).valid)
  const crossRoot = makeCa('Root', { by: stranger, key: root.key })
  assert.deepEqual(judge(leaf, { intermediates: [ca, crossRoot], anchors: [stranger] }).path.length, 4)
})

test('cross certificates in a circle end', () => {
  const a = makeCa('A')
  const b = makeCa('B')
  const aByB = makeCa('A', { by: b, key: a.key })
  const bByA = makeCa('B', { by: a, key: b.key })
  refuses('issuer-not-found', makeLeaf('jane', a), { intermediates: [aByB, bByA] })
})

test('an issuer must be a CA', () => {
  const notCa = make('CA', {}, { by: root, key: ca.key })
  refuses('issuer-not-ca', leaf, { intermediates: [notCa] })
  refuses('issuer-not-ca', leaf, { anchors: [notCa], intermediates: [] })
  const noSign = makeCa('CA', { by: root, key: ca.key, extensions: { keyUsage: ['cRLSign'] } })
  refuses('issuer-not-ca', leaf, { intermediates: [noSign] })
})

test('a version 1 certificate is a CA only as an anchor', () => {
  const version1 = (by: Holder | null) => make('CA', { keyIds: false }, { by, key: ca.key })
  assert.equal(version1(null).certificate.version, 1)
  assert.ok(judge(leaf, { anchors: [version1(null)], intermediates: [] }).valid)
  refuses('issuer-not-ca', leaf, { intermediates: [version1(root)] })
})

test('path length counts the CAs between, without self-issued ones', () => {
  const limited = makeCa('Limited', { by: root, extensions: { pathLength: 0 } })
  const renewed = makeCa('Limited', { by: limited })
  const below = makeCa('Below', { by: limited })
  assert.ok(judge(makeLeaf('a', limited), { intermediates: [limited] }).valid)
  assert.ok(judge(makeLeaf('a', renewed), { intermediates: [limited, renewed] }).valid)
  refuses('path-length-exceeded', makeLeaf('a', below), { intermediates: [limited, below] })
  const rootZero = makeCa('Root', { key: root.key, extensions: { pathLength: 0 } })
  refuses('path-length-exceeded', leaf, { anchors: [rootZero] })
})

test('the chain is not longer than the limit', () => {
  assert.ok(judge(leaf, { maxDepth: 1 }).valid)
  refuses('path-too-deep', leaf, { maxDepth: 0 })
  const cas = [ca]
  for (let i = 0; i < 10; i++) cas.push(makeCa(`CA ${i}`, { by: cas[i] ?? ca }))
  const deep = makeLeaf('deep', cas[10] ?? ca)
  refuses('path-too-deep', deep, { intermediates: cas })
  assert.equal(judge(deep, { intermediates: cas, maxDepth: 11 }).path.length, 13)
})

test('extended key usage: of the leaf and of CAs', () => {
  const leafWith = (...usages: readonly string[]) => makeLeaf('jane', ca, { extendedKeyUsage: usages })
  assert.ok(judge(leafWith(Oid.anyExtendedKeyUsage)).valid)
  refuses('extended-key-usage-mismatch', leafWith(Oid.idKpServerAuth))
  assert.ok(judge(make('jane', {}, { by: ca })).valid)
  const tlsCa = makeCa('CA', {
    by: root,
    key: ca.key,
    extensions: { extendedKeyUsage: [Oid.idKpServerAuth] },
  })
  refuses('extended-key-usage-mismatch', leaf, { intermediates: [tlsCa] })
  assert.ok(judge(leafWith(Oid.idKpServerAuth), { purpose: 'any', intermediates: [tlsCa] }).valid)
})

test('key usage by purpose', () => {
  const signOnly = makeLeaf('jane', ca, { keyUsage: ['digitalSignature'] })
  const encryptOnly = makeLeaf('jane', ca, { keyUsage: ['keyAgreement'] })
  assert.ok(judge(signOnly, { purpose: 'email-sign' }).valid)
  assert.ok(judge(makeLeaf('jane', ca, { keyUsage: ['nonRepudiation'] }), { purpose: 'email-sign' }).valid)
  refuses('key-usage-mismatch', signOnly, { purpose: 'email-encrypt' })
  assert.ok(judge(encryptOnly, { purpose: 'email-encrypt' }).valid)
  refuses('key-usage-mismatch', encryptOnly, { purpose: 'email-sign' })
  assert.ok(judge(encryptOnly, { purpose: 'email' }).valid && judge(signOnly, { purpose: 'email' }).valid)
  // An EC key cannot take key transport
  refuses('key-usage-mismatch', makeLeaf('jane', ca, { keyUsage: ['keyEncipherment'] }), {
    purpose: 'email-encrypt',
  })
  refuses('key-usage-mismatch', makeLeaf('jane', ca, { keyUsage: ['keyCertSign'] }), { purpose: 'email' })
})

test('the address must be in the certificate', () => {
  refuses('address-mismatch', leaf, { address: { email: 'john@example.org' } })
  refuses('address-mismatch', leaf, { address: { email: 'jane@example.org ' } })
  const server = make(
    'x',
    { dnsNames: ['mail.example.org'], ipAddresses: ['192.0.2.1'] },
    { by: ca, subject: { CN: 'cn.example.org' } },
  )
  const tls = { purpose: 'tls-server' } as const
  assert.ok(judge(server, { ...tls, address: { dns: 'mail.example.org' } }).valid)
  assert.ok(judge(server, { ...tls, address: { ip: '192.0.2.1' } }).valid)
  refuses('address-mismatch', server, { ...tls, address: { ip: '192.0.2.2' } })
  refuses('address-mismatch', server, { ...tls, address: { dns: 'cn.example.org' } })
})

const unknown = { oid: '1.3.6.1.4.1.99999.1', critical: true, value: nil() }
test('a critical extension that is not understood makes the chain invalid, wherever it is', () => {
  refuses('critical-extension-unknown', makeLeaf('jane', ca, { other: [unknown] }))
  const strangeCa = makeCa('CA', { by: root, key: ca.key, extensions: { other: [unknown] } })
  refuses('critical-extension-unknown', leaf, { intermediates: [strangeCa] })
  assert.ok(judge(leaf, { intermediates: [strangeCa, ca] }).valid)
  assert.ok(judge(makeLeaf('jane', ca, { other: [{ ...unknown, critical: false }] })).valid)
})

test('short RSA keys are weak or refused', () => {
  const rsa = (modulusLength: number) => generateKeyPairSync('rsa', { modulusLength }).privateKey
  const weak = makeLeaf('jane', ca, {}, { key: rsa(1024) })
  refuses('weak-key', weak)
  const allowed = judge(weak, { allowWeak: true })
  assert.deepEqual([allowed.valid, allowed.weak, allowed.reasons], [true, ['weak-key'], ['weak-key']])
  refuses('key-refused', makeLeaf('jane', ca, {}, { key: rsa(768) }), { allowWeak: true })
  const tiny = makeCa('Tiny', { by: root, key: rsa(768) })
  refuses('key-refused', makeLeaf('jane', tiny), { intermediates: [tiny], allowWeak: true })
})

test('curves that are not accepted are refused', () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'secp256k1' })
  refuses('key-refused', makeLeaf('jane', ca, {}, { key: privateKey }), { allowWeak: true })
})

/** The leaf signed anew by the RSA root with an old algorithm. */
function resigned(signer: Holder, algorithm: Buffer, hash: string): Certificate {
  const parts = readElement(leaf.certificate.tbs)
    .children()
    .map((child) => child.raw)
  parts[2] = algorithm
  parts[3] = signer.certificate.subject.raw
  const tbs = sequence(...parts)
  return parseCertificate(sequence(tbs, algorithm, bits(sign(hash, tbs, signer.key))))
}

test('SHA-1 is weak, MD5 is refused', () => {
  const signer = makeCa('RSA root', { key: generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey })
  const sha1 = resigned(signer, writeAlgorithm(Oid.sha1WithRSAEncryption, nil()), 'sha1')
  refuses('weak-signature', sha1, { anchors: [signer] })
  assert.deepEqual(judge(sha1, { anchors: [signer], allowWeak: true }).weak, ['weak-signature'])
  const md5 = resigned(signer, writeAlgorithm(Oid.md5WithRSAEncryption, nil()), 'md5')
  refuses('signature-refused', md5, { anchors: [signer], allowWeak: true })
})

test('the signature of an anchor on itself does not count', () => {
  const bytes = Buffer.from(root.certificate.raw)
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1
  assert.ok(judge(leaf, { anchors: [parseCertificate(bytes)] }).valid)
})

test('all kinds of good keys make chains', () => {
  for (const key of [
    generateKeyPairSync('ed25519').privateKey,
    generateKeyPairSync('ed448').privateKey,
    generateKeyPairSync('ml-dsa-65').privateKey,
    generateKeyPairSync('ec', { namedCurve: 'brainpoolP384r1' }).privateKey,
  ]) {
    const other = makeCa('Other', { by: root, key })
    assert.ok(judge(makeLeaf('jane', other), { intermediates: [other] }).valid)
  }
  const rsa = makeCa('RSA', { by: root, key: generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey })
  assert.ok(judge(makeLeaf('jane', rsa, {}, { signature: { pss: true } }), { intermediates: [rsa] }).valid)
})

test('revocation: unknown is noted, required, or not asked', () => {
  assert.deepEqual(judge(leaf, { revocation: 'prefer' }).reasons, ['revocation-unknown'])
  assert.ok(judge(leaf, { revocation: 'prefer' }).valid)
  refuses('revocation-unknown', leaf, { revocation: 'require' })
})

test('the rules for issuers count for TLS and not for mail', () => {
  const plain = make('x', { dnsNames: ['a_b.example.org'], keyIds: false }, { by: ca })
  assert.ok(judge(plain).valid)
  refuses('certificate-profile-violated', plain, { purpose: 'tls-server' })
  refuses('certificate-profile-violated', plain, { profile: 'strict' })
  const zero = makeLeaf('jane', ca, {}, { serial: Buffer.from([0]) })
  assert.ok(judge(zero).valid)
  refuses('certificate-profile-violated', zero, { profile: 'strict' })
  const critical = makeLeaf('jane', ca, {
    keyIds: false,
    other: [{ oid: Oid.idCeAuthorityKeyIdentifier, critical: true, value: sequence() }],
  })
  refuses('certificate-profile-violated', critical, { profile: 'strict' })
})

test('a path length without CA breaks the strict rules only; an anchor with settings is not asked for any', () => {
  const basic = (critical: boolean, ...content: readonly Buffer[]) => ({
    keyUsage: ['digitalSignature'] as const,
    other: [{ oid: Oid.idCeBasicConstraints, critical, value: sequence(...content) }],
  })
  const limited = make('x', { ...basic(true, integer(0)), dnsNames: ['a.example.org'] }, { by: ca })
  assert.ok(judge(limited, { purpose: 'tls-server' }).valid)
  refuses('certificate-profile-violated', limited, { purpose: 'tls-server', profile: 'strict' })
  const old = make('Old', {
    ...basic(false, boolean(true)),
    keyUsage: ['keyCertSign'],
  })
  const host = make('x', { dnsNames: ['a.example.org'] }, { by: old })
  const given: Given = { anchors: [old], intermediates: [], purpose: 'tls-server' }
  refuses('certificate-profile-violated', host, given)
  assert.ok(judge(host, { ...given, profile: 'tolerant' }).valid)
  const settings = sequence(sequence(oid(Oid.idKpServerAuth)))
  const pem = writePem('TRUSTED CERTIFICATE', Buffer.concat([old.certificate.raw, settings]))
  assert.ok(judge(host, { ...given, anchors: readCertificates(Buffer.from(pem)) }).valid)
})

test("a wanted strength counts for all keys, the anchor too, and for signatures but not the anchor's own", () => {
  assert.ok(judge(leaf, { minimumStrength: 128 }).valid)
  refuses('key-refused', leaf, { minimumStrength: 129 })
  const rsa = (modulusLength: number) => generateKeyPairSync('rsa', { modulusLength }).privateKey
  const small = makeCa('Small', { key: rsa(2048) })
  const given: Given = { anchors: [small], intermediates: [] }
  assert.ok(judge(makeLeaf('jane', small), { ...given, minimumStrength: 112 }).valid)
  refuses('key-refused', makeLeaf('jane', small), { ...given, minimumStrength: 113, allowWeak: true })
  const key = () => generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey
  const large = makeCa('Large', { key: key(), signature: { digest: 'sha256' } })
  const anchored: Given = { anchors: [large], intermediates: [], minimumStrength: 192 }
  const signed = (digest: 'sha256' | 'sha384') =>
    makeLeaf('jane', large, {}, { key: key(), signature: { digest } })
  assert.ok(judge(signed('sha384'), anchored).valid)
  refuses('signature-refused', signed('sha256'), { ...anchored, allowWeak: true })
})

test('a time stamp and signed code want a certificate of their own', () => {
  const extended = (critical: boolean, ...purposes: readonly string[]) => ({
    oid: Oid.idCeExtKeyUsage,
    ...{ critical, value: sequence(...purposes.map((purpose) => oid(purpose))) },
  })
  const holder = (keyUsage: readonly KeyUsage[], ...other: readonly Extension[]) =>
    make('x', { ...(keyUsage.length === 0 ? {} : { keyUsage }), other }, { by: ca })
  const stamp = extended(true, Oid.idKpTimeStamping)
  const stamps: Given = { purpose: 'time-stamping' }
  for (const good of [
    holder([], stamp),
    holder(['digitalSignature'], stamp),
    holder(['nonRepudiation'], stamp),
  ])
    assert.ok(judge(good, stamps).valid)
  const not = 'extended-key-usage-mismatch'
  refuses(not, holder(['digitalSignature']), stamps)
  refuses(not, holder(['digitalSignature'], extended(false, Oid.idKpTimeStamping)), stamps)
  refuses(not, holder([], extended(true, Oid.idKpTimeStamping, Oid.idKpServerAuth)), stamps)
  refuses(not, holder(['digitalSignature', 'keyEncipherment'], stamp), stamps)
  refuses('key-usage-mismatch', holder(['keyEncipherment'], stamp), stamps)
  refuses(not, holder(['digitalSignature'], extended(true, Oid.anyExtendedKeyUsage)), stamps)
  const code = extended(false, Oid.idKpCodeSigning)
  const codes: Given = { purpose: 'code-signing' }
  assert.ok(judge(holder(['digitalSignature'], code), codes).valid)
  refuses(not, holder([], code), codes)
  refuses(not, holder(['digitalSignature']), codes)
  refuses(not, holder(['digitalSignature', 'cRLSign'], code), codes)
  refuses(not, holder(['digitalSignature'], extended(false, Oid.idKpCodeSigning, Oid.idKpServerAuth)), codes)
  refuses('key-usage-mismatch', holder(['keyEncipherment'], code), codes)
})

test('a host constraint with a leading dot breaks the rules for issuers', () => {
  const dotted = makeCa('Dotted', {
    by: root,
    extensions: { nameConstraints: { permitted: { dnsNames: ['.example.org'] } } },
  })
  const host = make('x', { dnsNames: ['a.example.org'] }, { by: dotted })
  const given: Given = { intermediates: [dotted], purpose: 'tls-server' }
  assert.ok(judge(host, { ...given, profile: 'tolerant' }).valid)
  refuses('certificate-profile-violated', host, given)
})

test('where mail is not the purpose, a common name of the form of a host must be permitted too', () => {
  const narrow = makeCa('Narrow', {
    by: root,
    extensions: { nameConstraints: { permitted: { dnsNames: ['example.org'] } } },
  })
  const given: Given = { intermediates: [narrow], purpose: 'any' }
  for (const name of ['www.example.net', 'jane.doe']) {
    refuses('name-constraint-violated', make(name, {}, { by: narrow }), given)
    assert.ok(judge(make(name, {}, { by: narrow }), { ...given, purpose: 'email' }).valid)
  }
  for (const name of ['www.example.org', 'Jane Doe', 'localhost'])
    assert.ok(judge(make(name, {}, { by: narrow }), given).valid)
  assert.ok(judge(make('www.example.net', { dnsNames: ['example.org'] }, { by: narrow }), given).valid)
})

test('only a self-signed certificate goes without an authority key identifier where rules for issuers count', () => {
  const strict: Given = { profile: 'strict', purpose: 'any' }
  const bare = makeCa('Bare', { extensions: { keyIds: false, other: [subjectKeyId] } })
  const renewed = makeCa('Bare', { by: bare, extensions: { keyIds: false, other: [subjectKeyId] } })
  assert.ok(judge(bare, { ...strict, anchors: [bare] }).valid)
  refuses('certificate-profile-violated', renewed, { ...strict, anchors: [bare] })
})

test('a CA without a name is refused everywhere', () => {
  const nameless = makeCa('x', { subject: {} })
  refuses('certificate-profile-violated', makeLeaf('jane', nameless), { anchors: [nameless] })
})

test('the work is bounded, whatever the material', () => {
  const cas: Holder[] = []
  for (let level = 0; level < 6; level++)
    for (let copy = 0; copy < 8; copy++)
      cas.push(
        makeCa(`Level ${level}`, {
          by: cas[(level - 1) * 8 + copy] ?? null,
          key: cas[level * 8]?.key ?? ca.key,
        }),
      )
  // Every certificate of a level has the same name and key, so that each fits each: 8^6 chains and none to an anchor
  const target = makeLeaf('jane', cas[40] ?? ca)
  const start = performance.now()
  const result = judge(target, { intermediates: cas, anchors: [makeCa('Nobody')] })
  assert.equal(result.valid, false)
  assert.ok(performance.now() - start < 2000)
  const strangers = Array.from({ length: 150 }, () => makeCa('CA'))
  refuses('path-search-exhausted', leaf, { intermediates: strangers })
})

/**
 * SignedData that must not pass: every rule of RFC 5652 5.3, 5.4 and 11 that attackers like to see forgotten.
 * Each case is built by hand with a good signature value, so that only the rule in question can refuse it.
 */
import assert from 'node:assert/strict'
import { createHash, sign } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { NOW, makePerson } from '../../test/pki.ts'
import { writeAlgorithm } from '../der/algorithm.ts'
import { Oid } from '../der/oid.ts'
import {
  explicit,
  implicit,
  integer,
  nil,
  octets,
  oid,
  sequence,
  set,
  setOf,
  time,
  tlv,
} from '../der/writer.ts'
import { EngineError } from '../errors.ts'
import { parseCertificate } from '../x509/certificate.ts'
import type { Certificate } from '../x509/certificate.ts'
import { writeAttribute } from './attributes.ts'
import { readContentInfo } from './content-info.ts'
import { signDetached } from './sign.ts'
import { certificatesOf, verifySignedData } from './verify.ts'

const alice = makePerson('alice', 'rsa')
const CONTENT = Buffer.from('Pay 10 EUR\r\n')
const sha256 = writeAlgorithm(Oid.sha256)

const contentType = writeAttribute(Oid.idContentType, oid(Oid.idData))
const digestOf = (content: Buffer) => octets(createHash('sha256').update(content).digest())
const messageDigest = writeAttribute(Oid.idMessageDigest, digestOf(CONTENT))

interface Recipe {
  readonly attributes?: readonly Buffer[] | null
  /** Signed as it stands instead of in DER's order. */
  readonly unsorted?: boolean
  readonly type?: string
  readonly content?: Buffer
  readonly digestAlgorithm?: Buffer
  readonly signatureAlgorithm?: Buffer
  readonly hash?: string
  readonly copies?: number
}

function build(recipe: Recipe): Buffer {
  const { attributes = [contentType, messageDigest], content = CONTENT, hash = 'sha256' } = recipe
  const collected =
    attributes === null ? null : recipe.unsorted === true ? tlv(0x31, ...attributes) : setOf(attributes)
  const signature = sign(hash, collected ?? content, alice.key)
  const digestAlgorithm = recipe.digestAlgorithm ?? sha256
  const signer = sequence(
    integer(1),
    alice.certificate.issuerAndSerial,
    digestAlgorithm,
    ...(collected === null ? [] : [implicit(0, collected)]),
    recipe.signatureAlgorithm ?? writeAlgorithm(Oid.rsaEncryption, nil()),
    octets(signature),
  )
  const signedData = sequence(
    integer(1),
    set(digestAlgorithm),
    sequence(oid(recipe.type ?? Oid.idData), explicit(0, octets(content))),
    implicit(0, set(alice.certificate.raw)),
    set(...Array.from({ length: recipe.copies ?? 1 }, () => signer)),
  )
  return sequence(oid(Oid.idSignedData), explicit(0, signedData))
}

function reasons(bytes: Buffer): readonly string[] {
  const info = readContentInfo(bytes)
  assert.ok(info.kind === 'signed-data')
  const checks = verifySignedData(info, null, certificatesOf(info))
  for (const check of checks) assert.equal(check.intact, check.reasons.length === 0)
  return checks.flatMap((check) => check.reasons)
}

const attribute = writeAttribute

const signedAlgorithms = (digest: Buffer, signature: Buffer) =>
  attribute(Oid.idAaCmsAlgorithmProtect, sequence(digest, implicit(1, signature)))
const rsa = writeAlgorithm(Oid.rsaEncryption, nil())

const cases: readonly (readonly [string, Recipe, readonly string[]])[] = [
  ['the plain case is good', {}, []],
  ['no signed attributes over id-data is good', { attributes: null }, []],
  [
    'attributes signed in the order of the sender are good',
    { attributes: [messageDigest, contentType], unsorted: true },
    [],
  ],
  ['contentType is missing', { attributes: [messageDigest] }, ['attribute-missing']],
  ['messageDigest is missing', { attributes: [contentType] }, ['attribute-missing']],
  ['the set of attributes is empty', { attributes: [] }, ['cms-malformed']],
  [
    'messageDigest occurs twice',
    { attributes: [contentType, messageDigest, messageDigest] },
    ['attribute-duplicate'],
  ],
  [
    'messageDigest occurs twice, the second one for other content',
    {
      attributes: [
        contentType,
        messageDigest,
        attribute(Oid.idMessageDigest, digestOf(Buffer.from('other'))),
      ],
    },
    ['attribute-duplicate'],
  ],
  [
    'messageDigest has two values',
    {
      attributes: [
        contentType,
        sequence(oid(Oid.idMessageDigest), set(digestOf(CONTENT), digestOf(Buffer.from('other')))),
      ],
    },
    ['attribute-duplicate'],
  ],
  [
    'messageDigest has no value',
    { attributes: [contentType, sequence(oid(Oid.idMessageDigest), set())] },
    ['attribute-duplicate'],
  ],
  [
    'contentType occurs twice',
    { attributes: [contentType, contentType, messageDigest] },
    ['attribute-duplicate'],
  ],
  [
    'signingTime occurs twice',
    {
      attributes: [
        contentType,
        messageDigest,
        attribute(Oid.idSigningTime, time(NOW)),
        attribute(Oid.idSigningTime, time(0)),
      ],
    },
    ['attribute-duplicate'],
  ],
  [
    'contentType is another than that of the content',
    { attributes: [attribute(Oid.idContentType, oid(Oid.idSignedData)), messageDigest] },
    ['content-type-mismatch'],
  ],
  [
    'the content is not id-data and there are no attributes',
    { attributes: null, type: '1.2.3.4' },
    ['attribute-missing'],
  ],
  [
    'attributes are passed off as content',
    { attributes: null, content: setOf([contentType, messageDigest]) },
    ['content-ambiguous'],
  ],
  [
    'CMSAlgorithmProtection that agrees is good',
    { attributes: [contentType, messageDigest, signedAlgorithms(sha256, rsa)] },
    [],
  ],
  [
    'CMSAlgorithmProtection names another digest',
    { attributes: [contentType, messageDigest, signedAlgorithms(writeAlgorithm(Oid.sha512), rsa)] },
    ['algorithm-mismatch'],
  ],
  [
    'CMSAlgorithmProtection names another signature algorithm',
    {
      attributes: [
        contentType,
        messageDigest,
        signedAlgorithms(sha256, writeAlgorithm(Oid.sha256WithRSAEncryption, nil())),
      ],
    },
    ['algorithm-mismatch'],
  ],
  [
    'the signature algorithm contains another hash than digestAlgorithm',
    { signatureAlgorithm: writeAlgorithm(Oid.sha512WithRSAEncryption, nil()), hash: 'sha512' },
    ['algorithm-mismatch'],
  ],
  [
    'signingCertificateV2 names another certificate',
    {
      attributes: [
        contentType,
        messageDigest,
        attribute(Oid.idAaSigningCertificateV2, sequence(sequence(sequence(octets(Buffer.alloc(32)))))),
      ],
    },
    ['signing-certificate-mismatch'],
  ],
  [
    'signingCertificate (SHA-1) that agrees is good',
    {
      attributes: [
        contentType,
        messageDigest,
        attribute(
          Oid.idAaSigningCertificate,
          sequence(sequence(sequence(octets(createHash('sha1').update(alice.certificate.raw).digest())))),
        ),
      ],
    },
    [],
  ],
  [
    'MD5 is never accepted',
    { digestAlgorithm: writeAlgorithm(Oid.md5, nil()), hash: 'md5' },
    ['unsupported-algorithm'],
  ],
  ['too many signers', { copies: 17 }, ['cms-too-many-signers']],
]

for (const [name, recipe, expected] of cases) {
  test(`SignedData: ${name}`, () => {
    const bytes = build(recipe)
    if (expected[0] === 'cms-too-many-signers')
      assert.throws(
        () => reasons(bytes),
        (error) => error instanceof EngineError && error.code === expected[0],
      )
    else assert.deepEqual(reasons(bytes), expected)
  })
}

test('SHA-1 is intact and weak', () => {
  const digest = octets(createHash('sha1').update(CONTENT).digest())
  const bytes = build({
    attributes: [contentType, writeAttribute(Oid.idMessageDigest, digest)],
    digestAlgorithm: writeAlgorithm(Oid.sha1),
    hash: 'sha1',
  })
  const info = readContentInfo(bytes)
  assert.ok(info.kind === 'signed-data')
  const [check] = verifySignedData(info, null, certificatesOf(info))
  assert.deepEqual([check?.intact, check?.weak], [true, ['weak-digest']])
})

test('a bit changed anywhere is an error or a bad signature, and never another exception', () => {
  const good = signDetached([CONTENT], alice, { at: NOW })
  fc.assert(
    fc.property(fc.nat(good.length - 1), fc.nat(7), (at, bit) => {
      const bytes = Buffer.from(good)
      bytes[at] = (bytes[at] ?? 0) ^ (1 << bit)
      try {
        const info = readContentInfo(bytes)
        if (info.kind !== 'signed-data') return
        for (const check of verifySignedData(info, [CONTENT], [alice.certificate])) {
          // Certificates sent along and unsigned places may change; what the signature covers may not.
          if (check.intact) assert.ok(check.certificates.some((each) => each.equals(alice.certificate)))
        }
      } catch (error) {
        assert.ok(error instanceof EngineError)
      }
    }),
    { numRuns: 200 },
  )
})

test('random bytes are an error and never another exception', () => {
  const prefix = Buffer.from('3080060b2a864886f70d010702a080', 'hex').subarray(0, 3)
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (random, framed) => {
      const bytes = framed ? Buffer.concat([prefix, random]) : Buffer.from(random)
      try {
        readContentInfo(bytes)
      } catch (error) {
        assert.ok(error instanceof EngineError)
      }
    }),
    { numRuns: 200 },
  )
})

test('of certificates with one identifier two keys are tried, and all that hold the right one are found', () => {
  const { certificate } = alice
  /** Alice's certificate with the key of somebody else. */
  const withKeyOf = (label: string) => {
    const { spki } = makePerson('other', 'rsa', {}, label).certificate
    assert.equal(spki.length, certificate.spki.length)
    const der = Buffer.from(certificate.raw)
    spki.copy(der, der.indexOf(certificate.spki))
    return parseCertificate(der)
  }
  const [one, two] = [withKeyOf('one'), withKeyOf('two')]
  const info = readContentInfo(build({}))
  assert.ok(info.kind === 'signed-data')
  const found = (...pool: readonly Certificate[]) => verifySignedData(info, null, pool)[0]?.certificates
  assert.deepEqual(found(one, certificate, one, certificate, two), [certificate, certificate])
  assert.deepEqual(verifySignedData(info, null, [one, two, certificate])[0]?.reasons, ['signature-invalid'])
})

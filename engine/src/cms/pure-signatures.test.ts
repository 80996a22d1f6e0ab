/**
 * Signature schemes that hash for themselves, as others write them: EdDSA (RFC 8419), ML-DSA (RFC 9882), SLH-DSA (RFC 9814), with
 * and without signed attributes and with every digest that is met beside them.
 */
import assert from 'node:assert/strict'
import { createHash, sign } from 'node:crypto'
import { test } from 'node:test'
import { makePerson } from '../../test/pki.ts'
import type { KeyKind } from '../../test/pki.ts'
import { writeAlgorithm } from '../der/algorithm.ts'
import { Oid } from '../der/oid.ts'
import { explicit, implicit, integer, nil, octets, oid, sequence, set, setOf } from '../der/writer.ts'
import { writeAttribute } from './attributes.ts'
import { readContentInfo } from './content-info.ts'
import { certificatesOf, verifySignedData } from './verify.ts'
import type { SignerCheck } from './verify.ts'

const CONTENT = Buffer.from('Content-Type: text/plain\r\n\r\nHello\r\n')

const SCHEMES: readonly (readonly [KeyKind, string])[] = [
  ['ed25519', Oid.idEd25519],
  ['ed448', Oid.idEd448],
  ['ml-dsa-44', Oid.idMlDsa44],
  ['ml-dsa-65', Oid.idMlDsa65],
  ['ml-dsa-87', Oid.idMlDsa87],
  ['slh-dsa-sha2-128f', Oid.idSlhDsaSha2128f],
  ['slh-dsa-shake-128f', Oid.idSlhDsaShake128f],
]

const DIGESTS: readonly (readonly [Buffer, string, number])[] = [
  [writeAlgorithm(Oid.sha512), 'sha512', 64],
  [writeAlgorithm(Oid.sha256, nil()), 'sha256', 32],
  [writeAlgorithm(Oid.shake256), 'shake256', 64],
  // As libcrypto writes it
  [writeAlgorithm(Oid.shake256), 'shake256', 32],
  [writeAlgorithm(Oid.shake256Len, integer(512)), 'shake256', 64],
  [writeAlgorithm(Oid.shake128), 'shake128', 32],
]

function check(
  kind: KeyKind,
  scheme: Buffer,
  [digestAlgorithm, hash, outputLength]: (typeof DIGESTS)[number],
  attributes: boolean,
): SignerCheck | undefined {
  const { key, certificate } = makePerson('alice', kind)
  const shake = hash.startsWith('shake') ? { outputLength } : {}
  const signed = setOf([
    writeAttribute(Oid.idContentType, oid(Oid.idData)),
    writeAttribute(Oid.idMessageDigest, octets(createHash(hash, shake).update(CONTENT).digest())),
  ])
  const signer = sequence(
    integer(1),
    certificate.issuerAndSerial,
    digestAlgorithm,
    ...(attributes ? [implicit(0, signed)] : []),
    scheme,
    octets(sign(null, attributes ? signed : CONTENT, key)),
  )
  const info = readContentInfo(
    sequence(
      oid(Oid.idSignedData),
      explicit(
        0,
        sequence(
          integer(1),
          set(digestAlgorithm),
          sequence(oid(Oid.idData), explicit(0, octets(CONTENT))),
          implicit(0, set(certificate.raw)),
          set(signer),
        ),
      ),
    ),
  )
  assert.ok(info.kind === 'signed-data')
  return verifySignedData(info, null, certificatesOf(info))[0]
}

for (const [kind, scheme] of SCHEMES)
  test(`verifies ${kind} with and without signed attributes`, () => {
    for (const attributes of [true, false])
      for (const digest of kind.startsWith('slh') ? DIGESTS.slice(0, 1) : DIGESTS) {
        const found = check(kind, writeAlgorithm(scheme), digest, attributes)
        assert.deepEqual([found?.reasons, found?.signature, found?.digest], [[], kind, digest[1]])
      }
  })

test('parameters on a scheme that has none, and SHAKE256 of another length, are refused', () => {
  const [sha512] = DIGESTS
  assert.ok(sha512 !== undefined)
  assert.deepEqual(check('ed25519', writeAlgorithm(Oid.idEd25519, nil()), sha512, true)?.reasons, [
    'unsupported-algorithm',
  ])
  for (const parameters of [null, nil(), integer(256)]) {
    const digest = [writeAlgorithm(Oid.shake256Len, parameters), 'shake256', 64] as const
    assert.deepEqual(check('ed448', writeAlgorithm(Oid.idEd448), digest, true)?.reasons, [
      'unsupported-digest',
    ])
  }
  // MD5 has no place beside any scheme
  const md5 = [writeAlgorithm(Oid.md5), 'md5', 16] as const
  assert.deepEqual(check('ed25519', writeAlgorithm(Oid.idEd25519), md5, true)?.reasons, [
    'unsupported-digest',
  ])
})

test('SHA-1 beside a scheme that hashes for itself is weak', () => {
  const sha1 = [writeAlgorithm(Oid.sha1), 'sha1', 20] as const
  assert.deepEqual(check('ed25519', writeAlgorithm(Oid.idEd25519), sha1, true)?.weak, ['weak-digest'])
})

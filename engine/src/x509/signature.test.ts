/** Tests of signature.ts, signature-algorithm.ts, pss-key.ts and sign.ts. */
import assert from 'node:assert/strict'
import { constants, createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { readAlgorithm, writeAlgorithm } from '../der/algorithm.ts'
import type { AlgorithmIdentifier } from '../der/algorithm.ts'
import { Oid } from '../der/oid.ts'
import { readElement } from '../der/reader.ts'
import { explicit, integer, nil, octets, sequence } from '../der/writer.ts'
import { EngineError } from '../errors.ts'
import { writePssAlgorithm } from './pss-key.ts'
import type { PssScheme } from './pss-key.ts'
import { signBytes } from './sign.ts'
import { verifySignature } from './signature.ts'
import { isWeakScheme, readSignatureScheme } from './signature-algorithm.ts'

const DATA = Buffer.from('what is signed')
const OTHER = Buffer.from('what is not')
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' })

const algorithmOf = (der: Buffer): AlgorithmIdentifier => readAlgorithm(readElement(der))
const unsupported = (error: unknown) => error instanceof EngineError && error.code === 'unsupported-algorithm'

const keys: readonly (readonly [
  string,
  { readonly publicKey: KeyObject; readonly privateKey: KeyObject },
])[] = [
  ['RSA', rsa],
  ['P-256', p256],
  ['P-384', generateKeyPairSync('ec', { namedCurve: 'P-384' })],
  ['P-521', generateKeyPairSync('ec', { namedCurve: 'P-521' })],
  ['brainpoolP256r1', generateKeyPairSync('ec', { namedCurve: 'brainpoolP256r1' })],
  ['Ed25519', generateKeyPairSync('ed25519')],
  ['Ed448', generateKeyPairSync('ed448')],
  ['ML-DSA-44', generateKeyPairSync('ml-dsa-44')],
  ['ML-DSA-65', generateKeyPairSync('ml-dsa-65')],
  ['ML-DSA-87', generateKeyPairSync('ml-dsa-87')],
]
for (const [name, { publicKey, privateKey }] of keys) {
  test(`${name}: a signature fits its data and its key only`, () => {
    const { algorithm, signature } = signBytes(privateKey, DATA)
    const id = algorithmOf(algorithm)
    assert.equal(verifySignature(id, publicKey, DATA, signature), true)
    assert.equal(verifySignature(id, publicKey, OTHER, signature), false)
    assert.equal(verifySignature(id, publicKey, DATA, signature.subarray(1)), false)
    assert.equal(verifySignature(id, publicKey, DATA, Buffer.alloc(0)), false)
    const stranger = privateKey.asymmetricKeyType === 'rsa' ? p256.publicKey : rsa.publicKey
    assert.equal(verifySignature(id, stranger, DATA, signature), false)
  })
}

test('the hash follows the curve, or the wish', () => {
  const oidOf = (key: KeyObject, digest?: 'sha512'): string =>
    algorithmOf(signBytes(key, DATA, digest === undefined ? {} : { digest }).algorithm).oid
  const curve = (namedCurve: string): KeyObject => generateKeyPairSync('ec', { namedCurve }).privateKey
  assert.equal(oidOf(p256.privateKey), Oid.ecdsaWithSha256)
  assert.equal(oidOf(curve('P-384')), Oid.ecdsaWithSha384)
  assert.equal(oidOf(curve('P-521')), Oid.ecdsaWithSha512)
  assert.equal(oidOf(p256.privateKey, 'sha512'), Oid.ecdsaWithSha512)
  assert.equal(oidOf(rsa.privateKey, 'sha512'), Oid.sha512WithRSAEncryption)
})

test('RSASSA-PSS: hash, salt and mask hash all count', () => {
  const { algorithm, signature } = signBytes(rsa.privateKey, DATA, { pss: true, digest: 'sha384' })
  const scheme = readSignatureScheme(algorithmOf(algorithm))
  assert.ok(scheme.kind === 'rsa-pss')
  assert.deepEqual(scheme, { kind: 'rsa-pss', hash: 'sha384', mgfHash: 'sha384', saltLength: 48 })
  const verdict = (change: Partial<PssScheme>): boolean =>
    verifySignature(algorithmOf(writePssAlgorithm({ ...scheme, ...change })), rsa.publicKey, DATA, signature)
  assert.equal(verdict({}), true)
  assert.equal(verdict({ saltLength: 32 }), false)
  assert.equal(verdict({ hash: 'sha256' }), false)
  assert.equal(verdict({ mgfHash: 'sha256' }), false)
  assert.equal(verdict({ saltLength: 4096 }), false)
})

test('RSASSA-PSS with another hash for the mask, for bound keys and for ordinary ones', () => {
  const mixed: PssScheme = { kind: 'rsa-pss', hash: 'sha256', mgfHash: 'sha1', saltLength: 20 }
  const pkcs1 = rsa.privateKey.export({ format: 'der', type: 'pkcs1' })
  const pkcs8 = sequence(integer(0), writePssAlgorithm(mixed), octets(pkcs1))
  const bound = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' })
  const boundPublic = createPublicKey(bound)
  const signature = sign('sha256', DATA, {
    key: bound,
    padding: constants.RSA_PKCS1_PSS_PADDING,
    saltLength: 20,
  })
  const verdict = (key: KeyObject, change: Partial<PssScheme>, data = DATA): boolean =>
    verifySignature(algorithmOf(writePssAlgorithm({ ...mixed, ...change })), key, data, signature)
  for (const key of [boundPublic, rsa.publicKey]) {
    assert.equal(verdict(key, {}), true)
    assert.equal(verdict(key, {}, OTHER), false)
    assert.equal(verdict(key, { mgfHash: 'sha256' }), false)
    assert.equal(verdict(key, { saltLength: 19 }), false)
  }
  // RFC 4055 3.3: a bound key is for nothing else
  const pss = signBytes(rsa.privateKey, DATA, { pss: true })
  assert.equal(verifySignature(algorithmOf(pss.algorithm), rsa.publicKey, DATA, pss.signature), true)
  assert.equal(verifySignature(algorithmOf(pss.algorithm), boundPublic, DATA, pss.signature), false)
  const plain = signBytes(rsa.privateKey, DATA)
  assert.equal(verifySignature(algorithmOf(plain.algorithm), boundPublic, DATA, plain.signature), false)
})

const hash = (oid: string): Buffer => writeAlgorithm(oid, nil())
const badParameters: readonly (readonly [string, Buffer])[] = [
  ['RSA with an OCTET STRING', writeAlgorithm(Oid.sha256WithRSAEncryption, octets(Buffer.alloc(0)))],
  ['ECDSA with NULL', writeAlgorithm(Oid.ecdsaWithSha256, nil())],
  ['Ed25519 with NULL', writeAlgorithm(Oid.idEd25519, nil())],
  ['ML-DSA with NULL', writeAlgorithm(Oid.idMlDsa65, nil())],
  ['PSS without parameters', writeAlgorithm(Oid.idRsassaPss)],
  ['PSS with NULL', writeAlgorithm(Oid.idRsassaPss, nil())],
  ['PSS with an unknown hash', writeAlgorithm(Oid.idRsassaPss, sequence(explicit(0, hash(Oid.md5))))],
  [
    'PSS with another mask function',
    writeAlgorithm(Oid.idRsassaPss, sequence(explicit(1, hash(Oid.sha256)))),
  ],
  [
    'PSS with a mask function without hash',
    writeAlgorithm(Oid.idRsassaPss, sequence(explicit(1, writeAlgorithm(Oid.idMgf1)))),
  ],
  ['PSS with another trailer', writeAlgorithm(Oid.idRsassaPss, sequence(explicit(3, integer(2))))],
  ['MD5', hash(Oid.md5WithRSAEncryption)],
  ['MD2', hash(Oid.md2WithRSAEncryption)],
  ['a key type without a hash', hash(Oid.rsaEncryption)],
  ['an unknown algorithm', writeAlgorithm('1.2.3.4')],
]
for (const [name, der] of badParameters) {
  test(`refused: ${name}`, () => {
    assert.throws(
      () => verifySignature(algorithmOf(der), rsa.publicKey, DATA, Buffer.alloc(256)),
      unsupported,
    )
  })
}

test('malformed PSS parameters are refused', () => {
  for (const parameters of [
    sequence(explicit(2, integer(-1))),
    sequence(explicit(2, integer(5000))),
    sequence(integer(1)),
    sequence(explicit(2, nil())),
  ])
    assert.throws(
      () => readSignatureScheme(algorithmOf(writeAlgorithm(Oid.idRsassaPss, parameters))),
      EngineError,
    )
})

test('RSA parameters may be NULL or absent (RFC 4055 5)', () => {
  const { signature } = signBytes(rsa.privateKey, DATA)
  for (const parameters of [nil(), null])
    assert.equal(
      verifySignature(
        algorithmOf(writeAlgorithm(Oid.sha256WithRSAEncryption, parameters)),
        rsa.publicKey,
        DATA,
        signature,
      ),
      true,
    )
})

test('a key type names the scheme if the hash stands elsewhere, as in CMS', () => {
  const { signature } = signBytes(rsa.privateKey, DATA)
  const algorithm = algorithmOf(hash(Oid.rsaEncryption))
  assert.equal(verifySignature(algorithm, rsa.publicKey, DATA, signature, { digestOid: Oid.sha256 }), true)
  assert.equal(verifySignature(algorithm, rsa.publicKey, DATA, signature, { digestOid: Oid.sha512 }), false)
  assert.throws(
    () => verifySignature(algorithm, rsa.publicKey, DATA, signature, { digestOid: Oid.md5 }),
    unsupported,
  )
})

test('SHA-1 is weak wherever it stands', () => {
  const weak = (der: Buffer): boolean => isWeakScheme(readSignatureScheme(algorithmOf(der)))
  assert.equal(weak(hash(Oid.sha1WithRSAEncryption)), true)
  assert.equal(weak(writeAlgorithm(Oid.ecdsaWithSha1)), true)
  assert.equal(weak(writeAlgorithm(Oid.idDsaWithSha1)), true)
  assert.equal(weak(writeAlgorithm(Oid.idRsassaPss, sequence())), true)
  assert.equal(
    weak(writePssAlgorithm({ kind: 'rsa-pss', hash: 'sha256', mgfHash: 'sha1', saltLength: 32 })),
    true,
  )
  assert.equal(weak(hash(Oid.sha256WithRSAEncryption)), false)
  assert.equal(weak(writeAlgorithm(Oid.idEd25519)), false)
})

test('no signature bytes make verification throw', () => {
  const algorithms = [
    hash(Oid.sha256WithRSAEncryption),
    writeAlgorithm(Oid.ecdsaWithSha256),
    writeAlgorithm(Oid.idEd25519),
    writeAlgorithm(Oid.idMlDsa44),
    writePssAlgorithm({ kind: 'rsa-pss', hash: 'sha256', mgfHash: 'sha256', saltLength: 32 }),
  ].map(algorithmOf)
  const publicKeys = keys.map(([, { publicKey }]) => publicKey)
  fc.assert(
    fc.property(
      fc.constantFrom(...algorithms),
      fc.constantFrom(...publicKeys),
      fc.uint8Array({ maxLength: 300 }),
      (algorithm, key, bytes) => {
        assert.equal(verifySignature(algorithm, key, DATA, Buffer.from(bytes)), false)
      },
    ),
    { numRuns: 150 },
  )
})

test('NULL after an ECDSA identifier is read in CMS, as GnuPG writes it, and refused in certificates', () => {
  const id = algorithmOf(writeAlgorithm(Oid.ecdsaWithSha256, nil()))
  assert.deepEqual(readSignatureScheme(id, Oid.sha256), { kind: 'ecdsa', hash: 'sha256' })
  assert.throws(() => readSignatureScheme(id), unsupported)
})

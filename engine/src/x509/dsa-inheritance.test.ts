/** Tests of dsa-inheritance.ts: DSA keys that take over their issuer's parameters, and only those of the issuer in the path. */
import assert from 'node:assert/strict'
import { createPrivateKey, generateKeyPairSync, sign } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { test } from 'node:test'
import { AT } from '../../test/chain.ts'
import { readAlgorithm, writeAlgorithm } from '../der/algorithm.ts'
import { toInteger, toOctets } from '../der/decode.ts'
import { Oid } from '../der/oid.ts'
import { readElement } from '../der/reader.ts'
import { bits, explicit, integer, octets, sequence, time } from '../der/writer.ts'
import { parseCertificate } from './certificate.ts'
import type { Certificate } from './certificate.ts'
import { writeName } from './issue.ts'
import { writeExtensions } from './issue-extensions.ts'
import { buildPath } from './path.ts'

const first = generateKeyPairSync('dsa', { modulusLength: 1024, divisorLength: 160 }).privateKey
const fields = readElement(first.export({ format: 'der', type: 'pkcs8' })).children()
const [, algorithmElement, secret] = fields
assert.ok(algorithmElement && secret)
const parameters = readAlgorithm(algorithmElement).parameters
assert.ok(parameters)
const [p, q, g] = parameters.children().map((element) => toInteger(element))
assert.ok(p !== undefined && q !== undefined && g !== undefined)

function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n
  for (let b = base % modulus, e = exponent; e > 0n; e >>= 1n, b = (b * b) % modulus)
    if ((e & 1n) === 1n) result = (result * b) % modulus
  return result
}

interface DsaKey {
  readonly key: KeyObject
  readonly y: bigint
}
/** A key of the same group for a small secret: quick, and good enough here. */
function dsaKey(x: bigint): DsaKey {
  const pkcs8 = sequence(integer(0), writeAlgorithm(Oid.idDsa, parameters?.raw), octets(integer(x)))
  return {
    key: createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' }),
    y: power(g ?? 0n, x, p ?? 1n),
  }
}
const root = { key: first, y: power(g, toInteger(readElement(toOctets(secret))), p) }
const sub = dsaKey(0x123456789abcdef1n)
const end = dsaKey(0xfedcba9876543211n)

function issue(issuer: string, by: DsaKey, subject: string, of: DsaKey, inherits: boolean): Certificate {
  const algorithm = writeAlgorithm(Oid.idDsaWithSha1)
  const around = { subjectKeyId: Buffer.alloc(20), authorityKeyId: null, emptySubject: false }
  const tbs = sequence(
    ...[explicit(0, integer(2)), integer(1), algorithm, writeName({ CN: issuer })],
    ...[sequence(time(AT - 1000), time(AT + 1000)), writeName({ CN: subject })],
    sequence(writeAlgorithm(Oid.idDsa, inherits ? null : parameters?.raw), bits(integer(of.y))),
    explicit(
      3,
      sequence(...writeExtensions({ ca: subject !== 'End', keyIds: false, policies: ['1.2.3'] }, around)),
    ),
  )
  return parseCertificate(
    sequence(tbs, algorithm, bits(sign('sha1', tbs, { key: by.key, dsaEncoding: 'der' }))),
  )
}

/** Fresh certificates: what they adopt stays with them. */
function judge(allowWeak: boolean, prepare: (leaf: Certificate) => void = () => undefined) {
  const leaf = issue('Sub', sub, 'End', end, true)
  prepare(leaf)
  const { valid, reasons } = buildPath(leaf, {
    anchors: [issue('Root', root, 'Root', root, false)],
    intermediates: [issue('Root', root, 'Sub', sub, true)],
    ...{ at: AT, purpose: 'any', revocation: 'none', allowWeak },
  })
  return { valid, reasons }
}

test('parameters come down from the issuer, where DSA is allowed at all', () => {
  assert.deepEqual(judge(true), { valid: true, reasons: ['weak-key', 'weak-signature'] })
  assert.equal(judge(false).valid, false)
})

test('parameters from elsewhere are refused', () => {
  const other = generateKeyPairSync('dsa', { modulusLength: 1024, divisorLength: 160 }).publicKey
  const [algorithm] = readElement(other.export({ format: 'der', type: 'spki' })).children()
  assert.ok(algorithm)
  const foreign = readAlgorithm(algorithm).parameters
  assert.ok(foreign)
  const { valid, reasons } = judge(true, (leaf) => {
    leaf.adoptParameters(foreign.raw)
  })
  assert.equal(valid, false)
  assert.ok(reasons.includes('key-refused'))
})

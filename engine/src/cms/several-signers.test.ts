/**
 * Several signatures in one object: parallel signers, and countersignatures over a signature.
 */
import assert from 'node:assert/strict'
import { createHash, sign } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { test } from 'node:test'
import { NOW, makePerson } from '../../test/pki.ts'
import type { KeyKind, Person } from '../../test/pki.ts'
import { writeAlgorithm } from '../der/algorithm.ts'
import { Oid } from '../der/oid.ts'
import { readElement } from '../der/reader.ts'
import { explicit, implicit, integer, octets, oid, sequence, set, setOf, tlv } from '../der/writer.ts'
import { EngineError } from '../errors.ts'
import { addSigner } from './add-signer.ts'
import { writeAttribute } from './attributes.ts'
import { readContentInfo } from './content-info.ts'
import { checkCountersignatures, readCountersignatures } from './countersignature.ts'
import { signDetached, signOpaque } from './sign.ts'
import type { SignedData } from './signed-data.ts'
import { certificatesOf, verifySignedData } from './verify.ts'

const CONTENT = [Buffer.from('Content-Type: text/plain\r\n\r\n'), Buffer.from('Hello\r\n')]

function signedData(bytes: Buffer): SignedData {
  const info = readContentInfo(bytes)
  assert.ok(info.kind === 'signed-data')
  return info
}

test('several people sign the same content, each with another algorithm', () => {
  const kinds: readonly KeyKind[] = ['rsa', 'p384', 'ed25519', 'ed448', 'ml-dsa-65', 'rsa']
  const people = kinds.map((kind, at) => makePerson(`signer${at}`, kind, {}, `signer${at}`))
  for (const detached of [true, false]) {
    let der: Buffer | null = null
    for (const [at, person] of people.entries()) {
      const options = { at: NOW, signerId: at === 3 ? 'ski' : 'issuer-and-serial' } as const
      if (der !== null) der = addSigner(der, detached ? CONTENT : null, person, options)
      else if (detached) der = signDetached(CONTENT, person, options)
      else der = Buffer.concat(signOpaque(CONTENT, person, options))
    }
    assert.ok(der !== null)
    readElement(der)
    const data = signedData(der)
    const checks = verifySignedData(data, detached ? CONTENT : null, certificatesOf(data))
    assert.deepEqual(
      checks.map((check) => [check.intact, check.reasons]),
      people.map(() => [true, []]),
    )
    assert.deepEqual(checks.map((check) => check.digest).sort(), [
      ...['sha256', 'sha256', 'sha384', 'sha512', 'sha512', 'shake256'],
    ])
  }
})

test('a signer is not added to what is no SignedData, nor without content', () => {
  const alice = makePerson('alice', 'p256')
  const code = (run: () => unknown) => {
    try {
      run()
    } catch (error) {
      return error instanceof EngineError ? error.code : null
    }
    return null
  }
  const other = sequence(oid(Oid.idData), explicit(0, octets(Buffer.alloc(1))))
  assert.equal(
    code(() => addSigner(other, CONTENT, alice, { at: NOW })),
    'cms-malformed',
  )
  const detached = signDetached(CONTENT, alice, { at: NOW })
  assert.equal(
    code(() => addSigner(detached, null, alice, { at: NOW })),
    'content-missing',
  )
})

/** A SignerInfo over a signature (RFC 5652 11.4). */
function countersigned(
  over: Buffer,
  { key, certificate }: { key: KeyObject; certificate: Person['certificate'] },
  attributes: readonly Buffer[] = [],
  unsigned: Buffer | null = null,
): Buffer {
  const signed = setOf([
    writeAttribute(Oid.idMessageDigest, octets(createHash('sha256').update(over).digest())),
    ...attributes,
  ])
  return sequence(
    integer(1),
    certificate.issuerAndSerial,
    writeAlgorithm(Oid.sha256),
    implicit(0, signed),
    writeAlgorithm(Oid.ecdsaWithSha256),
    octets(sign('sha256', signed, key)),
    ...(unsigned === null ? [] : [implicit(1, set(sequence(oid(Oid.idCountersignature), set(unsigned))))]),
  )
}

/** Puts countersignatures into the only SignerInfo of a SignedData. */
function withCountersignatures(der: Buffer, ...countersignatures: readonly Buffer[]): Buffer {
  const [, wrapped] = readElement(der).children()
  const [body] = wrapped?.children() ?? []
  const parts = body?.children() ?? []
  const [signer] = parts.at(-1)?.children() ?? []
  assert.ok(signer !== undefined)
  const attribute = sequence(oid(Oid.idCountersignature), set(...countersignatures))
  const signerInfo = tlv(0x30, signer.content, implicit(1, set(attribute)))
  const fields = parts.slice(0, -1).map(({ raw }) => raw)
  return sequence(oid(Oid.idSignedData), explicit(0, sequence(...fields, set(signerInfo))))
}

test('countersignatures are kept, read and checked, and leave the signer alone', () => {
  const alice = makePerson('alice', 'p256')
  const bob = makePerson('bob', 'p256')
  const der = signDetached(CONTENT, alice, { at: NOW })
  const signature = signedData(der).signers[0]?.signature
  assert.ok(signature !== undefined)
  const good = countersigned(signature, bob)
  const overOther = countersigned(Buffer.from('other'), bob)
  const typed = countersigned(signature, bob, [writeAttribute(Oid.idContentType, oid(Oid.idData))])
  const data = signedData(withCountersignatures(der, good, overOther, typed))
  const pool = [...certificatesOf(data), bob.certificate]
  const [signer] = data.signers
  assert.ok(signer !== undefined)
  assert.deepEqual(
    verifySignedData(data, CONTENT, pool).map(({ intact }) => intact),
    [true],
  )
  const checks = checkCountersignatures(signer, pool)
  assert.deepEqual(
    checks.map(({ intact, reasons }) => [intact, ...reasons]),
    [[true], [false, 'digest-mismatch'], [false, 'content-type-mismatch']],
  )
  assert.deepEqual(
    checks[0]?.certificates.map((each) => each.fingerprint),
    [bob.certificate.fingerprint],
  )
  assert.deepEqual(
    checkCountersignatures(signer, []).map(({ reasons }) => reasons[0]),
    ['signer-certificate-missing', 'digest-mismatch', 'content-type-mismatch'],
  )
})

test('a countersignature may be countersigned', () => {
  const [alice, bob, carol] = ['alice', 'bob', 'carol'].map((name) => makePerson(name, 'p256'))
  assert.ok(alice !== undefined && bob !== undefined && carol !== undefined)
  const der = signDetached(CONTENT, alice, { at: NOW })
  const signature = signedData(der).signers[0]?.signature
  assert.ok(signature !== undefined)
  const inner = countersigned(signature, bob)
  const innerSignature = readElement(inner).children().at(-1)?.content
  assert.ok(innerSignature !== undefined)
  const attribute = sequence(oid(Oid.idCountersignature), set(countersigned(innerSignature, carol)))
  const both = tlv(0x30, readElement(inner).content, implicit(1, set(attribute)))
  const [signer] = signedData(withCountersignatures(der, both)).signers
  assert.ok(signer !== undefined)
  const [first] = readCountersignatures(signer)
  assert.ok(first !== undefined)
  assert.deepEqual(
    checkCountersignatures(first, [carol.certificate]).map(({ intact }) => intact),
    [true],
  )
})

test('no more countersignatures are read than the limit', () => {
  const alice = makePerson('alice', 'p256')
  const der = signDetached(CONTENT, alice, { at: NOW })
  const many = Array.from({ length: 17 }, () => countersigned(Buffer.alloc(0), alice))
  const [signer] = signedData(withCountersignatures(der, ...many)).signers
  assert.ok(signer !== undefined)
  assert.throws(
    () => readCountersignatures(signer),
    (error: unknown) => error instanceof EngineError && error.code === 'cms-too-many-signers',
  )
  const [bare] = signedData(der).signers
  assert.ok(bare !== undefined)
  assert.deepEqual(readCountersignatures(bare), [])
})

/** Tests of decode.ts, writer.ts, algorithm.ts and pem.ts: values survive the round trip, forbidden forms are refused. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { EngineError } from '../errors.ts'
import { readAlgorithm, writeAlgorithm } from './algorithm.ts'
import {
  octetChunks,
  toBits,
  toBoolean,
  toEnumerated,
  toInteger,
  toIntegerBytes,
  toNull,
  toOctets,
  toOid,
  toSmallInteger,
  toText,
  toTime,
} from './decode.ts'
import { Oid } from './oid.ts'
import { looksLikePem, readPem, writePem } from './pem.ts'
import { Tag, readElement } from './reader.ts'
import {
  bits,
  bmp,
  boolean,
  enumerated,
  explicit,
  generalizedTime,
  header,
  ia5,
  implicit,
  integer,
  nil,
  oid,
  printable,
  sequence,
  setOf,
  time,
  tlv,
  utf8,
} from './writer.ts'

const hex = (text: string): Buffer => Buffer.from(text.replace(/\s/g, ''), 'hex')
const code = (expected: string) => (error: unknown) => error instanceof EngineError && error.code === expected
const malformed = code('asn1-malformed')

test('integers of any size survive', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(1n << 200n), max: 1n << 200n }), (value) => {
      assert.equal(toInteger(readElement(integer(value))), value)
    }),
    { numRuns: 200 },
  )
  for (const value of [0, 1, 127, 128, 255, 256, -1, -128, -129, -32768, 65535])
    assert.equal(toInteger(readElement(integer(value))), BigInt(value))
})

test('an unsigned Buffer becomes the shortest positive integer', () => {
  assert.equal(integer(hex('0000ff')).toString('hex'), '020200ff')
  assert.equal(integer(hex('')).toString('hex'), '020100')
  assert.deepEqual(toIntegerBytes(readElement(integer(hex('0080')))), hex('0080'))
})

test('small integers are bounded', () => {
  assert.equal(toSmallInteger(readElement(integer(10)), 10), 10)
  assert.throws(() => toSmallInteger(readElement(integer(11)), 10), malformed)
  assert.throws(() => toSmallInteger(readElement(integer(-1))), malformed)
  assert.equal(toEnumerated(readElement(enumerated(6))), 6)
  assert.throws(() => toEnumerated(readElement(integer(6))), malformed)
})

test('object identifiers survive', () => {
  const arcs = fc.array(fc.bigInt({ min: 0n, max: 1n << 128n }), { minLength: 1, maxLength: 8 })
  fc.assert(
    fc.property(arcs, (rest) => {
      const dotted = ['2', ...rest.map(String)].join('.')
      assert.equal(toOid(readElement(oid(dotted))), dotted)
    }),
    { numRuns: 200 },
  )
  for (const dotted of Object.values(Oid)) assert.equal(toOid(readElement(oid(dotted))), dotted)
  assert.equal(oid('1.2.840.113549').toString('hex'), '06062a864886f70d')
})

test('bad object identifiers are refused', () => {
  for (const text of ['0600', '06022a80', '0603 2a8001', `0618 2a${'ff'.repeat(22)}7f`])
    assert.throws(() => toOid(readElement(hex(text))), malformed, text)
  for (const dotted of ['1', '3.1', '1.40', '1.02', '1.x', '']) assert.throws(() => oid(dotted), RangeError)
})

test('no two names share an object identifier', () => {
  const dotted = Object.values(Oid)
  assert.equal(new Set(dotted).size, dotted.length)
})

test('BOOLEAN is 00 or FF in DER, anything in BER', () => {
  assert.equal(toBoolean(readElement(boolean(true))), true)
  assert.equal(toBoolean(readElement(boolean(false))), false)
  assert.throws(() => toBoolean(readElement(hex('010101'))), malformed)
  assert.throws(() => toBoolean(readElement(hex('01020000'))), malformed)
  assert.equal(toBoolean(readElement(hex('010101'), { ber: true })), true)
})

test('NULL has no content', () => {
  assert.equal(toNull(readElement(nil())), null)
  assert.throws(() => toNull(readElement(hex('050100'))), malformed)
})

test('BIT STRING: unused bits are counted and zero', () => {
  assert.deepEqual(toBits(readElement(bits(hex('a0'), 5))), { bytes: hex('a0'), unused: 5 })
  for (const text of ['0300', '030108', '030101', '0302 01ff', '030209ff'])
    assert.throws(() => toBits(readElement(hex(text))), malformed, text)
  const pieces = readElement(hex('2380 0302 00aa 0302 04b0 0000'), { ber: true })
  assert.deepEqual(toBits(pieces), { bytes: hex('aab0'), unused: 4 })
  assert.throws(() => toBits(readElement(hex('2308 0302 04a0 0302 00b0'), { ber: true })), malformed)
})

test('OCTET STRING: constructed only in BER, and only of its own kind', () => {
  const constructed = hex('2406 04016104 0162')
  assert.throws(() => toOctets(readElement(constructed)), malformed)
  assert.equal(toOctets(readElement(constructed, { ber: true })).toString(), 'ab')
  assert.throws(() => toOctets(readElement(hex('2403 0c0161'), { ber: true })), malformed)
  assert.equal(toOctets(readElement(hex('2400'), { ber: true })).length, 0)
  const context = readElement(hex('a080 0401 61 0401 62 0000'), { ber: true })
  assert.deepEqual(octetChunks(context, { implicit: true }), [Buffer.from('a'), Buffer.from('b')])
})

test('implicit tags are decoded when asked for only', () => {
  const element = readElement(implicit(1, integer(7)))
  assert.equal(element.raw.toString('hex'), '810107')
  assert.throws(() => toInteger(element), malformed)
  assert.equal(toInteger(element, { implicit: true }), 7n)
  assert.equal(toText(readElement(implicit(1, ia5('a@b'))), { implicit: Tag.ia5String }), 'a@b')
  assert.equal(implicit(0, sequence(nil())).toString('hex'), 'a0020500')
  assert.equal(explicit(2, nil()).toString('hex'), 'a2020500')
})

test('times survive, UTCTime until 2049', () => {
  const range = fc.integer({ min: Date.UTC(1, 0, 1) / 1000, max: Date.UTC(9999, 11, 31) / 1000 })
  fc.assert(
    fc.property(range, (seconds) => {
      assert.equal(toTime(readElement(time(seconds * 1000))), seconds * 1000)
      assert.equal(toTime(readElement(generalizedTime(seconds * 1000))), seconds * 1000)
    }),
    { numRuns: 200 },
  )
  assert.equal(time(Date.UTC(2049, 11, 31, 23, 59, 59)).toString('latin1', 2), '491231235959Z')
  assert.equal(time(Date.UTC(2050, 0, 1)).toString('latin1', 2), '20500101000000Z')
  assert.equal(toTime(readElement(time(Date.UTC(1950, 0, 1)))), Date.UTC(1950, 0, 1))
})

test('other forms of time are refused', () => {
  const utc = [
    '9901010000Z',
    '990101000000',
    '990101000000+0100',
    '990230000000Z',
    '991301000000Z',
    '990101240000Z',
  ]
  for (const text of [...utc, '99010100006Z0', '9901010000 0Z'])
    assert.throws(() => toTime(readElement(tlv(0x17, Buffer.from(text)))), malformed, text)
  for (const text of ['20260101000000.5Z', '20260101000000', '202601010000Z'])
    assert.throws(() => toTime(readElement(tlv(0x18, Buffer.from(text)))), malformed, text)
  assert.throws(() => toTime(readElement(integer(1))), malformed)
})

test('strings of all types become text', () => {
  const cases: readonly (readonly [Buffer, string])[] = [
    [utf8('Grüße 🦉'), 'Grüße 🦉'],
    [printable('Siegel GmbH'), 'Siegel GmbH'],
    [ia5('a@example.org'), 'a@example.org'],
    [bmp('Grüße 🦉'), 'Grüße 🦉'],
    [tlv(0x14, hex('fc')), 'ü'],
    [tlv(0x1c, hex('0001f989')), '🦉'],
    [tlv(0x12, Buffer.from('12 3')), '12 3'],
  ]
  for (const [bytes, text] of cases) assert.equal(toText(readElement(bytes)), text)
})

test('text outside its repertoire is refused', () => {
  for (const text of [
    '0c01ff',
    '1301e9',
    '1601e9',
    '1e0100',
    '1e02d800',
    '1c0400110000',
    '1c020000',
    '040161',
  ])
    assert.throws(() => toText(readElement(hex(text))), malformed, text)
})

test('SET OF is sorted', () => {
  assert.equal(setOf([integer(2), nil(), integer(1)]).toString('hex'), '3108' + '020101' + '020102' + '0500')
})

test('headers take the shortest form', () => {
  const lengths: readonly (readonly [number, string])[] = [
    [0, '0400'],
    [127, '047f'],
    [128, '048180'],
    [256, '04820100'],
    [65536, '0483010000'],
    [2 ** 24, '048401000000'],
  ]
  for (const [length, text] of lengths) assert.equal(header(4, length).toString('hex'), text)
})

test('AlgorithmIdentifier keeps absent and NULL parameters apart', () => {
  const absent = readAlgorithm(readElement(writeAlgorithm(Oid.sha256)))
  assert.deepEqual([absent.oid, absent.parameters], [Oid.sha256, null])
  const withNull = readAlgorithm(readElement(writeAlgorithm(Oid.sha256, nil())))
  assert.ok(withNull.parameters?.is(0, Tag.null))
  assert.throws(() => readAlgorithm(readElement(sequence(oid(Oid.sha256), nil(), nil()))), malformed)
  assert.throws(() => readAlgorithm(readElement(sequence())), malformed)
})

test('PEM: many blocks with text around them', () => {
  const one = writePem('CERTIFICATE', Buffer.alloc(100, 1))
  const two = writePem('PRIVATE KEY', Buffer.alloc(3, 2)).replaceAll('\n', '\r\n')
  const file = Buffer.from(`Bag Attributes\n${one}subject: x\n${two}`)
  assert.ok(looksLikePem(file))
  assert.ok(!looksLikePem(sequence(nil())))
  const blocks = readPem(file)
  assert.deepEqual(
    blocks.map((block) => [block.label, block.bytes.length]),
    [
      ['CERTIFICATE', 100],
      ['PRIVATE KEY', 3],
    ],
  )
  assert.deepEqual(readPem(Buffer.from('nothing')), [])
})

test('PEM: header lines of old encrypted keys are kept apart', () => {
  const text =
    '-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n'
  const [block] = readPem(Buffer.from(text))
  assert.deepEqual(block?.headers, ['Proc-Type: 4,ENCRYPTED', 'DEK-Info: AES-256-CBC,00'])
  assert.equal(block.bytes.length, 3)
})

test('PEM: damaged blocks are refused', () => {
  for (const text of [
    '-----BEGIN A-----\nAAAA\n',
    '-----BEGIN A-----\nAA$A\n-----END A-----',
    '-----BEGIN A',
    '-----BEGIN A-----\nAAA\n-----END A-----',
  ])
    assert.throws(() => readPem(Buffer.from(text)), code('pem-malformed'), text)
})

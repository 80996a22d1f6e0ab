/** Tests of reader.ts: what strict DER refuses, what BER accepts, bounds, and that mutated bytes never escape as another error. */
import assert from 'node:assert/strict'
import { performance } from 'node:perf_hooks'
import { test } from 'node:test'
import fc from 'fast-check'
import { EngineError } from '../errors.ts'
import { octetChunks, toInteger, toOctets, toOid, toSmallInteger, toText, toTime } from './decode.ts'
import { Cursor, Tag, readElement, readPrefix } from './reader.ts'
import type { Element } from './reader.ts'
import { explicit, integer, octets, oid, sequence, tlv, utf8 } from './writer.ts'

const hex = (text: string): Buffer => Buffer.from(text.replace(/\s/g, ''), 'hex')
const code = (expected: string) => (error: unknown) => error instanceof EngineError && error.code === expected

test('a SEQUENCE is read as views on the input', () => {
  const bytes = sequence(integer(5), octets(Buffer.from('abc')))
  const element = readElement(bytes)
  assert.equal(element.raw.buffer, bytes.buffer)
  const cursor = new Cursor(element)
  assert.equal(toSmallInteger(cursor.next('number')), 5)
  assert.equal(cursor.optional(2, 0), null)
  assert.equal(toOctets(cursor.universal(Tag.octetString, 'text')).toString(), 'abc')
  assert.equal(cursor.peek(), null)
  cursor.done('test')
  assert.throws(() => cursor.next('third'), /third is missing/)
})

test('children are parsed once', () => {
  const element = readElement(sequence(integer(1)))
  assert.equal(element.children(), element.children())
})

test('an element knows whether its length is in the shortest form', () => {
  const minimal = (text: string): boolean => readElement(hex(text), { ber: true }).minimal
  for (const shortest of [
    '0500',
    `0481 80 ${'00'.repeat(128)}`,
    `0482 0100 ${'00'.repeat(256)}`,
    '9f1f 01 00',
  ])
    assert.equal(minimal(shortest), true, shortest.slice(0, 12))
  for (const longer of [
    '058100',
    '048105 0102030405',
    `04820080 ${'00'.repeat(128)}`,
    '3080 0000',
    '9f1f 8101 00',
  ])
    assert.equal(minimal(longer), false, longer.slice(0, 12))
})

test('a cursor names what is missing, wrong or left over', () => {
  const element = readElement(sequence(integer(1), integer(2)))
  assert.throws(() => new Cursor(element).universal(Tag.oid, 'the type'), /the type has a wrong tag/)
  assert.throws(() => {
    new Cursor(element).done('the pair')
  }, /the pair/)
  assert.throws(() => new Cursor(readElement(integer(1))), code('asn1-malformed'))
})

const notDer: readonly (readonly [string, string])[] = [
  ['no bytes', ''],
  ['no length', '30'],
  ['length past the end', '3003020101ff'.slice(0, 8)],
  ['trailing byte', '02010100'],
  ['long form below 128', '02810101'],
  ['leading zero in the length', `0482 0001 00`],
  ['reserved length octet', '04ff00'],
  ['indefinite length', '3080 020101 0000'],
  ['end-of-contents as an element', '0000'],
  ['primitive SEQUENCE', '1000'],
  ['long tag form for a small tag', '1f1e00'],
  ['long tag form with a leading zero', '1f80 1f00'],
  ['long tag form that never ends', '1fffffffff7f00'],
  ['huge length', '0488ffffffffffffffff00'],
]
for (const [name, text] of notDer) {
  test(`DER refuses: ${name}`, () => {
    assert.throws(() => readElement(hex(text)), code('asn1-malformed'))
  })
}

test('tag numbers from 31 are read', () => {
  const element = readElement(hex('bf8148 03 020101'))
  assert.equal(element.tag, 200)
  assert.equal(element.class, 2)
})

test('BER accepts indefinite lengths, nested and mixed with definite ones', () => {
  const bytes = hex('3080 2480 0402 6162 2405 0403 636465 0000 3006 3080 0201 05'.replace(/\s/g, '') + '0000')
  assert.throws(() => readElement(bytes, { ber: true }), code('asn1-malformed'))
  const good = hex('3080 2480 04026162 2405 0403636465 0000 3007 3080 020105 0000 0000')
  const [text, rest, ...none] = readElement(good, { ber: true }).children()
  assert.ok(text && rest && none.length === 0)
  assert.equal(toOctets(text).toString(), 'abcde')
  assert.deepEqual(
    octetChunks(text).map((chunk) => chunk.toString()),
    ['ab', 'cde'],
  )
  assert.equal(text.raw.toString('hex'), '2480040261622405040363646500' + '00')
  const inner = rest.children()[0]
  assert.equal(inner?.content.toString('hex'), '020105')
})

test('BER accepts non-minimal lengths and integers, DER does not', () => {
  assert.equal(toSmallInteger(readElement(hex('02 8400000002 0005'), { ber: true })), 5)
  assert.throws(() => toInteger(readElement(hex('02020005'))), code('asn1-malformed'))
  assert.throws(() => toInteger(readElement(hex('0202ff80'))), code('asn1-malformed'))
})

test('BER refuses an indefinite length without its end, and primitive ones', () => {
  for (const text of ['3080 020101', '3080 020101 00', '0480 0000', '3080', '3004 3080 0000 00'])
    assert.throws(() => readElement(hex(text), { ber: true }), code('asn1-malformed'), text)
})

test('a child may not end after its parent', () => {
  assert.throws(() => readElement(hex('3003 0402 61 62'.replace(/\s/g, '')).subarray(0, 5)).children())
  assert.throws(() => readElement(hex('3005 3003 0404 61')).children()[0]?.children(), code('asn1-malformed'))
})

test('readPrefix leaves what follows', () => {
  const one = integer(1)
  assert.deepEqual(readPrefix(Buffer.concat([one, hex('ffff')])).raw, one)
})

test('nesting is bounded, definite and indefinite', () => {
  let definite = integer(1)
  for (let i = 0; i < 70; i++) definite = sequence(definite)
  assert.throws(() => {
    walk(readElement(definite))
  }, code('asn1-too-deep'))
  walk(readElement(definite, { maxDepth: 100 }))
  const indefinite = Buffer.concat([Buffer.alloc(2 * 5000, hex('3080')), Buffer.alloc(2 * 5000)])
  assert.throws(() => readElement(indefinite, { ber: true }), code('asn1-too-deep'))
})

test('the number of elements is bounded', () => {
  const many = sequence(Buffer.alloc(2 * 1001, hex('0500')))
  assert.throws(() => readElement(many, { maxElements: 1000 }).children(), code('asn1-too-many'))
  const streamed = Buffer.concat([hex('3080'), Buffer.alloc(2 * 1001, hex('0500')), hex('0000')])
  assert.throws(() => readElement(streamed, { ber: true, maxElements: 1000 }), code('asn1-too-many'))
})

test('time stays linear for many nested indefinite lengths', () => {
  const unit = Buffer.concat([Buffer.alloc(2 * 60, hex('3080')), Buffer.alloc(2 * 60)])
  const bytes = Buffer.concat([hex('3080'), Buffer.alloc(unit.length * 3000, unit), hex('0000')])
  const start = performance.now()
  walk(readElement(bytes, { ber: true }))
  assert.ok(performance.now() - start < 3000)
})

function walk(element: Element): void {
  assert.ok(element.raw.length >= element.content.length)
  if (element.constructed) for (const child of element.children()) walk(child)
  else
    for (const decode of [toInteger, toOid, toOctets, toText, toTime]) {
      try {
        decode(element)
      } catch (error) {
        if (!(error instanceof EngineError)) throw error
      }
    }
}

const leaf = fc.oneof(
  fc.uint8Array({ maxLength: 200 }).map((bytes) => octets(Buffer.from(bytes))),
  fc.bigInt({ min: -(1n << 130n), max: 1n << 130n }).map((value) => integer(value)),
  fc.string({ unit: 'grapheme' }).map((text) => utf8(text)),
  fc.array(fc.nat(), { minLength: 1, maxLength: 6 }).map((arcs) => oid(['2', ...arcs.map(String)].join('.'))),
)
const tree = fc.letrec<{ node: Buffer }>((tie) => ({
  node: fc.oneof(
    { depthSize: 'small' },
    leaf,
    fc.array(tie('node'), { maxLength: 4 }).map((parts) => sequence(...parts)),
    tie('node').map((part) => explicit(3, part)),
    fc
      .array(tie('node'), { maxLength: 3 })
      .map((parts) => Buffer.concat([hex('3080'), ...parts, hex('0000')])),
  ),
})).node

test('whatever is written is read back octet by octet', () => {
  fc.assert(
    fc.property(fc.array(leaf, { maxLength: 5 }), (parts) => {
      const element = readElement(tlv(0x30, ...parts))
      assert.deepEqual(
        element.children().map((child) => child.raw),
        parts,
      )
    }),
    { numRuns: 150 },
  )
})

test('mutated bytes throw nothing but EngineError', () => {
  const mutation = fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }), fc.nat({ max: 2 }))
  fc.assert(
    fc.property(tree, fc.array(mutation, { maxLength: 4 }), fc.boolean(), (original, mutations, ber) => {
      let bytes: Buffer = Buffer.from(original)
      for (const [where, value, kind] of mutations) {
        const at = where % Math.max(1, bytes.length)
        if (kind === 0) bytes[at] = value
        else if (kind === 1) bytes = bytes.subarray(0, at)
        else bytes = Buffer.concat([bytes.subarray(0, at), Buffer.from([value]), bytes.subarray(at)])
      }
      try {
        walk(readElement(bytes, { ber }))
      } catch (error) {
        if (!(error instanceof EngineError)) throw error
      }
    }),
    { numRuns: 200 },
  )
})

/** Tests of name.ts: text, comparison, subtrees, refused structures. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Oid } from '../der/oid.ts'
import { bmp, ia5, integer, oid, printable, sequence, set, tlv, utf8 } from '../der/writer.ts'
import { EngineError } from '../errors.ts'
import { writeName } from './issue.ts'
import { parseName } from './name.ts'
import type { Name } from './name.ts'

const attribute = (type: string, value: Buffer): Buffer => sequence(oid(type), value)
const cn = (value: Buffer): Name => parseName(sequence(set(attribute(Oid.idAtCommonName, value))))

test('a name is shown as RFC 4514 says', () => {
  const name = parseName(
    writeName({ C: 'DE', O: 'Müller, Söhne & Co', CN: ' #a\\b=c;"d" ', emailAddress: 'a@example.org' }),
  )
  assert.equal(
    name.text,
    'emailAddress=a@example.org,CN=\\ #a\\\\b=c\\;\\"d\\"\\ ,O=Müller\\, Söhne & Co,C=DE',
  )
})

test('what cannot be shown is escaped or in hexadecimal', () => {
  assert.equal(cn(utf8('a\u202eb\n')).text, 'CN=a\\e2\\80\\aeb\\0a')
  assert.equal(cn(integer(5)).text, 'CN=#020105')
  assert.equal(cn(tlv(0x0c, Buffer.from([0xff]))).text, 'CN=#0c01ff')
  assert.equal(parseName(sequence(set(attribute('1.2.3', utf8('x'))))).text, '1.2.3=#0c0178')
})

test('several attributes of one part are joined', () => {
  const name = parseName(
    sequence(set(attribute(Oid.idAtCommonName, utf8('a')), attribute(Oid.idAtUid, utf8('b')))),
  )
  assert.equal(name.text, 'CN=a+UID=b')
})

test('string type, case and white space do not count', () => {
  const base = cn(utf8('Siegel  Test'))
  for (const same of [
    printable('siegel test'),
    bmp(' SIEGEL TEST '),
    utf8('Siegel\tTest'),
    utf8('Sie\u00adgel Test'),
  ])
    assert.ok(base.equals(cn(same)))
  for (const other of [utf8('SiegelTest'), utf8('Siegel Test 2'), integer(1)])
    assert.ok(!base.equals(cn(other)))
  assert.ok(!cn(utf8('Straße')).equals(cn(utf8('STRASSE'))))
  assert.ok(cn(utf8('Å')).equals(cn(utf8('A\u030a'))))
})

test('order counts between parts and not within one', () => {
  const a = attribute(Oid.idAtCommonName, utf8('a'))
  const b = attribute(Oid.idAtUid, utf8('b'))
  assert.ok(parseName(sequence(set(a, b))).equals(parseName(sequence(set(b, a)))))
  assert.ok(!parseName(sequence(set(a), set(b))).equals(parseName(sequence(set(b), set(a)))))
})

test('a subtree is a prefix of parts', () => {
  const base = parseName(writeName({ C: 'DE', O: 'Test' }))
  assert.ok(parseName(writeName({ C: 'de', O: 'TEST', CN: 'x' })).within(base))
  assert.ok(base.within(base))
  assert.ok(!parseName(writeName({ C: 'DE' })).within(base))
  assert.ok(!parseName(writeName({ O: 'Test', C: 'DE' })).within(base))
  assert.ok(parseName(sequence()).empty)
})

test('broken names are refused', () => {
  for (const bytes of [
    set(),
    sequence(set()),
    sequence(sequence()),
    sequence(set(sequence(oid('1.2.3')))),
    ia5('x'),
    sequence(set(utf8('x'))),
  ])
    assert.throws(
      () => parseName(bytes),
      (error) => error instanceof EngineError && error.code === 'asn1-malformed',
    )
})

test('a name is read up to 16 KiB, however many words it has', () => {
  const words = cn(utf8('a B '.repeat(4000) + 'c'))
  assert.equal(words.text, `CN=${'a B '.repeat(4000)}c`)
  assert.ok(words.equals(cn(utf8('A b '.repeat(4000) + 'C'))))
  for (const length of [5000, 3_000_000])
    assert.throws(
      () => cn(utf8('a B '.repeat(length))).text,
      (error) => error instanceof EngineError && error.code === 'asn1-malformed',
    )
})

test('outer and doubled spaces are shown and do not count', () => {
  const spaced = cn(utf8(' Siegel  Test '))
  assert.equal(spaced.text, 'CN=\\ Siegel  Test\\ ')
  assert.equal(cn(utf8('Siegel  Test')).text, 'CN=Siegel  Test')
  assert.ok(spaced.equals(cn(printable('SIEGEL TEST'))))
})

/** Behaviour of the parameter parser: RFC 2045 grammar, RFC 2231, and the broken forms of real mail. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { contentTypeOf, parseParameters } from './parameters.ts'

/** [field value, type, parameters] */
const CASES: readonly (readonly [string, string, Record<string, string>])[] = [
  ['text/plain', 'text/plain', {}],
  ['Text/PLAIN; Charset=UTF-8', 'text/plain', { charset: 'UTF-8' }],
  ['text/plain; charset=us-ascii (Plain text)', 'text/plain', { charset: 'us-ascii' }],
  ['text/plain (a (nested) comment); charset="us-ascii"', 'text/plain', { charset: 'us-ascii' }],
  ['multipart/mixed; boundary="a b"; x=y', 'multipart/mixed', { boundary: 'a b', x: 'y' }],
  ['multipart/mixed;boundary=----=_Part_1.2', 'multipart/mixed', { boundary: '----=_Part_1.2' }],
  ['multipart/mixed; boundary=a\t; x=1', 'multipart/mixed', { boundary: 'a', x: '1' }],
  ['multipart/mixed; boundary = "a"', 'multipart/mixed', { boundary: 'a' }],
  ['multipart/mixed; boundary="a\\"b\\\\c"', 'multipart/mixed', { boundary: 'a"b\\c' }],
  ['multipart/mixed;; ; boundary=a;', 'multipart/mixed', { boundary: 'a' }],
  ['multipart/mixed boundary=a', 'multipart/mixed', { boundary: 'a' }],
  ['text/plain charset=utf-8; format=flowed', 'text/plain', { charset: 'utf-8', format: 'flowed' }],
  ['text/plain; name=My File (1).txt; x=1', 'text/plain', { name: 'My File (1).txt', x: '1' }],
  ['text/plain; name="a;b"; x=1', 'text/plain', { name: 'a;b', x: '1' }],
  ['text/plain; name="open', 'text/plain', { name: 'open' }],
  ['text/plain; name=', 'text/plain', { name: '' }],
  ['text/plain; flag; x=1', 'text/plain', { flag: '', x: '1' }],
  ['text/plain; x="a" b; y=2', 'text/plain', { x: 'a', y: '2' }],
  ['text/plain (open; charset=utf-8', 'text/plain', { charset: 'utf-8' }],
  ["a/b; filename*=UTF-8''%e2%82%ac%20rates", 'a/b', { filename: '€ rates' }],
  ["a/b; filename*=iso-8859-1'en'%A3", 'a/b', { filename: '£' }],
  ['a/b; filename*0*=UTF-8\'\'%e2%82; filename*1*=%ac; filename*2=" x"', 'a/b', { filename: '€ x' }],
  ['a/b; boundary*1=b; boundary*0=a', 'a/b', { boundary: 'ab' }],
  ['a/b; x*0=a; x*2=c', 'a/b', { x: 'a' }],
  ["a/b; filename=plain; filename*=UTF-8''%c3%bc", 'a/b', { filename: 'ü' }],
  ["a/b; x*=no-such-charset''%fc", 'a/b', { x: 'ü' }],
  ["a/b; x*=utf-8''%fc", 'a/b', { x: 'ü' }],
  ["a/b; x*=utf-8''100%", 'a/b', { x: '100%' }],
  ['a/b; __proto__=x; constructor=y', 'a/b', { ['__proto__']: 'x', constructor: 'y' }],
]

describe('parseParameters', () => {
  for (const [value, type, params] of CASES) {
    test(value, () => {
      const parsed = parseParameters(value)
      assert.equal(parsed.value, type)
      const wanted = Object.entries(params).filter(([name]) => name !== 'flag')
      assert.deepEqual(Object.entries(parsed.params).sort(), wanted.sort())
    })
  }

  test('takes the first of two and says so', () => {
    for (const value of ['a/b; x=1; x=2', 'a/b; x=1; X=1', "a/b; x=1; x*=utf-8''2", 'a/b; x*0=1; x*0=2']) {
      const parsed = parseParameters(value)
      assert.equal(parsed.params['x'], '1', value)
      assert.equal(parsed.duplicate, true, value)
    }
    assert.equal(parseParameters('a/b; x=1; y=2').duplicate, false)
    assert.equal(parseParameters("a/b; name=a; name*=utf-8''b").duplicate, false)
  })

  test('never fails on rubbish', () => {
    fc.assert(
      fc.property(
        fc.string({
          unit: fc.constantFrom('a', 'B', '/', ';', '=', '*', '"', '\\', '(', ')', ' ', '%', "'", '0'),
          maxLength: 60,
        }),
        (value) => {
          for (const [name, text] of Object.entries(parseParameters(value).params)) {
            assert.equal(typeof text, 'string')
            assert.equal(name, name.toLowerCase())
          }
        },
      ),
    )
  })
})

test('contentTypeOf refuses what is not type/subtype', () => {
  for (const value of ['', 'text', 'text/', '/plain', 'a/b/c', 'te@xt/plain', 'multipart/mixed,x']) {
    assert.equal(contentTypeOf(value), null, value)
  }
  assert.equal(
    contentTypeOf('application/pkcs7-mime; smime-type=signed-data')?.params['smime-type'],
    'signed-data',
  )
})

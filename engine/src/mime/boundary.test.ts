/** Behaviour of the boundary choice, with content made to collide. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chooseBoundary } from './boundary.ts'

test('chooseBoundary makes a legal boundary of the seed', () => {
  assert.equal(chooseBoundary('abc123', []), '=_abc123')
  assert.equal(chooseBoundary('a b"c\r\nd', []), '=_abcd')
  // RFC 2046 5.1.1
  assert.match(chooseBoundary('x'.repeat(200), []), /^[0-9A-Za-z'()+_,\-./:=?]{1,70}$/)
})

test('chooseBoundary evades content that holds the boundary', () => {
  assert.equal(chooseBoundary('abc', [Buffer.from('x\r\n--=_abc\r\n')]), '=_abc_1')
  assert.equal(chooseBoundary('abc', [Buffer.from('=_abc =_abc_1')]), '=_abc_2')
})

test('chooseBoundary looks over the seams of chunks', () => {
  const text = 'x--=_abcdefgh--y'
  for (let cut = 1; cut < text.length; cut++) {
    const chunks = [Buffer.from(text.slice(0, cut)), Buffer.from(text.slice(cut))]
    assert.equal(chooseBoundary('abcdefgh', chunks), '=_abcdefgh_1')
  }
  assert.equal(
    chooseBoundary(
      'abcdefgh',
      Array.from(text, (c) => Buffer.from(c)),
    ),
    '=_abcdefgh_1',
  )
})

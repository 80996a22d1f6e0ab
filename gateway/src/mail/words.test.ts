/** Behaviour of text decoding on good, broken and hostile input. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { decodeText, decodeWords, MAX_TEXT_BYTES, MAX_WORDS } from './words.ts'

describe('decodeWords', () => {
  test('decodes B and Q words in their charsets', () => {
    assert.equal(decodeWords('=?utf-8?Q?Gr=C3=BC=C3=9Fe?= an alle'), 'Grüße an alle')
    assert.equal(decodeWords('=?ISO-8859-1?B?R3L832U=?='), 'Grüße')
    assert.equal(decodeWords('=?iso-2022-jp?B?GyRCRnxLXBsoQg==?='), '日本')
    assert.equal(decodeWords('plain'), 'plain')
  })

  test('joins neighbouring words, even those cut inside a character', () => {
    assert.equal(decodeWords('=?utf-8?B?w7w=?= =?utf-8?B?w7w=?='), 'üü')
    assert.equal(decodeWords('=?utf-8?Q?=C3?= =?utf-8?Q?=BC?='), 'ü')
  })

  test('lets no control character out of a word', () => {
    assert.equal(decodeWords('=?utf-8?Q?a=0D=0ABcc:_x=00?='), 'a  Bcc: x ')
    assert.equal(decodeWords('a\tb\u0085'), 'a b ')
  })

  test('gives broken words as they stand', () => {
    for (const value of ['=?utf-8?X?abc?=', '=?utf-8?Q?abc', '=??=', '=?']) {
      assert.equal(typeof decodeWords(value), 'string')
    }
    assert.equal(decodeWords('=?utf-8?Q?abc'), '=?utf-8?Q?abc')
  })

  test('never throws and is bounded', () => {
    const word = fc.string({
      unit: fc.constantFrom('=?', '?=', '?', 'Q', 'B', 'utf-8', '=C3', '*', ' ', 'x', '\n', '_'),
      maxLength: 60,
    })
    fc.assert(
      fc.property(word, (value) => {
        assert.doesNotMatch(decodeWords(value), /[\x00-\x1f]/)
      }),
    )
    for (const unit of ['=?', '=?utf-8?Q?', '=?utf-8?Q?a?= ', '=?utf-8?B?w7w=?=', '?=']) {
      assert.ok(decodeWords(unit.repeat(20_000)).length <= MAX_WORDS)
    }
  })
})

describe('decodeText', () => {
  test('reads common charsets', () => {
    assert.equal(decodeText(Buffer.from('ü')), 'ü')
    assert.equal(decodeText(Buffer.from([0xfc]), 'iso-8859-1'), 'ü')
    assert.equal(decodeText(Buffer.from([0x80]), 'windows-1252'), '€')
    assert.equal(decodeText(Buffer.from([0x93, 0xfa, 0x96, 0x7b]), 'Shift_JIS'), '日本')
    assert.equal(decodeText(Buffer.from([0xfc, 0]), 'utf-16le'), 'ü')
  })

  test('never throws on odd labels and bytes, and is bounded', () => {
    for (const label of [
      '',
      'no-such-charset',
      '__proto__',
      'iso-2022-jp',
      'utf-7',
      'x'.repeat(10_000),
      'hasOwnProperty',
    ]) {
      assert.equal(typeof decodeText(Buffer.from([0xff, 0xfe, 0x1b, 0x24]), label), 'string')
    }
    assert.equal(decodeText(Buffer.alloc(MAX_TEXT_BYTES + 5, 'x')).length, MAX_TEXT_BYTES)
  })
})

/** Behaviour of the canonical form and of the survey under it. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { bareBreaks, canonicalise, isCanonical, withLineFeeds } from './canonical.ts'
import { FOUND, survey } from './survey.ts'

const text = fc
  .array(fc.constantFrom('\r\n', '\r', '\n', 'a', '\0', '\u00fc', 'From ', 'x'.repeat(500), 'F'), {
    maxLength: 30,
  })
  .map((words) => words.join(''))

/** The same findings by regular expressions. */
function plainSurvey(value: string): number {
  let found = 0
  if (/[\x80-\xff]/.test(value)) found |= FOUND.eightBit
  if (value.includes('\0')) found |= FOUND.nul
  if (/\r(?!\n)|(?<!\r)\n/.test(value)) found |= FOUND.bareBreak
  if (/^From /.test(value) || value.includes('\nFrom ')) found |= FOUND.fromLine
  if (
    value
      .split('\n')
      .some((line, n, all) => line.length - (n + 1 < all.length && line.endsWith('\r') ? 1 : 0) > 998)
  ) {
    found |= FOUND.longLine
  }
  return found
}

describe('canonicalise', () => {
  test('makes every line break CRLF', () => {
    assert.equal(canonicalise(Buffer.from('a\nb\rc\r\nd\r\r\n\n')).toString(), 'a\r\nb\r\nc\r\nd\r\n\r\n\r\n')
  })

  test('returns canonical bytes themselves', () => {
    const bytes = Buffer.from('a\r\nb\r\n')
    assert.equal(canonicalise(bytes), bytes)
  })

  test('changes nothing the second time, and nothing but line breaks', () => {
    fc.assert(
      fc.property(text, (value) => {
        const bytes = Buffer.from(value, 'latin1')
        const once = canonicalise(bytes)
        assert.equal(canonicalise(once), once)
        assert.ok(isCanonical(once))
        assert.equal(once.toString('latin1'), value.replace(/\r\n|\r|\n/g, '\r\n'))
        assert.equal(once.length, bytes.length + bareBreaks(bytes))
      }),
    )
  })
})

describe('survey', () => {
  test('finds each fault', () => {
    assert.equal(survey(Buffer.from('plain\r\ntext\r\n')), 0)
    assert.equal(survey(Buffer.from('\u00fc')), FOUND.eightBit)
    assert.equal(survey(Buffer.from('a\0')), FOUND.nul)
    assert.equal(survey(Buffer.from('a\nb\r\n')), FOUND.bareBreak)
    assert.equal(survey(Buffer.from(`${'x'.repeat(998)}\r\nFrom: x`)), 0)
    assert.equal(survey(Buffer.from(`${'x'.repeat(999)}\r\n`)), FOUND.longLine)
    assert.equal(survey(Buffer.from('a\r\nFrom x')), FOUND.fromLine)
  })

  test('finds the same as a plain search, in any range and at any alignment', () => {
    fc.assert(
      fc.property(text, fc.nat(7), fc.nat(7), (value, before, after) => {
        const bytes = Buffer.from(`${'\n'.repeat(before)}${value}${'\u00fc'.repeat(after)}`, 'latin1')
        assert.equal(survey(bytes, before, before + value.length), plainSurvey(value))
      }),
    )
  })
})

test('with LF for CRLF a text differs in its line ends only, and becomes canonical again', () => {
  fc.assert(
    fc.property(text, (value) => {
      const canonical = canonicalise(Buffer.from(value, 'latin1'))
      const unix = withLineFeeds(canonical)
      assert.equal(unix.toString('latin1'), canonical.toString('latin1').replaceAll('\r\n', '\n'))
      assert.ok(canonicalise(unix).equals(canonical))
    }),
    { numRuns: 200 },
  )
})

test('a bare line break is seen wherever it stands, whatever the alignment', () => {
  const text = Buffer.from('padpad' + 'ab\r\n'.repeat(8) + 'x')
  for (let start = 6; start < 14; start += 4)
    for (let end = start; end <= text.length; end++) {
      const range = text.subarray(start, end)
      assert.equal(isCanonical(range), range.at(-1) !== 0x0d)
      for (let at = 0; at < range.length; at++)
        for (const byte of [0x0a, 0x0d]) {
          const changed = Buffer.from(range)
          changed[at] = byte
          const told = changed.toString('latin1')
          assert.equal(isCanonical(changed), !/\r(?!\n)|(?<!\r)\n/.test(told), JSON.stringify(told))
        }
    }
})

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { measure } from './measure.ts'

/** The same by the plainest means, on the joined text. */
function plainly(text: string) {
  const lines = text.split('\n')
  return {
    size: text.length,
    bareLineEnds: /\r(?!\n)|(?<!\r)\n/s.test(text),
    longestLine: Math.max(
      ...lines.map((line, index) =>
        index < lines.length - 1 && line.endsWith('\r') ? line.length - 1 : line.length,
      ),
    ),
  }
}

describe('measure', () => {
  it('sees the same in any division into pieces as in the whole', () => {
    const pieces = fc.array(fc.string({ unit: fc.constantFrom('\r', '\n', 'a', 'é'), maxLength: 6 }), {
      maxLength: 8,
    })
    fc.assert(
      fc.property(pieces, (texts) => {
        const { size, bareLineEnds, longestLine } = measure(
          [],
          texts.map((text) => Buffer.from(text, 'latin1')),
        )
        assert.deepEqual({ size, bareLineEnds, longestLine }, plainly(texts.join('')))
      }),
      { numRuns: 500 },
    )
  })

  it('tells eight-bit header and body apart', () => {
    const latin = Buffer.from('\u00e9', 'latin1')
    const ascii = Buffer.from('a\r\n')
    const eightBit = ({ eightBit, eightBitHeader }: { eightBit: boolean; eightBitHeader: boolean }) => [
      eightBitHeader,
      eightBit,
    ]
    assert.deepEqual(eightBit(measure([latin], [ascii])), [true, false])
    assert.deepEqual(eightBit(measure([ascii], [latin])), [false, true])
  })
})

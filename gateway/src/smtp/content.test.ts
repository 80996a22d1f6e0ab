import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'

import { ContentReader } from './content.ts'
import type { ContentFacts } from './content.ts'
import { DotEncoder } from './dot.ts'

interface Outcome {
  readonly content: string
  readonly facts: ContentFacts
  readonly ended: boolean
  readonly rest: string
  readonly header: string
  readonly longestHeaderLine: number
}

/** Reads octets that come in pieces of the given sizes, the last size again and again. */
function read(text: string | Buffer, dots: boolean, sizes: readonly number[] = [1 << 20]): Outcome {
  const octets = typeof text === 'string' ? Buffer.from(text, 'latin1') : text
  const reader = new ContentReader(dots)
  const pieces: Buffer[] = []
  let header = -1
  let at = 0
  for (let i = 0; at < octets.length && !reader.hasEnded(); i++) {
    const end = Math.min(octets.length, at + Math.max(1, sizes[Math.min(i, sizes.length - 1)] ?? 1))
    // Octets around the piece show that nothing outside is read or written.
    const chunk = Buffer.concat([Buffer.from('.\r'), octets.subarray(at, end), Buffer.from('\n.\r\n')])
    const next = reader.read(chunk, 2, chunk.length - 4)
    if (reader.headerEnd >= 0)
      header = pieces.reduce((sum, p) => sum + p.length, 0) + reader.headerEnd - reader.pieceStart
    pieces.push(Buffer.from(chunk.subarray(reader.pieceStart, reader.pieceEnd)))
    assert.equal(chunk.toString('latin1', 0, 2), '.\r')
    assert.equal(chunk.toString('latin1', chunk.length - 4), '\n.\r\n')
    assert.ok(reader.hasEnded() || next === chunk.length - 4)
    at += next - 2
  }
  reader.finish()
  const content = Buffer.concat(pieces).toString('latin1')
  assert.equal(reader.size, content.length)
  return {
    content,
    facts: reader.facts,
    ended: reader.hasEnded(),
    rest: octets.toString('latin1', at),
    header: header < 0 ? '' : content.slice(0, header),
    longestHeaderLine: reader.longestHeaderLine,
  }
}

/** The same facts, counted the plain way. */
function expected(content: string): ContentFacts {
  const end = /(?:^|\n)\r?\n/.exec(content)
  const headerSize = end === null ? content.length : end.index + end[0].length
  const lines = content
    .split('\n')
    .map((line, index, all) => (index < all.length - 1 ? line.replace(/\r$/, '') : line))
  return {
    size: content.length,
    headerSize,
    eightBit: /[\x80-\xff]/.test(content.slice(headerSize)),
    eightBitHeader: /[\x80-\xff]/.test(content.slice(0, headerSize)),
    bareLineEnds: /\r(?!\n)|(?<!\r)\n/.test(content),
    nul: content.includes('\0'),
    longestLine: Math.max(...lines.map((line) => line.length)),
  }
}

test('dot-stuffing goes, and the line with the single dot ends the data', () => {
  const outcome = read('A: b\r\n\r\n..\r\n...a\r\n.b\r\nc.\r\n.\r\nNOOP\r\n', true)
  assert.equal(outcome.content, 'A: b\r\n\r\n.\r\n..a\r\nb\r\nc.\r\n')
  assert.equal(outcome.rest, 'NOOP\r\n')
  assert.equal(outcome.header, 'A: b\r\n\r\n')
  assert.ok(outcome.ended)
})

test('an empty message is possible', () => {
  assert.deepEqual([read('.\r\n', true).content, read('.\r\n', true).ended], ['', true])
  assert.equal(read('\r\n.\r\n', true).header, '\r\n')
})

test('nothing but CRLF, dot, CRLF ends the data; every other form is a bare line end', () => {
  const near = [
    '\n.\n',
    '\n.\r\n',
    '\r\n.\n',
    '\r.\r',
    '\r\n.\r',
    '\r.\r\n',
    '\n\n.\n\n',
    '\r\n.\r\r\n',
    '\0\r\n.\0\r\n',
    '\n.\r',
  ]
  for (const form of near) {
    const text = `a: b\r\n\r\nhello${form}MAIL FROM:<x@y>\r\nx`
    for (const size of [1, 2, 3, 1 << 20]) {
      const outcome = read(text, true, [size])
      assert.ok(!outcome.ended, JSON.stringify(form))
      assert.equal(outcome.facts.bareLineEnds, !form.startsWith('\0'), JSON.stringify(form))
    }
    assert.ok(read(`${text}\r\n.\r\n`, true).ended)
  }
})

test('by BDAT dots mean nothing and bare line ends are kept', () => {
  const text = 'a: b\r\n\r\n.\r\n..\n\rx\0\r\n.\r\ny'
  const outcome = read(text, false)
  assert.equal(outcome.content, text)
  assert.ok(!outcome.ended && outcome.facts.bareLineEnds && outcome.facts.nul)
})

test('a CR at the very end of a chunked mail is bare', () => {
  assert.ok(read('a\r', false).facts.bareLineEnds)
  assert.ok(!read('a\r\n', false, [1]).facts.bareLineEnds)
})

test('the longest header line counts while it is unfinished', () => {
  assert.equal(read(`a: ${'b'.repeat(500)}`, true, [7]).longestHeaderLine, 503)
  assert.equal(read(`a: b\r\n\r\n${'b'.repeat(500)}`, true, [7]).longestHeaderLine, 4)
})

const piece = fc.constantFrom(
  ...[
    '.',
    '\r',
    '\n',
    '\r\n',
    '\r\n.',
    '\r\n..',
    '\r\n.\r\n',
    '\r\n\r\n',
    '\n\n',
    '\0',
    '\t',
    'a',
    'bcd',
    'ä',
    'x'.repeat(70),
  ],
)
const text = fc.array(piece, { maxLength: 30 }).map((pieces) => pieces.join(''))
const sizes = fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 12 })

test('property: chunked content passes unchanged, with the right facts, however it is cut', () => {
  fc.assert(
    fc.property(text, sizes, (content, cut) => {
      const outcome = read(content, false, cut)
      const octets = Buffer.from(content, 'latin1').toString('latin1')
      assert.equal(outcome.content, octets)
      assert.deepEqual(outcome.facts, expected(octets))
    }),
    { numRuns: 200 },
  )
})

test('property: dot-stuffed content comes out as it went in, however it is cut on both sides', () => {
  const clean = text.map((content) => content.replace(/\r(?!\n)|(?<!\r)\n/g, ''))
  fc.assert(
    fc.property(clean, sizes, sizes, (content, cutOut, cutIn) => {
      const encoder = new DotEncoder()
      const octets = Buffer.from(content, 'latin1')
      const wire: Buffer[] = []
      for (let at = 0, i = 0; at < octets.length; i++) {
        const end = at + (cutOut[i % cutOut.length] ?? 1)
        wire.push(encoder.encode(octets.subarray(at, end)))
        at = end
      }
      wire.push(encoder.end(), Buffer.from('QUIT\r\n'))
      const outcome = read(Buffer.concat(wire), true, cutIn)
      const completed = octets.length === 0 || content.endsWith('\r\n') ? content : `${content}\r\n`
      assert.equal(outcome.content, Buffer.from(completed, 'latin1').toString('latin1'))
      assert.equal(outcome.rest, 'QUIT\r\n')
      assert.deepEqual(outcome.facts, expected(outcome.content))
    }),
    { numRuns: 200 },
  )
})

test('property: what is cut or not cut ends at the same octet and says the same of bare line ends', () => {
  fc.assert(
    fc.property(text, sizes, (content, cut) => {
      const whole = read(content, true)
      const parts = read(content, true, cut)
      assert.equal(parts.ended, whole.ended)
      assert.equal(parts.rest, whole.rest)
      assert.equal(parts.facts.bareLineEnds, whole.facts.bareLineEnds)
      const end = content.startsWith('.\r\n') ? 3 : content.indexOf('\r\n.\r\n') + 5
      assert.equal(whole.ended, end >= 5 || content.startsWith('.\r\n'))
      if (whole.ended) assert.equal(whole.rest.length, Buffer.from(content, 'latin1').length - end)
      if (!whole.facts.bareLineEnds) assert.deepEqual(parts, whole)
    }),
    { numRuns: 200 },
  )
})

test('a flood costs about as much for each octet as text does', () => {
  const cost = (unit: string): number => {
    const octets = Buffer.from(unit.repeat(Math.ceil(65_536 / unit.length)), 'latin1')
    const chunks = Array.from({ length: 20 }, () => Buffer.from(octets))
    const started = process.cpuUsage()
    for (const chunk of chunks) new ContentReader(true).read(chunk, 0, chunk.length)
    const used = process.cpuUsage(started)
    return (used.user + used.system) / octets.length
  }
  const line = `${'QUJDREVGR0hJ'.repeat(6)}\r\n`
  const units = ['..\r\n', '.', '\r\n', '\n', '\r', '\0', '\t', '.\r', '.x\r\n', '\r\n.\r']
  for (const unit of [line, ...units]) cost(unit)
  const text = Math.max(...[1, 2, 3].map(() => cost(line)))
  // Text runs over four octets at a time; forty times leaves room for a busy machine, and quadratic work would be thousands.
  for (const unit of units) assert.ok(cost(unit) < 40 * Math.max(text, 0.005), JSON.stringify(unit))
})

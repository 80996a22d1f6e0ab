import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'

import { CommandReader } from './command-reader.ts'

/** The verdicts and texts of all lines in octets cut at the given sizes. */
function lines(octets: Buffer, sizes: readonly number[], limit = 64): string[] {
  const reader = new CommandReader(limit)
  const found: string[] = []
  for (let at = 0, i = 0; at < octets.length; i++) {
    const chunk = octets.subarray(at, at + (sizes[i % sizes.length] ?? 1))
    for (let from = 0; from < chunk.length;) {
      from = reader.read(chunk, from)
      if (reader.verdict !== null) found.push(reader.verdict === 'good' ? `:${reader.text}` : reader.verdict)
    }
    at += chunk.length
  }
  return found
}

test('lines end with CRLF alone', () => {
  const octets = Buffer.from('NOOP\r\nA\nB\r\r\nC\rD\r\n\r\nü\r\n')
  assert.deepEqual(lines(octets, [1000]), [':NOOP', 'bare-lf', 'bad', 'bad', ':', ':ü'])
})

test('property: lines are the same however they are cut', () => {
  const part = fc.constantFrom(
    ...['NOOP', ' ', '\r\n', '\r', '\n', '\0', 'ü', 'x'.repeat(62), 'x'.repeat(63), '\t'],
  )
  const sizes = fc.array(fc.integer({ min: 1, max: 70 }), { minLength: 1, maxLength: 6 })
  fc.assert(
    fc.property(fc.array(part, { maxLength: 20 }), sizes, (parts, cut) => {
      const octets = Buffer.from(parts.join(''))
      const expected = parts
        .join('')
        .split(/(?<=\n)/)
        .filter((line) => line.endsWith('\n'))
        .map((line) => {
          if (Buffer.byteLength(line) > 64) return 'too-long'
          if (!line.endsWith('\r\n')) return 'bare-lf'
          return /^[^\p{Cc}]*\r\n$/u.test(line) ? `:${line.slice(0, -2)}` : 'bad'
        })
      assert.deepEqual(lines(octets, cut), expected)
    }),
    { numRuns: 200 },
  )
})

test('octets that are no UTF-8 make a line bad', () => {
  assert.deepEqual(lines(Buffer.from('NOOP \xc3\r\nNOOP\r\n', 'latin1'), [3]), ['bad', ':NOOP'])
})

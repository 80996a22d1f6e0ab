import assert from 'node:assert/strict'
import test from 'node:test'

import { DotEncoder } from './dot.ts'

function encode(...chunks: string[]): string {
  const encoder = new DotEncoder()
  const out = chunks.map((chunk) => encoder.encode(Buffer.from(chunk)).toString())
  return out.join('') + encoder.end().toString()
}

test('a dot at the start of a line is doubled, wherever the chunks are cut', () => {
  assert.equal(encode('.a\r\n.\r\nb.\r\n'), '..a\r\n..\r\nb.\r\n.\r\n')
  assert.equal(encode('.', 'a\r', '\n', '.', '\r', '\nb'), '..a\r\n..\r\nb\r\n.\r\n')
  assert.equal(encode('a\r', '\n.b'), 'a\r\n..b\r\n.\r\n')
})

test('the last line is completed, and an empty content is only the end', () => {
  assert.equal(encode('a'), 'a\r\n.\r\n')
  assert.equal(encode(), '.\r\n')
  assert.equal(encode('', ''), '.\r\n')
})

test('a chunk without such a dot is passed on without a copy', () => {
  const chunk = Buffer.from('a.b\r\nc\r\n')
  assert.equal(new DotEncoder().encode(chunk), chunk)
})

// Messages keep their octets: parsing, forking, odd headers, dot-stuffing as a property.
import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { DotDecoder, stuffDots } from '../smtp/dot-stuffing.ts'
import { hasBareLineEnding } from './line-endings.ts'
import { field, Message } from './message.ts'
import { mailDate } from './dates.ts'

test('any octets survive parsing unchanged', () => {
  const pieces = fc.constantFrom('A: b', '\r\n', '\n', '\r', ' ', '\t', ':', 'é', 'X-Y', '\0', '.', 'From x')
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 30 }), (texts) => {
      const raw = Buffer.from(texts.join(''))
      const again = Message.parse(raw).raw
      // A message that ends within its header is given the line endings that it lacks.
      assert.ok(again.subarray(0, raw.length).equals(raw))
      assert.match(again.subarray(raw.length).toString(), /^(\r\n){0,2}$/)
    }),
  )
})

test('fields, folding, blanks before the colon, LF line endings and a body without header are told apart', () => {
  const message = Message.parse(Buffer.from('A : 1\nB: 2\n\t3\nA: 4\r\n\r\nbody\n'))
  assert.deepEqual(
    message.fields.map(({ name }) => name),
    ['A', 'B', 'A'],
  )
  assert.deepEqual(message.values('a'), ['1', '4'])
  assert.equal(message.value('b'), '2\t3')
  assert.equal(message.body.toString(), 'body\n')
  assert.ok(message.bareLineEnding)
  const headless = Message.parse(Buffer.from('no header here\r\nA: b\r\n'))
  assert.equal(headless.fields.length, 0)
  assert.equal(headless.body.toString(), 'no header here\r\nA: b\r\n')
})

test('a fork does not change its original and shares the body', () => {
  const message = Message.parse(Buffer.from('A: 1\r\n\r\nx'))
  const fork = message.fork()
  fork.set('A', '2')
  fork.prepend([field('Z', '9')])
  assert.equal(message.raw.toString(), 'A: 1\r\n\r\nx')
  assert.equal(fork.raw.toString(), 'Z: 9\r\nA: 2\r\n\r\nx')
  assert.equal(fork.body, message.body)
})

test('stuffed and cut into any chunks, the decoder gives the message back', () => {
  const texts = fc.array(fc.constantFrom('.', '\r\n', '\r', '\n', 'a', '..', '\r\n.'), { maxLength: 40 })
  fc.assert(
    fc.property(texts, fc.array(fc.nat(20), { maxLength: 60 }), fc.nat(20), (words, cuts, split) => {
      const raw = Buffer.from(words.join(''))
      const wire = Buffer.concat([
        ...stuffDots([raw.subarray(0, split), raw.subarray(split)]),
        Buffer.from('QUIT'),
      ])
      const decoder = new DotDecoder()
      const got: Buffer[] = []
      let rest: Buffer | undefined
      let at = 0
      for (let i = 0; at < wire.length && !rest; i++) {
        const size = (cuts[i % Math.max(1, cuts.length)] ?? 0) + 1
        const fed = decoder.feed(wire.subarray(at, at + size))
        got.push(...fed.pieces)
        at += size
        if (fed.rest) rest = Buffer.concat([fed.rest, wire.subarray(at)])
      }
      const ended = raw.length === 0 || raw.subarray(-2).equals(Buffer.from('\r\n'))
      assert.deepEqual(Buffer.concat(got), ended ? raw : Buffer.concat([raw, Buffer.from('\r\n')]))
      assert.equal(rest?.toString(), 'QUIT')
    }),
  )
})

test('bare line endings are found wherever they are', () => {
  for (const text of ['\n', 'a\n', '\r', 'a\r', '\r\r\n', '\r\n\n', 'x\ry\r\n'])
    assert.ok(hasBareLineEnding(Buffer.from(text)), JSON.stringify(text))
  for (const text of ['', 'a', '\r\n', 'a\r\nb\r\n\r\n'])
    assert.ok(!hasBareLineEnding(Buffer.from(text)), JSON.stringify(text))
})

test('dates are written as Exchange writes them', () => {
  assert.equal(mailDate(new Date('2025-03-09T19:25:28Z')), 'Sun, 9 Mar 2025 19:25:28 +0000')
})

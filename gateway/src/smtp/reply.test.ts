/** Tests of the SMTP reply reader and writer: every way of cutting the bytes, hostile servers, and the round trip. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import {
  MAX_REPLY_LINE,
  MAX_REPLY_LINES,
  MAX_REPLY_TEXT,
  ReplyError,
  ReplyReader,
  formatReply,
  replyText,
} from './reply.ts'

const read = (text: string) => new ReplyReader().push(Buffer.from(text))
const fault = (code: string) => (error: unknown) => error instanceof ReplyError && error.code === code

describe('reply reader', () => {
  test('a single line with an enhanced code', () => {
    assert.deepEqual(read('250 2.1.5 Recipient OK\r\n'), [
      { code: 250, enhanced: '2.1.5', lines: ['2.1.5 Recipient OK'] },
    ])
  })

  test('several replies in one chunk, in order', () => {
    assert.deepEqual(
      read('250 2.1.0 a\r\n550 5.4.1 b\r\n354 go\r\n').map((reply) => [reply.code, reply.enhanced]),
      [
        [250, '2.1.0'],
        [550, '5.4.1'],
        [354, null],
      ],
    )
  })

  test('a multi-line reply is one reply, its enhanced code that of the first line', () => {
    assert.deepEqual(read('550-5.7.1 one\r\n550-5.7.1 two\r\n550 5.7.1 three\r\n'), [
      { code: 550, enhanced: '5.7.1', lines: ['5.7.1 one', '5.7.1 two', '5.7.1 three'] },
    ])
  })

  test('a bare code, with and without the space, is a reply with an empty text', () => {
    assert.deepEqual(
      read('250\r\n250 \r\n').map((reply) => reply.lines),
      [[''], ['']],
    )
  })

  test('a line that ends in LF alone is taken', () => {
    assert.equal(read('220 hello\n')[0]?.code, 220)
  })

  test('an unfinished reply is pending', () => {
    const reader = new ReplyReader()
    assert.deepEqual(reader.push(Buffer.from('250-a\r\n')), [])
    assert.equal(reader.pending, true)
    assert.equal(reader.push(Buffer.from('250 b\r\n')).length, 1)
    assert.equal(reader.pending, false)
  })

  for (const bad of [
    '25\r\n',
    '150 x\r\n',
    '650 x\r\n',
    '000 x\r\n',
    '2x0 x\r\n',
    'HTTP/1.1 400\r\n',
    '250x\r\n',
    '\r\n',
    '-250 x\r\n',
  ])
    test(`${JSON.stringify(bad)} is no reply`, () => {
      assert.throws(() => read(bad), fault('reply-bad-code'))
    })

  test('a code that changes inside one reply is refused', () => {
    assert.throws(() => read('250-a\r\n550 b\r\n'), fault('reply-mixed-codes'))
  })

  test('a line without end is refused as soon as it is too long', () => {
    const reader = new ReplyReader()
    assert.throws(() => {
      for (let i = 0; i < 100; i++) reader.push(Buffer.from('250 ' + 'x'.repeat(60)))
    }, fault('reply-line-too-long'))
    assert.throws(() => read(`250 ${'x'.repeat(MAX_REPLY_LINE)}\r\n`), fault('reply-line-too-long'))
  })

  test('a reply without end is refused', () => {
    assert.throws(() => read('250-x\r\n'.repeat(MAX_REPLY_LINES + 1)), fault('reply-too-many-lines'))
    assert.equal(read('250-x\r\n'.repeat(MAX_REPLY_LINES - 1) + '250 x\r\n').length, 1)
  })

  test('property: cutting the bytes anywhere changes nothing', () => {
    const line = fc.stringMatching(/^[ -~äöü€]{0,40}$/)
    const reply = fc.record(
      {
        code: fc.integer({ min: 200, max: 599 }),
        lines: fc.array(line, { minLength: 1, maxLength: 6 }),
      },
      { noNullPrototype: true },
    )
    fc.assert(
      fc.property(
        fc.array(reply, { maxLength: 5 }),
        fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }),
        (replies, cuts) => {
          const bytes = Buffer.from(replies.map((one) => formatReply(one.code, null, one.lines)).join(''))
          const reader = new ReplyReader()
          const seen = []
          for (let at = 0, i = 0; at < bytes.length; i++) {
            const step = cuts[i % cuts.length] ?? 1
            seen.push(...reader.push(bytes.subarray(at, at + step)))
            at += step
          }
          assert.deepEqual(
            seen.map(({ code, lines }) => ({ code, lines })),
            replies,
          )
          assert.equal(reader.pending, false)
        },
      ),
    )
  })

  test('property: arbitrary bytes give replies or a ReplyError, nothing else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        try {
          for (const reply of new ReplyReader().push(Buffer.from(bytes)))
            assert.ok(reply.code >= 200 && reply.code < 600)
        } catch (error) {
          assert.ok(error instanceof ReplyError)
        }
      }),
    )
  })
})

describe('reply writer and text', () => {
  test('every line carries the code and the enhanced code', () => {
    assert.equal(formatReply(250, '2.1.0', ['a', 'b']), '250-2.1.0 a\r\n250 2.1.0 b\r\n')
    assert.equal(formatReply(354, null, ['Go']), '354 Go\r\n')
    assert.equal(formatReply(250, null, []), '250 \r\n')
  })

  test('nothing inside a text ends a line', () => {
    assert.equal(formatReply(550, '5.1.1', ['a\r\n250 OK\0']), '550 5.1.1 a  250 OK \r\n')
  })

  test('the kept text is bounded and free of controls', () => {
    assert.equal(replyText({ code: 550, enhanced: null, lines: ['a\u001b[2Jb', 'c'] }), 'a\ufffd[2Jb\nc')
    assert.equal(replyText({ code: 550, enhanced: null, lines: ['x'.repeat(5000)] }).length, MAX_REPLY_TEXT)
  })
})

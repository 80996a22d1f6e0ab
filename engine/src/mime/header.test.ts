/** Behaviour of the header reader on well-formed, obsolete and hostile header blocks. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { EngineError } from '../errors.ts'
import { MIME_LIMITS } from './entity.ts'
import { fieldsNamed, headerValue, scanHeader } from './header.ts'

function read(text: string): { names: string[]; values: string[]; body: string } {
  const bytes = Buffer.from(text, 'latin1')
  const { fields, bodyStart } = scanHeader(bytes)
  return {
    names: fields.map((field) => field.name),
    values: fields.map((field) => headerValue(bytes, field)),
    body: bytes.toString('latin1', bodyStart),
  }
}

function refuses(text: string, code: string, limits = MIME_LIMITS): void {
  assert.throws(
    () => scanHeader(Buffer.from(text), 0, limits),
    (error) => error instanceof EngineError && error.code === code,
  )
}

describe('scanHeader', () => {
  test('cuts fields at CRLF, LF and mixed line ends', () => {
    const { names, values, body } = read('From: a@b\r\nTo: c@d\nSubject: x\r\n\nbody')
    assert.deepEqual(names, ['From', 'To', 'Subject'])
    assert.deepEqual(values, ['a@b', 'c@d', 'x'])
    assert.equal(body, 'body')
  })

  test('gives ranges that put together are the block', () => {
    const bytes = Buffer.from('A: 1\r\nB: 2\r\n folded\r\n\r\nbody')
    const { fields, bodyStart } = scanHeader(bytes)
    assert.deepEqual(
      fields.map(({ start, valueStart, end }) => [start, valueStart, end]),
      [
        [0, 2, 6],
        [6, 8, 21],
      ],
    )
    assert.equal(bodyStart, 23)
  })

  test('unfolds, keeping the white space of the fold', () => {
    assert.deepEqual(read('Subject: one\r\n two\r\n\tthree\r\n\r\n').values, ['one two\tthree'])
  })

  test('takes a line of white space alone as continuation, not as the end', () => {
    const { names, body } = read('Subject: x\r\n \r\nTo: a@b\r\n\r\nbody')
    assert.deepEqual(names, ['Subject', 'To'])
    assert.equal(body, 'body')
  })

  test('allows white space before the colon', () => {
    const { names, values } = read('Subject \t: x\r\n\r\n')
    assert.deepEqual(names, ['Subject'])
    assert.deepEqual(values, ['x'])
  })

  test('sees the fields behind a line that is none', () => {
    const { names, body } = read(
      'A: 1\r\nthis is no field\r\n continued\r\nB: 2\r\n: no name\r\nC\u00e4: 3\r\n\r\nbody',
    )
    assert.deepEqual(names, ['A', 'B'])
    assert.equal(body, 'body')
  })

  test('does not count a broken line to the field before it', () => {
    assert.deepEqual(read('A: 1\r\nbroken\r\n more\r\nB: 2\r\n\r\n').values, ['1', '2'])
  })

  test('passes over the envelope line of an mbox file', () => {
    assert.deepEqual(read('From a@b Mon Jan  1 10:00:00 2026\nSubject: x\n\n').names, ['Subject'])
    assert.deepEqual(read('>From a@b Mon Jan  1 10:00:00 2026\nSubject: x\n\n').names, ['Subject'])
  })

  test('takes no From field at the top for such a line, however it is written', () => {
    // RFC 5322 4.5: white space before the colon
    for (const author of ['From : ceo@b.example', 'From \t: ceo@b.example', 'From:ceo@b.example']) {
      const { names } = read(`${author}\r\nFrom: alice@b.example\r\n\r\nbody`)
      assert.deepEqual(names, ['From', 'From'], author)
    }
    assert.deepEqual(read('From a@b.example : x\r\nSubject: x\r\n\r\n').names, ['Subject'])
  })

  test('reads a header that no body and no empty line follow', () => {
    assert.deepEqual(read('Subject: x').values, ['x'])
    assert.deepEqual(read('Subject: x\r\n').body, '')
    assert.deepEqual(read('').names, [])
    assert.equal(read('\r\nbody').body, 'body')
  })

  test('reads a block inside a message', () => {
    const bytes = Buffer.from('xxA: 1\r\n\r\n')
    assert.equal(scanHeader(bytes, 2).fields[0]?.name, 'A')
  })

  test('refuses what exceeds the limits', () => {
    refuses(`A: ${'x'.repeat(65_536)}\r\n\r\n`, 'header-line-too-long')
    refuses(`A: ${'x'.repeat(1000)}\r\n`.repeat(1050), 'header-too-long')
    refuses('A: 1\r\n'.repeat(4), 'header-too-many-fields', { ...MIME_LIMITS, fields: 3 })
    assert.equal(read(`A: ${'x'.repeat(65_533)}\r\n\r\n`).names.length, 1)
  })
})

describe('headerValue', () => {
  test('reads UTF-8 as UTF-8 and other bytes one by one', () => {
    assert.deepEqual(read('A: \u00c3\u00bc\r\nB: \u00fc\r\n').values, ['ü', 'ü'])
  })

  test('keeps bare carriage returns and NUL, for the reader to refuse', () => {
    assert.deepEqual(read('A: x\ry\0z\r\n\r\n').values, ['x\ry\0z'])
  })
})

test('fieldsNamed finds every field of a name whatever its case', () => {
  const { fields } = scanHeader(Buffer.from('RECEIVED: 1\r\nX: 2\r\nReceived: 3\r\n\r\n'))
  assert.deepEqual(
    fieldsNamed(fields, 'received').map((field) => field.name),
    ['RECEIVED', 'Received'],
  )
})

const line = fc.constantFrom(
  ...[
    'A: 1\r\n',
    'a : 2\n',
    'B:\r\n',
    ' folded\r\n',
    '\tmore\n',
    'no field\r\n',
    ': x\r\n',
    'From x\r\n',
    '\r\n',
    '\n',
  ],
  ...['C: \u00fc\0\r\n', 'D:x\ry\r\n', 'E: end'],
)

test('whatever the bytes, fields are in order, name themselves, and hold every line that has their name', () => {
  fc.assert(
    fc.property(fc.array(line, { maxLength: 20 }), (lines) => {
      const bytes = Buffer.from(lines.join(''), 'latin1')
      const { fields, bodyStart } = scanHeader(bytes)
      let at = 0
      for (const field of fields) {
        assert.ok(at <= field.start && field.start < field.valueStart && field.valueStart <= field.end)
        assert.equal(bytes.toString('latin1', field.start, field.start + field.name.length), field.name)
        assert.doesNotMatch(headerValue(bytes, field), /\n/)
        at = field.end
      }
      assert.ok(at <= bodyStart && bodyStart <= bytes.length)
      const header = bytes.toString('latin1', 0, bodyStart)
      assert.equal(fieldsNamed(fields, 'a').length, header.match(/^[Aa][ \t]*:/gm)?.length ?? 0)
    }),
    { numRuns: 200 },
  )
})

/** Behaviour of header editing: what is not meant stays byte for byte. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { EngineError } from '../errors.ts'
import { editHeader, foldHeader } from './edit.ts'
import { headerValue, scanHeader } from './header.ts'

function edited(text: string, edit: Parameters<typeof editHeader>[1]): string {
  return Buffer.concat(editHeader(Buffer.from(text, 'latin1'), edit)).toString('latin1')
}

const MESSAGE = 'A: 1\r\nB : 2\n folded\r\nbroken line\r\na: 3\r\n\r\nbo\u00fcdy\r\nA: not a field'

describe('editHeader', () => {
  test('changes nothing if nothing is wanted', () => {
    assert.equal(edited(MESSAGE, {}), MESSAGE)
    assert.equal(edited(MESSAGE, { remove: () => false, prepend: [] }), MESSAGE)
  })

  test('removes fields with their folded lines', () => {
    assert.equal(
      edited(MESSAGE, { remove: ({ lower }) => lower === 'b' }),
      MESSAGE.replace('B : 2\n folded\r\n', ''),
    )
    assert.equal(
      edited(MESSAGE, { remove: ({ lower }) => lower === 'a' }),
      'B : 2\n folded\r\nbroken line\r\n\r\nbo\u00fcdy\r\nA: not a field',
    )
  })

  test('tells the position of the field', () => {
    assert.equal(edited(MESSAGE, { remove: (_field, index) => index === 2 }), MESSAGE.replace('a: 3\r\n', ''))
  })

  test('puts new fields on top, in order', () => {
    const prepend = [Buffer.from('X: 1\r\n'), Buffer.from('Y: 2\r\n')]
    assert.equal(edited(MESSAGE, { prepend }), `X: 1\r\nY: 2\r\n${MESSAGE}`)
    assert.equal(edited('\r\nbody', { prepend }), 'X: 1\r\nY: 2\r\n\r\nbody')
  })

  test('lets no line continue a new field', () => {
    const prepend = [Buffer.from('X: 1\r\n')]
    assert.equal(edited(' ; evil\r\n\tmore\r\nA: 1\r\n\r\n', { prepend }), 'X: 1\r\nA: 1\r\n\r\n')
    assert.equal(edited('From a@b now\n evil\nA: 1\n\n', { prepend }), 'X: 1\r\nA: 1\n\n')
    assert.equal(edited('broken\r\nA: 1\r\n\r\n', { prepend }), 'X: 1\r\nbroken\r\nA: 1\r\n\r\n')
  })

  test('copies neither body nor kept fields', () => {
    const bytes = Buffer.from(MESSAGE)
    const pieces = editHeader(bytes, { remove: ({ lower }) => lower === 'b' })
    assert.ok(pieces.every((piece) => piece.buffer === bytes.buffer))
    assert.equal(pieces.length, 2)
  })

  test('works on a block without body', () => {
    assert.equal(edited('A: 1\r\nB: 2\r\n', { remove: ({ lower }) => lower === 'a' }), 'B: 2\r\n')
    assert.equal(edited('', { prepend: [Buffer.from('A: 1\r\n')] }), 'A: 1\r\n')
  })
})

describe('foldHeader', () => {
  test('folds before white space at 78 bytes', () => {
    const words = Array.from({ length: 30 }, (_, n) => `word${String(n)}`).join(' ')
    const lines = foldHeader('Subject', words).toString().split('\r\n')
    assert.ok(lines.length > 3)
    assert.ok(lines.every((line) => line.length <= 78))
    assert.equal(lines.at(-1), '')
  })

  test('keeps a long first word on the line of the name', () => {
    assert.equal(
      foldHeader('Message-ID', `<${'x'.repeat(90)}>`).toString(),
      `Message-ID: <${'x'.repeat(90)}>\r\n`,
    )
    assert.equal(foldHeader('X', '').toString(), 'X:\r\n')
  })

  test('counts bytes, not characters', () => {
    const lines = foldHeader('Subject', 'ü'.repeat(30).concat(' ').repeat(4)).toString().split('\r\n')
    assert.ok(lines.every((line) => Buffer.byteLength(line) <= 78))
  })

  test('refuses what would break the header', () => {
    for (const value of ['a\r\nB: c', 'a\nb', 'a\rb', 'a\0b', `x ${'y'.repeat(998)}`, 'y'.repeat(999)]) {
      assert.throws(
        () => foldHeader('Subject', value),
        (error) => error instanceof EngineError && error.code === 'header-value-invalid',
      )
    }
    for (const name of ['', 'A B', 'A:', 'Ä', 'A\r\n'])
      assert.throws(() => foldHeader(name, 'x'), EngineError)
  })

  test('gives back the value when it is unfolded', () => {
    const word = fc.string({
      unit: fc.constantFrom('a', 'b', 'ü', ' ', '\t', '<', '\u00a0'),
      minLength: 1,
      maxLength: 300,
    })
    fc.assert(
      fc.property(word, (value) => {
        const bytes = foldHeader('Subject', value)
        const { fields } = scanHeader(bytes)
        const [field] = fields
        assert.equal(fields.length, 1)
        assert.ok(field)
        assert.equal(headerValue(bytes, field), value.replace(/^[ \t]+|[ \t]+$/g, ''))
        for (const line of bytes.toString().split('\r\n').slice(1, -1)) assert.match(line, /[^ \t]/)
      }),
    )
  })
})

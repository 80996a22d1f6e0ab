/** Tests of the Postfix table reader. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { MAX_TABLE_LENGTH, MAX_TABLE_LINE, parseTable, TableTooLarge } from './table.ts'

const SEED = '[contoso-com.mail.protection.outlook.com]:25 verify match=mail.protection.outlook.com'
const rows = (text: string) =>
  [...parseTable(text).entries].map(([key, { value, line }]) => [key, value, line])
const faults = (text: string) => parseTable(text).faults.map(({ line, code, key }) => [line, code, key])

describe('Postfix table text', () => {
  test("the how-to's line is one entry", () => {
    assert.deepEqual(rows(`${SEED}\n`), [
      ['[contoso-com.mail.protection.outlook.com]:25', 'verify match=mail.protection.outlook.com', 1],
    ])
  })

  test('comments and blank lines are skipped, also indented, and line numbers count them', () => {
    assert.deepEqual(rows('# one\n\n   # two\n  \nkey  value \n'), [['key', 'value', 5]])
  })

  test('a line that starts with whitespace continues the one before, across comments and blank lines', () => {
    assert.deepEqual(rows('a verify\n\n# between\n\tmatch=x\n   match=y\nb may'), [
      ['a', 'verify\tmatch=x   match=y', 1],
      ['b', 'may', 6],
    ])
  })

  test('CRLF line ends are whitespace', () => {
    assert.deepEqual(rows('a may\r\nb none\r\n'), [
      ['a', 'may', 1],
      ['b', 'none', 2],
    ])
  })

  test('keys are folded to lower case, values are not', () => {
    assert.deepEqual(rows('[Mail.Example.COM]:25 Encrypt'), [['[mail.example.com]:25', 'Encrypt', 1]])
  })

  test('a key in quotes may hold whitespace', () => {
    assert.deepEqual(rows('"a b" c\n"x\\"y" z'), [
      ['a b', 'c', 1],
      ['x"y', 'z', 2],
    ])
  })

  test('a # inside a line is no comment', () => {
    assert.deepEqual(rows('a b # c'), [['a', 'b # c', 1]])
  })

  test('the first of two lines with one key applies and the second is flagged', () => {
    assert.deepEqual(rows('A may\na none'), [['a', 'may', 1]])
    assert.deepEqual(faults('A may\na none'), [[2, 'duplicate-key', 'a']])
  })

  test('a key without value is a known but broken entry', () => {
    assert.deepEqual(rows('a\nb may'), [
      ['a', null, 1],
      ['b', 'may', 2],
    ])
    assert.deepEqual(faults('a\nb may'), [[1, 'no-value', 'a']])
  })

  test('a continuation of nothing, an open quote, an empty key and a control character are faults with their line', () => {
    assert.deepEqual(faults('  a may\nb may'), [[1, 'starts-with-whitespace', null]])
    assert.deepEqual(faults('b may\n"a may'), [[2, 'unbalanced-quote', null]])
    assert.deepEqual(faults('"" may'), [[1, 'no-value', null]])
    assert.deepEqual(faults('a m\u0000ay'), [[1, 'control-character', 'a']])
    assert.deepEqual(rows('a m\u0000ay'), [['a', null, 1]])
  })

  test('the format of an alias file is flagged', () => {
    assert.deepEqual(faults('postmaster: root'), [[1, 'alias-format', 'postmaster:']])
  })

  test('length is bounded, of a line and of the whole', () => {
    assert.deepEqual(faults(`a ${'x'.repeat(MAX_TABLE_LINE)}`), [[1, 'line-too-long', null]])
    assert.deepEqual(faults(`a b\n${` ${'x'.repeat(1000)}\n`.repeat(200)}`), [[1, 'line-too-long', null]])
    assert.throws(() => parseTable('x'.repeat(MAX_TABLE_LENGTH + 1)), TableTooLarge)
  })

  test('property: any text gives entries and faults with line numbers inside the text', () => {
    const text = fc.array(
      fc.constantFrom('a', 'B', ' ', '\t', '\n', '\r', '#', '"', '\\', 'may', ':', '[x]:25', '\u0000'),
      { maxLength: 80 },
    )
    fc.assert(
      fc.property(text, (parts) => {
        const source = parts.join('')
        const lines = source.split('\n').length
        const table = parseTable(source)
        for (const [key, entry] of table.entries) {
          assert.equal(key, entry.key.toLowerCase())
          assert.ok(entry.line >= 1 && entry.line <= lines)
          assert.notEqual(entry.value, '')
        }
        for (const fault of table.faults) assert.ok(fault.line >= 1 && fault.line <= lines)
      }),
    )
  })

  test('property: what is written is read back', () => {
    const token = fc.stringMatching(/^[a-z0-9[\].:=]{1,20}$/)
    fc.assert(
      fc.property(fc.uniqueArray(fc.tuple(token, token), { selector: ([key]) => key }), (pairs) => {
        const table = parseTable(pairs.map(([key, value]) => `${key}\t${value}\n`).join(''))
        assert.deepEqual(
          [...table.entries].map(([key, { value }]) => [key, value]),
          pairs,
        )
      }),
    )
  })
})

// YAML text as documents with line numbers; bad syntax is told without quoting the text.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigError } from './problem.ts'
import { readSource } from './source.ts'

function complaint(text: string): string {
  try {
    readSource(text, 'a.yaml')
  } catch (error) {
    assert.ok(error instanceof ConfigError)
    return error.message
  }
  assert.fail('was accepted')
}

test('several documents are read, empty ones left out, lines counted over the whole file', () => {
  const text = '# head\n---\nkind: A\nspec:\n  list:\n    - one\n    - two: 2\n---\n---\nkind: B\n'
  const [first, second, ...more] = readSource(text, 'a.yaml')
  assert.ok(first !== undefined && second !== undefined)
  assert.equal(more.length, 0)
  assert.deepEqual(first.value, { kind: 'A', spec: { list: ['one', { two: 2 }] } })
  assert.equal(first.lineOf(['kind']), 3)
  assert.equal(first.lineOf(['spec', 'list', 0]), 6)
  assert.equal(first.lineOf(['spec', 'list', 1, 'two']), 7)
  assert.equal(first.lineOf(['spec', 'missing']), 4)
  assert.equal(second.lineOf(['kind']), 10)
})

test('JSON is read too, and a byte order mark does no harm', () => {
  assert.deepEqual(readSource('\uFEFF{"kind": "A",\n "spec": {}}', 'a.json')[0]?.value, {
    kind: 'A',
    spec: {},
  })
})

test('nothing is in an empty text', () => {
  for (const text of ['', '\n', '# only a comment\n', '---\n...\n', '---\n---\n'])
    assert.equal(readSource(text, 'a').length, 0)
})

test('bad syntax is told with file and line and without the text', () => {
  assert.equal(complaint('a: 1\na: 2\n'), 'a.yaml:2: a field is given twice (document-syntax)')
  assert.match(complaint('a:\n  - "hunter2\n'), /^a\.yaml:\d: a character is missing/)
  for (const text of [
    'a: "hunter2\n',
    'a: [hunter2\n',
    'hunter2: x: y\n',
    'a: hunter2\n b: 1\n',
    '\thunter2: 1\n',
  ])
    assert.ok(!complaint(text).includes('hunter2'), complaint(text))
})

test('aliases cannot make a small file large', () => {
  const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c,*c,*c,*c]\n`
  assert.match(complaint(bomb), /document-syntax/)
  assert.match(complaint('a: *nowhere\n'), /document-syntax/)
})

test('no text makes the reader throw anything but ConfigError', () => {
  for (const text of [
    '%',
    '&',
    '*',
    '!',
    '|',
    '>',
    '@',
    '`',
    '{',
    '[',
    '"',
    "'",
    '- - -',
    '? ',
    ': ',
    '!!js/function x',
    '\u0000',
    '%YAML 9.9\n---\na',
  ])
    try {
      readSource(text, 'a')
    } catch (error) {
      assert.ok(error instanceof ConfigError, text)
    }
})

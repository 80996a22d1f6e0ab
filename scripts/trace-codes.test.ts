/**
 * Tests that every code that the mail path writes into a trace has a text in both languages, that no text is left over, and
 * that the search itself sees what it must see.
 */
import assert from 'node:assert/strict'
import { dirname } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { TEXTS } from '../gateway/src/cli/texts.ts'
import { ALARMING_REASONS } from '../gateway/src/mail/outbound/classify.ts'
import { codesIn, traceCodes } from './trace-codes.ts'

const { codes, unclear } = traceCodes(dirname(dirname(fileURLToPath(import.meta.url))))

test('every code that is written can be told', () => {
  assert.deepEqual(unclear, [])
})

test('every code has a text in German and in English', () => {
  assert.ok(codes.size > 100, String(codes.size))
  assert.deepEqual([...codes].filter((code) => !Object.hasOwn(TEXTS, code)).sort(), [])
  for (const [code, { de, en }] of Object.entries(TEXTS)) assert.ok(de !== '' && en !== '' && de !== en, code)
})

test('every text is of a code that is written', () => {
  assert.deepEqual(Object.keys(TEXTS).filter((code) => !codes.has(code)), []) // prettier-ignore
})

test('every reason that alarms is one that is written', () => {
  assert.deepEqual([...ALARMING_REASONS].filter((code) => !codes.has(code)), []) // prettier-ignore
})

test('the search finds codes in every form in which they are written, and says where it cannot', () => {
  const found = (text: string) => [...codesIn(text, 'x.ts').codes].sort()
  assert.deepEqual(found("deferred('4.4.1', 'a')"), ['a'])
  assert.deepEqual(found("turn.trace(now, late ? 'a' : 'b', 1, {})"), ['a', 'b'])
  assert.deepEqual(found("const x = { code: 'a', arguments: { code: reply.code } }"), ['a'])
  assert.deepEqual(found("const T = { X: 'a', Y: 'b' }; const r = { code: T[cause] ?? 'c', cause }"), ['a', 'b', 'c']) // prettier-ignore
  assert.deepEqual(found("const row = { kind: 'held', reason: 'a' }"), ['a'])
  assert.deepEqual(found("const code = late ? 'a' : 'b'; fault(code, {})"), ['a', 'b'])
  assert.deepEqual(found('const r = { code: 250, text }'), [])
  assert.equal(codesIn('held(status, compute())', 'x.ts').unclear.length, 1)
  assert.equal(codesIn('reason(`tls-${what}`)', 'x.ts').unclear.length, 1)
})

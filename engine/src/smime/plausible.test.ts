import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { scanMessage } from '../mime/scan.ts'
import { looksLikeEntity } from './plausible.ts'

const plausible = (content: Buffer | string): boolean => {
  const bytes = Buffer.from(content as string) // either
  return looksLikeEntity(bytes, scanMessage(bytes))
}

test('entities of all kinds pass', () => {
  for (const entity of [
    '',
    '\r\nbody',
    '\nbody',
    'just text, no header field',
    'Content-Type: text/plain\r\n\r\n\0\u0001binary body',
    'Content-Type: text/plain;\r\n\tcharset=utf-8\r\n\r\nbody',
    'Subject: Grüße\r\n\r\nbody',
  ])
    assert.ok(plausible(entity), JSON.stringify(entity))
  assert.ok(plausible(Buffer.from('Subject: Gr\u00fc\u00dfe\r\n\r\nbody', 'latin1')))
})

test('noise hardly ever passes', () => {
  let passed = 0
  for (let round = 0; round < 4000; round++) {
    const options = { outputLength: 400 }
    if (plausible(createHash('shake128', options).update(`noise ${round}`).digest())) passed++
  }
  // Beside the padding of CBC that is one wrong key in a million.
  assert.ok(passed <= 2, String(passed))
})

test('binary without header fields or inside one does not pass', () => {
  for (const content of ['\r\n\0\0\0', '\u0000', 'A: x\u0002\r\n\r\nbody'])
    assert.ok(!plausible(content), JSON.stringify(content))
})

import assert from 'node:assert/strict'
import test from 'node:test'

import { findIdentifiers, HeaderCollector } from './header-section.ts'

function find(text: string): readonly (string | null)[] {
  const { messageId, networkMessageId } = findIdentifiers(Buffer.from(text))
  return [messageId, networkMessageId]
}

test('the identifiers of a mail are found, whatever the case, folding and order', () => {
  const network = 'X-MS-Exchange-Organization-Network-Message-Id'
  const tenant = 'X-MS-Exchange-CrossTenant-Network-Message-Id'
  assert.deepEqual(find('A: b\r\n\r\n'), [null, null])
  assert.deepEqual(find('Message-ID: <1@x>\r\nmessage-id: <2@x>\r\n\r\n'), ['<1@x>', null])
  assert.deepEqual(find('MESSAGE-ID :\r\n <1@x>\r\nX: y\r\n\r\n'), ['<1@x>', null])
  assert.deepEqual(find(`${tenant}: two\r\n${network}: one\r\n\r\n`), [null, 'one'])
  assert.deepEqual(find(`${tenant}:\r\n\ttwo\r\nMessage-ID: <1@x>`), ['<1@x>', 'two'])
  assert.deepEqual(find('Subject: x\r\n Message-ID: <no@x>\r\nX-Message-ID: a\r\n\r\n'), [null, null])
  assert.deepEqual(find('Message-ID:\r\n\r\n'), [null, null])
})

test('an identifier has no control character and at most 998 octets', () => {
  assert.deepEqual(find('Message-ID: <1\x1b[2J@x\0>\r\n\r\n'), ['<1 [2J@x >', null])
  assert.deepEqual(find(`Message-ID: ${'x'.repeat(998)}\r\n\r\n`)[0]?.length, 998)
  assert.deepEqual(find(`Message-ID: ${'x'.repeat(999)}\r\n\r\n`), [null, null])
  assert.deepEqual(find(`Message-ID: ${'x\r\n '.repeat(9999)}\r\n\r\n`), [null, null])
})

test('a header section that comes octet by octet is copied a few times, not once for each octet', () => {
  const collector = new HeaderCollector()
  const octets = Buffer.from('0123456789'.repeat(10_000))
  const buffers = new Set<ArrayBufferLike>()
  for (let i = 0; i < octets.length; i++) {
    collector.add(octets.subarray(i, i + 1))
    buffers.add(collector.section.buffer)
  }
  assert.ok(collector.section.equals(octets))
  assert.ok(buffers.size <= 5, String(buffers.size))
})

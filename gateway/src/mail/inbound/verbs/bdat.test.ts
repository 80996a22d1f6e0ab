import assert from 'node:assert/strict'
import test from 'node:test'

import { startRig } from '../testing/rig.ts'

const CHUNK_OK = '250 2.0.0 OK'
const QUEUED = '250 2.6.0 01TEST00000000000000000001 queued'

test('a mail in chunks is stored as it came, bare line ends and dots too', async (t) => {
  const rig = await startRig(t)
  const peer = await rig.inTransaction()
  peer.send('BDAT 7\r\nA: b\r\n\rBDAT 9\r\n\nx\n.\r\n.\r\nBDAT 3 last\r\ny\r\0')
  assert.deepEqual(await peer.replies(3), [CHUNK_OK, CHUNK_OK, QUEUED])
  assert.equal(rig.store.content(), 'A: b\r\n\r\nx\n.\r\n.\r\ny\r\0')
  const mail = rig.store.mails[0]
  assert.equal(mail?.via, 'BDAT')
  assert.deepEqual(mail.body, {
    size: 19,
    headerSize: 8,
    eightBit: false,
    eightBitHeader: false,
    bareLineEnds: true,
    nul: true,
    longestLine: 4,
  })
  await peer.quit()
})

test('BDAT 0 LAST ends a mail, BDAT 0 does nothing to it, and a mail may be empty', async (t) => {
  const rig = await startRig(t)
  const peer = await rig.inTransaction()
  peer.send('BDAT 0\r\nBDAT 8\r\nA: b\r\n\r\nBDAT 0\r\nBDAT 0 LAST\r\n')
  assert.deepEqual(await peer.replies(4), [CHUNK_OK, CHUNK_OK, CHUNK_OK, QUEUED])
  assert.equal(rig.store.content(), 'A: b\r\n\r\n')
  peer.send('MAIL FROM:<>\r\nRCPT TO:<a@b>\r\nBDAT 0 LAST\r\n')
  assert.match((await peer.replies(3)).at(-1) ?? '', /^250 2\.6\.0/)
  assert.equal(rig.store.content(1), '')
  await peer.quit()
})

test('after LAST the transaction is over', async (t) => {
  const rig = await startRig(t)
  const peer = await rig.inTransaction()
  peer.send('BDAT 4 LAST\r\nA: bBDAT 4 LAST\r\nQUITRCPT TO:<a@b>\r\n')
  assert.deepEqual(await peer.replies(3), [QUEUED, '503 5.5.1 Need MAIL first', '503 5.5.1 Need MAIL first'])
  await peer.quit()
})

test('a refused chunk is swallowed to its last octet', async (t) => {
  const rig = await startRig(t)
  const peer = await rig.secure()
  const octets = 'QUIT\r\n'.repeat(20_000)
  peer.send(`BDAT ${octets.length} LAST\r\n${octets}NOOP\r\n`)
  assert.deepEqual(await peer.replies(2), ['503 5.5.1 Need MAIL first', '250 2.0.0 OK'])
  peer.send(`MAIL FROM:<a@b>\r\nRCPT TO:<bad>\r\nBDAT ${octets.length}\r\n${octets}NOOP\r\n`)
  assert.deepEqual((await peer.replies(4)).slice(2), ['554 5.5.1 No valid recipients', '250 2.0.0 OK'])
  await peer.quit()
})

test('a chunk after a refused one is refused as the first was, and RSET begins anew', async (t) => {
  const rig = await startRig(t)
  rig.store.verdict = () => ({
    kind: 'refused',
    refusal: { code: 450, enhanced: '4.7.1', text: 'Not now', reason: 'test', detail: '' },
  })
  const peer = await rig.inTransaction()
  peer.send('BDAT 6\r\nA: b\r\nBDAT 3\r\n\r\nxBDAT 4\r\nQUITBDAT 0\r\nNOOP\r\nBDAT 4 LAST\r\nQUITDATA\r\n')
  assert.deepEqual(await peer.replies(7), [
    CHUNK_OK,
    '450 4.7.1 Not now',
    '450 4.7.1 Not now',
    '450 4.7.1 Not now',
    CHUNK_OK,
    '450 4.7.1 Not now',
    '503 5.5.1 Need MAIL first',
  ])
  assert.equal(rig.store.bodies.length, 0)
  peer.send('MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 8\r\nA: b\r\n\r\nRSET\r\nBDAT 4\r\nQUIT')
  assert.deepEqual((await peer.replies(5)).slice(2), [
    '450 4.7.1 Not now',
    '250 2.0.0 OK',
    '503 5.5.1 Need MAIL first',
  ])
  await peer.quit()
})

test('RSET, EHLO and QUIT between chunks throw the mail away', async (t) => {
  const rig = await startRig(t)
  for (const [line, code] of [
    ['RSET', '250'],
    ['EHLO client.example', '250'],
    ['QUIT', '221'],
  ] as const) {
    const peer = await rig.inTransaction()
    peer.send('BDAT 9\r\nA: b\r\n\r\nx')
    assert.equal(await peer.reply(), CHUNK_OK)
    assert.ok((await peer.say(line)).startsWith(code))
    assert.equal(rig.store.bodies.at(-1)?.state, 'aborted')
    peer.destroy()
  }
  assert.equal(rig.store.mails.length, 0)
})

test('DATA, RCPT and MAIL after BDAT are refused, and the chunks go on', async (t) => {
  const rig = await startRig(t)
  const peer = await rig.inTransaction()
  peer.send('BDAT 8\r\nA: b\r\n\r\nDATA\r\n')
  const replies = await peer.replies(2)
  peer.send('RCPT TO:<x@y>\r\nMAIL FROM:<x@y>\r\nBDAT 1 LAST\r\nx')
  replies.push(...(await peer.replies(3)))
  assert.deepEqual(replies, [
    CHUNK_OK,
    '503 5.5.1 DATA and BDAT may not be mixed',
    '503 5.5.1 The mail has begun',
    '503 5.5.1 Nested MAIL command',
    QUEUED,
  ])
  assert.equal(rig.store.content(), 'A: b\r\n\r\nx')
  await peer.quit()
})

test('a chunk whose length cannot be told ends the connection', async (t) => {
  const rig = await startRig(t)
  const arguments_ = [
    '',
    ' ',
    ' x',
    ' -1',
    ' 1x',
    ' 0x10',
    ' 1 FIRST',
    ' 1 LAST LAST',
    ' LAST',
    ' 1e3',
    ' 1.5',
  ]
  for (const argument of [...arguments_, ' 9999999999999999']) {
    const peer = await rig.inTransaction()
    peer.send(`BDAT${argument}\r\nMAIL FROM:<a@b>\r\n`)
    assert.equal(await peer.reply(), '501 5.5.4 Syntax error in arguments', argument)
    await peer.closed()
  }
})

test('chunks over SIZE are refused, and a chunk beyond reason ends the connection', async (t) => {
  const rig = await startRig(t, { limits: { messageSize: 1000 } })
  const peer = await rig.inTransaction()
  peer.send(`BDAT 8\r\nA: b\r\n\r\nBDAT 993\r\n${'x'.repeat(993)}BDAT 0 LAST\r\n`)
  const large = '552 5.3.4 Message too large'
  assert.deepEqual(await peer.replies(3), [CHUNK_OK, large, large])
  assert.equal(rig.store.bodies[0]?.state, 'aborted')
  peer.send(`MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 1000 LAST\r\nA: b\r\n\r\n${'x'.repeat(992)}`)
  assert.match((await peer.replies(3)).at(-1) ?? '', /^250 2\.6\.0/)
  peer.send('MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 2001\r\n')
  assert.equal((await peer.replies(3)).at(-1), large)
  await peer.closed()
})

test('a peer that sends refused chunks for ever is cut off', async (t) => {
  const rig = await startRig(t, { limits: { messageSize: 1000 } })
  rig.store.verdict = () => ({
    kind: 'refused',
    refusal: { code: 550, enhanced: '5.7.1', text: 'No', reason: 'test', detail: '' },
  })
  const peer = await rig.inTransaction()
  peer.send(`BDAT 8\r\nA: b\r\n\r\n${`BDAT 900\r\n${'x'.repeat(900)}`.repeat(10)}`)
  const replies: string[] = []
  while (!peer.ended) replies.push(await peer.reply())
  assert.ok(replies.length <= 5)
  assert.ok(
    replies.every((reply) => reply === '' || reply.startsWith('55')),
    replies.join(),
  )
})

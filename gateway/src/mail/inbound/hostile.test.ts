/** Peers that try to have something taken for what it is not: other protocols, lies about sizes, ends that are none. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { TLSSocket } from 'node:tls'

import { TestPeer } from './testing/peer.ts'
import { startRig } from './testing/rig.ts'

const ENVELOPE = 'MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n'
const SMUGGLED = 'MAIL FROM:<evil@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nSubject: evil\r\n\r\nx\r\n.\r\n'

test('a request of HTTP ends the connection, in clear and under TLS, and nothing in its body is carried out', async (t) => {
  const rig = await startRig(t)
  const request = (method: string) =>
    `${method} / HTTP/1.1\r\nHost: gateway.example\r\nContent-Length: 200\r\n\r\nEHLO x\r\n${SMUGGLED}`
  for (const method of ['GET', 'POST', 'put', 'CONNECT', 'OPTIONS'])
    for (const peer of [await TestPeer.connect(rig.port), await rig.secure()]) {
      peer.send(request(method))
      assert.equal(await peer.reply(), '521 5.5.1 This is SMTP')
      await peer.closed()
      peer.destroy()
    }
  assert.equal(rig.store.asked.length, 0)
})

test('a TLS handshake without STARTTLS is no command', async (t) => {
  const rig = await startRig(t)
  const peer = await TestPeer.connect(rig.port)
  peer.send(Buffer.from('\x16\x03\x01\x00\x05hello\r\n', 'latin1'))
  assert.equal(await peer.reply(), '500 5.5.2 Syntax error')
  await peer.quit()
})

test('a peer that talks before the greeting, or behind EHLO, gains nothing', async (t) => {
  const rig = await startRig(t)
  // Alone an early EHLO is harmless: nothing that counts is said in clear.
  const alone = TestPeer.open(rig.port)
  alone.send('EHLO x\r\n')
  assert.match((await alone.replies(2))[1] ?? '', /^250-/)
  assert.equal(await alone.say('MAIL FROM:<a@b>'), '530 5.7.0 Must issue a STARTTLS command first')
  alone.destroy()
  const early = TestPeer.open(rig.port)
  early.send(`EHLO x\r\n${ENVELOPE}DATA\r\n`)
  assert.match(await early.reply(), /^220 /)
  assert.equal(await early.reply(), '554 5.5.1 Improper command pipelining')
  await early.closed()
  for (const verb of ['EHLO', 'HELO', 'ehlo'])
    for (const peer of [await TestPeer.connect(rig.port), await rig.secure()]) {
      peer.send(`${verb} x\r\n${SMUGGLED}`)
      assert.equal(await peer.reply(), '554 5.5.1 Improper command pipelining')
      await peer.closed()
      peer.destroy()
    }
  assert.equal(rig.store.asked.length, 0)
})

test('an end of data inside a chunk is content', async (t) => {
  const rig = await startRig(t)
  for (const end of ['\r\n.\r\n', '\n.\n', '\r.\r', '\n.\r\n', '\r\n.\n', '\r.\r\n', '\r\n.\0\r\n']) {
    const content = `Subject: x\r\n\r\nbefore${end}${SMUGGLED}`
    const peer = await rig.inTransaction()
    peer.send(`BDAT ${content.length} LAST\r\n${content}`)
    assert.match(await peer.reply(), /^250 2\.6\.0 /)
    assert.equal(await peer.say('RSET'), '250 2.0.0 OK')
    await peer.quit()
  }
  assert.equal(rig.store.asked.length, 7)
  assert.ok(rig.store.asked.every(({ envelope }) => envelope.sender === 'anna@contoso.com'))
})

test('octets beyond the announced size are commands, octets short of it are awaited, and no mail is made up', async (t) => {
  const rig = await startRig(t)
  const longer = await rig.inTransaction()
  longer.send('BDAT 14 LAST\r\nSubject: x\r\n\r\nmore than was said\r\n')
  assert.match(await longer.reply(), /^250 2\.6\.0 /)
  assert.equal(await longer.reply(), '500 5.5.1 Command not recognised')
  await longer.quit()
  const shorter = await rig.inTransaction()
  shorter.send(`BDAT 4000 LAST\r\nSubject: x\r\n\r\n${SMUGGLED}`)
  shorter.socket.end()
  await shorter.closed()
  assert.equal(rig.store.asked.filter(({ envelope }) => envelope.sender === 'evil@b').length, 0)
  assert.equal(rig.events.filter(({ event }) => event === 'mail-received').length, 1)
})

test('a peer that closes its side before the end of the data has sent no mail', async (t) => {
  const rig = await startRig(t)
  for (const rest of ['', '\r\n', '\r\n.', '\r\n.\r', '\n.\n']) {
    const peer = await rig.inTransaction()
    assert.match(await peer.say('DATA'), /^354 /)
    peer.send(`Subject: x\r\n\r\nbody${rest}`)
    peer.socket.end()
    await peer.closed()
  }
  assert.ok(!rig.events.some(({ event }) => event === 'mail-received'))
})

test('renegotiation is refused', async (t) => {
  const rig = await startRig(t)
  const peer = await TestPeer.secure(rig.port, { maxVersion: 'TLSv1.2' })
  const { socket } = peer
  assert.ok(socket instanceof TLSSocket)
  const error = await new Promise((resolve) => {
    socket.once('error', resolve)
    socket.once('close', resolve)
    socket.renegotiate({ rejectUnauthorized: false }, resolve)
  })
  assert.ok(error !== null)
  await (await rig.secure()).quit()
})

test('rubbish in place of a TLS record ends the connection, and what was half said is forgotten', async (t) => {
  const rig = await startRig(t)
  const peer = await rig.inTransaction()
  assert.ok(peer.socket instanceof TLSSocket)
  const raw: unknown = Reflect.get(peer.socket, '_parent')
  assert.ok(raw instanceof Object && 'write' in raw && typeof raw.write === 'function')
  Reflect.apply(raw.write, raw, ['DATA\r\n.\r\n'])
  await peer.closed()
  assert.ok(!rig.events.some(({ event }) => event === 'mail-received'))
})

import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import test from 'node:test'

import { TestPeer } from './testing/peer.ts'
import { startRig } from './testing/rig.ts'

const ENVELOPE = 'MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n'
const CONTENT = 'A: b\r\n\r\n.\r\n'

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 400 && !condition(); i++) await delay(5)
  assert.ok(condition(), 'did not happen in 2 s')
}

test('connections are limited in total and per address', async (t) => {
  for (const limits of [{ connections: 2 }, { connectionsPerAddress: 2 }]) {
    const rig = await startRig(t, { limits })
    const first = await TestPeer.connect(rig.port)
    const second = await TestPeer.connect(rig.port)
    const third = TestPeer.open(rig.port)
    assert.equal(await third.reply(), '421 4.7.0 Too many connections')
    await third.closed()
    assert.equal(rig.listener.connections, 2)
    first.destroy()
    await until(() => rig.listener.connections === 1)
    const fourth = await TestPeer.connect(rig.port)
    assert.equal(await fourth.say('NOOP'), '250 2.0.0 OK')
    second.destroy()
    fourth.destroy()
  }
})

test('a peer that is screened out hears the refusal instead of the greeting', async (t) => {
  const rig = await startRig(t)
  rig.store.screened = {
    code: 554,
    enhanced: '5.7.1',
    text: 'Access denied',
    reason: 'not-in-range',
    detail: '127.0.0.1 is in no range',
  }
  const peer = TestPeer.open(rig.port)
  assert.equal(await peer.reply(), '554 5.7.1 Access denied')
  await peer.closed()
})

test('too many bad commands end the connection', async (t) => {
  const rig = await startRig(t, { limits: { badCommands: 3 } })
  const peer = await rig.secure()
  peer.send('X\r\nMAIL\r\nRCPT\r\nX\r\nNOOP\r\n')
  assert.equal((await peer.replies(4)).at(-1), '421 4.7.0 Too many errors')
  await peer.closed()
})

test('too many commands without mail end the connection, an accepted mail counts anew', async (t) => {
  const rig = await startRig(t, { limits: { idleCommands: 8 } })
  const peer = await rig.secure()
  const replies = await peer.mail('NOOP\r\n'.repeat(5) + ENVELOPE, CONTENT)
  for (let i = 0; i < 2; i++) {
    peer.send('NOOP\r\nRSET\r\nVRFY x\r\nEHLO x\r\n')
    replies.push(...(await peer.replies(4)))
  }
  assert.ok(replies.every((reply) => /^(?:250|252|354)/.test(reply)))
  assert.equal(await peer.say('NOOP'), '421 4.7.0 Too many commands without mail')
  await peer.closed()
})

test('too many transactions end the connection', async (t) => {
  const rig = await startRig(t, { limits: { transactions: 2 } })
  const peer = await rig.secure()
  await peer.mail(ENVELOPE, `${CONTENT}MAIL FROM:<a@b>\r\nRSET\r\nMAIL FROM:<a@b>\r\n`)
  assert.equal((await peer.replies(3)).at(-1), '421 4.7.0 Too many transactions on this connection')
  await peer.closed()
})

test('recipients over the limit are refused for now, the others get the mail', async (t) => {
  const rig = await startRig(t, { limits: { recipients: 3, badCommands: 2 } })
  const peer = await rig.secure()
  const replies = await peer.mail(`MAIL FROM:<a@b>\r\n${'RCPT TO:<c@d>\r\n'.repeat(10)}`, CONTENT)
  assert.deepEqual(replies.slice(4, 11), Array(7).fill('452 4.5.3 Too many recipients'))
  assert.match(replies.at(-1) ?? '', /^250 2\.6\.0/)
  assert.equal(rig.store.mails[0]?.envelope.recipients.length, 3)
  peer.send(`MAIL FROM:<a@b>\r\n${'RCPT TO:<c@d>\r\n'.repeat(1010)}`)
  while (!peer.ended) if ((await peer.reply()) === '421 4.7.0 Too many errors') return
  assert.fail('not cut off')
})

test('by default a mail may have 1000 recipients', async (t) => {
  const rig = await startRig(t)
  const peer = await rig.secure()
  peer.send(`MAIL FROM:<a@b>\r\n${'RCPT TO:<c@d>\r\n'.repeat(1001)}`)
  const replies = await peer.replies(1002)
  assert.ok(replies.slice(0, 1001).every((reply) => reply.startsWith('250')))
  assert.equal(replies.at(-1), '452 4.5.3 Too many recipients')
  await peer.quit()
})

test('a peer that is silent, or drips a command, is timed out; one that talks is not', async (t) => {
  const rig = await startRig(t, { timeouts: { command: 500 } })
  const silent = await TestPeer.connect(rig.port)
  const dripping = await TestPeer.connect(rig.port)
  const talking = await TestPeer.connect(rig.port)
  const drip = setInterval(() => {
    dripping.send('X')
  }, 30)
  try {
    for (let i = 0; i < 8; i++) {
      await delay(90)
      assert.equal(await talking.say('NOOP'), '250 2.0.0 OK')
    }
    assert.equal(await silent.reply(), '421 4.4.2 Timed out')
    await silent.closed()
    assert.equal(await dripping.reply(), '421 4.4.2 Timed out')
  } finally {
    clearInterval(drip)
    talking.destroy()
  }
})

test('a mail whose pieces stay away is timed out and given up, one that keeps coming is not', async (t) => {
  const rig = await startRig(t, { timeouts: { data: 500 } })
  const peer = await rig.inTransaction()
  await peer.say('DATA')
  peer.send('A: b\r\n\r\n')
  for (let i = 0; i < 8; i++) {
    await delay(90)
    peer.send('x')
  }
  assert.equal(rig.store.bodies[0]?.state, 'open')
  assert.equal(await peer.reply(), '421 4.4.2 Timed out')
  assert.equal(rig.store.bodies[0].state, 'aborted')
  await peer.closed()
})

test('a handshake that does not end is cut', async (t) => {
  const rig = await startRig(t, { timeouts: { handshake: 60 } })
  const peer = await TestPeer.connect(rig.port)
  await peer.say('EHLO a')
  await peer.say('STARTTLS')
  assert.equal(await peer.reply(), '')
  await until(() => rig.listener.connections === 0)
})

test('a store that never answers is given up with 421, and an operator hears of it', async (t) => {
  const rig = await startRig(t, { timeouts: { final: 80 } })
  rig.store.safeAfter = Promise.withResolvers<undefined>().promise.then(() => undefined)
  const peer = await rig.inTransaction()
  await peer.say('DATA')
  peer.send('A: b\r\n\r\n.\r\n')
  assert.equal(await peer.reply(), '421 4.3.0 Temporary local problem')
  await peer.closed()
  assert.ok(rig.events.some(({ level, event }) => level === 'error' && event === 'storing-timed-out'))
})

test('a connection has an age at which it ends, between two mails if it can', async (t) => {
  const rig = await startRig(t, { timeouts: { connection: 700 } })
  const idle = await rig.secure()
  const busy = await rig.inTransaction()
  await busy.say('DATA')
  assert.equal(await idle.reply(), '421 4.7.0 Connection open for too long')
  busy.send('A: b\r\n\r\n.\r\n')
  assert.match(await busy.reply(), /^250 2\.6\.0/)
  assert.equal(await busy.reply(), '421 4.7.0 Connection open for too long')
  const endless = await rig.inTransaction()
  await endless.say('DATA')
  assert.equal(await endless.reply(), '421 4.7.0 Connection open for too long')
})

test('a peer that does not close after the last reply is cut', async (t) => {
  const rig = await startRig(t, { timeouts: { linger: 60 } })
  const peer = await TestPeer.connect(rig.port)
  peer.socket.pause()
  peer.send('QUIT\r\n')
  await until(() => rig.listener.connections === 0)
  peer.destroy()
})

test('a peer that sends commands and reads no replies is held back, then timed out', async (t) => {
  const rig = await startRig(t, {
    timeouts: { command: 400, linger: 100 },
    limits: { idleCommands: 1_000_000_000 },
  })
  const peer = await rig.secure()
  peer.socket.pause()
  const commands = Buffer.from('NOOP\r\n'.repeat(100_000))
  let flooding = true
  for (let i = 0; i < 100 && flooding; i++) {
    flooding = peer.socket.write(commands)
    if (!flooding)
      flooding = await Promise.race([
        new Promise<true>((r) =>
          peer.socket.once('drain', () => {
            r(true)
          }),
        ),
        delay(300, false),
      ])
  }
  assert.ok(!flooding, 'never held back')
  await until(() => rig.listener.connections === 0)
})

test('close refuses new connections, ends idle ones, and lets a transaction come to its end', async (t) => {
  const rig = await startRig(t)
  const idle = await rig.secure()
  const busy = await rig.inTransaction()
  const closing = rig.listener.close({ graceMs: 5000 })
  assert.equal(await idle.reply(), '421 4.3.2 Shutting down')
  const late = TestPeer.open(rig.port)
  assert.equal(await late.reply(), '')
  const replies = await busy.mail('RCPT TO:<x@y>\r\n', `${CONTENT}MAIL FROM:<a@b>\r\n`)
  replies.push(await busy.reply())
  assert.deepEqual(
    replies.map((reply) => reply.slice(0, 3)),
    ['250', '354', '250', '421'],
  )
  await closing
  assert.equal(rig.store.mails.length, 1)
})

test('close ends what still runs after the grace, and a connection in its handshake', async (t) => {
  const rig = await startRig(t)
  const busy = await rig.inTransaction()
  await busy.say('DATA')
  const shaking = await TestPeer.connect(rig.port)
  await shaking.say('EHLO a')
  await shaking.say('STARTTLS')
  await rig.listener.close({ graceMs: 50 })
  assert.equal(await busy.reply(), '421 4.3.2 Shutting down')
  assert.equal(await shaking.reply(), '')
  assert.equal(rig.listener.connections, 0)
})

test('close without connections is done at once, and listen tells a port that is taken', async (t) => {
  const rig = await startRig(t)
  await assert.rejects(startRig(t, { port: rig.port }), /EADDRINUSE/)
  await rig.listener.close({ graceMs: 60_000 })
})

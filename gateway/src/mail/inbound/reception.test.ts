import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import test from 'node:test'

import { TestPeer } from './testing/peer.ts'
import { startRig } from './testing/rig.ts'

const HEADER = 'From: anna@contoso.com\r\n\r\n'

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 400 && !condition(); i++) await delay(5)
  assert.ok(condition(), 'did not happen in 2 s')
}

test('250 comes only after the mail is safe', async (t) => {
  const rig = await startRig(t)
  const { promise, resolve } = Promise.withResolvers<undefined>()
  rig.store.safeAfter = promise.then(() => undefined)
  const peer = await rig.inTransaction()
  await peer.say('DATA')
  const before = peer.chunks.length
  peer.send(`${HEADER}x\r\n.\r\nNOOP\r\n`)
  await until(() => rig.store.bodies[0]?.state === 'finished')
  await delay(30)
  assert.equal(peer.chunks.length, before)
  resolve(undefined)
  assert.deepEqual(
    (await peer.replies(2)).map((reply) => reply.slice(0, 9)),
    ['250 2.6.0', '250 2.0.0'],
  )
  await peer.quit()
})

test('a peer that closes its side early still hears the reply to its mail', async (t) => {
  const rig = await startRig(t)
  rig.store.safeAfter = delay(30)
  const peer = await rig.inTransaction()
  await peer.say('DATA')
  peer.send(`${HEADER}x\r\n.\r\n`)
  peer.socket.end()
  assert.match(await peer.reply(), /^250 2\.6\.0/)
  await peer.closed()
})

test('while the store is not ready the peer is not read', async (t) => {
  const rig = await startRig(t)
  let release = Promise.withResolvers<undefined>()
  rig.store.slow = () => release.promise.then(() => undefined)
  const peer = await rig.inTransaction()
  await peer.say('DATA')
  // More than all buffers on the way can hold.
  const body = `${'x'.repeat(98)}\r\n`.repeat(300_000)
  peer.send(HEADER + body)
  await until(() => rig.store.bodies[0]?.writes === 1)
  await delay(100)
  assert.equal(rig.store.bodies[0]?.writes, 1)
  assert.ok(peer.socket.writableLength > 10_000_000, String(peer.socket.writableLength))
  rig.store.slow = () => Promise.resolve()
  release.resolve(undefined)
  release = Promise.withResolvers()
  assert.match(await peer.say('.'), /^250 2\.6\.0/)
  assert.ok(rig.store.content() === HEADER + body)
  await peer.quit()
})

for (const [kind, reply] of [
  ['full', '452 4.3.1 Insufficient system storage'],
  ['failed', '451 4.3.0 Temporary local problem'],
] as const) {
  test(`a store that is ${kind} gives ${reply.slice(0, 9)} at the end of the mail, wherever it fails`, async (t) => {
    const rig = await startRig(t)
    const peer = await rig.secure()
    for (const where of ['writeFails', 'finishFails', 'safeFails'] as const) {
      rig.store[where] = kind
      const envelope = 'MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n'
      const content = `${HEADER}${'x\r\n'.repeat(30_000)}.\r\n`
      assert.equal((await peer.mail(envelope, content)).at(-1), reply, where)
      peer.send(`MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 5 LAST\r\nA: b\nNOOP\r\n`)
      assert.deepEqual((await peer.replies(4)).slice(2), [reply, '250 2.0.0 OK'], where)
      rig.store[where] = null
      const expected = where === 'writeFails' ? 'aborted' : 'finished'
      assert.deepEqual(
        rig.store.bodies.splice(0).map(({ state }) => state),
        [expected, expected],
      )
    }
    assert.equal(rig.store.mails.length, 0)
    assert.ok(rig.events.some(({ level, event }) => level === 'error' && event === 'body-not-written'))
    assert.ok(rig.events.some(({ level, event }) => level === 'error' && event === 'mail-not-safe'))
    await peer.quit()
  })
}

test('a write that fails early is answered at the end, and the rest is not offered to the store', async (t) => {
  const rig = await startRig(t)
  rig.store.writeFails = 'full'
  const peer = await rig.inTransaction()
  await peer.say('DATA')
  peer.send(`${HEADER}${'x'.repeat(5000)}\r\n`)
  await until(() => rig.store.bodies[0]?.state === 'aborted')
  rig.store.writeFails = null
  peer.send(`${'y'.repeat(50_000)}\r\n.\r\n`)
  assert.equal(await peer.reply(), '452 4.3.1 Insufficient system storage')
  assert.equal(rig.store.bodies[0]?.writes, 0)
  await peer.quit()
})

const DIALOGUE = [
  ['MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n', `${HEADER}..\r\n${'line\r\n'.repeat(600)}.\r`],
  ['', `MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 8\r\nA: b\r\n\r\nBDAT 3000 LAST\r\n${'x'.repeat(2999)}`],
] as const

for (const [envelope, content] of DIALOGUE) {
  test(`a connection that drops before the end of a mail stores nothing (${envelope === '' ? 'BDAT' : 'DATA'})`, async (t) => {
    const rig = await startRig(t)
    const { length } = envelope + content
    for (const point of [5, 16, 20, 33, 38, 39, 45, 60, 64, 70, 90, 200, length - 2, length]) {
      for (const how of ['cut', 'end'] as const) {
        const peer = await TestPeer.secure(rig.port)
        if (point < envelope.length) peer.send(envelope.slice(0, point))
        else {
          peer.send(envelope)
          if (envelope !== '') await peer.replies(3)
          peer.send(content.slice(0, point - envelope.length))
        }
        await delay(2)
        if (how === 'cut') peer.destroy()
        else peer.socket.end()
      }
    }
    await until(() => rig.listener.connections === 0)
    assert.equal(rig.store.mails.length, 0)
    assert.ok(rig.store.bodies.length > 0)
    assert.ok(rig.store.bodies.every((body) => body.state === 'aborted'))
  })
}

test('a connection that drops after the end of a mail does not undo it', async (t) => {
  const rig = await startRig(t)
  rig.store.safeAfter = delay(50)
  const peer = await rig.inTransaction()
  await peer.say('DATA')
  peer.send(`${HEADER}x\r\n.\r\n`)
  await until(() => rig.store.bodies[0]?.state === 'finished')
  peer.destroy()
  await until(() => rig.store.mails.length === 1)
})

test('a connection that drops while the store is busy gives the body up', async (t) => {
  const rig = await startRig(t)
  const { promise, resolve } = Promise.withResolvers<undefined>()
  rig.store.slow = () => promise.then(() => undefined)
  const peer = await rig.inTransaction()
  await peer.say('DATA')
  peer.send(`${HEADER}${'x'.repeat(5000)}\r\n`)
  await until(() => rig.store.bodies[0]?.writes === 1)
  peer.destroy()
  resolve(undefined)
  await until(() => rig.store.bodies[0]?.state === 'aborted')
  await until(() => rig.listener.connections === 0)
})

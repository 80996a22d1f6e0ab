import assert from 'node:assert/strict'
import test from 'node:test'

import { TestPeer } from './testing/peer.ts'
import { startRig } from './testing/rig.ts'

const MAIL = 'From: anna@contoso.com\r\nMessage-ID: <1@contoso.com>\r\n\r\nHello\r\n.\r\n'

test('a mail by DATA is stored, made safe and answered with its id', async (t) => {
  const rig = await startRig(t)
  const peer = await rig.inTransaction()
  assert.equal(await peer.say('DATA'), '354 Start mail input; end with <CRLF>.<CRLF>')
  peer.send(MAIL)
  assert.equal(await peer.reply(), '250 2.6.0 01TEST00000000000000000001 queued')
  assert.equal(rig.store.content(), MAIL.slice(0, -3))
  console.log(rig.store.mails, rig.events)
  await peer.quit()
})

test('ehlo', async (t) => {
  const rig = await startRig(t)
  const peer = await TestPeer.connect(rig.port)
  console.log(await peer.say('EHLO x'))
})

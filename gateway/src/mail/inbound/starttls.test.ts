import assert from 'node:assert/strict'
import test from 'node:test'
import { connect as connectTls } from 'node:tls'
import type { ConnectionOptions } from 'node:tls'

import type { PeerTls } from '../message.ts'
import { TestPeer } from './testing/peer.ts'
import { CA, CONTEXT, SERVER, startRig, STRANGER } from './testing/rig.ts'
import type { Rig } from './testing/rig.ts'
import { createServerContext } from './tls-context.ts'
import type { TlsIdentity } from './tls-context.ts'

const DAY = 86_400_000
const CLIENT = CA.issue('mail.protection.outlook.com', ['mail.protection.outlook.com', '*.outlook.com'])

function certificateOf(identity: TlsIdentity): ConnectionOptions {
  return { key: identity.privateKey, cert: identity.certificateChain }
}

/** Sends a mail and tells what attribution was told of the TLS session. */
async function tlsSeen(rig: Rig, options: ConnectionOptions): Promise<PeerTls> {
  const peer = await TestPeer.secure(rig.port, options)
  peer.send('MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 0 LAST\r\n')
  await peer.replies(3)
  await peer.quit()
  const seen = rig.store.asked.at(-1)?.peer.tls
  assert.ok(seen)
  return seen
}

test('commands sent in clear behind STARTTLS are never carried out', async (t) => {
  const rig = await startRig(t)
  for (const injected of ['EHLO evil.example\r\nMAIL FROM:<a@b>\r\n', 'M', '\r\n', '\x16\x03\x01']) {
    const peer = await TestPeer.connect(rig.port)
    await peer.say('EHLO client.example')
    peer.send(`STARTTLS\r\n${injected}`)
    assert.equal(await peer.reply(), '503 5.5.1 STARTTLS must be the last command of a group')
    await peer.closed()
  }
})

test('commands in clear that come after the 220 break the handshake and are never carried out', async (t) => {
  const rig = await startRig(t)
  const peer = await TestPeer.connect(rig.port)
  await peer.say('EHLO client.example')
  await peer.say('STARTTLS')
  peer.send('EHLO evil.example\r\nMAIL FROM:<a@b>\r\n')
  assert.doesNotMatch(await peer.reply(), /^\d/)
  assert.ok(peer.ended)
  assert.equal(rig.store.asked.length, 0)
})

test('STARTTLS may end a group of commands; what was said before is forgotten', async (t) => {
  const rig = await startRig(t)
  const peer = await TestPeer.connect(rig.port)
  await peer.say('EHLO client.example')
  peer.send('NOOP\r\nNOOP\r\nSTARTTLS\r\n')
  assert.equal((await peer.replies(3)).at(-1), '220 2.0.0 Ready to start TLS')
  await peer.handshake()
  assert.equal(await peer.say('MAIL FROM:<a@b>'), '503 5.5.1 Say EHLO first')
  await peer.quit()
})

test('a client certificate is asked for and told with its names, whether trusted or not', async (t) => {
  const rig = await startRig(t)
  const trusted = await tlsSeen(rig, { ...certificateOf(CLIENT), servername: 'gateway.example' })
  assert.equal(trusted.version, 'TLSv1.3')
  assert.match(trusted.cipher, /^TLS_/)
  assert.equal(trusted.serverName, 'gateway.example')
  const { fingerprint, ...facts } = trusted.certificate ?? { fingerprint: '' }
  assert.match(fingerprint, /^[0-9a-f]{64}$/)
  assert.deepEqual(facts, {
    commonNames: ['mail.protection.outlook.com'],
    dnsNames: ['mail.protection.outlook.com', '*.outlook.com'],
    trusted: true,
    trustError: null,
  })
  const strange = await tlsSeen(rig, certificateOf(STRANGER.issue('mail.protection.outlook.com', [])))
  assert.equal(strange.serverName, null)
  assert.equal(strange.certificate?.trusted, false)
  assert.match(strange.certificate.trustError ?? '', /UNABLE_TO/)
  const expired = CA.issue('old.example', [], { from: Date.now() - 2 * DAY, to: Date.now() - DAY })
  const old = await tlsSeen(rig, certificateOf(expired))
  assert.deepEqual([old.certificate?.trusted, old.certificate?.trustError], [false, 'CERT_HAS_EXPIRED'])
  assert.equal((await tlsSeen(rig, {})).certificate, null)
})

test('names that would not pass for host names are left out', async (t) => {
  const rig = await startRig(t)
  const odd = CA.issue('a, DNS:evil.example', ['good.example', 'a, DNS:evil.example', 'x"y', 'a\\b'])
  const { certificate } = await tlsSeen(rig, certificateOf(odd))
  assert.deepEqual(certificate?.dnsNames, ['good.example'])
  assert.deepEqual(certificate.commonNames, ['a, DNS:evil.example'])
})

test('without anchors no certificate is trusted', async (t) => {
  const context = createServerContext([SERVER], [])
  const rig = await startRig(t, { secureContext: () => context })
  assert.equal((await tlsSeen(rig, certificateOf(CLIENT))).certificate?.trusted, false)
})

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`a session is never resumed: its certificate is asked for again (${version})`, async (t) => {
    const rig = await startRig(t)
    const options = { ...certificateOf(CLIENT), maxVersion: version, servername: 'gateway.example' }
    let session: Buffer | undefined
    const first = await TestPeer.connect(rig.port)
    await first.say('EHLO a')
    await first.say('STARTTLS')
    first.socket.removeAllListeners()
    const socket = connectTls({ socket: first.socket, rejectUnauthorized: false, ...options })
    socket.on('session', (ticket: Buffer) => {
      session = ticket
    })
    await new Promise((resolve) => socket.once('secureConnect', resolve))
    const said = new Promise((resolve) => socket.once('data', resolve))
    socket.write('NOOP\r\n')
    await said
    socket.destroy()
    assert.ok(session)
    const seen = await tlsSeen(rig, { ...options, session })
    assert.equal(seen.version, version)
    assert.equal(seen.certificate?.trusted, true)
    // An anchor that is taken away counts at once, also for a peer that brings a session along.
    const other = await startRig(t, { secureContext: () => createServerContext([SERVER], [STRANGER.pem]) })
    assert.equal((await tlsSeen(other, { ...options, session })).certificate?.trusted, false)
  })
}

test('nothing older than TLS 1.2 is spoken, and the connection ends', async (t) => {
  const rig = await startRig(t)
  const peer = await TestPeer.connect(rig.port)
  await peer.say('EHLO a')
  await assert.rejects(
    peer.startTls({ minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }),
  )
})

test('the certificate is chosen by the server name, anew at every handshake', async (t) => {
  const one = CA.issue('one.example', ['one.example'])
  const two = CA.issue('two.example', ['two.example'])
  const contexts = new Map([
    ['one.example', createServerContext([one], [CA.pem])],
    ['two.example', createServerContext([two], [CA.pem])],
  ])
  const rig = await startRig(t, { secureContext: (name) => contexts.get(name ?? '') ?? CONTEXT })
  const presented = async (servername?: string): Promise<unknown> => {
    const peer = await TestPeer.connect(rig.port)
    await peer.say('EHLO a')
    await peer.say('STARTTLS')
    peer.socket.removeAllListeners()
    const socket = connectTls({
      socket: peer.socket,
      ca: CA.pem,
      rejectUnauthorized: false,
      ...(servername === undefined ? {} : { servername }),
    })
    await new Promise((resolve) => socket.once('secureConnect', resolve))
    const { subject } = socket.getPeerCertificate()
    socket.destroy()
    return subject.CN
  }
  assert.equal(await presented('one.example'), 'one.example')
  assert.equal(await presented('two.example'), 'two.example')
  assert.equal(await presented(), 'gateway.example')
  contexts.set('one.example', createServerContext([two], [CA.pem]))
  assert.equal(await presented('one.example'), 'two.example')
  // The anchors of the chosen context judge the client.
  contexts.set('one.example', createServerContext([one], [STRANGER.pem]))
  const seen = await tlsSeen(rig, { ...certificateOf(CLIENT), servername: 'one.example' })
  assert.equal(seen.certificate?.trusted, false)
})

test('when there is no certificate, STARTTLS is refused for now and the session goes on', async (t) => {
  const rig = await startRig(t, {
    secureContext: () => {
      throw new Error('no certificate')
    },
  })
  const peer = await TestPeer.connect(rig.port)
  await peer.say('EHLO a')
  assert.equal(await peer.say('STARTTLS'), '454 4.7.0 TLS not available for now')
  assert.ok(rig.events.some(({ event }) => event === 'tls-not-available'))
  await peer.quit()
})

test('a server name that has no context ends the handshake, not the listener', async (t) => {
  const rig = await startRig(t, {
    secureContext: (name) => {
      if (name === 'bad.example') throw new Error('none')
      return CONTEXT
    },
  })
  const peer = await TestPeer.connect(rig.port)
  await peer.say('EHLO a')
  await assert.rejects(peer.startTls({ servername: 'bad.example' }))
  await (await rig.secure()).quit()
})

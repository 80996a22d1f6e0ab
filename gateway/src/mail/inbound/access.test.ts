/** Tests of the maps of access: what a peer hears at the opening and at RCPT, and that nothing is granted. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { createAccess } from './access.ts'
import { TestPeer } from './testing/peer.ts'
import { startRig } from './testing/rig.ts'

const maps = (client: string, recipient = '') =>
  createAccess(new Map([['client-access', client], ['recipient-access', recipient]])) // prettier-ignore

describe('client-access at the opening of a connection', () => {
  for (const [line, greeting] of [
    ['127.0.0.0/8 REJECT', '554 5.7.1 Access denied'],
    ['127.0.0.1 REJECT 5.7.0 Not from there', '554 5.7.0 Not from there'],
    ['!192.0.2.0/24 DEFER', '421 4.7.1 Access denied'],
    ['127.0.0.1 450 4.3.2 Later', '450 4.3.2 Later'],
    ['127.0.0.1 RELAY', '421 4.3.5 Temporary local problem'],
  ] as const)
    test(`${line}: the peer hears it instead of the greeting`, async (t) => {
      const rig = await startRig(t)
      rig.store.screened = maps(line).client('127.0.0.1')
      const peer = TestPeer.open(rig.port)
      assert.equal(await peer.reply(), greeting)
      await peer.closed()
      assert.deepEqual(rig.events.map(({ event }) => event), ['connection-refused']) // prettier-ignore
    })

  test('no line, OK and DUNNO leave it to the others', () => {
    for (const line of ['', '127.0.0.1 OK', '127.0.0.1 DUNNO', '192.0.2.1 REJECT'])
      assert.equal(maps(line).client('127.0.0.1'), null)
  })
})

describe('recipient-access at RCPT', () => {
  test('refused recipients are left out, the mail goes to the others, the log names the line', async (t) => {
    const rig = await startRig(t)
    rig.store.refusedRecipients = maps(
      '',
      'bob@example.org REJECT 5.1.1 Nobody here\nexample.net DEFER\nxn--bcher-kva.example 550\nok.example OK\nbad.example RELAY\n',
    ).recipient
    const peer = await rig.secure()
    await peer.say('MAIL FROM:<anna@contoso.com> SMTPUTF8')
    for (const [recipient, reply] of [
      ['"bob"@Example.org', '554 5.1.1 Nobody here'],
      ['eve@a.example.net', '450 4.7.1 Access denied'],
      ['eve@b\u00fccher.example', '550 5.7.1 Access denied'],
      ['eve@bad.example', '451 4.3.5 Temporary local problem'],
      ['eve@ok.example', '250 2.1.5 Recipient OK'],
      ['carol@example.org', '250 2.1.5 Recipient OK'],
    ] as const)
      assert.equal(await peer.say(`RCPT TO:<${recipient}>`), reply, recipient)
    await peer.say('DATA')
    assert.match(await peer.say('Subject: x\r\n\r\nx\r\n.'), /^250 /)
    const [asked] = rig.store.asked
    assert.deepEqual(
      asked?.envelope.recipients.map(({ address }) => address),
      ['eve@ok.example', 'carol@example.org'],
    )
    const [told] = rig.events.filter(({ event }) => event === 'recipient-refused')
    assert.deepEqual(
      { ...(told?.fields as object), mail: null },
      {
        mail: null,
        address: '127.0.0.1',
        recipient: '"bob"@Example.org',
        reason: 'recipient-access',
        detail: 'recipient-access, line 1 (bob@example.org)',
      },
    )
  })

  test('no recipient left: there is no mail', async (t) => {
    const rig = await startRig(t)
    rig.store.refusedRecipients = maps('', 'com REJECT\norg REJECT\n').recipient
    const peer = await rig.secure()
    await peer.say('MAIL FROM:<anna@contoso.com>')
    assert.match(await peer.say('RCPT TO:<bob@example.org>'), /^554 /)
    assert.equal(await peer.say('DATA'), '554 5.5.1 No valid recipients')
  })

  for (const code of [421, 521])
    test(`${code} ends the connection`, async (t) => {
      const rig = await startRig(t)
      rig.store.refusedRecipients = maps('', `example.org ${code} bye`).recipient
      const peer = await rig.secure()
      await peer.say('MAIL FROM:<anna@contoso.com>')
      assert.match(await peer.say('RCPT TO:<bob@example.org>'), new RegExp(`^${code} .* bye$`))
      await peer.closed()
    })

  test('a peer that goes on after a thousand refusals makes mistakes', async (t) => {
    const rig = await startRig(t, { limits: { badCommands: 3 } })
    rig.store.refusedRecipients = maps('', 'example.org REJECT').recipient
    const peer = await rig.secure()
    await peer.say('MAIL FROM:<anna@contoso.com>')
    peer.send('RCPT TO:<bob@example.org>\r\n'.repeat(1010))
    assert.equal((await peer.replies(1004)).at(-1), '421 4.7.0 Too many errors')
    await peer.closed()
  })
})

test('property: whatever a map says, its answer is a refusal or nothing', () => {
  const word = fc.constantFrom('127.0.0.1', '!', 'OK', 'PERMIT', 'RELAY', 'REJECT', '250', '550', ' ', '\n', 'if ', 'endif', 'bob@x.example', 'x') // prettier-ignore
  fc.assert(
    fc.property(fc.array(word, { maxLength: 16 }), (words) => {
      const text = words.join('')
      const access = maps(text, text)
      for (const refusal of [access.client('127.0.0.1'), access.recipient('bob@x.example')])
        if (refusal !== null) assert.ok(refusal.code >= 400 && refusal.code < 600)
    }),
  )
})

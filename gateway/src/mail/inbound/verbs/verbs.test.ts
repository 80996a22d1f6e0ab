import assert from 'node:assert/strict'
import test from 'node:test'

import { TestPeer } from '../testing/peer.ts'
import { startRig } from '../testing/rig.ts'

test('the greeting and the EHLO replies tell the name and the extensions, STARTTLS only in clear', async (t) => {
  const rig = await startRig(t)
  const peer = TestPeer.open(rig.port)
  assert.equal(await peer.reply(), '220 gateway.example ESMTP')
  const keywords = [
    'gateway.example',
    'SIZE 157286400',
    'PIPELINING',
    '8BITMIME',
    'SMTPUTF8',
    'DSN',
    'ENHANCEDSTATUSCODES',
    'CHUNKING',
    'STARTTLS',
  ]
  const lines = (reply: string): string[] => reply.split('\r\n').map((line) => line.slice(4))
  assert.deepEqual(lines(await peer.say('EHLO client.example')), keywords)
  await peer.startTls()
  assert.deepEqual(lines(await peer.say('ehlo [192.0.2.1]')), keywords.slice(0, -1))
  assert.equal(await peer.say('HELO client.example'), '250 gateway.example')
  await peer.quit()
})

test('EHLO and HELO want one name', async (t) => {
  const rig = await startRig(t)
  const peer = await TestPeer.connect(rig.port)
  for (const line of ['EHLO', 'HELO', 'EHLO ', 'EHLO a b', `EHLO ${'a'.repeat(256)}`]) {
    assert.equal(await peer.say(line), '501 5.5.4 Syntax error in arguments', line)
  }
  await peer.quit()
})

test('without TLS every verb but EHLO, HELO, NOOP, QUIT and STARTTLS is refused', async (t) => {
  const rig = await startRig(t)
  const peer = await TestPeer.connect(rig.port)
  await peer.say('EHLO client.example')
  for (const line of ['MAIL FROM:<a@b>', 'RCPT TO:<a@b>', 'DATA', 'RSET', 'VRFY a', 'BDAT 0 LAST']) {
    assert.equal(await peer.say(line), '530 5.7.0 Must issue a STARTTLS command first', line)
  }
  peer.send('BDAT 6\r\nQUIT\r\nNOOP\r\n')
  assert.deepEqual(await peer.replies(2), ['530 5.7.0 Must issue a STARTTLS command first', '250 2.0.0 OK'])
  assert.equal(await peer.say('QUIT'), '221 2.0.0 Bye')
  await peer.closed()
})

test('verbs come in their order', async (t) => {
  const rig = await startRig(t)
  const peer = await TestPeer.connect(rig.port)
  assert.equal(await peer.say('STARTTLS'), '503 5.5.1 Say EHLO first')
  await peer.say('HELO client.example')
  assert.equal(await peer.say('STARTTLS'), '503 5.5.1 Say EHLO first')
  await peer.say('EHLO client.example')
  assert.equal(await peer.say('STARTTLS x'), '501 5.5.4 Syntax error in arguments')
  await peer.startTls()
  // RFC 3207 4.2: the EHLO in clear is forgotten
  assert.equal(await peer.say('MAIL FROM:<a@b>'), '503 5.5.1 Say EHLO first')
  await peer.say('EHLO client.example')
  assert.equal(await peer.say('STARTTLS'), '503 5.5.1 TLS is already active')
  for (const line of ['RCPT TO:<a@b>', 'DATA', 'BDAT 0']) {
    assert.equal(await peer.say(line), '503 5.5.1 Need MAIL first', line)
  }
  assert.equal(await peer.say('MAIL FROM:<a@b>'), '250 2.1.0 Sender OK')
  assert.equal(await peer.say('MAIL FROM:<a@b>'), '503 5.5.1 Nested MAIL command')
  assert.equal(await peer.say('DATA'), '554 5.5.1 No valid recipients')
  assert.equal(await peer.say('BDAT 0 LAST'), '554 5.5.1 No valid recipients')
  assert.equal(await peer.say('RCPT TO:<c@d>'), '250 2.1.5 Recipient OK')
  assert.equal(await peer.say('RSET'), '250 2.0.0 OK')
  assert.equal(await peer.say('DATA'), '503 5.5.1 Need MAIL first')
  await peer.say('MAIL FROM:<a@b>')
  await peer.say('EHLO client.example')
  assert.equal(await peer.say('RCPT TO:<c@d>'), '503 5.5.1 Need MAIL first')
  await peer.quit()
})

test('unknown and malformed lines are refused', async (t) => {
  const rig = await startRig(t)
  const peer = await rig.secure()
  for (const line of ['HELP', 'EXPN a', 'AUTH PLAIN', '', ' NOOP', 'NOOPX', 'ETRN x', 'MÄIL']) {
    assert.equal(await peer.say(line), '500 5.5.1 Command not recognised', line)
  }
  const malformed = ['NO\0OP\r\n', 'NOOP\t\r\n', 'NO\rOP\r\n', '\x7f\r\n', 'NOOP \x1b\r\n', 'a\r\r\n']
  for (const line of malformed) {
    peer.send(line)
    assert.equal(await peer.reply(), '500 5.5.2 Syntax error', JSON.stringify(line))
  }
  peer.send(Buffer.from('NOOP \xff\r\n', 'latin1'))
  assert.equal(await peer.reply(), '500 5.5.2 Syntax error')
  await peer.quit()
})

test('a line may have 2048 octets; a longer one is thrown away whole', async (t) => {
  const rig = await startRig(t)
  const peer = await rig.secure()
  assert.equal(await peer.say(`NOOP ${'x'.repeat(2041)}`), '250 2.0.0 OK')
  assert.equal(await peer.say(`NOOP ${'x'.repeat(2042)}`), '500 5.5.2 Line too long')
  peer.send(`${'x'.repeat(300_000)}\r\nNOOP\r\n`)
  assert.deepEqual(await peer.replies(2), ['500 5.5.2 Line too long', '250 2.0.0 OK'])
  await peer.quit()
})

test('verbs that take no argument refuse one, white space at the end is tolerated', async (t) => {
  const rig = await startRig(t)
  const peer = await rig.secure()
  for (const line of ['RSET x', 'DATA x', 'QUIT x', 'VRFY']) {
    assert.equal(await peer.say(line), '501 5.5.4 Syntax error in arguments', line)
  }
  assert.equal(await peer.say('rset  '), '250 2.0.0 OK')
  assert.equal(await peer.say('NOOP what ever'), '250 2.0.0 OK')
  assert.equal(await peer.say('VRFY anna'), '252 2.5.0 Cannot verify; mail may be sent')
  await peer.quit()
})

test('MAIL: syntax, parameters, size and SMTPUTF8', async (t) => {
  const rig = await startRig(t)
  const peer = await rig.secure()
  const answers: readonly (readonly [string, string])[] = [
    ['MAIL', '501 5.5.4 Syntax error in arguments'],
    ['MAIL TO:<a@b>', '501 5.5.4 Syntax error in arguments'],
    ['MAIL FROM <a@b>', '501 5.5.4 Syntax error in arguments'],
    ['MAIL FROM: <a@b>', '501 5.1.7 Bad sender address syntax'],
    ['MAIL FROM:a@b', '501 5.1.7 Bad sender address syntax'],
    ['MAIL FROM:<a@b>SIZE=1', '501 5.1.7 Bad sender address syntax'],
    ['MAIL FROM:<postmaster>', '501 5.1.7 Bad sender address syntax'],
    ['MAIL FROM:<a@b> FOO=1', '555 5.5.4 Parameter not recognised'],
    ['MAIL FROM:<a@b> SIZE=x', '501 5.5.4 Invalid parameter value'],
    ['MAIL FROM:<a@b> SIZE=157286401', '552 5.3.4 Message too large'],
    ['MAIL FROM:<jörg@b>', '553 5.6.7 Address needs SMTPUTF8'],
    ['MAIL FROM:<jörg@b> SMTPUTF8 SIZE=157286400', '250 2.1.0 Sender OK'],
    ['RSET', '250 2.0.0 OK'],
    ['mail from:<>', '250 2.1.0 Sender OK'],
  ]
  for (const [line, answer] of answers) assert.equal(await peer.say(line), answer, line)
  await peer.quit()
})

test('RCPT: syntax, parameters, SMTPUTF8 and postmaster', async (t) => {
  const rig = await startRig(t, { limits: { badCommands: 50 } })
  const peer = await rig.secure()
  await peer.say('MAIL FROM:<>')
  const answers: readonly (readonly [string, string])[] = [
    ['RCPT', '501 5.5.4 Syntax error in arguments'],
    ['RCPT FROM:<a@b>', '501 5.5.4 Syntax error in arguments'],
    ['RCPT TO:<>', '501 5.1.3 Bad recipient address syntax'],
    ['RCPT TO:<a>', '501 5.1.3 Bad recipient address syntax'],
    ['RCPT TO:<a@b> SIZE=1', '555 5.5.4 Parameter not recognised'],
    ['RCPT TO:<a@b> NOTIFY=NEVER,DELAY', '501 5.5.4 Invalid parameter value'],
    ['RCPT TO:<jörg@b>', '553 5.6.7 Address needs SMTPUTF8'],
    ['RCPT TO:<Postmaster>', '250 2.1.5 Recipient OK'],
    ['rcpt to:<@relay.example:a@b> NOTIFY=NEVER', '250 2.1.5 Recipient OK'],
  ]
  for (const [line, answer] of answers) assert.equal(await peer.say(line), answer, line)
  await peer.quit()
})

test('the envelope reaches attribution and the queue as it was given', async (t) => {
  const rig = await startRig(t)
  const peer = await rig.secure()
  peer.send(
    'MAIL FROM:<@x:jörg@contoso.com> SMTPUTF8 BODY=8BITMIME RET=HDRS ENVID=e+2B1 SIZE=20\r\n' +
      'RCPT TO:<bob@example.org> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;bob+2B1@example.org\r\n' +
      'RCPT TO:<nobody>\r\n' +
      'RCPT TO:<用户@例子.广告>\r\nDATA\r\n',
  )
  assert.deepEqual(
    (await peer.replies(5)).map((reply) => reply.slice(0, 3)),
    ['250', '250', '501', '250', '354'],
  )
  peer.send('a: b\r\n\r\n.\r\n')
  assert.match(await peer.reply(), /^250 2\.6\.0 /)
  const envelope = {
    sender: 'jörg@contoso.com',
    smtpUtf8: true,
    body: '8BITMIME',
    returnContent: 'HDRS',
    envelopeId: 'e+2B1',
    recipients: [
      {
        address: 'bob@example.org',
        notify: ['SUCCESS', 'DELAY'],
        originalRecipient: 'rfc822;bob+2B1@example.org',
      },
      { address: '用户@例子.广告', notify: null, originalRecipient: null },
    ],
  }
  assert.deepEqual(rig.store.asked[0]?.envelope, envelope)
  assert.deepEqual(rig.store.mails[0]?.envelope, envelope)
  assert.match(rig.store.mails[0].receivedField, / with UTF8SMTPS\r\n/)
  await peer.quit()
})

test('commands that come together are answered in one write', async (t) => {
  const rig = await startRig(t)
  const peer = await rig.secure()
  const before = peer.chunks.length
  peer.send('MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nRCPT TO:<e@f>\r\nNOOP\r\nDATA\r\n')
  await peer.replies(5)
  assert.equal(peer.chunks.length, before + 1)
  peer.send('a: b\r\n\r\n.\r\nMAIL FROM:<a@b>\r\nRSET\r\nQUIT\r\n')
  const replies = await peer.replies(4)
  assert.deepEqual(
    replies.map((reply) => reply.slice(0, 3)),
    ['250', '250', '250', '221'],
  )
  assert.equal(peer.chunks.length, before + 2)
  await peer.closed()
})

test('everything may come octet by octet', async (t) => {
  const rig = await startRig(t)
  const peer = await TestPeer.connect(rig.port)
  for (const line of ['EHLO client.example\r\n', 'STARTTLS\r\n']) {
    await peer.drip(line)
    await peer.reply()
  }
  await peer.handshake()
  const mail = 'Message-ID: <1@x>\r\nSubject: dots\r\n\r\n..\r\n...\r\n.x\r\nä\r\n'
  await peer.drip('EHLO client.example\r\n')
  await peer.reply()
  await peer.drip('MAIL FROM:<jörg@b> SMTPUTF8\r\nRCPT TO:<c@d>\r\nDATA\r\n')
  assert.equal((await peer.replies(3)).at(-1)?.slice(0, 3), '354')
  await peer.drip(`${mail}.\r\n`)
  assert.match(await peer.reply(), /^250 2\.6\.0 /)
  const content = Buffer.from(mail.replace(/^\./gm, '')).toString('latin1')
  assert.equal(rig.store.content(), content)
  await peer.drip('MAIL FROM:<>\r\nRCPT TO:<c@d>\r\nBDAT 5\r\na: b\nBDAT 9 LAST\r\n\r\n.\r\n\r.\r\nQUIT\r\n')
  assert.deepEqual(
    (await peer.replies(5)).map((reply) => reply.slice(0, 9)),
    ['250 2.1.0', '250 2.1.5', '250 2.0.0', '250 2.6.0', '221 2.0.0'],
  )
  assert.equal(rig.store.content(1), 'a: b\n\r\n.\r\n\r.\r\n')
})

test('no verb takes a control character or octets that are no UTF-8, and the transaction stays as it was', async (t) => {
  const rig = await startRig(t, { limits: { badCommands: 1000 } })
  const peer = await rig.inTransaction()
  const verbs = [
    'EHLO a',
    'HELO a',
    'MAIL FROM:<a',
    'RCPT TO:<a',
    'VRFY a',
    'NOOP a',
    'BDAT 0',
    'DATA',
    'RSET',
    'QUIT',
    'STARTTLS',
  ]
  const tails = ['@b>', '@b> ORCPT=rfc822;a', '@b> ENVID=a', '']
  for (const bad of ['\0', '\r', '\t', '\x0b', '\x1b', '\x7f', '\xff', '\xc0\x80', '\xed\xa0\x80'])
    for (const verb of verbs)
      for (const tail of tails) {
        peer.send(Buffer.from(`${verb}${bad}${tail}\r\n`, 'latin1'))
        assert.match(await peer.reply(), /^50[0-9] 5\.5\.[0-9]/, JSON.stringify(verb + bad + tail))
      }
  // C1 controls are UTF-8, but no part of an address or parameter.
  for (const line of ['RCPT TO:<a\u0085@b>', 'RCPT TO:<a@b\u009b>', 'RCPT TO:<a@b> ORCPT=rfc822;a\u0085'])
    assert.match(await peer.say(line), /^50[0-9] 5\.[0-9]\.[0-9]/, JSON.stringify(line))
  assert.equal(await peer.say('BDAT 8 LAST\r\nA: b\r\n'), '250 2.6.0 01TEST00000000000000000001 queued')
  assert.deepEqual(rig.store.mails[0]?.envelope.recipients.map(({ address }) => address), ['bob@example.org']) // prettier-ignore
  await peer.quit()
})

test('a bare line feed in a command ends the connection: what stands behind it is no command', async (t) => {
  const rig = await startRig(t)
  for (const line of ['NOOP', 'EHLO a', 'MAIL FROM:<a@b>', 'RCPT TO:<a', 'VRFY a', 'RSET', 'BDAT 0', '']) {
    const peer = await rig.inTransaction()
    peer.send(`${line}\nRCPT TO:<smuggled@b>\r\nBDAT 4 LAST\r\nA: b`)
    assert.equal(await peer.reply(), '521 5.5.2 A line ended with a bare line feed', line)
    await peer.closed()
  }
  assert.equal(rig.store.mails.length, 0)
})

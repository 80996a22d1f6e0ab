import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import test from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'

import { TestPeer } from '../testing/peer.ts'
import { startRig } from '../testing/rig.ts'

const HEADER = 'From: anna@contoso.com\r\nMessage-ID: <1@contoso.com>\r\n\r\n'
const ENVELOPE = 'MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n'
const BARE = '550 5.6.0 Bare CR or LF in message data'

test('a mail is stored as it came without dot-stuffing, counted, and answered with its id', async (t) => {
  const rig = await startRig(t)
  const peer = await rig.inTransaction(' BODY=8BITMIME')
  assert.equal(await peer.say('DATA'), '354 Start mail input; end with <CRLF>.<CRLF>')
  peer.send(`${HEADER}..\r\nHello ä\r\n..x\r\n\0\r\n.\r\n`)
  assert.equal(await peer.reply(), '250 2.6.0 01TEST00000000000000000001 queued')
  const content = `${HEADER}.\r\nHello ä\r\n.x\r\n\0\r\n`
  assert.equal(rig.store.content(), Buffer.from(content).toString('latin1'))
  assert.equal(rig.store.bodies[0]?.state, 'finished')
  assert.deepEqual(rig.store.bodies[0].ref, {
    tenantId: 'tenant-1',
    mailId: '01TEST00000000000000000001',
    copy: 0,
  })
  const mail = rig.store.mails[0]
  assert.ok(mail)
  assert.deepEqual(mail.body, {
    size: Buffer.byteLength(content),
    headerSize: HEADER.length,
    eightBit: true,
    eightBitHeader: false,
    bareLineEnds: false,
    nul: true,
    longestLine: 27,
  })
  assert.equal(mail.via, 'DATA')
  assert.equal(mail.direction, 'outbound')
  assert.equal(mail.messageId, '<1@contoso.com>')
  assert.match(
    mail.receivedField,
    /^Received: from client\.example \(\[127\.0\.0\.1\]\)\r\n by gateway\.contoso\.com with ESMTPS\r\n \(version=TLSv1\.3 cipher=TLS_\w+\)\r\n id 01TEST0+1; Tue, 24 Nov 2026 04:00:00 \+0000\r\n$/,
  )
  assert.equal(rig.store.asked[0]?.header, HEADER)
  await peer.quit()
})

test('near ends of the data never end it: the mail is refused whole, at its real end', async (t) => {
  const rig = await startRig(t)
  const peer = await rig.secure()
  const smuggled = 'MAIL FROM:<evil@x>\r\nRCPT TO:<victim@y>\r\nDATA\r\nevil: mail\r\n\r\n'
  const near = [
    '\n.\n',
    '\n.\r\n',
    '\r\n.\n',
    '\r.\r',
    '\r\n.\r',
    '\r.\r\n',
    '\r\n.\r\r\n',
    '\n.\r',
    '\n\n.\r\n',
  ]
  for (const form of near) {
    const replies = await peer.mail(ENVELOPE, `${HEADER}hello${form}${smuggled}.\r\nNOOP\r\n`)
    assert.deepEqual(
      [...replies.slice(2), await peer.reply()],
      ['354 Start mail input; end with <CRLF>.<CRLF>', BARE, '250 2.0.0 OK'],
      JSON.stringify(form),
    )
  }
  assert.equal(rig.store.mails.length, 0)
  assert.ok(rig.store.bodies.every((body) => body.state === 'aborted'))
  await peer.quit()
})

test('a bare CR or LF anywhere refuses the mail, in the header section before anything is stored', async (t) => {
  const rig = await startRig(t)
  const peer = await rig.secure()
  for (const bare of ['\r', '\n']) {
    assert.equal((await peer.mail(ENVELOPE, `A: b${bare}C: d\r\n\r\nx\r\n.\r\n`)).at(-1), BARE)
  }
  assert.deepEqual([rig.store.bodies.length, rig.store.asked.length], [0, 0])
  await peer.quit()
})

test('a refusal of attribution comes at the end, nothing is stored, and the session goes on', async (t) => {
  const rig = await startRig(t)
  const refusal = {
    code: 550,
    enhanced: '5.7.1',
    text: 'Tenant not authorized',
    reason: 'no-secret',
    detail: 'none of 3 tenants',
  }
  rig.store.verdict = () => ({ kind: 'refused', refusal })
  const peer = await rig.inTransaction()
  await peer.say('DATA')
  peer.send(HEADER)
  await new Promise((resolve) => setTimeout(resolve, 20))
  assert.equal(rig.store.asked.length, 1)
  peer.send(`body\r\n`.repeat(10_000))
  assert.equal(await peer.say('.'), '550 5.7.1 Tenant not authorized')
  assert.equal(rig.store.bodies.length, 0)
  const logged = rig.events.find(({ event }) => event === 'mail-refused')
  assert.equal((logged?.fields as { detail?: string } | undefined)?.detail, 'none of 3 tenants')
  assert.equal(await peer.say('DATA'), '503 5.5.1 Need MAIL first')
  await peer.quit()
})

test('a mail for several directions becomes several mails with the same octets', async (t) => {
  const rig = await startRig(t)
  const part = (direction: 'outbound' | 'inbound', fqdn: string, recipients: number[]) => ({
    attribution: { tenantId: 't', direction, factors: [], removedFields: [], earlierPasses: 0 },
    fqdn,
    recipients,
  })
  rig.store.verdict = () => ({
    kind: 'attributed',
    parts: [part('outbound', 'one.example', [0, 2]), part('inbound', 'two.example', [1])],
  })
  const peer = await rig.secure()
  peer.send('MAIL FROM:<a@b>\r\nRCPT TO:<r0@x>\r\nRCPT TO:<r1@x>\r\nRCPT TO:<r2@x>\r\nDATA\r\n')
  await peer.replies(5)
  peer.send(`${HEADER}${'line of text\r\n'.repeat(5000)}.\r\n`)
  assert.equal(await peer.reply(), '250 2.6.0 01TEST00000000000000000001 queued')
  assert.deepEqual(
    rig.store.mails.map(({ id, direction, envelope, receivedField }) => [
      id.slice(-1),
      direction,
      envelope.recipients.map(({ address }) => address),
      / by (\S+) /.exec(receivedField)?.[1],
      / id 01TEST0+(\d);/.exec(receivedField)?.[1],
    ]),
    [
      ['1', 'outbound', ['r0@x', 'r2@x'], 'one.example', '1'],
      ['2', 'inbound', ['r1@x'], 'two.example', '2'],
    ],
  )
  assert.equal(rig.store.content(0), `${HEADER}${'line of text\r\n'.repeat(5000)}`)
  assert.equal(rig.store.content(1), rig.store.content(0))
  assert.deepEqual(
    rig.store.bodies.map(({ ref }) => ref.mailId.slice(-1)),
    ['1', '2'],
  )
  await peer.quit()
})

test('an attribution that loses or doubles a recipient, or throws, is a failure of ours: 451', async (t) => {
  const rig = await startRig(t)
  const peer = await rig.secure()
  for (const recipients of [[], [0, 0], [1], [0, 1]]) {
    rig.store.verdict = () => ({
      kind: 'attributed',
      parts: [
        {
          attribution: {
            tenantId: 't',
            direction: 'inbound',
            factors: [],
            removedFields: [],
            earlierPasses: 0,
          },
          fqdn: 'x',
          recipients,
        },
      ],
    })
    assert.equal((await peer.mail(ENVELOPE, `${HEADER}.\r\n`)).at(-1), '451 4.3.0 Temporary local problem')
  }
  rig.store.verdict = () => {
    throw new Error('detail for the operator')
  }
  assert.equal((await peer.mail(ENVELOPE, `${HEADER}.\r\n`)).at(-1), '451 4.3.0 Temporary local problem')
  assert.ok(rig.events.some(({ level, event }) => level === 'error' && event === 'attribution-failed'))
  assert.equal(rig.store.bodies.length, 0)
  await peer.quit()
})

test('a mail may be empty or end with its header section', async (t) => {
  const rig = await startRig(t)
  const peer = await rig.secure()
  for (const [content, header] of [
    ['', ''],
    ['\r\n', '\r\n'],
    ['A: b\r\n', 'A: b\r\n'],
  ] as const) {
    assert.match((await peer.mail(ENVELOPE, `${content}.\r\n`)).at(-1) ?? '', /^250 2\.6\.0/)
    assert.equal(rig.store.asked.at(-1)?.header, header)
    assert.equal(rig.store.mails.at(-1)?.body.headerSize, header.length)
    assert.equal(rig.store.content(rig.store.bodies.length - 1), content)
  }
  await peer.quit()
})

test('a header section over its limit and a header line over its limit are refused at the end', async (t) => {
  const rig = await startRig(t)
  const peer = await rig.secure()
  const send = async (content: string): Promise<string> => {
    return (await peer.mail(ENVELOPE, `${content}.\r\n`)).at(-1) ?? ''
  }
  assert.match(await send(`A: ${'x'.repeat(65_533)}\r\n\r\n`), /^250/)
  assert.equal(await send(`A: ${'x'.repeat(65_534)}\r\n\r\n`), '554 5.6.0 Header line too long')
  assert.equal(await send(`A: ${'x'.repeat(99_999)}\r\n`), '554 5.6.0 Header line too long')
  const field = `A: ${'x'.repeat(1019)}\r\n`
  assert.match(await send(`${field.repeat(1023)}${field.slice(2)}\r\n`), /^250/)
  assert.equal(await send(`${field.repeat(1024)}\r\n`), '552 5.6.0 Header section too large')
  assert.equal(await send(field.repeat(2000)), '552 5.6.0 Header section too large')
  // A body line may be of any length.
  assert.match(await send(`A: b\r\n\r\n${'x'.repeat(200_000)}\r\n`), /^250/)
  assert.equal(rig.store.mails.at(-1)?.body.longestLine, 200_000)
  await peer.quit()
})

test('a mail over SIZE is swallowed and refused; one without an end is cut off', async (t) => {
  const rig = await startRig(t, { limits: { messageSize: 20_000 } })
  const peer = await rig.secure()
  const send = async (octets: number): Promise<string> => {
    const body = 'x'.repeat(octets - 8)
    return (await peer.mail(ENVELOPE, `A: b\r\n${body}\r\n.\r\n`)).at(-1) ?? ''
  }
  assert.match(await send(20_000), /^250/)
  assert.equal(await send(20_001), '552 5.3.4 Message too large')
  assert.equal(await send(55_000), '552 5.3.4 Message too large')
  assert.equal(rig.store.bodies.at(-1)?.state ?? 'none', 'finished')
  assert.equal(
    (await peer.mail(ENVELOPE, `A: b\r\n\r\n${'x'.repeat(200_000)}`)).at(-1),
    '552 5.3.4 Message too large',
  )
  await peer.closed()
})

test('what stands behind DATA before the 354 ends the connection, whether the peer waits for replies or not', async (t) => {
  const rig = await startRig(t)
  const content = `${HEADER}x\r\n.\r\nMAIL FROM:<evil@x>\r\nRCPT TO:<victim@y>\r\nBDAT 4 LAST\r\nA: b`
  for (const behind of [content, 'R', '\r\n', '.\r\n', 'RSET\r\n', 'QUIT\r\n']) {
    const peer = await rig.inTransaction()
    peer.send(`DATA\r\n${behind}`)
    assert.equal(await peer.reply(), '554 5.5.1 Improper command pipelining', JSON.stringify(behind))
    await peer.closed()
  }
  // A DATA that is refused anyway: the mail behind it is not read as commands.
  const peer = await rig.secure()
  peer.send(`MAIL FROM:<a@b>\r\nDATA\r\n${content}`)
  assert.deepEqual(await peer.replies(2), ['250 2.1.0 Sender OK', '554 5.5.1 Improper command pipelining'])
  await peer.closed()
  assert.deepEqual([rig.store.asked.length, rig.store.bodies.length], [0, 0])
})

test('content in a TLS record of its own that came with DATA is as early', async (t) => {
  const rig = await startRig(t)
  const held: Buffer[] = []
  let holding = false
  const relay = createServer((client) => {
    const server = connect(rig.port, '127.0.0.1')
    server.pipe(client)
    client.on('data', (chunk: Buffer) => {
      held.push(chunk)
      if (!holding) server.write(Buffer.concat(held.splice(0)))
    })
    client.on('error', () => undefined)
    client.on('close', () => server.destroy())
    t.after(() => client.destroy())
  })
  relay.listen(0, '127.0.0.1')
  await once(relay, 'listening')
  t.after(() => relay.close())
  const address = relay.address()
  assert.ok(address !== null && typeof address === 'object')
  const peer = await TestPeer.secure(address.port)
  peer.send(ENVELOPE)
  await peer.replies(2)
  holding = true
  peer.send('DATA\r\n')
  while (held.length === 0) await delay(1)
  holding = false
  peer.send(`${HEADER}x\r\n.\r\n`)
  assert.equal(await peer.reply(), '554 5.5.1 Improper command pipelining')
  await peer.closed()
  assert.equal(rig.store.mails.length, 0)
})

test('chunks may stand behind their BDAT and commands behind chunks', async (t) => {
  const rig = await startRig(t)
  const peer = await rig.secure()
  peer.send(`${ENVELOPE}BDAT 8\r\nA: b\r\n\r\nBDAT 1 LAST\r\nx${ENVELOPE}BDAT 4 LAST\r\nA: bNOOP\r\n`)
  const replies = await peer.replies(8)
  assert.ok(
    replies.every((reply) => reply.startsWith('250')),
    replies.join(),
  )
  assert.equal(rig.store.mails.length, 2)
  await peer.quit()
})

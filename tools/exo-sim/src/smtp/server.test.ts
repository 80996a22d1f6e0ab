// DATA and BDAT as the server reads them, size limits, and every fault that can be switched on.
import assert from 'node:assert/strict'
import test from 'node:test'
import { startWorld } from '../world.ts'
import type { World } from '../world.ts'
import type { WorldConfig } from '../config.ts'
import { Dialogue } from '../testing/dialogue.ts'
import { root, worldCredentials } from '../testing/scene.ts'

async function open(
  change: Partial<WorldConfig> = {},
): Promise<AsyncDisposable & { world: World; dialogue: Dialogue }> {
  const world = await startWorld({ server: worldCredentials, ca: root.root, ...change })
  const { dialogue } = await Dialogue.open(world.address)
  const dispose = async (): Promise<void> => {
    dialogue.close()
    await world.close()
  }
  return { world, dialogue, [Symbol.asyncDispose]: dispose }
}

async function envelope(dialogue: Dialogue, parameters = ''): Promise<void> {
  assert.match(await dialogue.say(`MAIL FROM:<a@b.example>${parameters}`), /^250 /)
  assert.match(await dialogue.say('RCPT TO:<c@d.example>'), /^250 /)
}

test('DATA removes dots, ends only at CRLF . CRLF, and keeps what follows for the next command', async () => {
  await using scene = await open({ acceptBareLf: true })
  const { dialogue, world } = scene
  await dialogue.startTls()
  await envelope(dialogue)
  assert.equal(await dialogue.say('DATA'), '354 Start mail input; end with <CRLF>.<CRLF>')
  dialogue.write('..dot\r\n.\nno end\n.\r\nno end\n.\nno end\r\n..\r\n...\r\n.\r\nNOOP\r\n')
  assert.match((await dialogue.reply()).join(), /^250 2\.0\.0 /)
  assert.match((await dialogue.reply()).join(), /^250 2\.0\.0 OK/)
  assert.equal(world.received()[0]?.raw.toString(), '.dot\r\n\nno end\n.\r\nno end\n.\nno end\r\n.\r\n..\r\n')
  assert.equal(world.received()[0]?.via, 'DATA')
})

test('DATA cut into single octets gives the same message', async () => {
  await using scene = await open()
  const { dialogue, world } = scene
  await dialogue.startTls()
  await envelope(dialogue)
  await dialogue.say('DATA')
  for (const octet of Buffer.from('..a\r\n\r\n.\r\r\n..\r\nb\r\n.\r\n')) {
    dialogue.write(Buffer.from([octet]))
    await new Promise((resolve) => setImmediate(resolve))
  }
  assert.match((await dialogue.reply()).join(), /^550 5\.6\.11 /)
  await envelope(dialogue)
  await dialogue.say('DATA')
  for (const octet of Buffer.from('..a\r\n\r\n..\r\nb\r\n.\r\n')) {
    dialogue.write(Buffer.from([octet]))
    await new Promise((resolve) => setImmediate(resolve))
  }
  assert.match((await dialogue.reply()).join(), /^250 /)
  assert.equal(world.received()[0]?.raw.toString(), '.a\r\n\r\n.\r\nb\r\n')
})

test('BDAT keeps every octet, in several chunks, the last of which may be empty', async () => {
  await using scene = await open()
  const { dialogue, world } = scene
  await dialogue.startTls()
  await envelope(dialogue, ' BODY=BINARYMIME')
  dialogue.write('BDAT 5\r\na\nb\r.BDAT 4\r\n\r\n.\r')
  assert.match((await dialogue.reply()).join(), /^250 /)
  assert.match((await dialogue.reply()).join(), /^250 /)
  assert.match(await dialogue.say('BDAT 0 LAST'), /^250 2\.0\.0 /)
  const [mail] = world.received()
  assert.equal(mail?.raw.toString(), 'a\nb\r.\r\n.\r')
  assert.equal(mail.chunks, 3)
  assert.ok(mail.bareLineEnding)
  assert.equal(mail.envelope.body, 'BINARYMIME')
})

test('BDAT octets are read even when the command is out of order', async () => {
  await using scene = await open()
  const { dialogue } = scene
  await dialogue.startTls()
  dialogue.write('BDAT 6 LAST\r\nQUIT\r\nNOOP\r\n')
  assert.match((await dialogue.reply()).join(), /^503 /)
  assert.match((await dialogue.reply()).join(), /^250 2\.0\.0 OK/)
  await envelope(dialogue)
  dialogue.write('BDAT 1\r\nxDATA\r\n')
  assert.match((await dialogue.reply()).join(), /^250 /)
  assert.match((await dialogue.reply()).join(), /^503 /)
  assert.match(await dialogue.say('RCPT TO:<e@f.example>'), /^503 /)
})

test('a BINARYMIME message may not come by DATA', async () => {
  await using scene = await open()
  await scene.dialogue.startTls()
  await envelope(scene.dialogue, ' BODY=BINARYMIME')
  assert.match(await scene.dialogue.say('DATA'), /^503 /)
})

test('a message larger than SIZE is refused at MAIL, after DATA and after BDAT', async () => {
  await using scene = await open({ maxMessageSize: 1000 })
  const { dialogue, world } = scene
  assert.match(await dialogue.startTls(), /250-SIZE 1000\n/)
  assert.match(await dialogue.say('MAIL FROM:<a@b.example> SIZE=1001'), /^552 5\.3\.4 /)
  await envelope(dialogue, ' SIZE=10')
  await dialogue.say('DATA')
  dialogue.write(`${'x'.repeat(1000)}\r\n.\r\n`)
  assert.match(
    (await dialogue.reply()).join(),
    /^552 5\.3\.4 Message size exceeds fixed maximum message size/,
  )
  await envelope(dialogue)
  dialogue.write(`BDAT 1001 LAST\r\n${'x'.repeat(1001)}`)
  assert.match((await dialogue.reply()).join(), /^552 5\.3\.4 /)
  assert.equal(world.received().length, 0)
})

test('extensions that are switched off are neither offered nor understood', async () => {
  await using scene = await open()
  const { dialogue, world } = scene
  world.setFaults({
    noChunking: true,
    no8BitMime: true,
    noSmtpUtf8: true,
    noDsn: true,
    noPipelining: true,
    size: 77,
    noStartTls: true,
  })
  assert.deepEqual((await dialogue.say('EHLO c.example')).split('\n').slice(1), [
    '250-SIZE 77',
    '250 ENHANCEDSTATUSCODES',
  ])
  assert.match(await dialogue.say('STARTTLS'), /^500 /)
  for (const parameter of ['BODY=8BITMIME', 'BODY=BINARYMIME', 'SMTPUTF8', 'RET=FULL', 'SIZE=78']) {
    assert.match(await dialogue.say(`MAIL FROM:<a@b.example> ${parameter}`), /^5/, parameter)
  }
  await envelope(dialogue)
  dialogue.write('BDAT 2 LAST\r\nhi')
  assert.match((await dialogue.reply()).join(), /^500 /)
  world.setFaults({})
  assert.match(await dialogue.say('EHLO c.example'), /250-STARTTLS\n/)
})

test('overrides strike where they match, as often as they say', async () => {
  await using scene = await open()
  const { dialogue, world } = scene
  world.setFaults({
    overrides: [
      { at: 'RCPT', match: /^TO:<c@/, reply: '451 4.3.0 Later', times: 1 },
      { at: 'END', match: 'e@f.example', reply: '554 5.6.0 No' },
    ],
  })
  await dialogue.startTls()
  await dialogue.say('MAIL FROM:<a@b.example>')
  assert.equal(await dialogue.say('RCPT TO:<c@d.example>'), '451 4.3.0 Later')
  assert.match(await dialogue.say('RCPT TO:<c@d.example>'), /^250 /)
  assert.match(await dialogue.say('RCPT TO:<e@f.example>'), /^250 /)
  dialogue.write('BDAT 2 LAST\r\nhi')
  assert.deepEqual(await dialogue.reply(), ['554 5.6.0 No'])
  assert.equal(world.received().length, 0)
})

test('the connection is closed at a verb, with 421, or after so many octets', async () => {
  await using scene = await open()
  const { world } = scene
  world.setFaults({ overrides: [{ at: 'MAIL', reply: '421 4.3.2 Closing', close: true, times: 1 }] })
  await scene.dialogue.startTls()
  assert.equal(await scene.dialogue.say('MAIL FROM:<a@b.example>'), '421 4.3.2 Closing')
  assert.ok(await scene.dialogue.ended())
  world.setFaults({ closeAfterDataBytes: 1000 })
  const { dialogue } = await Dialogue.open(world.address)
  await dialogue.startTls()
  await envelope(dialogue)
  await dialogue.say('DATA')
  dialogue.write('x'.repeat(2000))
  assert.ok(await dialogue.ended())
  world.setFaults({ overrides: [{ at: 'CONNECT', reply: '421 4.3.2 Busy', close: true }] })
  assert.equal((await Dialogue.open(world.address)).banner, '421 4.3.2 Busy')
})

test('the final reply is delayed', async () => {
  await using scene = await open()
  scene.world.setFaults({ finalReplyDelay: 80 })
  await scene.dialogue.startTls()
  await envelope(scene.dialogue)
  const before = Date.now()
  scene.dialogue.write('BDAT 2 LAST\r\nhi')
  assert.match((await scene.dialogue.reply()).join(), /^250 /)
  assert.ok(Date.now() - before >= 75)
})

test('what is said in clear text is kept, what is said under TLS is not in it', async () => {
  await using scene = await open()
  await scene.dialogue.startTls()
  await envelope(scene.dialogue)
  const clear = scene.world.clearBytes().toString('latin1')
  assert.equal(clear, 'EHLO client.example.net\r\nSTARTTLS\r\n')
})

test('a world with domains takes mail for these only', async () => {
  await using scene = await open({ domains: ['D.example'] })
  await scene.dialogue.startTls()
  await scene.dialogue.say('MAIL FROM:<>')
  assert.match(await scene.dialogue.say('RCPT TO:<c@d.example>'), /^250 /)
  assert.match(await scene.dialogue.say('RCPT TO:<c@e.example>'), /^550 5\.7\.1 /)
})

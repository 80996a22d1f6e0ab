// Every known reply by name, met by a client at its place; throttling, too many connections, the end of a session.
import assert from 'node:assert/strict'
import test from 'node:test'
import { knownReply, REPLY_NAMES } from './replies.ts'
import { Dialogue } from './testing/dialogue.ts'
import { contoso, fabrikam, startScene } from './testing/scene.ts'

const mail = {
  from: 'bob@partner.example',
  to: 'ann@contoso.com',
  headers: { From: 'bob@partner.example' },
  body: '',
}

test('each reply of the menu strikes at its place, filled in, as often as asked', async () => {
  await using scene = await startScene()
  const { exchange, world } = scene
  assert.ok(REPLY_NAMES.length >= 38)
  for (const name of REPLY_NAMES) {
    exchange.setFaults({})
    exchange.provoke(name, { times: 1 })
    exchange.dropConnections()
    const expected = (knownReply(name).reply ?? '').split('{')[0] ?? ''
    const outcome = await world.send(mail).then(
      (result) => [result.reply, ...result.refused.map((one) => one.reply)].join('\n'),
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    )
    assert.ok(outcome.includes(expected.slice(4).trim()), `${name}: ${outcome}`)
    assert.doesNotMatch(outcome, /[{}]/, name)
    const again = await world.send(mail)
    assert.deepEqual(again.accepted, ['ann@contoso.com'], `${name}: ${again.reply}`)
  }
  assert.throws(() => {
    exchange.provoke('Nonsense')
  }, /There is no reply Nonsense; there are InvalidDomainName,/)
})

test('strangers who send too much hear 451 4.7.500; who matches a connector does not', async () => {
  await using scene = await startScene({ throttle: { messages: 2, window: 60_000 } })
  const { world, gateway } = scene
  const replies: string[] = []
  for (let i = 0; i < 3; i++) {
    const result = await world.send(mail)
    replies.push(result.refused[0]?.reply ?? 'accepted')
  }
  assert.deepEqual(replies.slice(0, 2), ['accepted', 'accepted'])
  assert.match(replies[2] ?? '', /^451 4\.7\.500 Server busy\. Please try again later from \[127\.0\.0\.1\]\. \(AS761\) \[AM9PR/) // prettier-ignore
  const own = await gateway.send({ ...mail, from: 'ann@contoso.com', to: 'cy@contoso.com' })
  assert.deepEqual(own.accepted, ['cy@contoso.com'])
})

test('one connection too many hears 421 4.3.2 and is closed; a session is cut at its end', async () => {
  await using scene = await startScene({
    tenants: [contoso(), fabrikam()],
    maxConnections: 1,
    sessionLifetime: 300,
  })
  const { address } = scene.exchange
  const first = await Dialogue.open(address)
  const second = await Dialogue.open(address)
  assert.match(
    second.banner,
    /^421 4\.3\.2 The maximum number of concurrent connections has exceeded a limit/,
  )
  second.dialogue.close()
  const began = Date.now()
  await assert.rejects(async () => {
    for (;;) await first.dialogue.say('NOOP')
  })
  assert.ok(Date.now() - began < 5000)
  const third = await Dialogue.open(address)
  assert.match(third.banner, /^220 /)
  third.dialogue.close()
})

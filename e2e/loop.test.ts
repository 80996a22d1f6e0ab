/**
 * No loop: with the two `Received` exceptions each mail passes the gateway once. Without them the second arrival is passed on
 * untreated, the third is accepted, held and alarmed, and nothing is lost.
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { fieldOf } from './demo/look.ts'
import { newMessageId, plainMail, traceOf } from './demo/acts.ts'
import { CONTOSO } from './stage/objects.ts'
import { openStage, type Stage } from './stage/stage.ts'

for (const preset of ['as-documented', 'recommended'] as const)
  describe(`loop exceptions, preset ${preset}`, () => {
    let stage: Stage
    before(async () => {
      stage = await openStage({ preset }, (built) => {
        built.addEmployee('alice@contoso.example')
      })
    })
    after(() => stage.close())

    it('let each mail pass the gateway once, outbound and inbound', async () => {
      const out = newMessageId()
      const to = 'bob@partner.example'
      stage.exchange.submit({
        tenant: CONTOSO.id,
        from: 'alice@contoso.example',
        to,
        ...plainMail('alice@contoso.example', to, out, 'Hello\r\n'),
      })
      const { raw } = await stage.world.waitFor((mail) => fieldOf(mail.raw, 'message-id') === out)
      assert.match(fieldOf(raw, 'content-type') ?? '', /^multipart\/signed/)
      assert.equal(stage.exchange.passes(out), 2, 'once as submitted, once as it came back')

      const inbound = newMessageId()
      await stage.world.send({
        from: to,
        to: 'alice@contoso.example',
        ...plainMail(to, 'alice@contoso.example', inbound, 'Hello\r\n'),
      })
      const { message } = await stage.exchange.waitForMail(
        'alice@contoso.example',
        (mail) => mail.message.value('Message-ID') === inbound,
      )
      assert.match(message.raw.toString('latin1'), /smime=none/)
      assert.equal(stage.exchange.passes(inbound), 2)
    })
  })

for (const direction of ['outbound', 'inbound'] as const)
  describe(`without loop exceptions, ${direction}`, () => {
    let stage: Stage
    before(async () => {
      stage = await openStage({ withoutExceptions: true }, (built) => {
        built.addEmployee('alice@contoso.example')
      })
    })
    after(() => stage.close())

    it('the second arrival passes untreated, the third is held with an alarm, and nothing is lost', async () => {
      const messageId = newMessageId()
      const [inside, outside] = ['alice@contoso.example', 'bob@partner.example']
      if (direction === 'outbound')
        stage.exchange.submit({
          tenant: CONTOSO.id,
          from: inside,
          to: outside,
          ...plainMail(inside, outside, messageId, 'Hello\r\n'),
        })
      else
        await stage.world.send({
          from: outside,
          to: inside,
          ...plainMail(outside, inside, messageId, 'Hello\r\n'),
        })

      const held = await eventually(() => {
        const found = stage.gateway.json(['trace', 'find', '--message-id', messageId]) as {
          mailId: string
          recipients: { state: string }[]
        }[]
        // Newest first: the third arrival, the second, the first.
        const states = found.map((mail) => mail.recipients[0]?.state).join(' ')
        return states === 'held delivered delivered' ? found : null
      })
      const reasons = held
        .toReversed()
        .map((mail) => JSON.stringify(stage.gateway.json(['trace', 'show', mail.mailId])))
      assert.match(reasons[1] ?? '', /second-pass/)
      assert.match(reasons[2] ?? '', /"loop"/)
      assert.ok(traceOf(stage, messageId))
      assert.equal(stage.exchange.passes(messageId), 3, 'the third arrival went no further')
      // The gateway accepted it: nothing is left with Exchange.
      await eventually(() => (stage.exchange.queue().length === 0 ? true : null))
    })
  })

/** Asks again until there is an answer; the pauses are the simulator's time, which lives in this process. */
async function eventually<T>(ask: () => T | null, milliseconds = 60_000): Promise<T> {
  const end = Date.now() + milliseconds
  for (;;) {
    const answer = ask()
    if (answer !== null) return answer
    if (Date.now() > end) throw new Error('it did not come to that')
    await new Promise((resolve) => setTimeout(resolve, 400))
  }
}

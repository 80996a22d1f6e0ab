/**
 * Mail that was good once is sent again by somebody who got hold of it.
 */
import assert from 'node:assert/strict'
import { fieldOf } from '../demo/look.ts'
import { decisions, writeIn, writeOut, type Scenario, type Setting } from '../seed/setting.ts'
import { expectNowhere, inMailbox, refused, traced, verdictOf } from './look.ts'
import { renewed, replayByFabrikam } from './other-tenant.ts'

/** A signed mail of Alice's as it reached a partner. */
async function keptByPartner(setting: Setting): Promise<Buffer> {
  const messageId = writeOut(setting, 'alice@contoso.example', 'bob@nocert.example', 'I agree.\r\n')
  const { raw } = await setting.stage.world.waitFor(
    (mail) => fieldOf(mail.raw, 'message-id') === messageId,
    20_000,
  )
  return raw
}

/** By its receiver, from the Internet to our own people. */
export const FROM_INTERNET: Scenario = {
  name: 'Wiederholte Mail / an old mail of ours is sent in from the Internet: our marker in it does not let it skip',
  async play(setting) {
    const { stage, people } = setting
    const old = await keptByPartner(setting)
    assert.ok(fieldOf(old, 'x-siegel-pass') !== undefined, 'the marker is not in it')
    const { messageId, raw } = renewed(old)
    await writeIn(setting, people.writer.address, people.alice.address, raw)
    const arrived = await inMailbox(setting, messageId)
    if (setting.preset === 'as-documented') {
      // It carries our Received line, and with it the seed's exception: as with a forged line it passes by the gateway.
      assert.equal(stage.exchange.passes(messageId), 1)
      assert.equal(verdictOf(arrived), undefined)
      return
    }
    assert.equal(stage.exchange.passes(messageId), 2)
    const { received } = await traced(setting, messageId)
    assert.deepEqual([received.direction, received.earlierPasses], ['inbound', 0])
    const [first] = decisions(setting, messageId)
    assert.ok(first?.rules.includes('Siegel 005 strip pass marker') === true, first?.rules.join() ?? '')
    assert.match(verdictOf(arrived) ?? '', /smime=pass\b/)
  },
}

/** By another tenant, through the gateway, with every field that our tenant's Exchange Online had stamped. */
export const BY_TENANT: Scenario = {
  name: 'Wiederholte Mail / an old mail of ours, with all its stamps, is relayed by a second tenant: refused',
  async play(setting) {
    const messageId = writeOut(setting, 'alice@contoso.example', 'bob@nocert.example', 'I agree.\r\n')
    const old = (await setting.wire.pass(messageId)).given.raw
    const again = renewed(old)
    const reason = await refused(setting, () => {
      replayByFabrikam(setting, again.raw)
    })
    // The old secret is in it, so it is the id of the other tenant that gives it away.
    assert.equal(reason, setting.preset === 'recommended' ? 'tenant-id-missing' : 'tenant-unknown')
    expectNowhere(setting, again.messageId)
  },
}

/** The marker of a mail that has just passed, on another mail. */
export const MARKER: Scenario = {
  name: 'Wiederholter Durchgangsvermerk / a fresh pass marker copied onto another mail: does not skip; as-documented passes it on untreated, and its trace says so',
  async play(setting) {
    const { people, wire } = setting
    const first = renewed(
      Buffer.from('Message-ID: x\r\nFrom: a@world.example\r\nSubject: s\r\n\r\nfirst\r\n'),
    )
    await writeIn(setting, people.writer.address, people.alice.address, first.raw)
    const { back } = await wire.pass(first.messageId)
    const marker = fieldOf(back.raw, 'x-siegel-pass') ?? ''
    const claim = 'Authentication-Results: smime-gw.contoso.example; smime=pass\r\n'
    const second = renewed(first.raw, `X-Siegel-Pass: ${marker}\r\n${claim}`)
    await writeIn(setting, people.writer.address, people.alice.address, second.raw)
    const arrived = await inMailbox(setting, second.messageId)
    const { received, text } = await traced(setting, second.messageId)
    if (setting.preset === 'recommended') {
      // The tenant's own rule has taken it out.
      assert.equal(received.earlierPasses, 0)
      assert.match(verdictOf(arrived) ?? '', /smime=none\b/)
    } else {
      // Taken for a mail that loops: it goes on as it is, its claim is gone, and nobody vouches for it.
      assert.equal(received.earlierPasses, 1)
      assert.match(text, /"second-pass"/)
      assert.equal(verdictOf(arrived), undefined)
    }

    // In the other direction it counts for nothing.
    const out = writeOut(setting, 'alice@contoso.example', 'bob@nocert.example', 'x\r\n')
    await wire.pass(out)
    assert.equal((await traced(setting, out)).received.earlierPasses, 0)
  },
}

/**
 * Rules on the real binaries: a mail that a label puts under "all or nothing" waits for both its recipients while one of them has no
 * certificate, and leaves encrypted to both when it is there; list mail under a rule is held while other mail goes.
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { newMessageId } from './demo/acts.ts'
import { CONTOSO } from './stage/objects.ts'
import { openStage, type Stage } from './stage/stage.ts'

const ANNA = 'anna@strict.example'
const BERT = 'bert@other.example'

describe('rules', () => {
  let stage: Stage
  before(async () => {
    stage = await openStage({ settings: { queue: { heldProbe: '1s' } } }, (built) => {
      built.addEmployee('alice@contoso.example')
      built.addObject({
        ...{ kind: 'Rule', tenant: 'contoso', name: 'secret' },
        spec: {
          order: 10,
          when: { header: [{ name: 'msip_labels', contains: 'secret_enabled=true' }] },
          then: { encrypt: 'all-or-nothing' },
        },
      })
      built.addObject({
        ...{ kind: 'Rule', tenant: 'contoso', name: 'lists' },
        spec: { order: 20, when: { kind: ['list'] }, then: { action: 'hold' } },
      })
      built.addPartner(ANNA)
    })
  })
  after(() => stage.close())

  function submit(to: string | string[], field: string, text: string, messageId = newMessageId()): string {
    const all = typeof to === 'string' ? [to] : to
    const raw = `From: alice@contoso.example\r\nTo: ${all.join(', ')}\r\nMessage-ID: ${messageId}\r\n${field}Subject: x\r\n\r\n${text}\r\n`
    stage.exchange.submit({ tenant: CONTOSO.id, from: 'alice@contoso.example', to, raw: Buffer.from(raw) })
    return messageId
  }

  async function waitFor(messageId: string, word: string): Promise<void> {
    const end = Date.now() + 30_000
    const found = () => JSON.stringify(stage.gateway.json(['trace', 'find', '--message-id', messageId]))
    while (!found().includes(word)) {
      assert.ok(Date.now() < end, `not ${word}: ${found()}`)
      await pause(300)
    }
  }

  it('all or nothing: nobody has the mail until everybody can have it encrypted', async () => {
    const label = 'msip_labels: MSIP_Label_Secret_Enabled=True;\r\n'
    const messageId = submit([ANNA, BERT], label, 'the price is 4711')
    await waitFor(messageId, '"held"')
    submit('carol@other.example', '', 'see you')
    await stage.world.waitFor(({ recipients }) => recipients.includes('carol@other.example'))
    assert.ok(!stage.world.received().some(({ recipients }) => recipients.includes(ANNA)))
    stage.addPartner(BERT)
    await stage.changeObjects()
    for (const whom of [ANNA, BERT]) {
      const mail = await stage.world.waitFor(({ recipients }) => recipients.includes(whom))
      assert.ok(!mail.raw.includes('4711'))
      assert.match(mail.raw.toString('latin1'), /smime-type="?enveloped-data/)
    }
  })

  it('list mail is held by its rule', async () => {
    const messageId = submit('dora@other.example', 'List-Id: <prices.contoso.example>\r\n', 'hello')
    await waitFor(messageId, '"held"')
  })
})

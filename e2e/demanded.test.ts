/**
 * Encryption that is demanded for a partner: the mail waits at the gateway, not a byte of it leaves, and it goes out encrypted when the
 * certificate has been applied; a colleague's mail to somebody else is not kept up.
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { newMessageId } from './demo/acts.ts'
import { CONTOSO } from './stage/objects.ts'
import { openStage, type Stage } from './stage/stage.ts'

const PARTNER = 'anna@strict.example'

describe('encryption that is demanded', () => {
  let stage: Stage
  before(async () => {
    stage = await openStage({ settings: { queue: { heldProbe: '1s' } } }, (built) => {
      built.addEmployee('alice@contoso.example')
      built.addObject({
        ...{ kind: 'TreatmentSettings', tenant: 'contoso', name: 'strict' },
        spec: { partner: 'strict.example', encrypt: 'always' },
      })
    })
  })
  after(() => stage.close())

  function submit(to: string, text: string, messageId = newMessageId()): void {
    const raw = `From: alice@contoso.example\r\nTo: ${to}\r\nMessage-ID: ${messageId}\r\nSubject: x\r\n\r\n${text}\r\n`
    stage.exchange.submit({ tenant: CONTOSO.id, from: 'alice@contoso.example', to, raw: Buffer.from(raw) })
  }

  it('waits for the certificate, and then leaves encrypted', async () => {
    const messageId = newMessageId()
    submit(PARTNER, 'the price is 4711', messageId)
    submit('bob@other.example', 'see you')
    await stage.world.waitFor(({ recipients }) => recipients.includes('bob@other.example'))
    const isHeld = (): boolean =>
      JSON.stringify(stage.gateway.json(['trace', 'find', '--message-id', messageId])).includes('"held"')
    const end = Date.now() + 30_000
    while (!isHeld()) {
      assert.ok(Date.now() < end, 'the mail is not held')
      await pause(300)
    }
    stage.addPartner(PARTNER)
    await stage.changeObjects()
    const mail = await stage.world.waitFor(({ recipients }) => recipients.includes(PARTNER))
    assert.ok(!mail.raw.includes('4711'))
    assert.match(mail.raw.toString('latin1'), /smime-type="?enveloped-data/)
  })
})

/**
 * Tests of the journey on real parts: what becomes of a delivery by what the hop and the keyring say, when it is looked at
 * again, and what is alarmed.
 */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, it } from 'node:test'
import { encryptEntity } from '@siegel/engine'
import { entryOf, make } from '../keyring/testing/credentials.ts'
import { answering, mailRoot, TIMES, withRig, type JourneyRig, type Received } from './journey/testing/rig.ts'
import type { HopScript } from './outbound/testing/hop.ts'

const HOUR = 3_600_000
const MAIL = 'From: alice@contoso.com\r\nTo: bob@partner.example\r\nSubject: x\r\n\r\nhello\r\n'

describe('a delivery', () => {
  it('that the hop takes is over, and nothing of the mail stays but its trace', () =>
    withRig({}, async (rig) => {
      const mail = await rig.receive(MAIL)
      await rig.turn()
      assert.deepEqual(await rig.states(mail), ['delivered - 1'])
      assert.deepEqual(await rig.trace(mail), ['received', 'planned', 'decided', 'treated', 'delivered'])
      assert.equal(rig.has(mail), false)
      assert.deepEqual(rig.alarms(), [])
    }))

  it('that is deferred is tried again when the retry clock says so, from the kept copy', () =>
    withRig({ answer: answering('RCPT', '451 4.3.0 later') }, async (rig) => {
      const mail = await rig.receive(MAIL)
      await rig.turn()
      assert.deepEqual(await rig.states(mail), ['queued temporarily-refused 1'])
      assert.equal(await rig.dueIn(mail), 60_000)
      await rig.turnAfter(59_999)
      assert.deepEqual(await rig.states(mail), ['queued temporarily-refused 1'])
      await rig.turnAfter(1)
      assert.deepEqual(await rig.states(mail), ['queued temporarily-refused 2'])
      assert.equal(await rig.dueIn(mail), 120_000)
      rig.mend()
      await rig.turnAfter(120_000)
      assert.deepEqual(await rig.states(mail), ['delivered - 3'])
      assert.deepEqual(await rig.trace(mail), ['received', 'planned', 'decided', 'treated', 'deferred', 'deferred', 'delivered']) // prettier-ignore
    }))

  it('that is deferred together with others goes out together with them again', () =>
    withRig({ answer: answering('RCPT', '451 4.3.0 later') }, async (rig) => {
      let drawn = 0
      rig.random = () => (drawn++ % 10) / 10
      await rig.receive(MAIL, { to: ['a@partner.example', 'b@partner.example', 'c@partner.example'] })
      await rig.turn()
      rig.mend()
      for (let second = 0; second < 73; second++) await rig.turnAfter(1000)
      assert.deepEqual(
        rig.next.hop.heard.map(({ rcpt }) => rcpt.length),
        [3],
      )
    }))

  it('that is refused for good comes back to its sender, once', () =>
    withRig({}, async (rig) => {
      rig.next.hop.script.answer = (command) => command.includes('bob@') ? '550 5.1.1 no such user\r\n' : undefined // prettier-ignore
      const mail = await rig.receive(MAIL, { to: ['bob@partner.example', 'carol@partner.example'] })
      await rig.turn()
      assert.deepEqual(await rig.states(mail), ['bounced recipient-refused 1', 'delivered - 1'])
      await rig.turn()
      const notices = rig.next.hop.heard.filter((heard) => heard.mail.startsWith('MAIL FROM:<>'))
      assert.equal(notices.length, 1)
      assert.match(notices[0]?.content.toString() ?? '', /Action: failed\r\n/)
      assert.match(notices[0]?.rcpt[0] ?? '', /alice@contoso\.com/)
      await rig.turnAfter(10 * HOUR)
      assert.equal(rig.next.hop.heard.length, 2)
    }))

  it('whose time is over is given up with its last reason, and told', () =>
    withRig({ answer: answering('RCPT', '451 4.7.500 Server busy') }, async (rig) => {
      const mail = await rig.receive(MAIL)
      await rig.turn()
      assert.deepEqual(await rig.states(mail), ['queued throttled 1'])
      await rig.turnAfter(TIMES.delayNoticeMs)
      assert.equal((await rig.trace(mail)).filter((code) => code === 'notice-sent').length, 1)
      await rig.turnAfter(HOUR)
      assert.equal((await rig.trace(mail)).filter((code) => code === 'notice-sent').length, 1)
      rig.fixture.now = mail.receivedAt + TIMES.expiryMs
      await rig.turn()
      assert.match((await rig.states(mail))[0] ?? '', /^bounced throttled /)
      assert.deepEqual((await rig.trace(mail)).slice(-2), ['expired', 'notice-sent'])
    }))

  it('that waits 4 hours is told to a sender inside, and to nobody outside', () =>
    withRig({ answer: answering('RCPT', '451 4.3.0 later') }, async (rig) => {
      const mails = [await rig.receive(MAIL), await rig.receive(MAIL, { direction: 'inbound' })]
      await rig.turn()
      await rig.turnAfter(TIMES.delayNoticeMs)
      const told = await Promise.all(
        mails.map(async (mail) => (await rig.trace(mail)).includes('notice-sent')),
      )
      assert.deepEqual(told, [true, false])
    }))
})

describe('a hold', () => {
  it('for a fault that may be mended is looked at again after a quarter of an hour, and alarmed', () =>
    withRig(
      { answer: answering('MAIL', '550 5.7.64 TenantAttribution; Relay Access Denied') },
      async (rig) => {
        const mail = await rig.receive(MAIL)
        await rig.turn()
        assert.deepEqual(await rig.states(mail), ['held connector-not-attributed 1'])
        assert.deepEqual(rig.alarms(), ['connector-not-attributed'])
        assert.equal(await rig.dueIn(mail), TIMES.heldProbeMs)
        await rig.turnAfter(TIMES.heldProbeMs)
        assert.deepEqual(await rig.states(mail), ['held connector-not-attributed 2'])
        rig.mend()
        await rig.turnAfter(TIMES.heldProbeMs)
        assert.deepEqual(await rig.states(mail), ['delivered - 3'])
      },
    ))

  it('for a loop ends only by an operator or with the mail’s time', () =>
    withRig({}, async (rig) => {
      const mail = await rig.receive(MAIL, { earlierPasses: 2 })
      await rig.turn()
      assert.deepEqual(await rig.states(mail), ['held loop 0'])
      assert.deepEqual(rig.alarms(), ['loop'])
      for (let hours = 0; hours < 24; hours += 6) await rig.turnAfter(6 * HOUR)
      assert.deepEqual(await rig.states(mail), ['held loop 0'])
      const heard = () =>
        rig.next.hop.heard.filter(({ mail: from }) => !from.startsWith('MAIL FROM:<>')).length
      assert.equal(heard(), 0)
      rig.fixture.now = mail.receivedAt + TIMES.expiryMs
      await rig.turn()
      assert.deepEqual(await rig.states(mail), ['bounced loop 0'])
      assert.equal(heard(), 0)
    }))

  it('for a tenant that is gone ends when it comes back; nothing is lost', () =>
    withRig({}, async (rig) => {
      const mail = await rig.receive(MAIL)
      rig.current = null
      await rig.turn()
      assert.deepEqual(await rig.states(mail), ['held tenant-missing 0'])
      rig.current = rig.tenant
      await rig.turnAfter(TIMES.heldProbeMs)
      assert.deepEqual(await rig.states(mail), ['delivered - 1'])
    }))

  it('for a damaged body keeps everything as it is and raises an alarm', () =>
    withRig({}, async (rig) => {
      const mail = await rig.receive(MAIL)
      writeFileSync(rig.fixture.bodyPath({ tenantId: mail.tenantId, mailId: mail.id, copy: 0 }), 'x')
      await rig.turn()
      assert.deepEqual(await rig.states(mail), ['held body-damaged 0'])
      assert.deepEqual(rig.alarms(), ['body-damaged'])
      assert.equal(rig.next.hop.heard.length, 0)
    }))

  for (const direction of ['outbound', 'inbound'] as const)
    it(`for a key that does not unseal says so at first sight, and goes on with a key applied anew: ${direction}`, () =>
      withRig({}, async (rig) => {
        const made = make('Alice', mailRoot, { emails: ['alice@contoso.com'] })
        const alice = entryOf(made, 'own')
        await rig.keep(alice)
        const database = new DatabaseSync(join(rig.fixture.folder, 'siegel.sqlite'))
        const key = database.prepare('select private_key from credential').get()?.['private_key']
        assert.ok(key instanceof Uint8Array)
        key[60] = (key[60] ?? 0) ^ 1
        database.prepare('update credential set private_key = ?').run(key)
        database.close()
        const sealed = encryptEntity([Buffer.from('\r\nhello\r\n')], {
          recipients: [made.certificate],
          cipher: 'aes256-gcm',
          keyTransport: 'oaep-sha256',
        })
        const received = Buffer.concat([Buffer.from('From: bob@partner.example\r\n'), ...sealed])
        const mail = await rig.receive(direction === 'outbound' ? MAIL : received, { direction })
        await rig.turn()
        assert.deepEqual(await rig.states(mail), ['held key-does-not-open 0'])
        assert.deepEqual(rig.alarms(), ['key-does-not-open'])
        assert.equal(rig.next.hop.heard.length, 0)
        await rig.keep(alice)
        await rig.turnAfter(TIMES.heldProbeMs)
        assert.deepEqual(await rig.states(mail), ['delivered - 1'])
      }))

  it('for a key that cannot be had is never a mail without its signature', () =>
    withRig({}, async (rig) => {
      const alice = entryOf(make('Alice', mailRoot, { emails: ['alice@contoso.com'] }), 'own')
      await rig.keep({ ...alice, privateKey: null })
      const mail = await rig.receive(MAIL)
      await rig.turn()
      assert.deepEqual(await rig.states(mail), ['held treatment-failed 0'])
      assert.deepEqual(rig.alarms(), ['treatment-failed'])
      assert.equal(rig.next.hop.heard.length, 0)
    }))
})

describe('DKIM-Signature fields', () => {
  const OWN = 'DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=contoso.com; s=selector1;\r\n h=From:Date:Subject:Content-Type; bh=abc+/d=; b=AAA+/BBB\r\n CCC==\r\n' // prettier-ignore
  const FOREIGN = 'dkim-signature: v=1; a=rsa-sha256; d=list.example; i=@contoso.com; s=x; bh=a=; b=b=\r\n'
  const LOOKALIKE = 'DKIM-Signature: v=1; a=rsa-sha256; d=notcontoso.com; s=x; bh=a=; b=b=\r\n'
  const fieldsLeft = async (rig: JourneyRig, received: Received = {}): Promise<string[]> => {
    const from = received.direction === 'inbound' ? 'bob@partner.example' : 'alice@contoso.com'
    await rig.receive(
      `${OWN}${FOREIGN}From: ${from}\r\n${LOOKALIKE}To: x@y.example\r\n\r\nhello\r\n`,
      received,
    )
    await rig.turn()
    const content = rig.next.hop.heard.at(-1)?.content.toString() ?? ''
    return [OWN, FOREIGN, LOOKALIKE].filter((field) => content.includes(field))
  }

  it('of the tenant go when the mail is signed, and no other', () =>
    withRig({}, async (rig) => {
      await rig.keep(entryOf(make('Alice', mailRoot, { emails: ['alice@contoso.com'] }), 'own'))
      assert.deepEqual(await fieldsLeft(rig), [FOREIGN, LOOKALIKE])
      rig.current = { ...rig.tenant, removeOwnDkim: false }
      assert.deepEqual(await fieldsLeft(rig), [OWN, FOREIGN, LOOKALIKE])
    }))

  it('all stay when the body does, and on mail that comes in', () =>
    withRig({}, async (rig) => {
      assert.deepEqual(await fieldsLeft(rig), [OWN, FOREIGN, LOOKALIKE])
      assert.deepEqual(await fieldsLeft(rig, { direction: 'inbound' }), [OWN, FOREIGN, LOOKALIKE])
    }))
})

describe('alarms', () => {
  for (const [name, script, code] of [
    ['no STARTTLS', { identity: null }, 'starttls-not-offered'],
    ['a refused STARTTLS', { answer: answering('STARTTLS', '454 4.7.0 no') }, 'starttls-refused'],
    ['a protocol dispute', { answer: answering('MAIL', '555 5.5.4 what') }, 'protocol-dispute'],
  ] satisfies [string, Partial<HopScript>, string][])
    it(`${name}: deferred and alarmed, and delivered when it is mended`, () =>
      withRig(script, async (rig) => {
        const mail = await rig.receive(MAIL)
        await rig.turn()
        assert.deepEqual(await rig.states(mail), [`queued ${code} 1`])
        assert.deepEqual(rig.alarms(), [code])
        rig.mend()
        await rig.turnAfter(60_000)
        assert.deepEqual(await rig.states(mail), ['delivered - 2'])
      }))

  it('are not raised for what passes by itself', () =>
    withRig({ answer: answering('RCPT', '452 4.2.2 mailbox full') }, async (rig) => {
      await rig.receive(MAIL)
      await rig.turn()
      assert.deepEqual(rig.alarms(), [])
    }))

  it('count up while the fault stands, and name the tenant', () =>
    withRig({ identity: null }, async (rig) => {
      await rig.receive(MAIL)
      await rig.turn()
      await rig.turnAfter(60_000)
      const [alarm] = rig.store.alarms.list()
      assert.deepEqual([alarm?.code, alarm?.subject, alarm?.count], ['starttls-not-offered', 'contoso', 2])
    }))
})

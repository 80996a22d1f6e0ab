/** Tests of what is demanded and cannot be done: the mail waits, goes when it can be done, or goes back; never in clear. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decryptMessage } from '@siegel/engine'
import { entryOf, make } from '../../keyring/testing/credentials.ts'
import { NO_LEVELS } from '../policy/levels.ts'
import { compileRule, type Rule } from '../policy/rules.ts'
import { mailRoot, TIMES, withRig } from './testing/rig.ts'

const SECRET = 'the price is 4711'
const MAIL = `From: alice@contoso.com\r\nTo: bob@partner.example\r\nSubject: x\r\nMIME-Version: 1.0\r\n\r\n${SECRET}\r\n`
const HOUR = 3_600_000
const bob = make('Bob', mailRoot, { emails: ['bob@partner.example'] })

describe('encryption that is demanded', () => {
  it('is waited for, and the mail goes when the certificate has come', () =>
    withRig({}, async (rig) => {
      rig.levels = { ...NO_LEVELS, partners: new Map([['partner.example', { encrypt: 'always' }]]) }
      const mail = await rig.receive(MAIL)
      await rig.turn()
      await rig.turnAfter(TIMES.heldProbeMs)
      assert.deepEqual(await rig.states(mail), ['held encryption-awaited 0'])
      assert.deepEqual([rig.alarms(), rig.next.hop.heard.length], [[], 0])
      await rig.keep(entryOf(bob, 'partner'))
      await rig.turnAfter(TIMES.heldProbeMs)
      const [heard] = rig.next.hop.heard
      assert.ok(heard !== undefined && !heard.content.includes(SECRET))
      const opened = decryptMessage(heard.content, [{ key: bob.key, certificate: bob.certificate }], {
        anchors: [],
        at: rig.fixture.now,
        revocation: 'none',
      })
      assert.ok(opened.entity?.includes(SECRET))
    }))

  it('is waited for no longer than was said, then the mail goes back', () =>
    withRig({}, async (rig) => {
      rig.levels = { ...NO_LEVELS, tenant: { encrypt: 'always', holdHours: 2 } }
      const mail = await rig.receive(MAIL)
      await rig.turn()
      await rig.turnAfter(2 * HOUR - 1)
      assert.deepEqual(await rig.states(mail), ['held encryption-awaited 0'])
      await rig.turnAfter(TIMES.heldProbeMs)
      assert.ok((await rig.trace(mail)).includes('bounced'))
      await rig.turn()
      assert.ok(
        rig.next.hop.heard.every(({ content }) => !content.includes(SECRET) || content.includes('5.7.5')),
      )
      assert.deepEqual(
        rig.next.hop.heard.map(({ rcpt }) => rcpt.join()),
        ['RCPT TO:<alice@contoso.com> NOTIFY=NEVER'],
      )
    }))

  it('sends back at once what may not wait', () =>
    withRig({}, async (rig) => {
      rig.levels = { ...NO_LEVELS, global: { encrypt: 'always', impossible: 'bounce' } }
      const mail = await rig.receive(MAIL)
      await rig.turn()
      assert.ok((await rig.trace(mail)).includes('bounced'))
    }))

  it('goes to everybody or to nobody, also when an operator lets one recipient go', () =>
    withRig({}, async (rig) => {
      rig.levels = { ...NO_LEVELS, tenant: { encrypt: 'all-or-nothing' } }
      await rig.keep(entryOf(bob, 'partner'))
      const mail = await rig.receive(MAIL, { to: ['bob@partner.example', 'carol@other.example'] })
      const waiting = ['held all-or-nothing-awaited 0', 'held encryption-awaited 0']
      await rig.turn()
      assert.deepEqual(await rig.states(mail), waiting)
      const event = { at: rig.fixture.now, code: 'released', delivery: null, arguments: { by: 'test' } }
      await rig.store.queue.release(rig.tenant.id, mail.id, [0], event)
      await rig.turn()
      assert.deepEqual(await rig.states(mail), waiting)
      assert.equal(rig.next.hop.heard.length, 0)
      await rig.keep(entryOf(make('Carol', mailRoot, { emails: ['carol@other.example'] }), 'partner'))
      await rig.turnAfter(TIMES.heldProbeMs)
      const heard = rig.next.hop.heard.flatMap(({ rcpt }) => rcpt)
      assert.equal(heard.length, 2)
      assert.ok(rig.next.hop.heard.every(({ content }) => !content.includes(SECRET)))
    }))

  it('goes back for everybody when the time is over for one', () =>
    withRig({}, async (rig) => {
      rig.levels = { ...NO_LEVELS, tenant: { encrypt: 'all-or-nothing', holdHours: 1 } }
      await rig.keep(entryOf(bob, 'partner'))
      const mail = await rig.receive(MAIL, { to: ['bob@partner.example', 'carol@other.example'] })
      await rig.turn()
      await rig.turnAfter(HOUR)
      assert.equal((await rig.trace(mail)).filter((code) => code === 'bounced').length, 2)
      await rig.turn()
      const told = rig.next.hop.heard.flatMap(({ rcpt }) => rcpt)
      assert.ok(told.every((line) => line.includes('alice@contoso.com')))
    }))

  it('holds for the one recipient and lets the other have the mail', () =>
    withRig({}, async (rig) => {
      rig.levels = { ...NO_LEVELS, partners: new Map([['bob@partner.example', { encrypt: 'always' }]]) }
      const mail = await rig.receive(MAIL, { to: ['bob@partner.example', 'carol@other.example'] })
      await rig.turn()
      assert.deepEqual(await rig.states(mail), ['held encryption-awaited 0', 'delivered - 1'])
      assert.deepEqual(
        rig.next.hop.heard.map(({ rcpt }) => rcpt.join()),
        ['RCPT TO:<carol@other.example>'],
      )
    }))
})

describe('a rule', () => {
  const rule = (action: 'hold' | 'reject'): Rule =>
    compileRule('prices', {
      ...{ order: 1, enabled: true, when: { subject: ['PRICE'] }, stop: false },
      then: { weaken: false, action },
    })
  const PRICE = MAIL.replace('Subject: x', 'Subject: =?utf-8?q?Price=20list?=')

  it('holds a mail until an operator lets it go', () =>
    withRig({}, async (rig) => {
      rig.rules = [rule('hold')]
      const mail = await rig.receive(PRICE)
      await rig.turn()
      await rig.turnAfter(TIMES.heldProbeMs * 2)
      assert.deepEqual(await rig.states(mail), ['held held-by-rule 0'])
      const event = { at: rig.fixture.now, code: 'released', delivery: null, arguments: { by: 'test' } }
      assert.equal(await rig.store.queue.release(rig.tenant.id, mail.id, 'all', event), 1)
      await rig.turn()
      assert.deepEqual(await rig.states(mail), ['delivered - 1'])
    }))

  it('holds a mail once: who has let it go is not asked again when it waits for a certificate', () =>
    withRig({}, async (rig) => {
      rig.rules = [rule('hold')]
      rig.levels = { ...NO_LEVELS, tenant: { encrypt: 'always' } }
      const mail = await rig.receive(PRICE)
      await rig.turn()
      const event = { at: rig.fixture.now, code: 'released', delivery: null, arguments: { by: 'test' } }
      await rig.store.queue.release(rig.tenant.id, mail.id, 'all', event)
      await rig.turn()
      assert.deepEqual(await rig.states(mail), ['held encryption-awaited 0'])
      await rig.turnAfter(TIMES.heldProbeMs)
      assert.deepEqual(await rig.states(mail), ['held encryption-awaited 0'])
      await rig.keep(entryOf(bob, 'partner'))
      await rig.turnAfter(TIMES.heldProbeMs)
      assert.equal(rig.next.hop.heard.length, 1)
    }))

  it('returns a mail, and lets another one pass', () =>
    withRig({}, async (rig) => {
      rig.rules = [rule('reject')]
      const [price, other] = [await rig.receive(PRICE), await rig.receive(MAIL)]
      await rig.turn()
      assert.ok((await rig.trace(price)).includes('bounced'))
      assert.deepEqual(await rig.states(other), ['delivered - 1'])
    }))
})

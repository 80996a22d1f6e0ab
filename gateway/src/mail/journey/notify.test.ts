/**
 * Tests of notices on real parts. About decrypted mail: whatever the hop says and whenever, no octet of what was inside goes
 * back to somebody outside. About any mail: the status is that of what happened.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { encryptEntity } from '@siegel/engine'
import { entryOf, make } from '../../keyring/testing/credentials.ts'
import type { ReceivedMail } from '../message.ts'
import type { HopScript } from '../outbound/testing/hop.ts'
import { answering, mailRoot, TIMES, withRig, type JourneyRig, type Received } from './testing/rig.ts'

const HOUR = 3_600_000

describe('an encrypted inbound mail whose recipient is refused', () => {
  const CANARY = 'canary-of-a-decrypted-mail'
  const ENCODED = [
    CANARY,
    Buffer.from(CANARY).toString('base64').slice(0, 30),
    Buffer.from(CANARY).toString('hex'),
  ]

  async function received(rig: JourneyRig, rest: Received = {}) {
    const alice = make('Alice', mailRoot, { emails: ['alice@contoso.com'] })
    await rig.keep(entryOf(alice, 'own'))
    const inner = Buffer.from(`Content-Type: text/plain\r\nX-Inner: ${CANARY}\r\n\r\n${CANARY}\r\n`)
    const encrypted = encryptEntity([inner], {
      recipients: [alice.certificate],
      cipher: 'aes256-gcm',
      keyTransport: 'oaep-sha256',
    })
    const head =
      'From: bob@partner.example\r\nTo: alice@contoso.com\r\nSubject: outer\r\nMIME-Version: 1.0\r\n'
    const content = Buffer.concat([Buffer.from(head), ...encrypted])
    return rig.receive(content, { direction: 'inbound', ...rest })
  }

  /** What the trace says: without this the tests would prove nothing. */
  async function decryptionOf(rig: JourneyRig, mail: ReceivedMail): Promise<unknown> {
    const shown = await rig.store.forTenant(mail.tenantId).traces.show(mail.id)
    const treated = shown?.events.find(({ code }) => code === 'treated')?.arguments['decryption']
    return (treated as { status?: unknown } | undefined)?.status
  }

  const STAGES: readonly [string, Partial<HopScript>, string][] = [
    ['at RCPT', { answer: answering('RCPT TO:<ALICE', '550 5.1.1 no such user') }, 'bounced'],
    ['after the content', { final: (heard) => (heard.rcpt[0]?.includes('alice') === true ? '550 5.7.1 no\r\n' : '250 ok\r\n') }, 'bounced'], // prettier-ignore
    ['by a hop that promises no notice', { offers: ['CHUNKING', '8BITMIME'] }, 'relayed'],
  ]
  for (const [stage, script, state] of STAGES)
    it(`${stage}: no octet of what was in it is in any notice`, () =>
      withRig(script, async (rig) => {
        const mail = await received(rig, { notify: ['SUCCESS', 'FAILURE'] })
        await rig.turn()
        assert.match((await rig.states(mail))[0] ?? '', new RegExp(`^${state} `))
        assert.equal(await decryptionOf(rig, mail), 'decrypted')
        await rig.turn()
        const notices = rig.next.hop.heard.filter(({ rcpt }) => rcpt[0]?.includes('bob@partner.example'))
        assert.equal(notices.length, 1)
        for (const { content } of notices) {
          assert.match(content.toString(), /Subject: outer/)
          for (const text of ENCODED) assert.ok(!content.includes(text))
          // Nor does what was sealed go back to somebody outside.
          assert.doesNotMatch(content.toString(), /application\/pkcs7-mime[^]*\r\n\r\n[A-Za-z0-9+/]{60}/)
        }
      }))

  it('later: the copy that waits goes on with RET=HDRS, and the notice of its end holds nothing of it', () =>
    withRig({ answer: answering('RCPT TO:<ALICE', '451 4.3.0 later') }, async (rig) => {
      const mail = await received(rig)
      await rig.turn()
      const mailLine = rig.next.hop.connections.flatMap(({ commands }) => commands).find((command) => command.startsWith('MAIL')) // prettier-ignore
      assert.match(mailLine ?? '', / RET=HDRS/)
      await rig.turnAfter(HOUR)
      rig.fixture.now = mail.receivedAt + TIMES.expiryMs
      await rig.turn()
      assert.match((await rig.states(mail))[0] ?? '', /^bounced /)
      await rig.turn()
      const heard = rig.next.hop.heard.filter(({ rcpt }) => rcpt[0]?.includes('bob@partner.example'))
      assert.equal(heard.length, 1)
      for (const text of ENCODED) assert.ok(!heard[0]?.content.includes(text))
    }))
})

describe('the reason in a notice', () => {
  for (const [name, script, status] of [
    ['of a failure that we found ourselves', { offers: ['SIZE 1000000', 'CHUNKING'] }, '5.3.4'],
    [
      'of a refusal without an enhanced code',
      { answer: answering('RCPT TO:<BOB', '550 no such user') },
      '5.0.0',
    ],
  ] as const)
    it(`${name} is that failure, not the end of the time`, () =>
      withRig(script, async (rig) => {
        const head = 'From: alice@contoso.com\r\nTo: bob@partner.example\r\n\r\n'
        const content = Buffer.from(head + `${'x'.repeat(70)}\r\n`.repeat(16_000))
        const mail = await rig.receive(content, { direction: 'outbound' })
        await rig.turn()
        assert.match((await rig.states(mail))[0] ?? '', /^bounced /)
        await rig.turn()
        const [notice] = rig.next.hop.heard.filter(({ mail: command }) => command.startsWith('MAIL FROM:<>'))
        assert.match(
          notice?.content.toString() ?? '',
          new RegExp(`Status: ${status.replaceAll('.', '\\.')}\r\n`),
        )
      }))

  for (const [name, script] of [
    ['that we found ourselves', { offers: ['SIZE 20000', 'CHUNKING', 'DSN'] }],
    [
      'that the hop told',
      { final: ({ content }) => (content.length > 20_000 ? '552 5.3.4 Too large\r\n' : '250 2.0.0 OK\r\n') },
    ],
  ] satisfies [string, Partial<HopScript>][])
    it(`the notice of a mail too large for the hop, ${name}, has its header only and fits`, () =>
      withRig(script, async (rig) => {
        const head = 'From: alice@contoso.com\r\nTo: bob@partner.example\r\nSubject: large\r\n\r\n'
        const content = Buffer.from(head + `${'x'.repeat(70)}\r\n`.repeat(400))
        const mail = await rig.receive(content, { direction: 'outbound' })
        await rig.turn()
        assert.match((await rig.states(mail))[0] ?? '', /^bounced /)
        await rig.turn()
        const [notice] = rig.next.hop.heard.filter(({ mail: command }) => command.startsWith('MAIL FROM:<>'))
        const text = notice?.content.toString() ?? ''
        assert.match(text, /Status: 5\.3\.4\r\n/)
        assert.match(text, /Content-Type: text\/rfc822-headers\r\n[^]*Subject: large\r\n/)
        assert.ok(text.length < 20_000 && !text.includes('xxxxxxxx'))
      }))
})

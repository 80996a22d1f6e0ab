// Seals and DKIM signatures on the path, of real parts only, judged by mailauth where the mail arrives: what is changed in between
// does not break a chain, what DNS does not tell is waited for, and what is our own or passes a second time is left alone.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { authenticate, dkimSign } from 'mailauth'
import { lookupOf, ed25519Key, rsaKey, tableOf } from '../../authentication/testing/keys.ts'
import { entryOf, make } from '../../keyring/testing/credentials.ts'
import { VALIDATION_WINDOW } from '../message.ts'
import type { Tenant } from '../tenant.ts'
import { mailRoot, withRig, type JourneyRig, type Received } from './testing/rig.ts'

const gate = rsaKey('contoso.com', 'seal')
const microsoft = rsaKey('microsoft.com', 'arcselector10001')
const own = rsaKey('contoso.com', 'own')
const edwards = ed25519Key('contoso.com', 'own-e')
const TABLE = tableOf(gate, microsoft, own, edwards)

const STAMP =
  'Authentication-Results: spf=pass (sender IP is 192.0.2.1)\r\n smtp.mailfrom=partner.example; dkim=pass (signature was verified)\r\n header.d=partner.example;dmarc=pass action=none\r\n header.from=partner.example;compauth=pass reason=100\r\n'
const HOP =
  'Received: from a.example (192.0.2.1) by DB1.mail.protection.outlook.com (2603:1::1) with\r\n Microsoft SMTP Server id 15.21.1.1; Tue, 24 Nov 2026 09:00:00 +0000\r\n'

function text(from: string, body = 'hello\r\n'): string {
  return `From: ${from}\r\nTo: x@y.example\r\nSubject: s\r\nDate: Tue, 24 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@x>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n${body}`
}

/** A mail with the ARC set that Exchange puts on. */
async function sealedByExchange(mail: string): Promise<string> {
  const { createMailAuthentication } = await import('../../authentication/index.ts')
  const authentication = createMailAuthentication(lookupOf(TABLE))
  const chain = { state: 'none', instance: 0, sets: [], detail: '' } as const
  const seal = { key: microsoft, authservId: 'mx.microsoft.com', arrival: { chain, results: 'dkim=pass' } }
  const { fields } = await authentication.stamp({
    chunks: [Buffer.from(mail)],
    seal,
    sign: [],
    now: Date.now(),
  })
  return fields.toString() + mail
}

function withKeys(rig: JourneyRig, change: Partial<Tenant> = {}): void {
  rig.dns = new Map(Object.entries(TABLE))
  rig.current = { ...rig.tenant, arcSealing: gate, ...change }
}

async function delivered(rig: JourneyRig, mail: string, received: Received = {}): Promise<Buffer> {
  await rig.receive(mail, received)
  await rig.turn()
  return rig.next.hop.heard.at(-1)?.content ?? assert.fail('nothing was delivered')
}

async function judged(mail: Buffer): Promise<string[]> {
  const { arc, dkim } = await authenticate(mail, { resolver: lookupOf(TABLE), disableBimi: true, disableDmarc: true, ip: '192.0.2.1', helo: 'x.example', sender: '' }) // prettier-ignore
  assert.ok(arc !== false)
  return [
    `arc ${arc.status.result} ${String(arc.i)}`,
    ...dkim.results.map(({ signingDomain = '-', status }) => `${signingDomain} ${status.result}`),
  ]
}

const resultsOf = (mail: Buffer): string =>
  /^ARC-Authentication-Results: ((?:.|\r\n[ \t])*)/m.exec(mail.toString())?.[1]?.replaceAll('\r\n', '') ?? ''

describe('the seal', () => {
  it('goes on signed mail and continues the chain, although the body has changed', () =>
    withRig({}, async (rig) => {
      withKeys(rig)
      await rig.keep(entryOf(make('Alice', mailRoot, { emails: ['alice@contoso.com'] }), 'own'))
      const mail = await delivered(rig, await sealedByExchange(text('alice@contoso.com')))
      assert.match(mail.toString(), /multipart\/signed/)
      assert.equal((await judged(mail))[0], 'arc pass 2')
      assert.equal(resultsOf(mail), 'i=2; gw.contoso.com; arc=pass')
    }))

  it('quotes what Exchange stamped, under our name', () =>
    withRig({}, async (rig) => {
      withKeys(rig)
      const mail = await delivered(rig, STAMP + HOP + text('bob@partner.example'), { direction: 'inbound' })
      assert.equal((await judged(mail))[0], 'arc pass 1')
      assert.equal(
        resultsOf(mail),
        'i=1; gw.contoso.com; spf=pass (sender IP is 192.0.2.1) smtp.mailfrom=partner.example; dkim=pass (signature was verified) header.d=partner.example;dmarc=pass action=none header.from=partner.example;compauth=pass reason=100',
      )
    }))

  it('is made over large mail that is never held, and holds after an attempt that failed', () =>
    withRig(
      { answer: (command) => (command === 'MAIL' ? '451 4.3.0 later\r\n' : undefined) },
      async (rig) => {
        withKeys(rig)
        await rig.keep(entryOf(make('Alice', mailRoot, { emails: ['alice@contoso.com'] }), 'own'))
        await rig.keep(entryOf(make('Bob', mailRoot, { emails: ['bob@partner.example'] }), 'partner'))
        rig.next.hop.script.answer = (command) =>
          command.startsWith('MAIL') ? '451 4.3.0 later\r\n' : undefined
        const body = `${'a line of text '.repeat(5)}\r\n`.repeat(30_000)
        const mail = await rig.receive(await sealedByExchange(text('alice@contoso.com', body)))
        await rig.turn()
        assert.match((await rig.states(mail))[0] ?? '', /^queued /)
        rig.mend()
        await rig.turnAfter(600_000)
        const content = rig.next.hop.heard.at(-1)?.content ?? assert.fail()
        assert.match(content.toString('latin1', 0, 8000), /enveloped-data/)
        assert.equal((await judged(content))[0], 'arc pass 2')
      },
    ))

  it('says fail of a chain that was broken before', () =>
    withRig({}, async (rig) => {
      withKeys(rig)
      const broken = (await sealedByExchange(text('alice@contoso.com'))).replace('hello', 'jello')
      const mail = await delivered(rig, broken)
      assert.match(mail.toString(), /^ARC-Seal: i=2;[^]*?cv=fail;/)
      assert.match((await judged(mail))[0] ?? '', /^arc fail/)
    }))

  it('waits for DNS, up to a quarter of an hour, and then the mail goes on without', () =>
    withRig({}, async (rig) => {
      withKeys(rig)
      const chained = await sealedByExchange(text('alice@contoso.com'))
      rig.dns = null
      const [first, second] = [await rig.receive(chained), await rig.receive(chained)]
      await rig.turn()
      assert.deepEqual(await rig.states(first), ['waiting arc-keys-unanswered 0'])
      assert.equal(await rig.dueIn(first), 60_000)
      assert.ok((await rig.trace(first)).includes('seal-waits'))
      assert.equal(rig.next.hop.heard.length, 0)
      rig.dns = new Map(Object.entries(TABLE))
      await rig.turnAfter(60_000)
      assert.equal((await judged(rig.next.hop.heard.at(-1)?.content ?? assert.fail()))[0], 'arc pass 2')
      assert.deepEqual(await rig.states(second), ['delivered - 1'])
      rig.dns = null
      const late = await rig.receive(chained)
      for (let minute = 0; minute < 15; minute++) await rig.turnAfter(60_000)
      assert.deepEqual(await rig.states(late), ['delivered - 1'])
      assert.ok((await rig.trace(late)).includes('not-sealed'))
      const unsealed = rig.next.hop.heard.at(-1)?.content.toString() ?? ''
      assert.doesNotMatch(unsealed, /i=2/)
    }))

  it('is not for mail that passes again, the test mail of a connector, or our own notices', () =>
    withRig({}, async (rig) => {
      withKeys(rig)
      const again = await delivered(rig, text('alice@contoso.com'), { earlierPasses: 1 })
      assert.doesNotMatch(again.toString(), /ARC-/)
      const probe = await delivered(rig, text('O365ConnectorValidation@contoso.com'), {
        factors: [VALIDATION_WINDOW],
      })
      assert.doesNotMatch(probe.toString(), /ARC-/)
      rig.next.hop.script.answer = (command) =>
        command.startsWith('RCPT') ? '550 5.1.1 nobody\r\n' : undefined
      await rig.receive(text('alice@contoso.com'))
      await rig.turn()
      rig.mend()
      await rig.turn()
      const notice = rig.next.hop.heard.at(-1)?.content.toString() ?? ''
      assert.match(notice, /multipart\/report/)
      assert.doesNotMatch(notice, /ARC-/)
    }))

  it('is not asked of anybody without a key', () =>
    withRig({}, async (rig) => {
      rig.dns = null
      const mail = await delivered(rig, await sealedByExchange(text('alice@contoso.com')))
      assert.doesNotMatch(mail.toString(), /i=2/)
    }))
})

describe('the DKIM signature', () => {
  const direct = { route: '[hop.example]:25', arcSealing: null, dkimSigning: [own, edwards] }

  it('goes on mail that leaves past Office 365, after treatment, with each key', () =>
    withRig({}, async (rig) => {
      rig.next.settings.maps.set('tls-policy', '[hop.example]:25 encrypt\n')
      withKeys(rig, direct)
      await rig.keep(entryOf(make('Alice', mailRoot, { emails: ['alice@contoso.com'] }), 'own'))
      const one = { signingDomain: own.domain, selector: own.selector, privateKey: own.pem }
      const mail = text('alice@contoso.com')
      const exchange = (await dkimSign(mail, { ...one, signatureData: [one] })).signatures
      const content = await delivered(rig, exchange + mail)
      assert.match(content.toString(), /multipart\/signed/)
      // The one of Exchange is gone: it would not verify.
      assert.deepEqual(await judged(content), ['arc none 0', 'contoso.com pass', 'contoso.com pass'])
    }))

  it('is not for mail that goes back to Office 365, or that comes in', () =>
    withRig({}, async (rig) => {
      withKeys(rig, { ...direct, route: rig.tenant.route })
      assert.doesNotMatch((await delivered(rig, text('alice@contoso.com'))).toString(), /DKIM-Signature/)
      rig.next.settings.maps.set('tls-policy', '[hop.example]:25 encrypt\n')
      withKeys(rig, direct)
      const inbound = await delivered(rig, text('bob@partner.example'), { direction: 'inbound' })
      assert.doesNotMatch(inbound.toString(), /DKIM-Signature/)
    }))
})

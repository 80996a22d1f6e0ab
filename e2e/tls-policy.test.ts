/**
 * S5: with the seed's line, mistyped or without any line (the floor), a next hop that offers no STARTTLS, a wrong name, an expired,
 * an untrusted or a self-signed certificate gets not a byte of the mail; the mail stays deferred with the reason in its trace, and
 * is delivered once the next hop is mended.
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { issue, selfSigned, type Faults } from '@siegel/exo-sim'
import { fieldOf } from './demo/look.ts'
import { newMessageId, plainMail, traceOf } from './demo/acts.ts'
import { CONTOSO, SEED_LINE } from './stage/objects.ts'
import { openStage, type Stage } from './stage/stage.ts'

const NAMES = {
  commonName: 'mail.protection.outlook.com',
  dnsNames: ['mail.protection.outlook.com', '*.mail.protection.outlook.com'],
}
const DAY = 86_400_000

/** Faults of the next hop, by what is wrong, with the reason that the trace must give. */
const FAULTS: readonly {
  readonly name: string
  readonly faults: (stage: Stage) => Faults
  readonly reason: RegExp
}[] = [
  { name: 'no STARTTLS', faults: () => ({ noStartTls: true }), reason: /starttls/ },
  {
    name: 'a wrong name',
    faults: ({ certificates }) => ({
      credentials: issue(certificates.tls, { commonName: 'mail.evil.example' }),
    }),
    reason: /name/,
  },
  {
    name: 'an expired certificate',
    faults: ({ certificates }) => ({
      credentials: issue(certificates.tls, {
        ...NAMES,
        notBefore: new Date(Date.now() - 20 * DAY),
        notAfter: new Date(Date.now() - DAY),
      }),
    }),
    reason: /expired/,
  },
  {
    name: 'an untrusted certificate',
    faults: ({ certificates }) => ({ credentials: issue(certificates.rogue, NAMES) }),
    reason: /trust|chain|issuer/,
  },
  {
    name: 'a self-signed certificate',
    faults: () => ({ credentials: selfSigned(NAMES) }),
    reason: /self-signed|trust/,
  },
]

const MAPS: readonly { readonly name: string; readonly text: string | null }[] = [
  { name: "the seed's line", text: SEED_LINE },
  {
    name: 'the line mistyped',
    text: '[contoso.mail.protection.outlok.com]:25 verfy match=mail.protection.outlook.com',
  },
  {
    name: 'the level mistyped',
    text: '[contoso.mail.protection.outlook.com]:25 verfy match=mail.protection.outlook.com',
  },
  { name: 'a line that would weaken it', text: '[contoso.mail.protection.outlook.com]:25 may' },
  { name: 'no line at all', text: null },
]

for (const { name, text } of MAPS)
  describe(`TLS towards Office 365 with ${name}`, () => {
    let stage: Stage
    before(async () => {
      stage = await openStage(
        { tlsPolicy: text, settings: { queue: { retryFirst: '500ms', retryLongest: '1s' } } },
        (built) => {
          built.addEmployee('alice@contoso.example')
        },
      )
    })
    after(() => stage.close())

    for (const fault of FAULTS)
      it(`defers on ${fault.name}, sends no byte in clear, and delivers once it is mended`, async () => {
        const messageId = newMessageId()
        const to = 'bob@partner.example'
        const canary = `canary-${messageId.slice(5, 20)}`
        stage.exchange.setFaults(fault.faults(stage))
        // A fault meets new connections only, and the gateway keeps its own.
        stage.exchange.dropConnections()
        const deferred = stage.gateway.waitForLog((line) => line['event'] === 'deferred', 60_000, true)
        stage.exchange.submit({
          tenant: CONTOSO.id,
          from: 'alice@contoso.example',
          to,
          ...plainMail('alice@contoso.example', to, messageId, `${canary}\r\n`),
        })
        await deferred
        const trace = JSON.stringify(traceOf(stage, messageId))
        assert.match(trace, /"deferred"/)
        assert.match(trace, fault.reason)
        const clear = stage.exchange.clearBytes().toString('latin1')
        assert.ok(!clear.includes(canary) && !/^(MAIL|RCPT)/im.test(clear), 'something went out in clear')

        stage.exchange.setFaults({})
        const mail = await stage.world.waitFor(({ raw }) => fieldOf(raw, 'message-id') === messageId, 60_000)
        assert.ok(mail.raw.includes(canary))
      })
  })

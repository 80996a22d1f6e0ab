/**
 * Delivery to the world (`outboundDelivery: direct`) on the real command: signed and encrypted mail goes to the mail exchangers that
 * DNS names, under a DKIM signature of ours and without the fields that are for Exchange's servers; a host without STARTTLS waits
 * where the map demands TLS; a domain that takes no mail is told to the sender, whose notice comes back over the tenant's route.
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { authenticate } from 'mailauth'
import { startWorld, type World } from '@siegel/exo-sim'
import { rsaKey } from '../gateway/src/authentication/testing/keys.ts'
import { startNameServer, type NameServerRig, type Said } from '../gateway/src/dns/testing/name-server.ts'
import { newMessageId, traceOf } from './demo/acts.ts'
import { fieldOf } from './demo/look.ts'
import { findJudge } from './stage/judge.ts'
import { CONTOSO } from './stage/objects.ts'
import { freePort } from './stage/ports.ts'
import { openStage, type Person, type Stage } from './stage/stage.ts'

const ALICE = 'alice@contoso.example'
const ANNA = 'anna@sealed.example'
const EXCHANGER = 'mx.sealed.example'
const dkim = rsaKey(CONTOSO.domain, 'siegel1')

/** Families of fields that are for Exchange's own servers. */
const INTERNAL = /^(X-MS-Exchange-(Organization|CrossPremises)-|X-OrganizationHeadersPreserved)/im

for (const preset of ['as-documented', 'recommended'] as const)
  describe(`delivery to the world, ${preset}`, () => {
    let names: NameServerRig
    /** The mail exchanger of every domain outside; what Exchange Online itself sends goes elsewhere. */
    let exchanger: World
    let stage: Stage
    let anna: Person
    const closers: (() => Promise<void>)[] = []
    const zone = new Map<string, Said>()
    const mx = (domain: string, ...records: readonly (readonly [number, string])[]): void => {
      const answers: Said['answers'] = records.map(([preference, exchange]) => {
        return { type: 'MX', name: domain, ttl: 60, data: { preference, exchange } }
      })
      zone.set(`${domain} MX`, { answers })
    }

    before(async () => {
      names = await startNameServer(zone)
      closers.push(() => names.close())
      const port = await freePort()
      // The exchanger's certificate is that of the stage's world, so it is opened after the stage.
      stage = await openStage(
        {
          preset,
          tenantSpec: {
            outboundDelivery: 'direct',
            dkimSigning: [{ domain: dkim.domain, selector: dkim.selector, key: dkim.pem }],
          },
          tlsPolicy: 'clear.example encrypt\n',
          hosts: { [EXCHANGER]: `127.0.0.1:${port}` },
          settings: {
            dns: { servers: [names.server] },
            queue: { retryFirst: '500ms', retryLongest: '1s' },
          },
        },
        (built) => {
          built.addEmployee(ALICE)
          anna = built.addPartner(ANNA)
          // A domain that is its own host has port 25; the map leads to the one of this run, and its MX is still asked.
          built.addObject({
            ...{ kind: 'Map', name: 'transport' },
            spec: { text: `own-host.example smtp:own-host.example:${port}\n` },
          })
        },
      )
      closers.push(() => stage.close())
      exchanger = await startWorld({ server: stage.certificates.world, port, acceptBareLf: true })
      closers.push(() => exchanger.close())
      for (const domain of ['sealed.example', 'plain.example', 'clear.example']) mx(domain, [10, EXCHANGER])
      mx('no-mail.example', [0, '.'])
      mx('own-host.example')
      zone.set('own-host.example A', {
        answers: [{ type: 'A', name: 'own-host.example', ttl: 60, data: '127.0.0.1' }],
      })
      zone.set('own-host.example AAAA', { answers: [] })
    })
    after(async () => {
      for (const close of closers) await close()
    })

    function send(to: string, text: string): string {
      const messageId = newMessageId()
      const raw = `From: ${ALICE}\r\nTo: ${to}\r\nSubject: figures\r\nMessage-ID: ${messageId}\r\nX-MS-Exchange-Organization-SCL: -1\r\nX-Kept: yes\r\n\r\n${text}\r\n`
      stage.exchange.submit({ tenant: CONTOSO.id, from: ALICE, to, raw: Buffer.from(raw) })
      return messageId
    }
    const arrival = (messageId: string) =>
      exchanger.waitFor(({ raw }) => fieldOf(raw, 'message-id') === messageId, 30_000)
    /** The result of each DKIM signature that the world finds, by its domain. */
    async function signatures(raw: Buffer): Promise<string[]> {
      const resolver = (name: string): Promise<string[][]> =>
        name === dkim.at
          ? Promise.resolve([[dkim.record]])
          : Promise.reject(Object.assign(new Error(name), { code: 'ENOTFOUND' }))
      const found = await authenticate(raw, { resolver, disableBimi: true, ip: '127.0.0.1', helo: 'x.example', sender: '', strict: true }) // prettier-ignore
      return found.dkim.results.map((one) => `${one.signingDomain} ${one.status.result}`)
    }
    /** What holds of every mail that left: over TLS, without a certificate of ours, past Exchange Online, bare of internal fields. */
    function judgeLeaving(mail: Awaited<ReturnType<typeof arrival>>, messageId: string): void {
      const head = mail.raw.toString('latin1', 0, mail.raw.indexOf('\r\n\r\n'))
      assert.doesNotMatch(head, INTERNAL)
      assert.doesNotMatch(head, /^X-Contoso-(Processed|Route):/im)
      assert.match(head, /^X-Kept: yes/m)
      assert.ok(mail.tls, 'it came in clear')
      assert.equal(mail.ehlo, CONTOSO.fqdn)
      assert.equal(stage.exchange.passes(messageId), 1, 'it went through Exchange Online again')
    }

    it('encrypted mail goes to the exchanger, signed with DKIM, bare of what is for Exchange', async () => {
      const messageId = send(ANNA, 'the price is 4711')
      const mail = await arrival(messageId)
      judgeLeaving(mail, messageId)
      assert.deepEqual(mail.recipients, [ANNA])
      assert.ok(!mail.raw.includes('4711'))
      const judge = findJudge()
      const opened = judge.decrypt(mail.raw, anna.certificate.certificate, anna.certificate.key)
      assert.ok(opened.good, opened.words)
      const signed = judge.verify(opened.content, stage.certificates.mail.root)
      assert.ok(signed.good, signed.words)
      assert.match(signed.content.toString('latin1'), /the price is 4711/)
      assert.deepEqual(await signatures(mail.raw), [`${CONTOSO.domain} pass`])
    })

    it('mail that is only signed likewise', async () => {
      const messageId = send('bob@plain.example', 'see you')
      const mail = await arrival(messageId)
      judgeLeaving(mail, messageId)
      const signed = findJudge().verify(mail.raw, stage.certificates.mail.root)
      assert.ok(signed.good, signed.words)
      assert.deepEqual(await signatures(mail.raw), [`${CONTOSO.domain} pass`])
    })

    it('a domain without MX records is its own host', async () => {
      names.asked.length = 0
      const mail = await arrival(send('carl@own-host.example', 'x'))
      assert.deepEqual(mail.recipients, ['carl@own-host.example'])
      assert.ok(names.asked.includes('UDP own-host.example MX'))
    })

    it('under encrypt a host without STARTTLS waits, hears nothing, and gets the mail once it is mended', async () => {
      exchanger.setFaults({ noStartTls: true })
      exchanger.dropConnections()
      const deferred = stage.gateway.waitForLog(({ event }) => event === 'deferred', 30_000, true)
      const messageId = send('dora@clear.example', 'canary-5150')
      await deferred
      assert.match(JSON.stringify(traceOf(stage, messageId)), /starttls/)
      assert.doesNotMatch(exchanger.clearBytes().toString('latin1'), /canary-5150|^(MAIL|RCPT)/im)
      exchanger.setFaults({})
      judgeLeaving(await arrival(messageId), messageId)
    })

    // RFC 7505 4.2
    it('a domain that takes no mail: a report comes back over the own route, with a null sender, into the mailbox', async () => {
      const messageId = send('erna@no-mail.example', 'x')
      const { message } = await stage.exchange.waitForMail(
        ALICE,
        (mail) => mail.message.raw.includes(messageId) && mail.message.raw.includes('delivery-status'),
        30_000,
      )
      const report = message.raw.toString('latin1')
      assert.match(report, /^Content-Type: multipart\/report;/im)
      assert.match(report, /^Final-Recipient: rfc822; ?erna@no-mail\.example\r$/im)
      assert.match(report, /^Action: failed\r$/im)
      assert.match(report, /^Status: 5\.1\.10\r$/im)
      const came = stage.exchange.connections().some(({ tls }) => tls?.names.includes(CONTOSO.fqdn))
      assert.ok(came, 'not over the connector of the tenant')
      assert.equal(exchanger.received().filter(({ raw }) => raw.includes('delivery-status')).length, 0)
    })
  })

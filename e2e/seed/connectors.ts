/**
 * S1, S3 and S4: the two connectors and the connector validation, followed as the seed says them. Judged by the simulator's record of the
 * TLS sessions and by Node's own TLS.
 */
import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { fieldOf } from '../demo/look.ts'
import { CONNECTORS } from '../stage/assistant.ts'
import { CONTOSO } from '../stage/objects.ts'
import { callGateway } from '../stage/stranger.ts'
import { newId, writeOut, type Scenario, type Setting } from './setting.ts'

/** How a mail came back to Exchange Online: the session as it saw it. */
function expectSession(
  setting: Setting,
  session: Awaited<ReturnType<Setting['wire']['pass']>>['back']['session'],
): void {
  // prettier-ignore
  assert.ok(session?.tls !== undefined, 'it came in clear')
  assert.equal(session.ehlo, CONTOSO.fqdn)
  assert.equal(session.tls.certificate?.subjectAltName, `DNS:${CONTOSO.fqdn}`)
  // Only with the intermediate that the gateway sends along does the chain lead to the root.
  assert.deepEqual(session.tls.verdict, { trusted: true })
  const issuer = session.tls.certificate.checkIssued(
    new X509Certificate(setting.stage.certificates.tls.certificate),
  )
  assert.equal(issuer, false, 'the chain has no intermediate, so it proves nothing')
  assert.match(session.tls.version, /^TLSv1\.[23]$/)
}

const inboundConnector: Scenario = {
  name: 'S1 Eingehender Connector / inbound connector: the gateway is recognised by the subject name of its certificate',
  async play(setting) {
    const { stage, wire, judge } = setting
    const [connector] = stage.exchange.tenant(CONTOSO.id).inboundConnectors ?? []
    assert.ok(connector !== undefined)
    assert.deepEqual(
      [
        connector.name,
        connector.connectorType,
        connector.tlsSenderCertificateName,
        connector.enabled ?? true,
      ],
      [CONNECTORS.inbound, 'OnPremises', CONTOSO.fqdn, true],
    )
    const messageId = writeOut(setting, 'alice@contoso.example', 'bob@nocert.example', 'Hello\r\n')
    const { back } = await wire.pass(messageId)
    expectSession(setting, back.session)
    const accepted = stage.exchange
      .events()
      .filter((event) => event.type === 'accepted')
      .find((event) => event.messageId === messageId)
    assert.deepEqual([accepted?.directionality, accepted?.connector], ['Originating', CONNECTORS.inbound])
    const { raw } = await stage.world.waitFor((mail) => fieldOf(mail.raw, 'message-id') === messageId, 20_000)
    const verified = judge.verify(raw, stage.certificates.mail.root)
    assert.ok(verified.good, verified.words)

    // The null sender has no domain: the certificate alone makes it the tenant's.
    const receipt = newId()
    stage.exchange.submit({
      tenant: CONTOSO.id,
      from: '',
      to: 'asker@nocert.example',
      headers: [
        ['From', 'alice@contoso.example'],
        ['Message-ID', receipt],
        ['Content-Type', 'multipart/report; report-type=disposition-notification; boundary=r'],
      ],
      body: '--r\r\nContent-Type: text/plain\r\n\r\nread\r\n--r--\r\n',
    })
    const pass = await wire.pass(receipt)
    expectSession(setting, pass.back.session)
    assert.equal(pass.back.sender, '')
    await stage.world.waitFor((mail) => fieldOf(mail.raw, 'message-id') === receipt, 20_000)
    const clear = stage.exchange.clearBytes().toString('latin1')
    // The world beside it speaks in clear text too, but only up to STARTTLS.
    assert.ok(!/^(?:MAIL|RCPT|DATA|BDAT)/im.test(clear), 'something went out in clear')
  },
}

const outboundConnector: Scenario = {
  name: 'S3 Ausgehender Connector / outbound connector: smart host FQDN, used by the rule only, TLS always, certificate of a CA for its name',
  async play(setting) {
    const { stage, wire } = setting
    const [connector] = stage.exchange.tenant(CONTOSO.id).outboundConnectors ?? []
    assert.ok(connector !== undefined)
    assert.deepEqual(
      [connector.name, connector.smartHost, connector.isTransportRuleScoped, connector.useMXRecord ?? false],
      [CONNECTORS.outbound, CONTOSO.fqdn, true, false],
    )
    assert.deepEqual([connector.tlsSettings, connector.tlsDomain], ['DomainValidation', CONTOSO.fqdn])

    // Only the rule sends through it: mail among insiders does not go there.
    const internal = writeOut(setting, 'alice@contoso.example', 'anna@contoso.example', 'Lunch?\r\n')
    await stage.exchange.waitForMail('anna@contoso.example', ({ message }) => message.value('Message-ID') === internal) // prettier-ignore
    assert.deepEqual(wire.of(internal), [])

    const { port } = stage.gateway.config
    const { exchangeClient, tls: authority } = stage.certificates
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      const call = { port, client: exchangeClient, version, serverName: CONTOSO.fqdn, root: authority.root }
      const { tls, replies } = await callGateway(call)
      // Node has checked chain and name: the root is all it was given.
      assert.ok(tls !== null, `${version}: not trusted; ${replies.join(' ')}`)
      assert.equal(tls.version, version)
      const { subjectAltName, publicKey } = tls.leaf ?? {}
      assert.equal(subjectAltName, `DNS:${CONTOSO.fqdn}`)
      assert.deepEqual([publicKey?.asymmetricKeyType, publicKey?.asymmetricKeyDetails?.modulusLength], ['rsa', 2048]) // prettier-ignore
    }
    const letter = {
      sender: 'alice@contoso.example',
      recipients: ['bob@nocert.example'],
      raw: Buffer.from('x'),
    }
    const clear = await callGateway({ port, client: null, secure: false }, letter)
    assert.match(clear.last, /^530 5\.7\.0 /)
    assert.match(clear.replies[1] ?? '', /^250[- ]STARTTLS/m)
  },
}

const PROBE = 'probe@elsewhere.example'

const validation: Scenario = {
  name: 'S4 Connector-Validierung / connector validation: let in through an open window only, relayed, and shown as validated',
  async play(setting) {
    const { stage, assistant, script } = setting
    const validate = () => assistant.attempt(script, { Validate: true, ValidationRecipient: PROBE })
    const arrived = () => stage.world.receivedFor(PROBE)
    const refused = () =>
      stage.gateway.waitForLog(
        ({ event, reason }) => event === 'mail-refused' && reason === 'tenant-unknown',
        20_000,
        true,
      )
    const status = (language: 'de' | 'en') => assistant.call('window', 'status', '--language', language)

    let heard = refused()
    assert.equal((await validate()).exitCode, 3)
    assert.match(String((await heard)['reply']), /^550 5\.7\.1 Not authorized/)
    assert.deepEqual(await status('en'), { status: 1, out: 'contoso: closed\ncontoso: not validated yet\n', err: '' }) // prettier-ignore

    // Opened an hour and a minute ago: it is over.
    await stage.changeTenant({
      validation: { openedAt: new Date(Date.now() - 61 * 60_000).toISOString(), recipients: [PROBE] },
    })
    heard = refused()
    assert.equal((await validate()).exitCode, 3)
    await heard

    // Open for another address.
    const adopted = () => stage.gateway.waitForLog(({ event }) => event === 'settings', 10_000, true)
    let settings = adopted()
    assert.equal((await assistant.call('window', 'open', '--to', 'other@elsewhere.example')).status, 0)
    await settings
    heard = refused()
    assert.equal((await validate()).exitCode, 3)
    await heard
    assert.equal(arrived().length, 0)

    const opened = Date.now()
    settings = adopted()
    assert.equal((await assistant.call('window', 'open', '--to', PROBE)).status, 0)
    await settings
    const result = await validate()
    assert.deepEqual([result.exitCode, result.errors], [0, []])
    assert.match(result.output, /marked as validated/)
    const { isValidated } = stage.exchange.tenant(CONTOSO.id).outboundConnectors?.[0] ?? {}
    assert.equal(isValidated, true)
    const { raw } = await stage.world.waitFor(({ recipients }) => recipients.includes(PROBE), 20_000)
    assert.match(fieldOf(raw, 'from') ?? '', /O365ConnectorValidation@/)
    assert.match(fieldOf(raw, 'content-type') ?? '', /^text\/plain/)

    const open = await status('en')
    const [, until = '', at = ''] =
      /^contoso: open until (\S+) to probe@elsewhere\.example\ncontoso: validated at (\S+), to probe@elsewhere\.example \(trace [0-9A-Z]{26}\)\n$/.exec(
        open.out,
      ) ?? []
    assert.equal(open.status, 0, open.out)
    assert.ok(Math.abs(Date.parse(until) - opened - 3_600_000) < 10_000, until)
    assert.ok(Date.parse(at) >= opened && Date.parse(at) <= Date.now(), at)
    settings = adopted()
    assert.equal((await assistant.call('window', 'close')).status, 0)
    await settings
    // Closed, the window is; that it was validated stays known.
    assert.match(
      (await status('de')).out,
      new RegExp(`^contoso: geschlossen\ncontoso: validiert am ${at}, an `),
    )
  },
}

/** The rows of the connectors, in the seed's order. */
export const CONNECTOR_ROWS = { inboundConnector, outboundConnector, validation }

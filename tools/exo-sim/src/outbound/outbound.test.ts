// The outbound leg towards a next hop with faults: TLS by TlsSettings, extensions, kept connections, the queue's texts.
import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import test from 'node:test'
import { issue, makeAuthority, selfSigned } from '../certificates.ts'
import type { ExchangeConfig, TlsSettings } from '../config.ts'
import type { Exchange } from '../index.ts'
import type { Faults } from '../smtp/faults.ts'
import { CONTOSO, contoso, root, startScene } from '../testing/scene.ts'
import type { Scene } from '../testing/scene.ts'

const other = makeAuthority({ commonName: 'Other Root' })
const middle = makeAuthority({ commonName: 'Middle', issuer: root })
const name = { commonName: 'gw.contoso.com' }
const leafOnly = issue(middle, name)
const past = { notBefore: new Date(Date.now() - 9e8), notAfter: new Date(Date.now() - 1e8) }

/** All mail to outside goes to the gateway; retries are slow, so that what is deferred stays so. */
function setting(tlsSettings?: TlsSettings, change: Partial<ExchangeConfig> = {}): Promise<Scene> {
  const config = contoso({
    rules: [{ name: 'all', sentToScope: 'NotInOrganization', routeMessageOutboundConnector: 'To gateway' }],
  })
  const outboundConnectors = (config.outboundConnectors ?? []).map((one) => {
    delete one.tlsSettings
    return tlsSettings === undefined ? one : { ...one, tlsSettings }
  })
  return startScene({ tenants: [{ ...config, outboundConnectors }], retryDelay: 60_000, ...change })
}

function send(
  exchange: Exchange,
  body: string | Buffer = 'secret body\r\n',
  to: string | readonly string[] = 'bob@partner.example',
): string {
  return exchange.submit({
    tenant: CONTOSO,
    from: 'ann@contoso.com',
    to,
    headers: { From: 'ann@contoso.com', Subject: 's' },
    body,
  })
}

async function errorWith(scene: Scene, faults: Faults): Promise<string | undefined> {
  scene.gateway.setFaults(faults)
  send(scene.exchange)
  await scene.exchange.idle()
  const clear = scene.gateway.clearBytes().toString('latin1')
  assert.ok(!/MAIL|secret/.test(clear), clear)
  return scene.exchange.queue()[0]?.lastError
}

const where = String.raw`\[LastAttemptedServerName=gw\.contoso\.com\] \[LastAttemptedIP=127\.0\.0\.1:\d+\] \[SmtpSecurity=-1;-1\]`

test('TLS faults under DomainValidation defer with their texts, nothing leaves in clear, and it recovers', async () => {
  const wrong = issue(root, { commonName: 'wrong.contoso.com' })
  const thumbprint = wrong.x509.fingerprint.replaceAll(':', '')
  const cases: [Faults, string][] = [
    [
      { noStartTls: true },
      String.raw`450 4\.4\.317 Cannot connect to remote server \[Message=451 5\.7\.3 STARTTLS is required to send mail\]`,
    ],
    [
      { overrides: [{ at: 'STARTTLS', reply: '454 4.7.0 No' }] },
      String.raw`450 4\.4\.317 Cannot connect to remote server \[Message=451 5\.7\.3 STARTTLS is required to send mail\]`,
    ],
    [
      { credentials: wrong },
      String.raw`450 4\.4\.317 Cannot connect to remote server \[Message=SubjectMismatch Expected Subject: gw\.contoso\.com\. Presented Subject: CN=wrong\.contoso\.com\. Thumbprint: ${thumbprint}\.\]`,
    ],
    [
      { credentials: issue(root, { ...name, ...past }) },
      String.raw`450 4\.4\.317 Cannot connect to remote server \[Message=CertificateExpired\]`,
    ],
    [
      { credentials: issue(other, name) },
      String.raw`450 4\.4\.317 Cannot connect to remote server \[Message=UntrustedRoot\]`,
    ],
    [
      { credentials: selfSigned(name) },
      String.raw`450 4\.4\.317 Cannot connect to remote server \[Message=UntrustedRoot\]`,
    ],
    [
      { credentials: { cert: leafOnly.certificate, key: leafOnly.key } },
      String.raw`450 4\.4\.317 Cannot connect to remote server \[Message=UntrustedRoot\]`,
    ],
    [{ breakHandshake: true }, String.raw`421 4\.4\.2 Connection dropped due to SocketError`],
    [
      { overrides: [{ at: 'CONNECT', reply: '554 No', close: true }] },
      String.raw`450 4\.4\.317 Cannot establish session with remote server \[Message=554 No\]`,
    ],
  ]
  await using scene = await setting('DomainValidation')
  for (const [faults, expected] of cases) {
    assert.match((await errorWith(scene, faults)) ?? '', new RegExp(`^${expected} ${where}$`))
    assert.equal(scene.gateway.received().length, 0)
    scene.gateway.setFaults({})
    scene.exchange.retryNow()
    await scene.exchange.idle({ empty: true })
    assert.equal(scene.gateway.received().length, 1, expected)
    scene.gateway.clear()
    // A connection kept from the healthy phase would hide the next fault.
    scene.gateway.dropConnections()
  }
})

test('EncryptionOnly takes any certificate, CertificateValidation any name, and both demand TLS', async () => {
  await using lax = await setting('EncryptionOnly')
  assert.equal(await errorWith(lax, { credentials: selfSigned({ commonName: 'x', ...past }) }), undefined)
  assert.equal(lax.gateway.received().length, 1)
  await using chain = await setting('CertificateValidation')
  assert.equal(await errorWith(chain, { credentials: issue(root, { commonName: 'x.example' }) }), undefined)
  await using chainBad = await setting('CertificateValidation')
  assert.match((await errorWith(chainBad, { credentials: issue(other, name) })) ?? '', /UntrustedRoot/)
  await using laxClear = await setting('EncryptionOnly')
  assert.match((await errorWith(laxClear, { noStartTls: true })) ?? '', /STARTTLS is required/)
})

test('a wildcard TlsDomain and a wildcard certificate satisfy DomainValidation', async () => {
  await using scene = await setting('DomainValidation')
  const config = scene.exchange.tenant(CONTOSO)
  assert.equal(
    await errorWith(scene, { credentials: issue(root, { commonName: '*.contoso.com' }) }),
    undefined,
  )
  const outboundConnectors = (config.outboundConnectors ?? []).map((one) => ({
    ...one,
    tlsDomain: '*.contoso.com',
  }))
  scene.exchange.setTenant({ ...config, outboundConnectors })
  assert.equal(
    await errorWith(scene, { credentials: issue(root, { commonName: 'mx7.contoso.com' }) }),
    undefined,
  )
  assert.equal(scene.gateway.received().length, 2)
})

test('without TlsSettings TLS is opportunistic', async () => {
  await using scene = await setting()
  scene.gateway.setFaults({ noStartTls: true })
  send(scene.exchange)
  assert.equal((await scene.gateway.waitFor(() => true)).tls, undefined)
})

test('nobody listening, and a peer that says nothing, are told apart', async () => {
  const silent = createServer(() => undefined)
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  const { port } = silent.address() as AddressInfo // a TCP listener
  await using scene = await setting('DomainValidation', { outbound: { timeout: 100 } })
  scene.exchange.setHost('gw.contoso.com', { host: '127.0.0.1', port })
  send(scene.exchange)
  await scene.exchange.idle()
  assert.match(scene.exchange.queue()[0]?.lastError ?? '', /^450 4\.4\.316 Connection timed out/)
  silent.close()
  await using second = await setting('DomainValidation')
  second.exchange.setHost('gw.contoso.com', { host: '127.0.0.1', port })
  send(second.exchange)
  await second.exchange.idle()
  assert.match(
    second.exchange.queue()[0]?.lastError ?? '',
    /^450 4\.4\.316 Connection refused \[Message=Socket error code 10061\]/,
  )
})

test('a bare LF travels by BDAT, unchanged; without CHUNKING the mail fails with 5.6.11', async () => {
  await using scene = await setting('DomainValidation')
  send(scene.exchange, 'a\nb\rc\r\n.\r\n')
  const mail = await scene.gateway.waitFor(() => true)
  assert.equal(mail.message.body.toString(), 'a\nb\rc\r\n.\r\n')
  assert.ok(mail.via === 'BDAT' && mail.bareLineEnding)
  await using plain = await setting('DomainValidation')
  plain.gateway.setFaults({ noChunking: true })
  send(plain.exchange, 'a\nb')
  const failed = await plain.exchange.waitFor((event) => event.type === 'failed')
  assert.ok(failed.type === 'failed')
  assert.equal(
    failed.reason,
    '550 5.6.11 SMTPSEND.BareLinefeedsAreIllegal; message contains bare linefeeds, which cannot be sent via DATA',
  )
  send(plain.exchange, '.a\r\n..b\r\n.\r\nend')
  const data = await plain.gateway.waitFor(() => true)
  assert.equal(data.via, 'DATA')
  assert.equal(data.message.body.toString(), '.a\r\n..b\r\n.\r\nend\r\n')
})

test('chunks of a configured size arrive as one message', async () => {
  await using scene = await setting('DomainValidation', { outbound: { chunkSize: 1000 } })
  const body = Buffer.from('0123456789'.repeat(500))
  send(scene.exchange, body)
  const mail = await scene.gateway.waitFor(() => true)
  assert.ok(mail.chunks > 5)
  assert.deepEqual(mail.message.body, body)
})

test('what the next hop does not offer is not used: SIZE, 8BITMIME, SMTPUTF8, DSN, PIPELINING', async () => {
  await using scene = await setting('DomainValidation')
  const { exchange, gateway } = scene
  const reasons = async (): Promise<string[]> => {
    await exchange.idle()
    return exchange.events().flatMap((event) => (event.type === 'failed' ? [event.reason] : []))
  }
  gateway.setFaults({ size: 100, no8BitMime: true, noSmtpUtf8: true, noDsn: true, noPipelining: true })
  send(exchange)
  assert.match((await reasons())[0] ?? '', /^552 5\.3\.4 /)
  gateway.dropConnections()
  // The end of the kept connection takes a moment to be seen at the other side.
  await new Promise((resolve) => setTimeout(resolve, 50))
  gateway.setFaults({ no8BitMime: true, noSmtpUtf8: true, noDsn: true, noPipelining: true })
  send(exchange, 'ä')
  assert.match((await reasons())[1] ?? '', /^550 5\.6\.3 /)
  send(exchange, 'a', 'bärbel@partner.example')
  assert.match((await reasons())[2] ?? '', /^550 5\.6\.7 /)
  exchange.submit({
    tenant: CONTOSO,
    from: 'ann@contoso.com',
    to: [{ address: 'bob@partner.example', notify: 'FAILURE', orcpt: 'rfc822;bob@partner.example' }],
    envelope: { ret: 'HDRS', envid: 'x1' },
    headers: { From: 'ann@contoso.com' },
    body: 'a',
  })
  const mail = await gateway.waitFor(() => true)
  assert.deepEqual(mail.envelope, {
    sender: 'ann@contoso.com',
    recipients: [{ address: 'bob@partner.example' }],
    size: mail.raw.length,
  })
})

test('envelope parameters travel where they are offered', async () => {
  await using scene = await setting('DomainValidation')
  const { exchange, gateway } = scene
  exchange.submit({
    tenant: CONTOSO,
    from: '',
    to: [{ address: 'bärbel@partner.example', notify: 'SUCCESS,DELAY', orcpt: 'utf-8;b+C3+A4r@x' }],
    envelope: { ret: 'HDRS', envid: 'x1' },
    headers: { From: 'ann@contoso.com', Subject: 'Grüße' },
    body: 'ö',
  })
  const mail = await gateway.waitFor(() => true)
  assert.deepEqual(mail.envelope, {
    sender: '',
    recipients: [{ address: 'bärbel@partner.example', notify: 'SUCCESS,DELAY', orcpt: 'utf-8;b+C3+A4r@x' }],
    body: '8BITMIME',
    smtpUtf8: true,
    size: mail.raw.length,
    ret: 'HDRS',
    envid: 'x1',
  })
})

test('connections are kept and shared, up to the limits', async () => {
  await using scene = await setting('DomainValidation', {
    outbound: { connections: 2, messagesPerConnection: 5 },
  })
  for (let i = 0; i < 20; i++) send(scene.exchange)
  await scene.exchange.idle({ empty: true })
  const sessions = Map.groupBy(scene.gateway.received(), ({ session }) => session)
  assert.ok(sessions.size >= 4 && [...sessions.values()].every((mails) => mails.length <= 5))
  await using single = await setting('DomainValidation', { outbound: { connections: 3, reuse: false } })
  for (let i = 0; i < 6; i++) send(single.exchange)
  await single.exchange.idle({ empty: true })
  assert.equal(new Set(single.gateway.received().map(({ session }) => session)).size, 6)
})

test('a kept connection that the peer has closed costs nothing; one that breaks in the data defers', async () => {
  await using scene = await setting('DomainValidation', { outbound: { connections: 1 } })
  const { exchange, gateway } = scene
  gateway.setFaults({ overrides: [{ at: 'MAIL', close: true, times: 1 }] })
  send(exchange)
  await exchange.idle()
  // A fresh connection that is closed at MAIL is a failure like any other.
  assert.match(exchange.queue()[0]?.lastError ?? '', /^421 4\.4\.2 Connection dropped/)
  exchange.retryNow()
  await exchange.idle({ empty: true })
  gateway.setFaults({ overrides: [{ at: 'MAIL', close: true, times: 1 }] })
  send(exchange)
  await exchange.idle({ empty: true })
  assert.equal(gateway.received().length, 2)
  gateway.setFaults({ closeAfterDataBytes: 10_000 })
  send(exchange, 'x'.repeat(300_000))
  await exchange.idle()
  assert.match(exchange.queue()[0]?.lastError ?? '', /^421 4\.4\.2 Connection dropped/)
  gateway.setFaults({})
  exchange.retryNow()
  await exchange.idle({ empty: true })
  assert.equal(gateway.received().length, 3)
})

test('421 within a pipelined envelope defers all recipients with that reply', async () => {
  await using scene = await setting('DomainValidation')
  scene.gateway.setFaults({ overrides: [{ at: 'MAIL', reply: '421 4.3.2 Go away', close: true }] })
  send(scene.exchange, 'x', ['a@p.example', 'b@p.example'])
  await scene.exchange.idle()
  const [entry] = scene.exchange.queue()
  assert.match(entry?.lastError ?? '', /^421 4\.3\.2 Go away /)
  assert.deepEqual(entry?.recipients, ['a@p.example', 'b@p.example'])
})

test('25 MB and a thousand small mails go through quickly', async () => {
  await using scene = await setting('DomainValidation')
  const line = 'a'.repeat(76) + '\r\n'
  const large = Buffer.from(line.repeat(Math.ceil(25e6 / line.length)))
  const before = Date.now()
  send(scene.exchange, large)
  for (let i = 0; i < 1000; i++) send(scene.exchange)
  await scene.exchange.idle({ empty: true, timeout: 20_000 })
  assert.equal(scene.gateway.received().length, 1001)
  assert.ok(scene.gateway.received().some(({ message }) => message.body.equals(large)))
  assert.ok(Date.now() - before < 15_000)
})

// The whole simulator over real sockets: rules, routing, bifurcation, loops, header promotion, retries.
import assert from 'node:assert/strict'
import test from 'node:test'
import { asDocumentedRules, recommendedRules } from './rules/presets.ts'
import type { WireMessage } from './index.ts'
import {
  CONTOSO,
  contoso,
  fabrikam,
  returnToExchange,
  startScene,
  worldCredentials,
} from './testing/scene.ts'
import { startWorld } from './world.ts'

const documented = asDocumentedRules({ gatewayFqdn: 'gw.contoso.com', connector: 'To gateway' })
const headers = { From: 'Ann <ann@contoso.com>', To: 'bob@partner.example', Subject: 'hello' }

test('an outbound mail goes to the gateway once and then to the world', async () => {
  await using scene = await startScene({ tenants: [contoso({ rules: documented }), fabrikam()] })
  const { exchange, gateway, world } = scene
  const id = exchange.submit({
    tenant: CONTOSO,
    from: 'ann@contoso.com',
    to: 'bob@partner.example',
    headers,
    body: 'x\r\n',
  })
  const atGateway = await gateway.waitFor(() => true)
  assert.equal(atGateway.ehlo, 'DEU01-FR2-obe.outbound.protection.outlook.com')
  assert.equal(atGateway.via, 'BDAT')
  assert.deepEqual(atGateway.tls?.names, ['mail.protection.outlook.com'])
  assert.equal(atGateway.tls.verdict?.trusted, true)
  assert.equal(atGateway.tls.servername, 'gw.contoso.com')
  assert.match(
    await returnToExchange(scene, 1),
    /^250 2\.6\.0 <.*> \[InternalId=\d+, Hostname=.*\] .* Queued mail for delivery$/,
  )
  const out = await world.waitFor(() => true)
  assert.equal(out.message.body.toString(), 'x\r\n')
  assert.deepEqual(out.recipients, ['bob@partner.example'])
  assert.equal(exchange.passes(id), 2)
  await exchange.idle({ empty: true })
  assert.equal(gateway.received().length, 1)
})

test('the gateway sees cross-premises and cross-tenant headers; the world sees no organization header', async () => {
  await using scene = await startScene({ tenants: [contoso({ rules: documented }), fabrikam()] })
  scene.exchange.submit({
    tenant: CONTOSO,
    from: 'ann@contoso.com',
    to: 'bob@partner.example',
    headers,
    body: '',
  })
  const { message } = await scene.gateway.waitFor(() => true)
  assert.equal(message.value('X-MS-Exchange-CrossPremises-AuthAs'), 'Internal')
  assert.equal(message.value('X-MS-Exchange-CrossPremises-AuthMechanism'), '04')
  assert.equal(message.value('X-MS-Exchange-CrossPremises-MessageSource'), 'StoreDriver')
  assert.deepEqual(message.values('X-MS-Exchange-CrossTenant-Id'), [CONTOSO])
  assert.equal(message.value('X-OriginatorOrg'), 'contoso.com')
  assert.ok(message.value('X-OrganizationHeadersPreserved'))
  assert.ok(!message.fields.some((field) => field.key.startsWith('x-ms-exchange-organization-')))
  const networkId = message.value('X-MS-Exchange-CrossTenant-Network-Message-Id')
  await returnToExchange(scene, 1)
  const out = await scene.world.waitFor(() => true)
  assert.ok(
    !out.message.fields.some((field) => /^x-ms-exchange-(organization|crosspremises)-/.test(field.key)),
  )
  assert.deepEqual(out.message.values('X-MS-Exchange-CrossTenant-Id'), [CONTOSO])
  assert.deepEqual(out.message.values('X-MS-Exchange-CrossTenant-Network-Message-Id'), [networkId])
})

test('an inbound mail goes to the gateway once and then to the mailbox, its first verdict promoted', async () => {
  await using scene = await startScene({ tenants: [contoso({ rules: documented }), fabrikam()] })
  const { exchange, gateway, world } = scene
  const sent = await world.send({
    from: 'bob@partner.example',
    to: 'ann@contoso.com',
    headers: { From: 'bob@partner.example', Subject: 'in', 'X-MS-Exchange-Organization-AuthAs': 'Internal' },
    body: 'y\r\n',
  })
  assert.deepEqual(sent.accepted, ['ann@contoso.com'])
  const { message } = await gateway.waitFor(() => true)
  assert.equal(message.value('X-MS-Exchange-CrossPremises-AuthAs'), 'Anonymous')
  assert.deepEqual(message.values('X-MS-Exchange-CrossTenant-Id'), [CONTOSO])
  assert.match(message.value('Authentication-Results') ?? '', /compauth=/)
  await returnToExchange(scene, 1)
  const mail = await exchange.waitForMail('ann@contoso.com')
  assert.equal(mail.message.value('X-MS-Exchange-Organization-AuthAs'), 'Anonymous')
  assert.ok(mail.message.value('X-MS-Exchange-Organization-Cross-Premises-Headers-Promoted'))
  assert.ok(mail.message.value('X-Forefront-Antispam-Report-Untrusted'))
  assert.equal(mail.message.values('X-Forefront-Antispam-Report').length, 1)
  assert.equal(exchange.passes(sent.messageId), 2)
  const accepted = exchange.events().filter((event) => event.type === 'accepted')
  assert.deepEqual(
    accepted.map((event) => event.directionality),
    ['Incoming', 'Originating'],
  )
})

test('without CloudServicesMailEnabled nothing crosses and nothing is promoted', async () => {
  const quiet = contoso({ rules: documented })
  const [inbound, outbound] = [quiet.inboundConnectors ?? [], quiet.outboundConnectors ?? []]
  await using scene = await startScene({
    tenants: [
      {
        ...quiet,
        inboundConnectors: inbound.map((one) => ({ ...one, cloudServicesMailEnabled: false })),
        outboundConnectors: outbound.map((one) => ({ ...one, cloudServicesMailEnabled: false })),
      },
    ],
  })
  scene.exchange.submit({
    tenant: CONTOSO,
    from: 'ann@contoso.com',
    to: 'bob@partner.example',
    headers,
    body: '',
  })
  const { message } = await scene.gateway.waitFor(() => true)
  assert.ok(!message.fields.some((field) => /^x-ms-exchange-(organization|crosspremises)-/.test(field.key)))
  const raw = Buffer.concat([Buffer.from('X-MS-Exchange-CrossPremises-AuthAs: Internal\r\n'), message.raw])
  await scene.gateway.send({ from: 'ann@contoso.com', to: 'carl@contoso.com', raw })
  const mail = await scene.exchange.waitForMail('carl@contoso.com')
  assert.deepEqual(mail.message.values('X-MS-Exchange-Organization-AuthAs'), ['Anonymous'])
})

test('a mail to inside and outside is bifurcated; only the outside fork visits the gateway', async () => {
  await using scene = await startScene({ tenants: [contoso({ rules: documented }), fabrikam()] })
  const { exchange, gateway } = scene
  exchange.submit({
    tenant: CONTOSO,
    from: 'ann@contoso.com',
    to: ['carl@contoso.com', 'bob@partner.example', 'eve@partner.example', 'dora@contoso.com'],
    headers,
    body: 'z',
  })
  const atGateway = await gateway.waitFor(() => true)
  assert.deepEqual(atGateway.recipients, ['bob@partner.example', 'eve@partner.example'])
  assert.equal(exchange.mailbox('carl@contoso.com').length, 1)
  assert.equal(exchange.mailbox('dora@contoso.com').length, 1)
  assert.equal(exchange.mailbox('bob@partner.example').length, 0)
})

test('without an exception the mail loops until the hop limit, and the loop is named', async () => {
  const rules = documented.map(({ name, fromScope, sentToScope }) => ({
    name,
    ...(fromScope ? { fromScope } : {}),
    ...(sentToScope ? { sentToScope } : {}),
    routeMessageOutboundConnector: 'To gateway',
  }))
  await using scene = await startScene({ tenants: [contoso({ rules })], hopLimit: 10 })
  const id = scene.exchange.submit({
    tenant: CONTOSO,
    from: 'ann@contoso.com',
    to: 'bob@partner.example',
    headers,
    body: '',
  })
  let reply = '250'
  let round = 0
  while (reply.startsWith('250')) reply = await returnToExchange(scene, ++round)
  assert.match(
    reply,
    /^554 5\.4\.14 Hop count exceeded - possible mail loop ATTR34 \[\S+ \S+Z [0-9A-F]{16}\]$/,
  )
  assert.equal(scene.exchange.passes(id), round)
  assert.ok(round >= 3)
})

test('the recommended rules stamp the secret, obey the processed word and clean up', async () => {
  const rules = recommendedRules({
    connector: 'To gateway',
    secretHeader: 'X-Gw-Secret',
    outboundSecret: 'out:k7w3',
    inboundSecret: 'in:b2z9',
    processedHeader: 'X-Gw-Processed',
    processedWords: { outbound: ['qwertyout'], inbound: ['qwertyin'] },
  })
  await using scene = await startScene({ tenants: [contoso({ rules })] })
  const { exchange, gateway, world } = scene
  exchange.submit({
    tenant: CONTOSO,
    from: 'ann@contoso.com',
    to: 'bob@partner.example',
    headers: { ...headers, 'X-Gw-Secret': ['forged', 'twice'] },
    body: '',
  })
  const first = await gateway.waitFor(() => true)
  assert.deepEqual(first.message.values('X-Gw-Secret'), ['out:k7w3'])
  const raw = Buffer.concat([Buffer.from('X-Gw-Processed: qwertyout\r\n'), first.raw])
  await gateway.send({ from: 'ann@contoso.com', to: 'bob@partner.example', raw })
  const out = await world.waitFor(() => true)
  assert.deepEqual(out.message.values('X-Gw-Processed'), [])
  await world.send({
    from: 'bob@partner.example',
    to: 'ann@contoso.com',
    headers: { From: 'bob@partner.example', 'X-Gw-Processed': 'qwertyout' },
    body: '',
  })
  const second = await gateway.waitFor((message) => message.number === 2)
  assert.deepEqual(second.message.values('X-Gw-Secret'), ['in:b2z9'])
})

test('a delivery report with null sender is not looked at by rules', async () => {
  await using scene = await startScene({ tenants: [contoso({ rules: documented })] })
  await scene.world.send({
    from: '',
    to: 'ann@contoso.com',
    headers: {
      From: 'MAILER-DAEMON@partner.example',
      'Content-Type': 'multipart/report; report-type=delivery-status; boundary=b',
    },
    body: '--b--\r\n',
  })
  assert.equal((await scene.exchange.waitForMail('ann@contoso.com')).sender, '')
  assert.equal(scene.gateway.received().length, 0)
})

test('a mail between two tenants goes through the front end as Incoming', async () => {
  await using scene = await startScene()
  scene.exchange.submit({
    tenant: CONTOSO,
    from: 'ann@contoso.com',
    to: 'fred@fabrikam.com',
    headers,
    body: 'm',
  })
  const mail = await scene.exchange.waitForMail('fred@fabrikam.com')
  assert.deepEqual(mail.message.values('X-MS-Exchange-CrossTenant-Id'), [fabrikam().id])
  assert.equal(mail.message.value('X-MS-Exchange-Organization-AuthAs'), 'Anonymous')
})

test('a refused gateway recipient is retried, a rejected one fails, the others are through', async () => {
  await using scene = await startScene({ tenants: [contoso({ rules: documented })] })
  scene.gateway.setFaults({
    overrides: [
      { at: 'RCPT', match: 'bob@', reply: '451 4.3.0 Not now', times: 2 },
      { at: 'RCPT', match: 'eve@', reply: '550 5.1.1 Not here' },
    ],
  })
  scene.exchange.submit({
    tenant: CONTOSO,
    from: 'ann@contoso.com',
    to: ['bob@partner.example', 'eve@partner.example', 'joe@partner.example'],
    headers,
    body: '',
  })
  await scene.gateway.waitFor((message) => message.recipients.includes('bob@partner.example'))
  assert.deepEqual(
    scene.gateway.received().map(({ recipients }) => recipients),
    [['joe@partner.example'], ['bob@partner.example']],
  )
  const failed = await scene.exchange.waitFor((event) => event.type === 'failed')
  assert.ok(
    failed.type === 'failed' &&
      failed.reason === '550 5.1.1 Not here' &&
      failed.recipients[0] === 'eve@partner.example',
  )
  await scene.exchange.idle({ empty: true })
  assert.deepEqual(scene.exchange.queue(), [])
})

test('a message that cannot be delivered expires', async () => {
  await using scene = await startScene({ tenants: [contoso({ rules: documented })], hosts: {}, expiry: 120 })
  scene.exchange.submit({
    tenant: CONTOSO,
    from: 'ann@contoso.com',
    to: 'bob@partner.example',
    headers,
    body: '',
  })
  await scene.exchange.idle()
  assert.match(scene.exchange.queue()[0]?.lastError ?? '', /^450 4\.4\.312 DNS query failed/)
  const failed = await scene.exchange.waitFor((event) => event.type === 'failed')
  assert.ok(failed.type === 'failed' && failed.reason.startsWith('550 5.4.300 Message expired'))
})

test('without a world, mail to outside is kept', async () => {
  await using scene = await startScene()
  scene.exchange.setInternet(undefined)
  scene.exchange.submit({
    tenant: CONTOSO,
    from: 'ann@contoso.com',
    to: 'bob@partner.example',
    headers,
    body: 'k',
  })
  assert.deepEqual(
    scene.exchange.outside().map(({ recipient }) => recipient),
    ['bob@partner.example'],
  )
})

test('rules can be changed while it runs; a rule for a missing connector is refused', async () => {
  await using scene = await startScene()
  scene.exchange.setRules(CONTOSO, documented)
  scene.exchange.submit({
    tenant: CONTOSO,
    from: 'ann@contoso.com',
    to: 'bob@partner.example',
    headers,
    body: '',
  })
  await scene.gateway.waitFor(() => true)
  assert.throws(() => {
    scene.exchange.setRules(CONTOSO, [{ name: 'r', routeMessageOutboundConnector: 'Nowhere' }])
  }, /Nowhere/)
})

test('headers that are not of Exchange itself keep octets and order through both passes', async () => {
  await using scene = await startScene({ tenants: [contoso({ rules: documented })] })
  const own = [
    'From: Ann <ann@contoso.com>',
    'Subject: folded\r\n\tonce\r\n and again',
    'X-Same: 1',
    'x-same:2',
    'X-MS-Has-Attach:',
    'X-Umlaut: Grüße',
    `msip_labels: ${'x'.repeat(5000)}`,
    'Message-ID: <1@contoso.com>',
    'Date: Tue, 24 Nov 2026 04:00:00 +0000',
  ].join('\r\n')
  scene.exchange.submit({
    tenant: CONTOSO,
    from: 'ann@contoso.com',
    to: 'b@p.example',
    raw: `${own}\r\n\r\nbody`,
  })
  assert.ok((await scene.gateway.waitFor(() => true)).raw.includes(`${own}\r\n`))
  await returnToExchange(scene, 1)
  assert.ok((await scene.world.waitFor(() => true)).raw.includes(`${own}\r\n`))
})

test('a tap sees the octets on the wire both ways, attempts too, and nothing once it has ended', async () => {
  await using scene = await startScene({ tenants: [contoso({ rules: documented }), fabrikam()] })
  const { exchange, gateway } = scene
  const seen: WireMessage[] = []
  const end = exchange.tap((message) => seen.push(message))
  const mail = { tenant: CONTOSO, from: 'ann@contoso.com', to: 'bob@partner.example', headers, body: 'x\r\n' }
  const messageId = exchange.submit(mail)
  const { raw } = await gateway.waitFor(() => true)
  const reply = await returnToExchange(scene, 1)
  assert.match(reply, /^250 /)
  await scene.world.waitFor(() => true)
  assert.deepEqual(
    seen.map((one) => [one.direction, one.connector, one.messageId === messageId]),
    [
      ['out', 'To gateway', true],
      ['in', 'From gateway', true],
      ['out', undefined, true],
    ],
  )
  const [out, back] = seen
  assert.ok(out !== undefined && back !== undefined)
  assert.ok(out.raw.equals(raw))
  assert.equal(out.session, undefined)
  assert.deepEqual(back.session?.tls?.names, ['gw.contoso.com'])
  assert.deepEqual([back.sender, back.recipients], ['ann@contoso.com', ['bob@partner.example']])
  end()
  exchange.submit(mail)
  await gateway.waitFor(({ number }) => number === 2)
  assert.equal(seen.length, 3)
})

test('the world sends from the address that it is given', async () => {
  await using scene = await startScene({ tenants: [contoso(), fabrikam()] })
  await using elsewhere = await startWorld({ server: worldCredentials, sendFrom: '127.0.0.9' })
  await elsewhere.send({ from: 'bob@partner.example', to: 'ann@contoso.com', headers, body: '', endpoint: scene.exchange.address }) // prettier-ignore
  assert.equal(scene.exchange.connections().at(-1)?.remoteAddress, '127.0.0.9')
})

// The front end's words on the wire: banner, EHLO, order of commands, and every refusal with its exact text.
import assert from 'node:assert/strict'
import test from 'node:test'
import { issue, makeAuthority, selfSigned } from './certificates.ts'
import type { Credentials, TenantConfig } from './config.ts'
import { Dialogue } from './testing/dialogue.ts'
import { contoso, CONTOSO, fabrikam, gatewayCredentials, root, startScene } from './testing/scene.ts'
import type { Scene } from './testing/scene.ts'

const SUFFIX = String.raw`\[AM9PR04MB8234\.eurprd04\.prod\.outlook\.com \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z [0-9A-F]{16}\]`
const refusal = (text: string): RegExp => new RegExp(`^${text.replace(/[.()?/]/g, '\\$&')} ${SUFFIX}$`)

/** Opens TLS, says MAIL and gives the reply to RCPT. */
async function rcpt(
  scene: Scene,
  client: Credentials | undefined,
  from: string,
  to: string,
): Promise<string> {
  const { dialogue } = await Dialogue.open(scene.exchange.address)
  await dialogue.startTls(client)
  assert.equal(await dialogue.say(`MAIL FROM:<${from}>`), '250 2.1.0 Sender OK')
  const reply = await dialogue.say(`RCPT TO:<${to}>`)
  dialogue.close()
  return reply
}

test('banner and EHLO reply are those of Exchange Online, in order', async () => {
  await using scene = await startScene()
  const { dialogue, banner } = await Dialogue.open(scene.exchange.address)
  assert.match(
    banner,
    /^220 AMS0EPF0000019A\.mail\.protection\.outlook\.com Microsoft ESMTP MAIL Service ready at \w{3}, \d{1,2} \w{3} \d{4} \d\d:\d\d:\d\d \+0000 \[[0-9A-F]{16}\]$/,
  )
  const hello = [
    '250-AMS0EPF0000019A.mail.protection.outlook.com Hello [127.0.0.1]',
    '250-SIZE 157286400',
    '250-PIPELINING',
    '250-DSN',
    '250-ENHANCEDSTATUSCODES',
    '250-STARTTLS',
    '250-8BITMIME',
    '250-BINARYMIME',
    '250-CHUNKING',
    '250 SMTPUTF8',
  ]
  assert.deepEqual((await dialogue.say('EHLO client.example.net')).split('\n'), hello)
  const secured = await dialogue.startTls()
  assert.deepEqual(
    secured.split('\n'),
    hello.filter((line) => line !== '250-STARTTLS'),
  )
  assert.equal(await dialogue.say('QUIT'), '221 2.0.0 Service closing transmission channel')
  assert.ok(await dialogue.ended())
})

test('EHLO without a valid domain name, or with the name of the server, is refused', async () => {
  await using scene = await startScene()
  const { dialogue } = await Dialogue.open(scene.exchange.address)
  for (const name of ['', 'localhost', 'a b.example', 'gw..example', '-']) {
    assert.equal(await dialogue.say(`EHLO ${name}`), '501 5.5.4 Invalid domain name', name)
  }
  assert.match(
    await dialogue.say('EHLO ams0epf0000019a.mail.protection.outlook.com'),
    /^550 5\.7\.506 Access Denied, Bad HELO/,
  )
  assert.match(await dialogue.say('EHLO [127.0.0.1]'), /^250-/)
  dialogue.close()
})

test('MAIL in clear text is refused where TLS is required', async () => {
  await using scene = await startScene({ requireTls: true })
  const { dialogue } = await Dialogue.open(scene.exchange.address)
  await dialogue.say('EHLO client.example.net')
  assert.equal(await dialogue.say('MAIL FROM:<a@b.example>'), '451 5.7.3 STARTTLS is required')
  dialogue.close()
})

test('commands out of order and unknown parameters are refused', async () => {
  await using scene = await startScene()
  const { dialogue } = await Dialogue.open(scene.exchange.address)
  assert.match(await dialogue.say('MAIL FROM:<a@b.example>'), /^503 /)
  await dialogue.say('EHLO client.example.net')
  assert.match(await dialogue.say('RCPT TO:<ann@contoso.com>'), /^503 /)
  for (const bad of [
    'FROM:a@b.example',
    'FROM: <a@b.example>',
    'FROM:<a@b.example> XOORG=x',
    'FROM:<a@b>> SIZE=1',
    'FROM:<ä@b.example>',
    'FROM:<a@b.example> RET=ALL',
    'FROM:<a@b.example> SIZE=1 SIZE=2',
  ]) {
    assert.match(await dialogue.say(`MAIL ${bad}`), /^501 /, bad)
  }
  assert.match(await dialogue.say('MAIL FROM:<a@b.example> SIZE=157286401'), /^552 5\.3\.4 /)
  assert.match(
    await dialogue.say('MAIL FROM:<a@b.example> SIZE=10 BODY=8BITMIME RET=HDRS ENVID=x+2Dy SMTPUTF8'),
    /^250 /,
  )
  assert.match(await dialogue.say('MAIL FROM:<a@b.example>'), /^503 /)
  assert.match(await dialogue.say('DATA'), /^503 /)
  assert.match(await dialogue.say('RCPT TO:<ann@contoso.com> NOTIFY=NEVER,DELAY'), /^501 /)
  assert.match(
    await dialogue.say('RCPT TO:<ann@contoso.com> NOTIFY=FAILURE,DELAY ORCPT=rfc822;x@y'),
    /^250 2\.1\.5 /,
  )
  assert.match(await dialogue.say('AUTH PLAIN'), /^500 5\.3\.3 /)
  dialogue.write('NOOP\n')
  assert.match((await dialogue.reply()).join(), /^500 5\.5\.2 /)
  dialogue.close()
})

test('relaying without attribution is refused with 5.7.64, by certificate faults of every kind', async () => {
  await using scene = await startScene()
  const other = makeAuthority({ commonName: 'Other Root' })
  const middle = makeAuthority({ commonName: 'Middle', issuer: root })
  const name = { commonName: 'gw.contoso.com' }
  const cases: [string, Credentials | undefined][] = [
    ['no certificate', undefined],
    ['another name', issue(root, { commonName: 'gw.elsewhere.example' })],
    ['untrusted root', issue(other, name)],
    ['self-signed', selfSigned(name)],
    [
      'expired',
      issue(root, { ...name, notBefore: new Date(Date.now() - 9e8), notAfter: new Date(Date.now() - 1e8) }),
    ],
    ['intermediate not sent', { cert: issue(middle, name).certificate, key: '' }],
    ['SHA-1', issue(root, { ...name, hash: 'sha1' })],
  ]
  const whole = issue(middle, name)
  for (const [title, credentials] of cases) {
    const client =
      title === 'intermediate not sent' ? { cert: whole.certificate, key: whole.key } : credentials
    const reply = await rcpt(scene, client, 'ann@contoso.com', 'bob@partner.example')
    assert.match(reply, refusal('550 5.7.64 TenantAttribution; Relay Access Denied'), title)
  }
  assert.equal(await rcpt(scene, whole, 'x@partner.example', 'bob@partner.example'), '250 2.1.5 Recipient OK')
  assert.equal(await rcpt(scene, gatewayCredentials, '', 'bob@partner.example'), '250 2.1.5 Recipient OK')
})

test('a stranger who sends to a domain that nobody here has gets 5.4.1', async () => {
  await using scene = await startScene()
  const reply = await rcpt(scene, undefined, 'x@elsewhere.example', 'bob@partner.example')
  assert.match(reply, refusal('550 5.4.1 Relay Access Denied'))
})

test('a connector whose certificate name is no accepted domain gives ATTR36', async () => {
  await using scene = await startScene({ tenants: [contoso({ acceptedDomains: ['contoso.com'] })] })
  const reply = await rcpt(scene, gatewayCredentials, 'x@elsewhere.example', 'bob@partner.example')
  const text =
    '550 5.7.64 Relay Access Denied ATTR36. For more details please refer to https://support.microsoft.com/kb/3169958'
  assert.match(reply, refusal(text))
  assert.match(await rcpt(scene, gatewayCredentials, '', 'bob@partner.example'), refusal(text))
  // With a sender in an accepted domain the IP and MAIL FROM step attributes it after all.
  assert.match(await rcpt(scene, gatewayCredentials, 'ann@contoso.com', 'bob@partner.example'), /^250 /)
})

test('a disabled connector attributes nothing', async () => {
  const config = contoso()
  const inboundConnectors = (config.inboundConnectors ?? []).map((one) => ({ ...one, enabled: false }))
  await using scene = await startScene({ tenants: [{ ...config, inboundConnectors }] })
  const reply = await rcpt(scene, gatewayCredentials, 'ann@contoso.com', 'bob@partner.example')
  assert.match(reply, refusal('550 5.7.64 TenantAttribution; Relay Access Denied'))
})

test('recipients of two tenants in one unattributed transaction give ATTR38; by certificate they are taken', async () => {
  await using scene = await startScene()
  const { dialogue } = await Dialogue.open(scene.exchange.address)
  await dialogue.startTls()
  await dialogue.say('MAIL FROM:<x@elsewhere.example>')
  assert.match(await dialogue.say('RCPT TO:<ann@contoso.com>'), /^250 /)
  assert.equal(
    await dialogue.say('RCPT TO:<fred@fabrikam.com>'),
    '452 4.5.3 Recipients belong to multiple regions ATTR38',
  )
  dialogue.close()
  const result = await scene.gateway.send({
    from: 'ann@contoso.com',
    to: ['fred@fabrikam.com', 'carl@contoso.com', 'bob@partner.example'],
    headers: { From: 'ann@contoso.com' },
    body: '',
  })
  assert.equal(result.accepted.length, 3)
  await scene.exchange.waitForMail('fred@fabrikam.com')
})

test('unknown recipients are refused at the edge where the tenant has told its recipients', async () => {
  const acceptedDomains: TenantConfig['acceptedDomains'] = [
    'contoso.com',
    { name: 'relay.example', domainType: 'InternalRelay' },
  ]
  await using scene = await startScene({
    tenants: [contoso({ acceptedDomains, recipients: ['Ann@contoso.com'] })],
  })
  assert.match(
    await rcpt(scene, undefined, 'x@elsewhere.example', 'nobody@contoso.com'),
    refusal('550 5.4.1 Recipient address rejected: Access denied. AS(201806281)'),
  )
  assert.match(await rcpt(scene, undefined, 'x@elsewhere.example', 'ann@contoso.com'), /^250 /)
  assert.match(await rcpt(scene, undefined, 'x@elsewhere.example', 'any@relay.example'), /^250 /)
})

test('a restricting partner connector and RejectDirectSend refuse with their texts', async () => {
  await using scene = await startScene({
    tenants: [
      contoso({
        inboundConnectors: [
          {
            name: 'Lock',
            connectorType: 'Partner',
            tlsSenderCertificateName: 'gw.contoso.com',
            restrictDomainsToCertificate: true,
          },
        ],
      }),
      fabrikam({ rejectDirectSend: true }),
    ],
  })
  assert.match(
    await rcpt(scene, undefined, 'x@elsewhere.example', 'ann@contoso.com'),
    refusal(
      "550 5.7.51 TenantInboundAttribution; There is a partner connector configured that matched the message's recipient domain. The connector had either the RestrictDomainsToIPAddresses or RestrictDomainsToCertificate set",
    ),
  )
  assert.match(await rcpt(scene, gatewayCredentials, 'x@elsewhere.example', 'ann@contoso.com'), /^250 /)
  assert.match(
    await rcpt(scene, undefined, 'fred@fabrikam.com', 'fred@fabrikam.com'),
    refusal(
      '550 5.7.68 TenantInboundAttribution; Direct Send not allowed for this organization from unauthorized sources',
    ),
  )
})

test('the number of recipients of a transaction is limited', async () => {
  await using scene = await startScene({ maxRecipients: 2 })
  const result = await scene.world.send({
    from: 'x@elsewhere.example',
    to: ['a@contoso.com', 'b@contoso.com', 'c@contoso.com'],
    headers: {},
    body: '',
  })
  assert.deepEqual(result.accepted, ['a@contoso.com', 'b@contoso.com'])
  assert.equal(result.refused[0]?.reply, '452 4.5.3 Too many recipients')
})

test('serverAuth-only client certificates attribute, unless clientAuth is required', async () => {
  const serverOnly = issue(root, { commonName: 'gw.contoso.com', extendedKeyUsage: ['serverAuth'] })
  await using lenient = await startScene()
  assert.match(await rcpt(lenient, serverOnly, '', 'bob@partner.example'), /^250 /)
  await using strict = await startScene({ assumptions: { requireClientAuthEku: true } })
  assert.match(await rcpt(strict, serverOnly, '', 'bob@partner.example'), /^550 5\.7\.64 TenantAttribution/)
  assert.match(await rcpt(strict, gatewayCredentials, '', 'bob@partner.example'), /^250 /)
})

test('what is pipelined behind STARTTLS is thrown away', async () => {
  await using scene = await startScene()
  const { dialogue } = await Dialogue.open(scene.exchange.address)
  await dialogue.say('EHLO client.example.net')
  dialogue.write('STARTTLS\r\nMAIL FROM:<evil@example.net>\r\n')
  assert.match((await dialogue.reply()).join(), /^220 /)
  dialogue.close()
  assert.ok(scene.exchange.clearBytes().includes('evil@example.net'))
  assert.ok(
    !scene.exchange
      .connections()
      .some(({ transcript }) => transcript.some((line) => line.startsWith('C: MAIL'))),
  )
})

test('a tenant added while it runs is served', async () => {
  await using scene = await startScene({ tenants: [contoso()] })
  assert.match(await rcpt(scene, undefined, 'x@elsewhere.example', 'fred@fabrikam.com'), /^550 5\.4\.1 /)
  scene.exchange.setTenant(fabrikam())
  assert.match(await rcpt(scene, undefined, 'x@elsewhere.example', 'fred@fabrikam.com'), /^250 /)
  assert.equal(scene.exchange.tenant(CONTOSO).moera, 'contoso.onmicrosoft.com')
})

test('a resumed TLS session keeps the certificate and the verdict of its whole chain', async () => {
  await using scene = await startScene()
  const client = issue(makeAuthority({ commonName: 'Middle', issuer: root }), {
    commonName: 'gw.contoso.com',
  })
  const first = await Dialogue.open(scene.exchange.address)
  await first.dialogue.startTls(client)
  const [ticket] = first.dialogue.tickets
  first.dialogue.close()
  const second = await Dialogue.open(scene.exchange.address)
  await second.dialogue.startTls(client, ticket)
  await second.dialogue.say('MAIL FROM:<>')
  assert.equal(await second.dialogue.say('RCPT TO:<bob@partner.example>'), '250 2.1.5 Recipient OK')
  second.dialogue.close()
  assert.deepEqual(
    scene.exchange.connections().map(({ tls }) => tls?.resumed),
    [false, true],
  )
})

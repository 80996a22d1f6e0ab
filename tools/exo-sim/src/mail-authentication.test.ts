// SPF, DKIM, DMARC and ARC with real signatures and a DNS of the test's own: stamps on entry, signatures on leaving.
import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import test from 'node:test'
import { authenticate, dkimSign, sealMessage } from 'mailauth'
import type { AuthenticationConfig, ExchangeConfig, OrganizationSwitches, SigningKey } from './config.ts'
import { CONTOSO, contoso, fabrikam, returnToExchange, startScene } from './testing/scene.ts'

/** A key and the record that publishes it. */
function key(domain: string, selector: string): { key: SigningKey; dns: Record<string, string[]> } {
  const pair = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
  const record = `v=DKIM1; k=rsa; p=${pair.publicKey.toString('base64')}`
  return { key: { domain, selector, privateKey: pair.privateKey }, dns: { [`${selector}._domainkey.${domain} TXT`]: [record] } } // prettier-ignore
}

const [moera, custom, microsoft, partner, gateway] = [
  key('contoso.onmicrosoft.com', 'selector1'),
  key('contoso.com', 'selector1'),
  key('microsoft.com', 'arcselector10001'),
  key('partner.example', 'p'),
  key('gw.contoso.com', 'g'),
]
const dns: Record<string, string[]> = {
  ...moera.dns,
  ...custom.dns,
  ...microsoft.dns,
  ...partner.dns,
  ...gateway.dns,
  'spf.example TXT': ['v=spf1 ip4:127.0.0.1 -all'],
  'hard.example TXT': ['v=spf1 -all'],
  'partner.example TXT': ['v=spf1 -all'],
  '_dmarc.partner.example TXT': ['v=DMARC1; p=reject'],
  '_dmarc.spf.example TXT': ['v=DMARC1; p=quarantine'],
}
const authentication: AuthenticationConfig = { dns, dkim: [moera.key, custom.key], arc: microsoft.key }
const rules = [{ name: 'Out', fromScope: 'InOrganization', sentToScope: 'NotInOrganization', routeMessageOutboundConnector: 'To gateway', stopRuleProcessing: true, exceptIfHeaderContainsMessageHeader: 'Received', exceptIfHeaderContainsWords: ['gw.contoso.com'] }] as const // prettier-ignore

function scene(
  organization: OrganizationSwitches = {},
  change: Partial<ExchangeConfig> = {},
): ReturnType<typeof startScene> {
  const tenant = contoso({ organization, rules: rules.map((rule) => ({ ...rule, exceptIfHeaderContainsWords: ['gw.contoso.com'] })) }) // prettier-ignore
  return startScene({ tenants: [tenant, fabrikam()], authentication, ...change })
}

const resolver = (name: string, type: string): Promise<string[][]> => {
  const values = dns[`${name} ${type}`]
  return values ? Promise.resolve(values.map((value) => [value])) : Promise.reject(Object.assign(new Error(name), { code: 'ENOTFOUND' })) // prettier-ignore
}

const mail = { from: 'bob@partner.example', to: 'ann@contoso.com' }
const raw = 'From: Bob <bob@partner.example>\r\nTo: ann@contoso.com\r\nSubject: s\r\nDate: Tue, 24 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@partner.example>\r\n\r\ntext\r\n' // prettier-ignore

async function signedByPartner(text: string): Promise<string> {
  const options = { signingDomain: 'partner.example', selector: 'p', privateKey: partner.key.privateKey }
  const { signatures } = await dkimSign(text, { ...options, signatureData: [options] })
  return signatures + text
}

test('what comes in is judged: DKIM and SPF with alignment, and a policy of reject is obeyed', async () => {
  await using s = await scene()
  await s.world.send({ ...mail, raw: await signedByPartner(raw) })
  const stamp =
    (await s.exchange.waitForMail('ann@contoso.com')).message.value('Authentication-Results') ?? ''
  assert.match(stamp, /^spf=fail \(sender IP is 127\.0\.0\.1\) smtp\.mailfrom=partner\.example; dkim=pass \(signature was verified\) header\.d=partner\.example;dmarc=pass action=none header\.from=partner\.example;compauth=pass reason=100$/) // prettier-ignore
  const forged = await s.world.send({ ...mail, raw: (await signedByPartner(raw)).replace('text', 'other') })
  assert.match(forged.reply, /^550 5\.7\.509 Access denied, sending domain \[partner\.example\] does not pass DMARC verification and has a DMARC policy of reject\. \[AM9PR/) // prettier-ignore
  assert.equal(s.exchange.mailbox('ann@contoso.com').length, 1)
  const send = async (domain: string, from = domain): Promise<string> => {
    const { messageId } = await s.world.send({
      from: `b@${domain}`,
      to: 'ann@contoso.com',
      headers: { From: `b@${from}` },
      body: '',
    })
    const found = await s.exchange.waitForMail(
      'ann@contoso.com',
      ({ message }) => message.value('Message-ID') === messageId,
    )
    return found.message.value('Authentication-Results') ?? ''
  }
  assert.match(await send('spf.example'), /^spf=pass .*dkim=none \(message not signed\) header\.d=none;dmarc=pass action=none header\.from=spf\.example;compauth=pass reason=100/) // prettier-ignore
  assert.match(await send('hard.example'), /^spf=fail .*dmarc=none action=none header\.from=hard\.example;compauth=none reason=405/) // prettier-ignore
  assert.match(await send('hard.example', 'spf.example'), /dmarc=fail action=quarantine header\.from=spf\.example;compauth=fail reason=000/) // prettier-ignore
})

test('a trusted ARC sealer saves what DMARC would refuse, unless SPF hard fail is on or nobody trusts it', async () => {
  const broken = (await signedByPartner(raw)).replace('text', 'decrypted')
  const seal = { signingDomain: 'gw.contoso.com', selector: 'g', privateKey: gateway.key.privateKey, authResults: 'gw.contoso.com; dkim=pass header.d=partner.example; dmarc=pass', cv: 'none' } // prettier-ignore
  const sealed = (await sealMessage(broken, seal)).toString() + broken
  {
    await using s = await scene()
    await s.exchange.powershell(
      CONTOSO,
      "Set-ArcConfig -Identity Default -ArcTrustedSealers 'gw.contoso.com'",
    )
    assert.deepEqual((await s.world.send({ ...mail, raw: sealed })).accepted, ['ann@contoso.com'])
    const { message } = await s.exchange.waitForMail('ann@contoso.com')
    assert.match(
      message.value('Authentication-Results') ?? '',
      /compauth=pass reason=130;arc=pass \(0 oda=1 ltdi=1\)$/,
    )
  }
  for (const organization of [
    {},
    { arcTrustedSealers: ['gw.contoso.com'], markAsSpamSpfRecordHardFail: 'On' },
  ] as const) {
    // prettier-ignore
    await using s = await scene({ ...organization, arcTrustedSealers: ['arcTrustedSealers' in organization ? 'gw.contoso.com' : 'other.example'] }) // prettier-ignore
    assert.match((await s.world.send({ ...mail, raw: sealed })).reply, /^550 5\.7\.509/)
  }
})

test('what leaves is signed for the MOERA and the domain and sealed; the seal goes on after the gateway', async () => {
  await using s = await scene()
  s.exchange.submit({ tenant: CONTOSO, from: 'ann@contoso.com', to: 'bob@partner.example', headers: { From: 'ann@contoso.com', Subject: 'x' }, body: 'text\r\n' }) // prettier-ignore
  const first = await s.gateway.waitFor(() => true)
  const judged = await authenticate(first.raw, { resolver, ip: '127.0.0.1', helo: 'x.example', sender: 'ann@contoso.com', disableBimi: true }) // prettier-ignore
  assert.deepEqual(judged.dkim.results.map(({ signingDomain, status }) => `${signingDomain ?? ''} ${status.result}`).sort(), ['contoso.com pass', 'contoso.onmicrosoft.com pass']) // prettier-ignore
  assert.match(first.message.value('ARC-Seal') ?? '', /i=1;.*cv=none; d=microsoft\.com;/)
  assert.equal(judged.arc && judged.arc.status.result, 'pass')
  await returnToExchange(s, 1)
  const last = await s.world.waitFor(() => true)
  assert.match(last.message.values('ARC-Seal')[0] ?? '', /i=2;.*cv=pass/)
  assert.equal(last.message.values('DKIM-Signature').length, 4)
  // A message that is changed on the way loses its chain, and Exchange says so.
  s.exchange.submit({ tenant: CONTOSO, from: 'ann@contoso.com', to: 'bob@partner.example', headers: { From: 'ann@contoso.com', Subject: 'y' }, body: 'text\r\n' }) // prettier-ignore
  const second = await s.gateway.waitFor(({ number }) => number === 2)
  const changed = `Received: from a by gw.contoso.com with ESMTPS id y\r\n${second.raw.toString()}`.replace('\r\ntext\r\n', '\r\nsigned\r\n') // prettier-ignore
  await s.gateway.send({ from: 'ann@contoso.com', to: 'bob@partner.example', raw: changed })
  const broken = await s.world.waitFor(({ number }) => number === 2)
  assert.match(broken.message.values('ARC-Seal')[0] ?? '', /i=2;.*cv=fail/)
})

test('a key that cannot sign holds the mail', async () => {
  const bad: AuthenticationConfig = { dns, dkim: [{ ...custom.key, privateKey: 'nonsense' }] }
  await using s = await scene({}, { authentication: bad })
  s.exchange.submit({ tenant: CONTOSO, from: 'ann@contoso.com', to: 'bob@partner.example', headers: { From: 'ann@contoso.com' }, body: '' }) // prettier-ignore
  await s.exchange.waitFor((event) => event.type === 'deferred')
  assert.equal(s.gateway.received().length, 0)
})

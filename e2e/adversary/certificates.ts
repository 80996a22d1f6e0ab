/**
 * Somebody who speaks to our listener directly, with a mail in which everything is right, and is not Exchange Online.
 */
import assert from 'node:assert/strict'
import { issue, selfSigned, type IssuedCertificate } from '@siegel/exo-sim'
import type { Scenario, Setting } from '../seed/setting.ts'
import type { StageCertificates } from '../stage/certificates.ts'
import { callGateway } from '../stage/stranger.ts'
import { expectGeneric, expectNowhere, refused, traced } from './look.ts'
import { captured, renewed } from './other-tenant.ts'

const NAME = { commonName: 'mail.protection.outlook.com' }
const DAY = 86_400_000

/** Makes a client certificate; null for none. */
type Make = (certificates: StageCertificates) => IssuedCertificate | null

/** The certificates with the reason that the log gives and what its detail says. */
const CERTIFICATES: readonly (readonly [string, Make, string, RegExp])[] = [
  [
    'Falscher Name / wrong name',
    ({ tls }) => issue(tls, { commonName: 'mail.evil.example' }),
    'client-certificate-name',
    /mail\.evil\.example/,
  ],
  [
    'Fremde Stelle / a foreign authority',
    ({ rogue }) => issue(rogue, NAME),
    'client-certificate-untrusted',
    /UNABLE_TO_(?:VERIFY_LEAF_SIGNATURE|GET_ISSUER_CERT)/,
  ],
  [
    'Abgelaufen / expired',
    ({ tls }) =>
      issue(tls, {
        ...NAME,
        notBefore: new Date(Date.now() - 20 * DAY),
        notAfter: new Date(Date.now() - DAY),
      }),
    'client-certificate-untrusted',
    /CERT_HAS_EXPIRED/,
  ],
  ['Selbst signiert / self-signed', () => selfSigned(NAME), 'client-certificate-untrusted', /SELF_SIGNED/],
  [
    'Nur serverAuth / server-only',
    ({ tls }) => issue(tls, { ...NAME, extendedKeyUsage: ['serverAuth'] }),
    'client-certificate-untrusted',
    /INVALID_PURPOSE/,
  ],
  ['Keines / none', () => null, 'client-certificate-missing', /no client certificate/],
]

async function send(setting: Setting, client: IssuedCertificate | null, from = '127.0.0.1') {
  const { messageId, raw } = renewed(await captured(setting))
  const { port } = setting.stage.gateway.config
  const letter = { sender: 'alice@contoso.example', recipients: ['bob@nocert.example'], raw }
  return { messageId, answer: await callGateway({ port, client, from }, letter) }
}

/** One scenario for each certificate. */
export const WRONG_CERTIFICATES: readonly Scenario[] = CERTIFICATES.map(([name, make, expected, detail]) => ({
  name: `Client-Zertifikat: ${name}, from an address in range: refused`,
  async play(setting) {
    const said = setting.stage.gateway.waitForLog(({ event }) => event === 'mail-refused', 20_000, true)
    said.catch(() => undefined)
    let messageId = ''
    const reason = await refused(setting, async () => {
      const sent = await send(setting, make(setting.stage.certificates))
      messageId = sent.messageId
      expectGeneric(sent.answer)
    })
    assert.equal(reason, expected)
    assert.match(String((await said)['detail']), detail)
    expectNowhere(setting, messageId)
  },
}))

/** The same mail with Exchange Online's certificate: it was nothing else that was refused. And from elsewhere. */
export const ADDRESSES: Scenario = {
  name: 'Adresse außerhalb / an address out of range with the right certificate: refused at once; in range it is taken',
  async play(setting) {
    const { exchangeClient } = setting.stage.certificates
    const good = await send(setting, exchangeClient)
    assert.match(good.answer.last, /^250 /)
    assert.deepEqual((await traced(setting, good.messageId)).received.factors.slice(0, 2), ['address-range', 'client-certificate']) // prettier-ignore

    const line = setting.stage.gateway.waitForLog(({ event }) => event === 'connection-refused', 20_000, true)
    const bad = await send(setting, exchangeClient, '127.0.0.3')
    const { reason, address } = await line
    assert.deepEqual([reason, address], ['address-range', '127.0.0.3'])
    assert.match(bad.answer.last, /^5[0-9]{2} /)
    assert.equal(bad.answer.replies.length, 1, 'it was let in first')
    expectNowhere(setting, bad.messageId)
  },
}

/**
 * A second tenant of Exchange Online, with the same addresses and the same client certificate as ours, has its mail routed to our gateway.
 */
import assert from 'node:assert/strict'
import type { TransportRule } from '@siegel/exo-sim'
import { plainMail } from '../demo/acts.ts'
import { fieldOf } from '../demo/look.ts'
import { newId, writeOut, type Scenario, type Setting } from '../seed/setting.ts'
import { CONTOSO } from '../stage/objects.ts'
import { callGateway } from '../stage/stranger.ts'
import { expectGeneric, expectNowhere, expectReported, refused, traced } from './look.ts'

/** The adversary. */
const FABRIKAM = {
  id: '99999999-9999-4999-8999-999999999999',
  moera: 'fabrikam.onmicrosoft.com',
  connector: 'To the gateway of others',
} as const

/** Sets the second tenant up: its rule routes everything to our smart host, and stamps what it is told. */
function setFabrikam(
  { stage }: Setting,
  stamp: Pick<TransportRule, 'setHeaderName' | 'setHeaderValue'> = {},
): void {
  // prettier-ignore
  stage.exchange.setTenant({
    id: FABRIKAM.id,
    moera: FABRIKAM.moera,
    acceptedDomains: ['fabrikam.example'],
    outboundConnectors: [
      {
        name: FABRIKAM.connector,
        smartHost: CONTOSO.fqdn,
        tlsSettings: 'DomainValidation',
        cloudServicesMailEnabled: true,
        isTransportRuleScoped: true,
      },
    ],
    rules: [{ name: 'all', routeMessageOutboundConnector: FABRIKAM.connector, ...stamp }],
  })
}

/** Sends in Alice's name from the second tenant. */
function impersonate({ stage }: Setting, more: [string, string][] = []): string {
  const messageId = newId()
  const [from, to] = ['alice@contoso.example', 'victim@nocert.example']
  const { headers, body } = plainMail(from, to, messageId, 'Pay at once.\r\n')
  stage.exchange.submit({ tenant: FABRIKAM.id, from, to, headers: [...headers, ...more], body })
  return messageId
}

/** The second tenant sends octets that it has got hold of through our gateway, stamps and all. */
export function replayByFabrikam(setting: Setting, raw: Buffer): void {
  setFabrikam(setting)
  setting.stage.exchange.submit({
    tenant: FABRIKAM.id,
    from: 'alice@contoso.example',
    to: 'victim@nocert.example',
    raw,
  })
}

/** The secret that our tenant's rule stamps; undefined with `as-documented`, which has none. */
export function secretOf({ stage }: Setting, direction: 'out' | 'in'): string | undefined {
  return stage.exchange
    .tenant(CONTOSO.id)
    .rules?.map(({ setHeaderValue }) => setHeaderValue)
    .find((value) => value?.startsWith(`${direction}:`) === true)
}

const SECRET_FIELD = 'X-Contoso-Route'

/** It sends in our name. */
export const RELAY: Scenario = {
  name: 'Zweiter Mandant / a second tenant relays through us: refused, with a guessed and with a stolen secret too',
  async play(setting) {
    const recommended = setting.preset === 'recommended'
    const attempts: [Pick<TransportRule, 'setHeaderName' | 'setHeaderValue'>, [string, string][], string][] =
      [
        [{}, [], 'tenant-unknown'],
        // Its own Exchange Online stamps the id anew, whatever a mailbox user has written.
        [{}, [['X-MS-Exchange-CrossTenant-Id', CONTOSO.id]], 'tenant-unknown'],
        [
          { setHeaderName: SECRET_FIELD, setHeaderValue: 'out:guessed' },
          [],
          recommended ? 'secret-header-wrong' : 'tenant-unknown',
        ],
        [
          { setHeaderName: SECRET_FIELD, setHeaderValue: secretOf(setting, 'out') ?? 'out:none' },
          [],
          recommended ? 'tenant-id-missing' : 'tenant-unknown',
        ],
      ]
    for (const [stamp, headers, expected] of attempts) {
      setFabrikam(setting, stamp)
      let messageId = ''
      const reason = await refused(setting, () => {
        messageId = impersonate(setting, headers)
      })
      assert.equal(reason, expected)
      expectNowhere(setting, messageId)
      const failed = await setting.stage.exchange.waitFor(
        (event) => event.type === 'failed' && event.entry.messageId === messageId,
      )
      assert.match('reason' in failed ? failed.reason : '', /550 5\.7\.1 Not authorized/)
    }
  },
}

/** It has a forged tenant id put on by a rule, after Exchange Online has stamped its own. */
export const FORGED_ID: Scenario = {
  name: 'Gefälschte Mandanten-Id / a forged tenant id: refused without the secret; as-documented is open to it, and says so',
  async play(setting) {
    setFabrikam(setting, { setHeaderName: 'X-MS-Exchange-CrossTenant-Id', setHeaderValue: CONTOSO.id })
    if (setting.preset === 'recommended') {
      let messageId = ''
      const attempt = () => {
        messageId = impersonate(setting)
      }
      assert.equal(await refused(setting, attempt), 'secret-header-missing')
      expectNowhere(setting, messageId)
      return
    }
    // Open by nature: the id is the only proof there is. The mail is taken for the tenant's own, and even signed.
    const messageId = impersonate(setting)
    const { raw } = await setting.stage.world.waitFor((mail) => fieldOf(mail.raw, 'message-id') === messageId, 20_000) // prettier-ignore
    assert.match(fieldOf(raw, 'content-type') ?? '', /^multipart\/signed/)
    const { received } = await traced(setting, messageId)
    assert.equal(received.direction, 'outbound')
    assert.deepEqual(received.factors, ['address-range', 'client-certificate', 'tenant-id'])
    await expectReported(setting, {
      en: /who can have Exchange Online stamp a forged id or send\nan old mail again is taken for the tenant, and is signed for/,
      de: /Wer Exchange Online dazu bringt, eine gefälschte Id zu stempeln, oder\neine alte Mail noch einmal schickt, gilt als der Mandant, und für ihn wird signiert/,
    })
    const { all } = await setting.assistant.checks('verify', await setting.assistant.state(setting.script))
    assert.ok(all.some(({ code, verdict }) => code === 'preset-open' && verdict === 'warning'))
  },
}

/** Octets of a mail that our own tenant has sent to the gateway, to be sent again in another's hands. */
export async function captured(setting: Setting): Promise<Buffer> {
  const messageId = writeOut(setting, 'alice@contoso.example', 'bob@nocert.example', 'Hello\r\n')
  return (await setting.wire.pass(messageId)).given.raw
}

/** The octets with another Message-ID and more fields on top. */
export function renewed(raw: Buffer, more = ''): { messageId: string; raw: Buffer } {
  const messageId = newId()
  const text = raw.toString('latin1').replace(/^Message-ID: .*\r$/im, `Message-ID: ${messageId}\r`)
  return { messageId, raw: Buffer.from(more + text, 'latin1') }
}

/** Sends to the gateway as Exchange Online would, with the octets given. */
export async function asExchange(setting: Setting, raw: Buffer) {
  const { port } = setting.stage.gateway.config
  const letter = { sender: 'alice@contoso.example', recipients: ['bob@nocert.example'], raw }
  return callGateway({ port, client: setting.stage.certificates.exchangeClient }, letter)
}

/** Lines that must stand once stand twice. */
export const DOUBLED: Scenario = {
  name: 'Doppelte Zeilen / a tenant id or a secret that stands twice: refused',
  async play(setting) {
    const base = await captured(setting)
    const id = renewed(base, `X-MS-Exchange-CrossTenant-Id: ${CONTOSO.id}\r\n`)
    const twice = async (raw: Buffer) => {
      expectGeneric(await asExchange(setting, raw))
    }
    assert.equal(await refused(setting, () => twice(id.raw)), 'tenant-id-repeated')
    expectNowhere(setting, id.messageId)

    const secret = secretOf(setting, 'out') ?? 'out:none'
    for (const more of [`${SECRET_FIELD}: ${secret}\r\n`, `${SECRET_FIELD}: in:guessed\r\n`]) {
      const { messageId, raw } = renewed(base, `${more}${setting.preset === 'recommended' ? '' : more}`)
      if (setting.preset === 'recommended') {
        assert.equal(await refused(setting, () => twice(raw)), 'secret-header-repeated')
        expectNowhere(setting, messageId)
      } else {
        // There is no secret: the field is like any other, proves nothing and changes nothing.
        assert.match((await asExchange(setting, raw)).last, /^250 /)
        const { received } = await traced(setting, messageId)
        assert.deepEqual([received.direction, received.factors], ['outbound', ['address-range', 'client-certificate', 'tenant-id']]) // prettier-ignore
      }
    }
  },
}

/**
 * Mail authentication on the real command, with Exchange Online (simulated) as the judge: a seal saves what decryption breaks, the
 * chain goes on through gateway and Exchange, and a tenant is proved by DKIM where its id is missing.
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { authenticate, dkimSign } from 'mailauth'
import { rsaKey, type PublishedKey } from '../gateway/src/authentication/testing/keys.ts'
import { startTextServer, type TextServer } from '../gateway/src/dns/testing/text-server.ts'
import { newMessageId, plainMail } from './demo/acts.ts'
import { bodyOf, decodedBody, fieldOf } from './demo/look.ts'
import { findJudge } from './stage/judge.ts'
import { CONTOSO } from './stage/objects.ts'
import { openSource } from './stage/source.ts'
import { openStage, type Person, type Stage, type StageOptions } from './stage/stage.ts'

const seal = rsaKey(CONTOSO.fqdn, 'seal1')
const domain = rsaKey(CONTOSO.domain, 'selector1')
const moera = rsaKey(CONTOSO.moera, 'selector1')
const microsoft = rsaKey('microsoft.com', 'arcselector10001')
const partner = rsaKey('partner.example', 'p1')

const TEXTS: Record<string, string> = {
  ...Object.fromEntries([seal, domain, moera, microsoft, partner].map(({ at, record }) => [at, record])),
  'partner.example': 'v=spf1 -all',
  '_dmarc.partner.example': 'v=DMARC1; p=reject',
}
const forExchange = ({ domain: name, selector, pem }: PublishedKey) => ({
  domain: name,
  selector,
  privateKey: pem,
})
const resolver = (name: string, type: string): Promise<string[][]> => {
  const text = type === 'TXT' ? TEXTS[name] : undefined
  return text === undefined
    ? Promise.reject(Object.assign(new Error(name), { code: 'ENOTFOUND' }))
    : Promise.resolve([[text]])
}

/** What Exchange Online covers. */
const SIGNED = 'From:Date:Subject:Message-ID:Content-Type:MIME-Version:X-MS-Exchange-SenderADCheck'

async function signedBy(
  { domain: signingDomain, selector, pem }: PublishedKey,
  mail: string,
  headerList = SIGNED,
): Promise<string> {
  const one = { signingDomain, selector, privateKey: pem, headerList }
  return (await dkimSign(mail, { ...one, signatureData: [one] })).signatures + mail
}

function open(dns: TextServer, options: StageOptions, cast: (stage: Stage) => void): Promise<Stage> {
  const texts = Object.fromEntries(Object.entries(TEXTS).map(([name, text]) => [`${name} TXT`, [text]]))
  return openStage(
    {
      ...options,
      settings: { dns: { servers: [dns.server] } },
      trustedSealers: [CONTOSO.fqdn],
      authentication: {
        dns: texts,
        dkim: [forExchange(moera), forExchange(domain)],
        arc: forExchange(microsoft),
      },
    },
    cast,
  )
}

const table = () => new Map(Object.entries(TEXTS).map(([name, text]) => [name, [text]]))
const arcSealing = { domain: seal.domain, selector: seal.selector, key: seal.pem }

/** Result and instance of the chain, then the results of the DKIM signatures. */
async function chainOf(raw: Buffer): Promise<(string | number | false)[]> {
  const { arc, dkim } = await authenticate(raw, { resolver, disableBimi: true, ip: '127.0.0.1', helo: 'x.example', sender: '', strict: true }) // prettier-ignore
  assert.ok(arc !== false)
  return [arc.status.result, arc.i, ...dkim.results.map(({ status }) => status.result)]
}

/** An encrypted mail from a domain with DMARC reject, signed by it. */
async function encrypted(stage: Stage, reader: Person) {
  const messageId = newMessageId()
  const inner = Buffer.from('Content-Type: text/plain\r\n\r\nsecret text\r\n')
  const entity = findJudge().encrypt(inner, reader.certificate.certificate).toString('latin1')
  const head = `From: bob@partner.example\r\nTo: ${reader.address}\r\nSubject: s\r\nDate: Tue, 24 Nov 2026 10:00:00 +0000\r\nMessage-ID: ${messageId}\r\n`
  const raw = await signedBy(partner, head + entity, 'From:Date:Subject:Message-ID:Content-Type')
  const { reply } = await stage.world.send({ from: 'bob@partner.example', to: reader.address, raw })
  assert.match(reply, /^250/)
  return () =>
    stage.exchange.waitForMail(
      reader.address,
      (mail) => mail.message.value('Message-ID') === messageId,
      20_000,
    )
}

for (const preset of ['as-documented', 'recommended'] as const)
  describe(`mail authentication, ${preset}`, () => {
    let dns: TextServer
    let stage: Stage
    let alice: Person
    before(async () => {
      dns = await startTextServer(table())
      stage = await open(dns, { preset, tenantSpec: { arcSealing } }, (built) => {
        alice = built.addEmployee('alice@contoso.example')
      })
    })
    after(async () => {
      await stage.close()
      await dns.close()
    })

    it('a decrypted mail arrives sealed, with what Exchange had found when it first came', async () => {
      const arrival = await encrypted(stage, alice)
      const { message } = await arrival()
      assert.match(decodedBody(message.raw).toString(), /secret text/)
      assert.deepEqual((await chainOf(message.raw)).slice(0, 2), ['pass', 2])
      const results = message.values('ARC-Authentication-Results').find((value) => value.startsWith('i=2;'))
      assert.match(
        results ?? '',
        new RegExp(`^i=2; ${CONTOSO.fqdn}; spf=fail .*dkim=pass .*dmarc=pass .*; arc=pass$`),
      )
    })

    it('a signed mail leaves with a chain that holds from mailbox to world', async () => {
      const messageId = newMessageId()
      stage.exchange.submit({ tenant: CONTOSO.id, from: alice.address, to: ['carol@other.example'], ...plainMail(alice.address, 'carol@other.example', messageId, 'text\r\n') }) // prettier-ignore
      const { raw } = await stage.world.waitFor(
        (mail) => fieldOf(mail.raw, 'message-id') === messageId,
        20_000,
      )
      assert.match(fieldOf(raw, 'content-type') ?? '', /^multipart\/signed/)
      const [result, instance, ...signatures] = await chainOf(raw)
      assert.deepEqual([result, instance], ['pass', 3])
      assert.match(fieldOf(raw, 'arc-seal', (value) => value.startsWith('i=2;')) ?? '', /cv=pass/)
      // The signatures that our treatment broke are gone, those that Exchange made anew hold.
      assert.deepEqual(signatures, ['pass', 'pass'])
    })

    describe('without a tenant id', () => {
      const mail = (messageId: string) =>
        `From: ${alice.address}\r\nTo: dora@other.example\r\nSubject: s\r\nDate: Tue, 24 Nov 2026 10:00:00 +0000\r\nMessage-ID: ${messageId}\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\ntext\r\n`
      /** As Exchange would send it; the reply. */
      async function send(
        raw: string,
        to = 'dora@other.example',
        secret = preset === 'recommended' ? stage.outboundSecret : '',
      ): Promise<string> {
        const source = await openSource({
          port: stage.gateway.config.port,
          connections: 1,
          client: stage.certificates.exchangeClient,
        })
        try {
          await source.send(1, () => ({ from: alice.address, to, data: Buffer.from(secret + raw) }))
          return '250'
        } catch (error) {
          return String(error)
        } finally {
          source.close()
        }
      }

      it('a mail that the tenant has signed is taken, and the trace says by what', async () => {
        for (const by of [domain, moera]) {
          const messageId = newMessageId()
          assert.equal(await send(await signedBy(by, mail(messageId))), '250')
          const { raw } = await stage.world.waitFor(
            (one) => fieldOf(one.raw, 'message-id') === messageId,
            20_000,
          )
          assert.match(bodyOf(raw).toString(), /text/)
          const found = JSON.stringify(stage.gateway.json(['trace', 'find', '--message-id', messageId]))
          const [, id = ''] = /"mailId":"([0-9A-Z]{26})"/.exec(found) ?? []
          assert.match(JSON.stringify(stage.gateway.json(['trace', 'show', id])), /"tenant-dkim"/)
        }
      })

      it('any other is refused like everything that is not proved', async () => {
        const refused = /550 5\.7\.1 Not authorized/
        const good = await signedBy(domain, mail(newMessageId()))
        assert.match(await send(mail(newMessageId())), refused)
        assert.match(await send(good.replace('\r\ntext', '\r\nnext')), refused)
        assert.match(await send(`From: eve@evil.example\r\n${good}`), refused)
        assert.match(await send(await signedBy(partner, mail(newMessageId()))), refused)
        assert.match(await send((await signedBy(partner, mail(newMessageId()))).replace('d=partner.example', `d=${CONTOSO.domain}`)), refused) // prettier-ignore
        const line = await stage.gateway.waitForLog(({ reason }) => reason === 'dkim-not-valid')
        assert.equal(line['event'], 'mail-refused')
      })

      it('a signed mail that somebody caught and sends again: what holds against it, and what does not', async () => {
        const refused = /550 5\.7\.1 Not authorized/
        const messageId = newMessageId()
        // As its receiver has it: the signature is true, the stamps of Exchange are gone.
        const caught = await signedBy(domain, mail(messageId))
        const arrived = () =>
          stage.world.received().filter(({ raw }) => fieldOf(raw, 'message-id') === messageId)
        // By another tenant, whose Exchange Online stamps its own id.
        const stamped = `X-MS-Exchange-CrossTenant-Id: 99999999-9999-4999-8999-999999999999\r\n${caught}`
        assert.match(await send(stamped, 'victim@other.example', ''), refused)
        // To one of our own people, to whom it would seem to come from inside.
        assert.match(await send(caught, alice.address, ''), refused)
        // Changed in what is signed.
        assert.match(
          await send(caught.replace('Subject: s', 'Subject: t'), 'victim@other.example', ''),
          refused,
        )
        assert.equal(arrived().length, 0)
        // As it is, without any id, through an Exchange Online: nothing tells it from Alice's own mail but the secret.
        const said = await send(caught, 'victim@other.example', '')
        if (preset === 'recommended') {
          assert.match(said, refused)
          assert.equal(arrived().length, 0)
          return
        }
        assert.equal(said, '250')
        const { raw } = await stage.world.waitFor(
          (one) => fieldOf(one.raw, 'message-id') === messageId,
          20_000,
        )
        assert.match(fieldOf(raw, 'content-type') ?? '', /^multipart\/signed/)
        // Alice's words and no others, and the trace says on what it rests.
        assert.match(bodyOf(raw).toString(), /text/)
        const [found] = stage.gateway.json(['trace', 'find', '--message-id', messageId]) as {
          mailId: string
        }[]
        assert.match(
          JSON.stringify(stage.gateway.json(['trace', 'show', found?.mailId ?? ''])),
          /"tenant-dkim"/,
        )
      })

      it('while DNS keeps silent the sender is told to come again', async () => {
        const late = rsaKey(CONTOSO.domain, 'late')
        dns.table.set(late.at, null)
        assert.match(await send(await signedBy(late, mail(newMessageId()))), /451 4\.7\.5 Not authorized yet/)
        dns.table.set(late.at, [late.record])
        assert.equal(await send(await signedBy(late, mail(newMessageId()))), '250')
      })
    })
  })

describe('where Exchange judges what comes back as mail of a stranger', () => {
  let dns: TextServer
  before(async () => {
    dns = await startTextServer(table())
  })
  after(() => dns.close())

  for (const tenantSpec of [{ arcSealing }, {}])
    it(`a decrypted mail of a domain with DMARC reject ${'arcSealing' in tenantSpec ? 'arrives by its seal' : 'is refused without a seal'}`, async () => {
      const people: Person[] = []
      const stage = await open(dns, { tenantSpec, withoutInboundConnector: true }, (built) => {
        people.push(built.addEmployee('alice@contoso.example'))
      })
      try {
        const [alice] = people
        assert.ok(alice !== undefined)
        const arrival = await encrypted(stage, alice)
        if (!('arcSealing' in tenantSpec)) {
          const refused = await stage.exchange.waitFor((event) => event.type === 'refused', 20_000)
          assert.match(
            JSON.stringify(refused),
            /550 5\.7\.509 Access denied, sending domain \[partner\.example\]/,
          )
          return
        }
        const { message } = await arrival()
        assert.match(decodedBody(message.raw).toString(), /secret text/)
        assert.match(message.values('Authentication-Results')[0] ?? '', /dmarc=fail .*compauth=pass reason=130;arc=pass \(0 oda=1 ltdi=1\)/) // prettier-ignore
      } finally {
        await stage.close()
      }
    })
})

/**
 * Many tenants behind one gateway: what one encrypts for another is opened there, a list brings mail back, and no mail leaves under
 * the name or arrives at the place of another tenant, whatever goes wrong on the way.
 */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { fieldOf } from './demo/look.ts'
import { findJudge } from './stage/judge.ts'
import type { Person } from './stage/stage.ts'
import { openStreet, type House, type Street } from './stage/street.ts'
import { playTraffic } from './tenants/traffic.ts'

/** SIEGEL_MAILS sets another number for the long run, and SIEGEL_RESULT names a file for its figures. */
const MAILS = Number(process.env['SIEGEL_MAILS'] ?? 500)
const HOUSES = 20
const WAIT = 30_000

const judge = findJudge()

function newId(): string {
  return `<${randomBytes(9).toString('hex')}@tenants.example>`
}

function mail(from: string, to: string, messageId: string, body: string) {
  const headers: [string, string][] = [
    ['From', from],
    ['To', to],
    ['Subject', 'Between tenants'],
    ['Message-ID', messageId],
    ['MIME-Version', '1.0'],
    ['Content-Type', 'text/plain; charset=us-ascii'],
  ]
  return { from, to, headers, body }
}

/** The traces of a mail: one for each pass by the gateway. */
function tracesOf(street: Street, messageId: string): { tenant: string; direction: string }[] {
  return street.gateway.json(['trace', 'find', '--message-id', messageId]) as {
    tenant: string
    direction: string
  }[]
}

/** The verdict in a tenant's name. */
function stampOf(raw: Buffer, { fqdn }: House): string {
  return fieldOf(raw, 'authentication-results', (value) => value.startsWith(fqdn)) ?? ''
}

describe('twenty tenants behind one gateway', () => {
  let street: Street
  const people = new Map<string, Person>()
  const personOf = (house: House): Person => {
    const found = people.get(house.name)
    assert.ok(found)
    return found
  }

  before(async () => {
    street = await openStreet(
      { houses: HOUSES, settings: { queue: { retryFirst: '1s', retryLongest: '2s' } } },
      (built) => {
        for (const house of built.houses) {
          const person = built.person(`ann@${house.domain}`)
          people.set(house.name, person)
          built.giveKey(house, person)
        }
        // Everybody knows the certificate of the next four.
        for (const [at, house] of built.houses.entries())
          for (let step = 1; step <= 4; step++)
            built.giveCertificate(house, personOf(built.house((at + step) % HOUSES)))
      },
    )
  })
  after(() => street.close())

  for (const [from, to] of [
    [0, 2],
    [1, 3],
    [2, 3],
    [3, 4],
  ] as const)
    it(`opens at tenant ${to} what tenant ${from} has signed and encrypted`, async () => {
      const [a, b] = [street.house(from), street.house(to)]
      const [sender, reader] = [personOf(a).address, personOf(b).address]
      const messageId = newId()
      street.exchange.submit({ tenant: a.id, ...mail(sender, reader, messageId, 'The key is 4711.\r\n') })
      const { message, tenant } = await street.exchange.waitForMail(
        reader,
        (one) => one.message.value('Message-ID') === messageId,
        WAIT,
      )
      assert.equal(tenant, b.id)
      assert.ok(message.raw.includes('The key is 4711.'), 'it is not readable')
      // The signature stays in the decrypted mail, and everybody can check it.
      const verified = judge.verify(message.raw, street.certificates.mail.root)
      assert.ok(verified.good, verified.words)
      const stamp = stampOf(message.raw, b)
      assert.match(stamp, /smime=pass/)
      assert.match(stamp, /encrypted/)
      assert.equal(stampOf(message.raw, a), '', 'tenant A has judged its own mail')
      const traces = tracesOf(street, messageId).map((trace) => `${trace.tenant} ${trace.direction}`)
      assert.deepEqual(traces.toSorted(), [`${a.name} outbound`, `${b.name} inbound`].toSorted())
      // What came back from the gateway for A was sealed: A's Exchange Online has never had it in clear again.
      const sealed = street.exchange
        .events()
        .filter(
          (event) => event.type === 'accepted' && event.messageId === messageId && event.tenant === a.id,
        )
      assert.equal(sealed.length, 1)
    })

  it('takes back what a mailing list has sent on, and judges it anew', async () => {
    const house = street.house(1)
    assert.equal(house.preset, 'recommended')
    const poster = personOf(house)
    const reader = `reader@${house.domain}`
    const list = 'discuss@lists.world.example'
    for (const footer of [false, true]) {
      const messageId = newId()
      street.exchange.submit({
        tenant: house.id,
        ...mail(poster.address, list, messageId, 'What do you think?\r\n'),
      })
      const atList = await street.world.waitFor(({ raw }) => fieldOf(raw, 'message-id') === messageId, WAIT)
      assert.ok(judge.verify(atList.raw, street.certificates.mail.root).good)
      const text = atList.raw.toString('latin1')
      const distributed = footer ? text.replace('What do you think?', 'What do you think? [list]') : text
      const accepted = await street.world.send({
        from: 'discuss-bounces@lists.world.example',
        to: [reader, poster.address],
        raw: Buffer.from(
          `List-Id: <discuss.lists.world.example>\r\nPrecedence: list\r\n${distributed}`,
          'latin1',
        ),
      })
      assert.equal(accepted.accepted.length, 2, accepted.reply)
      for (const address of [reader, poster.address]) {
        const { message } = await street.exchange.waitForMail(
          address,
          (one) => one.message.value('Message-ID') === messageId,
          WAIT,
        )
        assert.match(stampOf(message.raw, house), footer ? /smime=fail/ : /smime=pass/)
        assert.equal(judge.verify(message.raw, street.certificates.mail.root).good, !footer)
        assert.equal(fieldOf(message.raw, `x-${house.name}-processed`), undefined, 'the word is still in it')
      }
      const traces = tracesOf(street, messageId).map(({ direction }) => direction)
      assert.deepEqual(traces.toSorted(), ['inbound', 'outbound'])
    }
  })

  it(`delivers ${MAILS} mails where they belong, each under its tenant's certificate, whatever goes wrong`, async (context) => {
    const result = await playTraffic({
      street,
      judge,
      mails: MAILS,
      personOf,
      progress: (text) => {
        context.diagnostic(text)
      },
    })
    const { missing, astray, wrongForm, foreign, returned, resumed } = result
    const nothing: string[] = []
    assert.deepEqual(
      { missing, astray, wrongForm, foreign },
      { missing: nothing, astray: nothing, wrongForm: nothing, foreign: nothing },
    )
    assert.ok(returned >= MAILS, `${returned} mails came back`)
    assert.ok(resumed > 0, 'no TLS session was resumed')
    const figures = { ...result, missing: 0, astray: 0, wrongForm: 0, foreign: 0 }
    context.diagnostic(JSON.stringify(figures))
    const file = process.env['SIEGEL_RESULT']
    if (file !== undefined) writeFileSync(file, JSON.stringify(figures))
  })
})

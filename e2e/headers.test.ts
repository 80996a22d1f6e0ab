/**
 * Leaving headers right (design S2): an Exchange message with 60 header fields, long, folded, doubled, `X-MS-Exchange-*` and
 * non-ASCII, comes out with every field unchanged and in order, but for the complete list of exceptions.
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { newMessageId } from './demo/acts.ts'
import { bodyOf } from './demo/look.ts'
import { CONTENT, exchangeFields } from './stage/exchange-fields.ts'
import { CONTOSO } from './stage/objects.ts'
import { openStage, type Stage } from './stage/stage.ts'

/** The header section of a message as fields with their line ends. */
function fieldsOf(raw: Buffer): string[] {
  const text = raw.toString('utf8', 0, raw.indexOf('\r\n\r\n') + 2)
  return text.split(/(?<=\r\n)(?![ \t])/)
}

const OWN = /^(Received|X-Siegel-[A-Za-z-]+|Authentication-Results|X-Contoso-Processed):/
const CONTENT_FIELD = /^(Content-[A-Za-z-]+|MIME-Version):/i

describe('headers of Exchange', () => {
  let stage: Stage
  before(async () => {
    stage = await openStage({}, (built) => {
      built.addEmployee('alice@contoso.example')
      built.addPartner('sealed@partner.example')
    })
  })
  after(() => stage.close())

  /** What the gateway was given and what it gave back, as the simulator saw both. */
  async function through(to: string): Promise<{ given: string[]; back: string[]; raw: Buffer }> {
    const messageId = newMessageId()
    const sent = exchangeFields(messageId, 'alice@contoso.example', to)
    const raw = Buffer.from(`${sent.join('')}${CONTENT}\r\nGr\u00fc\u00dfe\r\n`)
    stage.exchange.submit({
      tenant: CONTOSO.id,
      from: 'alice@contoso.example',
      to,
      envelope: { smtpUtf8: true },
      raw,
    })
    const mail = await stage.world.waitFor(({ recipients }) => recipients.includes(to))
    return { given: sent, back: fieldsOf(mail.raw), raw: mail.raw }
  }

  for (const [name, to] of [
    ['clear-signed', 'clear@nocert.example'],
    ['encrypted', 'sealed@partner.example'],
  ] as const)
    it(`of ${name} mail are unchanged and in order`, async () => {
      const { given, back } = await through(to)
      assert.ok(given.length >= 55)
      const wanted = new Set(given)
      assert.deepEqual(
        back.filter((field) => wanted.has(field)),
        given,
      )
    })

  it('stand outside, never inside the signed entity', async () => {
    const { raw } = await through('inner@nocert.example')
    const body = raw.toString('latin1', raw.indexOf('\r\n\r\n') + 4)
    for (const name of ['X-MS-Exchange-Custom-1', 'X-Doubled', 'Thread-Index', 'msip_labels'])
      assert.ok(!body.includes(name), name)
    assert.match(body, /Content-Language: de-DE/)
  })

  it('of inbound mail come out byte for byte below ours', async () => {
    const messageId = newMessageId()
    const raw = Buffer.from(
      `${exchangeFields(messageId, 'bob@partner.example', 'alice@contoso.example').join('')}${CONTENT}\r\nGr\u00fc\u00dfe\r\n`,
    )
    await stage.world.send({
      from: 'bob@partner.example',
      to: 'alice@contoso.example',
      envelope: { smtpUtf8: true },
      raw,
    })
    const { message } = await stage.exchange.waitForMail(
      'alice@contoso.example',
      (mail) => mail.message.value('Message-ID') === messageId,
    )
    // Exchange itself adds fields of its own below the last one.
    assert.ok(message.raw.includes(raw.subarray(0, raw.indexOf('\r\n\r\n') + 2)))
    assert.ok(bodyOf(message.raw).equals(bodyOf(raw)))
  })

  it('have ours on top, and nothing else is added to a signed mail but what S/MIME needs', async () => {
    const { given, back } = await through('top@nocert.example')
    const wanted = new Set(given)
    const added = back.filter(
      (field) =>
        !wanted.has(field) &&
        !/^(X-MS-Exchange-|X-OriginatorOrg|X-EOP|X-Forefront|X-OrganizationHeadersPreserved|DKIM-Signature|ARC-)/i.test(
          field,
        ),
    )
    for (const field of added) assert.ok(OWN.test(field) || CONTENT_FIELD.test(field), `added: ${field}`)
    const firstGiven = back.findIndex((field) => wanted.has(field))
    const marker = back.findIndex((field) => field.startsWith('X-Siegel-Pass:'))
    assert.ok(marker >= 0 && marker < firstGiven)
  })
})

/**
 * Leaving headers right (design S2): an Exchange message with 60 header fields, long, folded, doubled, `X-MS-Exchange-*` and
 * non-ASCII, comes out with every field unchanged and in order, but for the complete list of exceptions.
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { newMessageId } from './demo/acts.ts'
import { bodyOf } from './demo/look.ts'
import { CONTOSO } from './stage/objects.ts'
import { openStage, type Stage } from './stage/stage.ts'

/** Fields as Exchange writes them, each with its line ends. */
function exchangeFields(messageId: string, from: string, to: string): string[] {
  const long = `X-Microsoft-Antispam-Message-Info: ${Array.from({ length: 40 }, (_, index) => `${String(index).padStart(3, '0')}${'A'.repeat(70)}`).join('\r\n\t')}\r\n`
  const many = Array.from(
    { length: 24 },
    (_, index) => `X-MS-Exchange-Custom-${index}: value ${index};\r\n\tfolded=${index}\r\n`,
  )
  return [
    `From: =?utf-8?Q?Alice_M=C3=BCller?= <${from}>\r\n`,
    `To: "Bob, B." <${to}>\r\n`,
    `Subject: =?iso-8859-1?Q?Gr=FC=DFe?=\r\n =?utf-8?B?w6TDtsO8?=\r\n`,
    `Thread-Topic: =?utf-8?B?R3LDvMOfZQ==?=\r\n`,
    `Thread-Index: AdjXYZ==\r\n`,
    `Date: Tue, 24 Nov 2026 09:00:00 +0100\r\n`,
    `Message-ID: ${messageId}\r\n`,
    `References: <a@b>\r\n <c@d>\r\n\t<e@f>\r\n`,
    `In-Reply-To: <e@f>\r\n`,
    `Accept-Language: de-DE, en-US\r\n`,
    `X-MS-Has-Attach: yes\r\n`,
    `X-MS-TNEF-Correlator:\r\n`,
    `x-ms-exchange-senderadcheck: 1\r\n`,
    `msip_labels: MSIP_Label_${'0123456789abcdef'.repeat(60)}_Enabled=True;\r\n`,
    `X-Doubled: one\r\n`,
    `X-Doubled: two\r\n`,
    `x-DOUBLED: three\r\n`,
    `X-Empty:\r\n`,
    `X-Spaces:    kept   as   they are   \r\n`,
    `X-Non-Ascii: Gr\u00fc\u00dfe \u2013 \u65e5\u672c\r\n`,
    `X-No-Space:value\r\n`,
    `X-Only-Folded:\r\n  value on the second line\r\n`,
    `Received: from a.example by b.example with ESMTP id 1; Tue, 24 Nov 2026 08:59:00 +0100\r\n`,
    `X-Long-Line: ${'0123456789'.repeat(300)}\r\n`,
    `X-Classification: intern\r\n`,
    `X-Mailer: Microsoft Outlook 16.0\r\n`,
    `Importance: high\r\n`,
    `X-Priority: 1\r\n`,
    `Sensitivity: private\r\n`,
    `List-Unsubscribe: <mailto:u@list.example>\r\n`,
    `Comments: last but one\r\n`,
    long,
    ...many,
  ]
}

const CONTENT =
  'MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\nContent-Language: de-DE\r\n'

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

/**
 * A sender on the Internet who knows our names and words and writes them into a mail to us.
 */
import assert from 'node:assert/strict'
import { contains, fieldOf } from '../demo/look.ts'
import { decisions, headerOf, newId, writeIn, type Scenario, type Setting } from '../seed/setting.ts'
import { CONTOSO } from '../stage/objects.ts'
import { callGateway } from '../stage/stranger.ts'
import { fieldsOf } from '../stage/wire.ts'
import { expectReported, inMailbox, traced, verdictOf } from './look.ts'
import { renewed, secretOf } from './other-tenant.ts'

const INNER = 'Content-Type: text/plain; charset=us-ascii\r\n\r\nThe answer is 42.\r\n'

/** Sends an encrypted mail with these fields in; gives the Message-ID. */
async function forge(setting: Setting, fields: string): Promise<string> {
  const { judge, people } = setting
  const messageId = newId()
  const sealed = judge.encrypt(Buffer.from(INNER), people.alice.certificate.certificate)
  const header = Buffer.from(headerOf(people.writer.address, people.alice.address, messageId, fields))
  await writeIn(setting, people.writer.address, people.alice.address, Buffer.concat([header, sealed]))
  return messageId
}

/** It went through the gateway like any other mail from outside: once, inbound, decrypted, with our verdict. */
async function expectProcessed(setting: Setting, messageId: string) {
  const raw = await inMailbox(setting, messageId)
  assert.ok(contains(raw, 'The answer is 42.'), 'it was skipped: it arrived encrypted')
  assert.match(verdictOf(raw) ?? '', /smime=none\b/)
  assert.equal(setting.stage.exchange.passes(messageId), 2)
  const { received } = await traced(setting, messageId)
  assert.equal(received.direction, 'inbound')
  assert.equal(received.earlierPasses, 0)
  return { raw, received }
}

/** The processed words of the tenant, as its rules have them; none with `as-documented`. */
function wordsOf({ stage }: Setting): string[] {
  const rules = stage.exchange.tenant(CONTOSO.id).rules ?? []
  return rules.flatMap((rule) =>
    rule.exceptIfHeaderContainsMessageHeader === 'X-Contoso-Processed'
      ? (rule.exceptIfHeaderContainsWords ?? [])
      : [],
  )
}

/** The word by which the rules know mail that has passed the gateway. */
export const PROCESSED: Scenario = {
  name: 'Gefälschtes Merkwort / a forged processed word, the true one even: does not skip the gateway',
  async play(setting) {
    const recommended = setting.preset === 'recommended'
    const words = recommended ? wordsOf(setting) : ['abcdefghijklmnopqrstuvwxyz']
    const name = recommended ? 'X-Contoso-Processed' : 'X-Siegel-Processed'
    assert.ok(words.length > 0)
    const messageId = await forge(setting, `${name}: ${words.join(' ')}\r\n`)
    const { received } = await expectProcessed(setting, messageId)
    // Stripped by the tenant's own first rule where there are words, else by the gateway.
    if (recommended) {
      const [first] = decisions(setting, messageId)
      assert.ok(first?.rules.includes('Siegel 000 strip processed field') === true, first?.rules.join() ?? '')
    } else assert.deepEqual(received.removed, [{ name, reason: 'own-header' }])
  },
}

/** The stamp that proves the tenant and gives the direction. */
export const SECRET: Scenario = {
  name: 'Gefälschtes Geheimnis / a forged secret header, the true one even: neither proves nor turns the direction',
  async play(setting) {
    const { wire, preset } = setting
    const out = secretOf(setting, 'out') ?? 'out:guessed'
    const messageId = await forge(setting, `X-Contoso-Route: ${out}\r\nx-contoso-route: in:guessed\r\n`)
    const { received } = await expectProcessed(setting, messageId)
    const { given } = await wire.pass(messageId)
    const lines = fieldsOf(given.raw).filter((field) => /^x-contoso-route:/i.test(field))
    if (preset === 'recommended') {
      // One line, that of the rule: those of the sender are gone.
      assert.deepEqual(lines, [`X-Contoso-Route: ${secretOf(setting, 'in') ?? ''}\r\n`])
      assert.ok(received.factors.includes('secret-header'))
      assert.deepEqual(
        received.removed.map(({ reason }) => reason),
        ['secret-header'],
      )
    } else {
      assert.equal(lines.length, 2)
      assert.deepEqual([received.factors.includes('secret-header'), received.removed], [false, []])
    }
  },
}

const INTERNAL =
  'X-MS-Exchange-CrossPremises-AuthAs: Internal\r\nX-MS-Exchange-CrossPremises-AuthMechanism: 04\r\n' +
  'X-MS-Exchange-CrossPremises-SCL: -1\r\nX-MS-Exchange-Organization-AuthAs: Internal\r\nX-MS-Exchange-Organization-SCL: -1\r\n' +
  `X-MS-Exchange-CrossTenant-Id: ${CONTOSO.id}\r\n`

/** The fields by which Exchange Online tells itself who is inside. */
export const CROSS_PREMISES: Scenario = {
  name: 'Gefälschte CrossPremises-Kopfzeilen / forged CrossPremises headers: mail from outside stays outside, the gateway launders none',
  async play(setting) {
    const { stage, people, wire } = setting
    const messageId = await forge(setting, INTERNAL)
    const { raw } = await expectProcessed(setting, messageId)
    const authors = (mail: Buffer, family: string) =>
      fieldsOf(mail).filter((field) => field.toLowerCase().startsWith(`x-ms-exchange-${family}-authas:`))
    assert.deepEqual(authors(raw, 'organization'), ['X-MS-Exchange-Organization-AuthAs: Anonymous\r\n'])

    // If the firewall of Exchange Online failed, the gateway would still not carry them back in.
    const { given } = await wire.pass(messageId)
    const forged = renewed(given.raw, INTERNAL.replace(/X-MS-Exchange-CrossTenant-Id.*\r\n/, ''))
    const letter = { sender: people.writer.address, recipients: [people.alice.address], raw: forged.raw }
    const { port } = stage.gateway.config
    assert.match(
      (await callGateway({ port, client: stage.certificates.exchangeClient }, letter)).last,
      /^250 /,
    )
    const delivered = await inMailbox(setting, forged.messageId)
    const [back] = wire.of(forged.messageId)
    assert.ok(back?.direction === 'in')
    assert.deepEqual([authors(back.raw, 'crosspremises'), authors(back.raw, 'organization')], [[], []])
    assert.deepEqual(authors(delivered, 'organization'), ['X-MS-Exchange-Organization-AuthAs: Anonymous\r\n'])
    const { received } = await traced(setting, forged.messageId)
    const reasons = new Set(received.removed.map(({ reason }) => reason))
    assert.ok(reasons.has('internal-author-claimed') && reasons.has('internal-header-repeated'), [...reasons].join()) // prettier-ignore
  },
}

/** The tenant id of another tenant. */
export const TENANT_ID: Scenario = {
  name: 'Fremde Mandanten-Id aus dem Internet / the tenant id of another: Exchange Online stamps its own, ours counts',
  async play(setting) {
    const messageId = await forge(setting, 'X-MS-Exchange-CrossTenant-Id: 99999999-9999-4999-8999-999999999999\r\n') // prettier-ignore
    const { received } = await expectProcessed(setting, messageId)
    assert.ok(received.factors.includes('tenant-id'))
  },
}

/** The seed's own exception. */
export const RECEIVED: Scenario = {
  name: 'Gefälschte Received-Zeile / a forged Received line with our FQDN: does not skip; as-documented is open to it, and says so',
  async play(setting) {
    const { stage } = setting
    const line = `Received: from x.example by ${CONTOSO.fqdn} with ESMTPS id 1; Tue, 24 Nov 2026 09:00:00 +0000\r\n`
    const messageId = await forge(setting, line)
    if (setting.preset === 'recommended') {
      await expectProcessed(setting, messageId)
      return
    }
    // Open by nature: the seed's exception is this very line. The mail reaches the mailbox as it was sent, and nobody vouches for it.
    const raw = await inMailbox(setting, messageId)
    assert.equal(stage.exchange.passes(messageId), 1)
    assert.ok(!contains(raw, 'The answer is 42.'))
    assert.match(fieldOf(raw, 'content-type') ?? '', /^application\/(?:x-)?pkcs7-mime/)
    assert.equal(verdictOf(raw), undefined)
    assert.deepEqual(stage.gateway.json(['trace', 'find', '--message-id', messageId]), [])
    await expectReported(setting, {
      en: /The exception "Received contains smime-gw\.contoso\.example" can be forged by any sender on the Internet/,
      de: /Die Ausnahme „Received enthält smime-gw\.contoso\.example“ kann jeder Absender im Internet fälschen/,
    })
  },
}

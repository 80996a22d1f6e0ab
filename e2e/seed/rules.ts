/**
 * S6 and S7: the two rules. Mail goes to the gateway once, comes back processed, is known by the exception and goes its way: it never loops.
 * Signatures and decryption are judged by OpenSSL.
 */
import assert from 'node:assert/strict'
import { bodyOf, contains, fieldOf, signedBody } from '../demo/look.ts'
import { CONNECTORS } from '../stage/assistant.ts'
import { CONTOSO } from '../stage/objects.ts'
import { fieldsOf } from '../stage/wire.ts'
import { decisions, headerOf, newId, writeIn, writeOut, type Scenario, type Setting } from './setting.ts'

const RULES = {
  'as-documented': { inbound: 'S/MIME eingehend', outbound: 'S/MIME ausgehend' },
  recommended: { inbound: 'Siegel 300 inbound to gateway', outbound: 'Siegel 200 outbound to gateway' },
} as const

/** The rule stands in the tenant as the seed says it; with `recommended` another field and word make the exception. */
function expectRule({ preset, stage }: Setting, direction: 'inbound' | 'outbound'): void {
  const name = RULES[preset][direction]
  const rule = stage.exchange.tenant(CONTOSO.id).rules?.find((one) => one.name === name)
  assert.ok(rule !== undefined, name)
  const [from, to] = direction === 'inbound' ? ['NotInOrganization', 'InOrganization'] : ['InOrganization', 'NotInOrganization'] // prettier-ignore
  assert.deepEqual([rule.fromScope, rule.sentToScope], [from, to])
  assert.deepEqual([rule.routeMessageOutboundConnector, rule.stopRuleProcessing], [CONNECTORS.outbound, true])
  if (preset === 'as-documented') {
    assert.equal(rule.exceptIfHeaderContainsMessageHeader, 'Received')
    assert.deepEqual(rule.exceptIfHeaderContainsWords, [CONTOSO.fqdn])
    assert.equal(rule.setHeaderName, undefined)
  } else {
    assert.equal(rule.exceptIfHeaderContainsMessageHeader, 'X-Contoso-Processed')
    assert.equal(rule.exceptIfHeaderContainsWords?.length, 1)
    assert.equal(rule.setHeaderName, 'X-Contoso-Route')
  }
}

/** Once out to the gateway by the rule, once back; then the exception holds and the mail is at its end. */
async function expectOnePass(
  setting: Setting,
  messageId: string,
  direction: 'inbound' | 'outbound',
): Promise<void> {
  // prettier-ignore
  const { stage, wire, preset } = setting
  const { back } = await wire.pass(messageId)
  const [top = ''] = fieldsOf(back.raw)
  assert.match(top, /^Received: from \S+ \(\[127\.0\.0\.1\]\)\r\n by smime-gw\.contoso\.example with (?:UTF8SMTP|ESMTP)S\r\n/) // prettier-ignore
  assert.ok(!/\bfor\b/.test(top), 'the field names a recipient')
  await stage.exchange.idle()
  const rule = RULES[preset][direction]
  const passes = decisions(setting, messageId)
  assert.deepEqual(
    passes.map(({ rules, connector }) => [rules.includes(rule), connector]),
    [
      [true, CONNECTORS.outbound],
      [false, undefined],
    ],
  )
  assert.equal(stage.exchange.passes(messageId), 2)
  const out = wire.of(messageId).filter(({ connector }) => connector === CONNECTORS.outbound)
  assert.equal(out.length, 1, 'it went to the gateway more than once')
}

const INNER = Buffer.from('Content-Type: text/plain; charset=us-ascii\r\n\r\nThe secret answer is 42.\r\n')

/** The inbound rule. */
export const INBOUND_RULE: Scenario = {
  name: 'S6 Regel „S/MIME eingehend“ / inbound rule: routed once, decrypted and verified, returned, never looped',
  async play(setting) {
    const { stage, judge, people } = setting
    expectRule(setting, 'inbound')
    const { alice, writer } = people
    const messageId = newId()
    const { certificate, key } = writer.certificate
    const sealed = judge.encrypt(judge.sign(INNER, certificate, key), alice.certificate.certificate)
    const header = Buffer.from(headerOf(writer.address, alice.address, messageId))
    await writeIn(setting, writer.address, alice.address, Buffer.concat([header, sealed]))
    const { message } = await stage.exchange.waitForMail(
      alice.address,
      (mail) => mail.message.value('Message-ID') === messageId,
      20_000,
    )
    assert.ok(contains(message.raw, 'The secret answer is 42.'), 'it arrived encrypted')
    const own = (value: string) => value.startsWith(CONTOSO.fqdn)
    assert.match(fieldOf(message.raw, 'authentication-results', own) ?? '', /smime=pass\b/)
    await expectOnePass(setting, messageId, 'inbound')
    // What Exchange Online found on the first pass is kept: mail from outside does not become internal.
    assert.equal(fieldOf(message.raw, 'x-ms-exchange-organization-authas'), 'Anonymous')

    // Mail that is no S/MIME goes the same way and comes back as it was.
    const plainId = newId()
    const body = 'Content-Type: text/plain\r\n\r\nplain\r\n'
    await writeIn(setting, writer.address, alice.address, Buffer.from(headerOf(writer.address, alice.address, plainId) + body)) // prettier-ignore
    const plain = await stage.exchange.waitForMail(alice.address, (mail) => mail.message.value('Message-ID') === plainId, 20_000) // prettier-ignore
    assert.equal(bodyOf(plain.message.raw).toString(), 'plain\r\n')
    assert.match(fieldOf(plain.message.raw, 'authentication-results', own) ?? '', /smime=none\b/)
    await expectOnePass(setting, plainId, 'inbound')
  },
}

const TEXT = 'Dear partner,\r\n\r\nthe figures.\r\n'

/** The outbound rule. */
export const OUTBOUND_RULE: Scenario = {
  name: 'S7 Regel „S/MIME ausgehend“ / outbound rule: routed once, signed and encrypted, returned, never looped',
  async play(setting) {
    const { stage, judge, people } = setting
    expectRule(setting, 'outbound')
    const { alice, sealed } = people
    const authority = stage.certificates.mail.root
    const arrival = (messageId: string) =>
      stage.world.waitFor((mail) => fieldOf(mail.raw, 'message-id') === messageId, 20_000)

    const clearId = writeOut(setting, alice.address, 'bob@nocert.example', TEXT)
    const clear = judge.verify((await arrival(clearId)).raw, authority)
    assert.ok(clear.good, clear.words)
    assert.equal(signedBody(clear.content).toString(), TEXT)
    await expectOnePass(setting, clearId, 'outbound')

    const sealedId = writeOut(setting, alice.address, sealed.address, TEXT)
    const { raw } = await arrival(sealedId)
    assert.ok(!contains(raw, 'Dear partner'), 'plaintext is in the mail')
    const opened = judge.decrypt(raw, sealed.certificate.certificate, sealed.certificate.key)
    assert.ok(opened.good, opened.words)
    const inside = judge.verify(opened.content, authority)
    assert.ok(inside.good, inside.words)
    assert.equal(signedBody(inside.content).toString(), TEXT)
    await expectOnePass(setting, sealedId, 'outbound')
    for (const field of ['x-contoso-route', 'x-contoso-processed'])
      assert.equal(fieldOf(raw, field), undefined)
  },
}

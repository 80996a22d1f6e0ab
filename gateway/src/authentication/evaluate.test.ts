// The full set for mail from the world, and the field that tells it: SPF, DKIM, DMARC and ARC with real signatures and a DNS of the
// test's own. The field is read back by mailauth's own reader of such fields, in an ARC set.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { sourceOf } from '@siegel/engine'
import { dkimSign, sealMessage } from 'mailauth'
import { evaluate, type EvaluatedMail } from './evaluate.ts'
import { authenticationResults } from './results-field.ts'
import { lookupOf, rsaKey, tableOf, type DnsTable } from './testing/keys.ts'

const key = rsaKey('partner.example')
const list = rsaKey('list.example')
const TABLE: DnsTable = {
  ...tableOf(key, list),
  'partner.example': ['v=spf1 ip4:192.0.2.1 -all'],
  '_dmarc.partner.example': ['v=DMARC1; p=reject'],
}
const MAIL =
  'From: Bob <bob@partner.example>\r\nTo: alice@contoso.com\r\nSubject: s\r\nDate: Tue, 24 Nov 2026 10:00:00 +0000\r\n\r\ntext\r\n'

async function signed(mail = MAIL): Promise<string> {
  const one = { signingDomain: key.domain, selector: key.selector, privateKey: key.pem }
  return (await dkimSign(mail, { ...one, signatureData: [one] })).signatures + mail
}

async function told(mail: string, change: Partial<EvaluatedMail> = {}, table = TABLE): Promise<string> {
  const results = await evaluate({ source: sourceOf(Buffer.from(mail)), longestLine: 80, signatures: 1, address: '192.0.2.1', helo: 'mx.partner.example', sender: 'bob@partner.example', authservId: 'gw.contoso.com', ...change }, lookupOf(table)) // prettier-ignore
  if (results === null) return 'beyond'
  return authenticationResults('gw.contoso.com', results)
    .toString()
    .replaceAll(/\r\n[ \t]?/g, ' ')
    .replaceAll(/ +/g, ' ')
    .trim()
}

describe('mail from the world', () => {
  it('that is what it says passes everything', async () => {
    assert.match(
      await told(await signed()),
      /^Authentication-Results: gw\.contoso\.com; spf=pass smtp\.mailfrom=bob@partner\.example; dkim=pass header\.d=partner\.example header\.s=s1 header\.a=rsa-sha256 header\.b="?[\w+/]{8}"?; dmarc=pass header\.from=partner\.example policy\.dmarc=reject$/,
    )
  })

  it('that is not is told apart, method by method', async () => {
    const elsewhere = { address: '198.51.100.1' }
    assert.match(await told(await signed(), elsewhere), /spf=fail .*dkim=pass .*dmarc=pass/)
    assert.match(
      await told(MAIL, elsewhere),
      /spf=fail .*dkim=none \(message not signed\); dmarc=fail header\.from/,
    )
    assert.match(await told((await signed()).replace('text', 'next'), elsewhere), /dkim=fail \(body hash did not verify\) .*dmarc=fail/) // prettier-ignore
    assert.match(
      await told(MAIL, { sender: '', helo: 'mx.other.example' }),
      /spf=none smtp\.helo=mx\.other\.example/,
    )
    const silent = { ...TABLE, [key.at]: null, 'partner.example': null }
    assert.match(await told(await signed(), {}, silent), /spf=temperror .*dkim=temperror/)
  })

  it('with a chain is told with it', async () => {
    const seal = { signingDomain: list.domain, selector: list.selector, privateKey: list.pem, authResults: 'list.example; dkim=pass', cv: 'none' } // prettier-ignore
    const sealed = (await sealMessage(MAIL, seal)).toString() + MAIL
    assert.match(await told(sealed), /arc=pass \(i=1 dkim=pass\)/)
    assert.match(await told(sealed.replace('text', 'next')), /arc=fail/)
    assert.match(await told(sealed, {}, { ...TABLE, [list.at]: null }), /arc=temperror/)
  })

  it('beyond the limits of the judge is not judged', async () => {
    assert.equal(await told(MAIL, { longestLine: 70_000 }), 'beyond')
    assert.equal(await told(MAIL, { signatures: 11 }), 'beyond')
  })
})

describe('an Authentication-Results field', () => {
  const one = (value: string) =>
    authenticationResults('gw.contoso.com', [
      { method: 'spf', result: 'pass', properties: [['smtp.mailfrom', value]] },
    ])
  it('says none when nothing was judged', () => {
    assert.equal(
      authenticationResults('gw.contoso.com', []).toString(),
      'Authentication-Results: gw.contoso.com; none\r\n',
    )
  })

  it('quotes what would be something else', () => {
    const cases: readonly [string, string][] = [
      ['a@b.example', 'a@b.example'],
      ['x; dmarc=pass', '"x; dmarc=pass"'],
      ['"a b"@c.example', '"\\"a b\\"@c.example"'],
      ['a\r\nBcc: x', '"a Bcc: x"'],
      ['a\u2028b', '"a b"'],
    ]
    for (const [value, written] of cases)
      assert.equal(one(value).toString().replaceAll('\r\n ', ' '), `Authentication-Results: gw.contoso.com; spf=pass smtp.mailfrom=${written}\r\n`) // prettier-ignore
    assert.doesNotMatch(
      authenticationResults('g.example', [{ method: 'dkim', result: 'fail', comment: 'x); spf=pass (', properties: [] }]).toString(), // prettier-ignore
      /\); spf=pass/,
    )
    assert.throws(() =>
      authenticationResults('g.example', [{ method: 'spf', result: 'pass; x', properties: [] }]),
    )
  })
})

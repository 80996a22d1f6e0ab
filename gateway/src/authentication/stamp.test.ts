// DKIM signatures and ARC seals of ours, judged by mailauth in its strict mode: every key type, chains continued, broken, closed.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { scanHeader, sourceOf } from '@siegel/engine'
import { authenticate, type AuthenticateResult } from 'mailauth'
import type { Arrival, DomainKey } from '../mail/authentication.ts'
import { createMailAuthentication } from './index.ts'
import { ed25519Key, lookupOf, rsaKey, tableOf, type DnsTable } from './testing/keys.ts'

const NOW = Date.now()
const [gate, second, edwards] = [rsaKey('gate.example'), rsaKey('second.example'), ed25519Key('gate.example')]
const TABLE = tableOf(gate, second, edwards)

const MAIL = Buffer.from(
  [
    'Received: from x by y; now',
    'From: Alice <alice@gate.example>',
    'To: bob@partner.example',
    'Subject: =?utf-8?q?a?=\r\n  folded \tsubject',
    'Subject-Not: x',
    'Date: Tue, 24 Nov 2026 10:00:00 +0000',
    'Message-ID: <1@gate.example>',
    'X-Umlaut: Gr\u00fc\u00dfe \u00e0',
    'MIME-Version: 1.0',
    'Content-Type: text/plain',
    '',
    ' leading  blanks\t',
    'line',
    '',
    '',
  ].join('\r\n'),
)

/** The mail as it arrives at us. */
function arrivalOf(mail: Buffer, table: DnsTable = TABLE): Promise<Arrival> {
  const { fields } = scanHeader(mail)
  const examined = {
    source: sourceOf(mail),
    bytes: mail,
    fields,
    removed: new Set<number>(),
    longestLine: 80,
  }
  return createMailAuthentication(lookupOf(table)).examine(examined)
}

async function sealed(mail: Buffer, key: DomainKey, change: Partial<Arrival['chain']> = {}): Promise<Buffer> {
  const arrival = await arrivalOf(mail)
  const request = {
    chunks: [mail],
    seal: {
      key,
      authservId: 'gw.gate.example',
      arrival: { ...arrival, chain: { ...arrival.chain, ...change } },
    },
    sign: [],
    now: NOW,
  }
  const { fields } = await createMailAuthentication(lookupOf(TABLE)).stamp(request)
  return Buffer.concat([fields, mail])
}

async function signed(
  mail: Buffer,
  sign: readonly DomainKey[],
  chunks: readonly Buffer[] = [mail],
): Promise<Buffer> {
  const { fields } = await createMailAuthentication(lookupOf(TABLE)).stamp({
    chunks,
    seal: null,
    sign,
    now: NOW,
  })
  return Buffer.concat([fields, mail])
}

function judged(mail: Buffer): Promise<AuthenticateResult> {
  return authenticate(mail, { resolver: lookupOf(TABLE), disableBimi: true, disableDmarc: true, ip: '192.0.2.1', helo: 'x.example', sender: 'a@gate.example', strict: true }) // prettier-ignore
}

const dkimOf = ({ dkim }: AuthenticateResult) =>
  dkim.results.map(
    ({ signingDomain, algo, status }) => `${signingDomain ?? '-'} ${algo ?? '-'} ${status.result}`,
  )
const arcOf = ({ arc }: AuthenticateResult) =>
  arc === false ? 'off' : `${arc.status.result} ${String(arc.i)}`

describe('DKIM signatures', () => {
  it('of both kinds verify', async () => {
    assert.deepEqual(dkimOf(await judged(await signed(MAIL, [gate, edwards]))), ['gate.example rsa-sha256 pass', 'gate.example ed25519-sha256 pass']) // prettier-ignore
  })

  it('are the same in whatever pieces the copy comes', async () => {
    const whole = (await signed(MAIL, [gate])).toString()
    for (const size of [1, 2, 3, 7, 64, 300]) {
      const pieces = Array.from({ length: Math.ceil(MAIL.length / size) }, (_, at) => MAIL.subarray(at * size, (at + 1) * size)) // prettier-ignore
      assert.equal((await signed(MAIL, [gate], pieces)).toString(), whole, String(size))
    }
  })

  it('of a mail without a body, or without an empty line, verify', async () => {
    const header = MAIL.subarray(0, MAIL.indexOf('\r\n\r\n') + 2)
    for (const mail of [header, Buffer.concat([header, Buffer.from('\r\n')])])
      assert.deepEqual(dkimOf(await judged(await signed(mail, [gate]))), ['gate.example rsa-sha256 pass'])
  })

  for (const [what, change] of [
    ['a changed body', (text: string) => text.replace('line', 'lime')],
    ['a longer body', (text: string) => `${text}more\r\n`],
    ['another From above', (text: string) => `From: eve@evil.example\r\n${text}`],
    ['another From below', (text: string) => text.replace('Subject-Not', 'From: eve@evil.example\r\nX')],
    ['another Subject', (text: string) => `Subject: pay\r\n${text}`],
    ['a Reply-To that was not there', (text: string) => `Reply-To: eve@evil.example\r\n${text}`],
    ['another Content-Type', (text: string) => `Content-Type: text/html\r\n${text}`],
  ] as const)
    it(`do not verify with ${what}`, async () => {
      const mail = change((await signed(MAIL, [gate])).toString())
      const [result = ''] = dkimOf(await judged(Buffer.from(mail)))
      assert.match(result, / (fail|neutral)$/)
    })

  it('still verify below fields of later hops, and with other blanks', async () => {
    const mail = `Received: from a by b; now\r\n${(await signed(MAIL, [gate])).toString()}`
      .replace('folded \tsubject', 'folded   subject')
      .replace(' leading  blanks\t', ' leading blanks')
    assert.deepEqual(dkimOf(await judged(Buffer.from(mail))), ['gate.example rsa-sha256 pass'])
  })
})

describe('ARC seals', () => {
  for (const key of [gate, edwards])
    it(`begin a chain: ${key.key.asymmetricKeyType ?? ''}`, async () => {
      const mail = await sealed(MAIL, key)
      assert.equal(arcOf(await judged(mail)), 'pass 1')
      assert.match(mail.toString(), /^ARC-Seal: i=1;[^]*cv=none;[^]*ARC-Message-Signature: i=1;[^]*ARC-Authentication-Results: i=1; gw\.gate\.example; none\r\n/) // prettier-ignore
    })

  it('continue a chain although the body has changed since', async () => {
    const first = (await sealed(MAIL, gate)).toString()
    const arrival = await arrivalOf(Buffer.from(first))
    assert.equal(arrival.chain.state, 'pass')
    const changed = Buffer.from(first.replace('line', 'decrypted'))
    const seal = { key: second, authservId: 'gw.second.example', arrival }
    const { fields, sealedAs } = await createMailAuthentication(lookupOf(TABLE)).stamp({ chunks: [changed], seal, sign: [], now: NOW }) // prettier-ignore
    assert.equal(sealedAs, 2)
    assert.equal(arcOf(await judged(Buffer.concat([fields, changed]))), 'pass 2')
    assert.equal(arcOf(await judged(changed)), 'fail 1')
    assert.match(fields.toString(), /ARC-Authentication-Results: i=2; gw\.second\.example; arc=pass\r\n/)
  })

  it('go up to 50 sets, and no further', async () => {
    let mail: Buffer = MAIL
    for (let instance = 1; instance <= 50; instance++) mail = await sealed(mail, edwards)
    assert.equal(arcOf(await judged(mail)), 'pass 50')
    const arrival = await arrivalOf(mail)
    assert.deepEqual([arrival.chain.state, arrival.chain.instance], ['closed', 50])
    assert.ok((await sealed(mail, gate)).equals(mail))
  })

  it('say fail of a chain that does not verify, and nothing is added after that', async () => {
    const broken = Buffer.from((await sealed(MAIL, gate)).toString().replace('line', 'lime'))
    const arrival = await arrivalOf(broken)
    assert.equal(arrival.chain.state, 'fail')
    const mail = await sealed(broken, second)
    assert.match(mail.toString(), /^ARC-Seal: i=2;[^]*cv=fail;/)
    assert.match(mail.toString(), /ARC-Authentication-Results: i=2; gw\.gate\.example; arc=fail\r\n/)
    assert.match(arcOf(await judged(mail)), /^fail /)
    assert.equal((await arrivalOf(mail)).chain.state, 'closed')
    assert.ok((await sealed(mail, gate)).equals(mail))
  })

  for (const [what, change] of [
    ['a seal is missing', (text: string) => text.replace(/^ARC-Seal:[^]*?\r\n(?=ARC-M)/, '')],
    [
      'an instance stands twice',
      (text: string) => `ARC-Authentication-Results: i=1; x.example; none\r\n${text}`,
    ],
    ['an instance is left out', (text: string) => text.replaceAll('i=1;', 'i=2;')],
    [
      'the results were changed',
      (text: string) => text.replace('gw.gate.example; none', 'gw.gate.example; spf=pass'),
    ],
    ['From was changed', (text: string) => text.replace('From: Alice', 'From: Alicia')],
  ] as const)
    it(`do not continue a chain in which ${what}`, async () => {
      const mail = change((await sealed(MAIL, gate)).toString())
      assert.equal((await arrivalOf(Buffer.from(mail))).chain.state, 'fail')
    })

  it('wait for DNS: what nobody answered is unknown, not broken', async () => {
    const mail = await sealed(MAIL, gate)
    assert.equal((await arrivalOf(mail, { [gate.at]: null })).chain.state, 'unknown')
    assert.equal((await arrivalOf(mail, {})).chain.state, 'fail')
    assert.ok((await sealed(mail, gate, { state: 'unknown' })).equals(mail))
  })

  it('are not asked of DNS for anything but their keys, and not read beyond a limit', async () => {
    const mail = await signed(await sealed(MAIL, gate), [second])
    const asked: string[] = []
    const { fields } = scanHeader(mail)
    const examined = {
      source: sourceOf(mail),
      bytes: mail,
      fields,
      removed: new Set<number>(),
      longestLine: 80,
    }
    const authentication = createMailAuthentication(lookupOf(TABLE, asked))
    assert.equal((await authentication.examine(examined)).chain.state, 'pass')
    assert.deepEqual(asked, [`${gate.at} TXT`])
    assert.equal((await authentication.examine({ ...examined, longestLine: 70_000 })).chain.state, 'unread')
    const many = Buffer.concat([
      ...Array.from({ length: 11 }, () => Buffer.from('DKIM-Signature: v=1\r\n')),
      mail,
    ])
    assert.equal((await arrivalOf(many)).chain.state, 'unread')
    const large = Buffer.concat([
      Buffer.from(`ARC-Authentication-Results: i=2; ${'x\r\n '.repeat(70_000)}\r\n`),
      mail,
    ])
    assert.equal((await arrivalOf(large)).chain.state, 'unread')
    const asking: string[] = []
    const plain = { source: sourceOf(MAIL), bytes: MAIL, fields: scanHeader(MAIL).fields, removed: new Set<number>(), longestLine: 80 } // prettier-ignore
    assert.equal((await createMailAuthentication(lookupOf(TABLE, asking)).examine(plain)).chain.state, 'none')
    assert.deepEqual(asking, [])
  })

  it('cover the DKIM signatures that are made with them', async () => {
    const arrival = await arrivalOf(MAIL)
    const seal = { key: gate, authservId: 'gw.gate.example', arrival }
    const { fields } = await createMailAuthentication(lookupOf(TABLE)).stamp({ chunks: [MAIL], seal, sign: [second], now: NOW }) // prettier-ignore
    const result = await judged(Buffer.concat([fields, MAIL]))
    assert.deepEqual([arcOf(result), ...dkimOf(result)], ['pass 1', 'second.example rsa-sha256 pass'])
    const without = fields.toString().replace('d=second.example', 'd=other.example')
    assert.equal(arcOf(await judged(Buffer.concat([Buffer.from(without), MAIL]))), 'fail 1')
  })
})

// A tenant proved by DKIM: signatures made by mailauth, claims found by attribution's own code, keys from a table. What is not a
// whole and valid signature of the tenant proves nothing, and nothing that can be sent costs more than its size.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { scanHeader } from '@siegel/engine'
import { dkimSign, type DKIMSignOptions } from 'mailauth'
import { signatureClaim } from '../exchange/tenant-signature.ts'
import type { ProofVerdict, TenantProof } from '../mail/authentication.ts'
import type { Tenant } from '../mail/tenant.ts'
import { createMailAuthentication } from './index.ts'
import { ed25519Key, lookupOf, rsaKey, tableOf, type DnsTable, type PublishedKey } from './testing/keys.ts'

const CONTOSO = { id: 'contoso', name: 'contoso' } as Tenant // all that is looked at
const OWNERS = new Map(['contoso.example', 'contoso.onmicrosoft.com'].map((domain) => [domain, CONTOSO]))

const key = rsaKey('contoso.example', 'selector1')
const initial = rsaKey('contoso.onmicrosoft.com', 'selector1')
const edwards = ed25519Key('contoso.example')
const foreign = rsaKey('evil.example')
const WEAK = rsaKey('contoso.example', 'weak', 512)
const TABLE = tableOf(key, initial, edwards, foreign)

/** What Exchange Online signs. */
const SIGNED = 'From:Date:Subject:Message-ID:Content-Type:MIME-Version:X-MS-Exchange-SenderADCheck'

const FIELDS = [
  'From: Alice <alice@contoso.example>',
  'To: bob@partner.example',
  'Subject: s',
  'Date: Tue, 24 Nov 2026 10:00:00 +0000',
  'Message-ID: <1@contoso.example>',
  'MIME-Version: 1.0',
  'Content-Type: text/plain',
  'X-MS-Exchange-SenderADCheck: 1',
]
const MAIL = [...FIELDS, '', 'text', '', 'more', ''].join('\r\n')

async function sign(by: PublishedKey, options: Partial<DKIMSignOptions> = {}, mail = MAIL): Promise<string> {
  const { domain, selector, pem } = by
  const one = { signingDomain: domain, selector, privateKey: pem, canonicalization: 'relaxed/relaxed', headerList: SIGNED, ...options } // prettier-ignore
  const { signatures, errors } = await dkimSign(mail, { ...one, signatureData: [one] })
  assert.deepEqual(errors, [])
  return signatures + mail
}

interface Asked {
  readonly table?: DnsTable
  readonly pieces?: number
  readonly asked?: string[]
}

/** What becomes of a mail: the refusal for its header, or the verdict on all of it. */
async function proved(mail: string, { table = TABLE, pieces = 7, asked = [] }: Asked = {}): Promise<string> {
  const bytes = Buffer.from(mail)
  const { fields, bodyStart } = scanHeader(bytes)
  const claim = signatureClaim(bytes.subarray(0, bodyStart), fields, OWNERS)
  if (claim.kind !== 'claim') return claim.kind === 'none' ? 'none' : claim.reason
  const proof = createMailAuthentication(lookupOf(table, asked)).prove(claim.proof)
  for (let at = bodyStart; at < bytes.length; at += pieces) await show(proof, bytes.subarray(at, at + pieces))
  return told(await proof.finish())
}

/** A piece that is used again at once, as inbound does. */
async function show(proof: TenantProof, piece: Buffer): Promise<void> {
  const lent = Buffer.from(piece)
  await proof.write(lent)
  lent.fill(0)
}

function told(verdict: ProofVerdict): string {
  if (verdict.kind === 'failed') return verdict.reason
  return verdict.kind === 'proved' ? `proved ${verdict.domain}` : 'unknown'
}

describe('a tenant is proved', () => {
  it('by a signature of an accepted domain or of the initial one, in whatever pieces the body comes', async () => {
    for (const pieces of [1, 3, 1000]) {
      assert.equal(await proved(await sign(key), { pieces }), 'proved contoso.example')
      assert.equal(await proved(await sign(initial), { pieces }), 'proved contoso.onmicrosoft.com')
    }
    assert.equal(await proved(await sign(edwards)), 'proved contoso.example')
    assert.equal(
      await proved(await sign(key, { canonicalization: 'simple/simple' })),
      'proved contoso.example',
    )
  })

  it('when one of its signatures is good, and no other is looked up', async () => {
    const mail = await sign(foreign)
    const asked: string[] = []
    const both = await sign(initial, {}, (await sign(key, {}, mail)).replace('d=contoso.example', 'd=contoso.example; x_note=1')) // prettier-ignore
    assert.equal(await proved(both, { asked }), 'proved contoso.onmicrosoft.com')
    assert.deepEqual(asked.toSorted(), [`${key.at} TXT`, `${initial.at} TXT`])
  })

  it('by a key in a record of several texts, and by i= below d=', async () => {
    assert.equal(
      await proved(await sign(key, { identity: 'x@sub.contoso.example' })),
      'proved contoso.example',
    )
  })
})

describe('a tenant is not proved by', () => {
  const cases: Readonly<
    Record<string, [mail: () => Promise<string> | string, verdict: string, asked?: Asked]>
  > = {
    'no signature': [() => MAIL, 'none'],
    'a signature of another domain': [() => sign(foreign), 'none'],
    'a signature of a domain below an accepted one': [() => sign(rsaKey('sub.contoso.example')), 'none'],
    'a signature that only names the domain in i=': [
      async () => (await sign(foreign)).replace('d=evil.example;', 'd=evil.example; i=@contoso.example;'),
      'none',
    ],
    'i= of another domain': [
      async () => (await sign(key)).replace('d=contoso.example;', 'd=contoso.example; i=@evil.example;'),
      'dkim-not-valid',
    ],
    'i= below d= when the key forbids it': [
      () => sign(key, { identity: 'x@sub.contoso.example' }),
      'dkim-not-valid',
      { table: { [key.at]: [key.record.replace('p=', 't=s; p=')] } },
    ],
    'a part of the body (l=)': [() => sign(key, { maxBodyLength: 6 }), 'dkim-body-not-covered'],
    'nothing of the body (l=0)': [() => sign(key, { maxBodyLength: 0 }), 'dkim-body-not-covered'],
    'a signature without From': [
      async () => (await sign(key)).replace(/(h=[^;]*):\s*From\b/, '$1'),
      'dkim-from-not-covered',
    ],
    'a signature without h=': [
      async () => (await sign(key)).replace(/ h=[^;]*;/, ''),
      'dkim-from-not-covered',
    ],
    'a second From above': [async () => `From: eve@evil.example\r\n${await sign(key)}`, 'dkim-field-doubled'],
    'a second From in other letters, with a blank': [
      async () => `fROM : eve@evil.example\r\n${await sign(key)}`,
      'dkim-field-doubled',
    ],
    'a second Subject': [async () => `Subject: pay\r\n${await sign(key)}`, 'dkim-field-doubled'],
    'no From at all': [
      async () => (await sign(key)).replace('From: Alice <alice@contoso.example>\r\n', ''),
      'dkim-from-not-single',
    ],
    'another From': [async () => (await sign(key)).replace('Alice <', 'Eve <'), 'dkim-not-valid'],
    'a signature over another body': [
      async () => (await sign(key)).replace('text\r\n', 'next\r\n'),
      'dkim-not-valid',
    ],
    'a longer body': [async () => `${await sign(key)}more\r\n`, 'dkim-not-valid'],
    'a body that is missing': [async () => (await sign(key)).split('\r\n\r\n')[0] ?? '', 'dkim-not-valid'],
    'an expired signature': [
      () =>
        sign(key, { signTime: new Date(Date.now() - 7200_000), expires: new Date(Date.now() - 3600_000) }),
      'dkim-not-valid',
    ],
    'an algorithm of yesterday (rsa-sha1)': [() => sign(key, { algorithm: 'rsa-sha1' }), 'dkim-not-valid'],
    'a key of 512 bits': [() => sign(WEAK), 'dkim-not-valid', { table: tableOf(WEAK) }],
    'a key of another domain': [
      async () =>
        (await sign(foreign)).replace('d=evil.example', 'd=contoso.example').replace('s=s1', 's=selector1'),
      'dkim-not-valid',
    ],
    'a key that is revoked': [() => sign(key), 'dkim-not-valid', { table: { [key.at]: ['v=DKIM1; p='] } }],
    'a key that is not there': [() => sign(key), 'dkim-not-valid', { table: {} }],
    'a key that is being tried out (t=y)': [
      () => sign(key),
      'dkim-not-valid',
      { table: { [key.at]: [key.record.replace('p=', 't=y; p=')] } },
    ],
    'a key for something else than mail': [
      () => sign(key),
      'dkim-not-valid',
      { table: { [key.at]: [key.record.replace('p=', 's=tlsrpt; p=')] } },
    ],
    'a record larger than any key': [
      () => sign(key),
      'dkim-not-valid',
      { table: { [key.at]: [`${key.record}; n=${'x'.repeat(20_000)}`] } },
    ],
    'a signature that covers signatures': [
      () =>
        sign(key, { headerList: `${SIGNED}:DKIM-Signature` }, `DKIM-Signature: v=1; d=x.example\r\n${MAIL}`),
      'dkim-covers-signatures',
    ],
    'tags that stand twice': [
      async () => (await sign(key)).replace('v=1;', 'v=1; d=contoso.example;'),
      'none',
    ],
    'a signature of a version to come': [
      async () => (await sign(key)).replace('v=1;', 'v=2;'),
      'dkim-not-valid',
    ],
    'a signature cut short': [
      async () => (await sign(key)).replace(/ b=[A-Za-z0-9+/]{8}/, ' b='),
      'dkim-not-valid',
    ],
  }
  for (const [what, [mail, verdict, asked]] of Object.entries(cases))
    it(what, async () => {
      assert.equal(await proved(await mail(), asked), verdict)
    })
})

describe('the proof is bounded', () => {
  it('a name server that does not answer makes it unknown, not wrong', async () => {
    const mail = await sign(key)
    assert.equal(await proved(mail, { table: { [key.at]: null } }), 'unknown')
    // One good signature is enough, whatever is known of the other.
    assert.equal(await proved(await sign(initial, {}, mail), { table: { ...TABLE, [key.at]: null } }), 'proved contoso.onmicrosoft.com') // prettier-ignore
    // A body that does not fit needs no key.
    assert.equal(
      await proved(mail.replace('text\r\n', 'next\r\n'), { table: { [key.at]: null } }),
      'dkim-not-valid',
    )
  })

  it('a name server that keeps silent is waited for no longer than said', async () => {
    const { prove } = await import('./prove.ts')
    const bytes = Buffer.from(await sign(key))
    const { fields, bodyStart } = scanHeader(bytes)
    const claim = signatureClaim(bytes.subarray(0, bodyStart), fields, OWNERS)
    assert.equal(claim.kind, 'claim')
    const silent = () => delay(60_000, [] as string[][], { ref: false })
    const proof = prove(claim.proof, silent, { questions: 4, deadlineMs: 100 })
    await proof.write(bytes.subarray(bodyStart))
    const start = performance.now()
    assert.equal(told(await proof.finish()), 'unknown')
    assert.ok(performance.now() - start < 5000)
  })

  it('of many signatures three are looked at', async () => {
    const asked: string[] = []
    let mail = MAIL
    for (let index = 0; index < 6; index++)
      mail = await sign(rsaKey('contoso.example', `k${index}`), {}, mail)
    assert.equal(await proved(mail, { asked }), 'dkim-not-valid')
    assert.deepEqual(asked.toSorted(), ['k3', 'k4', 'k5'].map((selector) => `${selector}._domainkey.contoso.example TXT`)) // prettier-ignore
  })

  it('a line without an end ends it', async () => {
    const mail = await sign(key, {}, [...FIELDS, '', 'x'.repeat(70_000), ''].join('\r\n'))
    for (const pieces of [1000, 65_536, 1_000_000])
      assert.equal(await proved(mail, { pieces }), 'dkim-line-too-long')
    const long = await sign(key, {}, [...FIELDS, '', 'x'.repeat(60_000), 'y'.repeat(60_000), ''].join('\r\n'))
    for (const pieces of [1000, 65_536, 1_000_000]) assert.equal(await proved(long, { pieces }), 'proved contoso.example') // prettier-ignore
  })

  it('a body of 64 MiB is judged in constant memory', async () => {
    const line = `${'0123456789abcdef'.repeat(4)}\r\n`
    const chunk = Buffer.from(line.repeat(992))
    const rounds = Math.ceil((64 * 1024 * 1024) / chunk.length)
    const mail = await sign(key, {}, [...FIELDS, '', ''].join('\r\n') + chunk.toString().repeat(rounds))
    const header = Buffer.from(mail.slice(0, mail.indexOf('\r\n\r\n') + 4))
    const claim = signatureClaim(header, scanHeader(header).fields, OWNERS)
    assert.equal(claim.kind, 'claim')
    const proof = createMailAuthentication(lookupOf(TABLE)).prove(claim.proof)
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    collect()
    const before = process.memoryUsage().arrayBuffers
    let most = 0
    for (let index = 0; index < rounds; index++) {
      await proof.write(chunk)
      if (index % 100 !== 99) continue
      collect()
      most = Math.max(most, process.memoryUsage().arrayBuffers - before)
    }
    assert.equal(told(await proof.finish()), 'proved contoso.example')
    assert.ok(most < 4 * 1024 * 1024, `${most} octets`)
  })

  it('given up, it ends at once and asks nothing', async () => {
    const asked: string[] = []
    const bytes = Buffer.from(await sign(key))
    const { fields, bodyStart } = scanHeader(bytes)
    const claim = signatureClaim(bytes.subarray(0, bodyStart), fields, OWNERS)
    assert.equal(claim.kind, 'claim')
    const proof = createMailAuthentication(lookupOf(TABLE, asked)).prove(claim.proof)
    proof.abort()
    assert.equal(proof.write(bytes.subarray(bodyStart)), undefined)
    await delay(50)
    assert.deepEqual(asked, [])
  })
})

/**
 * Headers that cost the judge time by the square of their size are not shown to it, neither for a proof nor for a chain; what stands
 * at the limits costs little. Without the limits each of the hostile ones below stops the process for minutes.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { scanHeader, sourceOf } from '@siegel/engine'
import { dkimSign } from 'mailauth'
import { signatureClaim } from '../exchange/tenant-signature.ts'
import type { Tenant } from '../mail/tenant.ts'
import { createMailAuthentication } from './index.ts'
import { lookupOf, rsaKey, tableOf } from './testing/keys.ts'

const OWNERS = new Map([['contoso.example', { id: 'contoso', name: 'contoso' } as Tenant]]) // all that is looked at
const key = rsaKey('contoso.example')
const authentication = createMailAuthentication(lookupOf(tableOf(key)))
const FROM = 'From: alice@contoso.example\r\n'
/** Each is far less than a mail may have, and took more than two seconds when it was written down. */
const OCTETS = 100 * 1024

function signature(name: string, names: string, more = ''): string {
  return `${name}: v=1; i=1; a=rsa-sha256; c=relaxed/relaxed; d=contoso.example; s=s1;\r\n h=${names};${more}\r\n bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=AAAA\r\n`
}

const folded = (text: string, octets = OCTETS) =>
  `\r\n ${text.repeat(Math.ceil(800 / text.length))}`.repeat(octets / 800)

/** By what is hostile: names for `h=`, what follows it, further fields. */
const HOSTILE: Readonly<Record<string, readonly [names: string, more: string, fields: string]>> = {
  'blanks inside a tag': ['from', ` n=a${folded(' ')}x;`, FROM],
  'many names, many fields': [`from${folded(':b', OCTETS / 2)}`, '', FROM + 'b:\r\n'.repeat(10_000)],
  'a field of many lines': ['from:x', '', `${FROM}X: y\r\n${' x\r\n'.repeat(OCTETS / 4)}`],
  'an author of many groups': ['from', '', `From: a@b.example,${folded('a:')}\r\n`],
}

function stall(work: Promise<unknown>): Promise<number> {
  const start = performance.now()
  return work.then(() => performance.now() - start)
}

function proofOf(mail: Buffer) {
  const { fields, bodyStart } = scanHeader(mail)
  const claim = signatureClaim(mail.subarray(0, bodyStart), fields, OWNERS)
  assert.equal(claim.kind, 'claim')
  const proof = authentication.prove(claim.proof)
  void proof.write(mail.subarray(bodyStart))
  return proof.finish()
}

function examined(mail: Buffer) {
  const { fields } = scanHeader(mail)
  const source = sourceOf(mail)
  return authentication.examine({ source, bytes: mail, fields, removed: new Set(), longestLine: 80 })
}

describe('the judge is not shown', () => {
  for (const [what, [names, more, fields]] of Object.entries(HOSTILE)) {
    it(`${what}, for a proof`, async () => {
      const mail = Buffer.from(`${signature('DKIM-Signature', names, more)}${fields}\r\n`)
      const verdict = await proofOf(mail)
      assert.deepEqual([verdict.kind, 'reason' in verdict && verdict.reason], ['failed', 'dkim-not-judged'])
    })

    it(`${what}, for a chain`, async () => {
      const results = 'ARC-Authentication-Results: i=1; x.example; none\r\n'
      const seal = 'ARC-Seal: i=1; a=rsa-sha256; cv=none; d=contoso.example; s=s1; b=AAAA\r\n'
      const message = signature('ARC-Message-Signature', names, more).replace('v=1; ', '')
      const { chain } = await examined(Buffer.from(`${seal}${message}${results}${fields}\r\n`))
      assert.equal(chain.state, 'unread')
    })
  }
})

describe('the judge is shown', () => {
  it('what is covered, however much stands beside it', async () => {
    const content = Buffer.from(`${FROM}Subject: s\r\nX: y\r\n${' x\r\n'.repeat(OCTETS / 4)}\r\ntext\r\n`)
    const one = { signingDomain: key.domain, selector: key.selector, privateKey: key.pem, headerList: 'From:Subject' } // prettier-ignore
    const { signatures } = await dkimSign(`${FROM}Subject: s\r\n\r\ntext\r\n`, {
      ...{ ...one, canonicalization: 'relaxed/relaxed' },
      signatureData: [one],
    })
    const mail = Buffer.concat([Buffer.from(signatures), content])
    assert.deepEqual(await proofOf(mail), { kind: 'proved', domain: 'contoso.example' })
  })

  it('a header at the limits, which costs less than two seconds', async () => {
    const names = `from${':b'.repeat(390)}:x`
    const signed = signature('DKIM-Signature', names, ` n=a${`${' '.repeat(250)}y`.repeat(60)};`).repeat(3)
    const fields = `${FROM}${'b:\r\n'.repeat(1900)}X: y\r\n${` ${'x'.repeat(80)}\r\n`.repeat(1900)}`
    const mail = Buffer.from(`${signed}${fields}\r\n`)
    const verdict = await proofOf(Buffer.from(`${signature('DKIM-Signature', 'from')}${FROM}\r\n`)) // loads the package
    assert.equal(verdict.kind, 'failed')
    let reason = ''
    const took = await stall(
      proofOf(mail).then((told) => (reason = 'reason' in told ? told.reason : told.kind)),
    )
    assert.equal(reason, 'dkim-not-valid')
    assert.ok(took < 2000, `${took} ms`)
  })
})

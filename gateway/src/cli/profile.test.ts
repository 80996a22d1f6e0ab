/** Tests of `siegel profile` and `siegel partner`: every profile does what it says, and bad keys are found. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { PROFILES } from '@siegel/contract'
import { Installation } from './testing/installation.ts'
import { makeMaterial, selfTest } from './profile-selftest.ts'

const TENANT = {
  kind: 'Tenant',
  name: 'contoso',
  spec: {
    acceptedDomains: ['contoso.com'],
    fqdn: 'smime.contoso.com',
    preset: 'as-documented',
    microsoftTenantId: '11111111-2222-3333-4444-555555555555',
    processedHeader: { name: 'X-Contoso-Done', outbound: ['abcdefghijklmnopqrstuvwxyz234567'], inbound: ['bbcdefghijklmnopqrstuvwxyz234567'] },
    route: '[contoso.mail.protection.outlook.com]:25',
    ediEnergyEdition: '1.9',
  },
} // prettier-ignore

describe('the self-test', () => {
  for (const name of PROFILES)
    it(`finds all as ${name} says`, async () => {
      const now = Date.now()
      const { checks, mail } = await selfTest(name, await makeMaterial(name, now), now)
      assert.deepEqual(checks.filter(({ ok }) => !ok), []) // prettier-ignore
      assert.ok(mail !== null && checks.length >= 9)
    })

  it('finds what is not as the profile says', async () => {
    const now = Date.now()
    const material = await makeMaterial('compatible', now)
    const { checks } = await selfTest('bsi-strict', material, now)
    assert.deepEqual(checks.map(({ check, ok }) => [check, ok])[0], ['signed-and-encrypted', true])
    const edi = await selfTest('edi-energy', material, now)
    // Its chain is signed with RSA v1.5: neither key nor certificate may be used.
    assert.deepEqual(edi.checks.map(({ check, ok, found }) => [check, ok, found]), [['signed-and-encrypted', false, 'hold']]) // prettier-ignore
  })
})

describe('siegel profile', () => {
  let installation: Installation
  before(async () => {
    installation = await Installation.make([TENANT])
  })
  after(() => installation.remove())

  it('check edi-energy looks at the wire and at the edition', async () => {
    const { code, out } = await installation.run('profile', 'check', 'edi-energy', '--language', 'en')
    assert.equal(code, 1)
    assert.match(out, /^ok {3}signature: rsa-pss sha256 mgf1-sha256 salt 32$/m)
    assert.match(out, /^ok {3}key encryption: oaep sha256 mgf1-sha256 label 0$/m)
    assert.match(out, /^ok {3}a certificate that is refused: RSA v1.5 in the chain: hold$/m)
    assert.match(out, /^BAD {2}edition of the rules that is confirmed: 1\.9$/m)
  })

  it('check finds that a partner has no certificate', async () => {
    const { code, out } = await installation.run('profile', 'check', 'modern', '--partner', 'Bob@partner.example', '--json') // prettier-ignore
    const found = JSON.parse(out) as { ok: boolean; keyring: unknown }
    assert.deepEqual([code, found.ok], [1, false])
    assert.deepEqual(found.keyring, [{ check: 'partner-certificate', ok: false, found: 'bob@partner.example: -' }]) // prettier-ignore
  })

  it('a profile that nobody knows is a wrong call', async () => {
    assert.equal((await installation.run('profile', 'check', 'strong')).code, 2)
  })

  it('partner capabilities tells of nobody, and forgets nobody', async () => {
    assert.deepEqual((await installation.run('partner', 'capabilities')).out, '')
    assert.equal(
      (await installation.run('partner', 'capabilities', 'bob@partner.example', '--forget')).code,
      1,
    )
  })
})

// `siegel explain` on a real store: the Plan with settings and where they come from, and what is refused.
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { after, before, describe, it } from 'node:test'
import { writePem } from '@siegel/engine'
import { tenantSpecOf } from '../config/testkit.ts'
import { make, makeRoot, type Made } from '../keyring/testing/credentials.ts'
import { Installation } from './testing/installation.ts'

const root = makeRoot()
const pem = ({ certificate }: Made): string => writePem('CERTIFICATE', certificate.raw)
const alice = make('Alice', root, { emails: ['alice@contoso.com'] })
const bob = make('Bob', root, { emails: ['bob@partner.example'] })
let installation: Installation

const OBJECTS = [
  { kind: 'Tenant', name: 'contoso', spec: tenantSpecOf('contoso.com', 0) },
  { kind: 'Credential', tenant: 'contoso', name: 'alice', spec: { certificate: pem(alice), key: alice.key.export({ type: 'pkcs8', format: 'pem' }) } },
  { kind: 'PartnerCertificate', tenant: 'contoso', name: 'bob', spec: { certificate: pem(bob) } },
  { kind: 'MailAnchor', tenant: 'contoso', name: 'ca', spec: { certificate: pem(root) } },
  { kind: 'TreatmentDefaults', name: 'default', spec: { profile: 'modern' } },
  { kind: 'TreatmentSettings', tenant: 'contoso', name: 'strict', spec: { partner: '*.strict.example', encrypt: 'always' } },
] // prettier-ignore

const explain = (...args: string[]) => installation.run('explain', ...args)

describe('explain', () => {
  before(async () => {
    installation = await Installation.make(OBJECTS)
  })
  after(() => installation.remove())

  it('tells what becomes of the mail for each recipient, and who asked for it', async () => {
    const { code, out } = await explain(
      ...['--from', 'alice@contoso.com', '--to', 'bob@partner.example', '--to', 'carol@a.strict.example'],
      ...['--to', 'dora@other.example', '--language', 'en'],
    )
    assert.equal(code, 0)
    assert.match(out, /^contoso; outbound; key chosen: [0-9a-f]{64}/)
    assert.match(out, /^bob@partner\.example: is signed and encrypted \(modern\)$/m)
    assert.match(out, /^carol@a\.strict\.example: is held$/m)
    assert.match(out, /encrypt always \(partner \*\.strict\.example\); .*profile modern \(all tenants\)/)
    assert.match(out, /waits up to 24 hours/)
    assert.match(out, /^dora@other\.example: is signed \(modern\)$/m)
    assert.match(out, /no certificate for dora@other\.example/)
    const german = await explain(
      '--from',
      'alice@contoso.com',
      '--to',
      'carol@a.strict.example',
      '--language',
      'de',
    )
    assert.match(german.out, /wird angehalten\n.*\(Partner \*\.strict\.example\)[^]*wartet bis zu 24 Stunden/)
  })

  it('reads the mail itself: what is signed already, an author without a key, a mail that comes in', async () => {
    const mail = async (...lines: string[]) => {
      const file = installation.path('mail.eml')
      await writeFile(file, lines.join('\r\n'))
      return file
    }
    const signed = await mail('From: alice@contoso.com', 'Content-Type: multipart/signed; protocol="application/pkcs7-signature"; boundary=b', '', '--b', '', 'x', '--b', 'Content-Type: application/pkcs7-signature', '', 'MAA=', '--b--', '') // prettier-ignore
    assert.match((await explain('--file', signed, '--to', 'bob@partner.example', '--language', 'en')).out, /already protected: clear-signed[^]*passes as it is/) // prettier-ignore
    const other = await mail('From: erik@contoso.com', '', 'x', '')
    assert.match((await explain('--file', other, '--to', 'bob@partner.example', '--language', 'en')).out, /no key for erik@contoso\.com[^]*: is encrypted/) // prettier-ignore
    const json = JSON.parse((await explain('--file', other, '--to', 'alice@contoso.com', '--json')).out) as {
      facts: { direction: string }
      plan: { recipients: { treatment: { kind: string } }[] }
    }
    assert.deepEqual([json.facts.direction, json.plan.recipients[0]?.treatment.kind], ['inbound', 'inspect'])
  })

  it('says what is wrong with a question', async () => {
    for (const [args, message] of [
      [['--from', 'alice@contoso.com'], /to whom/],
      [['--to', 'bob@partner.example'], /from whom/],
      [['--from', 'alice', '--to', 'bob@partner.example'], /no e-mail address: "alice"/],
      [['--from', 'a@contoso.com', '--to', 'b@x.example', '--header', 'no field'], /no header field/],
      [['--from', 'a@contoso.com', '--to', 'b@x.example', '--header', 'X: y\r\nZ: w'], /no header field/],
      [['--file', '/nowhere.eml', '--to', 'b@x.example'], /cannot read/],
      [['--from', 'a@contoso.com', '--to', 'b@x.example', '--tenant', 'nobody'], /no usable tenant/],
    ] as const) {
      const { code, err } = await explain(...args)
      assert.equal(code, 2)
      assert.match(err, message)
    }
  })
})

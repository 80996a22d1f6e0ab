// `siegel explain` on a real store: the Plan with settings and where they come from, and what is refused.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { stringify } from 'yaml'
import { writePem } from '@siegel/engine'
import { tenantSpecOf } from '../config/testkit.ts'
import { make, makeRoot, type Made } from '../keyring/testing/credentials.ts'
import { main } from './main.ts'

const root = makeRoot()
const pem = ({ certificate }: Made): string => writePem('CERTIFICATE', certificate.raw)
const alice = make('Alice', root, { emails: ['alice@contoso.com'] })
const bob = make('Bob', root, { emails: ['bob@partner.example'] })
let folder = ''

const OBJECTS = [
  { kind: 'Tenant', name: 'contoso', spec: tenantSpecOf('contoso.com', 0) },
  { kind: 'Credential', tenant: 'contoso', name: 'alice', spec: { certificate: pem(alice), key: alice.key.export({ type: 'pkcs8', format: 'pem' }) } },
  { kind: 'PartnerCertificate', tenant: 'contoso', name: 'bob', spec: { certificate: pem(bob) } },
  { kind: 'MailAnchor', tenant: 'contoso', name: 'ca', spec: { certificate: pem(root) } },
  { kind: 'TreatmentDefaults', name: 'default', spec: { profile: 'modern' } },
  { kind: 'TreatmentSettings', tenant: 'contoso', name: 'strict', spec: { partner: '*.strict.example', encrypt: 'always' } },
] // prettier-ignore

async function run(...args: string[]) {
  const out: string[] = []
  const err: string[] = []
  const code = await main(args, {
    out: (line) => void out.push(line),
    err: (line) => void err.push(line),
    now: () => Date.now(),
    standardInput: () => Promise.resolve(Buffer.alloc(0)),
  })
  return { code, out: out.join('\n'), err: err.join('\n') }
}
const explain = (...args: string[]) => run('explain', ...args, '--config', join(folder, 'siegel.yaml'))

describe('explain', () => {
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'siegel-explain-'))
    await writeFile(join(folder, 'master.key'), randomBytes(32), { mode: 0o600 })
    await writeFile(
      join(folder, 'siegel.yaml'),
      'fqdn: smime.contoso.com\nmasterKey: file:master.key\ndataFolder: data\n',
    )
    await writeFile(
      join(folder, 'objects.yaml'),
      OBJECTS.map((one) => stringify({ apiVersion: 'siegel/v1', ...one })).join('---\n'),
    )
    const applied = await run(
      'apply',
      '-f',
      join(folder, 'objects.yaml'),
      '--config',
      join(folder, 'siegel.yaml'),
    )
    assert.equal(applied.code, 0, applied.err)
  })
  after(() => rm(folder, { recursive: true }))

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
      const file = join(folder, 'mail.eml')
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

// apply and export on objects: what becomes a change, what is refused, and that export and apply are each other's reverse.
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { stringify } from 'yaml'
import { planApply, type ApplyPlan } from './apply.ts'
import { objectKey } from './config-object.ts'
import { writeExport } from './export.ts'
import type { ConfigObject } from './ports.ts'
import { ConfigError } from './problem.ts'
import { makeCertificate, makePkcs12, secretNumber, tenantSpecOf } from './testkit.ts'

const MASTER_KEY = Buffer.from([...Array(32).keys()])
const ca = makeCertificate('Test CA', { ca: true })
const alice = makeCertificate('Alice', { emails: ['Alice@contoso.com'] }, ca)
const bob = makeCertificate('Bob', { emails: ['bob@partner.example'] }, ca)
const server = makeCertificate('gateway', { dnsNames: ['smime.contoso.com'] }, ca)

let folder = ''
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'siegel-apply-'))
  await writeFile(join(folder, 'alice.p12'), makePkcs12(alice, [ca], 'geheim'))
  await writeFile(join(folder, 'bob.der'), bob.certificate.raw)
  await writeFile(join(folder, 'server.pem'), server.pem + ca.pem)
  await writeFile(join(folder, 'server.key'), server.keyPem)
  await writeFile(join(folder, 'nested'), 'env:HUNTER2\n')
})
after(() => rm(folder, { recursive: true }))

/** The stored state that a change leads to. */
class Stored {
  objects: ConfigObject[] = []
  version = 0

  get current() {
    const names = this.objects.filter((object) => object.kind === 'Tenant').map((object) => object.name)
    const tenants = new Map(names.map((name) => [name, { id: `ROW-${name}`, markerKey: Buffer.alloc(32) }]))
    return { version: this.version, objects: this.objects, tenants }
  }

  async plan(
    text: string,
    options: { prune?: boolean; masterKey?: Buffer; undoRotation?: boolean } = {},
  ): Promise<ApplyPlan> {
    return planApply({
      text,
      file: 'objects.yaml',
      references: { folder, environment: { ALICE_PASSWORD: 'geheim', WRONG: 'falsch' } },
      masterKey: options.masterKey ?? MASTER_KEY,
      current: this.current,
      prune: options.prune ?? false,
      undoRotation: options.undoRotation ?? false,
    })
  }

  async apply(text: string, options: { prune?: boolean; undoRotation?: boolean } = {}): Promise<ApplyPlan> {
    const plan = await this.plan(text, options)
    if (plan.change === null) return plan
    const gone = new Set([
      ...plan.change.remove.map(objectKey),
      ...plan.change.put.map(({ object }) => objectKey(object)),
    ])
    // What the store keeps is JSON.
    const put = plan.change.put.map(({ object }) => JSON.parse(JSON.stringify(object)) as ConfigObject)
    this.objects = [...this.objects.filter((object) => !gone.has(objectKey(object))), ...put]
    this.version++
    return plan
  }

  async faults(text: string, options: { prune?: boolean; masterKey?: Buffer } = {}): Promise<string[]> {
    try {
      await this.plan(text, options)
    } catch (error) {
      assert.ok(error instanceof ConfigError, String(error))
      return error.message.split('\n')
    }
    return assert.fail('was accepted')
  }
}

function documents(...list: readonly object[]): string {
  return list.map((one) => stringify({ apiVersion: 'siegel/v1', ...one })).join('---\n')
}

const TENANT = { kind: 'Tenant', name: 'contoso', spec: tenantSpecOf('contoso.com', 0) }
const ALICE = { kind: 'Credential', tenant: 'contoso', name: 'alice', spec: { pkcs12: 'file:alice.p12', password: 'env:ALICE_PASSWORD' } } // prettier-ignore
const BOB = {
  kind: 'PartnerCertificate',
  tenant: 'contoso',
  name: 'bob',
  spec: { certificate: 'file:bob.der' },
}
const REST = [
  { kind: 'ServerCertificate', name: 'gateway', spec: { chain: 'file:server.pem', key: 'file:server.key' } },
  { kind: 'AddressRange', name: 'lab', spec: { cidrs: ['127.0.0.1'] } },
  {
    kind: 'Map',
    name: 'tls-policy',
    spec: {
      text: '[contoso-com.mail.protection.outlook.com]:25 verify match=mail.protection.outlook.com\n# end\n',
    },
  },
  { kind: 'MailAnchor', tenant: 'contoso', name: 'ca', spec: { certificate: ca.pem } },
  { kind: 'TlsAnchor', name: 'ca', spec: { certificate: ca.pem } },
]
const MAP = `---
apiVersion: siegel/v1
kind: Map
name: transport
spec:
  text: |
    partner.example :
    dropped.example  discard:
`
const ALL = documents(BOB, ALICE, ...REST, TENANT)

test('everything is created, the tenant before what belongs to it, with keyring entries', async () => {
  const plan = await new Stored().plan(ALL)
  assert.deepEqual(plan.findings, [])
  assert.ok(plan.change !== null)
  assert.deepEqual(plan.change.remove, [])
  const { put } = plan.change
  assert.equal(put[0]?.object.kind, 'Tenant')
  assert.equal(put.length, 8)
  const own = put.find(({ object }) => object.kind === 'Credential')
  const entry = own?.credentials[0]
  assert.ok(entry !== undefined)
  assert.match(entry.id, /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/)
  assert.deepEqual(entry.addresses, ['alice@contoso.com'])
  assert.deepEqual(
    { owner: entry.owner, sign: entry.sign, encrypt: entry.encrypt, fingerprint: entry.fingerprint },
    { owner: 'own', sign: true, encrypt: true, fingerprint: alice.certificate.fingerprint },
  )
  assert.deepEqual(entry.certificate, alice.certificate.raw)
  assert.deepEqual(entry.chain, [], 'the self-issued root is not sent along')
  assert.deepEqual(entry.privateKey, alice.key.export({ type: 'pkcs8', format: 'der' }))
  assert.deepEqual(own?.object.secrets, { '/key': alice.keyPem }, 'the password is not kept')
  const partner = put.find(({ object }) => object.kind === 'PartnerCertificate')?.credentials[0]
  assert.equal(partner?.owner, 'partner')
  assert.equal(partner.privateKey, null)
  assert.deepEqual(partner.addresses, ['bob@partner.example'])
})

test('the second time there is nothing to do', async () => {
  const stored = new Stored()
  await stored.apply(ALL)
  const again = await stored.plan(ALL)
  assert.equal(again.change, null)
  assert.deepEqual(again.differences, [])
  assert.equal((await stored.plan(ALL, { prune: true })).change, null)
})

test('only what changed is written; the difference names fields and hides secrets', async () => {
  const stored = new Stored()
  await stored.apply(ALL)
  const spec = {
    ...TENANT.spec,
    route: '[other.mail.protection.outlook.com]:25',
    secretHeader: { name: 'X-Contoso-Siegel', outbound: [secretNumber(2).secret, secretNumber(0).secret], inbound: [secretNumber(1).secret] },
    postmaster: 'ops@contoso.com',
  } // prettier-ignore
  const plan = await stored.plan(documents({ ...TENANT, spec }))
  assert.deepEqual(
    plan.change?.put.map(({ object }) => objectKey(object)),
    ['Tenant contoso'],
  )
  assert.deepEqual(plan.differences, [
    {
      action: 'update',
      kind: 'Tenant',
      tenant: null,
      name: 'contoso',
      fields: [
        { field: 'route', from: '"[contoso-com.mail.protection.outlook.com]:25"', to: '"[other.mail.protection.outlook.com]:25"', change: 'changed', secret: false },
        { field: 'secretHeader.outbound.0', from: null, to: null, change: 'changed', secret: true },
        { field: 'secretHeader.outbound.1', from: null, to: null, change: 'added', secret: true },
        { field: 'postmaster', from: null, to: '"ops@contoso.com"', change: 'added', secret: false },
      ],
    },
  ]) // prettier-ignore
})

test('an entry keeps its id when only switches change, and gets a new one with a new certificate', async () => {
  const stored = new Stored()
  const idOf = async (spec: object) => (await stored.plan(documents(TENANT, { ...ALICE, spec }))).change?.put.find(({ object }) => object.kind === 'Credential')?.credentials[0]?.id // prettier-ignore
  const other = makeCertificate('Alice', { emails: ['alice@contoso.com'] }, ca)
  const first = await idOf({ certificate: alice.pem, key: alice.keyPem })
  assert.equal(await idOf({ certificate: alice.pem, key: alice.keyPem, sign: false }), first)
  assert.notEqual(await idOf({ certificate: other.pem, key: other.keyPem }), first)
})

test('objects that are not in the file are deleted only with prune, a tenant last', async () => {
  const stored = new Stored()
  await stored.apply(ALL)
  const range = documents({ kind: 'AddressRange', name: 'lab', spec: { cidrs: ['127.0.0.1'] } })
  assert.equal((await stored.plan(range)).change, null)
  const pruned = await stored.apply(range, { prune: true })
  assert.equal(pruned.change?.remove.length, 7)
  assert.equal(pruned.change.remove.at(-1)?.kind, 'Tenant')
  assert.deepEqual(stored.objects.map(objectKey), ['AddressRange lab'])
})

test('an export applied to the same installation changes nothing', async () => {
  const stored = new Stored()
  await stored.apply(ALL)
  const { text, broken } = writeExport(stored.objects, MASTER_KEY)
  assert.deepEqual(broken, [])
  assert.equal(writeExport(stored.objects.toReversed(), MASTER_KEY).text, text, 'the same text every time')
  for (const secret of [secretNumber(0).secret, secretNumber(0).word, 'PRIVATE KEY', 'geheim'])
    assert.ok(!text.includes(secret))
  assert.equal((await stored.plan(text, { prune: true })).change, null)
  const rebuilt = new Stored()
  await rebuilt.apply(text)
  const sorted = (objects: readonly ConfigObject[]) =>
    objects.toSorted((a, b) => (objectKey(a) < objectKey(b) ? -1 : 1))
  assert.deepEqual(sorted(rebuilt.objects), sorted(stored.objects))
})

test('an export of another installation, or a sealed value in another field, is refused', async () => {
  const stored = new Stored()
  await stored.apply(ALL)
  const { text } = writeExport(stored.objects, MASTER_KEY)
  const faults = await stored.faults(text, { masterKey: Buffer.alloc(32, 9) })
  assert.ok(faults.every((fault) => fault.endsWith('(sealed-elsewhere)')))
  assert.match(faults[0] ?? '', /^objects\.yaml:\d+: spec\.secretHeader\.outbound\.0: /)
  const moved = text.replace(
    'kind: Credential\ntenant: contoso\nname: alice',
    'kind: Credential\ntenant: contoso\nname: mallory',
  )
  assert.match((await stored.faults(moved))[0] ?? '', /spec\.key: .*\(sealed-elsewhere\)$/)
})

test('a broken object is left out of the export and told', () => {
  const strange: ConfigObject = {
    kind: 'AddressRange',
    tenant: null,
    name: 'x',
    spec: { cidrs: 5 },
    secrets: {},
  }
  assert.deepEqual(writeExport([strange], MASTER_KEY), { text: '', broken: ['AddressRange x'] })
})

test('faults are told with line, field and code; nothing is applied', async () => {
  const credential = (spec: object) => documents(TENANT, { ...ALICE, spec })
  const partner = (spec: object) => documents(TENANT, { ...BOB, spec })
  const cases: [string, RegExp][] = [
    ['', /^objects\.yaml: there is no object in it \(document-empty\)$/],
    ['a: [', /^objects\.yaml:\d: .*\(document-syntax\)$/],
    ['apiVersion: siegel/v1\nkind: AddressRange\nname: x\nspec:\n  cidrs: [127.0.0.1]\n  cidr: 5\n', /^objects\.yaml:6: spec\.cidr: is not a known field \(unknown-field\)$/],
    [documents(TENANT, TENANT), /^objects\.yaml:\d+: Tenant contoso stands in line 1 already \(duplicate-object\)$/],
    [documents(BOB), /^objects\.yaml: PartnerCertificate contoso\/bob: there is no tenant contoso \(tenant-unknown\)$/],
    [credential({ pkcs12: 'file:none.p12' }), /spec\.pkcs12: cannot read .*none\.p12: ENOENT \(reference-unreadable\)$/],
    [credential({ pkcs12: 'file:alice.p12', password: 'env:WRONG' }), /spec\.pkcs12: the PKCS#12 file cannot be opened: pkcs12-password \(pkcs12-unusable\)$/],
    [credential({ pkcs12: 'file:alice.p12' }), /spec\.pkcs12: .*\(pkcs12-unusable\)$/],
    [credential({ pkcs12: 'AAAA' }), /spec\.pkcs12: .*\(pkcs12-unusable\)$/],
    [credential({ certificate: bob.pem, key: alice.keyPem }), /spec\.key: the private key does not belong to the certificate \(key-mismatch\)$/],
    [credential({ certificate: alice.pem + ca.pem, key: alice.keyPem }), /spec\.certificate: there are 2 certificates in it/],
    [credential({ certificate: 'MIIBAAAA', key: alice.keyPem }), /spec\.certificate: .*\(certificate-malformed\)$/],
    [credential({ certificate: alice.pem, key: 'MIIBAAAA' }), /spec\.key: .*\(key-malformed\)$/],
    [credential({ certificate: 'file:nested', key: alice.keyPem }), /spec\.certificate: .*\(reference-nested\)$/],
    [credential({ certificate: alice.pem, key: alice.keyPem, addresses: ['eve@contoso.com'] }), /spec\.addresses: the certificate does not name eve@contoso\.com \(address-not-in-certificate\)$/],
    [credential({ certificate: server.pem, key: server.keyPem }), /spec\.addresses: .*\(address-missing\)$/],
    [partner({ certificate: bob.pem, addresses: ['carol@partner.example'] }), /spec\.addresses: .*carol@partner\.example; set allowOtherAddresses/],
    [documents({ kind: 'ServerCertificate', name: 'x', spec: { chain: server.pem, key: alice.keyPem } }), /spec\.key: .*\(key-mismatch\)$/],
    [documents({ ...TENANT, spec: { ...TENANT.spec, clientCertificate: { chain: server.pem, key: alice.keyPem } } }), /spec\.clientCertificate\.key: .*\(key-mismatch\)$/],
    [documents({ ...TENANT, spec: { ...TENANT.spec, arcSealing: { domain: 'contoso.com', selector: 's', key: alice.keyPem } } }), /spec\.arcSealing\.key: the key is ec: needed is RSA of at least 2048 bits, or Ed25519 \(key-unsuitable\)$/],
    [documents(TENANT) + MAP, /^objects\.yaml:\d+:22: Map transport: line 2, column 18: a mail that was accepted is never dropped: .*\(never-discarded\) \(map-line-invalid\)$/],
    [documents(TENANT, { ...TENANT, name: 'fabrikam' }), /Tenant contoso: the host name smime\.contoso\.com is claimed by the tenant fabrikam too \(tenant-conflict\)$/],
  ] // prettier-ignore
  for (const [text, expected] of cases) assert.match((await new Stored().faults(text))[0] ?? '', expected)
})

test('a fault in a line of a map is told at its place in the file, written as a block or not', async () => {
  const place = async (text: string) => ((await new Stored().faults(text))[0] ?? '').split(': ')[0]
  assert.equal(await place(MAP.slice(4)), 'objects.yaml:7:22')
  assert.equal(await place(MAP.slice(4).replaceAll('\n', '\r\n')), 'objects.yaml:7:22')
  const flow =
    'apiVersion: siegel/v1\nkind: Map\nname: transport\nspec: { text: "a.example :\\nb.example discard:" }\n'
  assert.equal(await place(flow), 'objects.yaml:4')
})

test('a file from before a change of secrets does not undo it, and one that knows of it may change all else', async () => {
  const stored = new Stored()
  await stored.apply(documents(TENANT))
  const before = writeExport(stored.objects, MASTER_KEY).text
  const { secretHeader } = TENANT.spec as {
    secretHeader: { name: string; outbound: string[]; inbound: string[] }
  }
  const [one, two] = [secretNumber(90).secret, secretNumber(91).secret]
  const at = '2026-11-24T10:00:00.000Z'
  const added = {
    ...TENANT.spec,
    secretHeader: {
      ...secretHeader,
      outbound: [one, ...secretHeader.outbound],
      inbound: [two, ...secretHeader.inbound],
    },
    rotation: { what: 'secret', step: 'added', at },
  }
  await stored.apply(documents({ ...TENANT, spec: added }))
  const during = writeExport(stored.objects, MASTER_KEY).text
  const conflict =
    /^objects\.yaml:\d+: spec\.(secretHeader|rotation): siegel exchange rotate has changed .*--undo-rotation \(rotation-conflict\)$/
  for (const text of [
    before,
    documents(TENANT),
    documents({ ...TENANT, spec: { ...TENANT.spec, removeOwnDkim: false } }),
  ])
    assert.match((await stored.faults(text))[0] ?? '', conflict)
  // What stands in the file is what is in force.
  assert.equal((await stored.plan(during)).change, null)
  // The change is finished by the command.
  const until = '2026-11-26T11:00:00.000Z'
  const retired = { outbound: secretHeader.outbound, inbound: secretHeader.inbound, until }
  const done = {
    ...TENANT.spec,
    secretHeader: { name: secretHeader.name, outbound: [one], inbound: [two], retired },
    rotation: { what: 'secret', step: 'finished', at: '2026-11-24T11:00:00.000Z' },
  }
  await stored.apply(documents({ ...TENANT, spec: done }), { undoRotation: true })
  for (const text of [before, during]) assert.match((await stored.faults(text))[0] ?? '', conflict)
  // Written by hand, with the secrets in force and nothing else of the change: it goes on as it is.
  const byHand = {
    ...TENANT.spec,
    secretHeader: { ...secretHeader, outbound: [one], inbound: [two] },
    removeOwnDkim: false,
  }
  const plan = await stored.apply(documents({ ...TENANT, spec: byHand }))
  assert.deepEqual(
    plan.differences[0]?.fields.map(({ field }) => field),
    ['removeOwnDkim'],
  )
  assert.equal(
    (await stored.plan(documents({ ...TENANT, spec: { ...done, removeOwnDkim: false } }))).change,
    null,
  )
  // Who wants to undo it says so.
  assert.notEqual((await stored.plan(before, { undoRotation: true })).change, null)
})

test('faults of all documents are told at once', async () => {
  const faults = await new Stored().faults(
    documents({ ...TENANT, spec: {} }, { ...BOB, spec: { x: 1 } }, { kind: 'What', name: 'x' }),
  )
  for (const part of ['spec.fqdn', 'spec.x', 'kind: must be one of'])
    assert.ok(
      faults.some((fault) => fault.includes(part)),
      part,
    )
})

test('other addresses may be given to a partner certificate explicitly, and a certificate can be distrusted', async () => {
  const spec = {
    certificate: bob.pem,
    addresses: ['Info@partner.example'],
    allowOtherAddresses: true,
    distrusted: true,
  }
  const plan = await new Stored().plan(documents(TENANT, { ...BOB, spec }))
  const entry = plan.change?.put.flatMap(({ credentials }) => credentials)[0]
  assert.deepEqual(entry?.addresses, ['bob@partner.example', 'info@partner.example'])
  assert.equal(entry.distrusted, true)
})

test('a PKCS#12 file with several keys is refused, with intermediates they follow in order', async () => {
  const root = makeCertificate('Root', { ca: true })
  const upper = makeCertificate('Upper', { ca: true }, root)
  const lower = makeCertificate('Lower', { ca: true }, upper)
  const leaf = makeCertificate('Leaf', { emails: ['leaf@contoso.com'] }, lower)
  const pkcs12 = makePkcs12(leaf, [root, upper, lower], 'x').toString('base64')
  const plan = await new Stored().plan(documents(TENANT, { ...ALICE, spec: { pkcs12, password: 'x' } }))
  const entry = plan.change?.put.flatMap(({ credentials }) => credentials)[0]
  assert.deepEqual(entry?.chain, [lower.certificate.raw, upper.certificate.raw])
})

test('a fault that was there before does not stand in the way of another change', async () => {
  const stored = new Stored()
  stored.objects = [{ kind: 'AddressRange', tenant: null, name: 'old', spec: { cidrs: 5 }, secrets: {} }]
  const plan = await stored.plan(documents(TENANT))
  assert.deepEqual(
    plan.change?.put.map(({ object }) => objectKey(object)),
    ['Tenant contoso'],
  )
})

// `siegel tls-cert` from the request to the removal, as an operator calls it.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { issueCertificate, Oid, readCsr, writePkcs12 } from '@siegel/engine'
import { stringify } from 'yaml'
import { tenantSpecOf } from '../config/testkit.ts'
import { rsaKey, TestPki } from '../identity/testing/certificates.ts'
import { openStore } from '../store/index.ts'
import type { ExitCode } from './io.ts'
import { main } from './main.ts'

const NOW = Date.now()
const pki = new TestPki(NOW)
const masterKey = randomBytes(32)
let folder = ''

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'siegel-tls-cert-'))
  await writeFile(join(folder, 'master.key'), masterKey)
  const settings = 'fqdn: smime.contoso.com\nmasterKey: file:master.key\ndataFolder: data\n'
  await writeFile(join(folder, 'siegel.yaml'), settings)
  const objects = [
    { kind: 'Tenant', name: 'contoso', spec: tenantSpecOf('contoso.com', 0) },
    { kind: 'Tenant', name: 'fabrikam', spec: tenantSpecOf('fabrikam.com', 1) },
    { kind: 'AddressRange', name: 'lab', spec: { cidrs: ['127.0.0.1'] } },
    { kind: 'TlsAnchor', name: 'lab', spec: { certificate: pki.root.pem } },
  ]
  const text = objects.map((one) => stringify({ apiVersion: 'siegel/v1', ...one })).join('---\n')
  await writeFile(join(folder, 'objects.yaml'), text)
  assert.equal((await run('apply', '-f', join(folder, 'objects.yaml'))).code, 0)
})
after(() => rm(folder, { recursive: true }))

let answer = ''
async function run(...argv: string[]): Promise<{ code: ExitCode; out: string; err: string }> {
  const out: string[] = []
  const err: string[] = []
  const io = {
    out: (line: string) => void out.push(line),
    err: (line: string) => void err.push(line),
    now: Date.now,
    standardInput: () => Promise.resolve(Buffer.from(answer)),
  }
  const code = await main([...argv, '--config', join(folder, 'siegel.yaml')], io)
  return { code, out: out.join('\n'), err: err.join('\n') }
}

interface Listed {
  readonly certificates: readonly Readonly<Record<string, unknown>>[]
}
const listed = async () => (JSON.parse((await run('tls-cert', 'list', '--json')).out) as Listed).certificates
const tenant = ['--tenant', 'contoso']
const file = async (name: string, text: string | Buffer) => {
  await writeFile(join(folder, name), text)
  return join(folder, name)
}

let first = ''
test('a request for the FQDN of the tenant; its key never leaves the store', async () => {
  const which = await run('tls-cert', 'request')
  assert.equal(which.code, 2)
  assert.match(which.err, /which tenant\? --tenant contoso or fabrikam/)
  const made = await run('tls-cert', 'request', '--out', join(folder, 'contoso.csr'), ...tenant)
  assert.deepEqual({ code: made.code, out: made.out }, { code: 0, out: '' })
  const csr = readCsr(await readFile(join(folder, 'contoso.csr')))
  assert.equal(csr.publicKey.asymmetricKeyDetails?.modulusLength, 2048)
  const [pending] = await listed()
  assert.deepEqual([pending?.['state'], pending?.['names'], pending?.['key']], ['pending', ['smime.contoso.com'], 'RSA 2048']) // prettier-ignore
  for (const name of ['siegel.sqlite', 'siegel.sqlite-wal'].map((one) => join(folder, 'data', one)))
    if ((await stat(name).catch(() => null)) !== null)
      assert.ok(!(await readFile(name)).includes('PRIVATE KEY'), name)

  const der = issueCertificate({
    subject: { CN: 'smime.contoso.com' },
    issuer: { certificate: pki.intermediate.certificate, key: pki.intermediate.key },
    publicKey: csr.publicKey,
    ...{ notBefore: NOW - 1000, notAfter: NOW + 199 * 86_400_000 },
    extensions: {
      dnsNames: ['smime.contoso.com'],
      keyUsage: ['digitalSignature'],
      extendedKeyUsage: [Oid.idKpServerAuth],
    },
  })
  const certificate = await file('contoso.cer', der)
  const alone = await run('tls-cert', 'import', certificate, ...tenant)
  // It is kept, and what is missing is said; a request is answered once.
  assert.equal(alone.code, 1)
  assert.match(alone.out, /bad {3}no chain from CN=Test Issuing CA to a root.*\(chain-incomplete\) -> .*--chain FILE/) // prettier-ignore
  first = String((await listed())[0]?.['id'])
})

test('the intermediate that came later completes it when it is at hand', async () => {
  // Another certificate of the same authority brings the intermediate.
  const other = pki.leaf('smime.contoso.com', { key: rsaKey() })
  const whole = await file('other.pem', other.keyPem + pki.intermediate.pem + other.pem)
  const imported = await run('tls-cert', 'import', whole, '--activate', '--lang', 'de', ...tenant)
  assert.equal(imported.code, 0, imported.err)
  assert.match(imported.out, /Achtung +die Kette endet am eigenen TlsAnchor CN=Test Root.*\(chain-private\)/) // prettier-ignore
  const checked = await run('tls-cert', 'check', first, '--json')
  assert.equal(checked.code, 0, checked.out)
  const { findings } = JSON.parse(checked.out) as { findings: { code: string; verdict: string; todo: string }[] } // prettier-ignore
  assert.ok(findings.some(({ code }) => code === 'chain-completed'))
  const noClient = findings.find(({ code }) => code === 'client-usage-missing')
  assert.equal(noClient?.verdict, 'warning')
  assert.match(noClient.todo, /inbound connector by IP address/)
})

test('staged, activated by command for one use, listed, rolled back', async () => {
  assert.equal((await run('tls-cert', 'activate', ...tenant)).code, 1)
  assert.equal((await run('tls-cert', 'stage', first, '--at', 'tomorrow')).code, 2)
  assert.equal((await run('tls-cert', 'stage', first, '--use', 'server')).code, 0)
  const staged = (await listed()).find(({ id }) => id === first)
  assert.deepEqual([staged?.['server'], staged?.['client'], staged?.['takesOverAt']], ['next', null, null])
  const taken = await run('tls-cert', 'activate', ...tenant)
  assert.match(taken.out, new RegExp(`in force ${first}$`))
  const store = await openStore({ dataFolder: join(folder, 'data'), masterKey })
  const { identities } = await store.config.read()
  await store.close()
  // What is presented has the intermediate, though the file had none.
  const chain = identities.find(({ use }) => use === 'server')?.chain ?? ''
  assert.equal(chain.match(/BEGIN/g)?.length, 2)
  const after = await listed()
  assert.deepEqual(after.map(({ server, client }) => [server, client]).sort(), [['active', null], ['former', 'active']]) // prettier-ignore
  assert.match((await run('tls-cert', 'list')).out, /server active {2}20\d\d-\d\d-\d\d to 20/)
  const back = await run('tls-cert', 'rollback', '--use', 'server', ...tenant)
  assert.equal(back.code, 0)
  assert.equal((await run('tls-cert', 'rollback', '--use', 'client', ...tenant)).code, 1)
})

test('PKCS#12 with a password; a wrong password and a missing key are said', async () => {
  const leaf = pki.leaf('smime.fabrikam.com', { key: rsaKey() })
  const certificates = [leaf.certificate, pki.intermediate.certificate]
  const p12 = await file('f.p12', writePkcs12({ key: leaf.key, certificates, password: 'geheim', iterations: 1000 })) // prettier-ignore
  const wrong = await run('tls-cert', 'import', p12, '--pass', 'x', '--tenant', 'fabrikam')
  assert.equal(wrong.code, 2)
  assert.match(wrong.err, /pkcs12-password/)
  const good = await run('tls-cert', 'import', p12, '--pass', 'geheim', '--tenant', 'fabrikam', '--activate')
  assert.equal(good.code, 0, good.err)
  const stranger = pki.leaf('smime.fabrikam.com')
  const lonely = await run('tls-cert', 'import', await file('l.pem', stranger.pem), '--tenant', 'fabrikam')
  assert.match(lonely.err, /no key for it: 0 request\(s\)/)
  const apart = await run('tls-cert', 'import', join(folder, 'l.pem'), '--key', await file('l.key', stranger.keyPem), '--chain', await file('ca.pem', pki.intermediate.pem), '--tenant', 'fabrikam') // prettier-ignore
  assert.equal(apart.code, 0, apart.err)
  // What one tenant has does not serve another.
  const other = (await listed()).find((one) => one['tenant'] === 'fabrikam')
  assert.equal((await run('tls-cert', 'activate', String(other?.['id']), ...tenant)).code, 2)
})

test('removal asks, and takes only yes', async () => {
  answer = 'y'
  const asked = await run('tls-cert', 'remove', first)
  assert.equal(asked.code, 1)
  assert.match(asked.err, /with its private key for good\?/)
  answer = 'yes\n'
  assert.equal((await run('tls-cert', 'remove', first)).code, 0)
  assert.equal((await run('tls-cert', 'remove', first, '--yes')).code, 2)
  const [active] = (await listed()).filter(({ server }) => server === 'active')
  answer = ''
  const inForce = await run('tls-cert', 'remove', String(active?.['id']))
  assert.match(inForce.err, /it is in force as server and client; afterwards/)
})

test('renew needs an issuer; with one the gateway is told to ask at once', async () => {
  assert.match((await run('tls-cert', 'renew', ...tenant)).err, /no AcmeIssuer serves contoso/)
  const spec = { directory: 'https://acme.example/dir', tenants: ['contoso'], externalAccount: { keyId: 'k', hmacKey: 'c2VjcmV0' } } // prettier-ignore
  const object = stringify({ apiVersion: 'siegel/v1', kind: 'AcmeIssuer', name: 'lab', spec })
  assert.equal((await run('apply', '-f', await file('acme.yaml', object))).code, 0)
  assert.equal((await run('tls-cert', 'renew', ...tenant)).code, 0)
  const { out } = await run('tls-cert', 'list', '--json')
  const { acme } = JSON.parse(out) as { acme: { directory: string; nextAt: string }[] }
  assert.deepEqual(acme.map(({ directory, nextAt }) => [directory, nextAt]), [['https://acme.example/dir', '1970-01-01T00:00:00.000Z']]) // prettier-ignore
  // The MAC key is a secret.
  const exported = await run('export')
  assert.ok(!exported.out.includes('c2VjcmV0') && exported.out.includes('hmacKey: sealed:'))
  for (const bad of ['http://acme.example/dir', 'acme'])
    assert.equal((await run('apply', '-f', await file('bad.yaml', object.replace('https://acme.example/dir', bad)))).code, 2) // prettier-ignore
})

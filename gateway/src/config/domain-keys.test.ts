// Keys that a tenant publishes in DNS: what is taken and kept, what is refused and where, and that no two tenants share a domain
// whose signature proves them.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { generateKeyPairSync } from 'node:crypto'
import { parseConfigDocument } from '@siegel/contract'
import { MaterialFailure } from './certificates.ts'
import { normalise, toDocument, toObject } from './config-object.ts'
import { compileSettings } from './settings.ts'
import { tenantSpecOf } from './testkit.ts'

const pem = (key: { export: (options: { type: 'pkcs8'; format: 'pem' }) => string | Buffer }) =>
  String(key.export({ type: 'pkcs8', format: 'pem' }))
const RSA = pem(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey)
const SMALL = pem(generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey)
const EDWARDS = pem(generateKeyPairSync('ed25519').privateKey)
const P256 = pem(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)

function document(name: string, number: number, change: object) {
  const spec = { ...tenantSpecOf(`${name}.com`, number), ...change }
  return parseConfigDocument({ apiVersion: 'siegel/v1', kind: 'Tenant', name, spec })
}

function objectOf(name: string, number: number, change: object) {
  const parsed = document(name, number, change)
  assert.ok(parsed.ok, JSON.stringify(parsed))
  return toObject(normalise(parsed.document).document)
}

const ROWS = new Map(
  ['contoso', 'fabrikam'].map((name) => [name, { id: name, markerKey: Buffer.alloc(32, 1) }]),
)
const sealing = (key: string, change: object = {}) => ({
  arcSealing: { domain: 'GW.contoso.com', selector: 'S1', key, ...change },
})

test('keys are sealed beside the spec and compiled into the tenant', () => {
  const object = objectOf('contoso', 0, {
    ...sealing(RSA),
    initialDomain: 'Contoso.onmicrosoft.com',
    dkimSigning: [
      { domain: 'contoso.com', selector: 'r', key: RSA },
      { domain: 'contoso.com', selector: 'e', key: EDWARDS },
    ],
  })
  assert.deepEqual(Object.keys(object.secrets).filter((pointer) => pointer.endsWith('/key')), ['/arcSealing/key', '/dkimSigning/0/key', '/dkimSigning/1/key']) // prettier-ignore
  assert.doesNotMatch(JSON.stringify(object.spec), /PRIVATE KEY/)
  assert.ok(toDocument(object).ok)
  const tenant = compileSettings(1, [object], ROWS).settings.tenants.get('contoso')
  assert.equal(tenant?.initialDomain, 'contoso.onmicrosoft.com')
  assert.deepEqual([tenant.arcSealing?.domain, tenant.arcSealing?.selector, tenant.arcSealing?.key.asymmetricKeyType], ['gw.contoso.com', 's1', 'rsa']) // prettier-ignore
  assert.deepEqual(tenant.dkimSigning.map(({ key }) => key.asymmetricKeyType), ['rsa', 'ed25519']) // prettier-ignore
})

test('a key that verifiers do not believe is refused, with the field', () => {
  for (const [key, code] of [
    [SMALL, 'key-unsuitable'],
    [P256, 'key-unsuitable'],
    ['MIIBAAAA', 'key-malformed'],
  ] as const)
    // prettier-ignore
    for (const [change, field] of [
      [sealing(key), 'arcSealing.key'],
      [{ dkimSigning: [{ domain: 'contoso.com', selector: 'r', key: RSA }, { domain: 'contoso.com', selector: 'x', key }] }, 'dkimSigning.1.key'], // prettier-ignore
    ] as const) {
      const parsed = document('contoso', 0, change)
      assert.ok(parsed.ok)
      assert.throws(
        () => normalise(parsed.document),
        (error) => error instanceof MaterialFailure && error.code === code && error.field === field,
      )
    }
})

test('what is no domain, no selector, or one twice is refused', () => {
  for (const change of [
    sealing(RSA, { domain: 'localhost' }),
    sealing(RSA, { selector: 'a b' }),
    sealing(RSA, { selector: '' }),
    sealing(RSA, { selector: 'x;d=evil.example' }),
    { dkimSigning: [{ domain: 'contoso.com', selector: 'r', key: RSA }, { domain: 'contoso.com', selector: 'R', key: RSA }] }, // prettier-ignore
    { dkimSigning: ['a', 'b', 'c'].map((selector) => ({ domain: 'contoso.com', selector, key: RSA })) },
  ])
    assert.equal(document('contoso', 0, change).ok, false, JSON.stringify(change).slice(0, 200))
})

test('two tenants with one initial domain, or one that is accepted by the other, are both left out', () => {
  for (const [one, other] of [
    [{ initialDomain: 'x.onmicrosoft.com' }, { initialDomain: 'X.onmicrosoft.com' }],
    [{ initialDomain: 'fabrikam.com' }, {}],
  ] as const) {
    const objects = [objectOf('contoso', 0, one), objectOf('fabrikam', 1, other)]
    const { settings, findings } = compileSettings(1, objects, ROWS)
    assert.equal(settings.tenants.size, 0)
    assert.deepEqual(findings.filter(({ code }) => code === 'tenant-conflict').length, 2)
  }
})

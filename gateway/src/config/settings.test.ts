// Settings compiled from objects: what a worker gets, and what a broken object switches off.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConfigDocument } from '@siegel/contract'
import { normalise, toDocument, toObject } from './config-object.ts'
import type { ConfigObject } from './ports.ts'
import { compileSettings, type TenantRows } from './settings.ts'
import { namesHost } from './tenant-conflicts.ts'
import { makeCertificate, secretNumber, tenantSpecOf } from './testkit.ts'

const ca = makeCertificate('Test CA', { ca: true })
const server = makeCertificate('gateway', { dnsNames: ['SMIME.contoso.com', 'smime.fabrikam.com'] }, ca)
const client = makeCertificate('contoso', { dnsNames: ['smime.contoso.com'] }, ca)

const ROWS: TenantRows = new Map(
  ['contoso', 'fabrikam'].map((name) => [
    name,
    { id: `ROW-${name}`, markerKey: Buffer.alloc(32, name.length) },
  ]),
)

function object(kind: string, name: string, spec: unknown, tenant?: string): ConfigObject {
  const head = { apiVersion: 'siegel/v1', kind, name, spec }
  const parsed = parseConfigDocument(tenant === undefined ? head : { ...head, tenant })
  assert.ok(parsed.ok, JSON.stringify(parsed))
  return toObject(normalise(parsed.document).document)
}

function tenant(name: string, domain: string, number: number, change: object = {}): ConfigObject {
  return object('Tenant', name, { ...tenantSpecOf(domain, number), ...change })
}

const GOOD: readonly ConfigObject[] = [
  tenant('contoso', 'contoso.com', 0, {
    clientCertificate: { chain: client.pem + ca.pem, key: client.keyPem },
  }),
  tenant('fabrikam', 'fabrikam.com', 1),
  object('ServerCertificate', 'z', { chain: client.pem, key: client.keyPem }),
  object('ServerCertificate', 'default', { chain: server.pem + ca.pem, key: server.keyPem }),
  object('TlsAnchor', 'ca', { certificate: ca.pem }),
  object('MailAnchor', 'ca', { certificate: ca.certificate.raw.toString('base64') }, 'contoso'),
  object('AddressRange', 'office', { cidrs: ['40.92.0.0/15'] }),
  object('AddressRange', 'lab', { cidrs: ['127.0.0.1'] }),
  object('Map', 'tls-policy', { text: '[contoso-com.mail.protection.outlook.com]:25 verify\n' }),
]

test('good objects make complete settings without a finding', () => {
  const { settings, findings } = compileSettings(7, GOOD, ROWS)
  assert.deepEqual(findings, [])
  assert.equal(settings.version, 7)
  assert.deepEqual([...settings.tenants.keys()], ['ROW-contoso', 'ROW-fabrikam'])
  assert.deepEqual(settings.tenants.get('ROW-contoso'), {
    id: 'ROW-contoso',
    name: 'contoso',
    microsoftTenantId: null,
    acceptedDomains: ['contoso.com', 'smime.contoso.com'],
    fqdn: 'smime.contoso.com',
    preset: 'recommended',
    secretHeader: {
      name: 'X-Contoso-Siegel',
      outbound: [secretNumber(0).secret],
      inbound: [secretNumber(1).secret],
      retired: null,
    },
    processedHeader: {
      name: 'X-Siegel-Processed',
      outbound: [secretNumber(0).word],
      inbound: [secretNumber(1).word],
    },
    route: '[contoso-com.mail.protection.outlook.com]:25',
    outboundDelivery: 'office365',
    removeOwnDkim: true,
    initialDomain: null,
    arcSealing: null,
    dkimSigning: [],
    ediEnergyEdition: null,
    validation: null,
    roundTrip: null,
    onboarding: null,
    rotating: false,
    markerKey: Buffer.alloc(32, 7),
    postmaster: null,
  })
  assert.equal(settings.clientIdentities.get('ROW-contoso')?.chain, client.pem + ca.pem)
  assert.deepEqual(settings.serverIdentities.map((identity) => identity.names), [['smime.contoso.com', 'smime.fabrikam.com'], ['smime.contoso.com']]) // prettier-ignore
  assert.deepEqual(settings.addressRanges, ['127.0.0.1', '40.92.0.0/15'])
  assert.deepEqual(settings.tlsAnchors, [ca.pem])
  assert.deepEqual(settings.mailAnchors.get('ROW-contoso'), [ca.certificate.raw])
  assert.equal(settings.maps.get('tls-policy'), '[contoso-com.mail.protection.outlook.com]:25 verify\n')
})

test('the order in which objects come does not matter', () => {
  assert.deepEqual(compileSettings(1, GOOD.toReversed(), ROWS), compileSettings(1, GOOD, ROWS))
})

test('secrets stand beside the spec, never in it, and come back', () => {
  for (const one of GOOD) {
    const text = JSON.stringify(one.spec)
    for (const secret of Object.values(one.secrets))
      assert.ok(!text.includes(JSON.stringify(secret).slice(1, -1)))
    const parsed = toDocument(one)
    assert.ok(parsed.ok)
    assert.deepEqual(toObject(parsed.document), one)
  }
  assert.deepEqual(Object.keys(GOOD[0]?.secrets ?? {}), [
    '/secretHeader/outbound/0',
    '/secretHeader/inbound/0',
    '/processedHeader/outbound/0',
    '/processedHeader/inbound/0',
    '/clientCertificate/key',
  ])
})

/** The settings with one object replaced, and the errors. */
function withBroken(kind: string, name: string, change: (object: ConfigObject) => ConfigObject) {
  const objects = GOOD.map((one) => (one.kind === kind && one.name === name ? change(one) : one))
  const { settings, findings } = compileSettings(1, objects, ROWS)
  return { settings, errors: findings.filter((finding) => finding.severity === 'error') }
}

test('a broken tenant is left out, and only that one', () => {
  const breakages: ((object: ConfigObject) => ConfigObject)[] = [
    (one) => ({ ...one, spec: null }),
    (one) => ({ ...one, spec: 'text' }),
    (one) => ({ ...one, secrets: {} }),
    (one) => ({ ...one, secrets: { ...one.secrets, '/clientCertificate/key': server.keyPem } }),
    (one) => ({ ...one, secrets: { ...one.secrets, '/clientCertificate/key': 'rubbish!' } }),
    (one) => ({ ...one, secrets: { ...one.secrets, '/a/b/c': 'x' } }),
    (one) => ({ ...one, secrets: { ...one.secrets, '/__proto__/x': 'x' } }),
  ]
  for (const breakage of breakages) {
    const { settings, errors } = withBroken('Tenant', 'contoso', breakage)
    assert.deepEqual([...settings.tenants.keys()], ['ROW-fabrikam'], breakage.toString())
    assert.deepEqual([...settings.clientIdentities.keys()], [])
    assert.equal(errors.length, 1)
    assert.equal(errors[0]?.object, 'Tenant contoso')
  }
})

test('a broken server certificate, anchor or range switches only itself off', () => {
  const mismatch = withBroken('ServerCertificate', 'default', (one) => ({
    ...one,
    secrets: { '/key': client.keyPem },
  }))
  assert.equal(mismatch.settings.serverIdentities.length, 1)
  assert.deepEqual(
    mismatch.errors.map((error) => `${error.code} ${error.object}`),
    ['key-mismatch ServerCertificate default'],
  )
  const anchor = withBroken('MailAnchor', 'ca', (one) => ({ ...one, spec: { certificate: 'MIIBAAAA' } }))
  assert.equal(anchor.settings.mailAnchors.size, 0)
  assert.deepEqual(
    anchor.errors.map((error) => `${error.code} ${error.object}`),
    ['certificate-malformed MailAnchor contoso/ca'],
  )
  const range = withBroken('AddressRange', 'office', (one) => ({ ...one, spec: { cidrs: ['0.0.0.0/-1'] } }))
  assert.deepEqual(range.settings.addressRanges, ['127.0.0.1'])
  assert.equal(range.settings.tenants.size, 2)
})

test('no finding shows a secret', () => {
  const { errors } = withBroken('Tenant', 'contoso', (one) => ({
    ...one,
    secrets: { ...one.secrets, '/secretHeader/outbound/0': 'hunter2', '/clientCertificate/key': 'hunter2' },
  }))
  assert.ok(errors.length > 0)
  assert.ok(!JSON.stringify(errors).includes('hunter2'))
})

test('tenants that claim the same thing are both left out', () => {
  const id = '11111111-2222-3333-4444-555555555555'
  const conflicts: [object, object][] = [
    [{ acceptedDomains: ['shared.com'] }, { acceptedDomains: ['shared.com', 'fabrikam.com'] }],
    [{ microsoftTenantId: id }, { microsoftTenantId: id }],
    [{ fqdn: 'smime.shared.com' }, { fqdn: 'smime.shared.com' }],
    [{}, { secretHeader: tenantSpecOf('contoso.com', 0)['secretHeader'] }],
    [{}, { processedHeader: tenantSpecOf('contoso.com', 0)['processedHeader'] }],
    [{ clientCertificate: { chain: client.pem, key: client.keyPem } }, { clientCertificate: { chain: client.pem, key: client.keyPem } }],
  ] // prettier-ignore
  for (const [one, other] of conflicts) {
    const objects = [tenant('contoso', 'contoso.com', 0, one), tenant('fabrikam', 'fabrikam.com', 1, other)]
    const { settings, findings } = compileSettings(1, objects, ROWS)
    assert.equal(settings.tenants.size, 0)
    const errors = findings.filter((finding) => finding.severity === 'error')
    assert.deepEqual(errors.map((error) => `${error.code} ${error.object}`), ['tenant-conflict Tenant contoso', 'tenant-conflict Tenant fabrikam']) // prettier-ignore
    assert.ok(!JSON.stringify(errors).includes(secretNumber(0).secret))
  }
})

test('what works but is perhaps not meant is a warning', () => {
  const objects = [
    tenant('contoso', 'contoso.com', 0, {
      clientCertificate: { chain: server.pem, key: server.keyPem },
      fqdn: 'gw.contoso.com',
    }),
    object('Map', 'tls-policy', {
      text: ' starts with a blank\n[contoso-com.mail.protection.outlok.com]:25 verify\n',
    }),
  ]
  const { settings, findings } = compileSettings(1, objects, ROWS)
  assert.equal(settings.tenants.size, 1)
  assert.deepEqual(
    findings.map((finding) => `${finding.severity} ${finding.code} ${finding.object}`),
    ['warning map-line Map tls-policy', 'warning map-line-doubtful Map tls-policy', 'warning certificate-name Tenant contoso', 'warning certificate-name Tenant contoso', 'warning range-missing '], // prettier-ignore
  )
})

test('lines of maps are findings with line and column, errors where a map cannot do what is asked', () => {
  const { findings } = compileSettings(
    1,
    [
      ...GOOD.filter(({ kind }) => kind !== 'Map'),
      object('Map', 'tls-policy', {
        text: '[smtp.partner.example]:587 encrypt\n[smtp.partner.exmaple]:587 encrypt\n',
      }),
      object('Map', 'transport', {
        text: 'partner.example smtp:[smtp.partner.example]:587\nx.example  discard:\ncontoso.com :[x.example]\n',
      }),
      object('Map', 'client-access', { text: '192.0.2.0/24\n  REJECT\n192.0.2.7 OK\n' }),
      object('Map', 'recipient-access', { text: 'bob@partner.example RELAY\n' }),
    ],
    ROWS,
  )
  assert.deepEqual(
    findings.map(({ severity, code, object: of, message, at }) => [
      severity[0],
      code,
      of.slice(4),
      at?.line,
      at?.column,
      /\((\S+)\)$/.exec(message)?.[1],
    ]),
    [
      ['w', 'map-line-doubtful', 'client-access', 3, 1, 'unreachable'],
      ['w', 'map-line-doubtful', 'client-access', 3, 11, 'grants-nothing'],
      ['e', 'map-line-invalid', 'recipient-access', 1, 21, 'action-not-possible'],
      ['w', 'map-line-doubtful', 'tls-policy', 1, 28, 'weak-level'],
      ['w', 'map-line-doubtful', 'tls-policy', 2, 1, 'never-used'],
      ['w', 'map-line-doubtful', 'tls-policy', 2, 28, 'weak-level'],
      ['e', 'map-line-invalid', 'transport', 2, 12, 'never-discarded'],
      ['w', 'map-line-doubtful', 'transport', 3, 1, 'endpoint-not-moved'],
    ],
  )
})

test('an object of an unknown tenant or of an unknown kind is a finding', () => {
  const stray = object('MailAnchor', 'ca', { certificate: ca.pem }, 'nobody')
  const strange: ConfigObject = { kind: 'Printer', tenant: null, name: 'x', spec: {}, secrets: {} }
  const { settings, findings } = compileSettings(1, [stray, strange], ROWS)
  assert.equal(settings.mailAnchors.size, 0)
  assert.deepEqual(
    findings.filter((finding) => finding.severity === 'error').map((finding) => finding.code),
    ['tenant-unknown', 'object-broken'],
  )
  // The store keeps the row of a deleted tenant for its traces.
  const left = object('MailAnchor', 'ca', { certificate: ca.pem }, 'contoso')
  assert.deepEqual(compileSettings(1, [left], ROWS).findings[0]?.code, 'tenant-unknown')
})

test('a wildcard in a certificate stands for one label', () => {
  assert.ok(namesHost(['*.contoso.com'], 'smime.contoso.com'))
  assert.ok(!namesHost(['*.contoso.com'], 'a.smime.contoso.com'))
  assert.ok(!namesHost(['*.contoso.com'], 'contoso.com'))
  assert.ok(!namesHost([], 'contoso.com'))
})

test('certificates of tls-cert go before those of objects; what they replace whole is no longer presented', () => {
  const next = makeCertificate('next', { dnsNames: ['smime.contoso.com'] }, ca)
  const active = (use: 'server' | 'client', tenantId = 'ROW-contoso') => ({ tenantId, use, chain: next.pem, key: next.keyPem }) // prettier-ignore
  const { settings, findings } = compileSettings(1, GOOD, ROWS, [active('client'), active('server')])
  assert.deepEqual(findings, [])
  assert.equal(settings.clientIdentities.get('ROW-contoso')?.chain, next.pem)
  // `default` names fabrikam too and stays the first, `z` is gone.
  assert.deepEqual(
    settings.serverIdentities.map(({ chain }) => chain),
    [server.pem + ca.pem, next.pem],
  )
  const only = object('ServerCertificate', 'default', { chain: client.pem, key: client.keyPem })
  const replaced = compileSettings(1, [GOOD[0] as ConfigObject, only], ROWS, [active('server')])
  assert.deepEqual(
    replaced.settings.serverIdentities.map(({ chain }) => chain),
    [next.pem],
  )
  // One of a tenant that is not there is not presented; one that is damaged is a finding and does no other harm.
  const nobody = compileSettings(1, GOOD, ROWS, [active('server', 'ROW-nobody')])
  assert.equal(nobody.settings.serverIdentities.length, 2)
  const damaged = compileSettings(1, GOOD, ROWS, [{ ...active('client'), key: client.keyPem }])
  assert.equal(damaged.settings.clientIdentities.get('ROW-contoso')?.chain, client.pem + ca.pem)
  assert.deepEqual(damaged.findings.map(({ code }) => code), ['key-mismatch']) // prettier-ignore
})

test('issuers serve the tenants that they name, each tenant by one', () => {
  const issuer = (name: string, rest: object) =>
    object('AcmeIssuer', name, { directory: 'https://acme.example/dir', ...rest })
  const objects = [...GOOD, issuer('a', { tenants: ['contoso', 'nobody'] }), issuer('b', {})]
  const { settings, findings } = compileSettings(1, objects, ROWS)
  assert.deepEqual(settings.acmeIssuers.map(({ name, hosts }) => [name, hosts.map(({ fqdn }) => fqdn)]), [['a', ['smime.contoso.com']], ['b', ['smime.fabrikam.com']]]) // prettier-ignore
  assert.deepEqual(findings.map(({ code, object: of }) => `${code} ${of}`), ['tenant-unknown AcmeIssuer a']) // prettier-ignore
})

test('a tenant whose treatment settings cannot be used sends nothing by weaker ones', () => {
  const partner = object(
    'TreatmentSettings',
    'a',
    { partner: 'partner.example', encrypt: 'always' },
    'contoso',
  )
  const tenants = (...objects: ConfigObject[]) => {
    const { settings, findings } = compileSettings(1, [...GOOD, ...objects], ROWS)
    const errors = findings.filter(({ severity }) => severity === 'error')
    return [[...settings.tenants.keys()], errors.map(({ code }) => code)]
  }
  assert.deepEqual(tenants(partner), [['ROW-contoso', 'ROW-fabrikam'], []])
  assert.deepEqual(tenants(partner, { ...partner, name: 'b' }), [['ROW-fabrikam'], ['settings-twice']])
  assert.deepEqual(tenants({ ...partner, spec: { partner: 'partner.example', encrypt: 'sometimes' } }), [
    ['ROW-fabrikam'],
    ['object-broken'],
  ])
  const defaults = object('TreatmentDefaults', 'default', { encrypt: 'always' })
  assert.deepEqual(tenants({ ...defaults, spec: {} }), [[], ['object-broken']])
  const { settings } = compileSettings(1, [...GOOD, partner, defaults], ROWS)
  assert.deepEqual(settings.treatment.get('ROW-contoso')?.partners.get('partner.example'), {
    encrypt: 'always',
  })
  assert.deepEqual(settings.treatment.get('ROW-fabrikam')?.global, { encrypt: 'always' })
})

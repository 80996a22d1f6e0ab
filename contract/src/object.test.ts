// Configuration documents: what is taken, what is refused and where the fault is said to be, by table.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { materialFields } from './material-fields.ts'
import { KINDS, isKind, parseConfigDocument, type ConfigDocument } from './object.ts'

const SECRET_A = '0123456789abcdef0123456789abcde1'
const SECRET_B = 'fedcba98765432100123456789abcdef'
const WORD_A = 'abcdefghijklmnopqrstuvwxyz'
const WORD_B = 'zyxwvutsrqponmlkjihgfedcba'
const PEM = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n'
const KEY = '-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n'
const GUID = '11111111-2222-3333-4444-555555555555'

const tenant = {
  acceptedDomains: ['contoso.com', 'smime.contoso.com'],
  fqdn: 'smime.contoso.com',
  route: '[contoso.mail.protection.outlook.com]:25',
  secretHeader: { name: 'X-Contoso-Siegel', outbound: [SECRET_A], inbound: [SECRET_B] },
  processedHeader: { outbound: [WORD_A], inbound: [WORD_B] },
}

function document(kind: string, spec: unknown, extra: object = {}): Record<string, unknown> {
  const scope = isKind(kind) && KINDS[kind].scope === 'tenant' ? { tenant: 'contoso' } : {}
  return {
    apiVersion: 'siegel/v1',
    kind,
    ...scope,
    name: kind === 'Map' ? 'tls-policy' : 'contoso',
    spec,
    ...extra,
  }
}

function accepted(value: unknown): ConfigDocument {
  const parsed = parseConfigDocument(value)
  assert.ok(parsed.ok, JSON.stringify(parsed))
  return parsed.document
}

function faults(value: unknown): string[] {
  const parsed = parseConfigDocument(value)
  assert.ok(!parsed.ok, 'was accepted')
  return parsed.problems.map((problem) => `${problem.code} ${problem.path.join('.')}: ${problem.message}`)
}

test('every kind accepts a typical document', () => {
  const documents = [
    document('Tenant', tenant),
    document('Tenant', {
      microsoftTenantId: GUID,
      acceptedDomains: ['contoso.com'],
      fqdn: 'smime.contoso.com',
      preset: 'as-documented',
      route: '[127.0.0.1]:2525',
    }),
    document('ServerCertificate', { chain: PEM, key: KEY }),
    document('TlsAnchor', { certificate: PEM }),
    document('AcmeIssuer', {
      directory: 'https://acme.example/dir',
      termsOfServiceAgreed: true,
      contact: ['hostmaster@contoso.com'],
      externalAccount: { keyId: 'kid', hmacKey: 'env:ACME_HMAC' },
    }),
    document('AddressRange', { cidrs: ['40.92.0.0/15', '2a01:111:f400::/48', '127.0.0.1', '::1'] }),
    document('Map', { text: '[a.mail.protection.outlook.com]:25 verify\n' }),
    document('Credential', { pkcs12: 'file:alice.p12', password: 'env:ALICE' }),
    document('Credential', { certificate: PEM, chain: PEM, key: KEY, sign: false }),
    document('PartnerCertificate', { certificate: 'MIIBAAAA', addresses: ['Bob@Partner.Example'] }),
    document('MailAnchor', { certificate: 'file:ca.pem' }),
    document('TrustSettings', { revocation: 'hard', distrust: [{ issuer: 'CN=Lost' }] }),
    document('CertificateDirectory', { type: 'smimea' }),
    document('Directory', { maxAgeHours: 48 }),
    { ...document('TreatmentDefaults', { encrypt: 'if-possible' }), name: 'default' },
    document('TreatmentSettings', { partner: '*.Fabrikam.com', encrypt: 'always', holdHours: 48 }),
    document('Rule', { order: 10, when: { subject: ['[secure]'] }, then: { encrypt: 'always' } }),
  ]
  const kinds = new Set(documents.map((one) => accepted(one).kind))
  assert.deepEqual([...kinds].sort(), Object.keys(KINDS).sort())
})

test('defaults are filled in and names are brought into their kept form', () => {
  const parsed = accepted(
    document('Tenant', {
      ...tenant,
      acceptedDomains: ['Contoso.COM.', 'Müller.example'],
      fqdn: 'SMIME.Contoso.com',
      microsoftTenantId: GUID.toUpperCase().replace('1111', 'ABCD'),
      postmaster: 'Post.Master@Contoso.com',
    }),
  )
  assert.equal(parsed.kind, 'Tenant')
  assert.deepEqual(parsed.spec, {
    ...tenant,
    microsoftTenantId: GUID.replace('1111', 'abcd'),
    acceptedDomains: ['contoso.com', 'xn--mller-kva.example'],
    preset: 'recommended',
    processedHeader: { name: 'X-Siegel-Processed', outbound: [WORD_A], inbound: [WORD_B] },
    outboundDelivery: 'office365',
    removeOwnDkim: true,
    dkimSigning: [],
    harvest: 'trusted',
    postmaster: 'post.master@contoso.com',
  })
})

test('a checked document is unchanged when it is checked again', () => {
  const once = accepted(document('Tenant', { ...tenant, acceptedDomains: ['BÜCHER.example'] }))
  assert.deepEqual(accepted(once), once)
})

test('faults are told with code, place and reason', async (t) => {
  const spec = (change: object) => document('Tenant', { ...tenant, ...change })
  const secret = (change: object) => spec({ secretHeader: { ...tenant.secretHeader, ...change } })
  const cases: [string, unknown, RegExp][] = [
    ['no object', 'text', /^invalid-value : must be an object$/],
    ['unknown kind', document('Tenent', {}), /^unknown-kind kind: must be one of Tenant, /],
    ['kind missing', { apiVersion: 'siegel/v1', name: 'x', spec: {} }, /^unknown-kind kind: /],
    ['wrong version', document('Tenant', tenant, { apiVersion: 'siegel/v2' }), /^invalid-value apiVersion: must be siegel\/v1$/],
    ['tenant on an object of the installation', document('Map', { text: '' }, { tenant: 'a' }), /^unknown-field tenant: /],
    ['tenant missing', { ...document('MailAnchor', { certificate: PEM }), tenant: undefined }, /^missing-field tenant: /],
    ['tenant name', document('Tenant', tenant, { name: 'Contoso GmbH' }), /^invalid-value name: must be 1 to 63/],
    ['object name', document('TlsAnchor', { certificate: PEM }, { name: '../x' }), /^invalid-value name: must be 1 to 200/],
    ['map name', document('Map', { text: '' }, { name: 'tls_policy' }), /^invalid-value name: /],
    ['unknown field', spec({ acceptDomains: [] }), /^unknown-field spec\.acceptDomains: is not a known field$/],
    ['unknown field below', secret({ value: 'x' }), /^unknown-field spec\.secretHeader\.value: /],
    ['wrong type', spec({ removeOwnDkim: 'yes' }), /^invalid-value spec\.removeOwnDkim: must be a boolean$/],
    ['missing route', spec({ route: undefined }), /^missing-field spec\.route: is required$/],
    ['fqdn of one label', spec({ fqdn: 'localhost' }), /^invalid-value spec\.fqdn: must be a full host name/],
    ['fqdn that is an address', spec({ fqdn: '10.0.0.1' }), /^invalid-value spec\.fqdn: /],
    ['domain with a slash', spec({ acceptedDomains: ['a.b/c'] }), /^invalid-value spec\.acceptedDomains\.0: must be a domain/],
    ['domain twice', spec({ acceptedDomains: ['a.b', 'A.B'] }), /^invalid-value spec\.acceptedDomains: names a domain twice/],
    ['guid', spec({ microsoftTenantId: 'contoso' }), /^invalid-value spec\.microsoftTenantId: must be a GUID/],
    ['route without brackets closed', spec({ route: '[a.b:25' }), /^invalid-value spec\.route: must be a next hop/],
    ['route port', spec({ route: '[a.b]:70000' }), /^invalid-value spec\.route: /],
    ['weak secret', secret({ outbound: ['geheim'] }), /^invalid-value spec\.secretHeader\.outbound\.0: is too weak: at most 30 bits/],
    ['weak word', spec({ processedHeader: { outbound: ['wort'], inbound: [WORD_A] } }), /processedHeader\.outbound\.0: .*\(for example 26 random characters from a to z and 2 to 7\)/],
    ['uniform secret', secret({ outbound: ['a'.repeat(40)] }), /outbound\.0: is too weak: it does not look random/],
    ['periodic secret', secret({ outbound: ['0123456789abcdef'.repeat(2)] }), /outbound\.0: is too weak: it does not look random/],
    ['secret with a space', secret({ inbound: [`${SECRET_A} `] }), /inbound\.0: may hold only/],
    ['secret twice', secret({ inbound: [SECRET_A] }), /^invalid-value spec\.secretHeader: uses the same secret twice/],
    ['standard header', secret({ name: 'Received' }), /secretHeader\.name: must not be a field that others use/],
    ['Exchange header', secret({ name: 'X-MS-Exchange-Organization-X' }), /secretHeader\.name: must not be a field/],
    ['header with colon', secret({ name: 'X-A:' }), /secretHeader\.name: must be a header field name/],
    ['the two headers alike', secret({ name: 'x-siegel-processed' }), /secretHeader\.name: must differ/],
    ['secret header missing', spec({ secretHeader: undefined }), /^invalid-value spec\.secretHeader: is required with the preset recommended/],
    ['word missing', spec({ processedHeader: { outbound: [WORD_A] } }), /processedHeader\.inbound: needs a word/],
    ['word in upper case', spec({ processedHeader: { outbound: [WORD_A.toUpperCase()], inbound: [WORD_B] } }), /outbound\.0: must be one word in lower-case base32/],
    ['as-documented without id', document('Tenant', { acceptedDomains: ['a.b'], fqdn: 'a.b', route: 'a.b', preset: 'as-documented' }), /microsoftTenantId: is required with the preset as-documented/],
    ['cidr', document('AddressRange', { cidrs: ['10.0.0.0/33'] }), /cidrs\.0: the prefix length may be at most 32/],
    ['cidr host bits', document('AddressRange', { cidrs: ['10.0.0.1/8'] }), /cidrs\.0: has bits set behind the prefix/],
    ['cidr host bits, IPv6', document('AddressRange', { cidrs: ['2001:db8::1/32'] }), /cidrs\.0: has bits set behind the prefix/],
    ['cidr text', document('AddressRange', { cidrs: ['office365'] }), /cidrs\.0: must be an address range/],
    ['credential without anything', document('Credential', {}), /^invalid-value spec\.certificate: is required when there is no pkcs12$/],
    ['credential with both', document('Credential', { pkcs12: 'AAAA', key: KEY }), /spec\.key: must not stand beside pkcs12/],
    ['certificate that is text', document('TlsAnchor', { certificate: 'my certificate!' }), /spec\.certificate: must be a certificate as PEM/],
    ['sealed certificate', document('TlsAnchor', { certificate: 'sealed:AAAA' }), /spec\.certificate: is no secret/],
    ['env reference', document('Credential', { pkcs12: 'env:A-B' }), /spec\.pkcs12: is not the name of an environment variable/],
    ['empty reference', document('Credential', { pkcs12: 'file:' }), /spec\.pkcs12: nothing follows file:/],
    ['partner address', document('PartnerCertificate', { certificate: PEM, addresses: ['bob'] }), /addresses\.0: must be an e-mail address/],
  ] // prettier-ignore
  for (const [name, value, expected] of cases) await t.test(name, () => { assert.match(faults(value)[0] ?? '', expected) }) // prettier-ignore
})

test('all faults of a document are reported at once', () => {
  const found = faults(document('Tenant', { ...tenant, fqdn: 'x', route: '', extra: 1 }))
  assert.equal(found.length, 3)
})

test('no message quotes a secret', () => {
  const weak = 'hunter2-hunter2'
  const found = faults(
    document('Tenant', { ...tenant, secretHeader: { ...tenant.secretHeader, outbound: [weak, 5] } }),
  )
  assert.ok(found.length > 0)
  assert.ok(found.every((text) => !text.includes('hunter2')))
})

test('the marked fields of a spec are found, in lists too, even when the spec is not valid', () => {
  const spec = {
    secretHeader: { outbound: [SECRET_A, 7, SECRET_B], name: 'X-A' },
    clientCertificate: { chain: PEM, key: KEY },
    processedHeader: { inbound: [WORD_A] },
    unknown: { key: KEY },
  }
  const found = materialFields('Tenant', spec)
  assert.deepEqual(
    found.map((field) => [field.pointer, field.pattern, field.material]),
    [
      ['/secretHeader/outbound/0', '/secretHeader/outbound/*', 'secret'],
      ['/secretHeader/outbound/2', '/secretHeader/outbound/*', 'secret'],
      ['/clientCertificate/chain', '/clientCertificate/chain', 'certificate'],
      ['/clientCertificate/key', '/clientCertificate/key', 'private-key'],
      ['/processedHeader/inbound/0', '/processedHeader/inbound/*', 'processed-word'],
    ],
  )
  assert.deepEqual(
    materialFields('Credential', { pkcs12: 'a', password: 'b', key: 'c', chain: 'd', certificate: 'e' }).map(
      (field) => field.material,
    ),
    ['pkcs12', 'password', 'private-key', 'certificate', 'certificate'],
  )
})

test('every field of every kind has a description', () => {
  for (const kind of Object.keys(KINDS)) {
    const schema = parseSchema(kind)
    const walk = (node: SchemaNode, path: string): void => {
      for (const [name, child] of Object.entries(node.properties ?? {})) {
        assert.ok(
          child.description !== undefined && child.description !== '',
          `${path}.${name} has no description`,
        )
        walk(child, `${path}.${name}`)
      }
    }
    walk(schema, kind)
  }
})

interface SchemaNode {
  readonly description?: string
  readonly properties?: Readonly<Record<string, SchemaNode>>
}

function parseSchema(kind: string): SchemaNode {
  assert.ok(isKind(kind))
  return KINDS[kind].spec.toJSONSchema({ io: 'input' }) as SchemaNode
}

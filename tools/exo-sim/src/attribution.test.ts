// Attribution by table: whose certificate, which connector, which accepted domain, which sender, which tenant.
import assert from 'node:assert/strict'
import test from 'node:test'
import { attributeRecipient, attributeSender, REFUSALS } from './attribution.ts'
import type { Peer } from './attribution.ts'
import type { InboundConnector, TenantConfig } from './config.ts'
import { Tenant } from './tenant.ts'

function tenant(
  id: string,
  domains: TenantConfig['acceptedDomains'],
  ...connectors: Partial<InboundConnector>[]
): Tenant {
  const inboundConnectors = connectors.map((one, i) => ({
    name: `c${i}`,
    connectorType: 'OnPremises' as const,
    ...one,
  }))
  return new Tenant({ id, moera: `${id}.onmicrosoft.com`, acceptedDomains: domains, inboundConnectors })
}

function peer(...names: string[]): Peer {
  return { address: '192.0.2.9', names, certified: names.length > 0, trusted: names.length > 0 }
}

/** Tenant and connector, or `-`. */
function who(tenants: Tenant[], from: Peer, sender = ''): string {
  const found = attributeSender(tenants, from, sender)
  return found ? `${found.tenant.config.id}/${found.connector?.name ?? ''}` : '-'
}

test('the certificate name must satisfy the connector, the connector name an accepted domain', () => {
  const cases: [string, string[], string, string][] = [
    ['gw.contoso.com', ['contoso.com', 'gw.contoso.com'], 'gw.contoso.com', 'a/c0'],
    ['gw.contoso.com', ['contoso.com'], 'gw.contoso.com', '-'],
    ['gw.contoso.com', ['gw.contoso.com'], 'other.contoso.com', '-'],
    ['gw.contoso.com', ['gw.contoso.com'], '*.contoso.com', 'a/c0'],
    ['*.contoso.com', ['contoso.com'], 'exchange.contoso.com', 'a/c0'],
    ['*.contoso.com', ['jpn.contoso.com'], 'exchange.contoso.com', 'a/c0'],
    ['*.contoso.com', ['contoso.com'], 'host.sub.contoso.com', '-'],
    ['*.contoso.com', ['sub.contoso.com'], 'host.sub.contoso.com', 'a/c0'],
    ['*.sub.contoso.com', ['contoso.com'], 'host.sub.contoso.com', '-'],
    ['*.contoso.com', ['contoso.com'], 'evilcontoso.com', '-'],
    ['GW.Contoso.com', ['gw.contoso.COM'], 'gw.contoso.com', 'a/c0'],
  ]
  for (const [connector, domains, certificate, expected] of cases) {
    const tenants = [tenant('a', domains, { tlsSenderCertificateName: connector })]
    assert.equal(who(tenants, peer(certificate)), expected, `${connector} ${domains.join()} ${certificate}`)
  }
})

test('an accepted domain that matches subdomains backs a deeper connector name', () => {
  const tenants = [
    tenant('a', [{ name: 'contoso.com', matchSubDomains: true }], {
      tlsSenderCertificateName: 'gw.contoso.com',
    }),
  ]
  assert.equal(who(tenants, peer('gw.contoso.com')), 'a/c0')
})

test('an untrusted certificate attributes nothing, however it is named', () => {
  const tenants = [tenant('a', ['gw.contoso.com'], { tlsSenderCertificateName: 'gw.contoso.com' })]
  assert.equal(who(tenants, { ...peer('gw.contoso.com'), trusted: false }), '-')
})

test('the most exact connector wins over all tenants, regardless of the sender', () => {
  const tenants = [
    tenant('a', ['contoso.com'], { tlsSenderCertificateName: '*.contoso.com' }),
    tenant('b', ['gw.contoso.com'], { tlsSenderCertificateName: 'gw.contoso.com' }),
  ]
  assert.equal(who(tenants, peer('gw.contoso.com'), 'x@contoso.com'), 'b/c0')
  assert.equal(who(tenants, peer('mx.contoso.com')), 'a/c0')
})

test('a certificate that two tenants share is told apart by MAIL FROM only', () => {
  const shared = { tlsSenderCertificateName: 'gw.provider.example' }
  const tenants = [
    tenant('a', ['a.example', { name: 'gw.provider.example' }], shared),
    tenant('b', ['b.example', { name: 'gw.provider.example' }], shared),
  ]
  assert.equal(who(tenants, peer('gw.provider.example'), 'x@b.example'), 'b/c0')
  assert.equal(who(tenants, peer('gw.provider.example'), ''), '-')
})

test('by address, MAIL FROM must be in an accepted domain; partner connectors attribute nothing', () => {
  const tenants = [
    tenant('a', ['a.example'], { senderIPAddresses: ['192.0.2.0/28'] }),
    tenant('b', ['b.example'], { senderIPAddresses: ['192.0.2.0/24'], connectorType: 'Partner' }),
  ]
  assert.equal(who(tenants, peer(), 'x@a.example'), 'a/c0')
  assert.equal(who(tenants, peer(), 'x@b.example'), '-')
  assert.equal(who(tenants, peer(), ''), '-')
  assert.equal(who(tenants, { ...peer(), address: '192.0.2.99' }, 'x@a.example'), '-')
})

test('what the sender gives nothing for is Incoming by recipient, or refused', () => {
  const tenants = [
    tenant('a', ['a.example'], { senderIPAddresses: ['192.0.2.9'] }),
    tenant('b', ['b.example']),
  ]
  const stranger = { ...peer(), address: '198.51.100.1' }
  const incoming = attributeRecipient(tenants, stranger, 'x@y.example', 'ann@A.example', undefined)
  assert.ok(
    'tenant' in incoming && incoming.tenant.config.id === 'a' && incoming.directionality === 'Incoming',
  )
  const refusal = (from: Peer, sender: string, recipient: string): string => {
    const result = attributeRecipient(tenants, from, sender, recipient, incoming)
    return 'refusal' in result ? result.refusal : 'taken'
  }
  assert.equal(refusal(stranger, 'x@y.example', 'ann@b.example'), REFUSALS.attr38)
  assert.equal(refusal(stranger, 'x@y.example', 'ann@elsewhere.example'), REFUSALS.notHosted)
  assert.equal(refusal(stranger, 'x@b.example', 'ann@elsewhere.example'), REFUSALS.relay)
  assert.equal(refusal(peer(), 'x@y.example', 'ann@elsewhere.example'), REFUSALS.attr36)
  assert.equal(refusal(stranger, 'x@y.example', 'eve@a.example'), 'taken')
})

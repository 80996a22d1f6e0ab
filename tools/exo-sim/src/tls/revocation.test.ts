// Revocation lists: OpenSSL, inside Node's TLS, judges the lists that are made here; the simulator has to agree.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import test from 'node:test'
import { connect, createServer } from 'node:tls'
import { issue, makeAuthority } from '../certificates.ts'
import type { IssuedCertificate, KeyType } from '../certificates.ts'
import { makeRevocationList } from '../revocation-list.ts'
import { CONTOSO, contoso, root, startScene } from '../testing/scene.ts'
import { isRevoked, readRevocationLists } from './revocation.ts'

/** What OpenSSL says of a server with this certificate under this list. */
async function openssl(certificate: IssuedCertificate, ca: string, crl: string): Promise<string> {
  const server = createServer({ cert: certificate.cert, key: certificate.key }, (socket) => socket.end())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  // A TCP listener has no other kind of address.
  const { port } = server.address() as AddressInfo
  const socket = connect({
    port,
    host: '127.0.0.1',
    servername: 'gw.contoso.com',
    ca,
    crl,
    rejectUnauthorized: false,
  })
  await once(socket, 'secureConnect')
  const verdict = socket.authorized ? 'good' : String(socket.authorizationError)
  socket.destroy()
  server.close()
  return verdict
}

for (const keyType of ['rsa2048', 'p256', 'p384', 'ed25519'] satisfies KeyType[]) {
  test(`a list signed with ${keyType} says what OpenSSL reads in it`, async () => {
    const authority = makeAuthority({ commonName: 'Listing Root', keyType })
    const [bad, good, other] = [1, 2, 3].map(() => issue(authority, { commonName: 'gw.contoso.com' }))
    assert.ok(bad && good && other)
    const crl = makeRevocationList(authority, { revoked: [bad, other] })
    const lists = readRevocationLists([crl])
    for (const one of [bad, good, other]) {
      const expected = (await openssl(one, authority.root, crl)) === 'CERT_REVOKED'
      assert.equal(isRevoked(one.x509, authority.x509, lists, new Date()), expected)
      assert.equal(expected, one !== good)
    }
    const der = Buffer.from(crl.replace(/-----[^-]+-----/g, ''), 'base64')
    assert.ok(isRevoked(bad.x509, authority.x509, readRevocationLists([der]), new Date()))
  })
}

test('a list that is stale, empty, foreign or forged says nothing', () => {
  const authority = makeAuthority({ commonName: 'Same Name' })
  const namesake = makeAuthority({ commonName: 'Same Name' })
  const bad = issue(authority, { commonName: 'gw.contoso.com' })
  const says = (crl: string): boolean =>
    isRevoked(bad.x509, authority.x509, readRevocationLists([crl]), new Date())
  assert.ok(says(makeRevocationList(authority, { revoked: [bad] })))
  assert.ok(!says(makeRevocationList(authority, { revoked: [] })))
  assert.ok(!says(makeRevocationList(authority, { revoked: [bad], nextUpdate: new Date(Date.now() - 1000) })))
  assert.ok(!says(makeRevocationList(namesake, { revoked: [bad] })))
  assert.ok(!says(makeRevocationList(makeAuthority({ commonName: 'Else' }), { revoked: [bad] })))
  assert.throws(() => readRevocationLists(['nonsense']))
})

test('a smart host whose certificate is revoked is not reached, unless only encryption is asked for', async () => {
  const revoked = issue(root, { commonName: 'gw.contoso.com' })
  const crls = [makeRevocationList(root, { revoked: [revoked] })]
  const rules = [{ name: 'Out', routeMessageOutboundConnector: 'To gateway' }]
  await using scene = await startScene({ crls, tenants: [contoso({ rules })] }, { server: revoked })
  const { exchange, gateway } = scene
  exchange.submit({ tenant: CONTOSO, from: 'ann@contoso.com', to: 'bob@partner.example', headers: { From: 'ann@contoso.com' }, body: '' }) // prettier-ignore
  const event = await exchange.waitFor(({ type }) => type === 'deferred')
  assert.match(event.type === 'deferred' ? event.reason : '', /^450 4\.4\.317 .*\[Message=Revoked\]/)
  assert.equal(gateway.received().length, 0)
  await exchange.powershell(
    CONTOSO,
    "Set-OutboundConnector 'To gateway' -TlsSettings EncryptionOnly -TlsDomain $null",
  )
  exchange.retryNow()
  await gateway.waitFor(() => true)
})
